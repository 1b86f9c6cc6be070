"""Everything that a report tells: measurements, ratios, accuracy, and what is missing."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hwmodel.cost.measurement import Measurement
from hwmodel.cost.published import PUBLISHED_RATIOS
from hwmodel.cost.ratios import Ratio
from hwmodel.errors import HwmodelError

__all__ = ["Failure", "Results"]

_LAYOUT = 1  # raise when keys of the JSON form change their meaning


@dataclass(frozen=True)
class Failure:
    """A point of the plan that could not be measured, and why in one sentence."""

    point: str
    step: str
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Results:
    """The rows of a report; a report is a function of this record alone.

    Attributes
    ----------
    plan : mapping
        What was asked for (`Plan.to_dict`).
    measurements : tuple of Measurement
        One for each design point that was measured.
    ratios : tuple of Ratio
        FP over INT.
    scores, layers, analytic : tuple of mapping
        Accuracy: networks' scores, SQNR by layer, SQNR on distributions (`hwmodel.accuracy`).
    notes : tuple of str
        What was left out, and how to get it.
    failures : tuple of Failure
        What should have been measured and could not be.
    tools : mapping of str to str
        Versions of the tools.
    """

    plan: Mapping[str, Any]
    measurements: tuple[Measurement, ...]
    ratios: tuple[Ratio, ...]
    scores: tuple[Mapping[str, Any], ...] = ()
    layers: tuple[Mapping[str, Any], ...] = ()
    analytic: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    tools: Mapping[str, str] = field(default_factory=dict)

    @property
    def cells(self) -> str:
        """Library and corner of the figures in words; empty where nothing was measured."""
        first = next(iter(self.measurements), None)
        return f"{first.library}, {first.corner}" if first is not None else ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; published ratios are told apart from measured ones."""
        return {
            "layout": _LAYOUT,
            "plan": dict(self.plan),
            "tools": dict(self.tools),
            "measurements": [row.to_dict() for row in self.measurements],
            "ratios": [row.to_dict() for row in self.ratios],
            "published_ratios": [row.to_dict() for row in PUBLISHED_RATIOS],
            "accuracy": [dict(row) for row in self.scores],
            "layer_sqnr": [dict(row) for row in self.layers],
            "analytic_sqnr": [dict(row) for row in self.analytic],
            "notes": list(self.notes),
            "failures": [row.to_dict() for row in self.failures],
        }

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> "Results":
        """Record of what `to_dict` gave.

        Raises
        ------
        HwmodelError
            The entry is not of this layout.
        """
        if entry.get("layout") != _LAYOUT:
            raise HwmodelError(
                f"results of layout {_LAYOUT} are expected, but {entry.get('layout')!r} came;"
                " make the report again"
            )
        return cls(
            plan=entry["plan"],
            measurements=tuple(map(Measurement.from_dict, entry["measurements"])),
            ratios=tuple(map(Ratio.from_dict, entry["ratios"])),
            scores=tuple(entry["accuracy"]),
            layers=tuple(entry["layer_sqnr"]),
            analytic=tuple(entry["analytic_sqnr"]),
            notes=tuple(entry["notes"]),
            failures=tuple(Failure(**row) for row in entry["failures"]),
            tools=entry["tools"],
        )
