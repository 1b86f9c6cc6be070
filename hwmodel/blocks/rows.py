"""Blocks scaled, rounded and scaled back in one go, compiled to vector instructions.

The adder of float32 rounds, as in `hwmodel.formats.adding`: a power of two is added whose last
place is that of the elements at the quotient's exponent, and taken away again. Where a quotient is
not exact in float32 and comes so near a tie that it may be on the wrong side, its block goes
through float64, which tells (`again`).
"""

from typing import Any

import numpy as np

from hwmodel import lanes
from hwmodel.blocks.grids import Grid, named, named_wide
from hwmodel.blocks.kernels import find_powers, find_steps
from hwmodel.compiled import inlined, inner, jit

__all__ = ["AT_ONCE", "find_largest", "walk"]

_MAGNITUDE = 0x7FFFFFFF
AT_ONCE = 2048
"""Values that are worked on at a time: they stay in the first-level cache."""
_WIDTH = lanes.COUNT
_ONE = 0x3F800000
# Units of float32's last place by which a quotient may be wrong, and one more.
_CLOSE = 2


@jit
def find_largest(numbers: Any, size: Any, result: Any) -> None:
    """Write the largest magnitudes of blocks of float32, as bits of float32."""
    for block in range(result.size):
        result[block] = lanes.largest_magnitude(numbers, block * size, size)


@inlined
def _settle(grid: Grid, x: Any, value: Any, field: Any, steps: Any) -> Any:
    """Magnitudes of floats with the signs of `x`, and their codes.

    `field` is the exponent field above the lowest one, `steps` the units of the last place.
    """
    magnitude, last = lanes.splat(np.int32(_MAGNITUDE)), lanes.splat(np.int32(31))
    # Units of the last place of a normal number have the hidden bit, too, which raises the field.
    code = lanes.iadd(lanes.shift_right(field, lanes.splat(grid.shift)), steps)
    sign = lanes.band(
        lanes.shift_right(x, last),
        lanes.splat(np.int32(grid.mask ^ np.int32(grid.mask >> np.int32(1)))),
    )
    value = lanes.bor(value, lanes.bandnot(x, magnitude))
    if not grid.negative_zero:
        nothing = lanes.splat(np.int32(0))
        sign = lanes.bandnot(sign, lanes.equal(code, nothing))
        value = lanes.fadd(value, nothing)
    return value, lanes.bor(code, sign)


@inner
def _round_shifted(
    grid: Grid,
    magnitudes: Any,
    steps: Any,
    numbers: Any,
    out: Any,
    first: Any,
    count: Any,
    following: Any,
    size: Any,
) -> None:
    """Write blocks of floats whose steps are powers of two: the grid is shifted to each."""
    magnitude, field_mask = lanes.splat(np.int32(_MAGNITUDE)), lanes.splat(grid.field)
    lift = lanes.splat(grid.lift)
    ahead = (first + magnitudes.size) * size
    for block in range(count):
        if block < following:  # while one is worked on, the memory brings another
            magnitudes[block] = lanes.largest_magnitude(numbers, ahead + block * size, size)
        shift = np.int32(steps[first + block] - np.int32(_ONE))
        top = lanes.splat(np.int32(grid.most + shift))
        lowest = lanes.splat(np.int32(grid.lowest + shift))
        place = (first + block) * size
        for i in range(place, place + size, _WIDTH):
            x = lanes.load(numbers, i)
            number = lanes.imin(lanes.band(x, magnitude), top)
            field = lanes.imax(lanes.band(number, field_mask), lowest)
            adder = lanes.iadd(field, lift)
            total = lanes.fadd(number, adder)
            value = lanes.fsub(total, adder)
            units = lanes.isub(total, adder)
            result, code = _settle(grid, x, value, lanes.isub(field, lowest), units)
            lanes.store(out, i, result, code)


@inner
def _round_pairs(
    grid: Grid,
    magnitudes: Any,
    steps: Any,
    numbers: Any,
    out: Any,
    first: Any,
    count: Any,
    following: Any,
    size: Any,
    codes: Any,
) -> None:
    """The same where pairs below the step have half of it, which the scales' codes tell."""
    magnitude, field_mask = lanes.splat(np.int32(_MAGNITUDE)), lanes.splat(grid.field)
    lift, one = lanes.splat(grid.lift), lanes.splat(np.int32(1))
    half_field, last = lanes.splat(np.int32(1 << 23)), lanes.splat(np.int32(31))
    ahead = (first + magnitudes.size) * size
    for block in range(count):
        if block < following:  # while one is worked on, the memory brings another
            magnitudes[block] = lanes.largest_magnitude(numbers, ahead + block * size, size)
        shift = np.int32(steps[first + block] - np.int32(_ONE))
        top = lanes.splat(np.int32(grid.most + shift))
        lowest = lanes.splat(np.int32(grid.lowest + shift))
        whole = lanes.splat(steps[first + block])
        place = (first + block) * size
        found = np.int32(0)
        for i in range(place, place + size, _WIDTH):
            x = lanes.load(numbers, i)
            absolute = lanes.band(x, magnitude)
            larger = lanes.imax(absolute, lanes.swapped(absolute))
            below = lanes.isub(larger, whole)
            # Pairs of zeros count as whole; for their values it is all the same.
            bits = lanes.signs(lanes.bandnot(below, lanes.isub(larger, one)))
            # One bit of two: 01010101 to 00001111.
            bits = np.int32(bits & 0x55)
            bits = np.int32((bits | (bits >> 1)) & 0x33)
            bits = np.int32((bits | (bits >> 2)) & 0x0F)
            found = np.int32(found | np.int32(bits << ((i - place) >> 1)))
            half = lanes.band(lanes.shift_right(below, last), half_field)
            number = lanes.imin(absolute, lanes.isub(top, half))
            low = lanes.isub(lowest, half)
            field = lanes.imax(lanes.band(number, field_mask), low)
            adder = lanes.iadd(field, lift)
            total = lanes.fadd(number, adder)
            value = lanes.fsub(total, adder)
            units = lanes.isub(total, adder)
            result, code = _settle(grid, x, value, lanes.isub(field, low), units)
            lanes.store(out, i, result, code)
        codes[first + block] |= np.int32(found << 8)


@inner
def _round_scaled(
    grid: Grid,
    magnitudes: Any,
    steps: Any,
    numbers: Any,
    out: Any,
    first: Any,
    count: Any,
    following: Any,
    size: Any,
    rests: Any,
    inverses: Any,
    exact: Any,
    close: Any,
) -> None:
    """Write blocks of floats, and mark those with a quotient near a tie."""
    magnitude, field_mask = lanes.splat(np.int32(_MAGNITUDE)), lanes.splat(grid.field)
    top, lowest, lift = lanes.splat(grid.most), lanes.splat(grid.lowest), lanes.splat(grid.lift)
    # The last bits of a sum with four times the power count what float32 has below the grid's
    # last place; the adder also moves those that count half of it to zero.
    ones = np.int32(np.int32(1) << np.int32((grid.shift - np.int32(2)) & np.int32(31)))
    move = np.int32(np.int32(ones >> np.int32(1)) + np.int32(_CLOSE))
    fine_lift = lanes.splat(np.int32(np.int32(2 << 23) + move))
    fraction = lanes.splat(np.int32(ones - np.int32(1)))
    limit = lanes.splat(np.int32(2 * _CLOSE + 1))
    ahead = (first + magnitudes.size) * size
    for block in range(count):
        if block < following:  # while one is worked on, the memory brings another
            magnitudes[block] = lanes.largest_magnitude(numbers, ahead + block * size, size)
        step, rest = lanes.splat(steps[first + block]), lanes.splat(rests[block])
        inverse = lanes.splat(inverses[block])
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
                fine = lanes.fadd(number, lanes.iadd(field, fine_lift))
                nearest = lanes.imin(nearest, lanes.band(fine, fraction))
                scaled = lanes.fma(value, step, lanes.fmul(value, rest))
            if exact is not None:
                scaled = lanes.fmul(value, step)
            units = lanes.isub(total, adder)
            result, code = _settle(grid, x, scaled, lanes.isub(field, lowest), units)
            lanes.store(out, i, result, code)
        if close is not None:  # noqa: SIM102 -- numba compiles one branch
            if lanes.any_below(nearest, limit):
                steps[first + block] = np.int32(0)


@inner
def _round_integers(
    grid: Grid,
    magnitudes: Any,
    steps: Any,
    numbers: Any,
    out: Any,
    first: Any,
    count: Any,
    following: Any,
    size: Any,
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
    ahead = (first + magnitudes.size) * size
    for block in range(count):
        if block < following:  # while one is worked on, the memory brings another
            magnitudes[block] = lanes.largest_magnitude(numbers, ahead + block * size, size)
        step, rest = lanes.splat(steps[first + block]), lanes.splat(rests[block])
        inverse = lanes.splat(inverses[block])
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


@jit
def walk(
    constants: Any,
    scale: Any,
    reals: Any,
    numbers: Any,
    size: Any,
    steps: Any,
    out: Any,
    codes: Any,
    high: Any,
    scratch: Any,
    powers: Any,
    given: Any,
    exact: Any,
    close: Any,
    integers: Any,
    pairs: Any,
    shifted: Any,
    scaled: Any,
) -> Any:
    """Write blocks of float32, scaled, rounded and scaled back.

    Parameters
    ----------
    constants, scale
        As in `hwmodel.blocks.grids.Work`.
    reals : tuple of float
        What `hwmodel.blocks.kernels.find_steps` takes.
    numbers : array of float32
        The blocks, one after the other.
    size : int
        Values of a block: a multiple of `hwmodel.lanes.COUNT`.
    steps : array of float64
        Has what is divided by, where it is found elsewhere.
    out : array of int32 or of unsigned int
        Takes the bits of the rounded values, or the elements' codes.
    codes : array of unsigned int
        Takes the scales' codes.
    high : array of int32
        Takes bits of the steps, the values of the elements' one; zero for blocks that are left for
        `hwmodel.blocks.again.round_again`.
    scratch : tuple of array
        Room for the blocks that are in the cache at a time: two of int32, one of float32 and one
        of float64, with `AT_ONCE` values or one if blocks are longer.
    powers, given, exact, close, integers, pairs, shifted, scaled : bool or None
        As in `hwmodel.blocks.grids.Kind`.

    Returns
    -------
    bool
        False, with the rest undone, where a value is not finite or float32 does not hold the
        products.
    """
    grid, rule = named(constants)
    blocks = codes.size
    magnitude, low, inverse, some = scratch
    at_once = magnitude.size
    for block in range(at_once if at_once < blocks else blocks):
        magnitude[block] = lanes.largest_magnitude(numbers, block * size, size)
    for first in range(0, blocks, at_once):
        following = blocks - first - at_once
        count = at_once if following > 0 else blocks - first
        usual = True
        if powers is not None:
            usual = find_powers(rule, magnitude, high, codes, first, count)
        else:
            usual = find_steps(
                named_wide(scale),
                reals,
                steps,
                codes,
                first,
                count,
                magnitude,
                some,
                high,
                low,
                inverse,
                given,
            )
        if not usual:
            return False
        if integers is not None:
            _round_integers(
                grid,
                magnitude,
                high,
                numbers,
                out,
                first,
                count,
                following,
                size,
                low,
                inverse,
                exact,
                close,
            )
        if pairs is not None:
            _round_pairs(grid, magnitude, high, numbers, out, first, count, following, size, codes)
        if shifted is not None:
            _round_shifted(grid, magnitude, high, numbers, out, first, count, following, size)
        if scaled is not None:
            _round_scaled(
                grid,
                magnitude,
                high,
                numbers,
                out,
                first,
                count,
                following,
                size,
                low,
                inverse,
                exact,
                close,
            )
    return True
