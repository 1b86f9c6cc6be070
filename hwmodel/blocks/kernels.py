"""Largest magnitudes, quotients and products of blocks, compiled; each stays in the cache."""

from typing import Any

import numpy as np

from hwmodel.compiled import jit

__all__ = ["largest", "over_steps", "power_codes", "times_steps"]

_MAGNITUDE = 0x7FFFFFFF


@jit
def _largest(bits: Any, result: Any) -> None:
    for block in range(bits.shape[0]):
        most = np.int32(0)
        for i in range(bits.shape[1]):
            most = max(most, np.int32(bits[block, i] & np.int32(_MAGNITUDE)))
        result[block] = most


def largest(blocks: Any, result: Any) -> None:
    """Write the largest magnitude of each block (row) of float32; not finite where a value is not.

    Magnitudes are compared as integers, which puts NaN above infinity and that above all numbers.
    """
    _largest(blocks.view(np.int32), result.view(np.int32))


@jit
def over_steps(blocks: Any, steps: Any, result: Any) -> None:
    """Write the blocks divided by their steps."""
    for block in range(blocks.shape[0]):
        step = steps[block]
        for i in range(blocks.shape[1]):
            result[block, i] = blocks[block, i] / step


@jit
def times_steps(blocks: Any, steps: Any, result: Any) -> bool:
    """Write the blocks times their steps; returns whether a product is infinite or no number."""
    overflow = np.int32(0)
    for block in range(blocks.shape[0]):
        step = steps[block]
        for i in range(blocks.shape[1]):
            product = np.float32(blocks[block, i] * step)
            overflow = np.int32(overflow | np.int32(abs(product) > np.float32(3.4028235e38)))
            result[block, i] = product
    return overflow != 0


@jit
def power_codes(
    magnitude: Any, top_bits: Any, ceil: bool, bias: Any, max_code: Any, codes: Any
) -> None:
    """Write the codes of scales that are powers of two, from the bits of largest magnitudes.

    `top_bits` are those of the largest element. Where `ceil` is set the exponent is rounded up.
    """
    top_exponent = (top_bits >> 23) - 127
    top_mantissa = top_bits & 0x7FFFFF
    for i in range(magnitude.size):
        bits = np.int32(magnitude[i])
        if bits == 0:
            codes[i] = 0
            continue
        if bits < np.int32(1 << 23):  # one of float32's subnormals: made normal
            lifted = np.float32(np.int32(bits).view(np.float32) * np.float32(2.0**24))
            bits = np.float32(lifted).view(np.int32)
            exponent = (bits >> 23) - 127 - 24
        else:
            exponent = (bits >> 23) - 127
        exponent -= top_exponent
        if ceil and (bits & 0x7FFFFF) > top_mantissa:
            exponent += 1
        codes[i] = min(max(exponent + bias, 0), max_code)
