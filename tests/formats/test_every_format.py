"""Every ExMy of 2 to 16 bits, with all special codes and any bias, against a textbook oracle.

The quick tests draw formats and numbers; the slow one takes all formats.
"""

import math
import sys
from fractions import Fraction

import numpy as np
import pytest
from fraction_oracle import ROUNDINGS, Oracle, possible
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.progress import track

from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, Overflow, Rounding, Specials, parse_format
from hwmodel.formats.floating import default_bias
from hwmodel.formats.scalar import decode_scalar, encode_scalar, exact_scalar

SPECIALS = [kind.value for kind in Specials]
SIZES = [(n - m, m) for n in range(1, 17) for m in range(n + 1)]  # without the sign
LEAST, MOST = sys.float_info.min * sys.float_info.epsilon, sys.float_info.max


def ours(oracle):
    return FloatFormat(
        *(oracle.e, oracle.m, oracle.bias, Specials(oracle.specials)),
        *(oracle.signed, oracle.subnormals),
    )


def usual(e, m, specials, signed, subnormals=True):
    bias = default_bias(e, Specials(specials))
    return Oracle(e, m, bias, specials, signed, subnormals)


def as_float(value):
    """Nearest float64 of an oracle's value, and whether it is that value."""
    if isinstance(value, str):
        return float(value), True
    try:
        near = float(value)
    except OverflowError:
        return (math.inf if value > 0 else -math.inf), False
    return near, Fraction(near) == value


def about(value):
    """A float64 near a value and its neighbours, those that are finite."""
    near, _ = as_float(value)
    if math.isinf(near):
        near = math.copysign(MOST, near)
    around = [near, math.nextafter(near, -math.inf), math.nextafter(near, math.inf)]
    return [float(x) for x in around if math.isfinite(x)]


def places(oracle, codes):
    """Numbers at and about values, midpoints, the largest and the smallest ones, of both signs."""
    edges = {0, 1, 2, 2**oracle.m - 1, 2**oracle.m, oracle.top - 1, oracle.top}
    xs = [0.0, 5e-324, 1.0, 1.5, MOST, math.inf]
    for code in sorted({c for c in edges | set(codes) if 0 <= c <= oracle.top}):
        low, high = oracle.size(code), oracle.size(code + 1)
        xs += [*about(low), *about((low + high) / 2), *about(low + (high - low) / 4)]
        if code == oracle.top:
            xs += [*about(high), *about(2 * high)]
    return sorted({x for x in xs if x >= 0}) + [-x for x in sorted({x for x in xs if x >= 0})]


def check_numbers(oracle, xs, overflow, rounding, random_bits=1):
    """`encode`, its definition and `quantize` against the oracle."""
    fmt = ours(oracle)
    rule = {"overflow": overflow, "rounding": rounding}
    random = np.zeros(len(xs), np.int64)
    if rounding == "stochastic":
        random = np.random.default_rng(len(xs)).integers(0, 1 << random_bits, len(xs))
        rule |= {"random": random, "random_bits": random_bits}
    expected = [
        oracle.encode(x, overflow, rounding, int(r), random_bits)
        for x, r in zip(xs, random, strict=True)
    ]
    if None in expected:
        with pytest.raises(HwmodelError, match="beyond"):
            fmt.encode(xs, **rule)
        kept = [place for place, code in enumerate(expected) if code is not None]
        xs, expected = [xs[place] for place in kept], [expected[place] for place in kept]
        random = random[kept]
        if rounding == "stochastic":
            rule["random"] = random
    got = fmt.encode(np.array(xs, np.float64), **rule)
    assert got.dtype == (np.uint8 if fmt.bits <= 8 else np.uint16 if fmt.bits <= 16 else np.uint32)
    assert got.tolist() == expected, (fmt.name, rule)
    values = [as_float(oracle.value(code)) for code in expected]
    fits = [place for place, (_, exact) in enumerate(values) if exact]
    if len(fits) < len(xs):
        if rounding != "stochastic":
            with pytest.raises(HwmodelError, match="does not fit float64"):
                fmt.quantize(xs, **rule)
        xs = [xs[place] for place in fits]
        if rounding == "stochastic":
            rule["random"] = random[fits]
    same(fmt.quantize(np.array(xs, np.float64), **rule), [values[place][0] for place in fits])
    narrow = np.array(xs, np.float64)
    with np.errstate(over="ignore"):
        small = narrow.astype(np.float32)
    alike = small == narrow
    if rounding != "stochastic" and alike.any():
        codes = np.array(expected)[fits][alike]
        assert fmt.encode(small[alike], **rule).tolist() == codes.tolist()


def same(got, expected):
    np.testing.assert_array_equal(got, expected)
    number = ~np.isnan(got)
    np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(np.array(expected)[number]))


def check_codes(oracle, codes):
    """Values of codes by every way, and the way back."""
    fmt = ours(oracle)
    assert parse_format(fmt.name) == fmt
    assert fmt.bits == oracle.e + oracle.m + oracle.signed
    values = [oracle.value(code) for code in codes]
    parts = [(float(s), int(e)) for s, e in zip(*fmt.decode_parts(codes), strict=True)]
    for code, value, (significand, exponent) in zip(codes, values, parts, strict=True):
        if isinstance(value, str):
            same(np.array([significand]), [float(value)])
            assert exponent == 0
            same(np.array([exact_scalar(fmt, code)]), [float(value)])
            continue
        if value:
            assert 0.5 <= abs(significand) < 1
        assert Fraction(significand) * Fraction(2) ** exponent == value
        assert fmt.fraction(code) == value
    floats = [as_float(value) for value in values]
    fits = [place for place, (_, exact) in enumerate(floats) if exact]
    if len(fits) < len(codes):
        with pytest.raises(HwmodelError, match="does not fit float64"):
            fmt.decode(codes)
    chosen = np.array(codes, np.int64)[fits]
    decoded = fmt.decode(chosen)
    same(decoded, [floats[place][0] for place in fits])
    # Not-a-numbers but one, and the zeros of formats without subnormals, share their values.
    alone = ~np.isnan(decoded) & ((decoded != 0) | (chosen & (oracle.sign - 1) == 0))
    overflow = "saturate" if oracle.infinity is None else "infinity"
    assert fmt.encode(decoded[alone], overflow).tolist() == chosen[alone].tolist()


@st.composite
def oracles(draw):
    e, m = draw(st.sampled_from(SIZES))
    specials, signed = draw(st.sampled_from(SPECIALS)), draw(st.booleans())
    oracle = usual(e, m, specials, signed, draw(st.booleans()))
    if draw(st.booleans()):
        bias = draw(st.integers(-1200, 1200) | st.integers(-20, 20) | st.integers(-(2**15), 2**15))
        oracle = Oracle(e, m, bias, specials, signed, oracle.subnormals)
    return oracle if possible(oracle) and e + m + signed in range(2, 17) else usual(12, 3, "fin", 1)


def drawn_codes(data, oracle, count=6):
    number = st.integers(0, oracle.sign * (2 if oracle.signed else 1) - 1)
    return data.draw(st.lists(number, min_size=1, max_size=count))


@settings(max_examples=150, deadline=None)
@given(oracles(), st.data())
def test_codes_of_any_format(oracle, data):
    codes = drawn_codes(data, oracle, 20)
    everything = oracle.sign * (2 if oracle.signed else 1)
    check_codes(oracle, sorted({0, oracle.top, oracle.sign - 1, everything - 1, *codes}))


@settings(max_examples=150, deadline=None)
@given(oracles(), st.sampled_from(ROUNDINGS), st.sampled_from([1, 5, 52]), st.data())
def test_numbers_of_any_format(oracle, rounding, random_bits, data):
    overflow = data.draw(st.sampled_from(oracle.overflows()))
    codes = [code % oracle.sign for code in drawn_codes(data, oracle, 3)]
    xs = places(oracle, codes) + data.draw(st.lists(st.floats(allow_nan=False), max_size=5))
    check_numbers(oracle, xs, overflow, rounding, random_bits)


@settings(max_examples=150, deadline=None)
@given(oracles(), st.sampled_from(ROUNDINGS), st.data())
def test_the_definition_of_any_format(oracle, rounding, data):
    # Fractions reach where float64 does not.
    fmt, code = ours(oracle), drawn_codes(data, oracle)[0] % oracle.sign
    low, high = oracle.size(min(code, oracle.top)), oracle.size(min(code, oracle.top) + 1)
    share = data.draw(st.sampled_from([0, Fraction(1, 3), Fraction(1, 2), Fraction(2, 3)]))
    for x in (low + (high - low) * share, -low - (high - low) * share):
        expected = oracle.encode(x, "saturate", rounding, 2, 3)
        random = (2, 3) if rounding == "stochastic" else (0, 0)
        got = encode_scalar(fmt, x, Overflow.SATURATE, Rounding(rounding), *random)
        # A fraction cannot be a negative zero.
        assert got == expected


@pytest.mark.parametrize("bias", [10**6, -(10**6), 2**40, -(2**40), 10**30, -(10**30)])
@pytest.mark.parametrize("plain", ["e4m3", "e5m2", "e2m1", "ue3m0", "e0m5"])
def test_a_bias_may_be_as_large_as_it_likes(plain, bias):
    base = parse_format(plain)
    fmt = FloatFormat(
        *(base.exponent_bits, base.mantissa_bits, bias, base.specials, base.signed),
    )
    assert parse_format(fmt.name) == fmt
    x = np.array([0.0, -0.0, 1.0, -1.0, 5e-324, MOST, -MOST])
    for rounding in ("nearest-even", "up", "down", "toward-zero", "to-odd", "nearest-away"):
        got = fmt.encode(x, rounding=rounding).tolist()
        minus = 1 << (fmt.bits - 1) if fmt.signed else 0
        if bias > 0:  # all values of the format are tiny
            near, far = fmt.max_code, fmt.max_code | minus if minus else 0
        else:
            near = int(rounding in ("up", "to-odd"))
            far = minus | int(rounding in ("down", "to-odd"))
            far = far if minus else 0
        assert got == [0, minus, near, far, near, near, far]
        assert got == [encode_scalar(fmt, v, rounding=Rounding(rounding)) for v in x.tolist()]
    with pytest.raises(HwmodelError, match="does not fit float64"):
        fmt.decode([fmt.max_code]) if abs(bias) < 10**10 else fmt.max_value
    assert fmt.decode([0]) == [0.0] if abs(bias) < 2**60 else True


def test_what_float64_does_not_hold_is_an_error_that_names_the_way():
    fmt = parse_format("e12m3")
    for ask in (
        lambda: fmt.quantize([math.inf]),
        lambda: fmt.quantize([MOST]),
        lambda: fmt.decode([fmt.max_code]),
        lambda: fmt.values(),
        lambda: fmt.max_value,
        lambda: fmt.min_value,
        lambda: fmt.min_normal,
        lambda: fmt.min_subnormal,
        lambda: decode_scalar(fmt, 1),
    ):
        with pytest.raises(HwmodelError, match=r"does not fit float64.*decode_parts"):
            ask()
    assert fmt.quantize(np.float32([1.7, -1e-45])).tolist() == [1.75, -(2.0**-149)]


def test_no_zero_and_no_infinity_comes_out_in_silence_for_other_types():
    with pytest.raises(HwmodelError, match="does not fit float16"):
        parse_format("e12m3").quantize(np.float16([65504]))
    assert parse_format("e15m0").quantize(np.float16([3e-8, 1.5])).tolist() == [2.0**-25 * 2, 2.0]


def formats_of_all_kinds():
    for e, m in SIZES:
        for specials in SPECIALS:
            for signed in (True, False):
                for subnormals in (True, False):
                    oracle = usual(e, m, specials, signed, subnormals)
                    if 2 <= e + m + signed <= 16 and possible(oracle):
                        yield oracle


def test_all_sizes_and_special_codes_exist():
    found = {(o.e, o.m, o.signed) for o in formats_of_all_kinds()}
    wanted = {(e, m, s) for e, m in SIZES for s in (True, False) if 2 <= e + m + s <= 16}
    assert found == wanted
    for oracle in formats_of_all_kinds():
        fmt = ours(oracle)
        assert parse_format(fmt.name) == fmt


@pytest.mark.slow
@pytest.mark.parametrize("size", range(2, 17))
def test_every_format(size):
    rng = np.random.default_rng(size)
    kinds = [o for o in formats_of_all_kinds() if o.e + o.m + o.signed == size]
    for number, oracle in enumerate(track(kinds, description=f"{size} bits")):
        count = oracle.sign * (2 if oracle.signed else 1)
        # Without subnormals the other codes are the same: some of them will do.
        check_codes(oracle, list(range(0, count, 1 if oracle.subnormals else 13)))
        few = oracle.top if oracle.top < 64 else 16
        xs = places(oracle, rng.integers(0, oracle.top + 1, few).tolist())
        for place, rounding in enumerate(ROUNDINGS):
            rules = oracle.overflows()
            rule = rules[(number + place) % len(rules)]
            check_numbers(oracle, xs, rule, rounding, random_bits=7)
