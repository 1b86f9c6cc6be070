"""Whole units against the golden model: formats, accumulators, structures, planted faults."""

import numpy as np
import pytest
from gates import Gates, run_streams

from hwmodel.arithmetic import simulate
from hwmodel.errors import HwmodelError, NotBuiltYetError
from hwmodel.formats import FloatFormat
from hwmodel.rtl import Fault, Structure, create_unit, structures_for, to_rtlil
from hwmodel.units import parse_unit

UNITS = [
    *("mac-int8-int8-int32", "mac-int8sym-uint4-int20sat", "mac-uint4-uint8-exact"),
    *("mac-e4m3-e4m3-exact", "mac-e5m2-e5m2-exact", "mac-e0m7-e0m7-exact"),
    *("mac-e4m3-e4m3-fp32", "mac-e5m2-e5m2-fp32", "mac-e3m4-e3m4-fp32", "mac-e2m5-e2m5-fp32"),
    *("mac-e4m3-e4m3-fp16", "mac-e5m2-e5m2-fp16", "mac-e2m1-e3m2-fp16", "mac-int8-int8-fp16"),
    *("mac-e5m2-e5m2-e4m3sat", "mac-e3m2-e3m2-e3m2"),
]
MORE_UNITS = [
    *("mac-uint8-int8-int24", "mac-int8-int8-int16", "mac-int4-int4-exact16"),
    *("mac-e2m5-e3m4-exact", "mac-e2m1-e2m1-exact", "mac-e4m3nosub-ue4m3-exact"),
    *("mac-e5m2-e4m3-fp16sat", "mac-e5m2-e5m2-bf16", "mac-e4m3-e4m3-e5m2", "mac-e5m2-e4m3-e4m3"),
    *("mac-e4m3-e4m3-e4m3sat", "mac-fp16-fp16-fp16", "mac-bf16-bf16-fp32", "mac-int8-int8-fp32"),
    *("mac-ue4m3-e4m3nosub-fp16", "mac-e2m5-e2m5-e3m10", "mac-e2m3-e2m3-e5m3ieee"),
    *("mac-e3m2-e2m5-fp16", "mac-e5m2-e2m5-e8m3ieee", "mac-e2m1-e2m1-fp32"),
]
STREAMS, STEPS = 4096, 16


def random_steps(spec, seed, streams=STREAMS, steps=STEPS):
    """Operand streams: uniform codes, few specials; a third of them cancels every other step."""
    rng = np.random.default_rng(seed)
    shape = (streams, steps)
    operands = []
    for fmt in (spec.a, spec.b):
        codes = rng.integers(0, fmt.code_count, shape)
        if fmt.has_nonfinite:  # NaN stays in the accumulator: most streams shall have none
            special = ~np.isfinite(fmt.decode(codes)) & (rng.random(shape) < 0.98)
            codes[special] &= (1 << (fmt.bits - 3)) - 1
        operands.append(codes)
    a, b = operands
    third = streams // 3
    a[:third, 1::2], b[:third, 1::2] = a[:third, 0::2], b[:third, 0::2]
    if isinstance(spec.b, FloatFormat) and spec.b.signed:
        b[:third, 1::2] ^= 1 << (spec.b.bits - 1)
    valid, clear = rng.random(shape) < 0.9, rng.random(shape) < 0.08
    return a, b, valid, clear


def mismatches(spec, structure=None, fault=None, seed=0):
    gates = Gates(to_rtlil(spec, structure, fault), spec.identifier)
    a, b, valid, clear = random_steps(spec, seed)
    got = run_streams(gates, a, b, valid, clear)
    expected = simulate(spec, a, b, valid, clear)
    return int((got.astype(object) != expected.astype(object)).sum())


@pytest.mark.parametrize(
    "name", [*UNITS, *(pytest.param(name, marks=pytest.mark.slow) for name in MORE_UNITS)]
)
def test_unit_is_bit_exact(name):
    assert mismatches(parse_unit(name)) == 0


@pytest.mark.parametrize(
    "name", ["mac-int8-int8-int32", "mac-e4m3-e4m3-exact", "mac-e3m4-e3m4-fp32"]
)
def test_all_pairs_from_a_cleared_accumulator(name):
    spec = parse_unit(name)
    a, b = (x.reshape(-1, 1) for x in np.meshgrid(np.arange(256), np.arange(256)))
    on = np.ones(a.shape, bool)
    got = run_streams(Gates(to_rtlil(spec), spec.identifier), a, b, on, on)
    np.testing.assert_array_equal(got.astype(np.uint64), simulate(spec, a, b, on, on))


STRUCTURED = [
    "mac-int8-int8-int32",
    "mac-e4m3-e4m3-exact",
    "mac-e5m2-e5m2-fp32",
    "mac-e4m3-e4m3-fp16",
]


@pytest.mark.parametrize(
    ("name", "structure"),
    [(name, s.name) for name in STRUCTURED for s in structures_for(parse_unit(name))[1:]],
)
def test_every_structure_computes_the_same(name, structure):
    assert mismatches(parse_unit(name), Structure.parse(structure), seed=1) == 0


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("name", ["mac-e4m3-e4m3-fp32", "mac-e4m3-e4m3-exact"])
def test_planted_fault_changes_results(name, fault):
    spec = parse_unit(name)
    if fault not in type(create_unit(spec)).faults:
        with pytest.raises(HwmodelError, match="has no place"):
            create_unit(spec, fault=fault)
    else:
        assert mismatches(spec, fault=fault) > 0


def test_reset_empties_the_accumulator_after_two_edges():
    spec = parse_unit("mac-int8-int8-int32")
    gates = Gates(to_rtlil(spec), spec.identifier)
    run_streams(gates, *(np.full((1, 4), x) for x in (3, 5, True, False)))
    pulse = [1, 0, 0]
    seen = []
    for rst in pulse:
        stimulus = {"rst": rst, "a": 1, "b": 1, "valid": 0, "clear": 0}
        seen.append(int(gates.evaluate(stimulus)["acc"][0]))
        gates.clock()
    assert seen == [60, 60, 0]


def test_structure_names_parse_back():
    for name in STRUCTURED:
        structures = structures_for(parse_unit(name))
        assert len(set(structures)) == len(structures)
        for structure in structures:
            assert Structure.parse(structure.name) == structure


@pytest.mark.parametrize(
    "name", ["", "array", "array-plain-separate-count-more", "array-quick-fused"]
)
def test_unknown_structure(name):
    with pytest.raises(HwmodelError, match="structure"):
        Structure.parse(name)


@pytest.mark.parametrize(
    ("unit", "structure"),
    [
        ("mac-int8-int8-int32", "array-plain-fused-count"),
        ("mac-e4m3-e4m3-exact", "array-plain-fused"),
        ("mac-e4m3-e4m3-fp32", "array-plain-separate"),
    ],
)
def test_structure_of_another_unit(unit, structure):
    with pytest.raises(HwmodelError, match="does not suit"):
        create_unit(parse_unit(unit), Structure.parse(structure))


@pytest.mark.parametrize(
    "name", ["mac-e4m3fnuz-e4m3-fp32", "mac-e4m3-e4m3-e5m2p3109", "mac-e4m3-e4m3-fp16-up"]
)
def test_what_only_the_golden_model_has_is_told(name):
    with pytest.raises(NotBuiltYetError, match="not built yet"):
        create_unit(parse_unit(name))
