"""Formats whose exponents reach as far as float32's or further: float32 in, against `scalar`."""

import numpy as np
import pytest

import hwmodel
from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, Overflow
from hwmodel.formats.scalar import decode_scalar, encode_scalar

# Zeros, ones last place from where float32's subnormals and normals begin and end, halves of both.
EDGES = [0, 1, 2, 0x200000, 0x3FFFFF, 0x400000, 0x400001, 0x600000, 0x7FFFFF, 0x800000, 0x800001]
EDGES += [0x7EFFFFFF, 0x7F000000, 0x7F7FFFFF, 0x7F800000, 0x7FC00000]


def patterns():
    rng = np.random.default_rng(8)
    bits = np.concatenate(
        [EDGES, rng.integers(0, 1 << 25, 60), rng.integers(0, 0x7F800000, 60)]
    ).astype(np.uint32)
    return np.concatenate([bits, bits | 0x80000000]).view(np.float32)


def formats():
    for exponent_bits in range(7, 15):
        for mantissa_bits in sorted({0, 1, (15 - exponent_bits) // 2, 15 - exponent_bits}):
            for specials in ("", "ieee", "fnuz"):
                try:
                    fmt = hwmodel.format(f"e{exponent_bits}m{mantissa_bits}{specials}")
                except HwmodelError:
                    continue
                if isinstance(fmt, FloatFormat):
                    yield fmt


@pytest.mark.parametrize("fmt", list(formats()), ids=lambda fmt: fmt.name)
@pytest.mark.parametrize("overflow", [Overflow.SATURATE, Overflow.NONFINITE])
def test_codes_and_values_of_float32(fmt, overflow):
    if overflow is Overflow.NONFINITE and not fmt.has_nonfinite:
        pytest.skip("the format has neither infinity nor NaN")
    x = patterns()
    x = x if fmt.has_nan else x[~np.isnan(x)]
    codes = fmt.encode(x, overflow)
    want = [encode_scalar(fmt, value, overflow) for value in x.tolist()]
    assert codes.tolist() == want
    small = np.abs(x) < 2.0**127  # larger ones may be rounded to what float32 lacks
    values = [decode_scalar(fmt, code) for code in codes[small].tolist()]
    got = fmt.quantize(x[small], overflow)
    np.testing.assert_array_equal(got, np.array(values, np.float32))
    zero = got == 0.0
    np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(np.array(values)[zero]))


@pytest.mark.parametrize("name", ["e8m3", "e9m2ieee", "e11m4"])
def test_a_value_that_float32_lacks_is_named_also_among_others(name):
    x = np.ones(1000, np.float32)
    x[700] = np.finfo(np.float32).max
    with pytest.raises(HwmodelError, match=r"does not fit float(32|64)"):
        hwmodel.format(name).quantize(x)


@pytest.mark.parametrize("name", ["bf16", "tf32", "fp32", "e4m3", "e8m3ieee", "int8", "e4m3c2.5"])
def test_many_float64_are_rounded_as_few_and_by_definition(name):
    fmt = hwmodel.format(name)
    rng = np.random.default_rng(5)
    count = (1 << 15) + 700  # a piece and a bit
    x = rng.standard_normal(count) * 2.0 ** rng.integers(-160, 130, count)
    x[:2000] = rng.standard_normal(2000)
    grid = fmt.quantize(rng.standard_normal(2000))
    x[2000:4000] = np.nextafter(grid * (1 + 2.0**-9), rng.choice([-np.inf, np.inf], 2000))
    codes, values = fmt.encode(x), fmt.quantize(x)
    assert values.dtype == np.float64
    few = slice(None, None, 53)
    want = [encode_scalar(fmt, value) for value in x[few].tolist()]
    assert codes[few].tolist() == want
    np.testing.assert_array_equal(values, fmt.decode(codes))
    np.testing.assert_array_equal(values[::7], fmt.quantize(x[::7]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fp32_keeps_what_is_float32(dtype):
    fmt, x = hwmodel.format("fp32"), patterns()
    x = x[~np.isnan(x)].astype(dtype)
    finite = x[np.isfinite(x)]
    np.testing.assert_array_equal(fmt.quantize(finite), finite)
    np.testing.assert_array_equal(fmt.encode(finite), finite.astype(np.float32).view(np.uint32))
    assert fmt.encode(x).tolist() == [encode_scalar(fmt, value) for value in x.tolist()]
    assert fmt.quantize(finite) is not finite
