"""Blocks whose steps are any numbers: divided by them, rounded, and multiplied again, compiled.

The adder of float32 rounds, as in `shifted`, whose functions take the same. Where a quotient is not
exact in float32 (`close`) and comes so near a tie that it may be on the wrong side, its block is
marked, by a step of zero, and goes through float64, which tells (`again`). `rests` are what steps
lack in float32, `inverses` the quotients of one and the steps; both are of the blocks at hand.
"""

from typing import Any

import numpy as np

from hwmodel import lanes
from hwmodel.blocks.grids import Grid
from hwmodel.blocks.shifted import settled
from hwmodel.compiled import inner

__all__ = ["round_floats", "round_integers"]

_MAGNITUDE, _FOUR = np.int32(0x7FFFFFFF), np.int32(0x40800000)
_WIDTH = lanes.COUNT
# Units of float32's last place by which a quotient may be wrong, and one more.
_CLOSE = 2


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
    rests: Any,
    inverses: Any,
    exact: Any,
    close: Any,
) -> None:
    """Write blocks of floats, and mark those with a quotient near a tie."""
    magnitude, field_mask = lanes.splat(_MAGNITUDE), lanes.splat(grid.field)
    top, lowest, lift = lanes.splat(grid.most), lanes.splat(grid.lowest), lanes.splat(grid.lift)
    # The last bits of a sum with four times the power count what float32 has below the grid's
    # last place; the adder also moves those that count half of it to zero.
    ones = np.int32(np.int32(1) << np.int32((grid.shift - np.int32(2)) & np.int32(31)))
    move = np.int32(np.int32(ones >> np.int32(1)) + np.int32(_CLOSE))
    fine = lanes.splat(np.int32(_FOUR + move))
    fraction = lanes.splat(np.int32(ones - np.int32(1)))
    limit = lanes.splat(np.int32(2 * _CLOSE + 1))
    size = lanes.size_of(shape)
    for block in range(count):
        step, rest = lanes.splat_at(steps, first + block), lanes.splat_at(rests, block)
        inverse = lanes.splat_at(inverses, block)
        nearest = fraction
        place = (first + block) * size
        for i in range(place, place + size, _WIDTH):
            x = lanes.load(numbers, i)
            quotient = x
            if close is not None:
                quotient = lanes.fmul(x, inverse)
            if exact is not None:
                quotient = lanes.fdiv(x, step)
            number = lanes.imin(lanes.band(quotient, magnitude), top)
            field = lanes.imax(lanes.band(number, field_mask), lowest)
            adder = lanes.iadd(field, lift)
            total = lanes.fadd(number, adder)
            value = lanes.fsub(total, adder)
            scaled = value
            if close is not None:
                found = lanes.fma(field, fine, number)
                nearest = lanes.imin(nearest, lanes.band(found, fraction))
                scaled = lanes.fma(value, step, lanes.fmul(value, rest))
            if exact is not None:
                scaled = lanes.fmul(value, step)
            units = lanes.isub(total, adder)
            result, code = settled(
                grid, x, scaled, lanes.isub(field, lowest), units, no_negative_zero
            )
            lanes.store(out, i, result, code)
        if close is not None:  # noqa: SIM102 -- numba compiles one branch
            if lanes.any_below(nearest, limit):
                steps[first + block] = np.int32(0)


@inner
def round_integers(
    grid: Grid,
    steps: Any,
    numbers: Any,
    out: Any,
    first: Any,
    count: Any,
    shape: Any,
    rests: Any,
    inverses: Any,
    exact: Any,
    close: Any,
) -> None:
    """Write blocks of integers, and mark those with a quotient near a tie."""
    top = lanes.splat(grid.most)
    bottom = lanes.splat(np.int32(grid.least | np.int32(~_MAGNITUDE)))
    adder = lanes.splat(np.float32(3 << 22))  # its last place is one, also below it
    mask = lanes.splat(grid.mask)
    # As for floats; the lowest field is two to the power of the format's bits.
    ones = np.int32(np.int32(1) << np.int32(grid.shift & np.int32(31)))
    move = np.int32(np.int32(ones >> np.int32(1)) + np.int32(_CLOSE))
    fine_adder = lanes.splat(np.int32(np.int32(grid.lowest | np.int32(1 << 22)) + move))
    fraction = lanes.splat(np.int32(ones - np.int32(1)))
    limit = lanes.splat(np.int32(2 * _CLOSE + 1))
    size = lanes.size_of(shape)
    for block in range(count):
        step, rest = lanes.splat_at(steps, first + block), lanes.splat_at(rests, block)
        inverse = lanes.splat_at(inverses, block)
        nearest = fraction
        place = (first + block) * size
        for i in range(place, place + size, _WIDTH):
            x = lanes.load(numbers, i)
            quotient = x
            if close is not None:
                quotient = lanes.fmul(x, inverse)
            if exact is not None:
                quotient = lanes.fdiv(x, step)
            number = lanes.fmax(lanes.fmin(quotient, top), bottom)
            total = lanes.fadd(number, adder)
            rounded = lanes.fsub(total, adder)
            value = rounded
            if close is not None:
                fine = lanes.fadd(number, fine_adder)
                nearest = lanes.imin(nearest, lanes.band(fine, fraction))
                value = lanes.fma(rounded, step, lanes.fmul(rounded, rest))
            if exact is not None:
                value = lanes.fmul(rounded, step)
            lanes.store(out, i, value, lanes.band(total, mask))
        if close is not None:  # noqa: SIM102 -- numba compiles one branch
            if lanes.any_below(nearest, limit):
                steps[first + block] = np.int32(0)
