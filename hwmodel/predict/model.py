"""The fitted model of a family: area, delay and energy of its units, at a clock or without."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from hwmodel.errors import HwmodelError
from hwmodel.predict.data import Row
from hwmodel.predict.features import FLOAT, Features, features_of
from hwmodel.predict.fit import Fit, area_parts, delay_parts, fit_sum, switching_parts
from hwmodel.predict.hurry import HurriedUnit, Hurry, fit_hurry, switching_fj
from hwmodel.predict.neighbours import Neighbours, fit_neighbours
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
    area, delay, switching : Fit
        Sums over parts.
    clock_fj : float
        Energy of the clock in one flip-flop, fJ a cycle.
    leakage_fj : float
        Leakage, fJ for each um2 and ns.
    hurry : Hurry
        What a clock below the delay of the smallest circuit costs.
    near : dict of str to Neighbours
        What units near by correct, by quantity.
    """

    family: str
    rows: int
    area: Fit
    delay: Fit
    switching: Fit
    clock_fj: float
    leakage_fj: float
    hurry: Hurry
    near: dict[str, Neighbours] = field(default_factory=dict)
    _delays: dict[Features, float] = field(default_factory=dict, init=False, repr=False)

    @property
    def clock_rows(self) -> int:
        """Measured rows at a clock."""
        return self.hurry.rows

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
        values = self.sums(unit, clock_ns)
        fold = self.fold(unit, clock_ns)
        if not fold:
            values["delay_ns"] = self.smallest_ns(unit)
        for quantity in values.keys() & self.near.keys() - {"delay_ns"}:
            values[quantity] *= math.exp(self.near[quantity].log_factor(unit, fold))
        return values

    def fold(self, unit: Features, clock_ns: float | None) -> float:
        """How far a clock is below the delay of the smallest circuit, as a natural logarithm.

        Zero without a clock, and for one that costs nothing.
        """
        if clock_ns is None:
            return 0.0
        return max(math.log(self.smallest_ns(unit) / clock_ns), 0.0)

    def smallest_ns(self, unit: Features) -> float:
        """Delay of the unit's smallest circuit, ns: below it, a clock costs something."""
        if unit not in self._delays:
            delay, known = self.delay.predict(delay_parts(unit)), self.near.get("delay_ns")
            factor = 1.0 if known is None else math.exp(known.log_factor(unit))
            self._delays[unit] = delay * factor
        return self._delays[unit]

    def sums(self, unit: Features, clock_ns: float | None = None) -> dict[str, float]:
        """What the sums over parts say, before units near by correct it; as `estimate` else.

        Whether a clock costs anything, and how much, hangs on the corrected delay all the same.
        """
        area = self.area.predict(area_parts(unit))
        delay = self.delay.predict(delay_parts(unit))
        switching = self.switching.predict(switching_parts(unit))
        if clock_ns is not None and self.fold(unit, clock_ns):
            smallest = self.smallest_ns(unit)
            if not self.knows_clocks:
                raise HwmodelError(
                    f"the smallest circuit needs about {smallest:.2g} ns, and what a clock of"
                    f" {clock_ns:g} ns costs is not known: {self.clock_rows} units with a"
                    f" {self.family} were measured at a clock, {_LEAST_CLOCKS} are needed; leave"
                    " the clock out, or synthesise: hwmodel synth"
                )
            area *= self.hurry.area_factor(unit, smallest, clock_ns)
            switching *= self.hurry.switching_factor(unit, smallest, clock_ns)
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
    known = [pair for pair in _hurried(mine) if not overflows(pair.unit)]
    hurry = fit_hurry(known)
    active = [row for row in smallest if not overflows(row_features(row.spec))]
    parts = [switching_parts(row_features(row.spec)) for row in active]
    values = [switching_fj(row) for row in active]
    if family == FLOAT:
        # A row at a clock, less the price of hurry, tells of the smallest circuit, too: that
        # halves what chance, in the search and in the stream, adds to one row. Not so with fixed
        # point: at a clock, integer units come in another structure, and it did not help.
        for pair in known:
            delay_ns = pair.smallest.delay_ns
            factor = hurry.switching_factor(pair.unit, delay_ns, pair.clock_ns)
            parts.append(switching_parts(pair.unit))
            values.append(switching_fj(pair.row) / factor)
    switching = fit_sum("energy", parts, values)
    model = FamilyModel(
        family,
        len(smallest),
        area,
        delay,
        switching,
        float(np.mean(clock)),
        float(np.mean(leakage)),
        hurry,
    )
    relaxed = [(row, 0.0) for row in smallest]
    clocked = [(pair.row, math.log(pair.smallest.delay_ns / pair.clock_ns)) for pair in known]
    # The corrected delay says which clocks cost anything.
    model = replace(model, near=_near(model, relaxed, ("delay_ns",)))
    both = relaxed + (clocked if model.knows_clocks else [])
    return replace(model, near=model.near | _near(model, both, ("area_um2", "fj_per_mac")))


def _near(
    model: FamilyModel, rows: Sequence[tuple[Row, float]], quantities: Sequence[str]
) -> dict[str, Neighbours]:
    """What the sums over parts leave of quantities of some rows, at these folds of the clock."""
    units = [row_features(row.spec) for row, _ in rows]
    said = [model.sums(unit, row.clock_ns) for unit, (row, _) in zip(units, rows, strict=True)]
    near = {}
    for quantity in quantities:
        known = [i for i, values in enumerate(said) if quantity in values]
        near[quantity] = fit_neighbours(
            [units[i] for i in known],
            [math.log(getattr(rows[i][0], quantity) / said[i][quantity]) for i in known],
            [rows[i][1] for i in known],
        )
    return near


def _hurried(rows: Sequence[Row]) -> list[HurriedUnit]:
    """Rows at a clock that is met and below the delay of the unit's smallest circuit."""
    smallest = {row.spec: row for row in rows if row.clock_ns is None}
    return [
        HurriedUnit(row_features(row.spec), row.clock_ns, row, smallest[row.spec])
        for row in rows
        if row.clock_ns is not None
        and row.met
        and row.spec in smallest
        and row.clock_ns < smallest[row.spec].delay_ns
    ]
