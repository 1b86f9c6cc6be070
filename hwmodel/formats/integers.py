"""The quick route to integers: float32 in, rounding to nearest even, saturating."""

from typing import Any

import numpy as np

from hwmodel.compiled import jit

__all__ = ["encode", "quantize"]

# Adding 1.5 * 2**23 makes the last place of a float32 weigh one, so that its adder rounds.
_ADDER = np.float32(3 << 22)


@jit
def quantize(x: Any, result: Any, low: Any, high: Any) -> int:
    """Write every value of `x` rounded and clipped to `result`; returns 1 if a NaN was met."""
    saw_nan = np.int32(0)
    for i in range(x.size):
        value = x[i]
        saw_nan = np.int32(saw_nan | np.int32(value != value))
        value = high if value > high else value
        value = low if value < low else value
        # The sum is positive, so that a zero comes out without a sign.
        result[i] = np.float32(np.float32(value + _ADDER) - _ADDER)
    return int(saw_nan)


@jit
def encode(x: Any, codes: Any, low: Any, high: Any, mask: Any) -> int:
    """Write the code of every value of `x` to `codes`; returns 1 if a NaN was met."""
    saw_nan = np.int32(0)
    for i in range(x.size):
        value = x[i]
        saw_nan = np.int32(saw_nan | np.int32(value != value))
        value = high if value > high else value
        value = low if value < low else value
        bits = np.float32(value + _ADDER).view(np.int32)
        codes[i] = np.int32(bits & mask)
    return int(saw_nan)
