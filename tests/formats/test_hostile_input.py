"""What a caller may pass, meant well or not: a right result or one clear sentence."""

import decimal
from fractions import Fraction

import numpy as np
import pytest

from hwmodel.errors import HwmodelError
from hwmodel.formats import (
    FloatFormat,
    IntFormat,
    PowerFormat,
    ScaledFormat,
    Specials,
    parse_format,
)
from hwmodel.formats.scalar import decode_scalar, encode_scalar

KINDS = [
    "e4m3",
    "e12m3",
    "int8",
    "e8m0",
    "e4m3c2.5",
    "int8q6",
    "ue4m3",
    "e0m3",
    "fp32",
    "e4m3b5000",
]
NO_NUMBERS = {
    "ragged": [[1.0], [2.0, 3.0]],
    "nothing": None,
    "text": np.array(["1.0"]),
    "bytes": np.array([b"1"]),
    "complex": np.array([1j]),
    "objects": np.array([1.0, None], object),
    "beyond 64 bits": [2**70],
    "date": np.array(["2020-01-01"], "M8[D]"),
    "record": np.zeros(2, [("a", "f4")]),
    "set": {1, 2},
    "fraction": Fraction(1, 3),
    "decimal": decimal.Decimal("1.5"),
    "long double": np.ones(2, np.longdouble),
    "masked": np.ma.array([1.0, 2.0], mask=[0, 1]),
}


@pytest.mark.parametrize("what", NO_NUMBERS)
@pytest.mark.parametrize("name", KINDS)
def test_what_is_no_array_of_numbers_is_refused(name, what):
    fmt = parse_format(name)
    if what == "long double" and np.finfo(np.longdouble).bits <= 64:
        pytest.skip("a long double is a double here")
    for ask in (fmt.quantize, fmt.encode, fmt.decode, fmt.decode_parts):
        with pytest.raises(HwmodelError):
            ask(NO_NUMBERS[what])


@pytest.mark.parametrize("name", KINDS)
def test_arrays_of_any_layout_give_the_same(name):
    fmt = parse_format(name)
    x = np.array([[0.5, 1.0, -1.75, 3.25], [0.75, -0.5, 1e-3, 1.2]])
    values = encoded(fmt, x)
    frozen = x.copy()
    frozen.setflags(write=False)
    buffer = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:]
    copies = [
        *(np.asfortranarray(x), x.astype(">f8"), frozen, np.ma.array(x)),
        *(x.repeat(2, axis=1)[:, ::2], x[::-1][::-1], x.view(type("Sub", (np.ndarray,), {}))),
        buffer.view(np.float64).reshape(x.shape),  # not aligned
    ]
    for copy in copies:
        assert type(fmt.encode(copy)) is np.ndarray
        np.testing.assert_array_equal(fmt.encode(copy), values)
    np.testing.assert_array_equal(fmt.encode(np.broadcast_to(x[:, :1], (2, 9)))[:, 3], values[:, 0])
    assert fmt.encode(x[0, 0]).shape == ()
    assert fmt.encode(x[:, :0]).shape == (2, 0)


def encoded(fmt, x):
    codes = [encode_scalar(fmt, v) for v in x.ravel().tolist()]
    return np.array(codes).reshape(x.shape)


@pytest.mark.parametrize(
    "name", ["e4m3", "e5m2", "e12m3ieee", "e4m3q6", "e4m3c2.5", "e8m0", "fp32"]
)
def test_every_kind_of_nan_is_the_one_nan(name):
    fmt = parse_format(name)
    code = fmt.base.nan_code if isinstance(fmt, ScaledFormat) else fmt.nan_code
    for bits, dtype in (
        (np.array([0x7C01, 0x7E00, 0xFC01, 0xFFFF], np.uint16), np.float16),
        (np.array([0x7F800001, 0x7FC00000, 0xFF800001, 0xFFFFFFFF], np.uint32), np.float32),
        (np.array([0x7FF0000000000001, 0xFFF0000000000001, 2**64 - 1], np.uint64), np.float64),
    ):
        x = bits.view(dtype)
        assert fmt.encode(x).tolist() == [code] * x.size
        assert np.isnan(fmt.quantize(x)).all()


def test_integers_are_taken_as_float64_whatever_they_are_kept_in():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    fmt = parse_format("e2m1")
    for dtype in (np.int8, np.uint64, np.int64, ml_dtypes.int4, ml_dtypes.uint4, ">i4"):
        y = fmt.quantize(np.array([0, 3, 5, 7]).astype(dtype))
        assert y.dtype == np.float64
        assert y.tolist() == [0, 3, 4, 6]
    assert fmt.quantize(np.array([True, False])).tolist() == [1, 0]


def test_codes_of_other_packages_are_those_of_as_wide_a_type():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    int4 = np.array([7, -1, -8, 0], np.int8).astype(ml_dtypes.int4)
    assert parse_format("int4").decode(int4).tolist() == [7, -1, -8, 0]
    filled = np.array([0xFF, 0xF8], np.uint8).view(ml_dtypes.int4)
    assert parse_format("int4").decode(filled).tolist() == [-1, -8]
    for name, dtype in [
        *(("e4m3", "bfloat16"), ("e12m3", "float8_e5m2"), ("e4m3", "float8_e5m2")),
        *(("int8", "int2"), ("uint4", "int4"), ("e2m1", "int4"), ("e4m3", "float8_e4m3fnuz")),
    ]:
        with pytest.raises(HwmodelError, match=f"{name} were expected, but an array of {dtype}"):
            parse_format(name).decode(np.ones(2).astype(getattr(ml_dtypes, dtype)))
    ones = np.ones(2, ml_dtypes.float8_e4m3fn)
    for name in ("e4m3", "e4m3b7fn", "e4m3c448.0"):
        assert parse_format(name).decode(ones).tolist() == [1.0, 1.0]


def test_parameters_of_a_format_are_settled():
    one = FloatFormat(np.int64(4), np.int8(3), np.int16(7), "fn", 1, np.True_)
    assert one == parse_format("e4m3")
    assert type(one.mantissa_bits) is int
    for wrong in ((4.0, 3, 7, "fn"), (4, 3, "7", "fn"), (4, 3, 7, "ocp"), (4, 3, 7, "fn", "no")):
        with pytest.raises(HwmodelError):
            FloatFormat(*wrong)
    for kind in (IntFormat, PowerFormat):
        with pytest.raises(HwmodelError, match="integer"):
            kind(8.0)
    with pytest.raises(HwmodelError, match="not negative"):
        PowerFormat(8, -5)
    with pytest.raises(HwmodelError, match="not negative"):
        PowerFormat(8, -1)
    with pytest.raises(HwmodelError, match="no power of two"):
        ScaledFormat(parse_format("int8"), 0.3)
    for scale in ("a", 10**400, None):
        with pytest.raises(HwmodelError, match="scale of a format is a number"):
            ScaledFormat(parse_format("int8"), scale)
    with pytest.raises(HwmodelError, match="IntFormat or a FloatFormat"):
        ScaledFormat("e4m3", 2.0)
    assert IntFormat(8, 0).name == "uint8"
    with pytest.raises(HwmodelError, match="true or false"):
        IntFormat(8, 2)


@pytest.mark.parametrize(
    "name",
    [
        "e99999999999m1",
        "e4m3b" + "9" * 5000,
        "e٣m2",
        "int٨",
        "e4m3\n",
        "int8q99999999",
        "e1m999999",
    ],
)
def test_absurd_names_are_refused_at_once(name):
    with pytest.raises(HwmodelError):
        parse_format(name)


def test_signed_powers_of_two_are_not_the_scales_of_ocp():
    signed = FloatFormat(8, 0, 127, Specials.FINITE)
    assert signed.name == "e8m0fin"
    assert parse_format(signed.name) == signed != parse_format("e8m0")
    other = FloatFormat(8, 0, 100, Specials.FINITE)
    assert parse_format(other.name) == other
    assert parse_format("e8m0b100") == PowerFormat(8, 100) == parse_format("pow8b100")
    assert parse_format("e8m0b127") == parse_format("e8m0")
    for name in ("e8m0q1", "e8m0c1", "pow4q1"):
        with pytest.raises(HwmodelError, match="powers of two"):
            parse_format(name)


def test_scaled_names_take_every_base_that_has_a_name():
    assert parse_format("float8_e4m3fnc2.5") == parse_format("e4m3c2.5")
    assert parse_format("binary8p3c2.5") == parse_format("e5m2p3109c2.5")


@pytest.mark.parametrize(
    "name", ["mxfp4", "nvfp4", "mx9", "msfp12", "int4g128fp16", "E2M1g16ue4m3"]
)
def test_names_of_block_formats_are_shown_the_way(name):
    with pytest.raises(HwmodelError, match=r"hwmodel\.block\('"):
        parse_format(name)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_dtype_that_does_not_hold_the_largest_value_is_told_so(dtype):
    x = np.array([1.0, -np.inf, 0.0], dtype)
    for name in ("e4m3b170", "e2m1b152", "e3m3b154", "e8m4b1050", "e5m9b1022ieee"):
        fmt = parse_format(name)
        assert fmt.encode(x).tolist() == [encode_scalar(fmt, v) for v in x.tolist()]
        with pytest.raises(HwmodelError, match=f"does not fit {np.dtype(dtype)}"):
            fmt.quantize(x)
        assert fmt.quantize(x[2:]).tolist() == [0.0]
    with pytest.raises(HwmodelError, match="does not fit"):
        parse_format("e4m3c1e-60").quantize(x)  # the largest value would come back as zero


@pytest.mark.parametrize("name", ["e4m3b1100", "e5m2b2000", "ue8m0b3000", "e15m0b40000"])
def test_formats_below_float64_encode_what_comes_in_any_dtype(name):
    fmt = parse_format(name)
    for dtype in (np.float16, np.float32, np.float64):
        codes = fmt.encode(np.array([0.0, 1.0, 2.0**-14], dtype))
        assert codes.tolist() == [0, fmt.max_code, fmt.max_code]
        assert fmt.quantize(np.zeros(2, dtype)).tolist() == [0.0, 0.0]


def test_nan_does_not_become_a_number_of_a_dtype_without_one():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    for name, dtype, x in [("e4m3b12", "float6_e3m2fn", 28.0), ("e4m3b14", "float4_e2m1fn", 6.0)]:
        values = np.array([x]).astype(getattr(ml_dtypes, dtype))
        with pytest.raises(HwmodelError, match="nan"):
            parse_format(name).quantize(values, "nan")


def test_a_tensor_with_a_gradient_is_refused_in_words():
    torch = pytest.importorskip("torch")
    with pytest.raises(HwmodelError, match="make an array"):
        parse_format("e4m3").quantize(torch.ones(2, requires_grad=True))


def test_strict_floating_point_errors_of_the_caller_do_not_matter():
    # 0 of E8M0 is 2^-127, which float16 does not hold.
    with np.errstate(all="raise"), pytest.raises(HwmodelError, match="does not fit float16"):
        parse_format("e8m0").quantize(np.zeros(1, np.float16))


@pytest.mark.parametrize(
    "name",
    [
        *("e12m3c2.5", "e15m0c3.3", "ue16m0c1e-300", "e4m3c1e+308", "e5m2c1e-307", "e8m7c1e-300"),
        *(
            "fp16c2.5",
            "bf16q3",
            "e4m3b5000q1000",
            "int16c0.001",
            "e4m3bn1c7.0",
        ),
    ],
)
def test_scales_suit_every_base(name):
    fmt = parse_format(name)
    assert parse_format(fmt.name) == fmt
    rng = np.random.default_rng(3)
    x = rng.standard_normal(200) * np.exp2(rng.integers(-1070, 1020, 200).astype(float))
    x = np.concatenate([x, [0.0, 1e308, -1e308, 5e-324], rng.standard_normal(50)])
    codes = fmt.encode(x)
    assert codes.tolist() == [encode_scalar(fmt, v) for v in x.tolist()]
    kept, values = [], []
    for code in codes.tolist():
        try:
            values.append(decode_scalar(fmt, code))
            kept.append(code)
        except HwmodelError:
            with pytest.raises(HwmodelError):
                fmt.decode([code])
    np.testing.assert_array_equal(fmt.decode(kept), values)
    assert fmt.encode(values).tolist() == fmt.encode(fmt.decode(kept)).tolist()
    if "c" in name:
        top = fmt.base.max_code if isinstance(fmt.base, FloatFormat) else int(fmt.base.max_value)
        assert fmt.decode([top])[0] == pytest.approx(float(name.split("c")[1]), rel=1e-15)


def test_scaling_makes_no_infinity_of_a_number_and_no_zero():
    # 1e300 * 2^60 leaves float64; it is a large number all the same, which rounds toward zero.
    fmt = parse_format("fp16q60")
    rule = {"overflow": "nonfinite", "rounding": "toward-zero"}
    assert fmt.encode([1e300], **rule).tolist() == [fmt.base.max_code]
    assert fmt.encode([np.inf], **rule).tolist() == [fmt.base.infinity_code]
    assert parse_format("fp16qn900").encode([1e-300], rounding="up").tolist() == [1]
    assert parse_format("int8qn900").encode([1e-300], rounding="up").tolist() == [1]
    assert parse_format("int8q900").encode([1e200], "wrap").tolist() == [0]


def test_a_real_valued_bias_keeps_the_type_of_what_comes():
    fmt = parse_format("e4m3c2.5")
    x = np.linspace(-3, 3, 41)
    for dtype in (np.float16, np.float32, np.float64):
        y = fmt.quantize(x.astype(dtype))
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, fmt.decode(fmt.encode(x.astype(dtype))).astype(dtype))
