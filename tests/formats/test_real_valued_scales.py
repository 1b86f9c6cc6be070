"""Narrow formats with a real-valued scale: many float32 by a table, against the general route."""

import numpy as np
import pytest

import hwmodel
from hwmodel.formats import Overflow, Rounding
from hwmodel.formats.rounding import Request
from hwmodel.formats.thresholds import MANY, table_of

NAMES = ["e4m3c2.5", "e5m2c100.5", "e2m1c6.3", "e4m3ieeec3.3", "e4m3fnuzc7.7", "ue4m3c2.2"]
NAMES += ["int8q6", "int4c0.7", "int8c1.1", "e7m0c3", "e1m6c5.5"]


def numbers(fmt):
    rng = np.random.default_rng(9)
    values = np.unique(fmt.values()[np.isfinite(fmt.values())])
    ties = ((values[1:] + values[:-1]) / 2).astype(np.float32).view(np.int32)
    near = [(ties + move).astype(np.int32).view(np.float32) for move in range(-3, 4)]
    patterns = rng.integers(0, 1 << 32, MANY, np.uint64).astype(np.uint32).view(np.float32)
    usual = (rng.standard_normal(1000) * fmt.max_value / 4).astype(np.float32)
    odd = np.array([0.0, -0.0, np.inf, -np.inf, 1e-45, -1e-45], np.float32)
    x = np.concatenate([patterns, usual, odd, *near])
    return x if fmt.has_nan else x[~np.isnan(x)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rounding", [Rounding.NEAREST_EVEN, Rounding.NEAREST_AWAY])
@pytest.mark.parametrize("overflow", [Overflow.SATURATE, Overflow.NONFINITE])
def test_the_table_is_the_general_route(name, rounding, overflow):
    fmt = hwmodel.format(name)
    if overflow is Overflow.NONFINITE and not (fmt.has_nan or fmt.has_infinity):
        overflow = Overflow.SATURATE
    assert fmt._threshold_table(rounding, overflow) is not None
    x = numbers(fmt)
    few = np.array_split(x, 2 + x.size // MANY * 2)  # too few for a table
    codes = np.concatenate([fmt.encode(part, overflow, rounding) for part in few])
    np.testing.assert_array_equal(fmt.encode(x, overflow, rounding), codes)
    values = np.concatenate([fmt.quantize(part, overflow, rounding) for part in few])
    got = fmt.quantize(x, overflow, rounding)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, values)
    zero = got == 0.0
    np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(values[zero]))


def test_codes_that_change_more_often_than_a_table_says_have_none():
    fmt = hwmodel.format("int12c1.5")
    request = Request.of("saturate", "nearest-even", None, None)
    none = np.zeros(1, np.int64)
    assert table_of(lambda x: fmt._coded(x, request, none)) is None
