"""FP32 sums rounded toward zero, up, down and to odd, and wide accumulators in fewer exponents."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hwmodel
from hwmodel.arithmetic import carriers, dot_scalar, matmul, ranges, simulate, spans
from hwmodel.arithmetic.error_sums import Errors

DIRECTIONS = ["towardzero", "up", "down", "toodd"]
OPERANDS = ["e4m3", "e5m2", "e2m1", "int8", "uint4", "fp16", "bf16", "e7m8ieee", "e4m3fnuz"]


def operands(spec, rng, shape_a, shape_b):
    """Codes of any kind, of values of one size, or of powers of two that cancel and tie."""
    codes = []
    for fmt, shape in ((spec.a, shape_a), (spec.b, shape_b)):
        kind = rng.integers(3)
        values = rng.normal(size=shape) * 2.0 ** rng.integers(-12, 12, size=shape)
        if kind == 1:
            values = rng.choice([-1, 1], shape) * rng.choice([1, 1.5, 0, 2.0**-12], shape)
        values = values * (20.0 if "int" in fmt.name else 2.0 ** rng.integers(-70, 70))
        codes.append(fmt.encode(values) if kind else rng.integers(0, fmt.code_count, shape))
    return codes


@settings(max_examples=120, deadline=None)
@given(
    *(st.sampled_from(OPERANDS), st.sampled_from(OPERANDS), st.sampled_from(DIRECTIONS)),
    *(st.sampled_from(["", "sat"]), st.integers(0, 1 << 20), st.sampled_from([1, 3, 40])),
)
def test_fp32_in_all_directions_follows_the_streams(a, b, direction, sat, seed, length):
    spec = hwmodel.unit(f"mac-{a}-{b}-fp32{sat}-{direction}")
    x, y = operands(spec, np.random.default_rng(seed), (3, length), (length, 5))
    expected = simulate(spec, x[:, None, :], y.T[None])[..., -1]
    np.testing.assert_array_equal(matmul(x, y, spec), expected)


def test_which_units_are_summed_in_float32_itself():
    def first(name, values=None):
        spec = hwmodel.unit(name)
        operands = None
        if values is not None:
            codes = spec.a.encode(np.full((2, 2), values))
            operands = spans.of_operands(spec, codes, codes)
        return isinstance(carriers.carriers_for(spec, operands)[0].constants, Errors)

    assert first("mac-e4m3-e4m3-fp32-towardzero")
    assert first("mac-fp16-fp16-fp32-toodd")
    assert not first("mac-e4m3-e4m3-fp32-nearestaway")
    assert not first("mac-e4m3-e4m3-fp16-up")
    # BF16's products leave float32; those at hand need not.
    assert not first("mac-bf16-bf16-fp32-up")
    assert first("mac-bf16-bf16-fp32-up", 1.5)
    assert not first("mac-bf16-bf16-fp32-up", 2.0**100)


def test_sums_that_overflow_stop_at_the_largest_value():
    spec = hwmodel.unit("mac-bf16-bf16-fp32-towardzero")
    x = spec.a.encode(np.full((1, 3), 2.0**63))
    y = spec.b.encode(np.full((3, 1), 2.0**64))
    assert spec.decode_accumulator(matmul(x, y, spec)) == np.finfo(np.float32).max


@pytest.mark.parametrize(
    "name",
    [
        *("mac-e4m3-e4m3-e11m7ieee", "mac-e5m2-e5m2-e12m3ieee", "mac-bf16-bf16-e11m12ieee"),
        *("mac-int8-int8-e11m4", "mac-e4m3-e4m3-e14m1ieee-towardzero", "mac-e5m2-e5m2-e9m6fn"),
        *("mac-e2m1-e2m1-e10m5fnuz-nearestaway", "mac-uint4-uint4-ue12m4"),
    ],
)
@pytest.mark.parametrize("seed", range(4))
def test_wide_accumulators_follow_the_definition(name, seed):
    spec = hwmodel.unit(name)
    rng = np.random.default_rng(seed)
    x, y = operands(spec, rng, (2, 12), (12, 3))
    expected = [[dot_scalar(spec, row, column) for column in y.T.tolist()] for row in x.tolist()]
    assert matmul(x, y, spec).tolist() == expected
    near = [fmt.encode(rng.normal(size=(4, 4)) * 4) for fmt in (spec.a, spec.b)]
    assert ranges.narrower(spec, *near).accumulator.format.exponent_bits <= 8


@pytest.mark.parametrize(
    "name",
    [
        *("mac-e4m3-e4m3-e8m7ieee", "mac-e4m3-e4m3-e11m7ieee-up", "mac-e5m2-e5m2-e11m7ieeesat"),
        *("mac-e4m3-e4m3-e9m7bn300ieee", "mac-fp32-e4m3-e11m7ieee"),
    ],
)
def test_others_stay_as_they_are(name):
    spec = hwmodel.unit(name)
    rng = np.random.default_rng(1)
    x, y = (fmt.encode(rng.normal(size=(3, 3))) for fmt in (spec.a, spec.b))
    assert ranges.narrower(spec, x, y) is None
