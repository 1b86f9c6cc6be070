"""Streams, steering and the stimulus of co-simulation."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.arithmetic import simulate, step_scalar
from hwmodel.sim.corners import corner_sections
from hwmodel.sim.group_draws import group_length
from hwmodel.sim.steering import Products, corner_codes, steered
from hwmodel.sim.streams import Section, Stimulus, expected_accumulator, joined
from hwmodel.sim.vectors import (
    QUICK,
    conformance_stimulus,
    operand_pairs,
    random_streams,
    unit_stimulus,
    verification_stimulus,
)
from hwmodel.sim.walks import boundary_walk, climb
from hwmodel.units import parse_unit

SPECS = ("mac-int8-int8-int32", "mac-e4m3-e4m3-exact", "mac-e5m2-e5m2-fp16", "mac-e5m2-e5m2-exact")


def rng():
    return np.random.default_rng(7)


@pytest.mark.parametrize("name", [*SPECS, "mac-int4-int4-int10sat", "mac-uint4-int4-fp16"])
def test_expected_accumulator_is_the_scalar_definition_step_by_step(name):
    spec = parse_unit(name)
    stimulus = random_streams(spec, 600, rng())
    expected = expected_accumulator(spec, stimulus)
    acc = 0
    for t in range(len(stimulus)):
        reset = bool(stimulus.rst[t])
        acc = step_scalar(
            spec,
            acc,
            int(stimulus.a[t]),
            int(stimulus.b[t]),
            valid=bool(stimulus.valid[t]) and not reset,
            clear=bool(stimulus.clear[t]) or reset,
        )
        assert acc == int(expected[t]), t


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 7))
def test_pieces_of_a_stimulus_expect_what_the_whole_does(seed, parts):
    spec = parse_unit("mac-e3m2-e3m2-fp16")
    stimulus = random_streams(spec, 300, np.random.default_rng(seed))
    pieces = stimulus.split(parts)
    assert 1 <= len(pieces) <= parts
    expected = [expected_accumulator(spec, piece) for piece in pieces]
    np.testing.assert_array_equal(np.concatenate(expected), expected_accumulator(spec, stimulus))


@pytest.mark.parametrize("name", SPECS)
def test_every_pair_of_8_bit_operands_starts_from_a_cleared_accumulator(name):
    spec = parse_unit(name)
    pairs = operand_pairs(spec, 1 << 16, rng())
    seen = (pairs.a.astype(int) << spec.b.bits) | pairs.b
    assert len(np.unique(seen)) == len(pairs) == 1 << 16
    assert pairs.valid.all()
    assert pairs.clear.all()


def test_pairs_of_wider_operands_are_their_corners_and_random_ones():
    spec = parse_unit("mac-fp16-fp16-fp32")
    pairs = operand_pairs(spec, 2000, rng())
    seen = set(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True))
    corners = corner_codes(spec.a).tolist()
    assert set(itertools.product(corners, corners)) <= seen
    assert len(pairs) == 2000


@pytest.mark.parametrize("name", SPECS)
def test_the_stimulus_depends_on_the_seed_alone(name):
    spec = parse_unit(name)
    first, again, other = (verification_stimulus(spec, seed, 500, QUICK) for seed in (3, 3, 4))
    for column in ("a", "b", "valid", "clear", "rst"):
        np.testing.assert_array_equal(getattr(first, column), getattr(again, column))
    assert first.sections == again.sections
    assert not np.array_equal(first.a[:2000], other.a[:2000])


@pytest.mark.parametrize("name", SPECS)
def test_sections_fit_together_and_begin_empty(name):
    stimulus = verification_stimulus(parse_unit(name), 1, 500, QUICK)
    assert stimulus.rst[0]
    assert stimulus.sections[0].start == 0
    assert stimulus.sections[-1].stop == len(stimulus)
    for before, after in itertools.pairwise(stimulus.sections):
        assert before.stop == after.start
        assert stimulus.clear[after.start] | stimulus.rst[after.start], after.name


def test_sampling_keeps_whole_streams():
    spec = parse_unit("mac-e2m1-e2m1-fp16")
    whole = joined(corner_sections(spec, rng()))
    sample = whole.sampled(800, rng())
    assert 400 < len(sample) <= 800 + len(whole.sections)

    def stretches(stimulus):
        bounds = [*stimulus.starts.tolist(), len(stimulus)]
        columns = (stimulus.a, stimulus.b, stimulus.valid)
        return [
            tuple(tuple(column[low:high].tolist()) for column in columns)
            for low, high in itertools.pairwise(bounds)
        ]

    assert set(stretches(sample)) <= set(stretches(whole))


@pytest.mark.parametrize(
    "accumulator", ["fp32", "exact", "e4m3", "chunk5_fp16_fp32", "align4w14_fp16", "exact3"]
)
def test_conformance_stimulus_has_the_length_asked_for(accumulator):
    for cycles in (64, 1000):
        stimulus = conformance_stimulus(parse_unit(f"mac-e4m3-e4m3-{accumulator}"), cycles, 1)
        assert len(stimulus) == cycles
        assert stimulus.rst[0]


def test_what_is_delivered_goes_over_both_ends_of_a_narrow_integer():
    spec = parse_unit("mac-int8-int8-int18")
    codes = expected_accumulator(spec, conformance_stimulus(spec, 1024, 1)).astype(int)
    assert {(1 << 17) - 1, 1 << 17} <= set(codes.tolist())


@pytest.mark.parametrize(
    "name",
    [
        "mac-int8-int8-int20",
        "mac-e4m3-e4m3-fp32",
        "mac-e4m3-e4m3-chunk64_fp16_fp32",
        "mac-e4m3-e4m3-align16w25_fp32",
    ],
)
def test_the_directed_part_of_a_unit_comes_whatever_the_count_is(name):
    spec = parse_unit(name)
    few, many = unit_stimulus(spec, 64, 1), unit_stimulus(spec, 1000, 1)
    assert len(many) - len(few) == 1000 - 64
    assert len(many) < 5000
    for column in ("a", "b", "valid", "clear", "rst"):
        np.testing.assert_array_equal(getattr(few, column)[64:], getattr(many, column)[1000:])


@pytest.mark.parametrize(
    "name",
    [
        "mac-e4m3-e4m3-chunk1_exact_fp32",
        "mac-e5m2-e5m2-chunk2_align7w5down_fp16_e5m2",
        "mac-ue4m3-ue4m3-chunk33_e4m3_e4m3",
        "mac-e2m1-e3m2-chunk130_exact_e3m4-down",
        "mac-e0m3-e0m3-chunk350_e6m9_fp16-toodd",
        "mac-uint4-int4-chunk5_int10sat_int12sat",
        "mac-e4m3-e4m3-align350w40_e5m2",
    ],
)
def test_groups_of_any_length_in_any_accumulator_have_streams(name):
    spec = parse_unit(name)
    length = group_length(spec)
    stimulus = unit_stimulus(spec, 64, 1)
    assert 64 + 2 * length < len(stimulus) < 3000 + 20 * length
    starts = np.append(stimulus.starts, len(stimulus))
    assert np.diff(starts).max() > length, "a whole group"


@pytest.mark.parametrize("name", ["mac-e4m3-e4m3-fp32", "mac-e5m2-e5m2-fp16"])
def test_steering_arrives_and_the_golden_model_agrees(name):
    spec = parse_unit(name)
    products = Products.of(spec, rng())
    least = max(products.smallest, spec.accumulator.format.min_subnormal)
    targets = np.array([0.0, least, -least, 1.0, -1.0, 1.0009765625, 448.5])
    paths, reached = steered(spec, products, targets)
    np.testing.assert_array_equal(reached, targets)
    for path, value in zip(paths, reached, strict=True):
        if len(path):
            codes = simulate(spec, *products.operands(path))
            assert spec.decode_accumulator(codes)[-1] == value


def reached_codes(name):
    """Accumulator codes before and after each directed step that adds a product."""
    spec = parse_unit(name)
    parts = [*corner_sections(spec, rng()), climb(spec, rng(), 511)]
    stimulus = joined(parts)
    after = expected_accumulator(spec, stimulus)
    before = np.where(stimulus.clear, 0, np.concatenate([[0], after[:-1]]))
    used = stimulus.valid
    return spec, stimulus, before[used], after[used], used


def test_corners_of_a_narrow_float_accumulator_are_reached():
    spec, stimulus, before, after, used = reached_codes("mac-e5m2-e5m2-fp16")
    fp16 = spec.accumulator.format
    for code in (
        0x8000,  # -0, from an underflow
        0x0001,
        0x0400,
        fp16.infinity_code,
        fp16.infinity_code | 0x8000,
        fp16.nan_code,
    ):
        assert code in before, hex(code)
    assert {0x03FF, 0x83FF} & set(before.tolist()), "largest subnormal"
    assert {0x7BFF, 0xFBFF} & set(before.tolist()), "largest finite number"
    a, b = spec.a.decode(stimulus.a[used]), spec.b.decode(stimulus.b[used])
    value = fp16.decode(before.astype(np.uint16))
    result = fp16.decode(after.astype(np.uint16))
    with np.errstate(invalid="ignore"):
        product = a * b
        total = value + product  # float64 holds what fp16 rounds, ties included
    finite = np.isfinite(value) & np.isfinite(product)
    cancelled = finite & (value == -product) & (value != 0)
    assert (value[cancelled] > 0).any()
    assert (value[cancelled] < 0).any()
    assert (finite & np.isinf(result)).any(), "overflow of a finite sum"
    assert (np.isinf(value) & np.isinf(product) & (value == -product)).any(), "inf - inf"
    zero_times = (np.isinf(a) & (b == 0)) | (np.isinf(b) & (a == 0))
    assert zero_times.any()
    # Ties: half a unit in the last place beside a normal sum, to either side, even and odd.
    with np.errstate(invalid="ignore"):
        ulp = 2.0 ** (np.maximum(np.frexp(np.where(finite, total, 1))[1] - 1, -14) - 10)
        steps = np.where(finite, total, 0) / ulp
    tie = finite & (np.abs(steps % 1) == 0.5) & (np.abs(total) < fp16.max_value)
    odd = (np.floor(np.abs(steps)) % 2 == 1) & tie
    assert odd.any()
    assert (tie & ~odd).any()
    carried = finite & np.isfinite(result) & (np.abs(result) > np.abs(total)) & (
        np.frexp(result)[1] > np.frexp(total)[1]
    )  # fmt: skip
    assert carried.any(), "rounding into the next octave"


def test_every_exponent_difference_is_met():
    spec, stimulus, before, _, used = reached_codes("mac-e4m3-e4m3-fp32")
    product = spec.a.decode(stimulus.a[used]) * spec.b.decode(stimulus.b[used])
    value = spec.decode_accumulator(before.astype(np.uint32))
    usable = np.isfinite(product) & np.isfinite(value) & (product != 0) & (value != 0)
    difference = (np.frexp(value)[1] - np.frexp(product)[1])[usable]
    same_sign = (np.signbit(value) == np.signbit(product))[usable]
    for signs in (same_sign, ~same_sign):
        met = set(difference[signs].tolist())
        assert set(range(-30, 31)) <= met


@pytest.mark.parametrize("name", ["mac-e3m4-e3m4-fp32", "mac-int4-int4-fp16", "mac-e2m1-e2m1-fp16"])
def test_a_climb_reaches_sums_that_lose_bits_beyond_the_guard_bit(name):
    spec = parse_unit(name)
    stimulus = climb(spec, rng(), 32_767)
    codes = expected_accumulator(spec, stimulus)
    before = spec.decode_accumulator(np.where(stimulus.clear, 0, np.append(0, codes[:-1])))
    product = spec.a.decode(stimulus.a) * spec.b.decode(stimulus.b) * stimulus.valid
    finite = np.isfinite(before) & np.isfinite(product)
    total = np.where(finite, before, 0) + np.where(finite, product, 0)  # exact in float64
    ulp = 2.0 ** (np.frexp(total)[1] - 1 - spec.accumulator.format.mantissa_bits)
    beyond = np.abs(total / ulp) % 1
    assert (beyond == 0.5).any(), "a tie"
    assert (np.abs(beyond - 0.5) % 0.5 > 0).any(), "guard bit and more"
    assert total.max() > 64 * product.max()
    assert total.min() < -64 * product.max()


@pytest.mark.parametrize(
    ("name", "low_and_high_meet"),
    [
        ("mac-int4-int4-int10", True),
        ("mac-int4-int4-int10sat", False),
        ("mac-e2m1-e2m1-exact", True),
    ],
)
def test_the_boundary_walk_stands_on_the_boundary_and_crosses_it(name, low_and_high_meet):
    spec = parse_unit(name)
    walk = boundary_walk(spec, rng(), 10**5)
    codes = expected_accumulator(spec, walk).astype(object)
    top = 1 << (spec.fixed_point.width - 1)
    assert top - 1 in codes
    assert top in codes, "the most negative number"
    crossed = [abs(int(y) - int(x)) < top // 2 and (x < top) != (y < top)
               for x, y in itertools.pairwise(codes)]  # fmt: skip
    assert any(crossed) == low_and_high_meet


def test_a_boundary_out_of_reach_is_left_out():
    assert boundary_walk(parse_unit("mac-int8-int8-int32"), rng(), 1000) is None
    assert boundary_walk(parse_unit("mac-e4m3-e4m3-fp32"), rng(), 1000) is None
    # Float64 does not hold the ends of this one.
    assert boundary_walk(parse_unit("mac-e10m2-fp16-exact4"), rng(), 1000) is None


def test_section_of_a_cycle():
    off = np.zeros(2, bool)
    codes = np.zeros(2, np.uint32)
    one = Stimulus(codes, codes, off, ~off, off, (Section("one", 0, 2),))
    both = joined([one, Stimulus(codes, codes, off, ~off, off, (Section("two", 0, 2),))])
    assert [both.section_of(t) for t in range(5)] == ["one", "one", "two", "two", ""]
