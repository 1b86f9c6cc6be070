"""Steps of a floating-point accumulator over whole streams, compiled.

Sums are carried in float64 and rounded to odd there, so that the rounding to the accumulator is
the only one that shows: Boldo and Melquiond, "Emulation of a FMA and Correctly Rounded Sums: Proved
Algorithms Using Rounding to Odd" (IEEE Trans. Computers 57(4), 2008), asks for two more bits than
the target has.
"""

from typing import Any

import numpy as np

from hwmodel.compiled import inner, jit
from hwmodel.formats.kernels import ROUNDINGS, Layout, code_of, value_of
from hwmodel.formats.rounding import Rounding

_DOWN = ROUNDINGS[Rounding.DOWN]

__all__ = ["accumulate", "add_to_odd", "add_values", "dot_products"]


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
def _zero_downward(x: float, y: float) -> float:
    """Zero sum where rounding goes down: minus, unless both addends are plus zero."""
    plus = not np.signbit(x) and not np.signbit(y)
    return 0.0 if plus else -0.0


@inner
def _add(layout: Layout, acc: float, product: float, rounding: int, overflow: int) -> int:
    """Code of the rounded sum; a NaN is the canonical one, also where an overflow makes it."""
    total = add_to_odd(acc, product)
    if rounding == _DOWN and total == 0.0:
        total = _zero_downward(acc, product)
    code, _ = code_of(layout, total, rounding, overflow, 0, 0)
    return layout.nan_code if np.isnan(value_of(layout, code)) else code


@jit
def accumulate(
    layout: Layout,
    product: Any,
    valid: Any,
    clear: Any,
    rounding: int,
    overflow: int,
    codes: Any,
) -> None:
    """Write the accumulator's code after every step of every stream (rows) to `codes`."""
    for stream in range(product.shape[0]):
        code = 0
        acc = 0.0
        for t in range(product.shape[1]):
            if clear[stream, t]:
                code, acc = 0, 0.0
            if valid[stream, t]:
                code = _add(layout, acc, product[stream, t], rounding, overflow)
                acc = value_of(layout, code)
            codes[stream, t] = code


@jit
def dot_products(layout: Layout, a: Any, b: Any, rounding: int, overflow: int, codes: Any) -> None:
    """Write the codes of the product of the matrices `a` and `b`, one step for each product."""
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            code = 0
            acc = 0.0
            for k in range(a.shape[1]):
                code = _add(layout, acc, a[i, k] * b[k, j], rounding, overflow)
                acc = value_of(layout, code)
            codes[i, j] = code


@jit
def add_values(
    layout: Layout, acc: Any, values: Any, rounding: int, overflow: int, codes: Any
) -> None:
    """Write the codes of the rounded sums of two rows of values."""
    for i in range(acc.size):
        codes[i] = _add(layout, acc[i], values[i], rounding, overflow)
