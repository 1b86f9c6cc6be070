"""Blocks scaled, rounded and scaled back in one go, compiled to vector instructions.

The adder of the carrying type rounds, as in `hwmodel.formats.quick`: a power of two is added whose
last place is that of the elements at the quotient's exponent, and taken away again.
"""

import functools
from typing import Any, NamedTuple

import numpy as np

from hwmodel.blocks.kernels import PowerScale, power_code
from hwmodel.compiled import jit
from hwmodel.formats import FloatFormat, Format, IntFormat

__all__ = ["Grid", "grid_for", "largest", "rounded", "rounded_by_powers", "rounded_in_pairs"]

_MAGNITUDE = 0x7FFFFFFF
_AT_ONCE = 64  # blocks


class Grid(NamedTuple):
    """Elements for compiled code, as numbers of the carrying type and its bits.

    Attributes
    ----------
    field : int32 or int64
        Mask of the exponent field.
    lowest : int32 or int64
        Exponent field, in place, of the smallest normal number.
    lift : int32 or int64
        What is added to an exponent field to make the power of two that rounds.
    most, least : int32 or int64
        Bits of the largest magnitudes, positive and negative.
    negative_zero : int32 or int64
        1 where there is a negative zero, else 0.
    """

    field: Any
    lowest: Any
    lift: Any
    most: Any
    least: Any
    negative_zero: Any


@functools.lru_cache(maxsize=1024)
def grid_for(element: Format, double: bool) -> Grid | None:
    """Constants of elements carried in float32 (or float64), None where the adder cannot round."""
    if isinstance(element, FloatFormat):
        exponent, bits = element.min_exponent, element.mantissa_bits
        # Without mantissa bits the exponent's last bit makes a code even.
        if not (element.signed and element.subnormals) or bits == 0:
            return None
        top, zero = element.max_exponent, element.has_negative_zero
    elif isinstance(element, IntFormat):
        exponent = bits = top = element.bits
        zero = False
    else:
        return None
    real, whole, stored, bias = (
        (np.float64, np.int64, 52, 1023) if double else (np.float32, np.int32, 23, 127)
    )
    if exponent < 1 - bias or bits >= stored or top + stored - bits > bias:
        return None

    def pattern(value: float) -> Any:
        return real(value).view(whole)

    return Grid(
        field=whole((2 * bias + 1) << stored),
        lowest=whole((exponent + bias) << stored),
        lift=whole((stored - bits) << stored),
        most=pattern(element.max_value),
        least=pattern(-element.min_value),
        negative_zero=whole(zero),
    )


@jit
def _largest(bits: Any, result: Any) -> None:
    for block in range(bits.shape[0]):
        row = bits[block]
        most = np.int32(0)
        for i in range(row.size):
            most = max(most, np.int32(row[i] & np.int32(_MAGNITUDE)))
        result[block] = most


def largest(blocks: Any, result: Any) -> None:
    """Write the largest magnitude of each block (row) of float32; not finite where a value is not.

    Magnitudes are compared as integers, which puts NaN above infinity and that above all numbers.
    """
    _largest(blocks.view(np.int32), result.view(np.int32))


@jit
def _round_magnitude(bits: Any, top: Any, lowest: Any, grid: Grid) -> Any:
    """Bits of the magnitude of a float32 rounded to elements up to `top` from this lowest field."""
    number = min(np.int32(bits & np.int32(_MAGNITUDE)), top)
    adder = np.int32(max(np.int32(number & grid.field), lowest) + grid.lift).view(np.float32)
    total = np.float32(np.int32(number).view(np.float32) + adder)
    return np.float32(total - adder).view(np.int32)


@jit
def _round_bits(bits: Any, most: Any, least: Any, lowest: Any, grid: Grid) -> Any:
    """Bits of a float32 rounded to elements of these largest magnitudes and this lowest field."""
    top = most if bits >= np.int32(0) else least
    value = _round_magnitude(bits, top, lowest, grid)
    sign = np.int32(bits & np.int32(~_MAGNITUDE))
    sign = np.int32(0) if np.int32(value | grid.negative_zero) == np.int32(0) else sign
    return np.int32(value | sign)


@jit
def _round_evenly(bits: Any, top: Any, lowest: Any, grid: Grid) -> Any:
    """The same where both signs reach as far and zero has two."""
    value = _round_magnitude(bits, top, lowest, grid)
    return np.int32(value | np.int32(bits & np.int32(~_MAGNITUDE)))


@jit
def _round_64(grid: Grid, quotient: Any) -> Any:
    bits = np.float64(quotient).view(np.int64)
    top = np.int64(grid.most if bits >= 0 else grid.least).view(np.float64)
    # There is no quick smallest or largest of int64.
    number = abs(quotient)
    number = number if number < top else top
    power = np.int64(np.float64(number).view(np.int64) & grid.field).view(np.float64)
    lowest = np.int64(grid.lowest).view(np.float64)
    power = power if power > lowest else lowest
    adder = np.int64(np.float64(power).view(np.int64) + grid.lift).view(np.float64)
    value = np.float64((number + adder) - adder).view(np.int64)
    sign = np.int64(bits & np.int64(-0x8000000000000000))
    sign = np.int64(0) if np.int64(value | grid.negative_zero) == 0 else sign
    return np.int64(value | sign).view(np.float64)


@jit
def _rows_32(grid: Grid, rows: Any, steps: Any, result: Any) -> None:
    for block in range(rows.shape[0]):
        row, out, step = rows[block], result[block], steps[block]
        if step == 0:
            out[:] = np.float32(0.0)
            continue
        for i in range(row.size):
            bits = np.float32(row[i] / step).view(np.int32)
            value = _round_bits(bits, grid.most, grid.least, grid.lowest, grid)
            out[i] = np.float32(np.int32(value).view(np.float32) * step)


@jit
def _rows_64(grid: Grid, rows: Any, steps: Any, result: Any) -> None:
    for block in range(rows.shape[0]):
        row, out, step = rows[block], result[block], steps[block]
        if step == 0:
            out[:] = np.float32(0.0)
            continue
        for i in range(row.size):
            out[i] = np.float32(_round_64(grid, np.float64(row[i]) / step) * step)


def rounded(grid: Grid, rows: Any, steps: Any, result: Any) -> None:
    """Write every block of float32, rounded, to `result`.

    Parameters
    ----------
    grid : Grid
        The elements, in the type of the steps.
    rows : ndarray of float32, shape (blocks, size)
        Finite values.
    steps : ndarray of float32 or float64, shape (blocks,)
        Value of the grid's one. Blocks with a step of zero become zeros without a sign.
    result : ndarray of float32, shape (blocks, size)
        Products of the rounded quotients and the steps.
    """
    (_rows_32 if steps.dtype == np.float32 else _rows_64)(grid, rows, steps, result)


def rounded_by_powers(grid: Grid, scale: PowerScale, rows: Any, result: Any) -> bool:
    """Write every block of float32, rounded with a power of two for its scale, to `result`.

    Nothing is scaled: the elements' largest and smallest numbers are shifted to where the block
    is. Returns False, with the rest undone, at a value that is not finite or numbers that float32
    cannot be shifted to.
    """
    return bool(_by_powers(grid, scale, rows.view(np.int32), result.view(np.int32)))


@jit
def _by_powers(grid: Grid, scale: PowerScale, rows: Any, result: Any) -> Any:
    magnitude, shift = np.empty(_AT_ONCE, np.int32), np.empty(_AT_ONCE, np.int32)
    even = grid.most == grid.least and grid.negative_zero != 0
    for first in range(0, rows.shape[0], _AT_ONCE):
        some, target = rows[first : first + _AT_ONCE], result[first : first + _AT_ONCE]
        # One thing at a time for some blocks: none of them waits for its own largest magnitude.
        _largest(some, magnitude)
        if not _find_shifts(grid, scale, magnitude[: some.shape[0]], shift):
            return False
        for block in range(some.shape[0]):
            row, out = some[block], target[block]
            most = np.int32(grid.most + shift[block])
            lowest = np.int32(grid.lowest + shift[block])
            if even:
                for i in range(row.size):
                    out[i] = _round_evenly(row[i], most, lowest, grid)
            else:
                least = np.int32(grid.least + shift[block])
                for i in range(row.size):
                    out[i] = _round_bits(row[i], most, least, lowest, grid)
    return True


@jit
def _find_shifts(grid: Grid, scale: PowerScale, magnitude: Any, shift: Any) -> Any:
    """Write how far the grid is shifted for each block; returns whether it can be for all."""
    good = True
    for block in range(magnitude.size):
        largest = magnitude[block]
        power = power_code(scale, largest) - scale.bias + scale.unit_exponent
        # Zeros stay zeros on every grid.
        power = 0 if largest == np.int32(0) else power
        good &= _can_shift(grid, largest, power)
        shift[block] = np.int32(power << 23)
    return good


@jit
def _can_shift(grid: Grid, magnitude: Any, power: Any) -> Any:
    """Whether the block is finite, and all numbers with it after a shift are normal ones."""
    shift = np.int64(power) << 23
    highest = np.int64(max(grid.most, grid.least)) + np.int64(grid.lift) + shift
    lowest = np.int64(min(grid.lowest, min(grid.most, grid.least))) + shift
    return magnitude < grid.field and highest < np.int64(grid.field) and lowest >= (1 << 23)


def rounded_in_pairs(grid: Grid, scale: PowerScale, rows: Any, result: Any) -> bool:
    """The same for shared microexponents: pairs below the block's power of two have half of it."""
    return bool(_in_pairs(grid, scale, rows.view(np.int32), result.view(np.int32)))


@jit
def _in_pairs(grid: Grid, scale: PowerScale, rows: Any, result: Any) -> Any:
    for block in range(rows.shape[0]):
        row, out = rows[block], result[block]
        magnitude = np.int32(0)
        for i in range(row.size):
            magnitude = max(magnitude, np.int32(row[i] & np.int32(_MAGNITUDE)))
        if magnitude == np.int32(0):
            out[:] = row
            continue
        power = power_code(scale, magnitude) - scale.bias
        # One power less for the pairs that have half.
        if not (_can_shift(grid, magnitude, power) and _can_shift(grid, magnitude, power - 1)):
            return False
        shift = np.int32(power << 23)
        whole = np.int32((power + 127) << 23)
        most, lowest = np.int32(grid.most + shift), np.int32(grid.lowest + shift)
        for pair in range(row.size // 2):
            first, second = row[2 * pair], row[2 * pair + 1]
            larger = max(
                np.int32(first & np.int32(_MAGNITUDE)), np.int32(second & np.int32(_MAGNITUDE))
            )
            half = np.int32(1 << 23) if larger < whole else np.int32(0)
            top, low = np.int32(most - half), np.int32(lowest - half)
            out[2 * pair] = _round_evenly(first, top, low, grid)
            out[2 * pair + 1] = _round_evenly(second, top, low, grid)
    return True
