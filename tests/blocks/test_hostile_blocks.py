"""Block formats on input that is wrong: one clear sentence, and nothing silently cut."""

import dataclasses

import ml_dtypes
import numpy as np
import pytest

import hwmodel
from hwmodel.blocks import BlockFormat, ScaleRule, TwoLevelFormat
from hwmodel.blocks.cut import in_dtype
from hwmodel.errors import HwmodelError
from hwmodel.formats import parse_format

MXFP4, NVFP4, MX9 = (hwmodel.block(name) for name in ("mxfp4", "nvfp4", "mx9"))
RATIOS = hwmodel.block("int4g8x4fp16")
X = np.random.default_rng(0).normal(size=(3, 70)).astype(np.float32)
INT4, E8M0 = parse_format("int4"), parse_format("e8m0")


@pytest.mark.parametrize("axis", [None, "x", (0,), 0.0, 0.5, True, 2, -3, 10**30])
def test_an_axis_is_an_integer_of_the_array(axis):
    raw = MXFP4.encode(X).pack()
    for run in (
        lambda: MXFP4.quantize(X, axis),
        lambda: MXFP4.encode(X, axis),
        lambda: MXFP4.unpack(raw, X.shape, axis),
    ):
        with pytest.raises(HwmodelError, match="axis"):
            run()


def test_integers_of_numpy_become_python_s():
    blocks = MXFP4.encode(X, np.int8(0))
    assert type(blocks.axis) is int
    shape = (np.int64(3), np.uint8(70))
    again = MXFP4.unpack(blocks.pack(), shape, np.uint8(0))
    assert again.shape == (3, 70)
    assert {type(length) for length in again.shape} == {int}
    assert MXFP4.unpack(blocks.pack(), np.array([3, 70]), 0).shape == (3, 70)


@pytest.mark.parametrize(
    "shape",
    [32, (32.0,), None, "ab", "", b"ab", (-3, 70), (3, -70), {3, 70}, ((3,), 70), (True, 3)],
)
def test_a_shape_is_a_tuple_of_lengths(shape):
    with pytest.raises(HwmodelError, match="a shape is a tuple of lengths"):
        MXFP4.unpack(MXFP4.encode(X).pack(), shape)


@pytest.mark.parametrize("shape", [(), (3, 71, 2), (10**30, 70)])
def test_a_shape_goes_with_the_bytes(shape):
    with pytest.raises(HwmodelError, match="axis"):
        MXFP4.unpack(MXFP4.encode(X).pack(), shape)


@pytest.mark.parametrize("data", [None, "abc", [1, 2], np.zeros(4), [[1], [2, 3]], 3])
def test_packed_blocks_are_bytes(data):
    with pytest.raises(HwmodelError, match="bytes"):
        MXFP4.unpack(data, X.shape)


def test_other_buffers_of_bytes_do():
    raw = MXFP4.encode(X).pack()
    for data in (bytearray(raw.tobytes()), memoryview(raw)):
        np.testing.assert_array_equal(MXFP4.decode(MXFP4.unpack(data, X.shape)), MXFP4.quantize(X))


@pytest.mark.parametrize("codes", [np.ones(3), None, 3, MXFP4.encode(X).element_codes])
def test_only_blocks_are_decoded(codes):
    with pytest.raises(HwmodelError, match="Blocks that its encode"):
        MXFP4.decode(codes)
    with pytest.raises(HwmodelError, match="these are of nvfp4"):
        MXFP4.decode(NVFP4.encode(X))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"element": "int4"}, "hwmodel.format\\('int8'\\), but 'int4' came"),
        ({"element": None}, "None came"),
        ({"element": E8M0}, "signed"),
        ({"size": 4.0}, "size of a block, such as 32, is an integer, but 4.0 came"),
        ({"size": True}, "an integer, but True came"),
        ({"size": np.True_}, "an integer, but"),
        ({"size": "4"}, "an integer"),
        ({"size": 0}, "1 to 2\\^20"),
        ({"scale": "e8m0"}, "'e8m0' came"),
        ({"scale": INT4}, "power of two"),
        ({"rule": "up"}, "one of floor, near, ceil, but 'up' came"),
        ({"rule": None}, "one of floor, near, ceil"),
        ({"rule": ["near"]}, "one of floor, near, ceil"),
        ({"has_tensor_scale": "yes"}, "true or false"),
        ({"has_tensor_scale": 2}, "true or false"),
    ],
)
def test_parts_of_a_format_are_checked(changes, message):
    usual = {"element": INT4, "size": 32, "scale": E8M0, "rule": ScaleRule.FLOOR}
    with pytest.raises(HwmodelError, match=message):
        BlockFormat(**(usual | changes))


def test_names_of_rules_and_integers_of_numpy_are_settled():
    fmt = BlockFormat(INT4, np.uint8(32), parse_format("fp16"), "near", 0)
    assert fmt == hwmodel.block("int4g32fp16")
    assert hash(fmt) == hash(hwmodel.block("int4g32fp16"))
    assert fmt.rule is ScaleRule.ABSMAX
    assert type(fmt.size) is int
    assert fmt.has_tensor_scale is False


@pytest.mark.parametrize("bits", ["7", 7.0, None, True, 0, 23])
def test_mantissa_bits_are_an_integer(bits):
    with pytest.raises(HwmodelError, match="mantissa bits"):
        TwoLevelFormat(bits)
    assert type(TwoLevelFormat(np.int8(7)).mantissa_bits) is int


def changed(codes, value):
    codes = codes.astype(np.int64)
    codes.flat[0] = value
    return codes


MXFP4_CODES, NVFP4_CODES = MXFP4.encode(X), NVFP4.encode(X)
MX9_CODES, RATIO_CODES = MX9.encode(X), RATIOS.encode(X)


@pytest.mark.parametrize(
    ("codes", "changes", "message"),
    [
        (MXFP4_CODES, {"element_codes": changed(MXFP4_CODES.element_codes, 17)}, "0..15, but 17"),
        (MXFP4_CODES, {"element_codes": changed(MXFP4_CODES.element_codes, -1)}, "but -1 came"),
        (MXFP4_CODES, {"element_codes": MXFP4_CODES.element_codes * 1.0}, "integers"),
        (MXFP4_CODES, {"element_codes": MXFP4_CODES.element_codes[:, :2]}, "codes of elements"),
        (MXFP4_CODES, {"element_codes": None}, "codes of elements"),
        (MXFP4_CODES, {"scale_codes": changed(MXFP4_CODES.scale_codes, 256)}, "0..255, but 256"),
        (MXFP4_CODES, {"scale_codes": changed(MXFP4_CODES.scale_codes, -1)}, "but -1 came"),
        (MXFP4_CODES, {"scale_codes": MXFP4_CODES.scale_codes * 1.0}, "integers"),
        (MXFP4_CODES, {"scale_codes": MXFP4_CODES.scale_codes[:2]}, "codes of scales"),
        (MXFP4_CODES, {"shape": (3, 100)}, "codes of elements of shape \\(3, 4, 32\\)"),
        (MXFP4_CODES, {"shape": (2, 70)}, "codes of elements"),
        (MXFP4_CODES, {"shape": None}, "tuple of lengths"),
        (MXFP4_CODES, {"axis": 0}, "along axis 0"),
        (MXFP4_CODES, {"axis": "x"}, "an integer"),
        (MXFP4_CODES, {"tensor_scale": 1.0}, "no tensor scale, but 1.0"),
        (NVFP4_CODES, {"tensor_scale": None}, "a tensor scale, but None"),
        (NVFP4_CODES, {"tensor_scale": float("nan")}, "positive number"),
        (NVFP4_CODES, {"tensor_scale": -1.0}, "positive number"),
        (NVFP4_CODES, {"tensor_scale": 1e300}, "FP32 holds"),
        (NVFP4_CODES, {"tensor_scale": 0.1}, "FP32 holds"),  # pack() would round it
        (NVFP4_CODES, {"tensor_scale": "x"}, "a number"),
        (MX9_CODES, {"scale_codes": changed(MX9_CODES.scale_codes, 1 << 16)}, "0..65535"),
        (RATIO_CODES, {"scale_codes": RATIO_CODES.scale_codes + 16}, "0..15"),
        (RATIO_CODES, {"scale_codes": RATIO_CODES.scale_codes[..., 1:]}, "codes of scales"),
    ],
)
def test_codes_that_cannot_be_are_neither_packed_nor_decoded(codes, changes, message):
    wrong = dataclasses.replace(codes, **changes)
    with pytest.raises(HwmodelError, match=message):
        wrong.pack()
    with pytest.raises(HwmodelError, match=message):
        codes.format.decode(wrong)


def test_blocks_have_a_format():
    with pytest.raises(HwmodelError, match="a block format such as"):
        dataclasses.replace(MXFP4_CODES, format=None).pack()


def test_codes_of_any_integer_type_do():
    wide = dataclasses.replace(
        MXFP4_CODES,
        element_codes=MXFP4_CODES.element_codes.tolist(),
        scale_codes=MXFP4_CODES.scale_codes.astype(">i8"),
    )
    np.testing.assert_array_equal(wide.pack(), MXFP4_CODES.pack())
    np.testing.assert_array_equal(MXFP4.decode(wide), MXFP4.decode(MXFP4_CODES))


@pytest.mark.parametrize(
    ("name", "values", "dtype", "value"),
    [
        ("e2m0g4e5m0", [448.0, 1.0], "float8_e4m3fn", "512"),
        ("e2m0g4e5m0", [57344.0, 1.0], "float8_e5m2", "65536"),
        ("mxfp4", [2.0**100, 1.0], "float8_e8m0fnu", "0"),
        ("mxfp8e4m3", [28.0, 1.0], "float6_e3m2fn", None),
        ("e3m0g4pow2", [7.5, 1.0], "float6_e2m3fn", "8"),  # this type saturates
        ("mxfp4", [3.38e38, 1.0], "bfloat16", None),
    ],
)
def test_types_that_do_not_hold_a_result_say_so(name, values, dtype, value):
    fmt = hwmodel.block(name)
    x = np.array(values, getattr(ml_dtypes, dtype))
    if value is None:
        got = fmt.quantize(x)
        assert got.dtype == x.dtype
        np.testing.assert_array_equal(got.astype(np.float64), fmt.quantize(x.astype(np.float64)))
        return
    with pytest.raises(HwmodelError, match=f"the value {value} of {name} does not fit {dtype}"):
        fmt.quantize(x)


def test_types_without_nan_say_so():
    fmt = hwmodel.block("e5m2g2e8m0")
    x = np.array([1.0, np.nan], ml_dtypes.float8_e4m3fn)
    assert np.isnan(fmt.quantize(x).astype(np.float32)).all()
    with pytest.raises(HwmodelError, match="float4_e2m1fn"):  # FP4 has none; the block made it
        in_dtype(np.array([np.nan, 1.0]), np.dtype(ml_dtypes.float4_e2m1fn), "e5m2g2e8m0")


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e5m2", "float8_e4m3fn", "float8_e3m4"])
def test_products_are_rounded_once_to_types_of_ml_dtypes(dtype):
    kind = np.dtype(getattr(ml_dtypes, dtype))
    fmt = parse_format(dtype)
    held = np.unique(fmt.values()[np.isfinite(fmt.values())])
    ties = (held[:-1] + held[1:]) / 2
    values = np.concatenate([held, ties, np.nextafter(ties, np.inf), np.nextafter(ties, -np.inf)])
    for x in (values, values.astype(np.float32)):
        got = in_dtype(x, kind, "mxfp4").astype(np.float64)
        np.testing.assert_array_equal(got, fmt.quantize(x.astype(np.float64)))
