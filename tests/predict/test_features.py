"""Counts of small units, done by hand."""

import pytest

from hwmodel.errors import HwmodelError
from hwmodel.predict.activity import toggles_of
from hwmodel.predict.features import FIXED, FLOAT, features_of
from hwmodel.predict.gates import CELL_NAND2, LEVEL_GATES, gate_count, gate_levels
from hwmodel.units import parse_unit


def cells(name):
    return features_of(parse_unit(name)).cells


def test_an_integer_unit_counted_by_hand():
    unit = features_of(parse_unit("mac-int4-int4-int16"))
    assert unit.family == FIXED
    assert unit.cells["flip_flops"] == 4 + 4 + 16 + 1  # operands, accumulator, clear
    assert unit.cells["partial_products"] == 16
    assert unit.cells["product_adders"] == 12  # three rows of four are added to the first
    assert unit.cells["accumulate_adders"] == 16
    assert unit.cells["align_muxes"] == 0
    assert unit.cells["decode"] == 0


def test_an_exact_unit_counted_by_hand():
    # E2M1: significands of 2 bits, exponents 1 to 3, so a sum from 2 to 6: shifted by up to 4
    # places, 3 bits of amount. Words of 4 bits grow by 1, 2 and 4, up to 8.
    unit = cells("mac-e2m1-e2m1-exact")
    assert unit["partial_products"] == 4
    assert unit["align_muxes"] == 5 + 7 + 8
    assert unit["sign_xors"] == 8
    assert unit["flip_flops"] == 4 + 4 + unit["accumulate_adders"] + 1


def test_a_float_accumulator_has_two_shifters_and_a_rounding():
    unit = features_of(parse_unit("mac-e4m3-e4m3-fp32"))
    assert unit.family == FLOAT
    # Window of 27 places (24 bits, and three below), 5 stages; the sum has 2 bits more.
    assert unit.cells["align_muxes"] == 2 * 24 + 5 * 27
    assert unit.cells["normalise_muxes"] == 5 * 29
    assert unit.cells["accumulate_adders"] == 29
    assert unit.cells["subnormal"] == 0
    assert cells("mac-e4m3-e4m3-fp16")["subnormal"] > 0


def test_more_of_anything_is_never_fewer_gates():
    sizes = [
        gate_count(features_of(parse_unit(f"mac-{name}")))
        for name in ("int4-int4-int16", "int4-int4-int32", "int8-int8-int32", "int12-int12-int32")
    ]
    assert sizes == sorted(sizes)
    short, long = (
        gate_levels(features_of(parse_unit(f"mac-e4m3-e4m3-{name}"))) for name in ("bf16", "fp32")
    )
    assert short < long


def test_every_part_has_a_price():
    for name in ("mac-int4-int4-int16", "mac-e2m1-e2m1-exact", "mac-e4m3-e4m3-fp16"):
        unit = features_of(parse_unit(name))
        assert set(unit.cells) <= set(CELL_NAND2)
        assert set(unit.levels) <= set(LEVEL_GATES)


def test_what_the_models_do_not_know_is_refused():
    with pytest.raises(HwmodelError, match="round to nearest even"):
        features_of(parse_unit("mac-e4m3-e4m3-fp32-towardzero"))


def test_wider_gaussian_operands_change_more_bits():
    narrow, wide = (toggles_of(parse_unit(f"mac-int{n}-int{n}-int32")) for n in (4, 8))
    assert narrow.a < wide.a
    assert narrow.accumulator < wide.accumulator
    assert narrow.stuck == 0


def test_sums_that_overflow_are_noticed():
    # Streams with real values are scaled to fit; uniform codes are what they are.
    toggles = toggles_of(parse_unit("mac-e5m2-e5m2-fp16"), "uniform")
    assert toggles.stuck > 0.8
    assert toggles_of(parse_unit("mac-e5m2-e5m2-fp16")).stuck == 0
