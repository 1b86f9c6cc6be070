"""Names of block formats: what they mean, and what unknown ones are told."""

import numpy as np
import pytest

import hwmodel
from hwmodel.blocks import BlockFormat, PowerRatioFormat, ScaleRule
from hwmodel.errors import HwmodelError
from hwmodel.formats import PowerFormat, parse_format

INT4 = parse_format("int4")


@pytest.mark.parametrize(
    ("name", "rule", "plain"),
    [
        ("int4g128pow2", "ceil", "int4g128pow2"),
        ("int4g128pow2ceil", "ceil", "int4g128pow2"),
        ("int4g128pow2near", "near", "int4g128e8m0near"),
        ("int4g128pow2floor", "floor", "int4g128e8m0"),
    ],
)
def test_pow2_is_e8m0_with_any_rule(name, rule, plain):
    fmt = hwmodel.block(name)
    assert fmt == BlockFormat(INT4, 128, PowerFormat(8), rule)
    assert fmt.name == plain
    values = fmt.quantize([100.0, 3.0])
    assert abs(values[0] - 100) <= 16


@pytest.mark.parametrize("rule", list(ScaleRule))
@pytest.mark.parametrize("bits", [2, 3, 8])
@pytest.mark.parametrize("bias", [None, 0, 1, 5])
def test_scales_that_are_powers_of_two_read_back(bits, bias, rule):
    fmt = BlockFormat(INT4, 32, PowerFormat(bits, bias), rule)
    assert hwmodel.block(fmt.name) == fmt
    if bits == 2 and bias in (None, 1):
        assert "pow2b1" in fmt.name


def test_groups_that_share_a_scale():
    fp16 = parse_format("fp16")
    fmt = hwmodel.block("int4g128x8fp16")
    assert fmt == PowerRatioFormat(INT4, 128, 8, fp16)
    assert fmt.name == "int4g128x8fp16"
    assert hwmodel.block("INT4G128X8FP16NEAR") == fmt


@pytest.mark.parametrize("name", ["int8q6g4x3e4m3", "e3m2b5fing7x2e5m10b3fn", "int4symg8x16ue4m3"])
def test_any_names_of_elements_and_shared_scales_read_back(name):
    fmt = hwmodel.block(name)
    assert isinstance(fmt, PowerRatioFormat)
    assert hwmodel.block(fmt.name) == fmt
    x = np.random.default_rng(1).normal(size=(4, 50))
    np.testing.assert_array_equal(fmt.decode(fmt.encode(x)), fmt.quantize(x))


@pytest.mark.parametrize(
    "name", ["int4g128m2", "int4g128m1", "int4g128x8m2", "zeroquant", "ZeroQuant-FP", "zqfp", "m2"]
)
def test_zeroquant_is_told_its_names(name):
    with pytest.raises(HwmodelError, match=r"M1, .* int4g128pow2, and its M2, .* int4g128x8fp16"):
        hwmodel.block(name)


@pytest.mark.parametrize("name", ["e4m3", "E4M3", "fp16", "int8", "float8_e4m3fn", "int8q6"])
def test_names_of_single_numbers_are_sent_on(name):
    with pytest.raises(HwmodelError, match=f"hwmodel.format\\('{name}'\\)"):
        hwmodel.block(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("int4g128x8fp16t", "scale of the whole array"),
        ("int4g128x8fp16ceil", "another rule"),
        ("int4g128x8pow2", "floating-point"),
        ("int4g128x8e8m0", "int4g128pow2"),
        ("int4g128x1fp16", "2 groups or more"),
        ("int4g128x0fp16", "2 groups or more"),
        ("int4g128x99999fp16", "2\\^20"),
        ("int4g128int8", "power of two or a floating-point"),
        ("g" * 2000, "at most 1000 characters"),
        (None, "a string"),
        ("", "unknown block format"),
        ("int4g\u0661\u0662fp16", "unknown block format"),  # digits of another script
    ],
)
def test_names_that_cannot_be_are_explained(name, message):
    with pytest.raises(HwmodelError, match=message):
        hwmodel.block(name)
