"""Formats and operations of any ExMy against fpy2, which shares nothing with the package.

fpy2 rounds ties between neighbours of one significand bit by other rules than by the code's last
bit, so formats without mantissa are left out where that matters; it carries overflows to infinity
when it rounds to odd, where we stay at the largest number.
"""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hwmodel.arithmetic import Operation
from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, Overflow, Rounding, Specials, parse_format
from hwmodel.formats.floating import default_bias
from hwmodel.formats.scalar import encode_scalar, exact_scalar, magnitude_value

fpy2 = pytest.importorskip("fpy2")

KINDS = {
    Specials.IEEE: (True, fpy2.EFloatNanKind.IEEE_754),
    Specials.FN: (False, fpy2.EFloatNanKind.MAX_VAL),
    Specials.FNUZ: (False, fpy2.EFloatNanKind.NEG_ZERO),
    Specials.P3109: (True, fpy2.EFloatNanKind.NEG_ZERO),
    Specials.FINITE: (False, fpy2.EFloatNanKind.NONE),
}
ROUNDINGS = {
    Rounding.NEAREST_EVEN: fpy2.RM.RNE,
    Rounding.NEAREST_AWAY: fpy2.RM.RNA,
    Rounding.TOWARD_ZERO: fpy2.RM.RTZ,
    Rounding.UP: fpy2.RM.RTP,
    Rounding.DOWN: fpy2.RM.RTN,
    Rounding.TO_ODD: fpy2.RM.RTO,
}
OVERFLOWS = {Overflow.SATURATE: fpy2.OV.SATURATE, Overflow.NONFINITE: fpy2.OV.OVERFLOW}
NAMES = ["e4m3", "e5m2", "fp16", "bf16", "e4m3fnuz", "binary8p3", "e2m1", "e12m3", "e3m4", "e6m9fn"]


def context(fmt, rounding=Rounding.NEAREST_EVEN, overflow=Overflow.SATURATE):
    infinity, nan = KINDS[fmt.specials]
    rules = (ROUNDINGS[rounding], OVERFLOWS[overflow])
    usual = fpy2.EFloatContext(fmt.exponent_bits, fmt.bits, infinity, nan, 0, *rules)
    offset = fmt.lsb_exponent - usual.decode(1).e  # the smallest number tells the bias
    return fpy2.EFloatContext(fmt.exponent_bits, fmt.bits, infinity, nan, offset, *rules)


@st.composite
def formats(draw, mantissa=0):
    if draw(st.booleans()):
        return parse_format(draw(st.sampled_from(NAMES)))
    m = draw(st.integers(mantissa, 15))
    e = draw(st.integers(0, 15 - m))
    specials = draw(st.sampled_from(Specials))
    bias = default_bias(e, specials) + draw(st.just(0) | st.integers(-40, 40))
    try:
        return FloatFormat(e, m, bias, specials)
    except HwmodelError:
        assume(False)


def codes_of(fmt):
    return st.integers(0, fmt.code_count - 1)


def same_value(ours, theirs):
    if theirs.isnan:
        return isinstance(ours, float) and math.isnan(ours)
    if theirs.isinf:
        return ours == (-math.inf if theirs.s else math.inf)
    if theirs.as_rational() == 0:
        return ours == 0 and (math.copysign(1.0, ours) < 0) == theirs.s
    return ours == theirs.as_rational()


@settings(max_examples=150, deadline=None)
@given(formats(), st.data())
def test_codes_stand_for_what_fpy2_says(fmt, data):
    theirs = context(fmt)
    codes = {0, 1, fmt.max_code, fmt.magnitude_mask, fmt.code_count - 1}
    codes |= set(data.draw(st.lists(codes_of(fmt), max_size=20)))
    for code in codes:
        assert same_value(exact_scalar(fmt, code), theirs.decode(code)), (fmt.name, code)


@settings(max_examples=250, deadline=None)
@given(
    formats(mantissa=1),
    st.sampled_from(list(ROUNDINGS)),
    st.integers(0, 8),
    st.booleans(),
    st.data(),
)
def test_numbers_are_rounded_as_fpy2_does(fmt, rounding, eighths, negative, data):
    code = data.draw(st.sampled_from([0, 1, fmt.max_code]) | st.integers(0, fmt.max_code))
    low, high = magnitude_value(fmt, code), magnitude_value(fmt, code + 1)
    x = (low + (high - low) * Fraction(eighths, 8)) * (-1 if negative else 1)
    assume(x != 0)
    check_rounding(fmt, x, rounding, Overflow.SATURATE)
    if fmt.has_infinity and (rounding is not Rounding.TO_ODD or code < fmt.max_code):
        check_rounding(fmt, x, rounding, Overflow.NONFINITE)


def check_rounding(fmt, x, rounding, overflow):
    theirs = context(fmt, rounding, overflow)
    assert encode_scalar(fmt, x, overflow, rounding) == theirs.encode(theirs.round(x))


def their_operation(kind, values, theirs):
    return {"mul": fpy2.mul, "add": fpy2.add, "fma": fpy2.fma}[kind](*values, theirs)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["mul", "add", "fma"]),
    formats(mantissa=1),
    st.lists(formats(), min_size=3, max_size=3),
    st.sampled_from([r for r in ROUNDINGS if r is not Rounding.TO_ODD]),
    st.data(),
)
def test_operations_are_those_of_fpy2(kind, output, inputs, rounding, data):
    inputs = tuple(inputs[: 3 if kind == "fma" else 2])
    overflow = Overflow.NONFINITE if output.has_infinity else Overflow.SATURATE
    operation = Operation(kind, inputs, output, rounding, overflow)
    rows = [data.draw(st.tuples(*map(codes_of, inputs))) for _ in range(6)]
    theirs = context(output, rounding, overflow)
    kept, expected = [], []
    for row in rows:
        values = [context(fmt).decode(code) for fmt, code in zip(inputs, row, strict=True)]
        exact = operation.exact(*row)
        if isinstance(exact, float) and not math.isfinite(exact) and not output.has_infinity:
            continue  # an infinity saturates here; a NaN may have no code
        result = their_operation(kind, values, theirs)
        code = output.nan_code if result.isnan else theirs.encode(result)
        kept.append(row)
        expected.append(code)
        assert operation.apply(*row) == code, (operation.name, row)
    if kept:
        got = operation.compute(*(np.array(column) for column in zip(*kept, strict=True)))
        assert got.tolist() == expected, operation.name
