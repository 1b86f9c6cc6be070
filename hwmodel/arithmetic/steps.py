"""Steps of a floating-point accumulator over whole streams, compiled.

Sums are carried in float64 and rounded to odd there, so that the rounding to the accumulator is
the only one that shows: Boldo and Melquiond, "Emulation of a FMA and Correctly Rounded Sums: Proved
Algorithms Using Rounding to Odd" (IEEE Trans. Computers 57(4), 2008), asks for two more bits than
the target has.
"""

from typing import Any

import numpy as np

from hwmodel.compiled import fma, inner, jit
from hwmodel.errors import HwmodelError
from hwmodel.formats.kernels import ROUNDINGS, SAW_NAN, Layout, code_of, value_of
from hwmodel.formats.rounding import Rounding

_DOWN = ROUNDINGS[Rounding.DOWN]

__all__ = ["accumulate", "add_to_odd", "add_values", "check_found", "dot_products", "two_sum"]


@jit
def add_to_odd(x: float, y: float) -> float:
    """Sum in float64, rounded to odd.

    The error of the float64 sum is exact (Knuth's TwoSum); where there is one and the last bit is
    even, the neighbour on its side is the odd one.
    """
    total = x + y
    if not np.isfinite(total):
        return total
    back = total - x
    error = (x - (total - back)) + (y - back)
    bits = np.float64(total).view(np.int64)
    if error == 0.0 or (bits & 1) == 1:
        return total
    # Bits count magnitudes: one more goes away from zero.
    away = (error > 0.0) == (total > 0.0)
    return np.int64(bits + 1 if away else bits - 1).view(np.float64)


@inner
def two_sum(x: float, y: float) -> Any:
    """Sum in float64 and its error, which is exact (Knuth)."""
    total = x + y
    back = total - x
    return total, (x - (total - back)) + (y - back)


@inner
def _add_product_to_odd(acc: float, x: float, y: float) -> float:
    """Sum of a number and a product, which may have more bits than float64, rounded to odd.

    Boldo and Melquiond's fused multiply-add: the product's error and both sums' are exact, and
    what is left of them is rounded to odd as well, far below the last place of the result.
    """
    product = x * y
    if not np.isfinite(product + acc):
        return acc + product
    low = fma(x, y, -product)
    if low == 0.0:
        return add_to_odd(acc, product)
    first, first_error = two_sum(acc, low)
    total, error = two_sum(product, first)
    return add_to_odd(total, add_to_odd(first_error, error))


@inner
def _zero_downward(x: float, y: float) -> float:
    """Zero sum where rounding goes down: minus, unless both addends are plus zero."""
    plus = not np.signbit(x) and not np.signbit(y)
    return 0.0 if plus else -0.0


@inner
def _add(
    layout: Layout,
    acc: float,
    x: float,
    y: float,
    rounding: int,
    overflow: int,
    random: int,
    random_bits: int,
) -> Any:
    """Code of the rounded sum with a product, and whether it is a NaN for which there is no code.

    A NaN is the canonical one, also where an overflow makes it.
    """
    total = _add_product_to_odd(acc, x, y)
    if rounding == _DOWN and total == 0.0:
        total = _zero_downward(acc, x * y)
    code, met = code_of(layout, total, rounding, overflow, random, random_bits)
    lost = (met & SAW_NAN) != 0 and layout.nan_code < 0
    return layout.nan_code if np.isnan(value_of(layout, code)) else code, lost


@jit
def accumulate(
    layout: Layout,
    a: Any,
    b: Any,
    valid: Any,
    clear: Any,
    rounding: int,
    overflow: int,
    random: Any,
    random_bits: int,
    codes: Any,
) -> bool:
    """Write the accumulator's code after every step of every stream (rows) to `codes`.

    `a` and `b` have the operands' values.
    `random` has a number for each step, or one where none are used. Returns whether there was a NaN
    without a code.
    """
    any_lost = False
    rows, columns = random.shape[0] - 1, random.shape[1] - 1
    for stream in range(a.shape[0]):
        code = 0
        acc = 0.0
        for t in range(a.shape[1]):
            if clear[stream, t]:
                code, acc = 0, 0.0
            if valid[stream, t]:
                number = random[min(stream, rows), min(t, columns)]
                x, y = a[stream, t], b[stream, t]
                code, lost = _add(layout, acc, x, y, rounding, overflow, number, random_bits)
                acc = value_of(layout, code)
                any_lost |= lost
            codes[stream, t] = code
    return any_lost


@jit
def dot_products(layout: Layout, a: Any, b: Any, rounding: int, overflow: int, codes: Any) -> bool:
    """Write the codes of the product of the matrices `a` and `b`, one step for each product.

    Returns whether there was a NaN without a code.
    """
    any_lost = False
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            code = 0
            acc = 0.0
            for k in range(a.shape[1]):
                code, lost = _add(layout, acc, a[i, k], b[k, j], rounding, overflow, 0, 0)
                acc = value_of(layout, code)
                any_lost |= lost
            codes[i, j] = code
    return any_lost


@jit
def add_values(
    layout: Layout, acc: Any, values: Any, rounding: int, overflow: int, codes: Any
) -> bool:
    """Write the codes of the rounded sums of two rows of values.

    Returns whether there was a NaN without a code.
    """
    any_lost = False
    for i in range(acc.size):
        codes[i], lost = _add(layout, acc[i], values[i], 1.0, rounding, overflow, 0, 0)
        any_lost |= lost
    return any_lost


def check_found(lost: bool, name: str) -> None:
    """Refuse sums that are NaN in an accumulator that has no NaN.

    Raises
    ------
    HwmodelError
        There was one. Units are made so that there is none.
    """
    if lost:
        raise HwmodelError(
            f"a sum of {name} is NaN, for which its accumulator has no code; choose an accumulator"
            " with NaN, for example fp32"
        )
