"""Sums that are added without a look at overflow or at the sign of zeros, against `simulate`."""

from dataclasses import replace

import numpy as np
import pytest

from hwmodel.arithmetic import matmul, simulate
from hwmodel.formats import parse_format
from hwmodel.units import parse_unit

UNITS = [
    *("mac-e4m3-e4m3-fp16", "mac-e5m2-e5m2-fp16", "mac-e4m3-e4m3-bf16", "mac-e4m3-e4m3-e4m3"),
    *("mac-e4m3-e4m3-e5m2", "mac-e5m2-e5m2-e5m2", "mac-int8-int8-fp16", "mac-fp16-fp16-fp16"),
    *("mac-e4m3-e4m3-fp16sat", "mac-bf16-bf16-bf16", "mac-fp16-fp16-e5m2"),
]


def check(spec, a, b):
    got = matmul(a, b, spec)
    np.testing.assert_array_equal(got, simulate(spec, a[:, None, :], b.T[None])[..., -1])
    return got


@pytest.mark.parametrize("name", UNITS)
def test_rows_that_come_near_the_largest_sum_by_and_by(name):
    # All products of a row of one sign, so that sums grow to where the two loops meet: in some
    # rows at once, in some after many products, in some never.
    spec = parse_unit(name)
    rng = np.random.default_rng(7)
    scales = 2.0 ** np.linspace(-12, 8, 36)[:, None]
    a = spec.a.encode(np.abs(rng.standard_normal((36, 100))) * scales)
    b = spec.b.encode(np.abs(rng.standard_normal((100, 6))))
    check(spec, a, b)
    check(spec, a, spec.b.encode(spec.b.decode(b) * -1.0))


@pytest.mark.parametrize("zeros", [1, 30])
@pytest.mark.parametrize(
    "name", ["mac-e5m2-e5m2-e5m2", "mac-e5m2-e5m2-fp16", "mac-bf16-bf16-bf16", "mac-fp16-fp16-fp16"]
)
def test_sums_that_end_as_zero_have_the_sign_of_their_last_sum(name, zeros):
    # Products so small that they round to a zero of their sign; few in a row and many.
    spec = parse_unit(name)
    rng = np.random.default_rng(11)
    tiny = spec.a.fraction(1)
    values = rng.standard_normal((70, 40))
    values[:, :zeros] = float(tiny) * np.resize([-1, 1], (1, zeros))
    values[:40, zeros // 2 : zeros] *= -1.0
    a = spec.a.encode(np.abs(rng.standard_normal((5, 70))) * float(tiny))
    a[1:3] = spec.a.encode(np.full((2, 70), float(tiny)))
    a[4, 35:] = 0
    got = check(spec, a, spec.b.encode(values))
    signs = np.unique(got[:, :zeros][spec.decode_accumulator(got[:, :zeros]) == 0.0])
    assert signs.max() > 0  # minus zero is among them


@pytest.mark.parametrize("odd", [0x7C, 0x7E])  # infinity, NaN
def test_an_odd_code_spoils_its_own_sums_only(odd):
    spec = parse_unit("mac-e5m2-e5m2-fp16")
    rng = np.random.default_rng(2)
    a = spec.a.encode(rng.standard_normal((20, 70)))
    b = spec.b.encode(rng.standard_normal((70, 9)))
    a[3, 50] = b[40, 4] = odd
    got = spec.decode_accumulator(check(spec, a, b))
    finite = np.isfinite(got)
    assert not finite[3].any()
    assert not finite[:, 4].any()
    assert finite.sum() == 19 * 8


@pytest.mark.parametrize("inner", ["bf16", "fp16", "fp32", "e4m3"])
@pytest.mark.parametrize("scale", [2.0**-60, 1.0, 2.0**60])
def test_chunks_added_by_the_adder_of_float32(inner, scale):
    spec = parse_unit(f"mac-bf16-bf16-chunk5_{inner}_fp32")
    rng = np.random.default_rng(9)
    a = spec.a.encode(rng.standard_normal((6, 33)) * scale)
    b = spec.b.encode(rng.standard_normal((33, 5)) * scale)
    check(spec, a, b)
    a[2], b[:, 3] = rng.integers(0, spec.a.code_count, 33), rng.integers(0, spec.b.code_count, 33)
    check(spec, a, b)


@pytest.mark.parametrize(
    "name", ["mac-bf16-bf16-bf16", "mac-fp16-bf16-bf16", "mac-fp16-bf16-e8m5ieee"]
)
@pytest.mark.parametrize("trace", [2.0**-60, -(2.0**-60), 2.0**-20, 0.0])
def test_a_trace_in_the_accumulator_breaks_the_tie_of_a_product(name, trace):
    # The sum of both is no float64: only an eye on its rounding tells that it is no tie.
    spec = parse_unit(name)
    fmt = spec.accumulator.format
    tie = 1 + 2.0 ** -(fmt.mantissa_bits // 2 + 1)  # its square ends just below the last place
    a = np.array([[trace and 2.0**-9, tie, 0.0], [0.0, tie, 1.0], [1.0, 1.0, -tie]])
    b = np.array([[trace * 2.0**9, 3.0], [tie, tie], [1.0, tie]])
    check(spec, spec.a.encode(a), spec.b.encode(b))
    # The same with so much between that each is looked at by itself, and with a NaN beside.
    a, b = np.repeat(a, 40, axis=1), np.repeat(b, 40, axis=0)
    a[:, np.arange(a.shape[1]) % 40 != 0] = 0.0
    check(spec, spec.a.encode(a), spec.b.encode(b))
    codes = spec.b.encode(np.hstack([b, b]))
    codes[0, 1] = spec.b.nan_code
    check(spec, spec.a.encode(a), codes)


@pytest.mark.parametrize("name", ["mac-bf16-bf16-bf16", "mac-fp16-fp16-bf16"])
@pytest.mark.parametrize("narrowest", [-4, -18, -40])
def test_how_fine_the_factors_are_decides_which_sums_are_exact(name, narrowest):
    # Few significant bits over a range of exponents: many ties, broken by what is far below.
    spec = parse_unit(name)
    rng = np.random.default_rng(-narrowest)
    a, b = (
        rng.integers(-9, 10, shape) * 2.0 ** rng.integers(narrowest, 4, shape)
        for shape in ((12, 100), (100, 9))
    )
    a[3], b[:, 2] = 0.0, 0.0
    check(spec, spec.a.encode(a), spec.b.encode(b))


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("last", range(-66, -40))
def test_the_last_place_of_the_smallest_product_breaks_a_tie(last, sign):
    # -(1 + 2**-6) + (1 + 2**-7)**2 leaves 2**-14, the last place that factors of this size have;
    # then comes a tie. From 2**-53 on, float64 rounds their sum to it.
    spec = parse_unit("mac-bf16-bf16-bf16")
    size = 2.0 ** (last + 14)
    a = np.array([[-1.0 - 2.0**-6, 1.0 + 2.0**-7, 7.0 / 4]]) * [size, size, 1.0]
    b = np.array([[1.0], [1.0 + 2.0**-7], [37.0 / 64]]) * [[sign], [sign], [1.0]]
    got = check(spec, spec.a.encode(a), spec.b.encode(b))
    # 259 / 256 lies between 129 / 128 and 130 / 128.
    assert spec.decode_accumulator(got).item() == (130 if sign > 0 else 129) / 128


@pytest.mark.parametrize("name", ["mac-bf16-bf16-fp32", "mac-fp16-bf16-fp32", "mac-bf16-bf16-bf16"])
@pytest.mark.parametrize("exponents", [(-70, -70), (-60, -80), (-130, -10), (60, 60), (-14, -120)])
def test_products_that_the_float_type_does_not_hold(name, exponents):
    spec = parse_unit(name)
    rng = np.random.default_rng(3)
    a = spec.a.encode(rng.standard_normal((4, 9)) * 2.0 ** exponents[0])
    b = spec.b.encode(rng.standard_normal((9, 6)) * 2.0 ** exponents[1])
    check(spec, a, b)


@pytest.mark.parametrize("biases", [(180, -120), (-110, 7), (160, 160)])
def test_operands_that_float32_does_not_hold(biases):
    a, b = (replace(parse_format("e4m3"), bias=bias) for bias in biases)
    spec = replace(parse_unit("mac-e4m3-e4m3-bf16"), a=a, b=b)
    rng = np.random.default_rng(4)
    check(spec, rng.integers(0, 256, (5, 20), np.uint8), rng.integers(0, 256, (20, 7), np.uint8))


@pytest.mark.parametrize("operand", ["e4m3", "fp16"])
@pytest.mark.parametrize("bias", [-20, 14, 15, 30, 31, 45])
def test_sums_beyond_values_that_end_anywhere_become_infinite(operand, bias):
    # Sums in float32 and float64, whose own infinity shows which ones are too large.
    wide = parse_unit(f"mac-{operand}-{operand}-fp16")
    accumulator = replace(wide.accumulator, format=replace(wide.accumulator.format, bias=bias))
    shifted = replace(wide.a, bias=wide.a.bias + (bias - 15) // 2)
    spec = replace(wide, a=shifted, b=shifted, accumulator=accumulator)
    rng = np.random.default_rng(bias + 20)
    a, b = (
        np.abs(rng.standard_normal(shape)) * 2.0 ** ((15 - bias) / 2 + 5.1)
        for shape in ((8, 90), (90, 7))
    )
    signs = rng.choice([-1.0, 1.0], 7)
    got = spec.decode_accumulator(check(spec, spec.a.encode(a), spec.b.encode(b * signs)))
    assert 0 < np.isinf(got).sum() < got.size


@pytest.mark.parametrize("rounding", ["towardzero", "up", "down", "nearestaway", "toodd"])
@pytest.mark.parametrize(
    "name",
    ["e4m3-e4m3-fp16", "e5m2-e5m2-fp16", "bf16-bf16-bf16", "int8-int8-e5m7", "e2m1-e2m1-e3m2"],
)
@pytest.mark.parametrize("scale", [2.0**-14, 1.0, 2.0**9])
def test_sums_rounded_another_way(name, rounding, scale):
    spec = parse_unit(f"mac-{name}-{rounding}")
    rng = np.random.default_rng(13)
    a = spec.a.encode(rng.standard_normal((6, 40)) * scale)
    b = spec.b.encode(rng.standard_normal((40, 5)) * (30 if name.startswith("int") else 1))
    a[0, ::2] = 0
    b[:, 1] = 0
    check(spec, a, b)


@pytest.mark.parametrize("columns", [3, 40])
def test_sums_that_saturated_before_they_end_as_zero_keep_their_sign(columns):
    # 65536 saturates to 65504, which is taken away again; then a tiny product leaves its sign.
    spec = parse_unit("mac-fp16-fp16-fp16sat")
    tiny = 2.0**-24
    a = spec.a.encode([[256.0, 65504.0, tiny], [256.0, 65504.0, -tiny]])
    b = np.random.default_rng(3).standard_normal((3, columns))
    b[:, :3] = np.array([256.0, -1.0, tiny])[:, None]
    got = check(spec, a, spec.b.encode(b))
    assert np.unique(got[:, :3]).tolist() == [0, 0x8000]


@pytest.mark.parametrize(
    "name",
    [
        *("mac-int8-int8-fp16", "mac-int8-int8-fp16sat", "mac-fp16-fp16-fp16sat"),
        *("mac-e5m2-e5m2-e5m2", "mac-e4m3-e4m3-e4m3", "mac-bf16-bf16-fp16"),
    ],
)
def test_sums_that_overflow_again_and_again(name):
    spec = parse_unit(name)
    rng = np.random.default_rng(4)
    scale = np.sqrt(spec.accumulator.format.max_value) / 3
    a = spec.a.encode(rng.standard_normal((9, 150)) * scale)
    b = spec.b.encode(rng.standard_normal((150, 70)) * scale)
    values = np.abs(spec.decode_accumulator(check(spec, a, b)))
    assert (~(values < spec.accumulator.format.max_value)).any()
