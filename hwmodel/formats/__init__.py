"""Number formats: which value each code stands for, and how values are rounded to them.

May import what lies below all rooms only; everything else may import it. `rounding` holds the
rules and `scalar` the definition of a code; `vector` sends arrays through compiled code (`kernels`
for everything, `quick` and `integers` for the common case) that is compared with it; `wide` has the
formats whose values leave float64; `names` is the grammar of short names, `table` what a
format looks like written out.
"""

from hwmodel.formats.base import Format, Specials
from hwmodel.formats.floating import FloatFormat
from hwmodel.formats.integer import IntFormat
from hwmodel.formats.names import KNOWN_NAMES, ml_dtypes_name, parse_format
from hwmodel.formats.power import PowerFormat
from hwmodel.formats.rounding import Overflow, Rounding
from hwmodel.formats.scaled import ScaledFormat

__all__ = [
    "KNOWN_NAMES",
    "FloatFormat",
    "Format",
    "IntFormat",
    "Overflow",
    "PowerFormat",
    "Rounding",
    "ScaledFormat",
    "Specials",
    "ml_dtypes_name",
    "parse_format",
]
