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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.errors import ToolError
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
from hwmodel.sim.outcome import CosimResult, Mismatch, counted_by_section, first_mismatches
from hwmodel.sim.simulator import LOG, compile_verilog, run_cocotb, simulator_version
from hwmodel.sim.streams import Stimulus, expected_accumulator, idle, joined
from hwmodel.sim.vectors import FULL, Effort, verification_stimulus
from hwmodel.units import UnitSpec

__all__ = ["CosimResult", "Mismatch", "Progress", "run_cosim", "simulate_verilog"]

Progress = Callable[[int, int], None]
"""Called with what is done and the whole, from time to time."""

_MOST_PROCESSES = 8
_LEAST_CYCLES = 10_000  # a simulator's share: a few seconds, of which its start takes one
_POWER_UP = 2  # cycles of reset; one would do, for the reset takes the way of the operands


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
        first = first_mismatches(spec, stimulus, expected, codes, unknown, wrong)
        if first:
            folder.keep = True
    return CosimResult(
        spec=spec,
        structure=structure,
        fault=fault,
        vectors=len(stimulus),
        mismatches=int(wrong.sum()),
        sections=counted_by_section(stimulus, wrong),
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
