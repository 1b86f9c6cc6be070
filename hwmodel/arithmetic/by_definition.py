"""Sums by the definition itself, element by element, for units whose products leave float64.

Also which units those are: products of formats with very large exponents are beyond the largest
float64, and stochastic rounding may look at more bits than it has.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.arithmetic.combined import dot_scalar
from hwmodel.arithmetic.scalar import step_scalar
from hwmodel.formats import FloatFormat, Format
from hwmodel.formats.base import code_dtype
from hwmodel.units import UnitSpec

__all__ = [
    *("SPARE", "defined_product", "defined_streams", "has_usual_grid", "products_fit"),
    "sums_fit",
]

_PRECISION = 53
# Bits that rounding to odd wants beyond the accumulator's.
SPARE = 2


def products_fit(spec: UnitSpec) -> bool:
    """Whether every product of finite operands is the sum of two float64."""
    lowest = spec.a.lsb_exponent + spec.b.lsb_exponent
    return lowest >= -1022 and _exponent(spec.a) + _exponent(spec.b) <= 1022


def sums_fit(spec: UnitSpec, fmt: FloatFormat, random_bits: int) -> bool:
    """Whether sums that are rounded to odd in float64 tell how they round to the format.

    Stochastic rounding looks at `random_bits` bits below the format's last place.
    """
    if fmt.is_wide or not products_fit(spec):
        return False
    return fmt.mantissa_bits + 1 + max(SPARE, random_bits + 1) <= _PRECISION


def has_usual_grid(fmt: FloatFormat) -> bool:
    """Whether float adders round to the format: even codes are even numbers of last places.

    Not so without mantissa (the code's parity is the exponent's) or subnormals; codes of a format
    without sign end otherwise.
    """
    return fmt.signed and fmt.subnormals and fmt.mantissa_bits > 0


def defined_streams(
    spec: UnitSpec,
    a: npt.NDArray[Any],
    b: npt.NDArray[Any],
    valid: npt.NDArray[np.bool_],
    clear: npt.NDArray[np.bool_],
    random: npt.NDArray[np.int64],
    random_bits: int,
) -> npt.NDArray[Any]:
    """Codes after every step of streams (rows), in a plain accumulator."""
    codes = np.zeros(a.shape, code_dtype(spec.accumulator_bits))
    for stream in np.ndindex(*a.shape[:-1]):
        code = 0
        for t in range(a.shape[-1]):
            step = (*stream, t)
            code = step_scalar(
                *(spec, code, int(a[step]), int(b[step])),
                valid=bool(valid[step]),
                clear=bool(clear[step]),
                random=int(random[step]),
                random_bits=random_bits,
            )
            codes[step] = code
    return codes


def defined_product(spec: UnitSpec, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Matrix product of the codes x, shape (M, K), and y, (K, N)."""
    codes = np.zeros((x.shape[0], y.shape[1]), code_dtype(spec.accumulator_bits))
    rows, columns = x.tolist(), y.T.tolist()
    for i, j in np.ndindex(*codes.shape):
        codes[i, j] = dot_scalar(spec, rows[i], columns[j])
    return codes


def _exponent(fmt: Format) -> int:
    """Exponent above every magnitude."""
    return fmt.max_exponent + 1 if isinstance(fmt, FloatFormat) else fmt.bits
