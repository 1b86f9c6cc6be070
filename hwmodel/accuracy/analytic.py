"""Expected quantisation error of a format on known distributions, by exact integration.

After Kuzmin et al., "FP8 Quantization: The Power of the Exponent" (2208.09225): the mean squared
error is the sum, over the cells of the format's grid, of the integral of ``(x - g)^2 p(x)``, and
formats are compared at the range of least error. Here each integral is closed-form, from the
distribution's partial moments. Their figures show ``-10 log10 MSE``, which is not divided by the
power of the signal; rows here hold that and the SQNR proper.

Needs NumPy and SciPy only.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special

from hwmodel.accuracy.recipes import DEFAULT_FORMATS
from hwmodel.errors import HwmodelError
from hwmodel.formats import Format, parse_format

__all__ = [
    "DISTRIBUTIONS",
    "OUTLIER_MIXTURE",
    "Distribution",
    "analytic_sqnr",
    "mean_squared_error",
    "optimal_range",
    "outlier_mixture_mse",
]

Array: TypeAlias = npt.NDArray[np.float64]
# Integrals of p(u), u p(u) and u^2 p(u) for u from minus infinity to x.
Moments: TypeAlias = Callable[[Array], tuple[Array, Array, Array]]


@dataclass(frozen=True)
class Distribution:
    """A density, clipped: what lies beyond the bounds is moved onto them.

    Parameters
    ----------
    name : str
        For rows.
    moments : callable
        Partial moments of order 0, 1 and 2 of the unclipped density.
    bound : float
        Values lie in ``[-bound, bound]``.
    sampler : callable
        Draws from it, unclipped: (generator, count) -> values; tests compare with it.
    """

    name: str
    moments: Moments
    bound: float
    sampler: Callable[[np.random.Generator, int], Array]

    @property
    def power(self) -> float:
        """Mean square of the clipped variable."""
        zero = np.zeros(1)
        return _error(self, zero, 1.0)

    def sample(self, count: int, seed: int) -> Array:
        """Draw `count` clipped values."""
        drawn = self.sampler(np.random.default_rng(seed), count)
        return np.clip(drawn, -self.bound, self.bound)


def _uniform_moments(half_width: float) -> Moments:
    def moments(x: Array) -> tuple[Array, Array, Array]:
        u = np.clip(x, -half_width, half_width)
        density = 1 / (2 * half_width)
        return (
            (u + half_width) * density,
            (u**2 - half_width**2) / 2 * density,
            (u**3 + half_width**3) / 3 * density,
        )

    return moments


def _normal_moments(deviation: float) -> Moments:
    def moments(x: Array) -> tuple[Array, Array, Array]:
        z = x / deviation
        below, density = special.ndtr(z), np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
        return below, -deviation * density, deviation**2 * (below - z * density)

    return moments


def _student_moments(nu: float) -> Moments:
    """Partial moments of Student's t, ``nu > 2``.

    The second follows from ``u^2 = nu ((1 + u^2/nu) - 1)``: the first term is proportional to the
    density with ``nu - 2`` degrees of freedom, which leaves two distribution functions.
    """
    peak = math.exp(math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2)) / math.sqrt(nu * math.pi)

    def moments(x: Array) -> tuple[Array, Array, Array]:
        below, density = special.stdtr(nu, x), peak * (1 + x**2 / nu) ** (-(nu + 1) / 2)
        narrower = special.stdtr(nu - 2, x * math.sqrt((nu - 2) / nu))
        first = -(nu + x**2) / (nu - 1) * density
        return below, first, nu * ((nu - 1) / (nu - 2) * narrower - below)

    return moments


def _mixture_moments(parts: Sequence[tuple[float, Moments]]) -> Moments:
    def moments(x: Array) -> tuple[Array, Array, Array]:
        terms = [[share * m for m in part(x)] for share, part in parts]
        zeroth, first, second = (np.sum(column, axis=0) for column in zip(*terms, strict=True))
        return zeroth, first, second

    return moments


# The three of Kuzmin et al., section 3: bounds as in their experiments.
DISTRIBUTIONS = (
    Distribution(
        "uniform[-1,1]", _uniform_moments(1.0), 1.0, lambda rng, count: rng.uniform(-1, 1, count)
    ),
    Distribution(
        "gaussian", _normal_moments(1.0), 10.0, lambda rng, count: rng.standard_normal(count)
    ),
    Distribution(
        "student-t(8)", _student_moments(8.0), 100.0, lambda rng, count: rng.standard_t(8, count)
    ),
)

OUTLIER_SHARE, OUTLIER_BOUND, BULK_VARIANCE = 0.01, 6.0, 0.5


def _sample_mixture(rng: np.random.Generator, count: int) -> Array:
    bulk = rng.normal(0.0, math.sqrt(BULK_VARIANCE), count)
    outliers = rng.uniform(-OUTLIER_BOUND, OUTLIER_BOUND, count)
    return np.where(rng.random(count) < OUTLIER_SHARE, outliers, bulk)


# Set-up of Figure 1 of Shen et al. (2309.14592).
OUTLIER_MIXTURE = Distribution(
    "gaussian + 1 % outliers",
    _mixture_moments(
        [
            (1 - OUTLIER_SHARE, _normal_moments(math.sqrt(BULK_VARIANCE))),
            (OUTLIER_SHARE, _uniform_moments(OUTLIER_BOUND)),
        ]
    ),
    OUTLIER_BOUND,
    _sample_mixture,
)


def _error(distribution: Distribution, grid: Array, scale: float) -> float:
    """Mean of ``(x - Q(x))^2`` with Q to the nearest value of ``scale * grid`` (sorted)."""
    points = grid * scale
    bound = distribution.bound
    middles = np.clip((points[1:] + points[:-1]) / 2, -bound, bound)
    edges = np.concatenate([[-bound], middles, [bound]])
    zeroth, first, second = distribution.moments(edges)
    mass, mean, square = np.diff(zeroth), np.diff(first), np.diff(second)
    total = float(np.sum(square - 2 * points * mean + points**2 * mass))
    # What was beyond the bounds sits on them.
    for mass_there, value in ((zeroth[0], -bound), (1 - zeroth[-1], bound)):
        total += float(mass_there) * float(np.abs(points - value).min()) ** 2
    return total


def _grid(fmt: Format) -> Array:
    """Finite values of a format, sorted, each once."""
    values = fmt.values()
    return np.unique(values[np.isfinite(values)])


def mean_squared_error(fmt: Format, distribution: Distribution, scale: float) -> float:
    """Expected squared error of rounding to nearest on ``scale`` times the format's grid.

    Kuzmin et al. (2208.09225), the integral over the grid's cells with the clipping tails; ties
    have no mass.

    Raises
    ------
    HwmodelError
        The scale is not positive.
    """
    if not scale > 0:
        raise HwmodelError(f"a scale is positive, but {scale} came")
    return _error(distribution, _grid(fmt), scale)


def optimal_range(fmt: Format, distribution: Distribution) -> tuple[float, float]:
    """Range of least mean squared error: (scale times max_value, the error there).

    The error is not unimodal in the scale (a floating-point grid nearly repeats with every factor
    of two), so a search over a fine geometric grid precedes the local one. Ranges of up to ten
    times the distribution's bound are tried, as in the original.
    """
    from scipy import optimize  # here, for it takes longer to import than all the rest

    grid = _grid(fmt)

    def error(log_range: float) -> float:
        return _error(distribution, grid, math.exp(log_range) / fmt.max_value)

    tried = np.linspace(math.log(distribution.bound * 1e-3), math.log(distribution.bound * 10), 240)
    errors = [error(value) for value in tried]
    best = int(np.argmin(errors))
    low, high = tried[max(0, best - 1)], tried[min(len(tried) - 1, best + 1)]
    found = optimize.minimize_scalar(error, bounds=(low, high), method="bounded")
    if found.fun <= errors[best]:
        return math.exp(float(found.x)), float(found.fun)
    return math.exp(float(tried[best])), errors[best]


def analytic_sqnr(
    formats: Sequence[str] = DEFAULT_FORMATS,
    distributions: Sequence[Distribution] = DISTRIBUTIONS,
) -> list[dict[str, Any]]:
    """SQNR of formats on distributions, each at its range of least error.

    Returns
    -------
    list of dict
        Keys format, distribution, range (the largest value of the scaled grid), mse, sqnr_db
        (``10 log10(E[x^2] / E[(x - Q(x))^2])``), minus_10_log10_mse (what Kuzmin et al. plot),
        obtained (``modelled``).

    Raises
    ------
    HwmodelError
        A format's name is unknown.
    """
    rows = []
    for distribution in distributions:
        for name in formats:
            fmt = parse_format(name)
            limit, mse = optimal_range(fmt, distribution)
            rows.append(
                {
                    "format": fmt.name,
                    "distribution": distribution.name,
                    "range": limit,
                    "mse": mse,
                    "sqnr_db": 10 * math.log10(distribution.power / mse),
                    "minus_10_log10_mse": -10 * math.log10(mse),
                    "obtained": "modelled",
                }
            )
    return rows


def outlier_mixture_mse(formats: Sequence[str] = DEFAULT_FORMATS) -> list[dict[str, Any]]:
    """Error of formats in the set-up of Figure 1 of Shen et al. (2309.14592), recomputed.

    A Gaussian of variance 0.5 with 1 % of the values drawn uniformly from [-6, 6]; formats are
    scaled so that 6 is their largest value, but E5M2 is cast without a scale.

    Returns
    -------
    list of dict
        Keys format, scaling, mse, sqnr_db, obtained (``modelled``).
    """
    rows = []
    for name in formats:
        fmt = parse_format(name)
        direct = fmt.name == "e5m2"
        scale = 1.0 if direct else OUTLIER_MIXTURE.bound / fmt.max_value
        mse = mean_squared_error(fmt, OUTLIER_MIXTURE, scale)
        rows.append(
            {
                "format": fmt.name,
                "scaling": "direct cast" if direct else "absmax",
                "mse": mse,
                "sqnr_db": 10 * math.log10(OUTLIER_MIXTURE.power / mse),
                "obtained": "modelled",
            }
        )
    return rows
