"""The route of narrow formats with a real-valued scale: float32 in, by where the code changes.

Codes grow with the number. The upper half of a float32 (sign, exponent and seven bits of the
mantissa) is so fine that among the numbers which share it a narrow format changes its code once at
most. So a table says for each upper half which code comes first, at which lower half the next one
begins, and what that is. The general route fills it, by halving.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.compiled import jit

__all__ = ["MANY", "look_up", "table_of"]

# Numbers from which on a table is worth its making.
MANY = 1 << 15
_HALF = 1 << 16
_INFINITY = 0x7F80  # upper halves

Encode = Callable[[npt.NDArray[np.float32]], npt.NDArray[Any]]


def table_of(encode: Encode) -> npt.NDArray[np.uint32] | None:
    """Table of a rule, or None where a code changes twice within an upper half.

    Parameters
    ----------
    encode : callable
        Codes of finite float32 numbers and infinities, up to 8 bits.

    Returns
    -------
    ndarray of uint32, shape (65536,)
        The lower half with which the second code begins in the upper 16 bits, then 8 bits each of
        the second code and the first.
    """
    upper = np.arange(_HALF, dtype=np.uint32) << 16
    finite = (upper >> 16 & 0x7FFF) < _INFINITY
    first, last = np.zeros(_HALF, np.uint32), np.zeros(_HALF, np.uint32)
    first[finite] = encode(upper[finite].view(np.float32))
    last[finite] = encode((upper[finite] | 0xFFFF).view(np.float32))
    infinite = (upper >> 16 & 0x7FFF) == _INFINITY
    first[infinite] = encode(upper[infinite].view(np.float32))
    last[infinite] = first[infinite]  # what follows is NaN, which the caller settles
    change = np.flatnonzero(first != last)
    # `low` has the first code, `high` the second.
    low, high = np.zeros(change.size, np.uint32), np.full(change.size, 0xFFFF, np.uint32)
    while (high - low > 1).any():
        middle = low + high >> 1
        same = encode((upper[change] | middle).view(np.float32)) == first[change]
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    before = encode((upper[change] | low).view(np.float32))
    after = encode((upper[change] | high).view(np.float32))
    if (before != first[change]).any() or (after != last[change]).any():
        return None
    table = (last << 8 | first).astype(np.uint32)
    table[change] |= (high << 16).astype(np.uint32)
    return table


@jit
def look_up(table: Any, results: Any, bits: Any, out: Any) -> Any:
    """Write ``results[code]`` for the bits of every float32; returns whether a NaN was met."""
    largest = np.int32(0)
    for i in range(bits.size):
        number = bits[i]
        entry = np.uint32(table[np.int64(np.uint32(number) >> np.uint32(16))])
        second = np.uint32(number & np.int32(0xFFFF)) >= np.uint32(entry >> np.uint32(16))
        code = np.uint32(entry >> np.uint32(8)) if second else entry
        out[i] = results[np.int64(code & np.uint32(0xFF))]
        largest = max(largest, np.int32(number & np.int32(0x7FFFFFFF)))
    return largest > np.int32(0x7F800000)
