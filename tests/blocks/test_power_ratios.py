"""ZeroQuant-FP's M2: groups whose scales differ by powers of two."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hwmodel
from hwmodel.blocks import PowerRatioFormat, parse_block
from hwmodel.blocks.coded import widths
from hwmodel.blocks.scalar import decode_block, encode_block
from hwmodel.errors import HwmodelError
from hwmodel.formats import parse_format

FP16, FP32, INT4 = (parse_format(name) for name in ("fp16", "fp32", "int4"))


def scales(fmt, x):
    """Scales of the groups of one block, as the array route has them."""
    codes = fmt.encode(x).scale_codes[0]
    return fmt.scale.decode(codes[0]) / 2.0 ** codes[1:]


def test_scales_are_those_of_the_published_formula():
    rng = np.random.default_rng(3)
    fmt = parse_block("int4g16x8fp32")
    for _ in range(200):
        x = (rng.normal(size=(8, 16)) * 2.0 ** rng.integers(-6, 6, (8, 1))).astype(np.float32)
        single = np.abs(x).max(axis=1).astype(float) / 7
        most = single.max()
        published = np.float32(most) / 2.0 ** np.ceil(np.log2(most / single))  # no ratio is close
        np.testing.assert_array_equal(scales(fmt, x.ravel()), published)


def test_a_block_by_hand():
    fmt = parse_block("int4g2x4fp16")
    x = [7.0, -3.0, 3.5, 1.0, 6.0, -6.0, 0.0, 0.0]  # S = 1, 1/2, 6/7 and none
    blocks = fmt.encode(x)
    assert blocks.scale_codes.tolist() == [[0x3C00, 0, 1, 1, 0]]
    assert blocks.element_codes.tolist() == [[7, 13, 7, 2, 7, 8, 0, 0]]  # 6 and -6 saturate
    assert fmt.quantize(x).tolist() == [7, -3, 3.5, 1, 3.5, -4, 0, 0]
    # FP16 with its low byte first, four exponents, and the elements, each low half first.
    assert blocks.pack().tolist() == [0x00, 0x3C, 0x10, 0x01, 0xD7, 0x27, 0x87, 0x00]


def test_scales_come_out_low_by_less_than_half():
    rng = np.random.default_rng(4)
    fmt = parse_block("e2m1g8x4fp32")
    x = rng.normal(size=(500, 4, 8)).astype(np.float32)
    single = np.abs(x).max(axis=-1) / 6.0
    blocks = fmt.encode(x.reshape(500, 32))
    got = fmt.scale.decode(blocks.scale_codes[:, 0, :1]) / 2.0 ** blocks.scale_codes[:, 0, 1:]
    share = got / single
    assert share.max() < 1 + 2**-23
    assert 0.5 - 2**-23 < share.min() < 0.51  # the bound is reached: elements do saturate


def test_exponents_are_those_of_ratios_before_rounding():
    # S_max = 1 + 0.7 * 2^-10 becomes 1 + 2^-10 in FP16. Of the ratio of that to itself as it was,
    # the logarithm would be rounded up to 1.
    fmt = parse_block("int4g1x2fp16")
    most = 7 * (1 + 0.7 * 2**-10)
    assert fmt.encode([most, most]).scale_codes.tolist() == [[0x3C01, 0, 0]]
    assert fmt.encode([most, most / 2]).scale_codes.tolist() == [[0x3C01, 0, 1]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ratios_at_powers_of_two_and_beside_them(dtype):
    fmt = parse_block("int4g1x2fp32")
    for power in range(1, 20):
        one = dtype(5)
        low = dtype(5 * 2.0**-power)
        for small, exponent in (
            (low, power),
            (np.nextafter(low, dtype(9)), power),  # a little larger: the ratio is a little less
            (np.nextafter(low, dtype(0)), power + 1),
        ):
            codes = fmt.encode(np.array([one, small], dtype)).scale_codes
            assert codes[0, 2] == min(exponent, 15)


def test_logarithms_are_not_those_of_floating_point():
    # log2 of this ratio is 9 in float64, though the ratio is larger than 2^9.
    most = math.nextafter(512.0, 513.0)
    assert math.ceil(math.log2(most)) == 9
    assert parse_block("int8g1x2fp32").encode([most, 1.0]).scale_codes[0, 2] == 10


def test_zeros_and_what_is_not_finite():
    fmt = parse_block("e2m1g2x3fp16")
    blocks = fmt.encode(np.zeros(12))
    assert not blocks.scale_codes.any()
    assert not blocks.element_codes.any()
    x = np.arange(1.0, 13.0)
    x[1] = np.nan
    blocks = fmt.encode(x)
    assert blocks.scale_codes[0].tolist() == [FP16.nan_code, 0, 0, 0]
    assert np.isnan(fmt.quantize(x)[:6]).all()
    assert not np.isnan(fmt.quantize(x)[6:]).any()
    with pytest.raises(HwmodelError, match="no NaN"):
        parse_block("e2m1g2x3e5m3").quantize([math.inf])
    assert parse_block("e2m1g2x3e5m3").quantize([6.0, -3.0]).tolist() == [6.0, -3.0]


def test_scales_beyond_their_format_are_clamped():
    fmt = parse_block("int4symg1x2fp16")
    assert fmt.quantize([1e9, 1e9 / 2]).tolist() == [7 * 65504.0, 7 * 65504.0 / 2]
    tiny = fmt.encode([1e-12, -1e-12 / 4])
    assert tiny.scale_codes.tolist() == [[0, 0, 2]]  # zero, and with it all elements
    assert fmt.quantize([1e-12, -1e-12 / 4]).tolist() == [0.0, 0.0]


NAMES = ["int4g3x2fp16", "e2m1g2x5fp32", "int8g1x3ue4m3", "e4m3g4x2bf16", "int4symg2x2e5m2"]
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.floats(-8, 8, width=32),
    st.sampled_from([0.0, -0.0, 1.0, -7.0, 3.5, 448.0, 2.0**-149, 65504.0]),
)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(NAMES), st.lists(NUMBERS, min_size=1, max_size=24))
def test_arrays_follow_the_definition(name, values):
    fmt = parse_block(name)
    x = np.array(values, np.float64)
    blocks = fmt.encode(x)
    places = np.cumsum([0, *widths(fmt)])[:-1].tolist()
    expected = []
    for number, start in enumerate(range(0, len(values), fmt.size)):
        code, elements = encode_block(fmt, values[start : start + fmt.size])
        got = zip(blocks.scale_codes[number].tolist(), places, strict=True)
        assert code == sum(part << place for part, place in got)
        assert blocks.element_codes[number].tolist() == elements
        expected += decode_block(fmt, code, elements)
    expected = np.array(expected[: len(values)])
    for result in (
        fmt.decode(blocks),
        fmt.quantize(x),
        fmt.decode(fmt.unpack(blocks.pack(), x.shape)),
    ):
        np.testing.assert_array_equal(result, expected)
        np.testing.assert_array_equal(np.signbit(result), np.signbit(expected))


@settings(deadline=None, max_examples=200)
@given(st.lists(st.floats(2.0**-30, 2.0**30), min_size=4, max_size=4))
def test_the_definition_is_the_formula(values):
    fmt = parse_block("int4g1x4fp32")
    code, _ = encode_block(fmt, values)
    for number, x in enumerate(values):
        exponent = code >> (32 + 4 * number) & 15
        ratio = Fraction(max(values)) / Fraction(x)
        assert ratio <= Fraction(2) ** exponent or exponent == 15
        assert exponent == 0 or ratio > Fraction(2) ** (exponent - 1)


@pytest.mark.parametrize("axis", [0, 1, 2, -3])
def test_any_axis(axis):
    fmt = parse_block("int4g4x3fp16")
    x = np.random.default_rng(5).normal(size=(17, 13, 30)).astype(np.float16)
    moved = np.moveaxis(x, axis, -1)
    np.testing.assert_array_equal(np.moveaxis(fmt.quantize(x, axis), axis, -1), fmt.quantize(moved))
    blocks = fmt.encode(x, axis)
    again = fmt.unpack(blocks.pack(), x.shape, axis)
    np.testing.assert_array_equal(again.scale_codes, blocks.scale_codes)
    np.testing.assert_array_equal(fmt.decode(again), fmt.quantize(x.astype(float), axis))
    assert blocks.pack().size == -(-blocks.scale_codes[..., 0].size * (16 + 12 + 48) // 8)


@pytest.mark.parametrize("name", ["int4symg8x4fp16", "e2m1g8x4fp32", "e4m3g4x2fp16"])
def test_quantising_again_changes_nothing(name):
    fmt = parse_block(name)
    x = np.random.default_rng(6).normal(size=(30, 64))
    once = fmt.quantize(x)
    np.testing.assert_array_equal(fmt.quantize(once), once)


def test_empty_arrays():
    fmt = parse_block("int4g4x3fp16")
    for shape in ((0,), (0, 3), (3, 0)):
        assert fmt.quantize(np.zeros(shape)).shape == shape
        blocks = fmt.encode(np.zeros(shape))
        assert fmt.decode(fmt.unpack(blocks.pack(), shape)).shape == shape


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((INT4, 128, 1, FP16), "2 groups or more"),
        ((INT4, 0, 2, FP16), "1 to 2\\^20"),
        ((INT4, 1 << 19, 3, FP16), "1 to 2\\^20"),
        ((INT4, 128.0, 2, FP16), "size of a group, such as 128, is an integer"),
        ((INT4, 128, True, FP16), "share a scale, such as 8, is an integer, but True"),
        ((INT4, 128, 2, parse_format("e8m0")), "int4g128pow2"),
        ((INT4, 128, 2, "fp16"), "'fp16' came"),
        (("int4", 128, 2, FP16), "hwmodel.format\\('int8'\\)"),
        ((parse_format("uint4"), 128, 2, FP16), "signed"),
        ((parse_format("int32"), 128, 2, FP32), "not exact"),
    ],
)
def test_what_cannot_be_is_explained(arguments, message):
    with pytest.raises(HwmodelError, match=message):
        PowerRatioFormat(*arguments)


def test_formats_are_equal_by_value():
    fmt = PowerRatioFormat(INT4, np.int64(128), np.uint8(8), FP16)
    assert fmt == hwmodel.block("int4g128x8fp16")
    assert hash(fmt) == hash(hwmodel.block("int4g128x8fp16near"))
    assert type(fmt.group_size) is type(fmt.count) is int
    assert fmt.size == 1024
    assert fmt.bits_per_value == 4 + 48 / 1024
