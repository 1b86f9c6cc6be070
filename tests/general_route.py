"""The general compiled route of floating-point formats, called by itself, for comparisons."""

import numpy as np

from hwmodel.formats import kernels
from hwmodel.formats.base import code_dtype
from hwmodel.formats.vector import layout_of

NOTHING = np.zeros(1, np.int64), 0


def rules(overflow, rounding, chances=NOTHING):
    """A rule, an overflow, random numbers and their width as the kernels take them."""
    return kernels.ROUNDINGS[rounding], kernels.OVERFLOWS[overflow], *chances


def codes(fmt, x, overflow, rounding, chances=NOTHING):
    """Codes of numbers."""
    result = np.empty(x.shape, code_dtype(fmt.bits))
    kernels.encode(layout_of(fmt), x, result, *rules(overflow, rounding, chances))
    return result


def values(fmt, x, overflow, rounding, chances=NOTHING):
    """Rounded values, as float32."""
    result = np.empty(x.shape, np.float64)
    kernels.quantize(layout_of(fmt), x, result, *rules(overflow, rounding, chances))
    with np.errstate(over="ignore"):
        return result.astype(np.float32)


def float32s(seed):
    """Every upper half of a float32, followed by nothing, by little and by much."""
    upper = np.arange(1 << 16, dtype=np.uint32) << 16
    rest = np.random.default_rng(seed).integers(2, 0xFFFF, 1 << 16, dtype=np.uint32)
    bits = np.concatenate([upper, upper | 1, upper | 0xFFFF, upper | rest, upper | 0x8000])
    return bits.view(np.float32)


def same_bits(got, expected):
    """Require the same float32, zeros of the same sign, but any NaN for a NaN."""
    odd = np.isnan(expected)
    np.testing.assert_array_equal(np.isnan(got), odd)
    np.testing.assert_array_equal(got[~odd].view(np.int32), expected[~odd].view(np.int32))
