"""Which float type forms the sums of an accumulator whose grid is not a float type's."""

import numpy as np

from hwmodel.arithmetic.by_definition import SPARE
from hwmodel.arithmetic.carriers import Carrier
from hwmodel.arithmetic.float_kinds import (
    KINDS,
    Kind,
    bounds,
    holds,
    precision_of,
    reach,
    split_scale,
)
from hwmodel.arithmetic.spans import Operands
from hwmodel.formats import FloatFormat, IntFormat, Rounding
from hwmodel.formats.flushing import flush_limits
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = ["carriers_for"]

_SINGLE, _DOUBLE = KINDS


def carriers_for(spec: UnitSpec, operands: Operands | None) -> list[Carrier]:
    """The type that is best for operands between these exponents, or none.

    The narrower where all sums are exact, else the narrower that can round them to odd.
    """
    if operands is None or spec.rounding is Rounding.STOCHASTIC:
        return []
    for kind, exact in ((_SINGLE, True), (_DOUBLE, True), (_SINGLE, False), (_DOUBLE, False)):
        carrier = _carrier(spec, operands, kind, exact)
        if carrier is not None:
            return [carrier]
    return []


def _carrier(spec: UnitSpec, operands: Operands, kind: Kind, exact: bool) -> Carrier | None:
    from hwmodel.arithmetic.uneven_sums import Grid

    assert isinstance(spec.accumulator, FloatAccumulator)
    assert isinstance(spec.a, FloatFormat | IntFormat)
    assert isinstance(spec.b, FloatFormat | IntFormat)
    assert spec.overflow is not None
    fmt = spec.accumulator.format
    bottom = 1 - kind.bias  # exponent of the type's smallest normal number
    gap = not fmt.subnormals or fmt.mantissa_bits == 0
    # Subnormals are to be the type's, which its patterns count as they do.
    scale = 0 if gap else bottom - fmt.min_exponent
    scales = split_scale(kind, operands, scale)
    products, last = operands.products, fmt.max_exponent - fmt.mantissa_bits
    top = max(min(fmt.max_exponent + 1, reach(spec, operands)), products.high) + 1
    if (
        scales is None
        or not holds(kind, fmt)
        or (gap and fmt.min_exponent < bottom)
        or fmt.mantissa_bits + 1 + SPARE > kind.precision
        or precision_of(spec.a) + precision_of(spec.b) > kind.precision
        or products.low + scale < bottom - kind.precision + 1
        or max(top, fmt.max_exponent + 1) + scale > kind.bias
        or fmt.max_exponent + 2 > _DOUBLE.bias
        # All sums are multiples of the products' last place, or of that of the largest value.
        or (exact and top - min(products.low, last) > kind.precision)
    ):
        return None
    step = 1 << (kind.precision - 1 - fmt.mantissa_bits)
    # Without a mantissa a code counts exponents from the smallest normal number's, which is 1.
    moved = fmt.mantissa_bits == 0 and (scale + kind.bias + fmt.min_exponent - 1) & 1
    limits, least = (0, 0), 0
    if gap:
        least = (fmt.min_exponent + kind.bias) << (kind.precision - 1)
        limits = flush_limits(fmt, spec.overflow, spec.rounding, np.dtype(kind.dtype))
    grid = Grid(
        step=step,
        parity=step if moved else 0,
        powers=fmt.mantissa_bits == 0,
        least=least,
        limits=limits,
        ends=bounds(spec, fmt, spec.rounding, scale),
        rounding=spec.rounding,
        exact=exact,
        plain=not fmt.has_negative_zero,
    )
    return Carrier(np.dtype(kind.dtype), grid, scales)
