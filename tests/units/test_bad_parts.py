"""Names, constructors and codes that are wrong in ways a caller may hit on: a sentence for each."""

import numpy as np
import pytest

import hwmodel
from hwmodel.errors import HwmodelError
from hwmodel.formats import IntFormat, Overflow, PowerFormat, Rounding, parse_format
from hwmodel.units import (
    AlignedAccumulator,
    ChunkedAccumulator,
    ExactAccumulator,
    FloatAccumulator,
    IntAccumulator,
    UnitSpec,
    parse_accumulator,
)

E4M3, FP16, FP32 = (parse_format(name) for name in ("e4m3", "fp16", "fp32"))


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("mac-int8-int8-int" + "9" * 5000, "at most 1000 characters"),
        ("mac-int8-int8-int" + "9" * 900, "2 to 4096 bits"),
        ("mac-int8-int8-exact" + "9" * 900, "2\\^64 at most"),
        ("mac-int8-int8-int32-lanes" + "9" * 900, r"units of about 2\^2989 lanes"),
        ("mac-e4m3-e4m3-align" + "9" * 900 + "w9_fp32", "1 to 4096"),
        ("mac-e4m3-e4m3-fp32-up-down", "rounding twice, the second time by 'down'"),
        ("mac-e4m3-e4m3-fp32-up-up", "rounding twice"),
        ("mac-int8-int8-int32-lanes1-lanes1", "lanes twice"),
        ("mac-int8-int8-int32-stages0-stages0", "pipeline twice"),
        ("mac-int8-int8-int٣٢", "unknown accumulator"),
        ("mac-int8-int8-int032", "without leading zeros"),
        ("mac-int8-int8-exact064", "unknown accumulator"),
        ("mac-e4m3-e4m3-chunk04_fp16_fp32", "unknown accumulator"),
        ("mac-int8-int8-int32-lanes٢", "unknown part"),
        (b"mac-int8-int8-int32", "is a string"),
    ],
)
def test_names_that_are_no_units(name, part):
    with pytest.raises(HwmodelError, match=part):
        hwmodel.unit(name)


def test_names_of_accumulators_are_texts_of_some_length():
    with pytest.raises(HwmodelError, match="is a string"):
        parse_accumulator(32)
    with pytest.raises(HwmodelError, match="at most 1000 characters"):
        parse_accumulator("int" + "1" * 2000)


@pytest.mark.parametrize(
    "name",
    [
        "mac-e4m3-e4m3-chunk4_fp16sat_fp32-towardzero",
        "mac-int8-int8-int32sat",
        "mac-e4m3-e4m3-align4w9down_bf16",
    ],
)
def test_case_does_not_matter(name):
    assert hwmodel.unit(name.upper()) == hwmodel.unit(name.title()) == hwmodel.unit(name)
    assert hwmodel.unit(name.upper()).name == name


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: UnitSpec("e4m3", E4M3, FloatAccumulator(FP16)), "have formats, but 'e4m3' came"),
        (lambda: UnitSpec(E4M3, None, FloatAccumulator(FP16)), "have formats, but None came"),
        (lambda: UnitSpec(E4M3, E4M3, "fp16"), "accumulator of a unit is one of"),
        (lambda: UnitSpec(E4M3, E4M3, FP16), "accumulator of a unit is one of"),
        (lambda: UnitSpec(E4M3, E4M3, FloatAccumulator(FP16), lanes="1"), "lanes of a unit is an"),
        (lambda: UnitSpec(E4M3, E4M3, FloatAccumulator(FP16), pipeline=0.0), "is an integer"),
        (lambda: UnitSpec(E4M3, E4M3, FloatAccumulator(FP16), rounding="sideways"), "unknown rou"),
        (lambda: UnitSpec(E4M3, E4M3, FloatAccumulator(FP16), overflow="never"), "unknown overfl"),
        (lambda: IntAccumulator(32.0), "integer accumulator is an integer, but 32.0 came"),
        (lambda: IntAccumulator("32"), "is an integer"),
        (lambda: IntAccumulator(10**5000), "2 to 4096 bits, but about 2\\^16609 came"),
        (lambda: ExactAccumulator(1.5), "is an integer, but 1.5 came"),
        (lambda: ChunkedAccumulator(2.5, FloatAccumulator(FP16), FloatAccumulator(FP32)), "chunk"),
        (lambda: ChunkedAccumulator(2, "fp16", FloatAccumulator(FP32)), "but 'fp16' came"),
        (lambda: ChunkedAccumulator(2, FloatAccumulator(FP16), FP32), "chunks are added into"),
        (lambda: AlignedAccumulator(FP32, 2.5, 10), "is an integer, but 2.5 came"),
        (lambda: AlignedAccumulator(FP32, 4, None), "is an integer, but None came"),
        (lambda: AlignedAccumulator(FP32, 4, 10, "sideways"), "unknown rounding"),
        (lambda: AlignedAccumulator(FP32, 4, 10, "up"), "toward zero or down, but up came"),
        (lambda: AlignedAccumulator("fp32", 4, 10), "has a floating-point format"),
        (lambda: FloatAccumulator(PowerFormat(8)), "has a floating-point format"),
        (lambda: FloatAccumulator(IntFormat(8)), "has a floating-point format"),
    ],
)
def test_constructors_say_what_they_take(make, part):
    with pytest.raises(HwmodelError, match=part):
        make()


def test_numbers_and_names_of_rules_are_settled():
    accumulator = AlignedAccumulator(FP32, np.int8(4), np.uint64(10), "down")
    assert accumulator == AlignedAccumulator(FP32, 4, 10, Rounding.DOWN)
    assert type(accumulator.terms) is int
    assert type(IntAccumulator(np.uint8(32)).bits) is int
    assert hash(ExactAccumulator(np.int64(7))) == hash(ExactAccumulator(7))
    inner, outer = IntAccumulator(16), IntAccumulator(32)
    assert ChunkedAccumulator(np.int32(4), inner, outer, "saturate").inner_overflow is (
        Overflow.SATURATE
    )
    # The usual rule said or left out makes no other accumulator.
    assert ChunkedAccumulator(4, inner, outer, "wrap") == ChunkedAccumulator(4, inner, outer)
    spec = UnitSpec(E4M3, E4M3, FloatAccumulator(FP16), np.int64(1), rounding="up")
    assert spec == hwmodel.unit("mac-e4m3-e4m3-fp16-up")


WIDE, NARROW = "mac-e5m2-e5m2-exact", "mac-int8-int8-int20"


@pytest.mark.parametrize("name", [WIDE, NARROW, "mac-e4m3-e4m3-exact", "mac-int8-int8-int64"])
@pytest.mark.parametrize(
    ("codes", "part"),
    [
        ([0.5], "are integers"),
        (np.array([1.0]), "are integers, but these are float64"),
        ([float("nan")], "are integers"),
        (["1"], "are integers"),
        (np.array(["1"]), "are integers"),
        ([True], "are integers"),
        ([None], "are integers"),
        ([[1], [1, 2]], "are integers|make an array"),
        ([-1], "but -1 came"),
        (np.array([-1], object), "but -1 came"),
        ([1 << 200], "lie in"),
        ([1 << 20000], r"about 2\^20000"),
    ],
)
def test_codes_of_accumulators_are_checked(name, codes, part):
    with pytest.raises(HwmodelError, match=part):
        hwmodel.unit(name).decode_accumulator(codes)


def test_codes_of_accumulators_come_in_any_kind_of_integer():
    spec = hwmodel.unit("mac-int8-int8-int64")
    for codes in ([2**63, 1], np.array([2**63, 1], np.uint64), np.array([2**63, 1], object)):
        assert spec.decode_accumulator(codes).tolist() == [-(2.0**63), 1.0]
    assert spec.decode_accumulator(5).shape == ()
    assert spec.decode_accumulator([]).tolist() == []
    assert hwmodel.unit(WIDE).decode_accumulator(np.zeros((0, 3), object)).shape == (0, 3)
    assert hwmodel.unit(NARROW).decode_accumulator(np.array([0xFFFFF], np.int32)).tolist() == [-1.0]
    # To the nearest float64, ties to even.
    assert spec.decode_accumulator([2**53 + 1, 2**53 + 3]).tolist() == [2.0**53, 2.0**53 + 4]


def test_values_of_accumulators_beyond_float64_are_refused():
    spec = hwmodel.unit("mac-e10m5b0fin-e10m5b0fin-exact1")
    width = spec.fixed_point.width
    with pytest.raises(HwmodelError, match=r"beyond float64; work with its code"):
        spec.decode_accumulator([1 << (width - 2)])
    assert spec.decode_accumulator([1])[0] == 2.0**spec.fixed_point.lsb_exponent


@pytest.mark.parametrize(
    "name",
    [
        "mac-int8-int8-chunk4_e4m3_e6m9",
        "mac-e2m1-e2m1-chunk4_e2m3fn_e4m3fin",
        "mac-e2m1-e2m1-chunk4_e4m3fnuz_e6m9",
        "mac-e2m1-e2m1-chunk4_align2w9_e4m3_e6m9",
    ],
)
def test_a_chunk_that_can_be_nan_needs_an_outer_accumulator_with_nan(name):
    with pytest.raises(HwmodelError, match=r"becomes NaN where it overflows.*has no code"):
        hwmodel.unit(name)


def test_a_chunk_that_cannot_be_nan_does_not():
    spec = hwmodel.unit("mac-int8-int8-chunk4_e4m3sat_e6m9")
    a, b = [[127] * 4], [[127]] * 4
    assert spec.decode_accumulator(hwmodel.matmul(a, b, spec)).tolist() == [[448.0]]
    # An infinity becomes the largest number of an outer accumulator that saturates.
    spec = hwmodel.unit("mac-int8-int8-chunk4_e5m2_e4m3fin")
    assert spec.decode_accumulator(hwmodel.matmul([[127] * 8], [[127]] * 8, spec)) == 480.0
