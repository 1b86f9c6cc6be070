"""Blocks for which float32 does not do, rounded by way of float64: few, so NumPy's loops do.

Compiled code would be waited for longer than it works.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.blocks.grids import Grid

__all__ = ["round_again"]

# Values that are worked on at a time: what is between stays in the second-level cache.
_AT_ONCE = 1 << 13

_Values = npt.NDArray[np.float64]


def round_again(
    wide: npt.NDArray[np.int64],
    numbers: npt.NDArray[np.float32],
    size: int,
    blocks: npt.NDArray[np.int64],
    steps: npt.NDArray[np.float64],
    out: npt.NDArray[Any],
) -> None:
    """Write some blocks, the values' float32 bits or the codes.

    Parameters
    ----------
    wide : ndarray of int64
        The elements' `Grid` as float64.
    numbers : ndarray of float32
        The blocks, one after the other.
    size : int
        Values of a block.
    blocks, steps : ndarray
        Which blocks, and what they are divided by; zero makes them zeros.
    out : ndarray of int32 or of unsigned int
        Takes the results.
    """
    grid = Grid(*wide.tolist())
    most, least = np.array([grid.most, grid.least]).view(np.float64)
    rounded, coded = _integers if grid.integer else _floats, out.dtype.kind == "u"
    rows, results = numbers.reshape(-1, size), out.reshape(-1, size)
    at_once = max(1, _AT_ONCE // size)
    for start in range(0, blocks.size, at_once):
        some = blocks[start : start + at_once]
        step = steps[start : start + at_once, None]
        dead = step == 0 if np.count_nonzero(step) < len(step) else None
        quotients = rows[some] / (step if dead is None else np.where(dead, 1.0, step))
        result = rounded(grid, quotients, most, least, coded)
        if not coded:
            result = (result * step).astype(np.float32).view(np.int32)
        results[some] = result if dead is None else np.where(dead, 0, result)


def _integers(
    grid: Grid, quotients: _Values, most: np.float64, least: np.float64, coded: bool
) -> npt.NDArray[Any]:
    """Values of a grid, or their codes."""
    whole = np.maximum(np.minimum(np.rint(quotients), most), -least)
    if coded:
        return np.asarray(whole.astype(np.int64) & grid.mask)
    return np.asarray(whole + 0.0)  # which makes zero of minus zero


def _floats(
    grid: Grid, quotients: _Values, most: np.float64, least: np.float64, coded: bool
) -> npt.NDArray[Any]:
    """The same by an adder that rounds, as in `hwmodel.formats.adding`."""
    number = np.maximum(np.minimum(quotients, most), -least)
    magnitude = np.abs(number)
    field = np.maximum(magnitude.view(np.int64) & grid.field, grid.lowest)
    adder = field + grid.lift
    total = magnitude + adder.view(np.float64)
    if not coded:
        value = np.copysign(total - adder.view(np.float64), number)
        return np.asarray(value if grid.negative_zero else value + 0.0)
    # Units of the last place, and of a normal number the hidden bit, which raises the field.
    code = (field - grid.lowest >> grid.shift) + (total.view(np.int64) - adder)
    negative = np.signbit(number)
    if not grid.negative_zero:
        negative &= code != 0
    code[negative] |= grid.mask ^ grid.mask >> 1
    return code
