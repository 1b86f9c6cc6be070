"""Formats against published values: OCP OFP8 and MX specifications, Shen et al., IEEE 754."""

import math

import numpy as np
import pytest

import hwmodel
from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, IntFormat, Specials, ml_dtypes_name, parse_format

# name: (bias, maximum, minimum normal, minimum subnormal, codes of NaN, codes of infinity)
PUBLISHED = {
    # OCP 8-bit Floating Point Specification (OFP8) revision 1.0, table 1
    "e5m2": (15, 57344, 2**-14, 2**-16, {0x7D, 0x7E, 0x7F, 0xFD, 0xFE, 0xFF}, {0x7C, 0xFC}),
    "e4m3": (7, 448, 2**-6, 2**-9, {0x7F, 0xFF}, set()),
    # Shen et al., arXiv 2309.14592, table of encodings
    "e3m4": (3, 30, 2**-2, 2**-6, {0x7F, 0xFF}, set()),
    # OCP Microscaling Formats (MX) specification 1.0, tables of FP6 and FP4
    "e3m2": (3, 28, 2**-2, 2**-4, set(), set()),
    "e2m3": (1, 7.5, 1, 2**-3, set(), set()),
    "e2m1": (1, 6, 1, 2**-1, set(), set()),
    # by the rule for any other eXmY: bias 2^(X-1)-1, all codes finite
    "e2m5": (1, 7.875, 1, 2**-5, set(), set()),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_values(name):
    bias, maximum, normal, subnormal, nans, infinities = PUBLISHED[name]
    fmt = parse_format(name)
    values = fmt.values()
    assert isinstance(fmt, FloatFormat)
    assert (fmt.bias, fmt.max_value, fmt.min_normal, fmt.min_subnormal) == (
        bias,
        maximum,
        normal,
        subnormal,
    )
    assert set(np.flatnonzero(np.isnan(values))) == nans
    assert set(np.flatnonzero(np.isinf(values))) == infinities
    assert values[np.isfinite(values)].max() == maximum
    assert values[values > 0].min() == subnormal


def test_all_values_of_e2m1_as_ocp_lists_them():
    positive = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
    assert parse_format("e2m1").values().tolist() == positive + [-value for value in positive]


@pytest.mark.parametrize(("name", "bits"), [("fp32", 32), ("fp16", 16), ("bf16", 16)])
def test_wide_formats_agree_with_ml_dtypes(name, bits):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    dtype = {"fp32": np.float32, "fp16": np.float16, "bf16": ml_dtypes.bfloat16}[name]
    fmt, info = parse_format(name), ml_dtypes.finfo(dtype)
    assert (fmt.bits, fmt.max_value) == (bits, float(info.max))
    assert (fmt.min_normal, fmt.min_subnormal) == (
        float(info.smallest_normal),
        float(info.smallest_subnormal),
    )


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("int8", -128, 127), ("uint8", 0, 255), ("int8sym", -127, 127), ("int4", -8, 7)],
)
def test_integer_ranges(name, low, high):
    fmt = parse_format(name)
    assert (fmt.min_value, fmt.max_value) == (low, high)
    assert fmt.encode([low, high, 10**6, -(10**6)]).tolist() == [
        low % fmt.code_count,
        high,
        high,
        low % fmt.code_count,
    ]


@pytest.mark.parametrize(
    "name",
    [
        *("int8", "uint5", "int12sym", "e5m2", "e4m3", "e3m4", "e4m3b8fin", "e4m3ieee", "e3m2bn2"),
        *("ue4m3", "ue5m3nosub", "e0m7", "e5m0", "fp16", "fp32", "bf16", "tf32", "e5m10"),
    ],
)
def test_names_parse_back(name):
    fmt = parse_format(name)
    assert fmt.name == name
    assert hwmodel.format(fmt.name) == fmt


def test_names_of_ml_dtypes_are_the_same_formats():
    assert parse_format("float8_e4m3fn") == parse_format("e4m3")
    assert parse_format("float8_e4m3").name == "e4m3ieee"


def test_spelled_out_defaults_print_short():
    assert FloatFormat(4, 3, 7, Specials.FN).name == "e4m3"
    assert FloatFormat(4, 3, 8, Specials.FINITE).name == "e4m3b8fin"
    assert FloatFormat(5, 10, 15, Specials.IEEE).name == "fp16"
    assert IntFormat(8, symmetric=True).name == "int8sym"


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("e0m0", "has neither"),
        ("int1", "2 to 32 bits"),
        ("uint8sym", "signed"),
        ("e4m0ieee", "no room"),
        ("e1m3ieeenosub", "no finite value but zero"),
        ("e5m3x", "unknown format"),
        ("float8_e4m3f", "float8_e4m3fn"),
        ("fp8", "nearest known"),
        ("", "unknown format"),
    ],
)
def test_impossible_formats_say_why(name, part):
    with pytest.raises(HwmodelError, match=part):
        parse_format(name)


def test_a_table_of_values_is_for_small_formats():
    with pytest.raises(HwmodelError, match="2\\^32 codes"):
        parse_format("fp32").values()


def test_extremes_are_finite():
    for name in PUBLISHED:
        assert math.isfinite(parse_format(name).max_value)


@pytest.mark.parametrize(
    ("name", "bias", "maximum", "normal", "subnormal"),
    [
        # ml_dtypes' documentation of its formats without negative zero
        ("e4m3fnuz", 8, 240, 2**-7, 2**-10),
        ("e5m2fnuz", 16, 57344, 2**-15, 2**-17),
        ("e4m3b11fnuz", 11, 30, 2**-10, 2**-13),
        # NVFP4's scale: E4M3 without its sign
        ("ue4m3", 7, 448, 2**-6, 2**-9),
    ],
)
def test_published_values_of_formats_without_negative_zero_or_sign(
    name, bias, maximum, normal, subnormal
):
    fmt = parse_format(name)
    assert (fmt.bias, fmt.max_value) == (bias, maximum)
    assert (fmt.min_normal, fmt.min_subnormal) == (normal, subnormal)
    values = fmt.values()
    assert np.isnan(values).sum() == 1
    assert (np.signbit(values) & (values == 0)).sum() == 0


@pytest.mark.parametrize(
    "peer",
    [
        *("float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e4m3b11fnuz", "float8_e8m0fnu"),
        *("float8_e4m3fn", "float8_e5m2", "float8_e4m3", "float8_e3m4", "float6_e3m2fn"),
        *("float6_e2m3fn", "float4_e2m1fn", "int4", "int8", "uint4"),
    ],
)
def test_every_code_is_worth_what_ml_dtypes_says(peer):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    fmt = parse_format(peer)
    codes = np.arange(fmt.code_count, dtype=np.uint8)
    dtype = np.dtype(getattr(ml_dtypes, peer, peer))
    expected = codes.view(dtype).astype(np.float64)
    if np.dtype(dtype).kind in "iu" or peer in ("int4", "uint4"):
        expected = np.where(expected >= fmt.code_count, expected - fmt.code_count, expected)
    np.testing.assert_array_equal(fmt.decode(codes), expected)
    if dtype.isbuiltin == 2:
        np.testing.assert_array_equal(fmt.decode(codes.view(dtype)), expected)
    assert ml_dtypes_name(fmt) == peer
    number = ~np.isnan(expected)
    overflow = "nonfinite" if fmt.has_infinity else "saturate"
    assert fmt.encode(expected[number], overflow).tolist() == codes[number].tolist()


def test_values_of_ieee_p3109_are_those_of_its_draft():
    # binary8p3: bias 16, NaN at 0x80, infinities at 0x7f and 0xff
    fmt = parse_format("binary8p3")
    assert (fmt.bias, fmt.min_subnormal, fmt.max_value) == (16, 2**-17, 1.5 * 2**15)
    values = fmt.values()
    assert np.isnan(values[0x80])
    assert (values[0x7F], values[0xFF]) == (np.inf, -np.inf)
    assert values[0x40] == 1.0  # one stands in the middle of the positive codes
    assert parse_format("binary8p3sf").name == "e5m2fnuz"
    unsigned = parse_format("binary8p3ue").values()
    assert np.isnan(unsigned[0xFF])
    assert unsigned[0xFE] == np.inf


def test_a_real_valued_bias_sets_the_largest_value():
    # Kuzmin et al., arXiv 2208.09225: b = 2^E - log2(c) + log2(2 - 2^-M) - 1
    fmt = parse_format("e4m3finc2.5")
    assert fmt.name == "e4m3finc2.5"
    assert fmt.max_value == pytest.approx(2.5)
    bias = 2**4 - np.log2(2.5) + np.log2(2 - 2**-3) - 1
    values = fmt.values()
    assert values[1 << 3] == pytest.approx(2.0 ** (1 - bias))
    codes = np.arange(fmt.code_count)
    np.testing.assert_array_equal(fmt.encode(fmt.decode(codes)), codes)
    with pytest.raises(HwmodelError, match="nearest"):
        fmt.quantize([1.0], rounding="up")


def test_fixed_point_has_its_binary_point():
    fmt = parse_format("int8q6")  # MXINT8's element
    assert (fmt.min_value, fmt.max_value, fmt.lsb_exponent) == (-2, 127 / 64, -6)
    assert fmt.quantize(np.float32([0.0234375, 5.0])).tolist() == [0.03125, 127 / 64]


def test_values_come_in_many_shapes_of_array():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    fmt = parse_format("e4m3")
    x = np.array([1.1, -3.3, 1000.0])
    for dtype in (np.float16, np.float32, np.float64, ml_dtypes.bfloat16):
        y = fmt.quantize(x.astype(dtype))
        assert y.dtype == dtype
        assert y.astype(float).tolist() == [1.125, -3.25, 448]
    assert fmt.quantize([3, 17]).tolist() == [3.0, 16.0]
    with pytest.raises(HwmodelError, match="does not fit float16"):
        parse_format("bf16").quantize(np.float16([65504]))
    with pytest.raises(HwmodelError, match="2\\^53"):
        fmt.quantize([(1 << 53) + 1])
    for wrong in (np.array([1j]), np.array(["1"]), np.array([None])):
        with pytest.raises(HwmodelError, match="real numbers"):
            fmt.quantize(wrong)
