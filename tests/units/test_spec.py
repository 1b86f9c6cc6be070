"""Unit specs: names, derived widths, and what cannot be."""

import numpy as np
import pytest

import hwmodel
from hwmodel.errors import HwmodelError, NotBuiltYetError
from hwmodel.formats import Overflow, parse_format
from hwmodel.units import ExactAccumulator, FixedPoint, FloatAccumulator, UnitSpec, parse_unit


@pytest.mark.parametrize(
    "name",
    [
        *("mac-int8-int8-int32", "mac-int8-int8-int16sat", "mac-uint8-int8-exact1"),
        *("mac-e4m3-e4m3-exact", "mac-e4m3-e4m3-exact64", "mac-e5m2-e4m3-fp32"),
        *("mac-e4m3-e4m3-fp16sat", "mac-e2m1-e2m1-e5m10", "mac-e4m3b8fin-e4m3-e6m9ieee"),
        *("mac-int8-int8-int5", "mac-int8-int8-int100sat", "mac-e4m3-e4m3-exact7sat"),
        *("mac-fp32-tf32-fp32", "mac-int32-int32-exact", "mac-int8-e4m3-fp16"),
        *("mac-int4-int4-e5m0", "mac-int4-int4-e0m7", "mac-int4-int4-e1m6-up"),
        *("mac-int4-int4-e4m5nosub", "mac-int4-int4-ue4m4-stochastic"),
    ],
)
def test_names_parse_back(name):
    spec = parse_unit(name)
    assert spec.name == name
    assert hwmodel.unit(spec.name) == spec
    assert spec.to_dict()["name"] == name


def test_specs_are_hashable_and_say_their_defaults():
    spec = UnitSpec(parse_format("e4m3"), parse_format("e4m3"), ExactAccumulator())
    assert spec in {parse_unit("mac-e4m3-e4m3-exact")}
    assert spec.overflow is Overflow.WRAP
    assert parse_unit("mac-e4m3-e4m3-fp32").overflow is Overflow.NONFINITE
    assert parse_unit("mac-e2m1-e2m1-e5m10").overflow is Overflow.SATURATE


@pytest.mark.parametrize(
    ("name", "width", "lsb", "total"),
    [
        # 4096 * (-128)^2 = 2^26 needs 28 bits; without -128 (as INT8's code is left out when
        # encoding but not when decoding) as many.
        ("mac-int8-int8-exact", 28, 0, 28),
        ("mac-uint8-uint8-exact1", 17, 0, 17),
        # 448^2 * 2^12 = 1.53 * 2^29 in steps of (2^-9)^2: 29 + 18 + 1 and the sign
        ("mac-e4m3-e4m3-exact", 49, -18, 50),
        ("mac-e5m2-e5m2-exact", 77, -32, 78),
        ("mac-e3m4-e3m4-exact", 35, -12, 36),
        ("mac-e2m1-e2m1-exact", 21, -2, 21),
    ],
)
def test_exact_accumulators_are_sized_by_their_formats(name, width, lsb, total):
    spec = parse_unit(name)
    assert spec.fixed_point == FixedPoint(width, lsb)
    assert spec.accumulator_bits == total


@pytest.mark.parametrize("name", ["mac-e4m3-e4m3-exact3", "mac-e2m5-e3m4-exact7"])
def test_an_exact_accumulator_holds_its_terms_and_no_bit_is_spare(name):
    spec = parse_unit(name)
    top = spec.a.max_value * spec.b.max_value * spec.accumulator.terms
    limit = 2.0 ** (spec.fixed_point.width - 1 + spec.fixed_point.lsb_exponent)
    assert limit / 2 <= top < limit


def test_decoding_of_accumulators():
    spec = parse_unit("mac-e4m3-e4m3-exact")
    minus_one = (1 << 49) - (1 << 18)
    flagged = 1 << 49
    values = spec.decode_accumulator([0, 1, minus_one, flagged])
    np.testing.assert_array_equal(values, [0.0, 2.0**-18, -1.0, np.nan])
    assert parse_unit("mac-e5m2-e5m2-exact").decode_accumulator([(1 << 77) - 1])[0] == -(2.0**-32)
    assert parse_unit("mac-e4m3-e4m3-fp32").decode_accumulator([0x3F800000])[0] == 1.0


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("mac-int8-int8-int1", "2 to 4096 bits"),
        ("mac-int8-int8-int9999", "2 to 4096 bits"),
        ("mac-e0m0-e4m3-fp32", "neither"),
        ("mac-e4m3-e4m3-int32", "no integers"),
        ("mac-e4m3-e4m3-e5m10", "no NaN"),
        ("mac-e4m3-fp32", "expected mac-A-B-ACCUMULATOR"),
        ("dot-e4m3-e4m3-fp32", "unknown unit"),
        ("mac-e4m3-e4m3-fp33", "unknown accumulator"),
        ("mac-e4m3-e4m3-exact0", "1 product or more"),
        ("mac-e4m3-e4m3-fp32-fast", "unknown part 'fast'"),
        ("mac-e4m3-e4m3-fp32-lanes0", "1 lane or more"),
    ],
)
def test_impossible_units_say_why(name, part):
    with pytest.raises(HwmodelError, match=part):
        parse_unit(name)


@pytest.mark.parametrize(
    "name",
    [
        *("mac-int8-int8-int32-lanes4", "mac-e4m3-e4m3-fp32-stages2", "mac-e12m3-e12m3-exact"),
        *("mac-e4m3-e4m3-align4w9_fp32-stochastic", "mac-e4m3-e4m3-chunk4_fp16_fp32-stochastic"),
    ],
)
def test_units_not_built_yet_say_so(name):
    with pytest.raises(NotBuiltYetError, match="not built yet"):
        parse_unit(name)


def test_an_accumulator_that_cannot_overflow_as_asked():
    fp16 = FloatAccumulator(parse_format("fp16"))
    e4m3 = parse_format("e4m3")
    with pytest.raises(HwmodelError, match="cannot wrap"):
        UnitSpec(e4m3, e4m3, fp16, overflow=Overflow.WRAP)
    with pytest.raises(HwmodelError, match="no infinity"):
        UnitSpec(e4m3, e4m3, ExactAccumulator(), overflow=Overflow.NONFINITE)
