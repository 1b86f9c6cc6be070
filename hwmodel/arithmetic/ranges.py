"""Accumulators with more exponents than their sums need, as ones that float32 holds."""

import dataclasses
from typing import Any

import numpy.typing as npt

from hwmodel.arithmetic.spans import of_products
from hwmodel.formats import FloatFormat, Overflow, Rounding
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = ["STEADY", "narrower"]

_FEWEST_BITS, _EXPONENT_BITS, _MANTISSA = 5, 8, 23
_MOST = 126  # exponents that leave float32 some room
# A sum moves by no more than twice the product that is added: what is added to is a number of the
# format itself, and no farther from the exact sum than that. Other roundings may double it.
STEADY = (Rounding.NEAREST_EVEN, Rounding.NEAREST_AWAY, Rounding.TOWARD_ZERO)


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
    products = of_products(spec, x, y)
    if products is None:
        return None
    low, top = products.low, products.high + x.shape[1].bit_length() + 1
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
