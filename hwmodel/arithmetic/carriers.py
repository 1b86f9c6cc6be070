"""Which float type can carry the sums of an accumulator, so that only one rounding shows.

A sum is formed in float32 or float64 and then rounded to the accumulator. The first rounding does
no harm if (1) every sum is exact in the carrier, or (2) products have no more significand bits than
the accumulator's p, and the carrier has 2p + 2 or more: Figueroa, "When is double rounding
innocuous?" (ACM SIGNUM Newsletter 30(3), 1995). Where neither holds sums are rounded to odd in
`steps`, which takes longer.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hwmodel.formats import FloatFormat, IntFormat, Overflow, Rounding
from hwmodel.units import FloatAccumulator, UnitSpec

if TYPE_CHECKING:
    from hwmodel.arithmetic.sums import Constants

__all__ = ["Carrier", "carrier_for"]


@dataclass(frozen=True)
class Carrier:
    """A float type, and what compiled code needs to round in it.

    Attributes
    ----------
    dtype : dtype
        float32 or float64.
    constants : Constants
        See `hwmodel.arithmetic.sums.Constants`.
    """

    dtype: np.dtype[Any]
    constants: "Constants"


@dataclass(frozen=True)
class _Kind:
    dtype: type[np.floating[Any]]
    integer: type[np.signedinteger[Any]]
    precision: int
    bias: int


_KINDS = (_Kind(np.float32, np.int32, 24, 127), _Kind(np.float64, np.int64, 53, 1023))


def carrier_for(spec: UnitSpec) -> Carrier | None:
    """The narrower type that can carry the unit's sums, or None."""
    if spec.rounding is not Rounding.NEAREST_EVEN:
        return None
    for kind in _KINDS:
        if _can_carry(spec, kind):
            return Carrier(np.dtype(kind.dtype), _constants(spec, kind))
    return None


def _precision(fmt: FloatFormat | IntFormat) -> int:
    return fmt.mantissa_bits + 1 if isinstance(fmt, FloatFormat) else fmt.bits


def _top(value: float) -> int:
    """Exponent above every magnitude up to `value`."""
    return int(np.frexp(value)[1])


def _can_carry(spec: UnitSpec, kind: _Kind) -> bool:
    assert isinstance(spec.accumulator, FloatAccumulator)
    assert isinstance(spec.a, FloatFormat | IntFormat)
    assert isinstance(spec.b, FloatFormat | IntFormat)
    fmt = spec.accumulator.format
    product = _precision(spec.a) + _precision(spec.b)
    lowest_product = spec.a.lsb_exponent + spec.b.lsb_exponent
    largest = max(abs(spec.a.max_value), abs(spec.a.min_value)) * max(
        abs(spec.b.max_value), abs(spec.b.min_value)
    )
    top = max(_top(fmt.max_value), _top(largest)) + 1
    lowest = min(lowest_product, fmt.lsb_exponent)
    # The type's own range: products and sums are multiples of its last place, with room above for
    # the added number.
    if product > kind.precision or lowest < 2 - kind.bias - kind.precision:
        return False
    if top + kind.precision > kind.bias and not _is_carrier_itself(fmt, kind):
        return False
    if _is_carrier_itself(fmt, kind):
        return spec.overflow is Overflow.NONFINITE
    if fmt.min_exponent <= 1 - kind.bias or fmt.mantissa_bits >= kind.precision - 2:
        return False
    exact = top - lowest <= kind.precision
    harmless = product <= fmt.mantissa_bits + 1 and kind.precision >= 2 * fmt.mantissa_bits + 4
    return exact or harmless


def _is_carrier_itself(fmt: FloatFormat, kind: _Kind) -> bool:
    """Whether the accumulator is the type (FP32), whose adder then is the unit's."""
    return (
        fmt.mantissa_bits == kind.precision - 1
        and fmt.min_exponent == 1 - kind.bias
        and fmt.has_infinity
        and fmt.max_exponent == kind.bias
    )


def _constants(spec: UnitSpec, kind: _Kind) -> "Constants":
    from hwmodel.arithmetic.sums import Constants

    assert isinstance(spec.accumulator, FloatAccumulator)
    fmt = spec.accumulator.format
    stored = kind.precision - 1
    exact = _is_carrier_itself(fmt, kind)
    limit = kind.dtype(fmt.max_value)
    if spec.overflow is Overflow.SATURATE:
        beyond = limit
    else:
        beyond = kind.dtype(np.inf if fmt.has_infinity else np.nan)
    product_lsb = spec.a.lsb_exponent + spec.b.lsb_exponent
    return Constants(
        native=exact,
        # A sum that rounds to zero keeps its sign; sums of multiples of the last place do not
        # round to zero.
        keep_sign=product_lsb < fmt.lsb_exponent,
        field=kind.integer((2 * kind.bias + 1) << stored),
        lowest=kind.integer(0 if exact else (fmt.min_exponent + kind.bias) << stored),
        lift=kind.integer(
            0 if exact else ((stored - fmt.mantissa_bits) << stored) | 1 << (stored - 1)
        ),
        limit=limit,
        beyond=beyond,
    )
