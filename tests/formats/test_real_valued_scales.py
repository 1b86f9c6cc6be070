"""Narrow formats with a real-valued scale: many float32 by a table, against the general route."""

import numpy as np
import pytest

import hwmodel
from hwmodel.formats import Overflow, Rounding
from hwmodel.formats.rounding import Request
from hwmodel.formats.scalar import decode_scalar, encode_scalar

NAMES = ["e4m3c2.5", "e5m2c100.5", "e2m1c6.3", "e4m3ieeec3.3", "e4m3fnuzc7.7", "ue4m3c2.2"]
NAMES += ["int8q6", "int4c0.7", "int8c1.1", "e7m0c3", "e1m6c5.5", "e5m10c100.0", "int16c3.0"]
NONE = np.zeros(1, np.int64)


def numbers(fmt):
    rng = np.random.default_rng(9)
    values = np.unique(fmt.values()[np.isfinite(fmt.values())])
    ties = ((values[1:] + values[:-1]) / 2).astype(np.float32).view(np.int32)
    near = [(ties + move).astype(np.int32).view(np.float32) for move in range(-3, 4)]
    patterns = rng.integers(0, 1 << 32, 1 << 15, np.uint64).astype(np.uint32).view(np.float32)
    usual = (rng.standard_normal(1000) * fmt.max_value / 4).astype(np.float32)
    odd = np.array([0.0, -0.0, np.inf, -np.inf, 1e-45, -1e-45], np.float32)
    x = np.concatenate([patterns, usual, odd, *near])
    return x if fmt.has_nan else x[~np.isnan(x)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rounding", [Rounding.NEAREST_EVEN, Rounding.NEAREST_AWAY])
@pytest.mark.parametrize("overflow", [Overflow.SATURATE, Overflow.NONFINITE])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_quick_route_is_the_general_one(name, rounding, overflow, dtype):
    fmt = hwmodel.format(name)
    if overflow is Overflow.NONFINITE and not (fmt.has_nan or fmt.has_infinity):
        overflow = Overflow.SATURATE
    request = Request.of(overflow, rounding, None, None)
    if not fmt.is_exact and (fmt.min_value < 0 or overflow is Overflow.SATURATE):
        assert fmt._quotients(request) is not None
    with np.errstate(invalid="ignore"):  # of NaNs that signal
        x = numbers(fmt).astype(dtype)
    codes = fmt._coded(x, request, NONE)
    np.testing.assert_array_equal(fmt.encode(x, overflow, rounding), codes)
    values = fmt._valued(x, request, NONE).astype(dtype)
    got = fmt.quantize(x, overflow, rounding)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, values)
    zero = got == 0.0
    np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(values[zero]))


@pytest.mark.parametrize("rounding", [r for r in Rounding if r is not Rounding.STOCHASTIC])
@pytest.mark.parametrize("name", ["int8q6", "int16q8", "uint4q100", "int8qn3", "int12q20"])
def test_fixed_point_by_every_rule(name, rounding):
    """A power of two loses nothing, unless it takes a number out of the type."""
    fmt = hwmodel.format(name)
    rng = np.random.default_rng(3)
    halves = rng.integers(-(1 << 13), 1 << 13, 200) / 4 * 2.0**fmt.lsb_exponent
    x = np.concatenate([halves, np.nextafter(halves, np.inf), [0.0, -0.0, 1e-45, -1e-45, 1e38]])
    with np.errstate(over="ignore", under="ignore"):
        x = x.astype(np.float32)
    for overflow in (Overflow.SATURATE, Overflow.WRAP):
        for some in (x, x[np.abs(x) < 2.0 ** (fmt.lsb_exponent + 20)], x.astype(np.float64)):
            expected = [encode_scalar(fmt, float(v), overflow, rounding) for v in some]
            np.testing.assert_array_equal(fmt.encode(some, overflow, rounding), expected)
            values = np.array([decode_scalar(fmt, code) for code in expected], some.dtype)
            np.testing.assert_array_equal(fmt.quantize(some, overflow, rounding), values)


def test_few_results_are_looked_at_again(monkeypatch):
    """Those of which more and less of the quotient differ: halfway, or next to it."""
    fmt = hwmodel.format("e4m3c2.5")
    seen = []
    coded = type(fmt)._coded
    monkeypatch.setattr(
        type(fmt), "_coded", lambda self, x, *rest: seen.append(x.size) or coded(self, x, *rest)
    )
    x = np.random.default_rng(4).standard_normal(1 << 20).astype(np.float32)
    fmt.encode(x)
    assert 0 < sum(seen) < 40
