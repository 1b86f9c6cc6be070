"""Cross-validation: how far the model is off for units that it was not fitted to.

Two ways of leaving out. Without one *unit*, its neighbours (the same format with another
accumulator) may still be there; without one *format*, nothing of that format is. A prediction's
bound comes from the one that is like it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwmodel.predict.data import Row
from hwmodel.predict.fit import LEAST_ROWS
from hwmodel.predict.model import QUANTITIES, FamilyModel, fit_family, row_features

__all__ = ["COVERAGE", "Residual", "Summary", "bound", "cross_validate", "summaries"]

# Share of the left-out units that lie within the bound.
COVERAGE = 0.9


@dataclass(frozen=True)
class Residual:
    """A left-out row: what was measured and what the model without it says.

    Attributes
    ----------
    family, spec : str
        The unit.
    clock_ns : float or None
        Its goal.
    left_out : str
        ``unit`` or ``format``.
    measured, predicted : dict of str to float
        By quantity; energy is missing in `predicted` where sums overflow under the stream.
    model : FamilyModel
        What was fitted to the rest.
    """

    family: str
    spec: str
    clock_ns: float | None
    left_out: str
    measured: dict[str, float]
    predicted: dict[str, float]
    model: FamilyModel

    def error(self, quantity: str) -> float:
        """Relative error, as a fraction; positive where the model is too high."""
        return self.predicted[quantity] / self.measured[quantity] - 1.0


@dataclass(frozen=True)
class Summary:
    """Errors of a family: one line of the table."""

    family: str
    quantity: str
    left_out: str
    goal: str
    rows: int
    median: float
    worst: float
    worst_spec: str


def cross_validate(family: str, rows: Sequence[Row], left_out: str) -> tuple[Residual, ...]:
    """Predict every row of a family by a model that was fitted without it.

    Parameters
    ----------
    family
        Which units.
    rows
        Measured rows; those of other families are left aside.
    left_out
        ``unit``: all rows of the same unit are kept from the fit; ``format``: all rows with an
        operand of the same format, one format after the other.

    Returns
    -------
    tuple of Residual
        A unit of two formats comes once for each of them.
    """
    mine = [row for row in rows if row_features(row.spec).family == family]
    residuals: list[Residual] = []
    groups = sorted({name for row in mine for name in _groups(row, left_out)})
    for group in groups:
        tested = [row for row in mine if group in _groups(row, left_out)]
        rest = [row for row in mine if group not in _groups(row, left_out)]
        if sum(row.clock_ns is None for row in rest) < LEAST_ROWS:
            continue
        model = fit_family(family, rest)
        residuals += [
            _residual(model, row, left_out)
            for row in tested
            if row.met and (row.clock_ns is None or model.knows_clocks)
        ]
    return tuple(residuals)


def _groups(row: Row, left_out: str) -> set[str]:
    if left_out == "unit":
        return {row.spec}
    spec = row_features(row.spec).spec
    return {spec.a.name, spec.b.name}


def _residual(model: FamilyModel, row: Row, left_out: str) -> Residual:
    return Residual(
        model.family,
        row.spec,
        row.clock_ns,
        left_out,
        {quantity: getattr(row, quantity) for quantity in QUANTITIES},
        model.estimate(row_features(row.spec), row.clock_ns),
        model,
    )


def bound(residuals: Sequence[Residual], quantity: str) -> float | None:
    """Factor (above 1) within which `COVERAGE` of units that are left out lie, either way.

    The quantile is that of split conformal prediction, ``ceil((n + 1) * COVERAGE)`` of n; where
    there are too few for it, the largest. None without residuals.
    """
    known = [r for r in residuals if quantity in r.predicted]
    sizes = sorted(abs(math.log1p(r.error(quantity))) for r in known)
    if not sizes:
        return None
    place = min(math.ceil((len(sizes) + 1) * COVERAGE), len(sizes))
    return math.exp(sizes[place - 1])


def summaries(residuals: Sequence[Residual]) -> tuple[Summary, ...]:
    """Median and worst relative error by family, goal, quantity and way of leaving out."""
    lines: list[Summary] = []
    kinds = sorted({(r.family, r.clock_ns is not None, r.left_out) for r in residuals})
    for family, clocked, left_out in kinds:
        mine = [
            r
            for r in residuals
            if (r.family, r.clock_ns is not None, r.left_out) == (family, clocked, left_out)
        ]
        for quantity in QUANTITIES:
            if clocked and quantity == "delay_ns":
                continue  # there the clock is given, not predicted
            known = [r for r in mine if quantity in r.predicted]
            if not known:
                continue
            worst = max(known, key=lambda r: abs(r.error(quantity)))
            lines.append(
                Summary(
                    family,
                    quantity,
                    left_out,
                    "clock" if clocked else "minimum area",
                    len(known),
                    float(np.median([abs(r.error(quantity)) for r in known])),
                    abs(worst.error(quantity)),
                    worst.spec,
                )
            )
    return tuple(lines)
