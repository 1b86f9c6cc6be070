"""What units near by say of the error that the sums over parts leave: simple kriging of residuals.

Circuits of like formats are wrong alike: the same structure was the best for them, and the same
glitches run through it. The logarithm of measured over modelled is taken as a smooth function of
the formats' widths with noise upon it (a Gaussian process; Sacks, Welch, Mitchell and Wynn, "Design
and Analysis of Computer Experiments", Statistical Science 4(4), 1989, equation 7, without a trend,
for the parts are one). Far from all measured units it says nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hwmodel.formats import FloatFormat, Format, IntFormat
from hwmodel.predict.features import Features
from hwmodel.units import FloatAccumulator

__all__ = ["Neighbours", "fit_neighbours"]

Floats = NDArray[np.float64]

# Distance, in bits of exponents or significands of both operands together, over which errors are
# alike, and the noise's variance over that of the smooth part. Lengths of 2 to 5, and other scales
# of the coordinates, left out as much error or a little more: nothing here is finely tuned.
_LENGTH, _NOISE = 3.0, 1.0
# What the other coordinates count in such bits; the clock as the logarithm of its ratio.
_ACCUMULATOR, _INTEGER, _MANTISSA, _EXPONENT, _CLOCK = 3.0, 4.0, 0.25, 0.5, 10.0


@dataclass(frozen=True, eq=False)
class Neighbours:
    """A fitted correction of one quantity.

    Attributes
    ----------
    places : ndarray, shape (units, coordinates)
        Where the measured units lie.
    weights : ndarray, shape (units,)
        What each adds to the logarithm, times its likeness.
    """

    places: Floats
    weights: Floats

    def log_factor(self, unit: Features, fold: float = 0.0) -> float:
        """Natural logarithm of what the model is to be multiplied by for a unit.

        `fold` is that of the delay of the unit's smallest circuit over the clock; 0 without one.
        """
        if not self.weights.size:
            return 0.0
        return float(_likeness(self.places, _at(unit, fold)[None])[:, 0] @ self.weights)


def fit_neighbours(
    units: Sequence[Features], log_ratios: Sequence[float], folds: Sequence[float] | None = None
) -> Neighbours:
    """Fit a correction to the logarithms of measured over modelled; to nothing, if there are none.

    Parameters
    ----------
    units, log_ratios
        Units of one family, and how much higher than the model each was measured.
    folds
        How far below the delay of its smallest circuit each one's clock was, as a natural
        logarithm; 0 where it was that circuit, as all are if none are given.
    """
    if not units:
        return Neighbours(np.zeros((0, 0)), np.zeros(0))
    places = np.array(
        [_at(unit, fold) for unit, fold in zip(units, folds or [0.0] * len(units), strict=True)]
    )
    system = _likeness(places, places) + _NOISE * np.eye(len(places))
    weights: Floats = np.linalg.solve(system, np.asarray(log_ratios)).astype(np.float64)
    return Neighbours(places, weights)


def _likeness(places: Floats, others: Floats) -> Floats:
    squares = (places**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2.0 * places @ others.T
    return np.asarray(np.exp(squares / (-2.0 * _LENGTH**2)))


@lru_cache(maxsize=4096)
def _at(unit: Features, fold: float) -> Floats:
    spec = unit.spec
    widths = [_widths(spec.a), _widths(spec.b)]
    place = [
        float(sum(exponent for exponent, _ in widths)),
        float(sum(significand for _, significand in widths)),
        _ACCUMULATOR * math.log2(spec.accumulator_bits),
        _INTEGER * isinstance(spec.a, IntFormat),
        _CLOCK * fold,
    ]
    if isinstance(spec.accumulator, FloatAccumulator):
        fmt = spec.accumulator.format
        place += [_MANTISSA * fmt.mantissa_bits, _EXPONENT * fmt.exponent_bits]
    return np.array(place)


def _widths(fmt: Format) -> tuple[int, int]:
    """Bits of the exponent and of the significand."""
    if isinstance(fmt, FloatFormat):
        return fmt.exponent_bits, fmt.mantissa_bits + 1
    return 0, fmt.bits
