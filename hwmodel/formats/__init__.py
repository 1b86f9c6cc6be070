"""Number formats: which value each code stands for, and how values are rounded to them.

May import ``errors`` and ``store`` only; everything else may import it. `scalar` holds the
definition, `vector` the quick NumPy routes that are compared with it, `names` the grammar of short
names, `table` what a format looks like written out.
"""

from hwmodel.formats.base import Format, Overflow, Rounding, Specials
from hwmodel.formats.floating import FloatFormat
from hwmodel.formats.integer import IntFormat
from hwmodel.formats.names import KNOWN_NAMES, parse_format

__all__ = [
    "KNOWN_NAMES",
    "FloatFormat",
    "Format",
    "IntFormat",
    "Overflow",
    "Rounding",
    "Specials",
    "parse_format",
]
