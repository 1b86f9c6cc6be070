"""Scales of blocks, compiled."""

from typing import Any

import numpy as np

from hwmodel import lanes
from hwmodel.blocks.grids import Grid, Rule
from hwmodel.compiled import bits_of, float_of, inlined, inner

__all__ = ["find_powers", "find_steps"]

_ZERO, _ONE, _FIELD = np.int32(0), np.int32(0x3F800000), np.int32(23)
_FINITE = np.int32(0x7F7FFFFF)  # the largest magnitude
_FLOAT, _DOUBLE = np.float32(0.0), np.float64(0.0)  # for their types


@inlined
def _round(grid: Grid, number: Any, top: Any) -> Any:
    """A float64 that is not negative rounded to a grid up to `top`, and its code."""
    # There is no quick smallest or largest of int64.
    number = number if number < top else top
    power = float_of(bits_of(number) & grid.field, _DOUBLE)
    lowest = float_of(grid.lowest, _DOUBLE)
    field = bits_of(power if power > lowest else lowest)
    adder = np.int64(field + grid.lift)
    total = number + float_of(adder, _DOUBLE)
    # Units of the last place, and of a normal number the hidden bit, which raises the field.
    # Nor is there a quick shift of int64 that keeps a sign.
    units = np.uint64(field - grid.lowest) >> np.uint64(grid.shift & 63)
    code = np.int64(units) + (bits_of(total) - adder)
    return total - float_of(adder, _DOUBLE), code


@inner
def find_powers(rule: Rule, magnitude: Any, high: Any, codes: Any, first: Any, count: Any) -> Any:
    """The same as `find_steps` where steps are powers of two, which need `high` alone.

    `count` is a multiple of eight.
    """
    # A mantissa above the largest element's carries into the exponent field.
    carry = lanes.splat(np.int32(np.int32(0x7FFFFF) - rule.top_mantissa))
    offset, lift, field = lanes.splat(rule.offset), lanes.splat(rule.lift), lanes.splat(_FIELD)
    # What float32 has as subnormals has a smaller exponent than its field says: that matters only
    # where it could have a code above the least.
    least = lanes.splat(np.int32(1 << 23) if rule.offset >= np.int32(0) else np.int32(0))
    first_code, last_code = lanes.splat(rule.low_code), lanes.splat(rule.high_code)
    max_code, end_code = lanes.splat(rule.max_code), lanes.splat(rule.end_code)
    zero, one, finite = lanes.splat(_ZERO), lanes.splat(_ONE), lanes.splat(_FINITE)
    bad = zero
    for i in range(0, count, lanes.COUNT):
        bits = lanes.load(magnitude, i)
        code = lanes.iadd(lanes.shift_right(lanes.iadd(bits, carry), field), offset)
        code = lanes.imin(lanes.imax(code, zero), max_code)
        step = lanes.shift_left(lanes.iadd(code, lift), field)
        away = lanes.bor(lanes.below(code, first_code), lanes.below(last_code, code))
        step = lanes.bandnot(step, away)
        # Zeros stay zeros on every grid.
        nothing = lanes.equal(bits, zero)
        code = lanes.bandnot(code, nothing)
        step = lanes.bor(lanes.bandnot(step, nothing), lanes.band(one, nothing))
        bad = lanes.bor(bad, lanes.bor(lanes.below(finite, bits), lanes.below(end_code, code)))
        bad = lanes.bor(bad, lanes.bandnot(lanes.below(bits, least), nothing))
        lanes.store(codes, first + i, code, code)
        lanes.store(high, first + i, step, step)
    return lanes.signs(bad) == 0


@inner
def find_steps(
    grid: Grid,
    reals: Any,
    given: Any,
    codes: Any,
    first: Any,
    count: Any,
    magnitudes: Any,
    steps: Any,
    high: Any,
    low: Any,
    inverse: Any,
    elsewhere: Any,
) -> Any:
    """Write what some blocks are divided by, and codes of the scales.

    Parameters
    ----------
    grid : Grid
        The scales' format as float64.
    reals : tuple of float
        Divisor of the largest magnitude, tensor scale, the elements' unit, the smallest and largest
        step for which float32 does, and the largest whose products it holds.
    given : array of float64
        The steps of all blocks, where they are given.
    codes : array of unsigned int
        Takes the codes of all blocks, where they are not.
    first, count : int
        Which blocks.
    magnitudes : array of int32
        Bits of their largest magnitudes.
    steps : array of float64
        Takes what they are divided by.
    high, low : array of int32
        Take bits of the two float32 that a step is; `high`, of all blocks, is zero where float32
        does not do.
    inverse : array of float32
        Takes quotients of one and `high`.
    elsewhere : bool or None
        Whether the steps are given; else they are quotients.

    Returns
    -------
    bool
        Whether all blocks are finite and float32 holds all products.
    """
    divisor, tensor, unit, least, most, end = reals
    bad = np.int64(0)
    if elsewhere is not None:
        for i in range(count):
            steps[i] = given[first + i]
    else:
        top = float_of(grid.most, _DOUBLE)
        for i in range(count):
            number = np.float64(float_of(magnitudes[i], _FLOAT))
            value, code = _round(grid, number / divisor, top)
            codes[first + i] = np.int32(code)
            steps[i] = value * tensor * unit
    for i in range(count):
        step = steps[i]
        bad |= np.int64(magnitudes[i] > _FINITE) | np.int64(step > end)
        one = np.float32(step)
        usual = (step >= least) & (step <= most)
        high[first + i] = bits_of(one) if usual else np.int32(0)
        low[i] = bits_of(np.float32(step - np.float64(one)))
        inverse[i] = np.float32(np.float32(1.0) / one)
    return bad == 0
