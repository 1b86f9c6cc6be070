"""Powers of two from float32, whose quick route works on bits, against `scalar`."""

import numpy as np
import pytest

from hwmodel.formats import Overflow, PowerFormat
from hwmodel.formats.scalar import decode_scalar, encode_scalar


def patterns():
    rng = np.random.default_rng(6)
    ties = rng.integers(0, 255, 60) << 23 | 0x400000
    bits = np.concatenate(
        [
            [0, 1, 0x3FFFFF, 0x400000, 0x400001, 0x5FFFFF, 0x600000, 0x600001, 0x7FFFFF, 0x800000],
            [0x7F7FFFFF, 0x7F800000, 0x7FC00000],
            *(ties - 1, ties, ties + 1),
            rng.integers(0, 0x7F800000, 60),
        ]
    ).astype(np.uint32)
    return np.concatenate([bits, bits | 0x80000000]).view(np.float32)


@pytest.mark.parametrize("overflow", [Overflow.SATURATE, Overflow.NAN])
@pytest.mark.parametrize(
    ("bits", "bias"), [(8, 127), (8, 0), (2, 1), (5, 126), (10, 127), (10, 511)]
)
def test_codes_and_values_of_float32(bits, bias, overflow):
    fmt, x = PowerFormat(bits, bias), patterns()
    codes = fmt.encode(x, overflow)
    assert codes.tolist() == [encode_scalar(fmt, value, overflow) for value in x.tolist()]
    wide = x.astype(np.float64)  # holds every value of these formats
    np.testing.assert_array_equal(fmt.encode(wide, overflow), codes)
    values = [decode_scalar(fmt, code) for code in codes.tolist()]
    np.testing.assert_array_equal(fmt.quantize(wide, overflow), values)
    if fmt.max_value < 2.0**128 and fmt.min_value >= 2.0**-127:
        np.testing.assert_array_equal(fmt.quantize(x, overflow), values)
