"""The quick route of powers of two: float32 in, rounding to nearest even, numbers bounded.

The exponent field of a float32, with half a power added first, is the code but for the bias; a
tie, at one and a half, goes to the even code. `directed_powers` has the other roundings, and
`kernels.round_powers` does everything else.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.compiled import inlined, inner, jit
from hwmodel.formats.plan import BIAS, INFINITY, MAGNITUDE, NAN

__all__ = ["encode", "quantize", "rule"]

_NORMAL = 0x00800000  # float32's least normal number
_HALF = 0x3FFFFF  # half a power of two, but for a last place: a tie needs an odd field
# By how much more of a subnormal of float32 it takes to reach the next power than of a normal one:
# between 2^-127 and 2^-126 its bits count from nothing, not from the lower power.
_MORE = 0x200000
_MINUS_ZERO = -1 << 31


def rule(bias: int, max_code: int, nan_code: int, saturates: bool) -> npt.NDArray[np.int32]:
    """Constants for compiled code; float32 is to hold all values.

    Parameters
    ----------
    bias : int
        Code c stands for 2**(c - bias).
    max_code, nan_code : int
        Codes of the largest value and of NaN.
    saturates : bool
        Whether larger numbers become the largest value and negative ones the least, else NaN.
    """
    top = (max_code - bias + BIAS) << 23
    numbers = (
        *(bias - BIAS, nan_code, top),
        1 << 22 if bias == BIAS else (BIAS - bias) << 23,
        # The largest code is even, so a tie goes there.
        INFINITY if saturates else top + (1 << 22),
        INFINITY + _MINUS_ZERO if saturates else _MINUS_ZERO,
    )
    return np.array(numbers, np.int32)


@inlined
def _rounded(bits: Any, top: Any, parity: Any) -> Any:
    """Bits with the exponent field of the number's power; any for a NaN, the least if negative."""
    number = bits if bits > np.int32(0) else np.int32(0)
    number = number if number < top else top
    odd = np.int32(np.int32(np.int32(number >> np.int32(23)) ^ parity) & np.int32(1))
    more = np.int32(_MORE) if number < np.int32(_NORMAL) else np.int32(0)
    return np.int32(np.int32(np.int32(number + np.int32(_HALF)) + odd) - more)


@inner
def _mend(bits: Any, out: Any, limit: Any, below: Any, nan: Any) -> None:
    """Write NaN where it stands for a number."""
    for i in range(bits.size):
        if bits[i] > limit or (bits[i] < np.int32(0) and bits[i] > below):
            out[i] = nan


@jit
def encode(rule: Any, bits: Any, codes: Any) -> None:
    """Write the codes of the bits of float32."""
    move, nan_code, top, limit, below = rule[0], rule[1], rule[2], rule[4], rule[5]
    parity = np.int32(move & np.int32(1))
    largest = np.int32(0)
    for i in range(bits.size):
        number = bits[i]
        magnitude = np.int32(number & np.int32(MAGNITUDE))
        largest = magnitude if magnitude > largest else largest
        code = np.int32(np.int32(_rounded(number, top, parity) >> np.int32(23)) + move)
        codes[i] = code if code > np.int32(0) else np.int32(0)
    if largest > np.int32(INFINITY) or limit < np.int32(INFINITY):
        _mend(bits, codes, limit, below, nan_code)


@jit
def quantize(rule: Any, bits: Any, result: Any) -> None:
    """Write the bits of the rounded values."""
    move, top, least, limit, below = rule[0], rule[2], rule[3], rule[4], rule[5]
    parity = np.int32(move & np.int32(1))
    largest = np.int32(0)
    for i in range(bits.size):
        number = bits[i]
        magnitude = np.int32(number & np.int32(MAGNITUDE))
        largest = magnitude if magnitude > largest else largest
        value = np.int32(_rounded(number, top, parity) & np.int32(INFINITY))
        result[i] = value if value > least else least
    if largest > np.int32(INFINITY) or limit < np.int32(INFINITY):
        _mend(bits, result, limit, below, np.int32(NAN))
