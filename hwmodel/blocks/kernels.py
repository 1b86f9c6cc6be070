"""Quotients of blocks, and codes of scales that are powers of two, compiled."""

from typing import Any, NamedTuple

import numpy as np

from hwmodel.compiled import jit

__all__ = ["PowerScale", "over_steps", "power_code", "power_codes"]


@jit
def over_steps(blocks: Any, steps: Any, result: Any) -> None:
    """Write the blocks divided by their steps."""
    for block in range(blocks.shape[0]):
        step = steps[block]
        for i in range(blocks.shape[1]):
            result[block, i] = blocks[block, i] / step


class PowerScale(NamedTuple):
    """Scales that are powers of two, for compiled code.

    Attributes
    ----------
    top_exponent, top_mantissa : int
        Of the largest element, as a float32.
    ceil : bool
        Whether the exponent is rounded up.
    bias, max_code : int
        Of the scale's format.
    unit_exponent : int
        Power of two of the elements' own unit.
    """

    top_exponent: int
    top_mantissa: int
    ceil: bool
    bias: int
    max_code: int
    unit_exponent: int


@jit
def power_code(scale: PowerScale, magnitude: Any) -> Any:
    """Code of the scale of a block, from the float32 bits of its largest magnitude, not zero."""
    bits = np.int32(magnitude)
    if bits < np.int32(1 << 23):  # one of float32's subnormals: made normal
        lifted = np.float32(np.int32(bits).view(np.float32) * np.float32(2.0**24))
        bits = np.float32(lifted).view(np.int32)
        exponent = (bits >> 23) - 127 - 24
    else:
        exponent = (bits >> 23) - 127
    exponent -= scale.top_exponent
    if scale.ceil and (bits & 0x7FFFFF) > scale.top_mantissa:
        exponent += 1
    return min(max(exponent + scale.bias, 0), scale.max_code)


@jit
def power_codes(scale: PowerScale, magnitude: Any, codes: Any) -> None:
    """Write the codes of scales that are powers of two, from the bits of largest magnitudes."""
    for i in range(magnitude.size):
        codes[i] = 0 if magnitude[i] == 0 else power_code(scale, magnitude[i])
