"""Matrix products of blocks, and of chunks in float types, against the definition."""

import dataclasses

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hwmodel
from hwmodel.arithmetic import dot_scalar, matmul
from hwmodel.arithmetic.block_operands import block_operand
from hwmodel.arithmetic.operations import exact, exact_product
from hwmodel.errors import HwmodelError

BLOCKS = [
    ("mxfp8e4m3", "mac-e4m3-e4m3-chunk32_exact_fp32"),
    ("mxfp8e5m2", "mac-e5m2-e5m2-chunk16_exact_fp32"),
    ("mxfp6e3m2", "mac-e3m2-e3m2-chunk32_fp16_fp32-towardzero"),
    ("mxfp4", "mac-e2m1-e2m1-chunk8_align8w12_fp32_bf16-up"),
    ("nvfp4", "mac-e2m1-e2m1-chunk16_exact_fp32sat"),
    ("mxint8", "mac-int8-int8-chunk32_int32_fp32"),
    ("mxint8", "mac-int8-int8-chunk32_int14sat_fp16-down"),
    ("mx9", "mac-e0m8-e0m8-chunk16_exact_fp32"),
    ("mx9", "mac-e0m7-e0m7-chunk2_exact_fp32"),
    ("mx4", "mac-e0m3-e0m3-chunk8_fp32_e5m10fin"),
    ("int4g16fp16", "mac-int4-int4-chunk16_int16_fp32"),
    ("int8g16fp32", "mac-int8-int8-chunk16_exact_fp32"),
    ("e5m2g16fp16", "mac-e5m2-e5m2-chunk16_exact_fp32"),
    ("e4m3g16fp32", "mac-e4m3-e4m3-chunk16_fp16_fp16-toodd"),
    ("int4g8x4fp16", "mac-int4-int4-chunk4_int16_e8m12ieee-down"),
    ("fp16g16e8m0", "mac-fp16-fp16-chunk8_exact_fp32"),
]


def blocks_of(fmt, rng, shape, axis):
    """Blocks of values of any size, some of any codes, few with a scale that is no number."""
    x = rng.normal(size=shape) * 2.0 ** rng.integers(-30, 30, size=shape)
    blocks = fmt.encode(x * 2.0 ** rng.integers(-60, 60), axis=axis)
    if rng.random() < 0.4:
        anything = rng.integers(0, fmt.element.code_count, blocks.element_codes.shape)
        blocks = dataclasses.replace(blocks, element_codes=anything)
    if rng.random() < 0.2:
        blocks.scale_codes.flat[0] = (1 << fmt.scale_fields[0]) - 1
    return blocks


def expected(spec, a, b):
    """The definition, of codes and factors that decode to the blocks' values."""
    x, left = block_operand(a, spec, first=True)
    y, right = block_operand(b, spec, first=False)
    length = spec.accumulator.length
    for blocks, codes, factors, fmt, axis in ((a, x, left, spec.a, 1), (b, y, right, spec.b, 0)):
        spread = np.repeat(factors, length, axis=axis)[: codes.shape[0], : codes.shape[1]]
        with np.errstate(invalid="ignore"):
            values = fmt.decode(codes) * spread * (blocks.tensor_scale or 1.0)
            np.testing.assert_allclose(values, blocks.format.decode(blocks), rtol=1e-14)
    return [
        [
            dot_scalar(
                *(spec, row.tolist(), column.tolist()),
                [exact_product(exact(p), exact(q)) for p, q in zip(of_row, of_column, strict=True)],
            )
            for column, of_column in zip(y.T, right.T, strict=True)
        ]
        for row, of_row in zip(x, left, strict=True)
    ]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("block", "unit"), BLOCKS)
def test_products_of_blocks_follow_the_definition(block, unit, seed):
    fmt, spec = hwmodel.block(block), hwmodel.unit(unit)
    rng = np.random.default_rng(seed)
    a, b = blocks_of(fmt, rng, (3, 37), -1), blocks_of(fmt, rng, (37, 2), -2)
    assert matmul(a, b, spec).tolist() == expected(spec, a, b)


@pytest.mark.parametrize(("block", "unit"), BLOCKS[:1] + BLOCKS[4:6] + BLOCKS[11:12])
def test_what_float64_holds_is_the_product_of_values(block, unit):
    """An oracle of another kind: decoded values, summed block by block in float64."""
    fmt, spec = hwmodel.block(block), hwmodel.unit(unit)
    rng = np.random.default_rng(3)
    x, w = rng.normal(size=(40, 96)), rng.normal(size=(96, 72))
    a, b = fmt.encode(x.astype(np.float32)), fmt.encode(w.astype(np.float32), axis=0)
    scales = [blocks.tensor_scale or 1.0 for blocks in (a, b)]
    p, q = (fmt.decode(blocks) / scale for blocks, scale in zip((a, b), scales, strict=True))
    total = np.zeros((40, 72), np.float32)
    for k in range(0, 96, fmt.size):
        total = (total + p[:, k : k + fmt.size] @ q[k : k + fmt.size]).astype(np.float32)
    found = spec.decode_accumulator(matmul(a, b, spec))
    np.testing.assert_array_equal(found, total)
    np.testing.assert_allclose(found * np.prod(scales), x @ w, atol=6)


def test_blocks_multiply_plain_codes():
    spec = hwmodel.unit("mac-e4m3-e2m1-chunk32_exact_fp32")
    rng = np.random.default_rng(5)
    x = hwmodel.format("e4m3").encode(rng.normal(size=(2, 3, 64)))
    w = rng.normal(size=(64, 5))
    mxfp4 = hwmodel.block("mxfp4")
    found = spec.decode_accumulator(matmul(x, mxfp4.encode(w, axis=0), spec))
    values = hwmodel.format("e4m3").decode(x) @ mxfp4.quantize(w, axis=0)
    assert found.shape == (2, 3, 5)
    np.testing.assert_allclose(found, values, rtol=2.0**-22)
    # Leading axes broadcast, of blocks as of codes.
    stack = mxfp4.encode(np.broadcast_to(w, (2, 64, 5)), axis=-2)
    np.testing.assert_array_equal(spec.decode_accumulator(matmul(x, stack, spec)), found)


def test_microexponents_may_be_kept_or_taken_into_elements():
    """Both are the same while sums are exact."""
    mx6 = hwmodel.block("mx6")
    rng = np.random.default_rng(7)
    a = mx6.encode(rng.normal(size=(5, 48)))
    b = mx6.encode(rng.normal(size=(48, 5)), axis=0)
    kept = hwmodel.unit("mac-e0m4-e0m4-chunk2_exact_fp32")
    taken = hwmodel.unit("mac-e0m5-e0m5-chunk16_exact_fp32")
    values = mx6.decode(a) @ mx6.decode(b)
    for spec in (kept, taken):
        np.testing.assert_array_equal(spec.decode_accumulator(matmul(a, b, spec)), values)


def test_empty_products_of_blocks():
    mxfp4, spec = hwmodel.block("mxfp4"), hwmodel.unit("mac-e2m1-e2m1-chunk32_exact_fp32")
    for m, k, n in ((0, 32, 2), (2, 0, 3), (2, 32, 0)):
        a, b = mxfp4.encode(np.ones((m, k))), mxfp4.encode(np.ones((k, n)), axis=0)
        assert matmul(a, b, spec).tolist() == np.zeros((m, n)).tolist()


@pytest.mark.parametrize(
    ("unit", "axes", "words"),
    [
        ("mac-e2m1-e2m1-fp32", (-1, -2), "a chunked one"),
        ("mac-e2m1-e2m1-chunk64_exact_fp32", (-1, -2), "divisor of 32"),
        ("mac-e4m3-e4m3-chunk32_exact_fp32", (-1, -2), "enter a unit as e2m1"),
        ("mac-e2m1-e2m1-chunk32_exact_fp32", (-1, -1), "encode with axis=-2"),
        ("mac-e2m1-e2m1-chunk32_exact_fp32", (0, 0), "encode with axis=-1"),
    ],
)
def test_units_and_axes_that_do_not_suit_are_refused(unit, axes, words):
    mxfp4 = hwmodel.block("mxfp4")
    a, b = (mxfp4.encode(np.ones((64, 64)), axis=axis) for axis in axes)
    with pytest.raises(HwmodelError, match=words):
        matmul(a, b, hwmodel.unit(unit))


def test_integers_and_scales_without_a_code_are_refused():
    mxint8 = hwmodel.block("mxint8")
    a, b = mxint8.encode([[1.0, np.nan]]), mxint8.encode([[1.0], [2.0]], axis=0)
    with pytest.raises(HwmodelError, match="the outer one a float"):
        matmul(a, b, hwmodel.unit("mac-int8-int8-chunk32_int16_int32"))
    with pytest.raises(HwmodelError, match="no number, for which the accumulator e4m4"):
        matmul(a, b, hwmodel.unit("mac-int8-int8-chunk32_int32_e4m4fin"))
    spec = hwmodel.unit("mac-int8-int8-chunk32_int32_fp32")
    assert np.isnan(spec.decode_accumulator(matmul(a, b, spec))).all()
    with pytest.raises(HwmodelError, match=r"as e0m7 \(or e0m8, with"):
        matmul(hwmodel.block("mx9").encode([[1.0]]), b, spec)


@settings(max_examples=60, deadline=None)  # code is compiled in between
@given(st.data())
def test_chunks_of_any_formats_follow_the_definition(data):
    """What float types hold takes quick routes: narrow and wide ranges, all rules of the outer."""
    operands = ["e4m3", "e5m2", "int8", "uint4", "e4m3fnuz", "e6m5", "int12", "e2m1", "fp16"]
    inner = data.draw(st.sampled_from(["exact", "int32", "int14sat", "exact2"]))
    outer = data.draw(
        st.sampled_from(["fp32", "fp32sat", "bf16", "e4m3", "fp16sat", "e8m23b100", "ue5m4ieee"])
    )
    rounding = data.draw(st.sampled_from(["", "-up", "-down", "-toodd", "-nearestaway"]))
    a, b = data.draw(st.sampled_from(operands)), data.draw(st.sampled_from(operands))
    length = data.draw(st.integers(1, 9))
    try:
        spec = hwmodel.unit(f"mac-{a}-{b}-chunk{length}_{inner}_{outer}{rounding}")
    except HwmodelError:
        return
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    near = data.draw(st.booleans())
    codes = []
    for fmt, shape in ((spec.a, (2, 19)), (spec.b, (19, 2))):
        anything = rng.integers(0, fmt.code_count, shape)
        codes.append(fmt.encode(rng.normal(size=shape) * 3) if near and not a < b else anything)
    x, y = codes
    want = [[dot_scalar(spec, row, column) for column in y.T.tolist()] for row in x.tolist()]
    assert matmul(x, y, spec).tolist() == want


def test_chunks_of_wide_ranges_follow_the_definition():
    for name in ("mac-e10m1-e10m1-chunk3_exact_fp32", "mac-bf16-e5m2-chunk4_exact_bf16"):
        spec = hwmodel.unit(name)
        rng = np.random.default_rng(2)
        x, y = rng.integers(0, spec.a.code_count, (2, 7)), rng.integers(0, 200, (7, 2))
        want = [[dot_scalar(spec, row, column) for column in y.T.tolist()] for row in x.tolist()]
        assert matmul(x, y, spec).tolist() == want


def test_rows_that_are_not_sure_are_done_with_care():
    """Sums that lie on a tie of FP32, but for a product's last bits that float64 does not hold."""
    int8g1fp32 = hwmodel.block("int8g1fp32")
    spec = hwmodel.unit("mac-int8-int8-chunk1_int32_fp32")
    # 1 + 2^-24 (1 + 2^-23)^2 lies above the tie by less than float64 tells from 1.
    scales = np.array([[1.0, 2.0**-12 * (1 + 2.0**-23)]], np.float32)
    rows = np.repeat(scales, 3, axis=0)
    rows[1] = 1.0, 2.0**-12  # a tie, which goes to the even one
    rows[2] = 1.0, 2.0**-12 * (1 - 2.0**-24)
    a, b = int8g1fp32.encode(rows), int8g1fp32.encode(scales.T, axis=0)
    assert matmul(a, b, spec).tolist() == expected(spec, a, b)
    # Scales so small that two float32 do not hold a product: in float64.
    tiny = dataclasses.replace(a, scale_codes=a.scale_codes - (60 << 23))
    assert matmul(tiny, b, spec).tolist() == expected(spec, tiny, b)


def test_blocks_of_ml_dtypes():
    """Blocks of values in a narrow float type are those of the same values."""
    mxfp8, spec = hwmodel.block("mxfp8e4m3"), hwmodel.unit("mac-e4m3-e4m3-chunk32_exact_fp32")
    x = np.random.default_rng(9).normal(size=(4, 64)).astype(ml_dtypes.bfloat16)
    a, b = mxfp8.encode(x), mxfp8.encode(x.T, axis=0)
    same = mxfp8.encode(x.astype(np.float32)), mxfp8.encode(x.T.astype(np.float32), axis=0)
    np.testing.assert_array_equal(matmul(a, b, spec), matmul(*same, spec))
