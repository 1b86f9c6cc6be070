"""Looked-up results and narrowed float64 against the general route and the definition."""

import general_route
import numpy as np
import pytest
from general_route import float32s, same_bits
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.errors import HwmodelError
from hwmodel.formats import Overflow, Rounding, lookup, parse_format
from hwmodel.formats.base import code_dtype
from hwmodel.formats.lookup import suits
from hwmodel.formats.narrow import narrowed
from hwmodel.formats.rounding import Request
from hwmodel.formats.scalar import decode_scalar, encode_scalar

FORMATS = [
    *(
        "e4m3",
        "e5m2",
        "e3m4",
        "e2m5fin",
        "e4m3fnuz",
        "e5m2fnuz",
        "ue4m3",
        "e2m1",
        "e8m2ieee",
        "e7m6",
    ),
    *("e0m7", "e1m6", "e4m3b11fin", "binary8p3", "e5m6ieee", "e8m6ieee"),
]
RULES = [Rounding.NEAREST_AWAY, Rounding.TOWARD_ZERO, Rounding.UP, Rounding.DOWN, Rounding.TO_ODD]
SLICE = 20_000  # too few for a table to be worth its making


def in_slices(function, x):
    return np.concatenate([function(x[i : i + SLICE]) for i in range(0, x.size, SLICE)])


@pytest.mark.parametrize("overflow", ["saturate", "nonfinite", "infinity", "nan"])
@pytest.mark.parametrize("name", FORMATS)
def test_the_table_says_what_the_general_route_says(name, overflow):
    fmt, x = parse_format(name), float32s(3)
    x = x if fmt.has_nan else np.nan_to_num(x, nan=1.0, posinf=np.inf, neginf=-np.inf)
    beyond = Overflow(overflow)
    try:
        fmt.check_overflow(beyond)
    except HwmodelError:
        beyond = Overflow.SATURATE
    for rounding in RULES:
        request = Request(rounding=rounding, overflow=beyond)
        assert suits(fmt, x, request)
        got = np.empty(x.shape, code_dtype(fmt.bits))
        lookup.encode(fmt, request, x, got)
        np.testing.assert_array_equal(got, general_route.codes(fmt, x, beyond, rounding))
        rounded = np.empty_like(x)
        lookup.quantize(fmt, request, x, rounded)
        same_bits(rounded, general_route.values(fmt, x, beyond, rounding))


@pytest.mark.parametrize("name", ["e5m2b150fin", "e4m3b144fin", "e8m7ieee", "e9m2", "uint8"])
def test_formats_that_the_table_cannot_hold_are_left_to_the_general_route(name):
    # Numbers among float32's subnormals have fewer bits in the upper half than these formats keep.
    fmt, x = parse_format(name), float32s(4)
    x = np.nan_to_num(x, nan=1.0, posinf=np.inf, neginf=-np.inf)
    whole = fmt.encode(x, "saturate", Rounding.UP)
    parts = in_slices(lambda part: fmt.encode(part, "saturate", Rounding.UP), x)
    np.testing.assert_array_equal(whole, parts)


def test_a_nan_that_has_no_code_is_refused_there_too():
    x = np.ones(1 << 16, np.float32)
    x[777] = np.nan
    for function in (parse_format("e2m5fin").encode, parse_format("e2m5fin").quantize):
        with pytest.raises(HwmodelError, match="NaN came"):
            function(x, rounding="up")


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([*FORMATS, "fp16", "bf16", "tf32", "e6m12ieee", "e3m20fin"]),
    st.sampled_from([Rounding.NEAREST_EVEN, *RULES]),
    st.integers(0, 2**32),
)
def test_float64_is_rounded_once(name, rounding, seed):
    fmt = parse_format(name)
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, fmt.max_code, 12)
    low, high = fmt.decode(codes), fmt.decode(codes + 1)
    middle = (low + high) / 2
    x = np.concatenate([low, middle])
    x = np.concatenate([x, np.nextafter(x, np.inf), np.nextafter(x, -np.inf), x * (1 + 2.0**-40)])
    x = np.concatenate([x, [1e300, 1e-320, 0.0]])
    x = np.concatenate([x, -x]) if fmt.signed else x
    expected = [encode_scalar(fmt, float(v), Overflow.SATURATE, rounding) for v in x]
    np.testing.assert_array_equal(fmt.encode(x, rounding=rounding), expected)
    values = [decode_scalar(fmt, code) for code in expected]
    rounded = fmt.quantize(x, rounding=rounding)
    assert rounded.dtype == np.float64
    np.testing.assert_array_equal(rounded, values)
    np.testing.assert_array_equal(np.signbit(rounded), np.signbit(values))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["int8", "uint4", "int12sym", "int20", "int22", "int32"]),
    st.sampled_from([Rounding.NEAREST_EVEN, *RULES]),
    st.integers(0, 2**32),
)
def test_float64_is_rounded_once_to_integers_too(name, rounding, seed):
    fmt = parse_format(name)
    rng = np.random.default_rng(seed)
    half = rng.integers(2 * int(fmt.min_value) - 2, 2 * int(fmt.max_value) + 2, 20) / 2
    x = np.concatenate([half, np.nextafter(half, np.inf), half * (1 - 2.0**-45), [1e300, -1e300]])
    expected = [encode_scalar(fmt, float(v), Overflow.SATURATE, rounding) for v in x]
    np.testing.assert_array_equal(fmt.encode(x, rounding=rounding), expected)
    values = [decode_scalar(fmt, code) for code in expected]
    np.testing.assert_array_equal(fmt.quantize(x, rounding=rounding), values)


def test_narrowed_numbers_are_odd_where_something_was_lost():
    x = np.array(
        [1.0, 1 + 2.0**-40, 1 - 2.0**-40, -1 - 2.0**-30, 1e300, -1e-320, np.inf, 0.0, np.nan]
    )
    result = np.empty(x.size, np.float32)
    narrowed(x, result)
    bits = result.view(np.uint32)
    assert result[0] == 1.0
    assert bits[1] == 0x3F800001  # above 1, its odd neighbour
    assert bits[2] == 0x3F7FFFFF  # below 1
    assert bits[3] == 0xBF800001
    assert bits[4] == 0x7F7FFFFF  # the largest finite number is odd
    assert bits[5] == 0x80000001
    assert np.isposinf(result[6])
    assert bits[7] == 0
    assert np.isnan(result[8])
