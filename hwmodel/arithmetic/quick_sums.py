"""Sums with a rounding a step without a look at overflow and signs of zeros, compiled.

`sums` says when they do. One product of each sum at a time: sums side by side do not wait for each
other, which keeps the core's adders busier than several products of the same sum would.
"""

from typing import Any

import numpy as np

from hwmodel.compiled import bits_of, float_of, fma, jit

__all__ = ["add_checked_rows", "add_native", "add_rows"]


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
    constants: Any, limit: float, growth: Any, a: Any, b: Any, result: Any, first: int, which: Any
) -> None:
    """Add the products to the rows of `result` named in `which` that stay below `limit`.

    `growth` says how much larger the sums of a row can become; `b` are the result's columns from
    `first` on. What is done is struck from `which`.
    """
    for i in range(a.shape[0]):
        if which[i]:
            acc = result[i, first : first + b.shape[1]]
            if np.float64(_peak(acc)) + growth[i] < limit:
                _add(constants, a[i], b, acc)
                which[i] = False


@jit
def add_checked_rows(
    constants: Any,
    limit: float,
    growth: Any,
    a: Any,
    b: Any,
    result: Any,
    first: int,
    which: Any,
    void: Any,
) -> None:
    """`add_rows` that names in `void` rows with a sum that may have been rounded twice."""
    for i in range(a.shape[0]):
        if which[i]:
            acc = result[i, first : first + b.shape[1]]
            if np.float64(_peak(acc)) + growth[i] < limit:
                void[i] = _add_checked(constants, a[i], b, acc)
                which[i] = False


@jit
def _add(constants: Any, a: Any, b: Any, acc: Any) -> None:
    """Add the products of a row.

    Where all sums are multiples of the accumulator's last place (no `keep_sign`), those below its
    normal numbers are on its grid, and rounding them on a finer one leaves them: no maximum.
    """
    low = constants.keep_sign
    for k in range(a.size):
        x, row = a[k], b[k]
        for j in range(acc.size):
            total = fma(x, row[j], acc[j])
            adder = float_of((bits_of(total) & constants.field) + constants.lift, total)
            if low:
                adder = adder if adder > constants.least else constants.least
            acc[j] = (total + adder) - adder


@jit
def _add_checked(constants: Any, a: Any, b: Any, acc: Any) -> Any:
    """Add the products of a row; returns whether a sum may have been rounded twice.

    Where the product is the larger one, what it leaves of the total is exact and not the other one
    if the total was rounded (Dekker's Fast2Sum). Where it is the smaller one, `carriers` has seen
    to it that one rounding shows.
    """
    odd = 0
    for k in range(a.size):
        x, row = a[k], b[k]
        for j in range(acc.size):
            total = fma(x, row[j], acc[j])
            odd |= bits_of(total - x * row[j]) ^ bits_of(acc[j])
            adder = float_of((bits_of(total) & constants.field) + constants.lift, total)
            adder = adder if adder > constants.least else constants.least
            acc[j] = (total + adder) - adder
    return odd != 0


@jit
def _peak(acc: Any) -> Any:
    """Largest magnitude; NaN if there is one."""
    top = bits_of(acc[0]) & 0
    for j in range(acc.size):
        magnitude = bits_of(abs(acc[j]))
        top = magnitude if magnitude > top else top
    return float_of(top, acc[0])
