"""Ratios are formed between rows of like kind, and say what they compare."""

from dataclasses import replace

import pytest
from test_measurement import energy, measurement

from hwmodel.cost.published import MARKS, PUBLISHED_RATIOS
from hwmodel.cost.ratios import Quantity, Ratio, make_ratio, ratios_of
from hwmodel.errors import HwmodelError

INT8 = measurement()
FP8 = measurement("mac-e4m3-e4m3-fp32", area_um2=1400.0, delay_ns=2.9)
SMALL_INT8 = replace(INT8, clock_ns=None, area_um2=600.0, delay_ns=4.0)
SMALL_FP8 = replace(FP8, clock_ns=None, area_um2=1500.0, delay_ns=6.0)


def test_area_at_equal_clock():
    ratio = make_ratio(FP8, INT8, Quantity.AREA)
    assert ratio.value == 2.0
    assert (ratio.numerator, ratio.denominator) == (FP8.spec, INT8.spec)
    assert ratio.goal == "both at a clock of 3 ns"
    assert ratio.clock_ns == 3.0
    assert ratio.accumulators == ("FP32, 32 bits", "integer, 32 bits")
    assert "single MAC" in ratio.unit


def test_equal_throughput_is_area_times_delay_at_minimum_area():
    ratio = make_ratio(SMALL_FP8, SMALL_INT8, Quantity.AREA_PER_THROUGHPUT)
    assert ratio.value == pytest.approx((1500 * 6) / (600 * 4))
    assert "equal throughput" in ratio.goal
    with pytest.raises(HwmodelError, match="equal clock"):
        make_ratio(FP8, INT8, Quantity.AREA_PER_THROUGHPUT)


def test_bounds_of_an_energy_ratio_hold_both_intervals():
    top = replace(FP8, energies=(energy(fj_per_mac=3000.0, low=2900.0, high=3100.0),))
    ratio = make_ratio(top, INT8, Quantity.ENERGY, "gaussian")
    assert ratio.value == pytest.approx(3000 / 1529.5)
    assert ratio.low == pytest.approx(2900 / 1560)
    assert ratio.high == pytest.approx(3100 / 1500)
    assert ratio.stimulus == "gaussian"


def test_survives_json():
    ratio = make_ratio(FP8, INT8, Quantity.ENERGY, "gaussian")
    assert Ratio.from_dict(ratio.to_dict()) == ratio


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"library": "other cells"}, "library"),
        ({"corner": "slow"}, "corner"),
        ({"clock_ns": 2.9}, "clock_ns"),
        ({"clock_ns": None}, "clock_ns"),
        ({"how": "modelled"}, "how"),
        ({"provenance": {"tools": {"pyosys": "0.69"}}}, "versions of the tools"),
        ({"met": False}, "misses its clock"),
    ],
)
def test_unlike_rows_are_refused_either_way(change, said):
    other = replace(INT8, **change)
    with pytest.raises(HwmodelError, match=said):
        make_ratio(FP8, other, Quantity.AREA)
    with pytest.raises(HwmodelError, match=said):
        make_ratio(other, FP8, Quantity.AREA)


def test_exact_accumulators_have_equal_room():
    wide = replace(INT8, spec="mac-int8-int8-exact65536")
    exact = replace(FP8, spec="mac-e4m3-e4m3-exact")
    with pytest.raises(HwmodelError, match="numbers of products"):
        make_ratio(exact, wide, Quantity.AREA)
    make_ratio(exact, replace(INT8, spec="mac-int8-int8-exact"), Quantity.AREA)


def test_energies_have_a_stimulus_and_a_clock_in_common():
    with pytest.raises(HwmodelError, match="names its operand stream"):
        make_ratio(FP8, INT8, Quantity.ENERGY)
    with pytest.raises(HwmodelError, match="uniform"):
        make_ratio(FP8, INT8, Quantity.ENERGY, "uniform")
    slower = replace(FP8, energies=(energy(clock_ns=3.5),))
    with pytest.raises(HwmodelError, match=r"3\.5"):
        make_ratio(slower, INT8, Quantity.ENERGY, "gaussian")


def test_all_pairs_a_designer_chooses_between_and_no_other():
    exact_int = replace(INT8, spec="mac-int8-int8-exact")
    exact_fp = replace(FP8, spec="mac-e4m3-e4m3-exact")
    missed = replace(FP8, spec="mac-e5m2-e5m2-fp32", met=False)
    rows = [INT8, exact_int, FP8, exact_fp, missed, SMALL_INT8, SMALL_FP8]
    ratios = ratios_of(rows, [FP8.spec, exact_fp.spec, missed.spec], [INT8.spec, exact_int.spec])
    pairs = {(ratio.numerator, ratio.denominator) for ratio in ratios}
    assert pairs == {
        (FP8.spec, INT8.spec),
        (exact_fp.spec, INT8.spec),
        (exact_fp.spec, exact_int.spec),
    }
    small = [r for r in ratios if r.numerator == FP8.spec and r.goal.startswith("each")]
    assert {r.quantity for r in small} == {Quantity.AREA, Quantity.DELAY, Quantity.ENERGY}


def test_units_that_add_into_floats_are_compared_with_each_other():
    fp32_int = replace(INT8, spec="mac-int8-int8-fp32")
    exact_fp = replace(FP8, spec="mac-e4m3-e4m3-exact")
    rows = [fp32_int, FP8, exact_fp]
    ratios = ratios_of(rows, [FP8.spec, exact_fp.spec], [fp32_int.spec])
    assert {ratio.numerator for ratio in ratios} == {FP8.spec}


def test_published_ratios_are_marked_and_cited():
    for ratio in PUBLISHED_RATIOS:
        assert ratio.reference
        assert ratio.marks
        assert set(ratio.marks) <= set(MARKS)
    # What was only remembered says so beside the very thing that was remembered.
    assert "[M]" in PUBLISHED_RATIOS[0].accumulator
