"""Chunks added into floating-point accumulators, a matrix of them at a time, compiled.

Each function adds chunks times the factors of their row and column, exact, to totals that are
values of the accumulator. Totals in float32 are FP32's own and rounded here to nearest even; in
float64 they are rounded to odd, for the format's own rounding, which comes after.
"""

from typing import Any

import numpy as np

from hwmodel.arithmetic.steps import two_sum
from hwmodel.compiled import bits_of, fma, inner, jit

__all__ = [
    *("add_exactly", "add_floats", "add_long_products", "add_near_floats", "add_near_products"),
    *("add_pairs", "add_products"),
]

_OFF, _FLOATS_OFF = 2.0**-51, np.float32(2.0**-44)


@inner
def _to_odd(total: Any, error: Any) -> Any:
    """A float64 sum and its error as one number, rounded to odd, without a branch."""
    bits = np.float64(total).view(np.int64)
    # Bits count magnitudes: one more goes away from zero.
    step = np.int64(1) if (error > 0.0) == (total > 0.0) else np.int64(-1)
    if error == 0.0 or (bits & 1) == 1 or not np.isfinite(total):
        step = np.int64(0)
    return np.int64(bits + step).view(np.float64)


@inner
def _settled(total: Any, before: Any, chunk: Any, most: Any, downward: Any) -> Any:
    """A total no larger than `most`, and the sign of a zero where rounding goes down.

    That is minus unless both addends are plus zero.
    """
    if downward is not None:  # without an `and`: numba leaves it out where it is None
        negative = np.signbit(before) or np.signbit(chunk)
        total = -0.0 if total == 0.0 and negative else total
    total = most if total > most else total
    return -most if total < -most else total


@inner
def _long_sum(before: Any, high: Any, low: Any) -> Any:
    """Sum of a number and of a sum `high + low` that float64 does not hold, rounded to odd.

    Boldo and Melquiond's, as in `hwmodel.arithmetic.steps`.
    """
    first, first_error = two_sum(before, low)
    total, error = two_sum(high, first)
    rest, rest_error = two_sum(first_error, error)
    total, error = two_sum(total, _to_odd(rest, rest_error))
    return _to_odd(total, error)


@jit
def add_floats(total: Any, chunk: Any, left: Any, right: Any) -> None:
    """Add float32 chunks to float32 totals, where float32 holds them times their factors.

    Parameters
    ----------
    total, chunk : array of float32, shape (M, N)
        What is added to, and what is added.
    left, right : array of float32, shape (M,) and (N,)
        Factors of the rows and of the columns.

    No total becomes minus zero, so that the sign of a chunk's zero is all the same.
    """
    for i in range(total.shape[0]):
        factor = left[i]
        for j in range(total.shape[1]):
            total[i, j] += chunk[i, j] * (factor * right[j])


@jit
def add_exactly(total: Any, chunk: Any, left: Any, right: Any) -> None:
    """Add chunks to float32 totals, where float64 holds every sum.

    Parameters are those of `add_products`; as in `add_floats` no total becomes minus zero.
    """
    for i in range(total.shape[0]):
        factor = left[i]
        for j in range(total.shape[1]):
            found = fma(np.float64(chunk[i, j]), factor * right[j], np.float64(total[i, j]))
            total[i, j] = np.float32(found)


@jit
def add_products(
    total: Any, chunk: Any, left: Any, right: Any, most: float, unsigned: Any, downward: Any
) -> None:
    """Add chunks to totals, where float64 holds them times their factors.

    Parameters
    ----------
    total : array of float32 or float64, shape (M, N)
        What is added to.
    chunk : array of float32 or float64
        What is added.
    left, right : array of float64, shape (M,) and (N,)
        Factors.
    most : float
        Largest magnitude of a total; infinity where totals overflow.
    unsigned, downward : bool or None
        Whether chunks are fixed-point numbers, whose zeros are plus zero, and whether the rounding
        goes down.
    """
    for i in range(total.shape[0]):
        factor = left[i]
        for j in range(total.shape[1]):
            product = np.float64(chunk[i, j]) * (factor * right[j])
            if unsigned is not None:
                product = product + 0.0
            before = np.float64(total[i, j])
            found, error = two_sum(before, product)
            total[i, j] = _settled(_to_odd(found, error), before, product, most, downward)


@jit
def add_long_products(
    total: Any, chunk: Any, left: Any, right: Any, most: float, unsigned: Any, downward: Any
) -> None:
    """The same where a chunk times its factors has more bits than float64."""
    for i in range(total.shape[0]):
        for j in range(total.shape[1]):
            value = np.float64(chunk[i, j])
            both = left[i] * right[j]
            high = value * both
            if unsigned is not None:
                high = high + 0.0
            before = np.float64(total[i, j])
            plain = before + high
            found = _long_sum(before, high, fma(value, both, -high))
            # Of infinities and NaN there are no errors, and zeros would lose their sign in them.
            found = found if np.isfinite(plain) and high != 0.0 else plain
            total[i, j] = _settled(found, before, high, most, downward)


@jit
def add_near_products(
    total: Any, chunk: Any, left: Any, right: Any, scratch: Any, unsigned: Any
) -> Any:
    """The same for float32 totals, row by row, as long as it is sure how sums are rounded.

    A sum of float64 and its product are each off by half a last place at most. Where what lies two
    last places above and below is rounded to one number, so is the exact sum.

    Parameters
    ----------
    total, chunk, left, right, unsigned
        As for `add_products`.
    scratch : array of float32, shape (N,)
        Room for a row.

    Returns
    -------
    int
        Rows that are done; the next one, if there is one, wants more care.
    """
    for i in range(total.shape[0]):
        factor = left[i]
        unsure = np.int64(0)
        for j in range(total.shape[1]):
            product = np.float64(chunk[i, j]) * (factor * right[j])
            if unsigned is not None:
                product = product + 0.0
            found = np.float64(total[i, j]) + product
            off = (abs(found) + abs(product)) * _OFF
            low, high = np.float32(found - off), np.float32(found + off)
            scratch[j] = high
            # As bits: what may be a zero of either sign is not sure.
            unsure += np.int64(bits_of(low) != bits_of(high))
        if unsure:
            return i
        for j in range(total.shape[1]):
            total[i, j] = scratch[j]
    return total.shape[0]


@jit
def add_near_floats(total: Any, chunk: Any, left: Any, right: Any, scratch: Any) -> Any:
    """The same as `add_near_products` in float32 only, of which all are arrays.

    A product with both factors is a sum of two float32 but for less than ``2**-46`` of it, and so
    is the sum with it. Products are no less than ``2**-80``, so that no sum is minus zero.
    """
    for i in range(total.shape[0]):
        factor = left[i]
        unsure = np.int32(0)
        for j in range(total.shape[1]):
            value, before = chunk[i, j], total[i, j]
            both = np.float32(factor * right[j])
            more = fma(factor, right[j], -both)
            high = np.float32(value * both)
            low = np.float32(fma(value, both, -high) + np.float32(value * more))
            found = np.float32(before + high)
            back = np.float32(found - before)
            error = np.float32(
                np.float32(before - np.float32(found - back)) + np.float32(high - back)
            )
            rest = np.float32(error + low)
            off = np.float32(np.float32(abs(found) + abs(high)) * _FLOATS_OFF)
            least = np.float32(found + np.float32(rest - off))
            most = np.float32(found + np.float32(rest + off))
            scratch[j] = least
            unsure |= np.int32(bits_of(least) ^ bits_of(most))
        if unsure:
            return i
        for j in range(total.shape[1]):
            total[i, j] = scratch[j]
    return total.shape[0]


@jit
def add_pairs(
    total: Any,
    first: Any,
    second: Any,
    left: Any,
    right: Any,
    most: float,
    downward: Any,
) -> None:
    """The same for chunks that are sums of two float64, each of which its factors keep exact."""
    for i in range(total.shape[0]):
        factor = left[i]
        for j in range(total.shape[1]):
            both = factor * right[j]
            high, low = two_sum(first[i, j] * both, second[i, j] * both)
            high = high + 0.0  # no sign
            before = np.float64(total[i, j])
            plain = before + high
            found = _long_sum(before, high, low)
            found = found if np.isfinite(plain) else plain
            total[i, j] = _settled(found, before, high, most, downward)
