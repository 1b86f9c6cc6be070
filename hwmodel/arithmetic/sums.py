"""Sums of products with a rounding a step: which loop takes which products.

Sums near the largest value are rare, and so are those that end as zero. Most products are added by
loops that look at neither (`quick_sums`), as no sum can get to where it matters:

Let s be on the accumulator's grid and r the sum s + p rounded to nearest. No point of the grid is
nearer to s + p than r, nor is s: |r - (s + p)| <= |s - (s + p)| = |p|, so |r| <= |s| + 2|p|. After
more products no sum, rounded or not, is above |s| + 2(|p1| + |p2| + ...); by Cauchy and Schwarz the
bracket is at most the product of the factors' norms. Sums below the bound are rounded as if once
(`carriers`), which the next step of the argument takes for granted.

Other products are added by loops that settle overflow at each step, or, where the type cannot tell
which large sums are right, by loops that note whether they met one: such rows are void. The quick
loops lose the sign of zeros. Nothing else hangs on it: the sums with either zero are
equal, or both zero. So only sums that end as zero are done again, where signs matter at all.

The loops lie apart, called from Python, so that only those that are needed are compiled.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hwmodel.arithmetic import quick_sums

__all__ = ["SLACK", "Constants", "add_products", "growth", "smallest"]

# Columns summed side by side: their accumulators stay in the first-level cache.
_COLUMNS = 512
# Products of a sum between two looks at how large it is; their rows of `b` stay in the
# second-level cache while all rows of `a` pass.
_STEPS = 32
# Room for the rounding of norms and of the bound's own sums, and of a sum to the type.
SLACK = 1.0 - 2.0**-10
# Above what squares of numbers below 2**-511 lose.
_TINY = 2.0**-1000


class Constants(NamedTuple):
    """How sums in a float type are rounded to an accumulator.

    Attributes
    ----------
    native : bool
        The accumulator is the type: its adder rounds.
    keep_sign : bool
        Whether a sum can be so small that it becomes zero, which then has a sign.
    field : int32 or int64
        Mask of the exponent field.
    lift : int32 or int64
        What is added to an exponent field to make 1.5 times the power of two whose last place in
        the type is the accumulator's.
    least : float32 or float64
        The same for the accumulator's smallest normal number: the smallest there is.
    edge : float32 or float64
        What `lift` makes of the smallest normal number.
    gap, powers : bool, optional
        True where there are no subnormals, so that `least` has the last place of the smallest
        normal number's own size, and where there is no mantissa; None else.
    large : float32 or float64
        Magnitude from which on a sum is looked at with care.
    most : float32 or float64
        The same for sums that the type does not round.
    exact : int
        With the exponents of the smallest factors, that of a magnitude below which it rounds none.
    checked : float32 or float64
        Up to this magnitude it is enough to look whether the type rounded a sum that was smaller
        than its product; zero where that is no proof.
    bounded : bool
        Whether larger sums can be settled in the type; else they are left to rounding to odd.
    limit, beyond : float32 or float64
        Largest finite value, and what stands for larger ones.
    lower, beneath : float32 or float64
        Smallest value, and what stands for smaller ones.
    up, down : float32 or float64
        Power of two that takes the first value beyond the largest to the type's infinity, and its
        inverse; zero where larger ones are not infinite, or no power of two does.
    """

    native: bool
    keep_sign: bool
    field: Any
    lift: Any
    least: Any
    edge: Any
    gap: bool | None
    powers: bool | None
    large: Any
    most: Any
    exact: int
    checked: Any
    bounded: bool
    limit: Any
    beyond: Any
    lower: Any
    beneath: Any
    up: Any
    down: Any


def add_products(
    constants: Constants, a: Any, b: Any, result: Any, hasty: bool
) -> npt.NDArray[np.bool_]:
    """Write the products of the matrices `a` and `b` (of one float type) to `result`, zero so far.

    `hasty`: another type does nearly as well, so rows that need care are not worth it.

    Returns which rows met a sum that the type does not hold; what was written there is void.
    """
    void = np.zeros(a.shape[0], np.bool_)
    for first in range(0, b.shape[1], _COLUMNS):
        columns = np.ascontiguousarray(b[:, first : first + _COLUMNS])
        if constants.native:
            quick_sums.add_native(a, columns, result, first)
        elif not void.all():
            _add_columns(constants, a, columns, result, first, hasty, void)
    return void


def _add_columns(
    constants: Constants,
    a: Any,
    b: Any,
    result: Any,
    first: int,
    hasty: bool,
    void: npt.NDArray[np.bool_],
) -> None:
    limits = np.full(a.shape[0], float(constants.large))
    checked = float(constants.checked) * SLACK
    large = np.zeros(a.shape[0], np.bool_)
    # Where all sums are multiples of the accumulator's last place (no `keep_sign`), those below its
    # normal numbers are on its grid, and rounding them on a finer one leaves them: no maximum.
    rounder = (
        *(constants.keep_sign, constants.field, constants.lift, constants.least),
        *(constants.edge, constants.gap, constants.powers),
    )
    finest = np.full(a.shape[0], np.iinfo(np.int32).max)
    for start in range(0, a.shape[1], _STEPS):
        x, y = np.ascontiguousarray(a[:, start : start + _STEPS]), b[start : start + _STEPS]
        room = growth(x, y)
        if constants.large < constants.most:
            finest = np.minimum(finest, smallest(x, axis=1) + smallest(y))
            limits = _limits(constants, finest)
        safe = limits * SLACK
        left = ~(void | large)
        # What no row can use is not compiled either.
        if (room < safe).any():
            quick_sums.add_rows(rounder, safe, room, x, y, result, first, left)
        if constants.checked > constants.large and (left & (room < checked)).any():
            quick_sums.add_checked_rows(rounder, checked, room, x, y, result, first, left, void)
        # Without signs no sum is added without a look, in no type.
        if hasty and constants.large > 0 and 2 * np.sum(left | void) > len(left):
            void[:] = True
            return
        if not left.any():
            continue
        from hwmodel.arithmetic import watched_sums

        if constants.bounded:
            saturates = constants.beyond == constants.limit and constants.beneath == constants.lower
            kinds = (saturates, constants.up > 0.0)
            saturating, infinite = (True if kind else None for kind in kinds)
            watched_sums.add_bounded(constants, x, y, result, first, left, saturating, infinite)
        else:
            watched_sums.add_rows(constants, x, y, result, first, left, large)
            if 2 * np.sum(large) > len(large):
                void[:] = True  # the few others are not worth their time
                return
    void |= large
    if constants.lower == 0:  # no zero has a sign
        result[:, first : first + b.shape[1]] += 0
    elif constants.keep_sign:
        zeros = ~void & (result[:, first : first + b.shape[1]] == 0).any(axis=1)
        if zeros.any():
            from hwmodel.arithmetic import watched_sums

            watched_sums.mend_zeros(constants, a, b, result, first, zeros)


def smallest(values: Any, axis: int | None = None) -> npt.NDArray[np.int64]:
    """Exponents (of `numpy.frexp`) of the smallest factors that are not zero, by row or of all."""
    sizes = np.abs(values)
    sizes = np.where(sizes > 0, sizes, np.finfo(sizes.dtype).max)  # NaNs are not above zero
    return np.frexp(sizes.min(axis=axis))[1].astype(np.int64)


def _limits(constants: Constants, finest: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Magnitudes below which no row's sums are rounded twice, be they exact or not.

    A factor is a multiple of the last place that the smallest one has, so all sums are multiples
    of the last place of the smallest product: rounding only makes it coarser, and the largest value
    is one, or too large to matter here.
    """
    exact = np.ldexp(1.0, np.minimum(finest + constants.exact, 1023))
    return np.maximum(np.minimum(exact, float(constants.most)), float(constants.large))


def growth(a: Any, b: Any) -> npt.NDArray[np.float64]:
    """How much larger the sums of each row can become, but for rounding; NaN where that is open."""
    a, b = a.astype(np.float64, copy=False), b.astype(np.float64, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):
        rows = np.sqrt(np.einsum("ik,ik->i", a, a) + _TINY)
        columns = np.sqrt(np.einsum("kj,kj->j", b, b) + _TINY)
        return np.asarray(2.0 * columns.max() * rows)
