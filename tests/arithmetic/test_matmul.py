"""Matrix products against the step-by-step golden model, and that against plain integers."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hwmodel
from hwmodel.arithmetic import matmul, simulate
from hwmodel.arithmetic.carriers import carriers_for
from hwmodel.errors import HwmodelError
from hwmodel.units import parse_unit

UNITS = [
    *("mac-int8-int8-int32", "mac-int8-int8-int16sat", "mac-int8-int8-exact"),
    *("mac-uint8-int8-int24sat", "mac-int16-int16-int64", "mac-int8-int8-fp16"),
    *("mac-e4m3-e4m3-exact", "mac-e5m2-e5m2-exact", "mac-bf16-bf16-exact", "mac-fp16-fp16-exact"),
    *("mac-e4m3-e4m3-fp16", "mac-e4m3-e4m3-fp32", "mac-e5m2-e5m2-fp16", "mac-e5m2-e5m2-fp32"),
    *("mac-e4m3-e4m3-fp16sat", "mac-e4m3-e4m3-bf16", "mac-e4m3-e4m3-e5m2", "mac-e4m3-e4m3-e4m3"),
    *("mac-fp16-fp16-fp32", "mac-bf16-bf16-fp32", "mac-bf16-bf16-bf16", "mac-fp16-fp16-fp16"),
    *("mac-e4m3fnuz-e5m2fnuz-fp32", "mac-e3m4-e3m4-e6m9ieee", "mac-e2m1-e2m1-e3m4fin"),
    *("mac-e4m3-e4m3-fp16-down", "mac-int8-int8-fp16-down", "mac-fp16-fp16-e3m3ieee-down"),
    *("mac-e4m3-e4m3-fp16-toodd", "mac-e5m2-e5m2-fp32-towardzero", "mac-e4m3-e4m3-e5m2-up"),
    *("mac-e5m10-e8m7-e9m6ieee", "mac-e5m10-e8m2-e5m2", "mac-fp16-fp16-fp32sat"),
]


def operands(spec, seed, shape_a, shape_b):
    """Codes of all kinds, and of values that often cancel, tie and run over."""
    rng = np.random.default_rng(seed)
    codes = []
    for fmt, shape in ((spec.a, shape_a), (spec.b, shape_b)):
        anything = rng.integers(0, fmt.code_count, shape)
        scale = 2.0 ** rng.integers(-12, 6)
        number = fmt.encode(rng.choice([-1, 1], shape) * 2.0 ** rng.integers(-4, 5, shape) * scale)
        if fmt.has_nonfinite:
            codes.append(np.where(rng.random(shape) < 0.02 * (seed % 3), anything, number))
        else:
            codes.append(np.where(rng.random(shape) < 0.5, anything, number))
    return codes


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", UNITS)
def test_every_element_is_what_the_accumulator_holds(name, seed):
    spec = parse_unit(name)
    a, b = operands(spec, seed, (4, 70), (70, 5))
    got = matmul(a, b, spec)
    expected = simulate(spec, a[:, None, :], b.T[None])[..., -1]
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["e4m3", "e5m2", "e3m4", "e2m1", "e2m5", "e6m3ieee", "fp16", "int8", "uint4"]),
    st.integers(2, 8),
    st.integers(1, 12),
    st.integers(0, 1000),
)
def test_any_float_accumulator(operand, exponent, mantissa, seed):
    spec = parse_unit(f"mac-{operand}-{operand}-e{exponent}m{mantissa}ieee")
    a, b = operands(spec, seed, (2, 40), (40, 3))
    expected = simulate(spec, a[:, None, :], b.T[None])[..., -1]
    np.testing.assert_array_equal(matmul(a, b, spec), expected)


def test_sums_beyond_any_machine_word_are_exact():
    spec = parse_unit("mac-e5m2-e5m2-exact")
    rng = np.random.default_rng(3)
    a = rng.integers(0, 0x7C, (3, 600)) | rng.integers(0, 2, (3, 600)) << 7
    b = rng.integers(0, 0x7C, (600, 2)) | rng.integers(0, 2, (600, 2)) << 7
    got = matmul(a, b, spec)
    x, y = spec.a.decode(a), spec.b.decode(b)
    for i, j in np.ndindex(got.shape):
        exact = sum(Fraction(p) * Fraction(q) for p, q in zip(x[i], y[:, j], strict=True))
        steps = exact / Fraction(2) ** spec.fixed_point.lsb_exponent
        assert got[i, j] == int(steps) % (1 << spec.fixed_point.width)


def test_sums_longer_than_float64_holds_at_once_are_exact():
    spec = parse_unit("mac-int16-int16-int64")
    a = np.full((1, 1 << 17), 0x8000)  # -32768 squared, 2^17 times: 2^47
    assert matmul(a, a.T, spec)[0, 0] == 1 << 47


def test_downward_a_zero_is_negative_unless_all_addends_are_plus_zero():
    for name in ("mac-e4m3-e4m3-fp16-down", "mac-fp16-fp16-e4m3-down", "mac-int8-int8-fp16-down"):
        spec = parse_unit(name)
        x = spec.a.encode([[0, 0], [1, 1], [1, 0], [-0.0, 0], [-1, 0]])
        y = spec.b.encode([[0, 1, -1, -0.0], [0, -1, 0, 0]])
        simulated = simulate(spec, x[:, None, :], y.T[None])[..., -1]
        assert {0, spec.accumulator.format.encode(-0.0)[()]} <= set(simulated.flat)
        np.testing.assert_array_equal(matmul(x, y, spec), simulated)


def test_carriers_are_the_narrow_ones_only_where_that_is_proved():
    for name, dtypes in [
        ("mac-e4m3-e4m3-fp16", [np.float32]),
        ("mac-e4m3-e4m3-fp32", [np.float32]),
        ("mac-e4m3-e4m3-bf16", [np.float32, np.float64]),  # its largest values need care
        ("mac-e4m3-e4m3-e4m3", [np.float32]),
        ("mac-e4m3-e4m3-e5m2", [np.float32, np.float64]),  # sums below 2^8, then below 2^37
        ("mac-fp16-fp16-fp32", [np.float32]),  # 22 bits a product: float32's own adder
        ("mac-bf16-bf16-fp32", [np.float32]),  # whatever the product: its FMA
        # By patterns, without an eye on overflow and with one.
        ("mac-e4m3-e4m3-fp16-towardzero", [np.float64, np.float64]),
        ("mac-fp16-fp16-fp32-down", [np.float32, np.float64, np.float64]),  # by its errors
        ("mac-e5m6-e5m6-e7m2ieee", [np.float32, np.float64, np.float64, np.float64]),
    ]:
        assert [carrier.dtype for carrier in carriers_for(parse_unit(name))] == dtypes, name


def test_a_tie_that_a_tiny_sum_breaks():
    # 2^8 * 1.125 lies midway between E5M2's 2^8 and 2^8 * 1.25. What was there before decides,
    # even 2^-16 of it, which float32 would lose.
    spec = parse_unit("mac-e4m3-e4m3-e5m2")
    a = spec.a.encode([[2.0**-8, 32.0]])
    b = spec.b.encode([[2.0**-8, -(2.0**-8)], [9.0, -9.0]])
    got = spec.decode_accumulator(matmul(a, b, spec))
    assert got.tolist() == [[320.0, -320.0]]
    np.testing.assert_array_equal(
        matmul(a, b, spec), simulate(spec, a[:, None, :], b.T[None])[..., -1]
    )


@pytest.mark.parametrize(
    "accumulator", ["e5m2", "e4m3", "bf16", "e8m2ieee", "e6m3ieee", "e2m1ieee"]
)
@pytest.mark.parametrize("operand", ["e4m3", "e5m2", "e5m10ieee", "int8", "e8m1"])
def test_rows_of_any_size_go_to_the_carrier_that_holds_them(operand, accumulator):
    spec = parse_unit(f"mac-{operand}-{operand}-{accumulator}")
    a, b = operands(spec, 5, (40, 30), (30, 4))
    wide = np.arange(40)[:, None] % 3
    # A third of the rows of any codes, a third of small and a third of middling values.
    if operand != "int8":
        ordinary = np.random.default_rng(3).standard_normal(a.shape)
        a = np.where(wide == 0, a, spec.a.encode(ordinary * np.where(wide == 1, 1, 2.0**-6)))
        b[:, 1:] = spec.b.encode(np.random.default_rng(4).standard_normal((30, 3)))
    expected = simulate(spec, a[:, None, :], b.T[None])[..., -1]
    np.testing.assert_array_equal(matmul(a, b, spec), expected)


def test_leading_axes_broadcast():
    spec = hwmodel.unit("mac-e4m3-e4m3-fp16")
    a, b = operands(spec, 1, (3, 1, 4, 9), (2, 9, 5))
    got = hwmodel.matmul(a, b, spec)
    assert got.shape == (3, 2, 4, 5)
    np.testing.assert_array_equal(got[2, 1], hwmodel.matmul(a[2, 0], b[1], spec))
    fortran = hwmodel.matmul(np.asfortranarray(a), b[:, ::-1][:, ::-1], spec)
    np.testing.assert_array_equal(fortran, got)


@pytest.mark.parametrize("name", ["mac-e4m3-e4m3-fp16", "mac-int8-int8-int32"])
def test_empty_products_are_zero(name):
    spec = hwmodel.unit(name)
    assert matmul(np.zeros((0, 3), int), np.zeros((3, 2), int), spec).shape == (0, 2)
    assert matmul(np.zeros((2, 0), int), np.zeros((0, 2), int), spec).tolist() == [[0, 0]] * 2


@pytest.mark.parametrize(
    ("a", "b", "part"),
    [
        (np.zeros((2, 3), int), np.zeros((4, 2), int), "shapes"),
        (np.zeros(3, int), np.zeros((3, 2), int), "shapes"),
        (np.zeros((2, 2, 3), int), np.zeros((3, 3, 2), int), "broadcast"),
        (np.full((2, 3), 256), np.zeros((3, 2), int), "codes of e4m3"),
        (np.zeros((2, 3)), np.zeros((3, 2), int), "integers"),
    ],
)
def test_what_is_no_matrix_product_is_refused(a, b, part):
    with pytest.raises(HwmodelError, match=part):
        matmul(a, b, hwmodel.unit("mac-e4m3-e4m3-fp16"))
