"""Sums with a rounding a step in accumulators whose grid is not a float type's.

Such are those without mantissa, where the exponent makes a code even; without subnormals, with a
gap around zero; without sign, where sums below zero overflow. A sum is formed in float32 or
float64, exactly or rounded to odd, which no later rounding sees (Boldo and Melquiond, see `steps`).
Then half a step or the like is added to its pattern, and the end is cut off. What is smaller than
the smallest normal number of a grid with a gap becomes it or zero, and what is beyond the largest
value what stands for that.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hwmodel.compiled import bits_of, float_of, fma, inlined, jit
from hwmodel.formats import Rounding

__all__ = ["Grid", "add_products"]

# Columns whose sums stay in the first-level cache.
_COLUMNS = 1024


class Grid(NamedTuple):
    """How sums in a float type are rounded to an accumulator, by their patterns.

    Attributes
    ----------
    step : int
        Pattern of the accumulator's last place.
    parity : int
        The same bit, if codes are even where it is set, else 0.
    powers : bool
        Whether there is no mantissa.
    least : int
        Pattern of the smallest normal number, zero where subnormals are the type's.
    limits : tuple of int
        Patterns of the least positive and negative magnitudes that do not become zero.
    ends : tuple of float
        The largest and the smallest value, and what stands for sums beyond them.
    rounding : Rounding
        Any but stochastic.
    exact : bool
        Whether the type rounds no sum.
    plain : bool
        Whether there is no sign of a zero.
    """

    step: int
    parity: int
    powers: bool
    least: int
    limits: tuple[int, int]
    ends: tuple[float, float, float, float]
    rounding: Rounding
    exact: bool
    plain: bool


def add_products(
    grid: Grid, a: npt.NDArray[Any], b: npt.NDArray[Any], sums: npt.NDArray[Any], hasty: bool
) -> npt.NDArray[np.bool_]:
    """Write the rounded sums of products of `a` and `b`; True for rows that have to be done again.

    Those are rows with an operand that is not finite. `hasty` is of no use here.
    """
    void = ~np.isfinite(a).all(axis=1)
    if not np.isfinite(b).all():
        void[:] = True
        return void
    rule = grid.rounding
    flags = (
        grid.exact,
        rule is Rounding.NEAREST_EVEN,
        rule is Rounding.NEAREST_AWAY,
        rule in (Rounding.UP, Rounding.DOWN),
        rule is Rounding.TO_ODD,
        rule is Rounding.DOWN,
        grid.least > 0,
        # Cut off without a mantissa, a NaN is none.
        grid.powers and not all(np.isfinite(grid.ends)),
    )
    kinds = tuple(True if flag else None for flag in flags)
    numbers = (grid.step, grid.parity, grid.least, *grid.limits)
    # Numbers of the type: others would make its sums float64.
    ends = tuple(a.dtype.type(end) for end in (*grid.ends, 0.0, np.inf))
    for start in range(0, b.shape[1], _COLUMNS):
        part = slice(start, start + _COLUMNS)
        _add(numbers, ends, a, np.ascontiguousarray(b[:, part]), sums[:, part], void, *kinds)
    if grid.plain:
        sums += 0.0  # minus zero and zero are zero
    return void


@inlined
def _word(number: Any, like: Any) -> Any:
    """An integer of the size of a float: numba makes sums of short ones long."""
    return bits_of(float_of(number, like))


@inlined
def _odd_sum(before: Any, product: Any, zero: Any) -> Any:
    """Pattern of the sum, rounded to odd: one step toward it from the type's if that is even."""
    total = before + product
    back = total - before
    error = (before - (total - back)) + (product - back)
    bits, rest = bits_of(total), bits_of(error)
    even = _word((bits & 1) ^ 1, total)
    inward = _word((bits ^ rest) < 0, total)
    step = _word(1 - _word(inward + inward, total), total)
    return _word(bits + (step if (abs(error) > zero) & (even != 0) else 0), total)


@inlined
def _cut(
    bits: Any,
    sign: Any,
    like: Any,
    step: Any,
    parity: Any,
    even: Any,
    away: Any,
    sided: Any,
    odd: Any,
    down: Any,
) -> Any:
    """Pattern of a magnitude on the grid, from that of a sum's and what is its sign."""
    below = _word(step - 1, like)
    half = _word(step >> 1, like)
    keep = _word(-step, like)
    if even is not None:
        uneven = _word((bits & step) ^ parity, like)
        bits = _word(bits + _word(half - (1 if uneven == 0 else 0), like), like)
    if away is not None:
        bits = _word(bits + half, like)
    if sided is not None:
        outward = sign < 0 if down is not None else sign >= 0
        bits = _word(bits + (below if outward else 0), like)
    if odd is not None:
        lost = (bits & below) != 0
        uneven = _word((bits & step) ^ parity, like)
        bits = _word(bits + (step if lost & (uneven == 0) else 0), like)
    return _word(bits & keep, like)


@jit
def _add(
    numbers: Any,
    ends: Any,
    a: Any,
    b: Any,
    sums: Any,
    void: Any,
    exact: Any,
    even: Any,
    away: Any,
    sided: Any,
    odd: Any,
    down: Any,
    gap: Any,
    endless: Any,
) -> None:
    largest, smallest, above, beneath, like, end = ends
    step, parity = _word(numbers[0], like), _word(numbers[1], like)
    least, infinite = _word(numbers[2], like), bits_of(end)
    positive, negative = _word(numbers[3], like), _word(numbers[4], like)
    for i in range(a.shape[0]):
        if void[i]:
            continue
        row = sums[i]
        for k in range(a.shape[1]):
            factor = a[i, k]
            for j in range(row.size):
                before = row[j]
                if exact is not None:
                    pattern = bits_of(fma(factor, b[k, j], before))
                else:
                    pattern = _odd_sum(before, factor * b[k, j], like)
                magnitude = bits_of(abs(float_of(pattern, like)))
                cut = _cut(magnitude, pattern, like, step, parity, even, away, sided, odd, down)
                if gap is not None:
                    edge = positive
                    if sided is not None:
                        edge = negative if pattern < 0 else positive
                    small = least if magnitude >= edge else _word(0, like)
                    cut = small if magnitude < least else cut
                value = float_of(cut | (pattern ^ magnitude), like)
                if down is not None:  # a zero is minus zero unless both are plus zero
                    signs = bits_of(before) | bits_of(factor * b[k, j])
                    minus = float_of(signs ^ bits_of(abs(float_of(signs, like))), like)
                    value = minus if magnitude == 0 else value
                value = above if value > largest else value
                value = beneath if value < smallest else value
                if endless is not None:
                    value = float_of(pattern, like) if magnitude >= infinite else value
                row[j] = value
