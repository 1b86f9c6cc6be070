"""Sums in accumulators without mantissa, subnormals or sign, against the definition."""

import numpy as np
import pytest

from hwmodel import matmul, unit
from hwmodel.arithmetic import carriers, dot_scalar, ranges, spans, uneven_grids
from hwmodel.arithmetic.uneven_sums import Grid
from hwmodel.formats import Rounding

ROUNDINGS = ["", "-nearestaway", "-towardzero", "-up", "-down", "-toodd"]
UNITS = [
    *("e4m3-e4m3-e5m10ieeenosub", "e4m3-e4m3-e4m3fnnosub", "fp16-fp16-e5m10ieeenosubsat"),
    *("e4m3-e5m2-e5m0fn", "int8-e2m1-e4m0", "e5m2-e5m2-e8m0fn", "int4-uint4-e5m0p3109"),
    *("e4m3-e4m3-ue5m10ieee", "e4m3-e4m3-ue5m10ieeesat", "e4m3-e4m3-ue5m0fn", "int8-int8-ue4m4"),
    *("bf16-bf16-e8m7ieeenosub", "e4m3-e4m3-e11m4ieeenosub", "e2m1-e2m1-e4m3nosub"),
    *("e4m3-e4m3-ue9m6ieeenosub", "e4m3fnuz-e4m3fnuz-e6m3fnuznosub", "e4m3-e4m3-e12m0fn"),
]


def codes(rng, fmt, shape, kind):
    """Numbers near one, any finite ones, or any codes."""
    if kind == "near":
        return fmt.encode(rng.normal(size=shape) * 0.5 if fmt.min_value < 0 else rng.random(shape))
    found = rng.integers(0, fmt.code_count, shape)
    return found if kind == "any" else np.where(np.isfinite(fmt.decode(found)), found, 0)


def by_definition(spec, a, b):
    return [[dot_scalar(spec, row, column) for column in b.T.tolist()] for row in a.tolist()]


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("name", UNITS)
def test_sums_are_those_of_the_definition(name, rounding):
    spec = unit(f"mac-{name}{rounding}")
    rng = np.random.default_rng(len(name) + len(rounding))
    for kind in ("near", "near", "finite", "any"):
        for steps in (1, 7, 40):
            a, b = codes(rng, spec.a, (4, steps), kind), codes(rng, spec.b, (steps, 5), kind)
            a[0] = a[0, 0]  # sums that cancel, and many alike
            assert matmul(a, b, spec).tolist() == by_definition(spec, a, b)


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_sums_in_the_gap_around_zero(rounding):
    """Halves of the smallest normal number, a little more and a little less, of both signs."""
    spec = unit(f"mac-e5m10ieee-e5m10ieee-e4m3ieeenosub{rounding}")
    small = spec.accumulator.format.min_normal
    sizes = np.array([0.25, 0.5, 0.5 + 2.0**-10, 0.5 - 2.0**-11, 0.75, 1.0, 1.5]) * small
    first = spec.a.encode(np.concatenate([sizes, -sizes]))
    one = spec.b.encode(np.ones((1, 1)))
    a = np.stack([np.repeat(first, 14), np.tile(first, 14)], axis=1)
    b = np.repeat(one, 2, axis=0)
    assert matmul(a, b, spec).tolist() == by_definition(spec, a, b)


@pytest.mark.parametrize("acc", ["e4m0fn", "e4m0b8fn", "e5m0", "ue4m0fn", "e4m0p3109"])
def test_the_exponent_makes_a_code_even(acc):
    """Ties between powers of two, from the smallest to beyond the largest."""
    spec = unit(f"mac-int8-e6m4-{acc}") if "fn" in acc else unit(f"mac-int8-e6m4fin-{acc}sat")
    halves = spec.b.encode(np.ldexp(1.5, np.arange(-20, 20)))[None, :]
    threes = np.array([[1, 0], [3, 1], [255, 0], [2, 2]], np.uint8)
    b = np.concatenate([halves, halves[:, ::-1]])
    assert matmul(threes, b, spec).tolist() == by_definition(spec, threes, b)


def test_each_has_a_quick_way():
    rng = np.random.default_rng(1)
    for name in UNITS:
        for rounding in ROUNDINGS:
            spec = unit(f"mac-{name}{rounding}")
            a, b = codes(rng, spec.a, (3, 9), "near"), codes(rng, spec.b, (9, 3), "near")
            spec = ranges.narrower(spec, a, b) or spec
            if spec.accumulator.format.is_wide:
                continue  # more exponents than its sums may have: the definition
            operands = spans.of_operands(spec, a, b)
            found = uneven_grids.carriers_for(spec, operands)
            assert [type(one.constants) for one in found] == [Grid], spec.name
            if spec.rounding is Rounding.NEAREST_EVEN:
                assert carriers.carriers_for(spec, operands)[0].constants is not None


def test_a_long_row_has_only_some_that_are_done_again():
    """Sums that may have been rounded twice in float32, and the other rows, keep their places."""
    spec = unit("mac-e4m3-e4m3-e5m4ieeenosub")
    rng = np.random.default_rng(2)
    a, b = codes(rng, spec.a, (40, 300), "near"), codes(rng, spec.b, (300, 4), "near")
    a[3] = spec.a.encode(448.0)
    assert matmul(a, b, spec).tolist() == by_definition(spec, a, b)
