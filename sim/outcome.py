"""What came out of a co-simulation: counts, and the first mismatches in codes and values."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.formats.scalar import decode_scalar
from hwmodel.rtl import Fault, Structure
from hwmodel.sim.streams import Stimulus
from hwmodel.units import UnitSpec

__all__ = ["CosimResult", "Mismatch", "counted_by_section", "first_mismatches"]

_SHOWN = 10


@dataclass(frozen=True)
class Mismatch:
    """A cycle that left another accumulator than the golden model's.

    Codes are integers; values are floats, and of accumulators rounded to float64.

    Parameters
    ----------
    cycle : int
        Number of the cycle since the start of the simulation.
    section : str
        Which part of the stimulus it belongs to.
    a, b : int
        Operand codes of the cycle.
    valid, clear, rst : bool
        Its control inputs.
    before, expected : int
        Accumulator codes before and after the step, by the golden model.
    got : int or None
        What the unit had instead; None if some of its bits were unknown (X or Z).
    values : dict
        Values of `a`, `b`, `before`, `expected` and `got`.
    """

    cycle: int
    section: str
    a: int
    b: int
    valid: bool
    clear: bool
    rst: bool
    before: int
    expected: int
    got: int | None
    values: dict[str, float | None]

    def to_dict(self) -> dict[str, Any]:
        """As plain values: codes in hexadecimal, NaN and infinities as text."""
        codes = {name: getattr(self, name) for name in ("a", "b", "before", "expected", "got")}
        return {
            "cycle": self.cycle,
            "section": self.section,
            "valid": self.valid,
            "clear": self.clear,
            "rst": self.rst,
            "codes": {k: None if code is None else f"0x{code:x}" for k, code in codes.items()},
            "values": {
                k: value if value is None or np.isfinite(value) else str(value)
                for k, value in self.values.items()
            },
        }


@dataclass(frozen=True)
class CosimResult:
    """Outcome of one co-simulation.

    Parameters
    ----------
    spec, structure, fault
        What was simulated.
    vectors : int
        Cycles compared.
    mismatches : int
        How many of them differed.
    sections : dict of str to (int, int)
        Cycles and mismatches of each part of the stimulus.
    seed : int
        Seed of the stimulus.
    vectors_per_s : float
        Cycles a second of the simulator's wall time, its start included.
    seconds : float
        Wall time of everything: Verilog, stimulus, golden model, simulation.
    first : tuple of Mismatch
        The first mismatches, at most one of each accumulation (the later ones are in its wake).
    simulator : str
        Name and version of the simulator and of cocotb.
    log : Path or None
        Kept folder of the run (Verilog, harness, stimulus, logs) if there were mismatches.
    """

    spec: UnitSpec
    structure: Structure
    fault: Fault | None
    vectors: int
    mismatches: int
    sections: dict[str, tuple[int, int]]
    seed: int
    vectors_per_s: float
    seconds: float
    first: tuple[Mismatch, ...]
    simulator: str
    log: Path | None = field(default=None, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """The result as plain values."""
        return {
            "spec": self.spec.name,
            "structure": self.structure.name,
            "fault": self.fault.value if self.fault else None,
            "vectors": self.vectors,
            "mismatches": self.mismatches,
            "seed": self.seed,
            "vectors_per_s": round(self.vectors_per_s, 1),
            "seconds": round(self.seconds, 3),
            "sections": {
                name: {"vectors": count, "mismatches": wrong}
                for name, (count, wrong) in self.sections.items()
            },
            "first_mismatches": [mismatch.to_dict() for mismatch in self.first],
            "simulator": self.simulator,
            "log": str(self.log) if self.log else None,
        }


def counted_by_section(
    stimulus: Stimulus, wrong: npt.NDArray[np.bool_]
) -> dict[str, tuple[int, int]]:
    """Cycles and mismatches of each section of a stimulus."""
    counts: dict[str, tuple[int, int]] = {}
    for section in stimulus.sections:
        cycles, bad = counts.get(section.name, (0, 0))
        part = wrong[section.start : section.stop]
        counts[section.name] = cycles + len(part), bad + int(part.sum())
    return counts


def first_mismatches(
    spec: UnitSpec,
    stimulus: Stimulus,
    expected: npt.NDArray[Any],
    codes: npt.NDArray[Any],
    unknown: npt.NDArray[np.bool_],
    wrong: npt.NDArray[np.bool_],
) -> tuple[Mismatch, ...]:
    """Pick the first mismatch of each of the first accumulations that have one.

    Parameters
    ----------
    spec, stimulus
        The unit and its inputs.
    expected, codes : ndarray, shape (T,)
        Accumulator codes of the golden model and of the unit.
    unknown, wrong : ndarray of bool, shape (T,)
        Where bits of the unit's were unknown, and where the two differ.
    """
    cycles = np.flatnonzero(wrong)
    stretch = np.searchsorted(stimulus.starts, cycles, side="right")
    _, index = np.unique(stretch, return_index=True)
    return tuple(
        _mismatch(spec, stimulus, expected, None if unknown[t] else int(codes[t]), t)
        for t in (int(cycle) for cycle in cycles[index[:_SHOWN]])
    )


def _mismatch(
    spec: UnitSpec, stimulus: Stimulus, expected: npt.NDArray[Any], got: int | None, cycle: int
) -> Mismatch:
    a, b = int(stimulus.a[cycle]), int(stimulus.b[cycle])
    accumulators = [int(expected[cycle - 1]) if cycle else 0, int(expected[cycle])]
    if got is not None:
        accumulators.append(got)
    before, after, *unit = (float(value) for value in spec.decode_accumulator(accumulators))
    return Mismatch(
        cycle=cycle,
        section=stimulus.section_of(cycle),
        a=a,
        b=b,
        valid=bool(stimulus.valid[cycle]),
        clear=bool(stimulus.clear[cycle]),
        rst=bool(stimulus.rst[cycle]),
        before=accumulators[0],
        expected=accumulators[1],
        got=got,
        values={
            "a": decode_scalar(spec.a, a),
            "b": decode_scalar(spec.b, b),
            "before": before,
            "expected": after,
            "got": unit[0] if unit else None,
        },
    )
