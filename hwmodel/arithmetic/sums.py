"""Sums of products with a rounding a step, compiled to vector instructions."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hwmodel.compiled import jit

__all__ = ["Constants", "add_products", "add_saturating"]

# Columns summed side by side: their accumulators stay in the first-level cache.
_COLUMNS = 512
# Rows after which it is seen whether most of them are in vain.
_ROWS = 16


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
    large : int32 or int64
        Exponent field from which on a sum is looked at with care.
    bounded : bool
        Whether that can be done in the type; else it is left to rounding to odd.
    limit, beyond : float32 or float64
        Largest finite value, and what stands for larger ones.
    """

    native: bool
    keep_sign: bool
    field: Any
    lowest: Any
    lift: Any
    large: Any
    bounded: bool
    limit: Any
    beyond: Any


def add_products(constants: Constants, a: Any, b: Any, result: Any) -> npt.NDArray[np.bool_]:
    """Write the products of the matrices `a` and `b` (of one float type) to `result`.

    Returns which rows met a sum that the type does not hold; what was written there is void.
    """
    void = np.zeros(a.shape[0], np.bool_)
    if constants.native:
        _add_native(a, b, result)
    elif a.dtype == np.float32:
        _add_rounded_32(constants, a, b, result, void)
    else:
        _add_rounded_64(constants, a, b, result, void)
    return void


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


# One product of each sum at a time: sums side by side do not wait for each other, which keeps the
# core's adders busier than several products of the same sum would. Sums near the largest value are
# rare, so the main loops only note the largest exponent; rows that met one are done again.


@jit
def _sum_32(constants: Constants, acc: Any, product: Any) -> Any:
    """Sum, the same rounded without a look at overflow, and its exponent field."""
    total = np.float32(acc + np.float32(product))
    field = np.int32(np.float32(total).view(np.int32) & constants.field)
    field = max(field, constants.lowest)
    adder = np.int32(field + constants.lift).view(np.float32)
    return total, np.float32(np.float32(total + adder) - adder), np.int32(field)


@jit
def _sum_64(constants: Constants, acc: Any, product: Any) -> Any:
    """The same in float64, whose maximum is quicker than that of int64."""
    total = acc + product
    power = np.int64(np.float64(total).view(np.int64) & constants.field).view(np.float64)
    lowest = np.int64(constants.lowest).view(np.float64)
    power = power if power > lowest else lowest
    adder = np.int64(np.float64(power).view(np.int64) + constants.lift).view(np.float64)
    return total, (total + adder) - adder, np.float64(power).view(np.int64)


@jit
def _signed_32(value: Any, total: Any) -> Any:
    """The rounded sum, a zero with the sign of the sum: one instruction less than `copysign`."""
    sign = np.int32(np.float32(total).view(np.int32) & np.int32(-0x80000000))
    return np.int32(np.float32(value).view(np.int32) | sign).view(np.float32)


@jit
def _signed_64(value: Any, total: Any) -> Any:
    sign = np.int64(np.float64(total).view(np.int64) & np.int64(-0x8000000000000000))
    return np.int64(np.float64(value).view(np.int64) | sign).view(np.float64)


@jit
def _add_row_32(constants: Constants, a: Any, b: Any, first: Any, acc: Any) -> Any:
    """Add the products of a row to `acc`; returns the largest exponent field met."""
    top = np.int32(0)
    for k in range(a.size):
        x, row = a[k], b[k, first : first + acc.size]
        if constants.keep_sign:
            for j in range(acc.size):
                total, value, field = _sum_32(constants, acc[j], x * row[j])
                acc[j] = _signed_32(value, total)
                top = max(top, field)
        else:
            for j in range(acc.size):
                total, acc[j], field = _sum_32(constants, acc[j], x * row[j])
                top = max(top, field)
    return top


@jit
def _add_row_64(constants: Constants, a: Any, b: Any, first: Any, acc: Any) -> Any:
    top = np.int64(0)
    for k in range(a.size):
        x, row = a[k], b[k, first : first + acc.size]
        if constants.keep_sign:
            for j in range(acc.size):
                total, value, field = _sum_64(constants, acc[j], x * row[j])
                acc[j] = _signed_64(value, total)
                top = max(top, field)
        else:
            for j in range(acc.size):
                total, acc[j], field = _sum_64(constants, acc[j], x * row[j])
                top = max(top, field)
    return top


@jit
def _add_row_bounded_32(constants: Constants, a: Any, b: Any, first: Any, acc: Any) -> None:
    """Add the products of a row to `acc` with overflow settled at every step."""
    limit, beyond = constants.limit, constants.beyond
    acc[:] = np.float32(0.0)
    for k in range(a.size):
        x, row = a[k], b[k, first : first + acc.size]
        for j in range(acc.size):
            total, value, _ = _sum_32(constants, acc[j], x * row[j])
            value = beyond if value > limit else value
            value = np.float32(-beyond) if value < -limit else value
            acc[j] = _signed_32(value, total) if constants.keep_sign else value


@jit
def _add_row_bounded_64(constants: Constants, a: Any, b: Any, first: Any, acc: Any) -> None:
    limit, beyond = constants.limit, constants.beyond
    acc[:] = 0.0
    for k in range(a.size):
        x, row = a[k], b[k, first : first + acc.size]
        for j in range(acc.size):
            total, value, _ = _sum_64(constants, acc[j], x * row[j])
            value = beyond if value > limit else value
            value = np.float64(-beyond) if value < -limit else value
            acc[j] = _signed_64(value, total) if constants.keep_sign else value


@jit
def _add_rounded_32(constants: Constants, a: Any, b: Any, result: Any, void: Any) -> None:
    given_up = 0
    for i in range(a.shape[0]):
        if i >= _ROWS and 2 * given_up > i:
            void[i] = True
            continue
        for first in range(0, b.shape[1], _COLUMNS):
            acc = result[i, first : min(first + _COLUMNS, b.shape[1])]
            if _add_row_32(constants, a[i], b, first, acc) < constants.large:
                continue
            if not constants.bounded:
                void[i] = True
                given_up += 1
                break
            _add_row_bounded_32(constants, a[i], b, first, acc)


@jit
def _add_rounded_64(constants: Constants, a: Any, b: Any, result: Any, void: Any) -> None:
    given_up = 0
    for i in range(a.shape[0]):
        if i >= _ROWS and 2 * given_up > i:
            void[i] = True
            continue
        for first in range(0, b.shape[1], _COLUMNS):
            acc = result[i, first : min(first + _COLUMNS, b.shape[1])]
            if _add_row_64(constants, a[i], b, first, acc) < constants.large:
                continue
            if not constants.bounded:
                void[i] = True
                given_up += 1
                break
            _add_row_bounded_64(constants, a[i], b, first, acc)


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
