"""Speed of the power simulators on one netlist, event by event and without delays.

    python benchmarks/power.py [-o DIR]

The netlist is the INT8 unit of least area in NanGate 45 nm. Rates are products a second from bits
in to energies out, the best of several runs, with one core and with all.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hwmodel.cost.energy import port_bits
from hwmodel.parallel import core_count
from hwmodel.sim.activity import simulate_gates
from hwmodel.sim.gates import build_gates
from hwmodel.sim.stimulus import operands
from hwmodel.sim.zero_delay import simulate_lanes
from hwmodel.synthesis import synthesize
from hwmodel.technology import load_library, read_netlist, static_timing
from hwmodel.units import parse_unit

UNIT = "mac-int8-int8-int32"
EVENTS, LANES = 1 << 13, 1 << 18
RUNS = 5


def best(action: Callable[[], object]) -> tuple[float, float]:
    """Least seconds and least processor seconds of some runs, after one that is not counted."""
    action()
    walls, works = [], []
    for _ in range(RUNS):
        start, work = time.perf_counter(), time.process_time()
        action()
        walls.append(time.perf_counter() - start)
        works.append(time.process_time() - work)
    return min(walls), min(works)


def rates() -> list[tuple[str, int, float, float]]:
    """Method, cores, products a second and products a processor second."""
    unit, library = parse_unit(UNIT), load_library()
    gates = build_gates(read_netlist(synthesize(unit, library).netlist_json, library), library)
    period = static_timing(gates.design, library).period_ns
    few = port_bits(gates, unit, operands(unit, "gaussian", EVENTS, 1))
    many = port_bits(gates, unit, operands(unit, "gaussian", LANES, 1))
    rows = []
    available = core_count()
    for cores in sorted({1, available}):
        os.environ["OMP_NUM_THREADS"] = str(cores)
        for method, count, action in (
            ("event-driven", EVENTS, lambda: simulate_gates(gates, few, period)),
            ("zero-delay", LANES, lambda: simulate_lanes(gates, many)),
        ):
            wall, work = best(action)
            rows.append((method, cores, count / wall, count / work))
    return rows


def page(rows: list[tuple[str, int, float, float]], load: float) -> str:
    """Result as Markdown."""
    lines = [
        "# Speed of the power simulators",
        "",
        f"`{UNIT}` of least area, NanGate 45 nm, Gaussian operands; {platform.machine()},"
        f" {core_count()} cores, load average {load:.1f} when the run began: other work on the"
        " machine lowers the rates by wall time most.",
        "",
        "| method | cores | MAC/s | MAC per processor second |",
        "|---|---|---|---|",
        *(
            f"| {method} | {cores} | {rate:,.0f} | {work:,.0f} |"
            for method, cores, rate, work in rows
        ),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", type=Path, default=Path(__file__).parent / "results")
    folder = parser.parse_args().o
    load = float(np.asarray(os.getloadavg())[0])
    text = page(rates(), load)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "power.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
