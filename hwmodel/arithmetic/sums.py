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
def _add_rounded_32(constants: Constants, a: Any, b: Any, result: Any) -> None:
    keep_sign, limit, beyond = constants.keep_sign, constants.limit, constants.beyond
    for first in range(0, b.shape[1], _COLUMNS):
        last = min(first + _COLUMNS, b.shape[1])
        for i in range(a.shape[0]):
            acc = result[i, first:last]
            for k in range(a.shape[1]):
                x = a[i, k]
                row = b[k, first:last]
                for j in range(acc.size):
                    total = np.float32(acc[j] + np.float32(x * row[j]))
                    field = np.int32(np.float32(total).view(np.int32) & constants.field)
                    field = max(field, constants.lowest)
                    adder = np.int32(field + constants.lift).view(np.float32)
                    value = np.float32(np.float32(total + adder) - adder)
                    value = np.float32(beyond) if value > limit else value
                    value = np.float32(-beyond) if value < -limit else value
                    acc[j] = np.copysign(value, total) if keep_sign else value


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
