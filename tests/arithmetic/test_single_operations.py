"""Operations on single codes against NumPy's own arithmetic and the rules of IEEE 754."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.arithmetic.operations import (
    add,
    fused_multiply_add,
    multiply,
    parse_operation,
)
from hwmodel.errors import HwmodelError, NotBuiltYetError
from hwmodel.formats import Overflow, Rounding, parse_format

FP16, FP32, E4M3 = (parse_format(name) for name in ("fp16", "fp32", "e4m3"))
CODES = st.integers(0, 0xFFFF)


def half(code):
    return np.array([code], np.uint16).view(np.float16)


def same(code, expected):
    value = np.array([code], np.uint16).view(np.float16)
    if np.isnan(expected).all():
        assert code == FP16.nan_code
    else:
        assert value == expected
        assert np.signbit(value) == np.signbit(expected)


@settings(max_examples=400, deadline=None)
@given(CODES, CODES)
def test_products_and_sums_are_those_of_float16(a, b):
    pair = (FP16, FP16)
    with np.errstate(all="ignore"):
        same(multiply(pair, FP16, a, b, overflow=Overflow.NONFINITE), half(a) * half(b))
        same(add(pair, FP16, a, b, overflow=Overflow.NONFINITE), half(a) + half(b))


@settings(max_examples=300, deadline=None)
@given(CODES, CODES, CODES)
def test_a_fused_sum_is_rounded_once(a, b, c):
    # float64 holds the product of two float16 and, in range, its sum with a third but for a tail;
    # math.fsum gives the sum rounded once to float64, and to odd bits beyond nothing is lost here.
    x, y, z = (float(half(code)[0]) for code in (a, b, c))
    if not all(map(math.isfinite, (x, y, z))):
        return
    got = fused_multiply_add((FP16, FP16, FP16), FP32, a, b, c, overflow=Overflow.NONFINITE)
    exact = x * y + z  # 22 bits and 11 bits, 80 places apart at most: may round
    if math.fsum([x * y, z, -exact]) == 0.0:
        assert np.array([got], np.uint32).view(np.float32)[0] == np.float32(exact)


def test_double_rounding_would_show():
    # 1 + 2^-11 is halfway in FP16; the third operand is far below FP32's last place.
    one, tie, tiny = (int(FP32.encode([v])[0]) for v in (1.0, 2.0**-11, 2.0**-60))
    formats = (FP32, FP32, FP32)
    assert fused_multiply_add(formats, FP16, one, tie, one) == 0x3C00
    above = int(FP32.encode([1.0 + 2.0**-11])[0])
    assert fused_multiply_add(formats, FP16, one, above, tiny) == 0x3C01


def test_special_operands_follow_ieee_754():
    e5m2 = parse_format("e5m2")
    pair, infinity, zero, one = (e5m2, e5m2), 0x7C, 0x00, 0x3C
    rule = {"overflow": Overflow.NONFINITE}
    assert multiply(pair, e5m2, infinity, zero, **rule) == e5m2.nan_code
    assert add(pair, e5m2, infinity, infinity | 0x80, **rule) == e5m2.nan_code
    assert add(pair, e5m2, infinity, one | 0x80, **rule) == infinity
    assert add(pair, e5m2, one, one | 0x80) == 0x00
    assert add(pair, e5m2, one, one | 0x80, rounding=Rounding.DOWN) == 0x80
    assert multiply(pair, e5m2, zero, one | 0x80) == 0x80


def test_all_products_of_e4m3_are_exact_in_fp32():
    codes = np.arange(0, 256, 5)
    values = E4M3.decode(codes)
    for i, a in enumerate(codes.tolist()):
        got = [multiply((E4M3, E4M3), FP32, a, b) for b in codes.tolist()]
        np.testing.assert_array_equal(FP32.decode(np.array(got)), values[i] * values)


@pytest.mark.parametrize(
    "name",
    [
        "fp32-to-e4m3",
        "mul-e4m3-e4m3-fp16",
        "fma-fp16-fp16-fp32-fp32-towardzero",
        "add-e5m2-e4m3-bf16",
    ],
)
def test_names_parse_back(name):
    assert parse_operation(name).name == name


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("mul-e4m3-e4m3", HwmodelError),
        ("fp32-to-e4m3-sideways", HwmodelError),
        ("fp32-to-e2m1-nan", HwmodelError),
        ("fp32-to-e4m3-raise", HwmodelError),
        ("mul-int8q6-int8-fp32", NotBuiltYetError),
    ],
)
def test_what_is_no_operation_is_refused(name, error):
    with pytest.raises(error):
        parse_operation(name)
