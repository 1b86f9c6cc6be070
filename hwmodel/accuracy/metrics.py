"""Figures of merit and their intervals, on NumPy arrays.

Imports NumPy and SciPy only (no PyTorch), so that reports and tests can use it anywhere.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

__all__ = ["ErrorPower", "Interval", "paired_perplexity", "perplexity", "proportion", "sqnr_db"]

CONFIDENCE = 0.95
# Neighbouring tokens are not independent: the bootstrap draws blocks of this many.
BLOCK_TOKENS = 64
RESAMPLES = 5000


@dataclass(frozen=True)
class Interval:
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float


def sqnr_db(signal: npt.ArrayLike, noisy: npt.ArrayLike) -> float:
    """Signal to quantisation noise, ``10 log10(sum x^2 / sum (x - y)^2)`` in dB.

    Infinite where nothing differs.
    """
    x = np.asarray(signal, dtype=np.float64)
    y = np.asarray(noisy, dtype=np.float64)
    return ErrorPower(float(np.sum(x * x)), float(np.sum((x - y) ** 2))).sqnr_db


@dataclass(frozen=True)
class ErrorPower:
    """Signal and error energy, added up over parts of a tensor."""

    signal: float = 0.0
    error: float = 0.0

    def __add__(self, other: "ErrorPower") -> "ErrorPower":
        return ErrorPower(self.signal + other.signal, self.error + other.error)

    @property
    def sqnr_db(self) -> float:
        """``10 log10(signal / error)``; infinite without error, minus infinity if all is error."""
        if self.error == 0:
            return math.inf
        ratio = self.signal / self.error
        return 10 * math.log10(ratio) if ratio > 0 else -math.inf


def proportion(hits: int, count: int) -> Interval:
    """Share of hits with the Wilson score interval (Wilson 1927), 95 %."""
    z = float(special.ndtri((1 + CONFIDENCE) / 2))
    share = hits / count
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2) / (1 + z**2 / count) * z
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half))


def perplexity(nll: npt.ArrayLike) -> float:
    """Exponential of the mean negative log-likelihood per token (nats)."""
    return math.exp(float(np.mean(np.asarray(nll, dtype=np.float64))))


def paired_perplexity(nll: npt.ArrayLike, reference: npt.ArrayLike, seed: int = 0) -> Interval:
    """Perplexity with the interval of its *difference* from a reference on the same tokens.

    The interval says how well this much text tells the two apart, not how hard the text is: the
    difference of the log-likelihoods is bootstrapped in blocks of `BLOCK_TOKENS` tokens
    (percentile method) and put on top of the reference's perplexity.

    Parameters
    ----------
    nll, reference : array_like of float, shape (windows, tokens)
        Negative log-likelihoods in nats, of the same tokens.
    seed : int
        Of the resampling.
    """
    ours = np.asarray(nll, dtype=np.float64)
    base = np.asarray(reference, dtype=np.float64)
    difference = np.atleast_2d(ours - base)
    blocks: list[Any] = [
        block
        for window in difference
        for block in np.array_split(window, max(1, window.size // BLOCK_TOKENS))
    ]
    sums = np.array([block.sum() for block in blocks])
    counts = np.array([block.size for block in blocks], dtype=np.float64)
    draws = np.random.default_rng(seed).integers(0, len(sums), (RESAMPLES, len(sums)))
    means = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(means, [tail, 100 - tail])
    centre = float(np.mean(base))
    return Interval(perplexity(ours), math.exp(centre + low), math.exp(centre + high))
