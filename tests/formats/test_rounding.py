"""The NumPy routes against the scalar definition, and the definition against other packages."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, Overflow, Rounding, Specials, parse_format
from hwmodel.formats.scalar import decode_scalar, encode_scalar

NAMES = [
    *("int8", "uint8", "int4sym", "e5m2", "e4m3", "e3m4", "e2m5", "e3m2", "e2m3", "e2m1"),
    *("ue4m3", "e4m3ieee", "e4m3b8fin", "e5m2nosub", "e0m5", "e6m0", "e1m4", "e7m8", "fp16"),
    *("e4m3fnuz", "e5m2fnuz", "e4m3b11fnuz", "binary8p1", "binary8p3", "binary8p4ue", "e8m0"),
    *("e1m0", "e0m1", "e7m0", "e10m2", "e8m2", "e9m1bn30fin", "uint16", "int8q6", "pow4b9"),
]
EXACT_RULES = [rounding for rounding in Rounding if rounding is not Rounding.STOCHASTIC]


def overflows(fmt):
    for overflow in Overflow:
        try:
            fmt.check_overflow(overflow)
        except HwmodelError:
            continue
        if overflow is not Overflow.RAISE:
            yield overflow


def interesting(fmt):
    """Every value, every midpoint and its neighbours, and the surroundings of the overflow."""
    values = fmt.values() if fmt.bits <= 10 else fmt.decode(np.arange(0, fmt.code_count, 97))
    finite = np.unique(values[np.isfinite(values)])
    middle = (finite[1:] + finite[:-1]) / 2
    step = finite[-1] - finite[-2]
    top = fmt.max_value + step * np.array([2.0**-12, 2.0**-6, 0.03125, 0.25, 0.5, 1, 3, 100])
    x = np.concatenate([finite, middle, top, -top, [0.0, -0.0, 1e-30, -1e-30, 1e-44, 5e-324]])
    x = np.concatenate([x, np.nextafter(x, np.inf), np.nextafter(x, -np.inf)])
    x = x[np.isfinite(x)]
    with np.errstate(over="ignore"):
        narrow = x.astype(np.float32).astype(np.float64)
    return np.concatenate([x, narrow[np.isfinite(narrow)]])


@pytest.mark.parametrize("name", NAMES)
def test_decode_is_the_definition(name):
    fmt = parse_format(name)
    codes = np.arange(fmt.code_count)
    expected = np.array([decode_scalar(fmt, int(code)) for code in codes])
    got = fmt.decode(codes)
    np.testing.assert_array_equal(got, expected)
    number = ~np.isnan(got)
    np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(expected[number]))


@pytest.mark.parametrize("rounding", EXACT_RULES)
@pytest.mark.parametrize("name", NAMES)
def test_encode_is_the_definition(name, rounding):
    fmt = parse_format(name)
    x = interesting(fmt)[:: 3 if fmt.bits <= 8 else 7]
    for overflow in overflows(fmt):
        values = x if overflow is Overflow.WRAP else np.append(x, [np.inf, -np.inf])
        with np.errstate(over="ignore"):
            narrow = values.astype(np.float32)
        for numbers in (values, narrow[np.isfinite(narrow) == np.isfinite(values)]):
            expected = [encode_scalar(fmt, float(v), overflow, rounding) for v in numbers]
            np.testing.assert_array_equal(fmt.encode(numbers, overflow, rounding), expected)


@pytest.mark.parametrize("random_bits", [1, 4, 30])
@pytest.mark.parametrize("name", ["e4m3", "e5m2fnuz", "int8", "e8m0", "ue4m3", "e7m0", "e10m2"])
def test_stochastic_rounding_is_the_definition(name, random_bits):
    fmt = parse_format(name)
    x = interesting(fmt)
    random = np.random.default_rng(7).integers(0, 1 << random_bits, x.shape)
    expected = [
        encode_scalar(fmt, float(v), Overflow.SATURATE, Rounding.STOCHASTIC, int(r), random_bits)
        for v, r in zip(x, random, strict=True)
    ]
    got = fmt.encode(x, rounding="stochastic", random=random, random_bits=random_bits)
    np.testing.assert_array_equal(got, expected)


def test_stochastic_rounding_is_right_on_average():
    fmt = parse_format("e4m3")
    x = np.full(1 << 16, 17.0 + 0.3)  # between 16 and 18
    y = fmt.quantize(x, rounding="stochastic", random=np.arange(x.size), random_bits=16)
    assert set(y) == {16.0, 18.0}
    assert y.mean() == pytest.approx(17.3, abs=2 * 2.0**-16)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"rounding": "stochastic"}, "random_bits"),
        ({"random": [1], "random_bits": 4}, "stochastic"),
        ({"rounding": "stochastic", "random": [16], "random_bits": 4}, "0..15"),
        ({"rounding": "stochastic", "random": [1.5], "random_bits": 4}, "integers"),
        ({"rounding": "stochastic", "random": [1, 2, 3], "random_bits": 4}, "broadcast"),
        ({"rounding": "stochastic", "random": [1], "random_bits": 60}, "1 to 52"),
        ({"rounding": "nearest"}, "nearest-even"),
        ({"overflow": "clip"}, "saturate"),
    ],
)
def test_rules_that_cannot_be_are_refused(arguments, part):
    with pytest.raises(HwmodelError, match=part):
        parse_format("e4m3").quantize([1.0, 2.0], **arguments)


@pytest.mark.parametrize("name", NAMES)
def test_an_overflow_can_be_an_error(name):
    fmt = parse_format(name)
    beyond = fmt.max_value * 2
    inside = np.array([fmt.max_value, 0.0 if not name.startswith(("e8m0", "pow")) else 1.0])
    np.testing.assert_array_equal(fmt.encode(inside, "raise"), fmt.encode(inside))
    for dtype in (np.float32, np.float64):
        if beyond < float(np.finfo(dtype).max):
            with pytest.raises(HwmodelError, match="beyond"):
                fmt.encode(np.array([0.5, beyond], dtype), "raise")


def test_directed_rounding_meets_the_overflow_as_ieee_754_says():
    fmt = parse_format("e5m2")
    x = [1e6, -1e6, np.inf, -np.inf]
    for rounding, expected in [
        ("nearest-even", [np.inf, -np.inf]),
        ("toward-zero", [57344, -57344]),
        ("up", [np.inf, -57344]),
        ("down", [57344, -np.inf]),
        ("to-odd", [57344, -57344]),
    ]:
        got = fmt.quantize(x, "infinity", rounding).tolist()
        assert got == [*expected, np.inf, -np.inf]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_quantize_gives_the_value_of_the_code(name, dtype):
    fmt = parse_format(name)
    with np.errstate(over="ignore"):
        x = interesting(fmt).astype(dtype)
    x = x[np.isfinite(x) & (np.abs(x.astype(np.float64)) <= np.finfo(dtype).max / 4)]
    for overflow in overflows(fmt):
        y = fmt.quantize(x, overflow)
        expected = fmt.decode(fmt.encode(x, overflow))
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, expected)
        number = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(y[number]), np.signbit(expected[number]))


@pytest.mark.parametrize("name", [n for n in NAMES if "nosub" not in n])
def test_every_code_of_a_number_survives(name):
    fmt = parse_format(name)
    codes = np.arange(fmt.code_count)
    values = fmt.decode(codes)
    if fmt.has_nan:
        assert np.isnan(values[fmt.nan_code])
        assert fmt.encode([np.nan]) == [fmt.nan_code]
    left_out = (values < fmt.min_value) | np.isnan(values)
    overflow = Overflow.NONFINITE if fmt.has_nonfinite else Overflow.SATURATE
    for rounding in EXACT_RULES:
        got = fmt.encode(values[~left_out], overflow, rounding)
        np.testing.assert_array_equal(got, codes[~left_out])


@pytest.mark.parametrize(
    ("name", "peer"),
    [
        *(("e4m3", "float8_e4m3fn"), ("e5m2", "float8_e5m2"), ("e4m3ieee", "float8_e4m3")),
        *(("e3m4ieee", "float8_e3m4"), ("bf16", "bfloat16"), ("fp16", "float16")),
        *(("e4m3fnuz", "float8_e4m3fnuz"), ("e5m2fnuz", "float8_e5m2fnuz")),
        ("e4m3b11fnuz", "float8_e4m3b11fnuz"),
    ],
)
def test_codes_agree_with_ml_dtypes(name, peer):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    dtype = np.dtype(np.float16) if peer == "float16" else np.dtype(getattr(ml_dtypes, peer))
    fmt = parse_format(name)
    # Every 331st pattern of float32, a stride without a common factor with the fields' widths.
    x = np.arange(0, 1 << 32, 331, dtype=np.uint64).astype(np.uint32).view(np.float32)
    x = x[~np.isnan(x)]
    with np.errstate(over="ignore"):
        expected = x.astype(dtype).view(f"u{dtype.itemsize}")
    np.testing.assert_array_equal(fmt.encode(x, Overflow.NONFINITE), expected)


def test_directed_places_where_packages_go_wrong():
    fmt = parse_format("e4m3")
    half = 2.0**-10  # half of the smallest subnormal: a tie, which goes to the even code 0
    assert fmt.encode([half, np.nextafter(np.float32(half), 1), -half, -0.0]).tolist() == [
        0,
        1,
        0x80,
        0x80,
    ]
    assert fmt.encode([464.0, 465.0], Overflow.NONFINITE).tolist() == [0x7E, 0x7F]
    assert fmt.quantize([1.96875])[0] == 2.0  # the rounding carries out of the significand


@st.composite
def float_formats(draw):
    exponent, mantissa = draw(st.integers(0, 10)), draw(st.integers(0, 10))
    specials = draw(st.sampled_from(Specials))
    bias = draw(st.integers(-20, 140) | st.integers(-600, 600))
    signed, subnormals = draw(st.booleans()), draw(st.booleans())
    try:
        fmt = FloatFormat(exponent, mantissa, bias, specials, signed, subnormals)
    except HwmodelError:
        fmt = FloatFormat(3, 2, 3, Specials.FN, signed, subnormals)
    # Formats beyond float64 are for test_every_format.
    return fmt if not fmt.is_wide else FloatFormat(8, 7, 127, Specials.IEEE, signed, subnormals)


@settings(max_examples=150, deadline=None)
@given(float_formats(), st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=20))
def test_properties_of_any_float_format(fmt, numbers):
    x = np.array(numbers)
    y = fmt.quantize(x)
    expected = [encode_scalar(fmt, v) for v in numbers]
    np.testing.assert_array_equal(fmt.encode(x), expected)
    np.testing.assert_array_equal(fmt.encode(x.astype(np.float32)), expected)
    np.testing.assert_array_equal(y, [decode_scalar(fmt, code) for code in expected])
    np.testing.assert_array_equal(y, fmt.quantize(y))  # idempotent
    order = np.argsort(x, kind="stable")
    assert (np.diff(y[order]) >= 0).all()  # monotonic
    if np.abs(y).max() <= np.finfo(np.float32).max and fmt.lsb_exponent >= -149:
        np.testing.assert_array_equal(y, fmt.quantize(x.astype(np.float32)))
    if fmt.signed:
        np.testing.assert_array_equal(fmt.quantize(-x), -y)


@pytest.mark.parametrize("bias", [149, 150, 152, 170])
@pytest.mark.parametrize("specials", [Specials.IEEE, Specials.FNUZ, Specials.FINITE])
def test_formats_whose_largest_value_is_a_subnormal_of_float32(specials, bias):
    # Beyond their largest value lie numbers that float32 has as subnormals.
    bits = [0, 1, 2, 3, 4, 5, 7, 8, 9, 0x3FFFFF, 0x400000, 0x600000, 0x7FFFFF, 0x800000]
    x = np.array(bits, np.uint32).view(np.float32)
    for mantissa in (1, 2):
        fmt = FloatFormat(1, mantissa, bias, specials)
        for overflow in ("saturate", "nonfinite") if fmt.has_nonfinite else ("saturate",):
            expected = [encode_scalar(fmt, v, overflow) for v in x.tolist()]
            assert fmt.encode(x, overflow).tolist() == expected
            if fmt.lsb_exponent >= -149:
                values = [decode_scalar(fmt, code) for code in expected]
                np.testing.assert_array_equal(fmt.quantize(x, overflow), values)


@settings(max_examples=200, deadline=None)
@given(float_formats(), st.fractions())
def test_rounding_goes_to_a_nearest_value(fmt, x):
    got = Fraction(decode_scalar(fmt, encode_scalar(fmt, x)))
    inside = min(max(x, Fraction(fmt.min_value)), Fraction(fmt.max_value))
    if fmt.bits <= 12:
        values = fmt.values()
        distance = min(abs(Fraction(v) - inside) for v in values[np.isfinite(values)].tolist())
        assert fmt.signed or got >= 0
        assert abs(got - inside) == distance


@pytest.mark.parametrize("name", ["e2m1", "int8", "e2m5"])
def test_nan_has_no_silent_place(name):
    fmt = parse_format(name)
    for dtype in (np.float32, np.float64):
        with pytest.raises(HwmodelError, match="NaN"):
            fmt.quantize(np.array([1.0, np.nan], dtype))
    with pytest.raises(HwmodelError, match="NaN"):
        encode_scalar(fmt, math.nan)


def test_nan_is_kept_where_there_is_one():
    assert parse_format("e4m3").encode(np.array([np.nan, -np.nan], np.float32)).tolist() == [
        0x7F,
        0x7F,
    ]
    assert np.isnan(parse_format("e5m2").quantize(np.array([np.nan], np.float32))).all()


def test_shapes_and_memory_orders():
    fmt = parse_format("e4m3")
    x = np.random.default_rng(1).normal(size=(6, 10)).astype(np.float32)
    expected = fmt.quantize(x)
    np.testing.assert_array_equal(fmt.quantize(np.asfortranarray(x)), expected)
    np.testing.assert_array_equal(fmt.quantize(x[::2, ::-3]), expected[::2, ::-3])
    np.testing.assert_array_equal(fmt.quantize(x.astype(">f4")), expected)
    assert fmt.quantize(np.float32(1.1)).shape == ()
    assert fmt.quantize(np.empty((0, 3), np.float32)).shape == (0, 3)
    assert fmt.encode(np.empty((0, 3))).shape == (0, 3)
    assert fmt.quantize(x.astype(np.float16)).dtype == np.float16


@pytest.mark.parametrize("codes", [[256], [-1], [1.5]])
def test_codes_out_of_range_are_refused(codes):
    with pytest.raises(HwmodelError, match="codes of e4m3"):
        parse_format("e4m3").decode(codes)


def test_overflow_rules_that_do_not_suit_are_refused():
    for name, overflow in [
        ("e2m1", Overflow.NONFINITE),
        ("int8", Overflow.NONFINITE),
        ("e4m3", Overflow.WRAP),
        ("int8sym", Overflow.WRAP),
    ]:
        with pytest.raises(HwmodelError):
            parse_format(name).encode([1.0], overflow)
