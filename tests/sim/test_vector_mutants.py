"""Files of vectors tell wrong designs of units from right ones.

Each wrong design is a small model in rational arithmetic (`wrong_designs`) that reads the file of
the default length. The same model without its fault agrees with the whole file.
"""

import math
from dataclasses import replace

import pytest
from wrong_designs import (
    BF16,
    FP16,
    FP32,
    UNBOUNDED,
    Aligned,
    Chunked,
    Integer,
    Plain,
    first_mismatch,
    rows,
)

from hwmodel.sim.conformance import vectors_of

E4M3, E5M2 = (-6, -6), (-14, -14)  # smallest exponents of both operands
MISCOUNTS = ("stalls count", "clear keeps the count", "reset keeps the count")
ROUNDINGS = ("zero", "away", "up")


def rounded(model, rounding):
    return replace(model, register=replace(model.register, rounding=rounding))


def miscounted(model, field):
    """One product more and one less in a group."""
    yield replace(model, **{field: getattr(model, field) + 1})
    if getattr(model, field) > 1:
        yield replace(model, **{field: getattr(model, field) - 1})


def chunks(model, faults):
    """Wrong designs of a chunked unit, those of the given classes."""
    if "emptied" in faults:
        yield replace(model, emptied=False)
    if "length" in faults:
        yield from miscounted(model, "length")
    if "outer" in faults:
        for rounding in ROUNDINGS:
            yield replace(model, outer=replace(model.outer, rounding=rounding))
    if "inner" in faults:
        for rounding in ROUNDINGS:
            yield replace(model, inner=rounded(model.inner, rounding))
    if "inner end" in faults:
        yield replace(model, inner=Plain(UNBOUNDED))
        yield replace(model, inner=swapped(model.inner))
    if "terms" in faults:
        for inner in groups(model.inner, ()):
            yield replace(model, inner=inner)


def groups(model, roundings):
    """Wrong designs of an aligned adder."""
    yield from miscounted(model, "terms")
    yield replace(model, kept=model.kept + 1)
    yield replace(model, kept=model.kept - 1)
    yield replace(model, cut=math.floor)
    for rounding in roundings:
        yield rounded(model, rounding)


def swapped(model):
    """A register that wraps where it saturates, and the other way round."""
    rule = "saturate" if model.register.rule == "wrap" else "wrap"
    return Plain(replace(model.register, rule=rule))


def through(model, register):
    """Rounded twice, to the other register first."""
    return Plain(replace(model.register, through=register))


FLOATS = ("emptied", "length", "outer", "inner")
INTEGERS = ("emptied", "length", "inner end")

# Left out: what nothing can tell from a right design, such as other lengths of chunks in which
# no sum is rounded or overflows.
CHUNKED = {
    "mac-e4m3-e4m3-chunk64_fp16_fp32": (Chunked(64, Plain(FP16), FP32), FLOATS),
    "mac-e5m2-e5m2-chunk16_fp16_fp32": (Chunked(16, Plain(FP16), FP32), FLOATS),
    "mac-int8-int8-chunk16_fp16_fp32": (Chunked(16, Plain(FP16), FP32), FLOATS),
    "mac-e4m3-e4m3-chunk2_fp16_bf16": (Chunked(2, Plain(FP16), BF16), FLOATS),
    "mac-e2m1-e2m1-chunk32_fp16_fp16": (Chunked(32, Plain(FP16), FP16), FLOATS),
    "mac-e4m3-e4m3-chunk3_exact_fp32": (Chunked(3, Plain(UNBOUNDED), FP32), FLOATS[:3]),
    "mac-e4m3-e4m3-chunk512_fp16_fp32": (Chunked(512, Plain(FP16), FP32), FLOATS),
    "mac-int8-int8-chunk8_int18_int32": (Chunked(8, Plain(Integer(18)), Integer(32)), INTEGERS),
    "mac-int8-int8-chunk16_int18sat_int20": (
        Chunked(16, Plain(Integer(18, "saturate")), Integer(20)),
        INTEGERS,
    ),
    "mac-int8-int8-chunk64_int24_int32": (
        Chunked(64, Plain(Integer(24)), Integer(32)),
        ("emptied",),
    ),
    "mac-e4m3-e4m3-chunk128_align32w14_fp32_fp32": (
        Chunked(128, Aligned(32, 14, FP32, E4M3), FP32),
        ("emptied", "length", "outer", "terms"),
    ),
    "mac-e4m3-e4m3-chunk20_align8w14_fp16_fp32": (
        Chunked(20, Aligned(8, 14, FP16, E4M3), FP32),
        ("emptied", "length", "outer", "inner", "terms"),
    ),
}

ALIGNED = {
    "mac-e4m3-e4m3-align16w25_fp32": (Aligned(16, 25, FP32, E4M3), ROUNDINGS),
    "mac-e5m2-e5m2-align16w25_fp32": (Aligned(16, 25, FP32, E5M2), ROUNDINGS),
    "mac-e4m3-e4m3-align4w14_fp16": (Aligned(4, 14, FP16, E4M3), ROUNDINGS),
    # 14 bits and what 32 addends carry fit FP32, so there is nothing to round.
    "mac-e4m3-e4m3-align32w14_fp32-towardzero": (Aligned(32, 14, FP32, E4M3), ()),
    "mac-e4m3-e4m3-align1w25_fp32": (Aligned(1, 25, FP32, E4M3), ROUNDINGS),
}

PLAIN = {
    "mac-int8-int8-int18": [Plain(Integer(18)), swapped, Plain(Integer(19))],
    "mac-int8-int8-int18sat": [Plain(Integer(18, "saturate")), swapped, Plain(UNBOUNDED)],
    "mac-int8-int8-int20": [Plain(Integer(20)), swapped, Plain(Integer(21))],
    "mac-int8-int8-int24sat": [Plain(Integer(24, "saturate")), swapped, Plain(UNBOUNDED)],
    "mac-int4-int4-int10": [Plain(Integer(10)), swapped, Plain(Integer(11))],
    "mac-uint8-uint8-int18sat": [Plain(Integer(18, "saturate")), swapped, Plain(UNBOUNDED)],
    "mac-int8-int8-fp32": [Plain(FP32), *ROUNDINGS],
    "mac-e2m1-e2m1-fp16": [Plain(FP16), *ROUNDINGS],
    "mac-int4-int4-fp16": [Plain(FP16), *ROUNDINGS],
    "mac-e4m3-e4m3-fp32": [Plain(FP32), *ROUNDINGS],
    "mac-e5m2-e5m2-fp16": [Plain(FP16), *ROUNDINGS],
    "mac-fp16-fp16-fp16": [Plain(FP16), *ROUNDINGS, FP32],
    "mac-fp16-fp16-bf16": [Plain(BF16), *ROUNDINGS, FP32],
}


def check(name, right, wrong, count=1000, seed=1):
    file = rows(vectors_of(name, count, seed))
    assert first_mismatch(right, file) is None, "the right design"
    for design in wrong:
        model, fault = design if isinstance(design, tuple) else (design, "")
        assert first_mismatch(model, file, fault) is not None, (model, fault)


@pytest.mark.parametrize("name", CHUNKED)
def test_wrong_chunks_are_found(name):
    model, faults = CHUNKED[name]
    wrong = list(chunks(model, faults))
    if "length" in faults:
        wrong += [(model, fault) for fault in MISCOUNTS]
    check(name, model, wrong)


@pytest.mark.parametrize("name", ALIGNED)
def test_wrong_aligned_adders_are_found(name):
    model, roundings = ALIGNED[name]
    if name.endswith("-towardzero"):
        model = rounded(model, "zero")
    wrong = list(groups(model, roundings))
    if model.terms > 1:
        wrong += [(model, fault) for fault in MISCOUNTS]
    check(name, model, wrong)


@pytest.mark.parametrize("name", PLAIN)
def test_wrong_registers_are_found(name):
    model, *faults = PLAIN[name]
    wrong = []
    for fault in faults:
        if isinstance(fault, Plain):
            wrong.append(fault)
        elif isinstance(fault, str):
            wrong.append(rounded(model, fault))
        else:
            wrong.append(swapped(model) if fault is swapped else through(model, fault))
    check(name, model, wrong)


@pytest.mark.parametrize("seed", [2])
@pytest.mark.parametrize(
    "name",
    [
        "mac-e4m3-e4m3-chunk64_fp16_fp32",
        "mac-int8-int8-chunk8_int18_int32",
        "mac-e5m2-e5m2-chunk16_fp16_fp32",
        "mac-e4m3-e4m3-chunk2_fp16_bf16",
    ],
)
def test_neither_the_seed_nor_a_small_count_lets_wrong_chunks_pass(name, seed):
    model, faults = CHUNKED[name]
    wrong = [*chunks(model, faults), *((model, fault) for fault in MISCOUNTS)]
    check(name, model, wrong, count=64, seed=seed)


@pytest.mark.parametrize("seed", [2])
@pytest.mark.parametrize("name", ["mac-int8-int8-int18sat", "mac-e2m1-e2m1-fp16"])
def test_neither_the_seed_nor_a_small_count_lets_wrong_registers_pass(name, seed):
    model, *faults = PLAIN[name]
    wrong = [rounded(model, fault) for fault in faults if isinstance(fault, str)]
    wrong = wrong or [swapped(model), Plain(UNBOUNDED)]
    check(name, model, wrong, count=64, seed=seed)
