"""What a measured and a fast energy figure have in common."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from hwmodel.sim.stimulus import Stimulus
from hwmodel.technology import CellLibrary
from hwmodel.units import UnitSpec

__all__ = ["EnergyRecord", "conditions"]


@dataclass(frozen=True, kw_only=True)
class EnergyRecord:
    """Energy of a unit, with all that it holds for.

    Attributes
    ----------
    spec, library, corner, wire_load, structure : str
        Unit, technology and implementation.
    stimulus, stimulus_description : str
        The operand stream.
    clock_ns : float
        Clock period; leakage energy is proportional to it.
    interval : tuple of float
        95 % confidence interval of the energy.
    internal_fj, switching_fj, clock_fj, leakage_fj : float
        Its parts: inside cells at data events; charging nets that the unit drives (output ports
        with their load included); the clock inside flip-flops and on their clock pins (no clock
        tree); leakage by state.
    glitch_share : float
        Part of the whole energy, glitches included, that would not be spent if gates had no delay.
    toggles_per_cycle : float
        Changes of nets in a cycle, the clock apart.
    vectors : int
        Multiply-accumulates simulated.
    outputs_checked : int
        Accumulator codes that were compared with the golden model (all equal, or there is no
        result).
    provenance : dict
        Tool versions, hashes and conditions.
    """

    spec: str
    library: str
    corner: str
    wire_load: str
    structure: str
    stimulus: str
    stimulus_description: str
    clock_ns: float
    interval: tuple[float, float]
    internal_fj: float
    switching_fj: float
    clock_fj: float
    leakage_fj: float
    glitch_share: float
    toggles_per_cycle: float
    vectors: int
    outputs_checked: int
    provenance: dict[str, Any]

    @property
    def split(self) -> dict[str, float]:
        """Parts of the energy by name."""
        return {
            "internal": self.internal_fj,
            "switching": self.switching_fj,
            "clock": self.clock_fj,
            "leakage": self.leakage_fj,
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON can hold it."""
        return asdict(self) | {"interval": list(self.interval)}

    @classmethod
    def from_dict(cls, entry: dict[str, Any]) -> Self:
        """Record of what `to_dict` gave."""
        low, high = entry["interval"]
        return cls(**{**entry, "interval": (low, high)})


def conditions(spec: UnitSpec, library: CellLibrary, stimulus: Stimulus) -> dict[str, Any]:
    """Fields of a record that say what was measured."""
    return {
        "spec": spec.name,
        "library": library.name,
        "corner": library.corner,
        "wire_load": library.wire_load.name,
        "stimulus": stimulus.name,
        "stimulus_description": stimulus.description,
        "vectors": int(stimulus.a_codes.size),
    }
