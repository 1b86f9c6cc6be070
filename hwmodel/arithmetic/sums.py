"""Sums of products with a rounding a step, compiled to vector instructions."""

from typing import Any, NamedTuple

import numpy as np

from hwmodel.compiled import jit

__all__ = ["Constants", "add_products", "add_saturating"]

# Columns summed side by side: their accumulators stay in the first-level cache.
_COLUMNS = 256


class Constants(NamedTuple):
    """How sums in a float type are rounded to an accumulator.

    Attributes
    ----------
    native : bool
        The accumulator is the type: its adder rounds.
    keep_sign : bool
        Whether a sum can round to zero, whose sign is kept.
    field : int32 or int64
        Mask of the exponent field.
    lowest : int32 or int64
        Exponent field of the accumulator's smallest normal number.
    lift : int32 or int64
        What is added to an exponent field to make 1.5 times the power of two whose last place in
        the type is the accumulator's.
    limit, beyond : float32 or float64
        Largest finite value, and what stands for larger ones.
    """

    native: bool
    keep_sign: bool
    field: Any
    lowest: Any
    lift: Any
    limit: Any
    beyond: Any


def add_products(constants: Constants, a: Any, b: Any, result: Any) -> None:
    """Write the products of the matrices `a` and `b` (of one float type) to `result`."""
    if constants.native:
        _add_native(a, b, result)
    elif a.dtype == np.float32:
        _add_rounded_32(constants, a, b, result)
    else:
        _add_rounded_64(constants, a, b, result)


@jit
def _add_native(a: Any, b: Any, result: Any) -> None:
    for first in range(0, b.shape[1], _COLUMNS):
        last = min(first + _COLUMNS, b.shape[1])
        for i in range(a.shape[0]):
            acc = result[i, first:last]
            for k in range(a.shape[1]):
                x = a[i, k]
                row = b[k, first:last]
                for j in range(acc.size):
                    acc[j] += x * row[j]


@jit
def _sum_32(constants: Constants, acc: Any, x: Any, y: Any, keep_sign: Any) -> Any:
    """One rounded sum without a look at overflow, and the exponent field before rounding."""
    total = np.float32(acc + np.float32(x * y))
    field = np.int32(np.float32(total).view(np.int32) & constants.field)
    field = max(field, constants.lowest)
    adder = np.int32(field + constants.lift).view(np.float32)
    value = np.float32(np.float32(total + adder) - adder)
    if keep_sign:
        value = np.copysign(value, total)
    return value, np.int32(field)


@jit
def _add_row_32(constants: Constants, a: Any, b: Any, first: Any, acc: Any) -> Any:
    """Add the products of a row, four at a time, to `acc`; returns the largest field met."""
    keep_sign = constants.keep_sign
    top = np.int32(0)
    last = first + acc.size
    fours = a.size - a.size % 4
    for k in range(0, fours, 4):
        x0, x1, x2, x3 = a[k], a[k + 1], a[k + 2], a[k + 3]
        row0, row1 = b[k, first:last], b[k + 1, first:last]
        row2, row3 = b[k + 2, first:last], b[k + 3, first:last]
        for j in range(acc.size):
            value, field0 = _sum_32(constants, acc[j], x0, row0[j], keep_sign)
            value, field1 = _sum_32(constants, value, x1, row1[j], keep_sign)
            value, field2 = _sum_32(constants, value, x2, row2[j], keep_sign)
            value, field3 = _sum_32(constants, value, x3, row3[j], keep_sign)
            top = max(top, field0)
            top = max(top, field1)
            top = max(top, field2)
            top = max(top, field3)
            acc[j] = value
    for k in range(fours, a.size):
        for j in range(acc.size):
            acc[j], field0 = _sum_32(constants, acc[j], a[k], b[k, first + j], keep_sign)
            top = max(top, field0)
    return top


@jit
def _add_row_bounded_32(constants: Constants, a: Any, b: Any, first: Any, acc: Any) -> None:
    """Add the products of a row to `acc` with overflow settled at every step."""
    limit, beyond, keep_sign = constants.limit, constants.beyond, constants.keep_sign
    last = first + acc.size
    for k in range(a.size):
        x = a[k]
        row = b[k, first:last]
        for j in range(acc.size):
            total = np.float32(acc[j] + np.float32(x * row[j]))
            value, _ = _sum_32(constants, acc[j], x, row[j], False)
            value = np.float32(beyond) if value > limit else value
            value = np.float32(-beyond) if value < -limit else value
            acc[j] = np.copysign(value, total) if keep_sign else value


@jit
def _add_rounded_32(constants: Constants, a: Any, b: Any, result: Any) -> None:
    # Sums near the largest value are rare: rows that met one are done again with care.
    large = np.int32(np.float32(constants.limit).view(np.int32) & constants.field)
    for first in range(0, b.shape[1], _COLUMNS):
        last = min(first + _COLUMNS, b.shape[1])
        for i in range(a.shape[0]):
            acc = result[i, first:last]
            if _add_row_32(constants, a[i], b, first, acc) >= large:
                acc[:] = np.float32(0.0)
                _add_row_bounded_32(constants, a[i], b, first, acc)


@jit
def _add_rounded_64(constants: Constants, a: Any, b: Any, result: Any) -> None:
    keep_sign, limit, beyond = constants.keep_sign, constants.limit, constants.beyond
    for first in range(0, b.shape[1], _COLUMNS):
        last = min(first + _COLUMNS, b.shape[1])
        for i in range(a.shape[0]):
            acc = result[i, first:last]
            for k in range(a.shape[1]):
                x = a[i, k]
                row = b[k, first:last]
                for j in range(acc.size):
                    total = acc[j] + x * row[j]
                    field = np.float64(total).view(np.int64) & constants.field
                    field = max(field, constants.lowest)
                    adder = np.int64(field + constants.lift).view(np.float64)
                    value = (total + adder) - adder
                    value = beyond if value > limit else value
                    value = -beyond if value < -limit else value
                    acc[j] = np.copysign(value, total) if keep_sign else value


@jit
def add_saturating(a: Any, b: Any, low: int, high: int, result: Any) -> None:
    """Write sums of products of integers that saturate at every step to `result`."""
    for i in range(a.shape[0]):
        acc = result[i]
        acc[:] = 0
        for k in range(a.shape[1]):
            x = a[i, k]
            row = b[k]
            for j in range(acc.size):
                acc[j] = min(max(acc[j] + x * row[j], low), high)
