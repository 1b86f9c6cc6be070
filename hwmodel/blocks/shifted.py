"""Blocks whose steps are powers of two, rounded on a grid that is shifted to each, compiled.

The adder of float32 rounds, as in `hwmodel.formats.adding`: a power of two is added whose last
place is that of the elements at the number's exponent, and taken away again. Nothing is scaled.

Each function takes the `Grid` of the elements; the steps, as bits of float32; the numbers; where
the result goes, the bits of values or the elements' codes; the first block and how many; and the
size of a block, as `hwmodel.lanes.size_of` takes it.
"""

from typing import Any

import numpy as np

from hwmodel import lanes
from hwmodel.blocks.grids import Grid
from hwmodel.compiled import inlined, inner

__all__ = ["round_floats", "round_integers", "round_pairs", "settled"]

_MAGNITUDE = np.int32(0x7FFFFFFF)
_WIDTH = lanes.COUNT


@inlined
def settled(grid: Grid, x: Any, value: Any, field: Any, steps: Any, no_negative_zero: Any) -> Any:
    """Magnitudes of floats with the signs of `x`, and their codes.

    `field` is the exponent field above the lowest one, `steps` the units of the last place.
    """
    magnitude, last = lanes.splat(_MAGNITUDE), lanes.splat(np.int32(31))
    # Units of the last place of a normal number have the hidden bit, too, which raises the field.
    code = lanes.iadd(lanes.shift_right(field, lanes.splat(grid.shift)), steps)
    sign = lanes.band(
        lanes.shift_right(x, last),
        lanes.splat(np.int32(grid.mask ^ np.int32(grid.mask >> np.int32(1)))),
    )
    value = lanes.bor(value, lanes.bandnot(x, magnitude))
    if no_negative_zero is not None:
        nothing = lanes.splat(np.int32(0))
        sign = lanes.bandnot(sign, lanes.equal(code, nothing))
        value = lanes.fadd(value, nothing)
    return value, lanes.bor(code, sign)


@inner
def round_floats(
    grid: Grid,
    steps: Any,
    numbers: Any,
    out: Any,
    first: Any,
    count: Any,
    shape: Any,
    no_negative_zero: Any,
) -> None:
    """Write blocks of floats."""
    magnitude, field_mask = lanes.splat(_MAGNITUDE), lanes.splat(grid.field)
    lift = lanes.splat(grid.lift)
    most, least = lanes.splat(grid.most), lanes.splat(grid.lowest)
    size = lanes.size_of(shape)
    for block in range(count):
        step = lanes.splat_at(steps, first + block)
        top, lowest = lanes.fmul(step, most), lanes.fmul(step, least)
        place = (first + block) * size
        for i in range(place, place + size, _WIDTH):
            x = lanes.load(numbers, i)
            number = lanes.imin(lanes.band(x, magnitude), top)
            field = lanes.imax(lanes.band(number, field_mask), lowest)
            adder = lanes.iadd(field, lift)
            total = lanes.fadd(number, adder)
            value, units = lanes.fsub(total, adder), lanes.isub(total, adder)
            above = lanes.isub(field, lowest)
            result, code = settled(grid, x, value, above, units, no_negative_zero)
            lanes.store(out, i, result, code)


@inner
def round_pairs(
    grid: Grid,
    steps: Any,
    numbers: Any,
    out: Any,
    first: Any,
    count: Any,
    shape: Any,
    no_negative_zero: Any,
    codes: Any,
    coded: Any,
) -> None:
    """Write blocks of floats without an exponent; pairs below the step have half of it.

    The scales' codes take in which ones, if `coded` is not None.
    """
    magnitude, one_field = lanes.splat(_MAGNITUDE), lanes.splat(np.int32(1 << 23))
    most, one = lanes.splat(grid.most), lanes.splat(np.int32(1))
    lift = lanes.splat(np.int32(grid.lowest + grid.lift))
    flat = lanes.splat(np.int32(0))
    size = lanes.size_of(shape)
    for block in range(count):
        whole = lanes.splat_at(steps, first + block)
        top, power = lanes.fmul(whole, most), lanes.fmul(whole, lift)
        place = (first + block) * size
        found = np.int32(0)
        for i in range(place, place + size, _WIDTH):
            x = lanes.load(numbers, i)
            absolute = lanes.band(x, magnitude)
            larger = lanes.imax(absolute, lanes.swapped(absolute))
            low = lanes.below(larger, whole)
            if coded is not None:
                # Pairs of zeros count as whole; for their values it is all the same.
                bits = lanes.signs(lanes.bandnot(low, lanes.below(larger, one)))
                # One bit of two: 01010101 to 00001111.
                bits = np.int32(bits & 0x55)
                bits = np.int32((bits | (bits >> 1)) & 0x33)
                bits = np.int32((bits | (bits >> 2)) & 0x0F)
                found = np.int32(found | np.int32(bits << ((i - place) >> 1)))
            half = lanes.band(low, one_field)
            adder = lanes.isub(power, half)
            total = lanes.fadd(lanes.imin(absolute, lanes.isub(top, half)), adder)
            value, units = lanes.fsub(total, adder), lanes.isub(total, adder)
            result, code = settled(grid, x, value, flat, units, no_negative_zero)
            lanes.store(out, i, result, code)
        if coded is not None:
            codes[first + block] |= np.int32(found << 8)


@inner
def round_integers(
    grid: Grid,
    steps: Any,
    numbers: Any,
    out: Any,
    first: Any,
    count: Any,
    shape: Any,
) -> None:
    """Write blocks of integers."""
    most, mask = lanes.splat(grid.most), lanes.splat(grid.mask)
    least = lanes.splat(np.int32(grid.least | np.int32(~_MAGNITUDE)))
    lift = lanes.splat(np.float32(3 << 22))  # its last place is one, also below it
    size = lanes.size_of(shape)
    for block in range(count):
        step = lanes.splat_at(steps, first + block)
        top, bottom = lanes.fmul(step, most), lanes.fmul(step, least)
        adder = lanes.fmul(step, lift)
        place = (first + block) * size
        for i in range(place, place + size, _WIDTH):
            number = lanes.fmax(lanes.fmin(lanes.load(numbers, i), top), bottom)
            total = lanes.fadd(number, adder)
            lanes.store(out, i, lanes.fsub(total, adder), lanes.band(total, mask))
