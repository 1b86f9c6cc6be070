"""Mistakes that were met in published packages, each of which must not be met here."""

import numpy as np
import pytest

from hwmodel.formats import parse_format


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_number_too_large_is_not_zero(dtype):
    # pychop's Chop(5, 10) turns 65536 into 0
    fp16 = parse_format("fp16")
    x = np.array([65536.0, -65536.0], dtype)
    assert fp16.quantize(x).tolist() == [65504, -65504]
    assert fp16.quantize(x, "infinity").tolist() == [np.inf, -np.inf]


@pytest.mark.parametrize("name", ["e4m3", "e5m2", "e3m4", "e2m3", "fp16", "e4m3fnuz"])
def test_a_carry_goes_into_the_exponent(name):
    # MASE's minifloat clamps the significand in place of carrying: 4.6 % of normal numbers
    fmt = parse_format(name)
    last = 2.0 - 2.0**-fmt.mantissa_bits  # the largest significand
    above = np.float32(2.0 - 2.0 ** (-fmt.mantissa_bits - 2))
    for exponent in range(fmt.min_exponent, min(fmt.max_exponent, 10)):
        scale = np.float32(2.0**exponent)
        assert fmt.quantize(above * scale) == 2.0 * scale
        assert fmt.quantize(np.float32(last) * scale) == last * scale


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_less_than_half_of_the_smallest_number_is_zero_with_its_sign(dtype):
    # microxcaling and neural-compressor round it up and lose the sign of zero
    e4m3 = parse_format("e4m3")
    x = np.array([0.00097656244, -0.00097656244, -0.0], dtype)
    y = e4m3.quantize(x)
    assert y.tolist() == [0.0, 0.0, 0.0]
    assert np.signbit(y).tolist() == [False, True, True]
    assert e4m3.encode(x).tolist() == [0, 0x80, 0x80]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ties_go_to_even_and_nan_stays(dtype):
    # qtorch rounds ties away from zero and turns NaN into the largest value
    e4m3 = parse_format("e4m3")
    ties = np.array([17.0, 19.0, 1.0625, 1.1875, 464.0], dtype)
    assert e4m3.quantize(ties).tolist() == [16, 20, 1, 1.25, 448]
    assert np.isnan(e4m3.quantize(np.array([np.nan], dtype))).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_zero_is_the_smallest_power_of_two_not_nan(dtype):
    # gfloat 0.5.2 encodes the zero of E8M0 as NaN
    e8m0 = parse_format("e8m0")
    assert e8m0.encode(np.array([0.0, 1e-45, 1.0, 3e38], dtype)).tolist() == [0, 0, 127, 254]
    assert e8m0.encode(np.array([np.nan], dtype)).tolist() == [255]


def test_the_boundary_of_the_overflow_is_exact():
    e4m3 = parse_format("e4m3")
    half = np.float32(464.0)  # halfway between 448 and 480, which would be the next: a tie to even
    assert e4m3.quantize(half, "nonfinite") == 448
    assert np.isnan(e4m3.quantize(np.nextafter(half, np.float32(500)), "nonfinite"))
    e5m2 = parse_format("e5m2")
    edge = np.float32(61440.0)  # halfway to 65536, whose code is even
    assert e5m2.quantize(edge, "nonfinite") == np.inf
    assert e5m2.quantize(np.nextafter(edge, np.float32(0)), "nonfinite") == 57344
