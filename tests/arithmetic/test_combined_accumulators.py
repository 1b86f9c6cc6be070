"""Chunked accumulators and aligned multi-term adders against their definition and by hand."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hwmodel
from hwmodel.arithmetic import dot_scalar, matmul, simulate
from hwmodel.errors import HwmodelError, NotBuiltYetError
from hwmodel.formats import Overflow
from hwmodel.rtl import create_unit, structures_for
from hwmodel.units import parse_accumulator, parse_unit

ALIGNED = [
    *("mac-e4m3-e4m3-align16w25_fp32", "mac-e4m3-e4m3-align32w14_fp32-towardzero"),
    *("mac-e5m2-e5m2-align4w14down_fp32", "mac-e5m2-e4m3-align8w10_fp16sat"),
    *("mac-fp16-fp16-align4w24_fp32-towardzero", "mac-bf16-bf16-align8w24_fp32"),
    *("mac-e2m1-e2m1-align3w4_e4m3", "mac-e4m3fnuz-e4m3fnuz-align7w30_fp16-up"),
    *("mac-e4m3-e4m3-align16w60_fp32", "mac-e4m3-e4m3-align1w2down_bf16-down"),
]
CHUNKED = [
    *("mac-e4m3-e4m3-chunk16_fp16_fp32", "mac-e5m2-e5m2-chunk7_fp16_fp32-towardzero"),
    *("mac-int8-int8-chunk8_int18_int32", "mac-int8-int8-chunk5_int17sat_int20sat"),
    *("mac-int8-int8-chunk64_int24_fp32", "mac-e4m3-e4m3-chunk64_exact64_fp32"),
    *("mac-e5m2-e5m2-chunk8_exact_fp16", "mac-e4m3-e4m3-chunk32_align32w14_fp32_fp32"),
    *("mac-e4m3-e4m3-chunk3_e5m7ieee_bf16", "mac-int8-int8-chunk4_int64_int64"),
]


def operands(spec, seed, shape_a, shape_b):
    """Codes of all kinds: any bits, powers of two that cancel, few NaNs and infinities."""
    rng = np.random.default_rng(seed)
    codes = []
    for fmt, shape in ((spec.a, shape_a), (spec.b, shape_b)):
        anything = rng.integers(0, fmt.code_count, shape)
        number = fmt.encode(rng.choice([-1, 1], shape) * 2.0 ** rng.integers(-6, 7, shape))
        share = 0.01 * (seed % 2) if fmt.has_nonfinite else 0.5
        finite = fmt.encode(fmt.decode(number) * rng.choice([0, 1, 1.125, 1.5], shape))
        codes.append(np.where(rng.random(shape) < share, anything, finite).astype(np.int64))
    return codes


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("name", ALIGNED + CHUNKED)
def test_matrices_and_streams_follow_the_definition(name, seed):
    spec = parse_unit(name)
    a, b = operands(spec, seed, (3, 37), (37, 3))
    got = matmul(a, b, spec)
    expected = [[dot_scalar(spec, row, column) for column in b.T.tolist()] for row in a.tolist()]
    assert got.tolist() == expected
    streams = simulate(spec, a[:, None, :], b.T[None])
    np.testing.assert_array_equal(streams[..., -1], got)
    # In the midst of a row the unit shows the sum so far.
    for t in (0, 4, 20):
        assert streams[1, 2, t] == dot_scalar(spec, a[1, : t + 1].tolist(), b[: t + 1, 2].tolist())


@pytest.mark.parametrize("name", ALIGNED[:3] + CHUNKED[:4])
def test_clear_and_valid_restart_and_skip(name):
    spec = parse_unit(name)
    rng = np.random.default_rng(5)
    a, b = (code[0] for code in operands(spec, 2, (1, 60), (1, 60)))
    valid, clear = rng.random(60) < 0.7, rng.random(60) < 0.06
    codes = simulate(spec, a, b, valid, clear)
    row = []
    for t in range(60):
        row = [] if clear[t] else row
        row += [t] if valid[t] else []
        assert codes[t] == dot_scalar(spec, a[row].tolist(), b[row].tolist()), t


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["e4m3", "e5m2", "e3m4", "e2m1", "e2m5fin", "e6m3ieee", "e4m3fnuz", "ue4m3"]),
    st.integers(1, 9),
    st.integers(2, 30),
    st.sampled_from(["", "down"]),
    st.sampled_from(["fp32", "fp16", "bf16", "e6m9ieee"]),
    st.sampled_from(["", "-towardzero", "-up", "-nearestaway", "-toodd"]),
    st.integers(0, 1000),
)
def test_any_aligned_adder(operand, terms, kept, cut, output, rounding, seed):
    spec = parse_unit(f"mac-{operand}-{operand}-align{terms}w{kept}{cut}_{output}{rounding}")
    a, b = operands(spec, seed, (2, 23), (23, 2))
    expected = [[dot_scalar(spec, row, column) for column in b.T.tolist()] for row in a.tolist()]
    assert matmul(a, b, spec).tolist() == expected


def value_of(name, pairs):
    """Sum of products of values as the unit gives it."""
    spec = parse_unit(name)
    a, b = (spec.a.encode(np.array(side, float)) for side in zip(*pairs, strict=True))
    return spec.decode_accumulator(matmul(a[None], b[:, None], spec))[0, 0]


def test_what_falls_below_the_kept_bits_is_lost():
    # 256 has exponent 8; with 9 bits kept the last one weighs 2^0, so 0.75 is cut off ...
    pairs = [(16, 16), (0.75, 1), (0.75, 1)]
    assert value_of("mac-e4m3-e4m3-align3w9_fp32", pairs) == 256.0
    assert value_of("mac-e4m3-e4m3-align3w10_fp32", pairs) == 257.0  # 0.75 to 0.5, twice
    assert value_of("mac-e4m3-e4m3-align3w11_fp32", pairs) == 257.5
    # ... and a negative one toward zero or, in two's complement, to minus one.
    pairs = [(16, 16), (-0.75, 1)]
    assert value_of("mac-e4m3-e4m3-align2w9_fp32", pairs) == 256.0
    assert value_of("mac-e4m3-e4m3-align2w9down_fp32", pairs) == 255.0


def test_products_are_aligned_before_they_are_normalised():
    # 1.5 * 1.5 = 2.25 counts with exponent 0: three bits kept end at 2^-2, which holds it all.
    assert value_of("mac-e4m3-e4m3-align2w3_fp32", [(1.5, 1.5), (0.25, 1)]) == 2.5
    # The smallest subnormal has the exponent of the smallest normal number, 2^-6.
    tiny = 2.0**-9
    assert value_of("mac-e4m3-e4m3-align1w3_fp32", [(tiny, 1)]) == 0.0
    assert value_of("mac-e4m3-e4m3-align1w4_fp32", [(tiny, 1)]) == tiny


def test_order_within_a_group_does_not_matter_and_between_groups_does():
    pairs = [(16, 16), (0.5, 1), (-16, 16), (0.5, 1)]
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]):
        assert value_of("mac-e4m3-e4m3-align4w9_fp32", [pairs[i] for i in order]) == 0.0
    assert value_of("mac-e4m3-e4m3-align2w9_fp32", pairs) == 0.0  # 256, then 256 - 256 + 0
    assert value_of("mac-e4m3-e4m3-align2w9_fp32", [pairs[i] for i in (0, 2, 1, 3)]) == 1.0


def test_with_bits_enough_one_group_is_the_exact_sum_rounded_once():
    spec = parse_unit("mac-e4m3-e4m3-align40w48_fp16")
    rng = np.random.default_rng(2)
    a, b = rng.choice(np.delete(np.arange(256), [127, 255]), (2, 40))
    terms = zip(spec.a.decode(a), spec.b.decode(b), strict=True)
    exact = sum(Fraction(x) * Fraction(y) for x, y in terms)
    code = matmul(a[None], b[:, None], spec)[0, 0]
    assert code == hwmodel.format("fp16").encode([float(exact)], Overflow.INFINITY)[0]


def test_chunks_keep_what_a_long_sum_loses():
    # 4096 times 1 in an 11-bit significand sticks at 2048; chunks of 64 do not.
    ones = hwmodel.format("e4m3").encode(np.ones(4096))
    for accumulator, total in [("fp16", 2048.0), ("chunk64_fp16_fp32", 4096.0)]:
        spec = parse_unit(f"mac-e4m3-e4m3-{accumulator}")
        assert spec.decode_accumulator(matmul(ones[None], ones[:, None], spec))[0, 0] == total


def test_inner_accumulators_wrap_or_saturate_by_themselves():
    codes = np.full(6, 0x7F)  # 127 * 127 = 16129; three make 48387
    wraps = parse_unit("mac-int8-int8-chunk3_int16_int32")
    saturates = parse_unit("mac-int8-int8-chunk3_int16sat_int32")
    assert matmul(codes[None], codes[:, None], wraps)[0, 0] == 2 * (48387 - 65536) % (1 << 32)
    assert matmul(codes[None], codes[:, None], saturates)[0, 0] == 2 * 32767


@pytest.mark.parametrize("name", ALIGNED + CHUNKED)
def test_names_parse_back_and_specs_say_it_all(name):
    spec = parse_unit(name)
    assert spec.name == name
    assert hwmodel.unit(spec.name) == spec
    assert spec.to_dict()["accumulator"]["bits"] == spec.accumulator_bits


def test_rtl_says_that_it_is_not_built():
    for name in (ALIGNED[0], CHUNKED[0]):
        for make in (create_unit, structures_for):
            with pytest.raises(NotBuiltYetError, match="golden model has it"):
                make(parse_unit(name))


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("chunk0_fp16_fp32", "1 product or more"),
        ("chunk4_chunk2_fp16_fp32_fp32", "cannot be"),
        ("chunk4_fp16_exact", "cannot be"),
        ("chunk4_fp16_int32", "fp32 for the outer"),
        ("align0w14_fp32", "1 to 4096"),
        ("align4w1_fp32", "2 to 64 bits"),
        ("align4w14_int32", "no accumulator"),
        ("align4w14_nonsense", "alignNwBITS"),
    ],
)
def test_what_cannot_be_is_refused(name, part):
    with pytest.raises(HwmodelError, match=part):
        parse_accumulator(name)


def test_integers_are_not_aligned():
    with pytest.raises(HwmodelError, match="no exponents to align"):
        parse_unit("mac-int8-int8-align4w14_fp32")
    with pytest.raises(HwmodelError, match="no exponents to align"):
        parse_unit("mac-int8-e4m3-align4w14_fp32")


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["e4m3", "e5m2", "e2m1", "fp16", "e4m3fnuz", "bf16", "e2m9"]),
    *(st.sampled_from([1, 4, 16, 33]), st.sampled_from([2, 8, 14, 25, 29, 30])),
    *(st.booleans(), st.sampled_from(["", "-towardzero", "-down", "-toodd"])),
    st.integers(0, 1 << 20),
)
def test_aligned_sums_of_finite_numbers_follow_the_streams(operand, terms, kept, down, rule, seed):
    """In float32 and int32 where they hold all, also in parts, else in float64."""
    cut = "down" if down else ""
    spec = parse_unit(f"mac-{operand}-{operand}-align{terms}w{kept}{cut}_fp32{rule}")
    rng = np.random.default_rng(seed)
    codes = []
    for fmt, shape in ((spec.a, (2, 70)), (spec.b, (70, 5))):
        anything = rng.integers(0, fmt.code_count, shape)
        anything = np.where(np.isfinite(fmt.decode(anything)), anything, 0)
        ties = rng.choice([-1, 1], shape) * rng.choice([1, 1.5, 0, 2.0**-8], shape)
        codes.append(anything if seed % 2 else fmt.encode(ties))
    a, b = codes
    expected = simulate(spec, a[:, None, :], b.T[None])[..., -1]
    np.testing.assert_array_equal(matmul(a, b, spec), expected)
