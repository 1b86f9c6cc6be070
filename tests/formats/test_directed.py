"""Other roundings than to nearest even: the quick route against the general one."""

import general_route
import numpy as np
import pytest
from general_route import float32s, same_bits
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, Overflow, Rounding, Specials, directed, parse_format
from hwmodel.formats.base import code_dtype
from hwmodel.formats.rounding import QUICK_RANDOM_BITS
from hwmodel.formats.scalar import decode_scalar, encode_scalar

RULES = [Rounding.NEAREST_AWAY, Rounding.TOWARD_ZERO, Rounding.UP, Rounding.DOWN, Rounding.TO_ODD]
BEYOND = [Overflow.SATURATE, Overflow.NONFINITE, Overflow.INFINITY, Overflow.NAN]
FORMATS = [
    *("fp16", "bf16", "tf32", "e4m3", "e5m2", "e4m3fnuz", "e3m12fin", "ue4m3", "ue5m11"),
    *("binary8p3", "e1m14", "e0m7", "e8m7fin", "e4m11b20ieee", "e2m13", "e6m9fn"),
]


def agree(fmt, x, overflow, rounding, random_bits=0):
    """Compare both routes, if the quick one is there; returns whether it is."""
    direction = directed.direction_for(fmt, overflow, rounding)
    if direction is None:
        return False
    if not fmt.has_nan:
        x = np.ascontiguousarray(x[~np.isnan(x)])
    if direction.normal:
        x = np.ascontiguousarray(x[~((x != 0) & (np.abs(x) < np.finfo(x.dtype).smallest_normal))])
    chances = general_route.NOTHING
    if rounding is Rounding.STOCHASTIC:
        random = np.random.default_rng(x.size).integers(0, 1 << random_bits, x.size)
        random[::7], random[::11] = 0, (1 << random_bits) - 1
        chances = random, random_bits
    got = np.empty(x.shape, code_dtype(fmt.bits))
    saw_nan = directed.encode(direction, x, got, *chances)
    assert saw_nan == np.isnan(x).any()
    expected = general_route.codes(fmt, x, overflow, rounding, chances)
    np.testing.assert_array_equal(got, expected)
    if fmt.max_exponent > 127:  # float32 may have no such value
        kept = np.abs(x) < 2.0**127
        if rounding is Rounding.STOCHASTIC:
            chances = chances[0][kept], random_bits
        x = np.ascontiguousarray(x[kept])
    rounded = np.empty_like(x)
    directed.quantize(direction, x, rounded, *chances)
    same_bits(rounded, general_route.values(fmt, x, overflow, rounding, chances))
    return True


@pytest.mark.parametrize("rounding", RULES)
@pytest.mark.parametrize("name", FORMATS)
def test_both_routes_agree(name, rounding):
    fmt = parse_format(name)
    there = []
    for overflow in BEYOND:
        try:
            fmt.check_overflow(overflow)
        except HwmodelError:
            continue
        there.append(agree(fmt, float32s(5), overflow, rounding))
    assert there[0]  # saturating


@pytest.mark.parametrize("random_bits", [1, 4, 10, 23, 30])
@pytest.mark.parametrize("name", FORMATS)
def test_both_routes_agree_by_chance(name, random_bits):
    fmt = parse_format(name)
    for overflow in (Overflow.SATURATE, Overflow.NONFINITE):
        if overflow is Overflow.NONFINITE and not (fmt.has_nonfinite and fmt.signed):
            continue
        assert agree(fmt, float32s(6), overflow, Rounding.STOCHASTIC, random_bits)


@pytest.mark.parametrize("random_bits", [1, 8, 30, 31, 52])
@pytest.mark.parametrize("name", ["int8", "uint5", "int20", "fp16", "e4m3", "e12m3"])
def test_chance_follows_the_definition(name, random_bits):
    """Of 31 random bits and more on another route."""
    fmt = parse_format(name)
    rng = np.random.default_rng(8)
    x = (rng.normal(size=400) * 2.0 ** rng.integers(-30, 9, 400)).astype(np.float32)
    random = rng.integers(0, 1 << random_bits, x.size)
    rule = {"overflow": "saturate", "rounding": "stochastic"}
    chances = {"random": random, "random_bits": random_bits}
    expected = [
        encode_scalar(fmt, float(v), **rule, random=int(r), random_bits=random_bits)
        for v, r in zip(x, random, strict=True)
    ]
    np.testing.assert_array_equal(fmt.encode(x, **rule, **chances), expected)
    values = np.array([decode_scalar(fmt, code) for code in expected], np.float32)
    same_bits(fmt.quantize(x, **rule, **chances), values)
    # One random number for all.
    alone = {"random": int(random[0]), "random_bits": random_bits}
    expected = [
        encode_scalar(fmt, float(v), **rule, random=int(random[0]), random_bits=random_bits)
        for v in x
    ]
    np.testing.assert_array_equal(fmt.encode(x, **rule, **alone), expected)


def test_exponents_beyond_float64_are_quick_too():
    """No general route of float64 holds them: the definition."""
    fmt = parse_format("e12m3")
    rng = np.random.default_rng(2)
    x = (rng.normal(size=200) * 2.0 ** rng.integers(-120, 120, 200)).astype(np.float32)
    x[:3] = 0.0, -0.0, np.finfo(np.float32).smallest_normal
    for rounding in RULES:
        assert directed.direction_for(fmt, Overflow.SATURATE, rounding) is not None
        expected = [encode_scalar(fmt, float(v), Overflow.SATURATE, rounding) for v in x]
        np.testing.assert_array_equal(fmt.encode(x, rounding=rounding), expected)
        values = np.array([decode_scalar(fmt, code) for code in expected], np.float32)
        same_bits(fmt.quantize(x, rounding=rounding), values)
        # Subnormals of float32 are normal numbers there, and have another route.
        low = np.array([1e-40, -3e-45, 0.0], np.float32)
        expected = [encode_scalar(fmt, float(v), Overflow.SATURATE, rounding) for v in low]
        np.testing.assert_array_equal(fmt.encode(low, rounding=rounding), expected)


@st.composite
def formats(draw):
    exponent_bits = draw(st.integers(0, 9))
    usual = (1 << max(exponent_bits - 1, 0)) - 1
    bias = draw(st.one_of(st.just(usual), st.integers(-40, 150)))
    try:
        return FloatFormat(
            *(exponent_bits, draw(st.integers(1, 22)), bias, draw(st.sampled_from(Specials))),
            signed=draw(st.booleans()),
        )
    except HwmodelError:
        return None


@settings(max_examples=100, deadline=None)
@given(
    *(formats(), st.sampled_from([*RULES, Rounding.STOCHASTIC]), st.sampled_from(BEYOND)),
    *(st.integers(0, 1 << 20), st.integers(1, QUICK_RANDOM_BITS)),
)
def test_both_routes_agree_for_any_format(fmt, rounding, overflow, seed, random_bits):
    if fmt is None:
        return
    try:
        fmt.check_overflow(overflow)
    except HwmodelError:
        return
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, fmt.code_count, 300)
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = fmt.decode(codes), fmt.decode((codes + 1) % fmt.code_count)
        places = np.concatenate([low, (low + high) / 2, low + (high - low) / 4, [fmt.max_value]])
        near = places.astype(np.float32).view(np.int32)
    some = rng.integers(-(2**31), 2**31, 300).astype(np.int32)
    ends = np.array([np.inf, 3.4028235e38, 1e-45, 1.1754942e-38, 0.0], np.float32).view(np.int32)
    bits = np.concatenate([near, near + 1, near - 1, some, ends, ends | np.int32(-(2**31))])
    agree(fmt, bits.view(np.float32), overflow, rounding, random_bits)


@pytest.mark.parametrize("name", ["e4m3", "fp16", "int8", "e8m0", "e12m3", "ue4m3", "int32"])
def test_an_error_for_overflows_costs_nothing_where_there_is_none(name):
    """The result is that of saturation; a value beyond is an error as before."""
    fmt = parse_format(name)
    x = np.abs(np.random.default_rng(3).normal(size=100)).astype(np.float32)
    np.testing.assert_array_equal(fmt.encode(x, "raise"), fmt.encode(x))
    np.testing.assert_array_equal(fmt.quantize(x, "raise"), fmt.quantize(x))
    x[7] = np.inf
    if not (fmt.bits > 8 and name == "fp16"):
        with pytest.raises(HwmodelError, match="beyond"):
            fmt.encode(x, "raise")


@pytest.mark.parametrize("rounding", [Rounding.NEAREST_EVEN, *RULES])
@pytest.mark.parametrize("name", ["int8", "uint8", "int2", "int4sym", "int16", "uint13", "int22"])
def test_integers_by_every_rule(name, rounding):
    """In float32, of which the quick route takes bounded numbers; wrapping, others too."""
    fmt = parse_format(name)
    rng = np.random.default_rng(4)
    halves = rng.integers(-(1 << 22), 1 << 22, 300) / 4 / 2.0 ** rng.integers(0, 20, 300)
    x = np.concatenate([halves, np.round(halves * 2) / 2, [0.5, -0.5, 0.0, -0.0]])
    x = np.concatenate([x, np.nextafter(x, np.inf), [2.0**31, -(2.0**40)]]).astype(np.float32)
    for overflow in (Overflow.SATURATE, Overflow.WRAP):
        if overflow is Overflow.WRAP and fmt.symmetric:
            continue
        for some in (x, x[np.abs(x) < 2.0**21]):
            expected = [encode_scalar(fmt, float(v), overflow, rounding) for v in some]
            np.testing.assert_array_equal(fmt.encode(some, overflow, rounding), expected)
            values = np.array([decode_scalar(fmt, code) for code in expected], np.float32)
            same_bits(fmt.quantize(some, overflow, rounding), values)
