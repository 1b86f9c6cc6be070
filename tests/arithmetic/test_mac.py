"""The golden model: NumPy streams against the scalar definition, and both against NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.arithmetic import matmul, simulate, step_scalar
from hwmodel.arithmetic.steps import add_to_odd
from hwmodel.errors import HwmodelError
from hwmodel.units import parse_unit

UNITS = [
    *(
        "mac-int8-int8-int32",
        "mac-int8-int8-int16",
        "mac-int8-int8-int16sat",
        "mac-int8-int8-exact",
    ),
    *("mac-uint8-int8-int24sat", "mac-int16-int16-int64", "mac-int16-int16-int64sat"),
    *("mac-int8sym-int8sym-exact", "mac-e4m3-e4m3-exact", "mac-e5m2-e5m2-exact"),
    *("mac-e3m4-e4m3-exact4", "mac-e2m5-e2m5-exact", "mac-bf16-bf16-exact", "mac-e4m3-e4m3-fp32"),
    *("mac-e5m2-e5m2-fp32", "mac-e3m4-e3m4-fp32", "mac-e5m2-e5m2-fp16", "mac-e4m3-e4m3-fp16sat"),
    *("mac-e2m1-e2m1-e5m10", "mac-e4m3-e4m3-e4m3", "mac-fp16-fp16-fp32", "mac-bf16-bf16-fp32"),
    *("mac-e4m3-e4m3-fp16-down", "mac-e5m2-e5m2-fp32-up", "mac-e5m2-e5m2-fp16-towardzero"),
    *("mac-e4m3-e4m3-e5m2-nearestaway", "mac-e3m4-e3m4-bf16-toodd", "mac-e5m2-e5m2-e5m2-down"),
    *("mac-e4m3fnuz-e4m3fnuz-fp16-down", "mac-e2m1-e2m1-e3m2-up"),
    *("mac-int8-int8-fp16", "mac-e2m1-e2m1-e3m2", "mac-e5m2-e5m2-e4m3", "mac-ue4m3-e4m3-fp16"),
]


def streams(spec, rng, shape):
    """Random operands with few special codes, so that sums live for some steps."""
    operands = []
    for fmt in (spec.a, spec.b):
        codes = rng.integers(0, fmt.code_count, shape)
        special = ~np.isfinite(fmt.decode(codes)) & (rng.random(shape) < 0.9)
        operands.append(np.where(special, rng.integers(0, 3, shape), codes))
    return *operands, rng.random(shape) < 0.9, rng.random(shape) < 0.05


def scalar_stream(spec, a, b, valid, clear):
    acc, result = 0, []
    for step in zip(a.tolist(), b.tolist(), valid.tolist(), clear.tolist(), strict=True):
        acc = step_scalar(spec, acc, step[0], step[1], valid=step[2], clear=step[3])
        result.append(acc)
    return result


@pytest.mark.parametrize("name", UNITS)
def test_streams_follow_the_definition(name):
    spec = parse_unit(name)
    rng = np.random.default_rng(len(name))
    inputs = streams(spec, rng, (2, 250))
    got = simulate(spec, *inputs)
    for row in range(2):
        expected = scalar_stream(spec, *(array[row] for array in inputs))
        assert [int(code) for code in got[row]] == expected


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(UNITS), st.integers(0, 2**32 - 1))
def test_any_stream_follows_the_definition(name, seed):
    spec = parse_unit(name)
    inputs = streams(spec, np.random.default_rng(seed), (25,))
    assert [int(code) for code in simulate(spec, *inputs)] == scalar_stream(spec, *inputs)


def test_fp32_is_numpys_float32():
    spec = parse_unit("mac-fp16-fp16-fp32")
    rng = np.random.default_rng(3)
    x, y = (rng.normal(size=(50, 64)).astype(np.float16) for _ in range(2))
    got = simulate(spec, x.view(np.uint16), y.view(np.uint16)).view(np.float32)
    acc = np.zeros(50, np.float32)
    for t in range(64):
        acc = acc + x[:, t].astype(np.float32) * y[:, t].astype(np.float32)  # products are exact
        np.testing.assert_array_equal(got[:, t], acc)


def test_fp16_is_numpys_float16():
    spec = parse_unit("mac-e4m3-e4m3-fp16")
    rng = np.random.default_rng(4)
    codes = rng.integers(0, 0x7F, (2, 40, 64)) | rng.integers(0, 2, (2, 40, 64)) << 7
    got = simulate(spec, codes[0], codes[1]).view(np.float16)
    product = spec.a.decode(codes[0]) * spec.b.decode(codes[1])
    acc = np.zeros(40, np.float16)
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(64):
            # Both addends have at most 40 bits between their ends: the float64 sum is exact.
            acc = (acc.astype(np.float64) + product[:, t]).astype(np.float16)
            np.testing.assert_array_equal(
                got[:, t], np.where(np.isnan(acc), np.float16("nan"), acc)
            )


def test_double_rounding_is_avoided():
    # The accumulator holds 1; 2^-11 more is a tie of FP16, which goes to the even 1. With 2^-60 on
    # top the sum lies beyond the tie and rounds up, but it does not fit float64's 53 bits: a plain
    # float64 sum falls back on the tie and is then rounded the wrong way.
    spec = parse_unit("mac-e6m9-e8m6-fp16")
    tie, beyond = 2.0**-11, 2.0**-60
    x, y = spec.a.encode([1.0, tie]), spec.b.encode([1.0, 1.0])
    assert simulate(spec, x, y)[-1] == 0x3C00
    total = add_to_odd(1.0 + tie, beyond)
    assert 1.0 + tie + beyond == 1.0 + tie
    assert total > 1.0 + tie
    assert parse_unit("mac-e4m3-e4m3-fp16").accumulator.format.encode(total) == 0x3C01


def test_special_operands():
    spec = parse_unit("mac-e5m2-e5m2-fp32")
    inf, one, zero, minus = 0x7C, 0x3C, 0x00, 0xBC
    nan, plus_infinity = 0x7FC00000, 0x7F800000
    assert simulate(spec, [inf], [one]).tolist() == [plus_infinity]
    assert simulate(spec, [inf], [zero]).tolist() == [nan]
    assert simulate(spec, [inf, inf], [one, minus]).tolist() == [plus_infinity, nan]
    assert simulate(spec, [one], [0x7E]).tolist() == [nan]


def test_zeros_keep_ieee_signs():
    spec = parse_unit("mac-e5m2-e5m2-fp32")
    one, minus, minus_zero = 0x3C, 0xBC, 0x80
    assert simulate(spec, [minus_zero], [one]).tolist() == [0]  # +0 + -0
    assert simulate(spec, [one, one], [one, minus])[-1] == 0  # x - x
    assert step_scalar(spec, 0x80000000, minus_zero, one) == 0x80000000  # -0 + -0


def test_the_sticky_bit_of_an_exact_accumulator():
    spec = parse_unit("mac-e4m3-e4m3-exact")
    one, nan = 0x38, 0x7F
    codes = simulate(spec, [one, nan, one, one], [one, one, one, one], clear=[0, 0, 0, 1])
    unit, flag = 1 << 18, 1 << 49
    assert codes.tolist() == [unit, flag | unit, flag | 2 * unit, unit]


def test_stalls_and_clears():
    spec = parse_unit("mac-int8-int8-int32")
    got = simulate(spec, [3] * 5, [5] * 5, valid=[1, 0, 1, 0, 1], clear=[0, 0, 0, 1, 1])
    assert got.tolist() == [15, 15, 30, 0, 15]


def test_bad_input_is_refused():
    spec = parse_unit("mac-int8-int8-int32")
    with pytest.raises(HwmodelError, match="broadcast"):
        simulate(spec, [1, 2], [1, 2, 3])
    with pytest.raises(HwmodelError, match="time axis"):
        simulate(spec, 1, 2)
    with pytest.raises(HwmodelError, match="codes of int8"):
        simulate(spec, [300], [1])
    assert simulate(spec, np.zeros((0, 4), int), np.zeros((0, 4), int)).shape == (0, 4)
    assert simulate(spec, np.zeros((2, 0), int), np.zeros((2, 0), int)).shape == (2, 0)


def test_a_sum_that_cancels_is_minus_zero_where_rounding_goes_down():
    spec = parse_unit("mac-e4m3-e4m3-fp16-down")
    x, one = spec.a.encode([1.0, -1.0]), spec.b.encode([1.0, 1.0])
    assert simulate(spec, x, one).tolist() == [0x3C00, 0x8000]
    assert simulate(parse_unit("mac-e4m3-e4m3-fp16"), x, one)[-1] == 0


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("mac-e4m3-e4m3-chunk4_fp16_fp32-stochastic", "stochastically"),
        ("mac-e4m3-e4m3-exact-up", "nothing to round"),
        ("mac-int8-int8-int32-stochastic", "nothing to round"),
        ("mac-int8-int8-int32-towardzero", "nothing to round"),
        ("mac-e8m0-e4m3-fp32", "carries a scale"),
    ],
)
def test_units_that_cannot_be_say_why(name, part):
    with pytest.raises(HwmodelError, match=part):
        parse_unit(name)


@pytest.mark.parametrize("spec", ["mac-int8-int8-int32", None, 8])
def test_what_is_no_unit_is_refused(spec):
    for function in (simulate, lambda spec, a, b: matmul(a, b, spec)):
        with pytest.raises(HwmodelError, match=r"is a UnitSpec, as hwmodel\.unit"):
            function(spec, [[1]], [[1]])


@pytest.mark.parametrize(
    "signal", [["yes", "no"], [float("nan"), 1.0], [0.0, 1.0], [2, 0], [-1, 0], [None, True]]
)
def test_control_inputs_are_true_or_false(signal):
    spec = parse_unit("mac-int8-int8-int32")
    for name in ("valid", "clear"):
        with pytest.raises(HwmodelError, match=f"input '{name}' of a unit is true or false"):
            simulate(spec, [1, 2], [3, 4], **{name: signal})
    with pytest.raises(HwmodelError, match="make an array"):
        simulate(spec, [1, 2], [3, 4], valid=[[1], [0, 1]])


def test_codes_come_as_pythons_integers_too():
    spec = parse_unit("mac-int8-int8-int32")
    codes = np.array([3, 255], dtype=object)
    assert simulate(spec, codes, codes).tolist() == [9, 10]
    assert matmul(codes[None], codes[:, None], spec).tolist() == [[10]]
    for wrong, part in [
        ([[1 << 70]], "lie in 0..255, but"),
        ([[1.5]], "are integers"),
        ([[None]], "are integers"),
    ]:
        with pytest.raises(HwmodelError, match=part):
            matmul(np.array(wrong, dtype=object), [[1]], spec)
    with pytest.raises(HwmodelError, match=r"lie in 0\.\.255, but about"):
        matmul([[1 << 20000]], [[1]], spec)


def test_a_sum_that_is_nan_without_a_code_is_never_a_zero():
    # Units are made so that there is none: here one is changed behind their back.
    spec = parse_unit("mac-e2m1-e2m1-e3m2")
    object.__setattr__(spec, "a", parse_unit("mac-e4m3-e4m3-fp16").a)
    with pytest.raises(HwmodelError, match="has no code"):
        simulate(spec, [0x7F], [1])
    with pytest.raises(HwmodelError, match=r"has no code|are numbers"):
        matmul([[0x7F]], [[1]], spec)
