"""What a clock costs that is shorter than the delay of the smallest circuit.

Area and switching energy grow by a factor, ``ln(factor) = slope * ln(delay / clock)``, for the
smallest circuit pays nothing. The slope is a sum of terms that depend on the unit, fitted to units
that were measured both ways.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hwmodel.formats import IntFormat
from hwmodel.predict.data import Row
from hwmodel.predict.features import FIXED, Features
from hwmodel.predict.fit import Parts, area_parts

__all__ = ["HurriedUnit", "Hurry", "fit_hurry", "switching_fj"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class HurriedUnit:
    """A unit measured at a clock that is met and below the delay of its smallest circuit."""

    unit: Features
    clock_ns: float
    row: Row
    smallest: Row


@dataclass(frozen=True)
class Hurry:
    """Fitted slopes by term, for the area and for the switching energy.

    Attributes
    ----------
    area, switching : dict of str to float
        Growth of the natural logarithm for each e-fold of the clock, per unit of the term.
    rows : int
        Units that they were fitted to.
    deepest : float
        The shortest clock of any, as the ratio of its circuit's own delay to it.
    """

    area: Parts
    switching: Parts
    rows: int
    deepest: float = 1.0

    def area_factor(self, unit: Features, delay_ns: float, clock_ns: float) -> float:
        """Area over that of the smallest circuit, which has this delay."""
        return _factor(
            self.area, _area_terms(unit, self._known(delay_ns, clock_ns)), delay_ns / clock_ns
        )

    def switching_factor(self, unit: Features, delay_ns: float, clock_ns: float) -> float:
        """Switching energy over that of the smallest circuit, which has this delay."""
        return _factor(
            self.switching,
            _switching_terms(unit, self._known(delay_ns, clock_ns)),
            delay_ns / clock_ns,
        )

    def _known(self, delay_ns: float, clock_ns: float) -> float:
        """The clock, or the shortest one of which the slopes can tell: beyond it they stay."""
        return max(clock_ns, delay_ns / self.deepest)


def fit_hurry(known: Sequence[HurriedUnit]) -> Hurry:
    """Fit the slopes to units of one family; without any, a clock costs nothing."""
    if not known:
        return Hurry({}, {}, 0)
    folds = np.array([math.log(k.smallest.delay_ns / k.clock_ns) for k in known])
    area = np.array([math.log(k.row.area_um2 / k.smallest.area_um2) for k in known])
    switching = np.array([math.log(switching_fj(k.row) / switching_fj(k.smallest)) for k in known])
    # A unit that hardly switches says little: what counts is the error of the whole energy.
    shares = np.array([switching_fj(k.row) / k.row.fj_per_mac for k in known])
    area_terms = [_area_terms(k.unit, k.clock_ns) for k in known]
    switching_terms = [_switching_terms(k.unit, k.clock_ns) for k in known]
    return Hurry(
        _slopes(area_terms, folds, area, np.ones(len(known))),
        _slopes(switching_terms, folds, switching, shares),
        len(known),
        float(np.exp(folds.max())),
    )


def switching_fj(row: Row) -> float:
    """What clock and leakage leave of the energy of a row, fJ."""
    return row.fj_per_mac - row.clock_fj - row.leakage_fj


@lru_cache(maxsize=4096)
def _area_terms(unit: Features, clock_ns: float) -> Parts:
    """What the slope of the area hangs on.

    With a fixed-point accumulator the carry chain of its adder is replaced by a faster and larger
    one, and the product has to hurry where little time is left. A floating-point unit is a chain
    of blocks that all have to hurry, the more so, the less time there is for each step.
    """
    urgency = _urgency(unit, clock_ns)
    if unit.family == FIXED:
        size = area_parts(unit)
        products = _product_share(unit)
        return {
            "carry chain": size["accumulate_adders"] / sum(size.values()),
            "product": products,
            "urgency": urgency,
            "urgent product": products * urgency,
        }
    return {"everywhere": 1.0, "urgency": urgency}


@lru_cache(maxsize=4096)
def _switching_terms(unit: Features, clock_ns: float) -> Parts:
    """What the slope of the switching energy hangs on.

    Urgency, and with a fixed-point accumulator what there is of a product. Those of integers stand
    apart: they can enter the adder of the accumulator as partial products, which saves a carry
    chain and its glitches. Behind an aligner they cannot.
    """
    urgency = _urgency(unit, clock_ns)
    if unit.family != FIXED:
        return {"urgency": urgency}
    integer = float(isinstance(unit.spec.a, IntFormat))
    return {
        "integer operands": integer,
        "integer operands, urgency": integer * urgency,
        "other operands": 1.0 - integer,
        "other operands, urgency": (1.0 - integer) * urgency,
        "product": _product_share(unit),
    }


def _product_share(unit: Features) -> float:
    """Share of the product in the cells of the plain gate count."""
    size = area_parts(unit)
    return (size["partial_products"] + size["product_adders"]) / sum(size.values())


def _urgency(unit: Features, clock_ns: float) -> float:
    """Steps of the quickest path, with trees instead of chains, for each ns of the clock."""
    return sum(math.log2(1.0 + steps) for steps in unit.levels.values()) / clock_ns


def _factor(slopes: Parts, terms: Parts, ratio: float) -> float:
    """Never below 1: whoever has more time does not pay more."""
    slope = sum(slopes.get(name, 0.0) * size for name, size in terms.items())
    return math.exp(max(slope, 0.0) * math.log(ratio))


def _slopes(terms: Sequence[Parts], folds: Floats, grown: Floats, weights: Floats) -> Parts:
    """Weighted least squares through the origin: no hurry, no price."""
    names = list(terms[0])
    system = np.array([[entry[name] for name in names] for entry in terms]) * folds[:, None]
    found, *_ = np.linalg.lstsq(system * weights[:, None], grown * weights, rcond=None)
    return {name: float(slope) for name, slope in zip(names, found, strict=True)}
