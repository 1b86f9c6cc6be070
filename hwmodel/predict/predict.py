"""Predicted figures of a unit, each with its bound, never to be taken for measured ones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hwmodel.errors import HwmodelError
from hwmodel.formats import IntFormat
from hwmodel.predict.alternatives import ALTERNATIVES, estimate_alternative
from hwmodel.predict.data import Row, read_rows
from hwmodel.predict.features import Features, features_of
from hwmodel.predict.fit import LEAST_ROWS
from hwmodel.predict.model import QUANTITIES, fit_family, overflows, row_features
from hwmodel.predict.validation import COVERAGE, Residual, bound, cross_validate
from hwmodel.units import UnitSpec, parse_unit

__all__ = ["MODELS", "Figure", "Prediction", "predict"]

MODELS = ("fitted", *ALTERNATIVES)
# A unit that leaves the range of the measured ones by more than this factor in any part is refused.
_FARTHEST = 4.0
# Fewer residuals than this have no quantile for the coverage but their largest.
_ENOUGH = round(COVERAGE / (1.0 - COVERAGE))

# How much more than in proportion a bound grows with a clock tighter than any measured one. Of 126
# swept figures, of measured units at clocks that were not, 97 % lay within; in proportion, 87 %.
_CLOCK_POWER = 0.5


@dataclass(frozen=True)
class Figure:
    """A modelled figure.

    Attributes
    ----------
    value : float
        What the model says.
    error : float or None
        Relative bound as a fraction: the measured value lies between ``value / (1 + error)`` and
        ``value * (1 + error)`` for 9 units of 10. None where nothing is known.
    given : bool
        Whether it was asked for: a delay that is the clock.
    """

    value: float
    error: float | None
    given: bool = False

    @property
    def low(self) -> float | None:
        """Lower end of the bound."""
        return None if self.error is None else self.value / (1.0 + self.error)

    @property
    def high(self) -> float | None:
        """Upper end of the bound."""
        return None if self.error is None else self.value * (1.0 + self.error)


@dataclass(frozen=True)
class Prediction:
    """What a model says of a unit.

    Attributes
    ----------
    spec : str
        Name of the unit.
    model, source, mark : str
        Which model, where it comes from, and for a published one how we know it.
    clock_ns : float or None
        Clock period asked for; None for minimum area.
    figures : dict
        `Figure` by quantity (um2, ns, fJ); None where the model says nothing.
    library, corner, stimulus : str
        What the measured rows behind it hold for.
    trained_on : int
        Rows that the model was fitted to, or scaled by.
    bound_from : str
        What the bound comes from.
    outside : dict of str to float
        Parts in which the unit leaves the measured range, and by which factor.
    measured : bool
        Whether the unit itself is among the measured rows.
    notes : tuple of str
        Sentences for the reader.
    """

    spec: str
    model: str
    source: str
    mark: str
    clock_ns: float | None
    figures: dict[str, Figure | None]
    library: str
    corner: str
    stimulus: str
    trained_on: int
    bound_from: str
    outside: dict[str, float]
    measured: bool
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values: the quantities as numbers, their bounds beside them."""
        entry: dict[str, Any] = {
            "spec": self.spec,
            "how": "modelled",
            "model": self.model,
            "source": self.source,
            "mark": self.mark or None,
            "goal": "minimum area" if self.clock_ns is None else "clock",
            "clock_ns": self.clock_ns,
        }
        for quantity, figure in self.figures.items():
            entry[quantity] = None if figure is None else figure.value
            entry[f"{quantity}_low"] = None if figure is None else figure.low
            entry[f"{quantity}_high"] = None if figure is None else figure.high
            entry[f"{quantity}_error"] = None if figure is None else figure.error
        return entry | {
            "coverage": COVERAGE,
            "bound_from": self.bound_from,
            "library": self.library,
            "corner": self.corner,
            "stimulus": self.stimulus,
            "trained_on": self.trained_on,
            "outside": self.outside,
            "measured_figure_exists": self.measured,
            "notes": list(self.notes),
        }


def predict(
    spec: UnitSpec,
    clock_ns: float | None = None,
    model: str = "fitted",
    rows: Sequence[Row] | None = None,
) -> Prediction:
    """Predict area, delay and energy of a unit without synthesising it.

    Parameters
    ----------
    spec
        The unit.
    clock_ns
        Clock period in ns; None for minimum area. Only the fitted model knows what a clock costs.
    model
        One of `MODELS`.
    rows
        Measured rows; the packaged table if not given.

    Raises
    ------
    HwmodelError
        No such model, a model that is silent about the unit, a unit too far from the measured
        ones, or too few of those.
    """
    if model not in MODELS:
        raise HwmodelError(f"a model is one of {', '.join(MODELS)}, but {model!r} came")
    if clock_ns is not None and not (math.isfinite(clock_ns) and clock_ns > 0):
        raise HwmodelError(f"a clock period is a positive number of ns, but {clock_ns!r} came")
    table = tuple(read_rows() if rows is None else rows)
    if not table:
        raise HwmodelError(
            "there are no measured rows to fit to; make them: hwmodel predict --collect -o FILE"
        )
    if model != "fitted":
        if clock_ns is not None:
            raise HwmodelError(
                f"the model {model} does not know what a clock costs; leave the clock out or"
                " choose --model fitted"
            )
        return _alternative(spec, model, table)
    return _fitted(spec, clock_ns, table)


def _fitted(spec: UnitSpec, clock_ns: float | None, rows: tuple[Row, ...]) -> Prediction:
    unit = features_of(spec)
    model = fit_family(unit.family, rows)
    outside = _outside(unit, rows)
    far = max(outside, key=outside.__getitem__, default=None)
    if far is not None and outside[far] > _FARTHEST:
        raise HwmodelError(
            f"{spec.name} is too far from the measured units to be predicted: its"
            f" {far.replace('_', ' ')} leave their range by a factor of {outside[far]:.1f}"
            f" ({_FARTHEST:g} at most); synthesise it: hwmodel synth {spec.name}"
        )
    values = model.estimate(unit, clock_ns)
    mine = [row_features(row.spec).spec for row in rows if _family(row) == unit.family]
    seen = {name for known in mine for name in (known.a.name, known.b.name)}
    left_out = "unit" if {spec.a.name, spec.b.name} <= seen else "format"
    residuals = cross_validate(unit.family, rows, left_out)
    fold = model.fold(unit, clock_ns)
    hurried = fold > 0.0
    like, source = _like(residuals, unit, hurried)
    if math.exp(fold) > model.hurry.deepest:
        outside["clock"] = math.exp(fold) / model.hurry.deepest
    widened = math.prod(outside.values()) * outside.get("clock", 1.0) ** _CLOCK_POWER
    figures: dict[str, Figure | None] = {}
    for quantity in QUANTITIES:
        if quantity not in values:
            figures[quantity] = None
            continue
        factor = bound(like, quantity)
        error = None if factor is None else (factor - 1) * widened
        figures[quantity] = Figure(values[quantity], error, hurried and quantity == "delay_ns")
    notes = []
    if overflows(unit):
        notes.append(
            f"no energy: Gaussian operands drive {unit.toggles.stuck:.0%} of the sums to infinity"
            " or NaN, where the unit rests"
        )
    if hurried:
        notes.append("the delay is the clock asked for: that it can be met is assumed")
    if outside:
        text = ", ".join(f"{name.replace('_', ' ')} x{by:.2f}" for name, by in outside.items())
        notes.append(
            f"extrapolated: outside the measured range in {text}; the bound is widened by"
            f" x{widened:.2f}, by rule of thumb"
        )
    return _prediction(
        spec,
        "fitted",
        clock_ns,
        figures,
        rows,
        source="non-negative least squares on measured rows, around the plain gate count, and"
        " what measured units near by leave of error",
        trained_on=model.rows + model.clock_rows,
        bound_from=source,
        outside=outside,
        notes=notes,
    )


def _like(
    residuals: Sequence[Residual], unit: Features, hurried: bool
) -> tuple[list[Residual], str]:
    """Residuals that a unit's bound comes from, and what they are.

    Those of the same goal; with the same kind of operands, where they are enough for the quantile:
    integer units are predicted better than others in area and worse in energy.
    """
    goal = [r for r in residuals if (r.clock_ns is not None) == hurried]
    integer = isinstance(unit.spec.a, IntFormat)
    same = [r for r in goal if isinstance(row_features(r.spec).spec.a, IntFormat) == integer]
    how = f"left out by {residuals[0].left_out}" if residuals else "left out"
    if len(same) >= _ENOUGH:
        operands = "integer" if integer else "floating-point"
        return (
            same,
            f"{len(same)} measured rows with a {unit.family} and {operands} operands, {how}",
        )
    source = f"{len(goal)} measured rows with a {unit.family}, {how}"
    if len(goal) < LEAST_ROWS:
        return list(residuals), source + " (too few: all goals together)"
    return goal, source


def _family(row: Row) -> str:
    return row_features(row.spec).family


def _outside(unit: Features, rows: Sequence[Row]) -> dict[str, float]:
    """Parts in which a unit leaves the range of the measured ones, and by which factor.

    Sizes are compared after adding a tenth of the largest, for a part of 1 cell and one of 3 are
    both next to nothing.
    """
    known = [row_features(row.spec).cells for row in rows if _family(row) == unit.family]
    outside: dict[str, float] = {}
    for name, size in unit.cells.items():
        sizes = [cells.get(name, 0.0) for cells in known] or [0.0]
        low, high = min(sizes), max(sizes)
        slack = 0.1 * high if high else 1.0
        factor = max((size + slack) / (high + slack), (low + slack) / (size + slack))
        if factor > 1.0:
            outside[name] = factor
    return outside


def _alternative(spec: UnitSpec, model: str, rows: tuple[Row, ...]) -> Prediction:
    alternative = ALTERNATIVES[model]
    values = estimate_alternative(alternative, spec, rows)
    errors: dict[str, list[float]] = {quantity: [] for quantity in QUANTITIES}
    for row in rows:
        # The anchor is right by construction, so it says nothing.
        if row.clock_ns is not None or row.spec == alternative.anchor:
            continue
        try:
            guess = estimate_alternative(alternative, parse_unit(row.spec), rows)
        except HwmodelError:
            continue  # the model is silent about that unit
        for quantity, value in guess.items():
            if value is not None:
                ratio = value / getattr(row, quantity)
                errors[quantity].append(max(ratio, 1.0 / ratio) - 1.0)
    figures: dict[str, Figure | None] = {}
    for quantity in QUANTITIES:
        value, seen = values[quantity], sorted(errors[quantity])
        place = min(math.ceil((len(seen) + 1) * COVERAGE), len(seen)) - 1
        bounded = seen[place] if len(seen) >= LEAST_ROWS else None
        figures[quantity] = None if value is None else Figure(value, bounded)
    compared = len(errors["area_um2"])
    source = f"its own errors against {compared} measured rows"
    if compared < LEAST_ROWS:
        source = f"nothing: only {compared} measured rows can be compared"
    return _prediction(
        spec,
        model,
        None,
        figures,
        rows,
        source=alternative.source,
        mark=alternative.mark(spec),
        trained_on=1,
        bound_from=source,
        outside={},
        notes=[*alternative.notes, f"scaled by one measured unit, {alternative.anchor}"],
    )


def _prediction(
    spec: UnitSpec,
    model: str,
    clock_ns: float | None,
    figures: dict[str, Figure | None],
    rows: tuple[Row, ...],
    notes: list[str],
    **named: Any,
) -> Prediction:
    measured = any(row.spec == spec.name for row in rows)
    if measured:
        notes.append(
            f"this unit was measured, too: hwmodel synth {spec.name} and hwmodel energy"
            f" {spec.name} give measured figures"
        )
    reduced = sum(row.reduced for row in rows)
    if reduced:
        notes.append(
            f"{reduced} of {len(rows)} measured rows come from a reduced search; the whole one of"
            " hwmodel synth finds circuits as small or smaller"
        )
    first = rows[0]
    return Prediction(
        spec=spec.name,
        model=model,
        mark=named.pop("mark", ""),
        clock_ns=clock_ns,
        figures=figures,
        library=first.library,
        corner=first.corner,
        stimulus=first.stimulus,
        measured=measured,
        notes=tuple(notes),
        **named,
    )
