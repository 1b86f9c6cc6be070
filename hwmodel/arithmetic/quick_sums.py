"""Sums with a rounding a step without a look at overflow and signs of zeros, compiled.

`sums` says when they do. One product of each sum at a time: sums side by side do not wait for each
other, which keeps the core's adders busier than several products of the same sum would.
"""

from typing import Any

import numpy as np

from hwmodel.compiled import bits_of, exponent_field, float_of, fma, inlined, jit

__all__ = ["add_checked_rows", "add_native", "add_rows", "rounded"]


@inlined
def rounded(
    low: Any, field: Any, lift: Any, least: Any, edge: Any, gap: Any, powers: Any, total: Any
) -> Any:
    """Sum on the accumulator's grid, as if it had no largest value; a zero loses its sign.

    The arguments are those of `sums.Constants`; `low` says whether the grid ends, which `least`
    then sees to.
    """
    exponent = bits_of(total) & field
    if powers is not None:  # an odd number of last places where the lower power's code is even
        adder = float_of(exponent + lift + exponent_field(float_of(exponent, total)), total)
    else:
        adder = float_of(exponent + lift, total)
    if gap is not None:
        if low:
            adder = adder if adder >= edge else least
    else:
        if low:
            adder = adder if adder > least else least
    return (total + adder) - adder


@jit
def add_native(a: Any, b: Any, result: Any, first: int) -> None:
    """Sums that the type's own adder rounds as the unit does: with one rounding for both."""
    whole = a.shape[1] // 4 * 4
    for i in range(a.shape[0]):
        acc = result[i, first : first + b.shape[1]]
        for k in range(0, whole, 4):  # fewer ways to the cache and back
            w, x, y, z = a[i, k], a[i, k + 1], a[i, k + 2], a[i, k + 3]
            p, q, r, s = b[k], b[k + 1], b[k + 2], b[k + 3]
            for j in range(acc.size):
                total = fma(x, q[j], fma(w, p[j], acc[j]))
                acc[j] = fma(z, s[j], fma(y, r[j], total))
        for k in range(whole, a.shape[1]):
            x, row = a[i, k], b[k]
            for j in range(acc.size):
                acc[j] = fma(x, row[j], acc[j])


@jit
def add_rows(
    rounder: Any, limits: Any, growth: Any, a: Any, b: Any, result: Any, first: int, which: Any
) -> None:
    """Add the products to the rows of `result` named in `which` that stay below their limits.

    `rounder` has seven of `sums.Constants`: fewer names are compiled sooner. `growth` says how much
    larger the sums of a row can become; `b` are the result's columns from `first` on. What is done
    is struck from `which`.
    """
    low, field, lift, least, edge, gap, powers = rounder
    for i in range(a.shape[0]):
        if not which[i]:
            continue
        acc = result[i, first : first + b.shape[1]]
        if not np.float64(_peak(acc)) + growth[i] < limits[i]:
            continue
        for k in range(a.shape[1]):
            x, row = a[i, k], b[k]
            for j in range(acc.size):
                total = fma(x, row[j], acc[j])
                acc[j] = rounded(low, field, lift, least, edge, gap, powers, total)
        which[i] = False


@jit
def add_checked_rows(
    rounder: Any,
    limit: float,
    growth: Any,
    a: Any,
    b: Any,
    result: Any,
    first: int,
    which: Any,
    void: Any,
) -> None:
    """`add_rows` that names in `void` rows with a sum that may have been rounded twice.

    Where the product is the larger one, what it leaves of the total is exact and not the other one
    if the total was rounded (Dekker's Fast2Sum). Where it is the smaller one, `carriers` has seen
    to it that one rounding shows.
    """
    low, field, lift, least, edge, gap, powers = rounder
    for i in range(a.shape[0]):
        if not which[i]:
            continue
        acc = result[i, first : first + b.shape[1]]
        if not np.float64(_peak(acc)) + growth[i] < limit:
            continue
        odd = 0
        for k in range(a.shape[1]):
            x, row = a[i, k], b[k]
            for j in range(acc.size):
                total = fma(x, row[j], acc[j])
                odd |= bits_of(total - x * row[j]) ^ bits_of(acc[j])
                acc[j] = rounded(low, field, lift, least, edge, gap, powers, total)
        void[i] = odd != 0
        which[i] = False


@jit
def _peak(acc: Any) -> Any:
    """Largest magnitude; NaN if there is one."""
    top = bits_of(acc[0]) & 0
    for j in range(acc.size):
        magnitude = bits_of(abs(acc[j]))
        top = magnitude if magnitude > top else top
    return float_of(top, acc[0])
