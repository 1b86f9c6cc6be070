"""Sums with a rounding a step on the bit patterns of a float type, which may round them before.

Scaled so that the accumulator's smallest normal number is the type's, the accumulator's values are
the patterns that end in zeros, subnormals too, and to round is to add something and to cut off:
half a step to nearest, nothing toward zero. That is right even for sums that the type rounded,
unless one lies where the rule turns then, halfway or on the grid: to round never takes a sum past
a point that the type has. Those few are looked at again: what the type's adder left of a sum is one
of its numbers (Knuth's TwoSum; Moller, "Quasi double-precision in floating point addition", BIT 5,
1965), and its sign tells the side. Signs of zeros are the sums'.

Sums stay in registers while many products pass, in tiles of one row (`pattern_tiles`).
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hwmodel.arithmetic import sums
from hwmodel.arithmetic.pattern_tiles import MODES, WIDTH, add_tile
from hwmodel.compiled import float_of, jit
from hwmodel.formats import Rounding
from hwmodel.lanes import COUNT, largest_magnitude

__all__ = ["Patterns", "add_products", "padded"]

# Columns and products of a sum between two looks at how large it is: in the second-level cache.
_COLUMNS = 512
_STEPS = 128
# Of so many steps of a vector one may hold a sum that is looked at again; else float64 is quicker.
_RARE = 8


class Patterns(NamedTuple):
    """How sums, scaled, are rounded to an accumulator by their patterns.

    Attributes
    ----------
    half, step : int
        Patterns of half the accumulator's last place and of a whole one.
    up : float32 or float64
        Power of two that takes products to where the type holds all of their bits.
    large : float
        Scaled magnitude that no sum may reach.
    sure : bool
        Whether it takes all products there; else it depends on the smallest factors.
    finest : int
        The exponents of `numpy.frexp` of two scaled factors add to this or more if it does.
    rounding : Rounding
        One of `hwmodel.arithmetic.pattern_tiles.MODES`, or downward.
    exact : bool
        Whether no sum is looked at again: the type rounds none that may occur, and the rounding is
        not to nearest even, where ties are.
    bounds : tuple of float, optional
        The largest and the smallest value, scaled, and what stands for sums beyond them; else rows
        with a sum that reaches `large` are given up.
    """

    half: int
    step: int
    up: Any
    large: float
    sure: bool
    finest: int
    rounding: Rounding
    exact: bool
    bounds: tuple[float, ...] | None = None

    @property
    def negated(self) -> bool:
        """Whether the sums' negatives are added: downward is upward from there."""
        return self.rounding is Rounding.DOWN


def padded(columns: int) -> int:
    """Columns that the result needs: whole tiles."""
    return -(-columns // WIDTH) * WIDTH


def add_products(
    patterns: Patterns, a: Any, b: Any, result: Any, hasty: bool
) -> npt.NDArray[np.bool_]:
    """Write the scaled products of the matrices `a` and `b` to `result`, zero so far.

    The parameters are those of `sums.add_products`, but that `result` has `padded` columns.

    Returns which rows were given up; what was written there is void.
    """
    void = np.zeros(len(a), np.bool_)
    whole = np.int32 if a.dtype == np.float32 else np.int64
    numbers = (whole(patterns.half), whole(-patterns.step), a.dtype.type(patterns.up))
    rounding = Rounding.UP if patterns.negated else patterns.rounding
    # Of float64, sums are watched one by one: bounds on what they can become are too careful.
    watched = a.dtype == np.float64 and patterns.bounds is None
    flags = (patterns.exact or None, watched or None, patterns.bounds)
    mode = (0,) * MODES.index(rounding)
    if patterns.negated:
        a = -a
        result[:] = -0.0
    for first in range(0, b.shape[1], _COLUMNS):
        columns = b[:, first : first + _COLUMNS]
        width = padded(columns.shape[1])
        for start in range(0, a.shape[1], _STEPS):
            x = np.ascontiguousarray(a[:, start : start + _STEPS])
            y = columns[start : start + _STEPS]
            growth = sums.growth(x, y)
            if not patterns.sure:
                void |= sums.smallest(x, axis=1) + sums.smallest(y) < patterns.finest
            tiles = _tiles(y, width)
            where = (first, width, result.shape[1], _RARE if hasty else 0)
            limit = patterns.large * sums.SLACK
            done = _add_tiles(
                *(numbers, limit, growth, x.reshape(-1), tiles, result.reshape(-1), where, void),
                *(mode, *flags),
            )
            if not done or (hasty and 2 * np.sum(void) > len(void)):
                void[:] = True
                return void
    if patterns.negated:
        np.negative(result, out=result)
    return void


def _tiles(b: Any, width: int) -> npt.NDArray[Any]:
    """The matrix column by column of tiles, each whole and in order; zeros fill the last."""
    full = b
    if width > b.shape[1]:
        full = np.zeros((len(b), width), b.dtype)
        full[:, : b.shape[1]] = b
    return full.reshape(len(b), -1, WIDTH).swapaxes(0, 1).reshape(-1)


@jit
def _add_tiles(
    numbers: Any,
    limit: float,
    growth: Any,
    a: Any,
    b: Any,
    result: Any,
    where: Any,
    void: Any,
    mode: Any,
    exact: Any,
    watched: Any,
    bounds: Any,
) -> bool:
    """Add products to the rows whose sums stay below the limit; the others become void.

    `mode`, `exact`, `watched` and `bounds` are those of `add_tile`. Returns False when it was given
    up, as too many sums had to be looked at again.
    """
    first, width, stride, rare = where
    half, keep, up = numbers
    rows = growth.size
    steps = a.size // rows
    for i in range(rows):
        reach, most = growth[i], np.inf
        if watched is None and bounds is None:
            peak = float_of(largest_magnitude(result, i * stride + first, width), up)
            reach, most = reach + np.float64(peak), limit
        void[i] |= not reach < most
    seen = 0
    for column in range(0, width, WIDTH):
        for i in range(rows):
            if not void[i]:
                place = i * stride + first + column
                found, most = add_tile(
                    *(a, i * steps, steps, b, column * steps, result, place, half, keep, up),
                    *(mode, exact, watched, bounds),
                )
                seen += found
                if watched is not None:
                    void[i] = not np.float64(most) < limit
        if seen * rare > a.size * (column + WIDTH) // COUNT:
            return False
    return True
