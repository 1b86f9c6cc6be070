"""Aligned sums of narrow operands, compiled: products in float32, aligned and cut into int32.

The same as `hwmodel.arithmetic.aligned` does in float64, of twice as many numbers at a time. It
rounds the sums of each group, too, which come rarer.
"""

from typing import Any

import numpy as np

from hwmodel.compiled import bits_of, float_of, jit

__all__ = [
    *("ABSENT", "add_group", "align", "at_once", "find_exponents", "find_scales", "fits"),
]

# Exponent of a zero: below all others, and its sum with another is an int16, too.
ABSENT = -(1 << 13)
# Of float64: bits of the mantissa, the exponent field and its bias.
_STORED, _FIELD, _BIAS = 52, 0x7FF, 1023
# Exponent beyond a sum of fewer products than there will ever be, over that of the largest.
_GROWTH = 40


def at_once(kept: int) -> int:
    """Cut addends whose sum int32 holds: each reaches ``2**(kept + 1)``."""
    return ((1 << 31) - 1) >> (kept + 1)


def fits(kept: int, precision: int, low: int, least: int, high: int) -> bool:
    """Whether float32 holds products, aligned, wherever that may be.

    Parameters
    ----------
    kept : int
        Bits kept of a significand.
    precision : int
        Bits of a product's.
    low, least, high : int
        Exponents of a product's last place, of the smallest sum of the operands' exponents and
        beyond the largest product.
    """
    top, bottom = high + _GROWTH, least - kept
    places = kept - 1 - bottom, kept - 1 - top  # by which products are shifted
    return (
        precision <= 24
        and at_once(kept) >= 1
        and low >= -126
        and high <= 127
        and places[0] <= 127
        and places[1] >= -126
        and low + places[1] >= -126
    )


# Compiled by themselves, for loops that are taken into a larger one are no vector instructions.


@jit
def align(mine: Any, others: Any, top: Any) -> None:
    """Raise `top` to the largest exponent of a group of products in every column.

    `mine` has the exponents of the first operand, shape (T,), `others` those of the second, (T, N).
    """
    for k in range(mine.size):
        exponent, row = mine[k], others[k]
        for j in range(top.size):
            both = np.int16(exponent + row[j])
            top[j] = both if both > top[j] else top[j]


@jit
def find_exponents(acc: Any, least: int, top: Any) -> None:
    """Write the exponents of accumulators' values, at least `least`; zeros have none.

    Nor has what is no number: what ran over stays as it is.
    """
    for j in range(acc.size):
        field = np.int64(bits_of(acc[j]) >> _STORED) & _FIELD
        exponent = max(field - _BIAS, least)
        top[j] = exponent if acc[j] != 0.0 and field != _FIELD else ABSENT


@jit
def find_scales(acc: Any, top: Any, kept: int, down: Any, scale: Any, total: Any) -> None:
    """Write powers of two that align numbers, and accumulators' values times these and cut."""
    for j in range(acc.size):
        there = top[j] > ABSENT // 2
        place = np.int64(kept - 1 - top[j]) if there else np.int64(-_BIAS)
        factor = float_of((place + _BIAS) << _STORED, acc[j])  # zero if there is none
        scale[j] = factor
        start = acc[j] * factor
        cut = np.floor(start) if down is not None else np.trunc(start)
        total[j] = cut if abs(acc[j]) < np.inf else 0.0


@jit
def add_group(a: Any, b: Any, scale: Any, down: Any, batch: int, part: Any, total: Any) -> None:
    """Add products of `a`, (T,), and `b`, (T, N), times `scale` and cut, to `total`.

    `down` is None where they are cut toward zero, True where they are cut down; `batch` are summed
    in `part`, which is for the work.
    """
    for start in range(0, a.size, batch):
        for j in range(part.size):
            part[j] = np.int32(0)
        for k in range(start, min(start + batch, a.size)):
            x, row = a[k], b[k]
            for j in range(part.size):
                product = np.float32(np.float32(x * row[j]) * scale[j])
                if down is not None:
                    product = np.floor(product)
                part[j] = np.int32(part[j] + np.int32(product))
        for j in range(part.size):
            total[j] += np.float64(part[j])
