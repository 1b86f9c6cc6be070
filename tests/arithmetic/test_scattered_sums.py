"""Exact sums of products whose exponents lie far apart, against Python's integers."""

import numpy as np
import pytest

import hwmodel
from hwmodel.arithmetic.big_integers import joined
from hwmodel.arithmetic.scattered_sums import Parts, scattered_sums


def integers(parts):
    pairs = zip(parts.significands.ravel().tolist(), parts.exponents.ravel().tolist(), strict=True)
    whole = np.array([s << e for s, e in pairs], object)
    return whole.reshape(parts.significands.shape)


@pytest.mark.parametrize("width", [64, 65, 127, 128, 300, 536, 1024])
@pytest.mark.parametrize(
    ("first", "second"), [("bf16", "bf16"), ("fp16", "bf16"), ("e5m2", "int12"), ("e7m8", "int16")]
)
def test_sums_are_those_of_integers(first, second, width):
    rng = np.random.default_rng(width)
    one, other = hwmodel.format(first), hwmodel.format(second)
    for shape in ((1, 1, 1), (2, 7, 3), (3, 900, 2)):
        a = Parts(one, rng.integers(0, one.code_count, shape[:2]))
        b = Parts(other, rng.integers(0, other.code_count, shape[1:]))
        expected = integers(a).dot(integers(b)) % (1 << width)
        np.testing.assert_array_equal(joined(scattered_sums(a, b, width)), expected)


def test_parts_are_the_values_of_the_codes():
    fmt = hwmodel.format("bf16")
    codes = np.arange(1 << 16).reshape(256, 256)
    parts, values = Parts(fmt, codes), fmt.decode(codes)
    np.testing.assert_array_equal(parts.odd, ~np.isfinite(values))
    finite = np.isfinite(values)
    got = np.ldexp(parts.significands.astype(float), parts.exponents + fmt.lsb_exponent)
    np.testing.assert_array_equal(got[finite], values[finite])
    assert not got[~finite].any()
    assert parts.bits == 8


def test_the_extreme_products_of_a_long_sum():
    """Carries of as many of the largest products as there are, of either sign."""
    fmt = hwmodel.format("bf16")
    for values in ((fmt.max_value, fmt.max_value), (fmt.max_value, -fmt.max_value)):
        a, b = (Parts(fmt, fmt.encode(np.full(4096, v)).reshape(1, -1)) for v in values)
        b.significands, b.exponents = b.significands.T, b.exponents.T
        expected = integers(a).dot(integers(b)) % (1 << 600)
        assert joined(scattered_sums(a, b, 600)).tolist() == expected.tolist()


def test_products_without_room_in_a_bin_are_refused():
    fmt = hwmodel.format("int16")
    a, b = (Parts(fmt, np.ones(shape, int)) for shape in ((1, 1 << 12), (1 << 12, 1)))
    assert scattered_sums(a, b, 100) is not None
    a.bits = b.bits = 30
    assert scattered_sums(a, b, 100) is None
