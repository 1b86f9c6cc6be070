"""Measurement rows: what is known of a unit at one technology and one clock target."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from hwmodel.errors import HwmodelError
from hwmodel.units import UnitSpec, parse_unit

__all__ = ["EnergyFigure", "How", "Measurement", "Verification"]

How = Literal["measured", "modelled", "published"]


@dataclass(frozen=True)
class Verification:
    """A co-simulation of the RTL against the golden model.

    Attributes
    ----------
    vectors, mismatches : int
        Accumulator codes compared, and how many of them differed.
    seed : int
        Of the random streams.
    simulator : str
        Name and version.
    """

    vectors: int
    mismatches: int
    seed: int
    simulator: str

    def __post_init__(self) -> None:
        if self.vectors < 1 or self.mismatches < 0:
            raise HwmodelError(
                "a co-simulation compares 1 vector or more, but"
                f" {self.vectors} vectors with {self.mismatches} mismatches came"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> "Verification":
        """Record of what `to_dict` gave."""
        return _read(cls, entry)


@dataclass(frozen=True)
class EnergyFigure:
    """Energy per MAC of a mapped netlist under one operand stream.

    Attributes
    ----------
    stimulus : str
        Name of the operand stream.
    clock_ns : float
        Clock period that the stream ran at; leakage depends on it.
    fj_per_mac : float
        Energy per multiply-accumulate, fJ.
    low, high : float
        95 % interval of it; None where the stream was not long enough to tell.
    split : mapping of str to float
        Its parts in fJ per MAC, for example internal, switching, clock and leakage.
    glitch_share : float
        Share of the energy that is spent on glitches.
    nets_annotated : float
        Share of the nets whose toggles were counted; 1 means all.
    vectors : int
        Cycles simulated.
    outputs_checked : int
        Accumulator codes compared with the golden model in the same run.
    provenance : mapping
        Tools, seeds and whatever else the figure depends on.
    """

    stimulus: str
    clock_ns: float
    fj_per_mac: float
    low: float | None
    high: float | None
    split: Mapping[str, float]
    glitch_share: float | None
    nets_annotated: float
    vectors: int
    outputs_checked: int
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _positive(self.fj_per_mac, f"an energy per MAC ({self.stimulus})")
        if self.nets_annotated != 1.0:
            raise HwmodelError(
                f"an energy counts the toggles of all nets, but under {self.stimulus} only the"
                f" share {self.nets_annotated!r} was counted"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        entry = _plain(self)
        entry["split"], entry["provenance"] = dict(self.split), dict(self.provenance)
        return entry

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> "EnergyFigure":
        """Record of what `to_dict` gave."""
        return _read(cls, entry)


@dataclass(frozen=True)
class Measurement:
    """A unit at one technology and one goal: area, delay, energy, and how each was obtained.

    Attributes
    ----------
    spec : str
        Name of the unit (`hwmodel.units.parse_unit` reads it).
    library, corner : str
        Cell library and its operating corner.
    clock_ns : float, optional
        Clock target, ns; None for the minimum area.
    area_um2, nand2 : float
        Cell area in square micrometres and in NAND2 equivalents of the library.
    delay_ns : float
        Minimum clock period: clock-to-output, logic and setup of the slowest path, ns.
    met : bool
        Whether the clock target is met (true where there is none).
    structure, recipe : str
        Circuit structure and synthesis recipe that were best for the goal.
    blocks : mapping of str to float
        Area in square micrometres by building block; adds up to the area of the design that was
        split.
    energies : tuple of EnergyFigure
        One for each operand stream and clock.
    verification : Verification, optional
        Co-simulation of the RTL with the same structure.
    how : {"measured", "modelled", "published"}
        How the figures were obtained.
    provenance : mapping
        Versions of the tools and whatever else the figures depend on.

    Raises
    ------
    HwmodelError
        A figure is not positive and finite, or the unit's name does not parse.
    """

    spec: str
    library: str
    corner: str
    clock_ns: float | None
    area_um2: float
    nand2: float
    delay_ns: float
    met: bool
    structure: str
    recipe: str
    blocks: Mapping[str, float]
    energies: tuple[EnergyFigure, ...] = ()
    verification: Verification | None = None
    how: How = "measured"
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parse_unit(self.spec)
        for name in ("area_um2", "nand2", "delay_ns"):
            _positive(getattr(self, name), f"{name} of {self.spec}")
        if self.how not in get_args(How):
            raise HwmodelError(
                f"figures are {', '.join(get_args(How))}, but {self.how!r} came for {self.spec}"
            )

    @property
    def unit(self) -> UnitSpec:
        """The unit's spec."""
        return parse_unit(self.spec)

    @property
    def goal(self) -> str:
        """What the synthesis was after: ``minimum area`` or ``clock``."""
        return "minimum area" if self.clock_ns is None else "clock"

    @property
    def label(self) -> str:
        """Unit and goal in words, for messages and progress."""
        target = "minimum area" if self.clock_ns is None else f"{self.clock_ns:g} ns"
        return f"{self.spec} at {target}"

    def energy(self, stimulus: str) -> EnergyFigure | None:
        """Energy under a stimulus, or None where it was not measured."""
        return next((e for e in self.energies if e.stimulus == stimulus), None)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; `from_dict` reads them back."""
        entry = _plain(self)
        entry["blocks"], entry["provenance"] = dict(self.blocks), dict(self.provenance)
        entry["energies"] = [energy.to_dict() for energy in self.energies]
        entry["verification"] = self.verification.to_dict() if self.verification else None
        return entry

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> "Measurement":
        """Record of what `to_dict` gave.

        Raises
        ------
        HwmodelError
            Keys are missing or unknown, or a figure cannot be.
        """
        values = dict(entry)
        values["energies"] = tuple(map(EnergyFigure.from_dict, entry.get("energies", ())))
        if entry.get("verification") is not None:
            values["verification"] = Verification.from_dict(entry["verification"])
        return _read(cls, values)


def _plain(record: Any) -> dict[str, Any]:
    return {entry.name: getattr(record, entry.name) for entry in dataclasses.fields(record)}


def _read(cls: Any, entry: Mapping[str, Any]) -> Any:
    try:
        return cls(**entry)
    except TypeError as error:
        wanted = ", ".join(sorted(item.name for item in dataclasses.fields(cls)))
        raise HwmodelError(
            f"a stored {cls.__name__} has the keys {wanted}, but {', '.join(sorted(entry))} came;"
            " measure it again"
        ) from error


def _positive(value: float, what: str) -> None:
    if not (math.isfinite(value) and value > 0):
        raise HwmodelError(f"{what} is positive and finite, but {value!r} came")
