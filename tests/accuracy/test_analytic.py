import functools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from hwmodel.accuracy.analytic import (
    DISTRIBUTIONS,
    OUTLIER_MIXTURE,
    Distribution,
    analytic_sqnr,
    mean_squared_error,
    optimal_range,
    outlier_mixture_mse,
)
from hwmodel.accuracy.recipes import DEFAULT_FORMATS
from hwmodel.errors import HwmodelError
from hwmodel.formats import parse_format

DENSITIES = {
    "uniform[-1,1]": stats.uniform(-1, 2).pdf,
    "gaussian": stats.norm.pdf,
    "student-t(8)": stats.t(8).pdf,
}


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda d: d.name)
@pytest.mark.parametrize("bounds", [(-0.9, -0.3), (-0.2, 0.55), (0.1, 0.1001)])
def test_partial_moments_are_those_of_the_density(distribution, bounds):
    moments = distribution.moments(np.array(bounds))
    density = DENSITIES[distribution.name]
    for order, column in enumerate(moments):
        area, _ = integrate.quad(lambda x, k=order: x**k * density(x), *bounds, epsabs=1e-13)
        assert column[1] - column[0] == pytest.approx(area, rel=1e-7, abs=1e-12)


@pytest.mark.parametrize("distribution", [*DISTRIBUTIONS, OUTLIER_MIXTURE], ids=lambda d: d.name)
@pytest.mark.parametrize("name", DEFAULT_FORMATS)
def test_integral_agrees_with_monte_carlo_through_the_format_itself(distribution, name):
    fmt = parse_format(name)
    # A range that clips a share of the values, so that tails and cells both count.
    scale = 0.4 * min(distribution.bound, 6.0) / fmt.max_value
    x = distribution.sample(400_000, seed=5)
    squared = (fmt.quantize(x / scale) * scale - x) ** 2
    margin = 5 * squared.std() / np.sqrt(squared.size)
    assert mean_squared_error(fmt, distribution, scale) == pytest.approx(squared.mean(), abs=margin)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda d: d.name)
def test_power_is_the_known_second_moment(distribution):
    known = {"uniform[-1,1]": 1 / 3, "gaussian": 1.0, "student-t(8)": 8 / 6}
    assert distribution.power == pytest.approx(known[distribution.name], rel=1e-6)


def test_values_beyond_the_bounds_count_as_clipped():
    gaussian = DISTRIBUTIONS[1]
    narrow = Distribution("gaussian clipped at 1", gaussian.moments, 1.0, gaussian.sampler)
    x = narrow.sample(400_000, seed=1)
    fmt = parse_format("e2m1")
    for scale in (0.1, 0.25, 1.0):
        error = np.mean((fmt.quantize(x / scale) * scale - x) ** 2)
        assert mean_squared_error(fmt, narrow, scale) == pytest.approx(error, rel=0.02)


cached_optimum = functools.cache(optimal_range)


@settings(max_examples=50, deadline=None)
@given(
    name=st.sampled_from(["int4", "int8", "e4m3", "e2m1", "e3m2"]),
    share=st.floats(0.002, 5.0),
)
def test_no_other_range_is_better_than_the_optimal_one(name, share):
    fmt, gaussian = parse_format(name), DISTRIBUTIONS[1]
    best_range, best = cached_optimum(fmt, gaussian)
    assert mean_squared_error(fmt, gaussian, best_range / fmt.max_value) == pytest.approx(best)
    other = mean_squared_error(fmt, gaussian, share * gaussian.bound / fmt.max_value)
    assert other >= best * (1 - 1e-3)


def test_int8_on_uniform_is_the_textbook_figure():
    # 256 levels over the whole range: SQNR = 2^16, that is 48.16 dB; one level is lost to symmetry.
    (row,) = analytic_sqnr(["int8"], DISTRIBUTIONS[:1])
    assert row["sqnr_db"] == pytest.approx(20 * np.log10(255.5), abs=0.02)
    assert row["minus_10_log10_mse"] == pytest.approx(row["sqnr_db"] + 10 * np.log10(3), abs=1e-6)


def test_outliers_favour_e3m4_over_int8_and_int8_over_e4m3():
    rows = {row["format"]: row["sqnr_db"] for row in outlier_mixture_mse()}
    assert rows["e3m4"] - rows["int8"] == pytest.approx(2.5, abs=0.1)
    assert rows["e4m3"] - rows["int8"] == pytest.approx(-3.6, abs=0.1)
    scaling = {row["format"]: row["scaling"] for row in outlier_mixture_mse()}
    assert scaling == {n: "direct cast" if n == "e5m2" else "absmax" for n in DEFAULT_FORMATS}


def test_a_scale_that_is_not_positive_is_refused():
    with pytest.raises(HwmodelError, match="a scale is positive, but 0"):
        mean_squared_error(parse_format("int8"), DISTRIBUTIONS[0], 0)


def test_the_package_and_its_analytic_part_need_no_torch():
    script = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "transformers", "gguf", "PIL", "debian"):
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import hwmodel.accuracy, hwmodel.accuracy.capture
assert len(hwmodel.accuracy.analytic_sqnr(["int8"])) == 3
"""
    subprocess.run([sys.executable, "-c", script], check=True)
