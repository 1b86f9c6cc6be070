"""Scales of blocks, and blocks for which float32 does not do, compiled."""

from typing import Any

import numpy as np

from hwmodel.blocks.grids import Grid, Part, Rule, named_wide
from hwmodel.blocks.lanes import put
from hwmodel.compiled import bits_of, float_of, inlined, inner, jit

__all__ = ["find_powers", "find_steps", "power_step", "round_again"]

_INFINITY = 0x7F800000
_ONE = 0x3F800000
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


@jit
def round_again(
    wide: Any, numbers: Any, size: Any, places: Any, steps: Any, count: Any, out: Any
) -> None:
    """Write some blocks, the values' float32 bits or the codes, by way of float64.

    Parameters
    ----------
    wide : array of int64
        What `hwmodel.blocks.grids.named_wide` takes, of the elements.
    numbers : array of float32
        The blocks, one after the other.
    size : int
        Values of a block.
    places, steps : array
        Where the blocks begin, and what they are divided by; zero makes them zeros.
    count : int
        How many there are.
    out : array of int32 or of unsigned int
        Takes the results.
    """
    grid = named_wide(wide)
    most, least = float_of(grid.most, _DOUBLE), float_of(grid.least, _DOUBLE)
    sign_bit = grid.mask ^ (grid.mask >> 1)
    for block in range(count):
        step = steps[block]
        for i in range(places[block], places[block] + size):
            if step == 0:
                put(out, i, np.int32(0), np.int64(0))
                continue
            quotient = np.float64(numbers[i]) / step
            negative = np.int64(np.float64(quotient).view(np.int64) < 0)
            value, code = _round(grid, abs(quotient), least if negative else most)
            if value == 0 and not grid.negative_zero:
                negative = np.int64(0)
            if grid.integer:
                code = ((code ^ -negative) + negative) & grid.mask
            else:
                code |= -negative & sign_bit
            put(out, i, np.float32((-value if negative else value) * step).view(np.int32), code)


@inlined
def _power_code(rule: Rule, bits: Any) -> Any:
    """Code of a scale that is a power of two, from the bits of the largest magnitude."""
    # Float32's subnormals are made normal.
    small = bits < np.int32(1 << 23)
    lifted = bits_of(float_of(bits, _FLOAT) * np.float32(2.0**24))
    pattern = lifted if small else bits
    field = np.int32(np.int32(pattern >> np.int32(23)) + rule.offset)
    field = np.int32(field - np.int32(24)) if small else field
    mantissa = np.int32(pattern & np.int32(0x7FFFFF))
    field = np.int32(field + np.int32(1)) if mantissa > rule.top_mantissa else field
    code = field if field > np.int32(0) else np.int32(0)
    code = code if code < rule.max_code else rule.max_code
    return np.int32(0) if bits == np.int32(0) else code


@inlined
def power_step(rule: Rule, code: Any) -> Any:
    """Step that goes with such a code."""
    return float_of((np.int64(code) + rule.lift + (1023 - 127)) << 52, _DOUBLE)


@inner
def find_powers(rule: Rule, part: Part, codes: Any) -> Any:
    """The same as `find_steps` where steps are powers of two."""
    bad = np.int32(0)
    for i in range(part.count):
        bits = np.int32(part.magnitude[i])
        code = _power_code(rule, bits)
        codes[part.first + i] = code
        bad |= np.int32(bits >= np.int32(_INFINITY)) | np.int32(code > rule.end_code)
        usual = (code >= rule.low_code) & (code <= rule.high_code)
        step = np.int32(np.int32(code + rule.lift) << np.int32(23)) if usual else np.int32(0)
        # Zeros stay zeros on every grid.
        part.high[i] = np.int32(_ONE) if bits == np.int32(0) else step
    return bad == 0


@inner
def find_steps(rule: Rule, grid: Grid, reals: Any, part: Part, steps: Any, codes: Any) -> Any:
    """Write what some blocks are divided by, and codes of the scales.

    Parameters
    ----------
    rule, grid : Rule, Grid
        The rule, and the scales' format as float64.
    reals : tuple of float
        Divisor of the largest magnitude, tensor scale, the elements' unit, the smallest and largest
        step for which float32 does, and the largest whose products it holds.
    part : Part
        The blocks, with their magnitudes.
    steps : array of float64
        The steps of all blocks, where they are given.
    codes : array of unsigned int
        Takes the codes, where they are not.

    Returns
    -------
    bool
        Whether all blocks are finite and float32 holds all products.
    """
    divisor, tensor, unit, least, most, end = reals
    top = float_of(grid.most, _DOUBLE)
    bad = np.int64(0)
    if rule.given:
        for i in range(part.count):
            part.steps[i] = steps[part.first + i]
    else:
        for i in range(part.count):
            number = np.float64(float_of(part.magnitude[i], _FLOAT))
            value, code = _round(grid, number / divisor, top)
            codes[part.first + i] = np.int32(code)
            part.steps[i] = value * tensor * unit
    for i in range(part.count):
        step = part.steps[i]
        bad |= np.int64(part.magnitude[i] >= np.int32(_INFINITY)) | np.int64(step > end)
        one = np.float32(step)
        usual = (step >= least) & (step <= most)
        part.high[i] = bits_of(one) if usual else np.int32(0)
        part.low[i] = bits_of(np.float32(step - np.float64(one)))
        part.inverse[i] = np.float32(np.float32(1.0) / one)
    return bad == 0
