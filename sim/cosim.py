"""Co-simulation: the Verilog of a unit against its golden model, every cycle.

The accumulator is compared after every clock edge, so a result that comes a cycle early or late,
moves without `valid`, or survives a clear or reset is a mismatch like a wrong sum.
"""

import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.errors import ToolError
from hwmodel.formats.scalar import decode_scalar
from hwmodel.rtl import LATENCY, Fault, Structure, structures_for, to_verilog
from hwmodel.sim.bench import RESPONSES, RUN_FOLDER, STIMULUS
from hwmodel.sim.harness import (
    BATCH,
    CYCLE_NS,
    TOP,
    harness_verilog,
    packed_batches,
    unpacked_codes,
)
from hwmodel.sim.simulator import LOG, compile_verilog, run_cocotb, simulator_version
from hwmodel.sim.streams import Stimulus, expected_accumulator, idle, joined
from hwmodel.sim.vectors import FULL, Effort, verification_stimulus
from hwmodel.units import UnitSpec

__all__ = ["CosimResult", "Mismatch", "Progress", "run_cosim", "simulate_verilog"]

Progress = Callable[[int, int], None]
"""Called with what is done and the whole, from time to time."""

_SHOWN = 10
_MOST_PROCESSES = 8
_LEAST_CYCLES = 10_000  # a simulator's share: a few seconds, of which its start takes one
_POWER_UP = 2  # cycles of reset; one would do, for the reset takes the way of the operands


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


def run_cosim(
    spec: UnitSpec,
    structure: Structure | None = None,
    *,
    seed: int = 1,
    random_steps: int = 20_000,
    effort: Effort = FULL,
    fault: Fault | None = None,
    processes: int | None = None,
    progress: Progress | None = None,
) -> CosimResult:
    """Simulate the Verilog of a unit through cocotb and compare it with the golden model.

    Parameters
    ----------
    spec : UnitSpec
        The unit.
    structure : Structure, optional
        How it is built; by default the first of `structures_for`.
    seed : int
        Seed of the stimulus: the same gives the same stimulus anywhere.
    random_steps : int
        Cycles of random streams.
    effort : Effort
        Amount of the other stimulus.
    fault : Fault, optional
        Build the unit with this mistake, to see that it is caught.
    processes : int, optional
        Simulators that share the work; by default as many as there are processors, at
        most 8, and fewer for few cycles.
    progress : callable, optional
        Called with the cycles simulated so far and their whole number.

    Raises
    ------
    HwmodelError
        No simulator is installed, or the fault has no place in this unit.
    ToolError
        Yosys or the simulator failed.
    """
    start = time.perf_counter()
    simulator = simulator_version()
    structure = structure or structures_for(spec)[0]
    verilog = to_verilog(spec, structure, fault)
    stimulus = verification_stimulus(spec, seed, random_steps, effort)
    expected = expected_accumulator(spec, stimulus)
    with _run_folder() as folder:
        codes, unknown, seconds = simulate_verilog(
            spec, verilog, stimulus, folder.path, processes or _processes(len(stimulus)), progress
        )
        wrong = unknown | (codes != expected)
        first = _first_mismatches(spec, stimulus, expected, codes, unknown, wrong)
        if first:
            folder.keep = True
    return CosimResult(
        spec=spec,
        structure=structure,
        fault=fault,
        vectors=len(stimulus),
        mismatches=int(wrong.sum()),
        sections=_by_section(stimulus, wrong),
        seed=seed,
        vectors_per_s=len(stimulus) / seconds,
        seconds=time.perf_counter() - start,
        first=first,
        simulator=simulator,
        log=folder.path if first else None,
    )


@dataclass
class _Folder:
    """Folder of a run, and whether it outlives the run."""

    path: Path
    keep: bool = False


@contextlib.contextmanager
def _run_folder() -> Iterator[_Folder]:
    """Temporary folder that is kept when a tool fails, so that its log can be read."""
    folder = _Folder(Path(tempfile.mkdtemp(prefix="hwmodel-cosim-")))
    try:
        yield folder
    except ToolError:
        folder.keep = True
        raise
    finally:
        if not folder.keep:
            shutil.rmtree(folder.path, ignore_errors=True)


def simulate_verilog(
    spec: UnitSpec,
    verilog: str,
    stimulus: Stimulus,
    folder: Path,
    processes: int = 1,
    progress: Progress | None = None,
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_], float]:
    """Accumulator codes that Verilog with the ports of a unit brings out for a stimulus.

    Parameters
    ----------
    spec, verilog, stimulus
        The unit and its inputs.
    folder : Path
        An empty folder, for everything that is written.
    processes : int
        Simulators that share the stimulus.
    progress : callable, optional
        Called with the cycles simulated so far and their whole number.

    Returns
    -------
    codes : ndarray, shape (T,)
        What `acc` shows `LATENCY` clock edges after the inputs of each cycle.
    unknown : ndarray of bool, shape (T,)
        Where some of its bits were unknown.
    seconds : float
        Wall time of the simulators.
    """
    (folder / "unit.v").write_text(verilog)
    (folder / "harness.v").write_text(harness_verilog(spec))
    compiled = folder / "unit.vvp"
    compile_verilog(
        [folder / "unit.v", folder / "harness.v"], TOP, compiled, folder / "compile.log"
    )
    parts = stimulus.split(processes)
    shares = []
    for number, part in enumerate(parts):
        share = folder / f"part{number}"
        share.mkdir()
        # A reset at power-up comes first, and the pipeline runs empty at the end.
        cycles = joined([idle(_POWER_UP, rst=True), part, idle(LATENCY)])
        batches = packed_batches(spec, cycles)
        (share / STIMULUS).write_text("\n".join([str(BATCH * CYCLE_NS), *batches]) + "\n")
        shares.append(share)

    def poll() -> None:
        if progress:
            size = sum(_size(share / RESPONSES) for share in shares)
            progress(min(size // (spec.accumulator_bits + 1), len(stimulus)), len(stimulus))

    start = time.perf_counter()
    run_cocotb(compiled, TOP, "hwmodel.sim.bench", shares, RUN_FOLDER, poll)
    seconds = time.perf_counter() - start
    answers = [_responses(spec, share, part) for share, part in zip(shares, parts, strict=True)]
    codes, unknown = (np.concatenate(column) for column in zip(*answers, strict=True))
    return codes, unknown, seconds


def _responses(
    spec: UnitSpec, share: Path, part: Stimulus
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    first = _POWER_UP + LATENCY
    codes, unknown = unpacked_codes(spec, (share / RESPONSES).read_text().split())
    if len(codes) < first + len(part):
        raise ToolError(
            f"the simulator answered {len(codes)} of {first + len(part)} cycles; its log is"
            f" {share / LOG}"
        )
    return codes[first : first + len(part)], unknown[first : first + len(part)]


def _processes(cycles: int) -> int:
    """As many simulators as there are processors, but none for less than its start-up is worth."""
    count = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, min(count, _MOST_PROCESSES, cycles // _LEAST_CYCLES))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # not complete yet
        return _size(path.with_name(f"{path.name}.partial")) if path.suffix != ".partial" else 0


def _by_section(stimulus: Stimulus, wrong: npt.NDArray[np.bool_]) -> dict[str, tuple[int, int]]:
    counts: dict[str, tuple[int, int]] = {}
    for section in stimulus.sections:
        cycles, bad = counts.get(section.name, (0, 0))
        part = wrong[section.start : section.stop]
        counts[section.name] = cycles + len(part), bad + int(part.sum())
    return counts


def _first_mismatches(
    spec: UnitSpec,
    stimulus: Stimulus,
    expected: npt.NDArray[Any],
    codes: npt.NDArray[Any],
    unknown: npt.NDArray[np.bool_],
    wrong: npt.NDArray[np.bool_],
) -> tuple[Mismatch, ...]:
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
