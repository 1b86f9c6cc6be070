"""The fitted model of a family: area, delay and energy of its units, at a clock or without."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hwmodel.errors import HwmodelError
from hwmodel.predict.data import Row
from hwmodel.predict.features import Features, features_of
from hwmodel.predict.fit import Fit, area_parts, delay_parts, fit_sum, switching_parts
from hwmodel.units import parse_unit

__all__ = ["QUANTITIES", "FamilyModel", "fit_family", "overflows", "row_features"]

QUANTITIES = ("area_um2", "delay_ns", "fj_per_mac")
# Fewer units measured at a clock than this say nothing about what a clock costs.
_LEAST_CLOCKS = 3
# Share of steps with an accumulator at infinity or NaN above which energy is left aside.
_STUCK = 0.05


@dataclass(frozen=True)
class FamilyModel:
    """What is fitted for units of one family.

    Attributes
    ----------
    family : str
        Which units.
    rows : int
        Measured rows at minimum area.
    clock_rows : int
        Measured rows at a clock.
    area, delay, switching : Fit
        Sums over parts.
    clock_fj : float
        Energy of the clock in one flip-flop, fJ a cycle.
    leakage_fj : float
        Leakage, fJ for each um2 and ns.
    growth : dict of str to float
        Logarithm by which ``area_um2`` and ``switching`` energy grow for each halving (natural
        logarithm) of the clock period below the delay of the smallest circuit; ``urgency`` is
        what that is more for the area, for each step of the quickest path and ns.
    """

    family: str
    rows: int
    clock_rows: int
    area: Fit
    delay: Fit
    switching: Fit
    clock_fj: float
    leakage_fj: float
    growth: dict[str, float]

    @property
    def knows_clocks(self) -> bool:
        """Whether there were rows enough to tell what a clock costs."""
        return self.clock_rows >= _LEAST_CLOCKS

    def estimate(self, unit: Features, clock_ns: float | None = None) -> dict[str, float]:
        """Area in um2, delay in ns and energy in fJ of a unit.

        There is no energy for a unit whose sums overflow under the stream, see `overflows`.

        Raises
        ------
        HwmodelError
            A clock below the smallest circuit's delay, and too few rows at clocks to tell its
            price.
        """
        area = self.area.predict(area_parts(unit))
        delay = self.delay.predict(delay_parts(unit))
        switching = self.switching.predict(switching_parts(unit))
        if clock_ns is not None and clock_ns < delay:
            if not self.knows_clocks:
                raise HwmodelError(
                    f"the smallest circuit needs about {delay:.2g} ns, and what a clock of"
                    f" {clock_ns:g} ns costs is not known: {self.clock_rows} units with a"
                    f" {self.family} were measured at a clock, {_LEAST_CLOCKS} are needed; leave"
                    " the clock out, or synthesise: hwmodel synth"
                )
            hurry = math.log(delay / clock_ns)
            slope = self.growth["area_um2"] + self.growth["urgency"] * _urgency(unit, clock_ns)
            area *= math.exp(max(slope, 0.0) * hurry)
            switching *= math.exp(self.growth["switching"] * hurry)
            delay = clock_ns
        if overflows(unit):
            return {"area_um2": area, "delay_ns": delay}
        energy = switching + self.clock_fj * unit.cells["flip_flops"]
        energy += self.leakage_fj * area * (delay if clock_ns is None else clock_ns)
        return {"area_um2": area, "delay_ns": delay, "fj_per_mac": energy}


def overflows(unit: Features) -> bool:
    """Whether the Gaussian stream drives the accumulator to infinity or NaN too often.

    Such a unit spends its time at rest; its energy says nothing about others.
    """
    return unit.toggles.stuck > _STUCK


@lru_cache(maxsize=1024)
def row_features(spec: str) -> Features:
    """Features of a measured unit."""
    return features_of(parse_unit(spec))


def fit_family(family: str, rows: Sequence[Row]) -> FamilyModel:
    """Fit all quantities to the rows of one family; rows of others are left aside.

    Raises
    ------
    HwmodelError
        Too few rows.
    """
    mine = [row for row in rows if row_features(row.spec).family == family]
    smallest = [row for row in mine if row.clock_ns is None]
    units = [row_features(row.spec) for row in smallest]
    area = fit_sum("area", [area_parts(u) for u in units], [r.area_um2 for r in smallest])
    delay = fit_sum("delay", [delay_parts(u) for u in units], [r.delay_ns for r in smallest])
    clock = [r.clock_fj / u.cells["flip_flops"] for r, u in zip(smallest, units, strict=True)]
    leakage = [row.leakage_fj / (row.area_um2 * row.energy_clock_ns) for row in smallest]
    growth, clocked = _growth(mine)
    active = [row for row in (*smallest, *_hurried(mine)) if not overflows(row_features(row.spec))]
    # A row at a clock tells of the smallest circuit what is left without the price of hurry: that
    # halves what chance, in the search and in the stream, adds to one row.
    periods = {row.spec: row.delay_ns for row in smallest}
    switching = fit_sum(
        "energy",
        [switching_parts(row_features(row.spec)) for row in active],
        [
            _switching(row) * math.exp(-growth["switching"] * _hurry(row, periods[row.spec]))
            for row in active
        ],
    )
    return FamilyModel(
        family,
        len(smallest),
        clocked,
        area,
        delay,
        switching,
        float(np.mean(clock)),
        float(np.mean(leakage)),
        growth,
    )


def _switching(row: Row) -> float:
    return row.fj_per_mac - row.clock_fj - row.leakage_fj


def _urgency(unit: Features, clock_ns: float) -> float:
    """Steps of the quickest path, with trees instead of chains, for each ns of the clock."""
    return sum(math.log2(1.0 + steps) for steps in unit.levels.values()) / clock_ns


def _hurried(rows: Sequence[Row]) -> list[Row]:
    """Rows at a clock that is met and below the delay of the unit's smallest circuit."""
    slowest = {row.spec: row.delay_ns for row in rows if row.clock_ns is None}
    return [
        row
        for row in rows
        if row.clock_ns is not None and row.met and row.clock_ns < slowest.get(row.spec, 0.0)
    ]


def _hurry(row: Row, delay_ns: float) -> float:
    return 0.0 if row.clock_ns is None else math.log(delay_ns / row.clock_ns)


def _growth(rows: Sequence[Row]) -> tuple[dict[str, float], int]:
    """What hurry costs, from units measured both at minimum area and at a clock below that."""
    smallest = {row.spec: row for row in rows if row.clock_ns is None}
    known = [row for row in _hurried(rows) if not overflows(row_features(row.spec))]
    if not known:
        return {"area_um2": 0.0, "urgency": 0.0, "switching": 0.0}, 0
    bases = [smallest[row.spec] for row in known]
    pairs = list(zip(known, bases, strict=True))
    hurry = np.array([_hurry(row, base.delay_ns) for row, base in pairs])
    urgency = np.array([_urgency(row_features(row.spec), row.clock_ns or 1.0) for row in known])
    area = np.array([math.log(row.area_um2 / base.area_um2) for row, base in pairs])
    switching = np.array([math.log(_switching(row) / _switching(base)) for row, base in pairs])
    # Through the origin: no hurry, no price.
    slopes, *_ = np.linalg.lstsq(np.stack([hurry, hurry * urgency], axis=1), area, rcond=None)
    return {
        "area_um2": float(slopes[0]),
        "urgency": float(slopes[1]),
        "switching": float(hurry @ switching / (hurry @ hurry)),
    }, len(known)
