"""Arrays of products, sums, fused sums and conversions against the definition of one."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hwmodel
from hwmodel.arithmetic import Operation, matmul, parse_operation
from hwmodel.arithmetic.elementwise import fits_float64
from hwmodel.errors import HwmodelError
from hwmodel.formats import Overflow, Rounding, parse_format
from hwmodel.units import parse_unit

NAMES = [
    *("mul-e4m3-e4m3-fp16", "mul-e4m3-e5m2-e4m3-nonfinite", "mul-e5m2-e5m2-e5m2-toodd-infinity"),
    *("add-e4m3-e4m3-e4m3", "add-e5m2-e5m2-e5m2-down-nonfinite", "add-e4m3fnuz-e3m4-e2m5fin-up"),
    *("fma-e4m3-e4m3-fp16-fp16-nonfinite", "fma-e5m2-e5m2-e5m2-e4m3", "mul-int8-int8-int16-wrap"),
    *("add-int8-int8-int8-wrap", "fma-int4-uint4-int16-int6", "fp16-to-e4m3-towardzero"),
    *("mul-e8m0-e4m3-bf16", "add-e8m0-e8m0-fp32", "fma-fp16-fp16-fp32-fp32-nonfinite"),
    *("mul-int32-int32-fp32", "add-fp32-fp32-fp32-nonfinite", "mul-fp32-fp32-fp32-nonfinite"),
    *("fma-e6m1ieee-e6m1ieee-e6m1ieee-e6m1ieee-nearestaway-nan", "mul-e4m3-e4m3-int8"),
    *("add-e4m3fin-e4m3fin-uint8", "mul-bf16-bf16-tf32", "add-e2m5fin-e2m5fin-int4-wrap-up"),
]
NAMES = [name.replace("-wrap-up", "-up-wrap") for name in NAMES]


def draw(operation, rng, count):
    """Codes of every kind, many of them near one another in size."""
    codes = []
    for fmt in operation.inputs:
        drawn = rng.integers(0, fmt.code_count, count)
        near = fmt.encode(np.abs(rng.choice([0.5, 1, 1.5, 2, 3, 4], count)))
        codes.append(np.where(rng.random(count) < 0.7, drawn, near.astype(np.int64)))
    return codes


@pytest.mark.parametrize("name", NAMES)
def test_every_element_is_that_of_the_definition(name):
    operation = hwmodel.operation(name)
    codes = draw(operation, np.random.default_rng(7), 700)
    accepted = [operation.accepts(*map(int, row)) for row in zip(*codes, strict=True)]
    codes = [code[accepted] for code in codes]
    expected = [operation.apply(*map(int, row)) for row in zip(*codes, strict=True)]
    assert len(expected) > 100
    got = operation.compute(*codes)
    np.testing.assert_array_equal(got, expected)
    assert got.dtype.itemsize * 8 >= operation.output.bits


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["mul", "add", "fma"]),
    st.tuples(*[st.tuples(st.integers(2, 6), st.integers(1, 9)) for _ in range(4)]),
    st.sampled_from(["", "-up", "-down", "-towardzero", "-toodd", "-nearestaway"]),
    st.sampled_from(["", "-nonfinite", "-nan"]),
    st.integers(0, 1000),
)
def test_any_formats(kind, shapes, rounding, overflow, seed):
    used = shapes if kind == "fma" else shapes[:3]
    formats = "-".join(f"e{e}m{m}ieee" for e, m in used)
    operation = hwmodel.operation(f"{kind}-{formats}{rounding}{overflow}")
    codes = draw(operation, np.random.default_rng(seed), 60)
    expected = [operation.apply(*map(int, row)) for row in zip(*codes, strict=True)]
    np.testing.assert_array_equal(operation.compute(*codes), expected)


def test_all_products_and_sums_of_half_the_bits():
    a, b = np.meshgrid(np.arange(256), np.arange(256), indexing="ij")
    fp16 = hwmodel.format("fp16")
    e5m2 = hwmodel.format("e5m2")
    x, y = e5m2.decode(a), e5m2.decode(b)  # products and sums are exact in float64
    with np.errstate(invalid="ignore", over="ignore"):
        results = {"mul": (x * y).astype(np.float16), "add": (x + y).astype(np.float16)}
    for name, expected in results.items():
        codes = hwmodel.operation(f"{name}-e5m2-e5m2-fp16-nonfinite").compute(a, b)
        np.testing.assert_array_equal(fp16.decode(codes), expected)


@pytest.mark.parametrize(
    "name", ["mul-e4m3-e4m3-fp16-nonfinite", "add-e3m4-e4m3-e5m2", "e5m10-to-int8"]
)
def test_long_arrays_give_what_short_ones_give(name):
    operation = hwmodel.operation(name)
    codes = draw(operation, np.random.default_rng(1), 150_000)
    formats = zip(operation.inputs, codes, strict=True)
    codes = [np.where(np.isfinite(fmt.decode(code)), code, 1) for fmt, code in formats]
    whole = operation.compute(*codes)
    for start in (0, 70_000, 149_900):
        part = slice(start, start + 100)
        np.testing.assert_array_equal(whole[part], operation.compute(*(c[part] for c in codes)))


def test_shapes_broadcast_and_views_are_taken():
    operation = hwmodel.operation("mul-e4m3-e4m3-fp16")
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 127, (4, 1, 6)), rng.integers(0, 127, (5, 6))
    got = operation.compute(a, b)
    assert got.shape == (4, 5, 6)
    assert got[3, 2, 1] == operation.apply(int(a[3, 0, 1]), int(b[2, 1]))
    np.testing.assert_array_equal(
        operation.compute(a[::-1, :, ::-1], b[:, ::-1])[::-1, :, ::-1], got
    )
    assert operation.compute(np.zeros((0, 3), int), [1, 2, 3]).shape == (0, 3)


def test_the_definition_stands_in_where_float64_does_not_do():
    assert fits_float64(hwmodel.operation("fma-fp16-fp16-fp32-fp32"))
    assert not fits_float64(hwmodel.operation("mul-int32-int32-fp32"))
    assert not fits_float64(hwmodel.operation("add-fp32-int8-int8-wrap"))


@pytest.mark.parametrize(
    ("name", "codes", "part"),
    [
        ("mul-e4m3-e4m3-fp16", ([1, 2],), "takes 2 arrays"),
        ("mul-e4m3-e4m3-fp16", ([1, 2], [1, 2, 3]), "broadcast"),
        ("mul-e4m3-e4m3-fp16", ([256], [1]), "codes of e4m3"),
        ("mul-e4m3-e4m3-fp16", ([1.5], [1]), "integers"),
        ("mul-e4m3-e4m3-int8", ([0x7F], [1]), "NaN"),
    ],
)
def test_what_cannot_be_computed_is_refused(name, codes, part):
    with pytest.raises(HwmodelError, match=part):
        hwmodel.operation(name).compute(*codes)


def test_rules_and_codes_may_come_as_texts_and_numpy_integers():
    e4m3, fp16 = parse_format("e4m3"), parse_format("fp16")
    up = Operation("mul", [e4m3, e4m3], fp16, "up", "nonfinite")
    assert up == Operation("mul", (e4m3, e4m3), fp16, Rounding.UP, Overflow.NONFINITE)
    narrow = Operation("add", (fp16, fp16), e4m3, "up")
    codes = np.arange(0, 0x4000, 97, dtype=np.uint16)
    assert [narrow.apply(np.uint16(c), c) for c in codes] == narrow.compute(codes, codes).tolist()


@pytest.mark.parametrize("code", [1.0, [[1], [1, 2]], None, "1"])
def test_what_is_no_code_is_refused(code):
    operation = parse_operation("mul-e4m3-e4m3-fp16")
    for ask in (operation.apply, operation.exact, operation.compute):
        with pytest.raises(HwmodelError):
            ask(code, 1)


def test_what_is_no_format_unit_or_name_is_refused():
    for wrong in (None, 5):
        with pytest.raises(HwmodelError, match="string"):
            parse_operation(wrong)
    with pytest.raises(HwmodelError, match="formats"):
        Operation("mul", ("e4m3", "e4m3"), "fp16")
    with pytest.raises(HwmodelError, match="UnitSpec"):
        matmul([[1]], [[1]], "mac-e4m3-e4m3-fp32")


def test_no_float_wraps():
    for name in ("fp32-to-e4m3-wrap", "mul-e4m3-e4m3-fp16-wrap"):
        with pytest.raises(HwmodelError, match="modulo"):
            parse_operation(name)
    assert parse_operation("int8-to-int4-wrap").compute([0x7F, 0x81]).tolist() == [15, 1]
    with pytest.raises(HwmodelError, match="cannot wrap"):
        dataclasses.replace(parse_unit("mac-e4m3-e4m3-fp16"), overflow="wrap")
