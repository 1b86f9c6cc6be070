"""Operations on formats beyond float64: exact and rounded once, or refused in one sentence."""

import math
from fractions import Fraction

import numpy as np
import pytest
from fraction_oracle import Oracle
from hypothesis import given, settings
from hypothesis import strategies as st

import hwmodel
from hwmodel.arithmetic.cases import operation_cases
from hwmodel.errors import HwmodelError, NotBuiltYetError
from hwmodel.formats import FloatFormat, Rounding, Specials

ORACLES = [
    Oracle(12, 3, 2047, "fin"),
    Oracle(15, 0, 16383, "fin"),
    Oracle(11, 2, 1023, "ieee"),
    Oracle(4, 3, 5000, "fn"),
    Oracle(4, 3, -3000, "fnuz"),
    Oracle(5, 2, 15, "ieee"),
    Oracle(13, 2, 4096, "p3109"),
]
RULES = [rounding for rounding in Rounding if rounding is not Rounding.STOCHASTIC]


def ours(o):
    return FloatFormat(o.e, o.m, o.bias, Specials(o.specials), o.signed, o.subnormals)


def number(value):
    return isinstance(value, Fraction)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["mul", "add", "fma", "convert"]),
    st.lists(st.sampled_from(ORACLES), min_size=4, max_size=4),
    st.sampled_from(RULES),
    st.data(),
)
def test_results_are_exact_and_rounded_once(kind, formats, rounding, data):
    inputs = formats[: {"convert": 1, "fma": 3}.get(kind, 2)]
    output = formats[3]
    rows = [
        data.draw(st.tuples(*(st.integers(0, 2 * o.sign - 1) for o in inputs))) for _ in range(4)
    ]
    operation = hwmodel.arithmetic.Operation(
        kind, tuple(map(ours, inputs)), ours(output), rounding=rounding
    )
    kept, expected = [], []
    for row in rows:
        values = [o.value(code) for o, code in zip(inputs, row, strict=True)]
        values = [Fraction(0) if value == "-0" else value for value in values]
        if not all(map(number, values)):
            continue
        exact = values[0]
        if kind in ("mul", "fma"):
            exact = values[0] * values[1]
        if kind in ("add", "fma"):
            exact += values[-1]
        if exact == 0:
            continue  # signs of zeros are test_single_operations'
        code = output.encode(exact, "saturate", rounding.value)
        assert operation.apply(*row) == code
        kept.append(row)
        expected.append(code)
    if kept:
        got = operation.compute(*(np.array(column) for column in zip(*kept, strict=True)))
        assert got.tolist() == expected


def test_large_arrays_of_a_narrow_format_beyond_float64_are_looked_up():
    operation = hwmodel.operation("e4m3b5000-to-e5m2b5001")
    codes = np.random.default_rng(1).integers(0, 256, 5000)
    once = [operation.apply(code) for code in range(256)]
    assert operation.compute(codes).tolist() == [once[code] for code in codes]


def test_too_extreme_a_bias_is_refused_by_operations_alone():
    operation = hwmodel.operation("mul-e4m3b9999999-e4m3-fp32")
    assert operation.apply(0, 0x38) == 0
    with pytest.raises(HwmodelError, match="too long"):
        operation.compute([1], [0x38])
    assert hwmodel.operation("fp32-to-e4m3b9999999").compute([0x3F800000]).tolist() == [0x7E]


@pytest.mark.parametrize("name", ["mac-e12m3-e4m3-exact", "mac-e4m3-e4m3-chunk4_fp16_e12m3ieee"])
def test_units_refuse_formats_beyond_float64(name):
    with pytest.raises(NotBuiltYetError, match="beyond float64"):
        hwmodel.unit(name)


@pytest.mark.parametrize("name", ["fp16-to-e4m3b1040", "mul-e4m3b1030-e4m3-e4m3b1030"])
def test_cases_reach_formats_beyond_float64(name):
    operation = hwmodel.operation(name)
    cases = operation_cases(operation, 20, 1)
    assert {"exact", "zero"} <= {case.kind for case in cases}
    assert all(operation.apply(*case.inputs) == case.expected for case in cases[::7])


def test_vectors_write_values_that_float64_does_not_hold(tmp_path):
    from hwmodel.sim.conformance import vectors_of, write_vectors

    vectors = vectors_of("e4m3b1080-to-e4m3b1081", 8)
    text = write_vectors(vectors, tmp_path)[0].read_text()
    assert "1 * 2^-1082" in text  # the smallest subnormal of the input
    for vector in vectors.vectors:
        for value in vector.values:
            assert " * 2^-" in value or not math.isinf(float(value))
