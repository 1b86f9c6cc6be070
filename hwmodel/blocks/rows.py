"""Blocks of float32 scaled, rounded and scaled back in one go, compiled to vector instructions.

`kernels` finds the steps of some blocks, `shifted` or `scaled` rounds these; what is in work stays
in the first-level cache.
"""

from typing import Any

from hwmodel import lanes
from hwmodel.blocks import scaled, shifted
from hwmodel.blocks.grids import named, named_wide
from hwmodel.blocks.kernels import find_powers, find_steps
from hwmodel.compiled import jit

__all__ = ["at_once", "find_largest", "walk"]

# Values that are worked on at a time.
_AT_ONCE = 2048
_WIDTH = lanes.COUNT


def at_once(size: int) -> int:
    """Blocks of a size that are worked on at a time: eights of them."""
    return max(1, _AT_ONCE // (size * _WIDTH)) * _WIDTH


@jit
def find_largest(numbers: Any, shape: Any, result: Any) -> None:
    """Write the largest magnitudes of eight or more blocks of float32, as bits of float32."""
    size = lanes.size_of(shape)
    for block in range(0, result.size, _WIDTH):
        # The last eight may begin among those before them.
        start = min(block, result.size - _WIDTH)
        lanes.largest_of_eight(numbers, start * size, shape, result, start)


@jit
def walk(
    constants: Any,
    scale: Any,
    reals: Any,
    numbers: Any,
    shape: Any,
    largest: Any,
    steps: Any,
    out: Any,
    codes: Any,
    high: Any,
    scratch: Any,
    coded: Any,
    powers: Any,
    quotients: Any,
    known: Any,
    given: Any,
    exact: Any,
    close: Any,
    shifted_integers: Any,
    shifted_pairs: Any,
    shifted_floats: Any,
    scaled_integers: Any,
    scaled_floats: Any,
    no_negative_zero: Any,
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
    shape : int or tuple
        Values of a block, as `hwmodel.lanes.size_of` takes them: a multiple of eight.
    largest : array of int32
        Has the bits of the largest magnitudes, where they are known.
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
        Room for the blocks that are worked on at a time, `at_once` or, if there are fewer, all, but
        a multiple of eight: two of int32, one of float32 and one of float64.
    coded : bool or None
        Whether codes are wanted.
    powers, quotients, ... : bool or None
        The fields of `hwmodel.blocks.grids.Kind`. Each has an `if` without an `else`: numba leaves
        out what is None only then.

    Returns
    -------
    bool
        False, with the rest undone, where a value is not finite or float32 does not hold the
        products.
    """
    grid, rule = named(constants)
    size = lanes.size_of(shape)
    magnitude, low, inverse, some = scratch
    count = magnitude.size
    end = codes.size - count
    for start in range(0, codes.size, count):
        # The last ones may begin among those before them, which then are done again.
        first = min(start, end)
        if known is not None:
            magnitude = largest[first : first + count]
        if known is None:
            for block in range(0, count, _WIDTH):
                lanes.largest_of_eight(numbers, (first + block) * size, shape, magnitude, block)
        usual = True
        if powers is not None:
            usual = find_powers(rule, magnitude, high, codes, first, count)
        if quotients is not None:
            usual = find_steps(
                *(named_wide(scale), reals, steps, codes, first, count, magnitude),
                *(some, high, low, inverse, given),
            )
        if not usual:
            return False
        there = (grid, high, numbers, out, first, count, shape)
        if shifted_integers is not None:
            shifted.round_integers(*there)
        if shifted_pairs is not None:
            shifted.round_pairs(*there, no_negative_zero, codes, coded)
        if shifted_floats is not None:
            shifted.round_floats(*there, no_negative_zero)
        if scaled_integers is not None:
            scaled.round_integers(*there, low, inverse, exact, close)
        if scaled_floats is not None:
            scaled.round_floats(*there, no_negative_zero, low, inverse, exact, close)
    return True
