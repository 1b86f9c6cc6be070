"""Accumulators with more exponents than their sums need, as ones that float32 holds."""

import dataclasses
from typing import Any

import numpy.typing as npt

from hwmodel.arithmetic.float_kinds import STEADY, reach
from hwmodel.arithmetic.spans import of_operands
from hwmodel.formats import FloatFormat, Overflow
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = ["narrower"]

_FEWEST_BITS, _EXPONENT_BITS, _MANTISSA = 5, 8, 23
_MOST = 126  # exponents that leave float32 some room


def narrower(spec: UnitSpec, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> UnitSpec | None:
    """A unit whose accumulator has 8 exponent bits at most and the same values for these codes.

    None where there is none, or the accumulator has no more of them. All sums are multiples of
    the operands' last places and stay below a bound, between which both formats have the same
    numbers.

    Parameters
    ----------
    spec : UnitSpec
        A unit with a floating-point accumulator.
    x, y : ndarray of int, shape (M, K) and (K, N)
        Codes of its operands.
    """
    assert isinstance(spec.accumulator, FloatAccumulator)
    fmt = spec.accumulator.format
    if fmt.exponent_bits <= _EXPONENT_BITS or fmt.mantissa_bits > _MANTISSA:
        return None
    if spec.rounding not in STEADY:
        return None
    infinite = spec.a.has_infinity or spec.b.has_infinity
    if infinite and spec.overflow is Overflow.SATURATE:  # to the largest number of each
        return None
    operands = of_operands(spec, x, y)
    if operands is None:
        return None
    low, top = operands.products.low, reach(spec, operands)
    if low < fmt.min_exponent or top > fmt.max_exponent - 1:
        return None
    # Without a mantissa the exponent makes a code even, and is to do so for the same values. No sum
    # is so small that there would be none for it without subnormals.
    low -= (fmt.min_exponent - low) & 1
    for bits in range(_FEWEST_BITS, _EXPONENT_BITS + 1):
        like = FloatFormat(bits, fmt.mantissa_bits, 1 - low, fmt.specials, signed=fmt.signed)
        if top < like.max_exponent < _MOST and low > -_MOST:
            return dataclasses.replace(spec, accumulator=FloatAccumulator(like))
    return None
