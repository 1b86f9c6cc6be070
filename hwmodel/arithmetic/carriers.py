"""Which float type can carry the sums of an accumulator, so that only one rounding shows.

A sum is formed in float32 or float64 and then rounded to the accumulator. The first rounding does
no harm if products have no more significand bits than the accumulator's p, and the carrier has
2p + 2 or more: Figueroa, "When is double rounding innocuous?" (ACM SIGNUM Newsletter 30(3), 1995);
else for sums up to some size (`_sure_exponent`). Rows that meet a larger one go to the next
carrier, and at last to `steps`, which rounds to odd and takes longer. Where float32 is sure of
nothing it may still do by patterns (`tied_sums`), which settle the few sums in doubt; those of
float64 take what is left, and all other roundings than to nearest even, but for FP32's
(`error_sums`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hwmodel.arithmetic.by_definition import has_usual_grid
from hwmodel.arithmetic.float_kinds import (
    KINDS,
    Kind,
    all_operands,
    bounds,
    holds,
    precision_of,
    reach,
    shifts,
    split_scale,
    top_of,
)
from hwmodel.arithmetic.spans import Operands
from hwmodel.formats import FloatFormat, IntFormat, Overflow, Rounding
from hwmodel.units import FloatAccumulator, UnitSpec

if TYPE_CHECKING:
    from hwmodel.arithmetic.error_sums import Errors
    from hwmodel.arithmetic.sums import Constants
    from hwmodel.arithmetic.tied_sums import Patterns
    from hwmodel.arithmetic.uneven_sums import Grid

__all__ = ["Carrier", "carriers_for", "is_float32", "is_within_float32"]


@dataclass(frozen=True)
class Carrier:
    """A float type, and what compiled code needs to round in it.

    Attributes
    ----------
    dtype : dtype
        float32 or float64.
    constants : Constants, Patterns, Errors or Grid
        See `hwmodel.arithmetic.sums.Constants`, `hwmodel.arithmetic.tied_sums.Patterns`,
        `hwmodel.arithmetic.error_sums.Errors`, `hwmodel.arithmetic.uneven_sums.Grid`.
    scales : tuple of int
        Powers of two that the operands' values are multiplied with; the sums are by both.
    """

    dtype: np.dtype[Any]
    constants: "Constants | Patterns | Errors | Grid"
    scales: tuple[int, int] = (0, 0)


# Bits beyond those of a product that a type has to have before its sums may be exact: fewer, and no
# more than a few products of like size are, however the factors are.
_ROOM = 8
# How much larger than a product, in powers of two, sums are thought to become.
_SPREAD = 12


def carriers_for(spec: UnitSpec, operands: Operands | None = None) -> list[Carrier]:
    """Types that can carry the unit's sums, the narrower first; it may not do for all rows.

    Operands at hand lie between the exponents `operands`, if they are known.
    """
    operands = operands or all_operands(spec)
    single, double = KINDS
    if spec.rounding is not Rounding.NEAREST_EVEN:
        return _by_errors(spec, operands, single) + _other_roundings(spec, operands)
    carriers = []
    for kind in KINDS:
        constants = _constants(spec, kind)
        sure = constants is not None and (constants.native or constants.bounded)
        if kind is single and not sure and (constants is None or _is_fine(spec, kind)):
            carriers += _by_patterns(spec, operands, kind)
        if constants is not None:
            carriers.append(Carrier(np.dtype(kind.dtype), constants))
        if sure:
            return carriers
    wide = _by_patterns(spec, operands, double)
    return carriers + wide + _by_patterns(spec, operands, double, bounded=True)


def _other_roundings(spec: UnitSpec, operands: Operands) -> list[Carrier]:
    """Types by patterns: float32 first, unless all sums are exact in float64."""
    from hwmodel.arithmetic.tied_sums import Patterns

    single, double = KINDS
    found = _by_patterns(spec, operands, double)
    if not any(isinstance(c.constants, Patterns) and c.constants.exact for c in found):
        found = _by_patterns(spec, operands, single) + found
    return found + _by_patterns(spec, operands, double, bounded=True)


def _by_errors(spec: UnitSpec, operands: Operands, kind: Kind) -> list[Carrier]:
    """The type where it is the accumulator, and holds every product."""
    from hwmodel.arithmetic.error_sums import ROUNDINGS, Errors

    assert isinstance(spec.accumulator, FloatAccumulator)
    assert isinstance(spec.a, FloatFormat | IntFormat)
    assert isinstance(spec.b, FloatFormat | IntFormat)
    low, high = operands.products
    if (
        spec.rounding not in ROUNDINGS
        or not _is_carrier_itself(spec.accumulator.format, kind)
        or not (holds(kind, spec.a) and holds(kind, spec.b))
        or precision_of(spec.a) + precision_of(spec.b) > kind.precision
        or low < 2 - kind.bias - kind.precision
        or high > kind.bias
    ):
        return []
    return [Carrier(np.dtype(kind.dtype), Errors(spec.rounding))]


def _is_fine(spec: UnitSpec, kind: Kind) -> bool:
    """Whether products leave the type little room: hardly a sum is exact, or halfway."""
    assert isinstance(spec.a, FloatFormat | IntFormat)
    assert isinstance(spec.b, FloatFormat | IntFormat)
    return kind.precision < precision_of(spec.a) + precision_of(spec.b) + _ROOM


def _by_patterns(
    spec: UnitSpec, operands: Operands, kind: Kind, bounded: bool = False
) -> list[Carrier]:
    """The type scaled so that the accumulator's subnormals are its own, where its range does.

    If `bounded`, sums that overflow are settled, else rows that have one are given up.
    """
    assert isinstance(spec.accumulator, FloatAccumulator)
    assert isinstance(spec.a, FloatFormat | IntFormat)
    assert isinstance(spec.b, FloatFormat | IntFormat)
    fmt = spec.accumulator.format
    products = precision_of(spec.a) + precision_of(spec.b)
    bottom = 1 - kind.bias  # exponent of the type's smallest normal number
    scale = bottom - fmt.min_exponent
    if (
        spec.rounding is Rounding.STOCHASTIC
        or not has_usual_grid(fmt)
        or not 0 < fmt.mantissa_bits < kind.precision - 2
        or fmt.max_exponent + scale > kind.bias
        or (bounded and fmt.max_exponent >= kind.bias - 1)
        # What a rounded sum leaves is found from a product that the type holds.
        or products > kind.precision
    ):
        return []
    scales = split_scale(kind, operands, scale)
    if scales is None:
        return []
    # Raised by `up`, products have no bits that the type cannot hold, if there is room above.
    last = bottom - kind.precision + 1
    lowest = operands.products.low + scale
    most = grid = fmt.max_exponent + scale
    if bounded:  # exponent of a sum with one more product
        most = max(most + 1, operands.products.high + scale) + 1
        if most > kind.bias:
            return []
        grid -= fmt.mantissa_bits  # last place of what large sums become
    room = min(kind.bias - 1 - most, shifts(kind, operands.a)[1] - scales[0])
    up = min(max(last - lowest, 0), max(room, 0), kind.bias)
    large = fmt.max_exponent + scale
    exact = False
    # To nearest even, ties have to be looked at, exact or not.
    if spec.rounding is not Rounding.NEAREST_EVEN and min(lowest, grid) >= last:
        # All sums are multiples of the products' last place: exact up to this exponent.
        sure = min(lowest, grid) + kind.precision
        exact = sure >= min(most, reach(spec, operands) + scale)
        if not (exact or bounded) and sure > operands.products.high + scale + _SPREAD:
            exact, large = True, min(large, sure)  # rows with larger sums are given up
    if spec.rounding is Rounding.NEAREST_AWAY and _is_far_from_midpoints(fmt, kind, products):
        # Sums no larger than their product are exact.
        exact |= operands.products.high + 2 - fmt.lsb_exponent <= kind.precision
    from hwmodel.arithmetic.tied_sums import Patterns

    stored = kind.precision - 1 - fmt.mantissa_bits
    # Downward, the sums' negatives are rounded up.
    upward = Rounding.UP if spec.rounding is Rounding.DOWN else spec.rounding
    patterns = Patterns(
        half=1 << (stored - 1),
        step=1 << stored,
        up=kind.dtype(2.0**up),
        large=2.0**large,
        sure=lowest + up >= last,
        finest=last - up + products,
        rounding=spec.rounding,
        exact=exact,
        bounds=bounds(spec, fmt, upward, scale) if bounded else None,
    )
    return [Carrier(np.dtype(kind.dtype), patterns, scales)]


def _is_carrier_itself(fmt: FloatFormat, kind: Kind) -> bool:
    """Whether the accumulator is the type (FP32), whose adder then is the unit's."""
    return (
        fmt.mantissa_bits == kind.precision - 1
        and fmt.min_exponent == 1 - kind.bias
        and fmt.has_infinity
        and fmt.max_exponent == kind.bias
    )


def is_float32(fmt: FloatFormat) -> bool:
    """Whether the format's sums, rounded to nearest, are those of float32."""
    return _is_carrier_itself(fmt, KINDS[0])


def is_within_float32(fmt: FloatFormat) -> bool:
    """Whether float32 holds every value of the format."""
    return not fmt.is_wide and holds(KINDS[0], fmt)


def _constants(spec: UnitSpec, kind: Kind) -> "Constants | None":
    """Constants of the sums in the type, or None where it cannot carry them.

    Up to a sum's exponent they are sure; rows that meet a larger one are done again with care.
    """
    assert isinstance(spec.accumulator, FloatAccumulator)
    assert isinstance(spec.a, FloatFormat | IntFormat)
    assert isinstance(spec.b, FloatFormat | IntFormat)
    fmt = spec.accumulator.format
    if not (holds(kind, spec.a) and holds(kind, spec.b)):
        return None
    if _is_carrier_itself(fmt, kind):  # one instruction rounds product and sum as the unit does
        return _numbers(spec, kind) if spec.overflow is Overflow.NONFINITE else None
    product = precision_of(spec.a) + precision_of(spec.b)
    # All sums are multiples of the products' last place: rounding only makes it coarser.
    lowest = spec.a.lsb_exponent + spec.b.lsb_exponent
    if lowest < 2 - kind.bias - kind.precision:
        return None
    if fmt.min_exponent < 1 - kind.bias or fmt.mantissa_bits >= kind.precision - 2:
        return None
    most = min(kind.bias - kind.precision, fmt.max_exponent)
    top = max(top_of(fmt.max_value), all_operands(spec).products.high) + 1
    sure = _sure_exponent(fmt, kind, product, lowest)
    # The added power of two is to stay within the type.
    bounded = sure > fmt.max_exponent and top + kind.precision <= kind.bias
    # A sum that was rounded, though smaller than its product, is found (`quick_sums`).
    checked = most if _is_far_from_midpoints(fmt, kind, product) else None
    if sure <= fmt.min_exponent and checked is None and _is_fine(spec, kind):
        return None
    if not fmt.signed:  # every sum below zero overflows: none is added without a look
        return _numbers(spec, kind, bounded=True) if bounded else None
    return _numbers(spec, kind, most, min(sure, most), checked, bounded)


def _is_far_from_midpoints(fmt: FloatFormat, kind: Kind, product: int) -> bool:
    """Whether one rounding shows in a sum that is larger than its product, if the type rounds it.

    The product has bits below the sum's last place in the type, so it is below 2**(product -
    precision) of the sum. What the accumulator held is on its grid and further than that from the
    nearest midpoint: it is the result with one rounding and with two.
    """
    return product + fmt.mantissa_bits + 4 <= kind.precision


def _sure_exponent(fmt: FloatFormat, kind: Kind, product: int, lowest: int) -> int:
    """Exponent below which a sum's first rounding, to the type, does not show in the second.

    `product` is the significand bits of a product, 2**`lowest` the last place of all sums.
    """
    precision, bits = kind.precision, fmt.mantissa_bits
    if product <= bits + 1 and precision >= 2 * bits + 4:
        return kind.bias + 1
    # Below this one sums are exact.
    sure = lowest + precision
    # Let 2**l be the last place of the accumulator's smallest numbers. A sum below 2**(l +
    # precision) that is not exact has bits below 2**l, which are the product's; then the product
    # is the smaller one.
    if _is_far_from_midpoints(fmt, kind, product):
        sure = max(sure, fmt.lsb_exponent + precision)
    return sure


def _numbers(
    spec: UnitSpec,
    kind: Kind,
    most: int = 0,
    large: int = 0,
    checked: int | None = None,
    bounded: bool = False,
) -> "Constants":
    from hwmodel.arithmetic.sums import Constants

    assert isinstance(spec.accumulator, FloatAccumulator)
    assert isinstance(spec.a, FloatFormat | IntFormat)
    assert isinstance(spec.b, FloatFormat | IntFormat)
    fmt = spec.accumulator.format
    stored = kind.precision - 1
    native = _is_carrier_itself(fmt, kind)
    # Only where sums up to the largest value are sure, which a type of its exponents need not hold.
    limit = kind.dtype(fmt.max_value if fmt.max_exponent <= kind.bias else np.inf)
    lower = -limit if fmt.signed else kind.dtype(0)
    if spec.overflow is Overflow.SATURATE:
        beyond, beneath = limit, lower
    else:
        beyond = kind.dtype(np.inf if fmt.has_infinity else np.nan)
        beneath = -beyond if fmt.signed else kind.dtype(np.nan)
    # Whether the values end below a power of two, so that another one, whose inverse is no
    # subnormal of the type, takes it to the type's infinity.
    ends = (
        bounded
        and fmt.signed
        and bool(np.isinf(beyond))
        and fmt.max_exponent > 0
        and limit == 2.0 ** (fmt.max_exponent + 1) - 2.0 ** (fmt.max_exponent - fmt.mantissa_bits)
    )
    lift = 0 if native else ((stored - fmt.mantissa_bits) << stored) | 1 << (stored - 1)
    powers, gap = fmt.mantissa_bits == 0, not fmt.subnormals and fmt.mantissa_bits > 0
    lowest = fmt.min_exponent if gap else fmt.lsb_exponent
    least = normal = _field(kind, fmt.min_exponent) + lift
    if powers:  # an odd exponent field makes it odd, but the smallest number's, whose code is 1
        lift |= (fmt.min_exponent + kind.bias) & 1
    if gap:
        least += fmt.mantissa_bits << stored
    return Constants(
        native=native,
        # A sum that rounds to zero keeps its sign; sums of multiples of the last place do not
        # round to zero.
        keep_sign=spec.a.lsb_exponent + spec.b.lsb_exponent < lowest,
        field=kind.integer((2 * kind.bias + 1) << stored),
        lift=kind.integer(lift),
        least=_float(kind, least),
        edge=_float(kind, normal),
        gap=True if gap else None,
        powers=True if powers else None,
        large=_float(kind, _field(kind, large)) if fmt.signed else kind.dtype(0),
        most=_float(kind, _field(kind, most)) if fmt.signed else kind.dtype(0),
        exact=kind.precision - precision_of(spec.a) - precision_of(spec.b),
        checked=kind.dtype(0) if checked is None else _float(kind, _field(kind, checked)),
        bounded=bounded,
        limit=limit,
        beyond=beyond,
        lower=lower,
        beneath=beneath,
        up=_float(kind, _field(kind, kind.bias - fmt.max_exponent)) if ends else kind.dtype(0),
        down=_float(kind, _field(kind, fmt.max_exponent - kind.bias)) if ends else kind.dtype(0),
    )


def _field(kind: Kind, exponent: int) -> int:
    """Pattern of a power of two in the type; zero for those below its normal numbers."""
    return max(0, exponent + kind.bias) << (kind.precision - 1)


def _float(kind: Kind, pattern: int) -> Any:
    return np.array(pattern, kind.integer).view(kind.dtype)[()]
