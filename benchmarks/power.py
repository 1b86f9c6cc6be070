"""Speed of the power simulators on one netlist, beside Icarus Verilog on the same one.

    python benchmarks/power.py [-o DIR] [--without-icarus]

The netlist is the INT8 unit of least area in NanGate 45 nm. Timed is from operand codes (made
before) and a netlist in memory to energies, every accumulator code compared with the golden model
on the way; the best of several runs, with one core and with all. Icarus is timed from the start
of ``vvp`` to its end, the change dump written on the way, as a power tool needs it.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import icarus
import numpy as np

from hwmodel.parallel import core_count
from hwmodel.sim.activity import simulate_gates
from hwmodel.sim.bit_words import words_of
from hwmodel.sim.feeding import check_outputs, counted_cycles, port_bits, port_words
from hwmodel.sim.gates import build_gates
from hwmodel.sim.stimulus import operands
from hwmodel.sim.zero_delay import simulate_lanes
from hwmodel.synthesis import synthesize
from hwmodel.technology import load_library, read_netlist, static_timing
from hwmodel.units import parse_unit

UNIT = "mac-int8-int8-int32"
EVENTS, LANES = 1 << 13, 1 << 18
# Products for Icarus without and with delays.
PEER = {False: 1 << 12, True: 1 << 9}
RUNS = 9

Row = tuple[str, int, float, float]


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


def rates(with_icarus: bool) -> list[Row]:
    """Method, cores, products a second and products a processor second."""
    unit, library = parse_unit(UNIT), load_library()
    result = synthesize(unit, library)
    gates = build_gates(read_netlist(result.netlist_json, library), library)
    period = static_timing(gates.design, library).period_ns
    few, many = (operands(unit, "gaussian", count, 1) for count in (EVENTS, LANES))

    def by_events() -> None:
        found = simulate_gates(gates, port_bits(gates, unit, few), period)
        check_outputs(gates, unit, few, words_of(found.outputs))

    def by_lanes() -> None:
        found = simulate_lanes(gates, port_words(gates, unit, many))
        check_outputs(gates, unit, many, found.outputs)

    rows: list[Row] = []
    before = os.environ.get("OMP_NUM_THREADS")
    for cores in sorted({1, core_count()}):
        os.environ["OMP_NUM_THREADS"] = str(cores)
        for method, count, action in (
            ("event-driven", EVENTS, by_events),
            ("zero-delay", LANES, by_lanes),
        ):
            wall, work = best(action)
            rows.append((method, cores, count / wall, count / work))
    if before is None:
        del os.environ["OMP_NUM_THREADS"]
    else:
        os.environ["OMP_NUM_THREADS"] = before
    for delays, count in PEER.items() if with_icarus else ():
        stream = operands(unit, "gaussian", count, 1)
        bits = port_bits(gates, unit, stream)
        wall, work, codes = icarus.simulate(gates, bits, period, delays)
        found = np.array([code or 0 for code in codes], np.uint64)[:, None]
        check_outputs(gates, unit, stream, found)
        assert None not in codes[counted_cycles(stream).start :]
        how = "with SDF delays" if delays else "zero delay"
        rows.append((f"Icarus, {how}", 1, count / wall, count / work))
    return rows


def page(rows: list[Row], load: float) -> str:
    """Result as Markdown."""
    peers = {
        "zero-delay": next((row[3] for row in rows if row[0] == "Icarus, zero delay"), None),
        "event-driven": next((row[3] for row in rows if row[0] == "Icarus, with SDF delays"), None),
    }

    def times(method: str, work: float) -> str:
        peer = peers.get(method)
        return f"{work / peer:,.0f}" if peer else ""

    lines = [
        "# Speed of the power simulators",
        "",
        f"`{UNIT}` of least area, NanGate 45 nm, Gaussian operands; {platform.machine()},"
        f" {core_count()} cores, load average {load:.1f} when the run began: other work on the"
        " machine lowers the rates by wall time most. From operand codes to energies, every"
        " accumulator code compared with the golden model; Icarus from the start of `vvp` to its"
        " end, its change dump written. The last column is the ratio, by processor time, to Icarus"
        " with SDF delays for the event-driven simulation, and without delays for the other.",
        "",
        "| method | cores | MAC/s | MAC per processor second | times Icarus |",
        "|---|---|---|---|---|",
        *(
            f"| {method} | {cores} | {rate:,.0f} | {work:,.0f} | {times(method, work)} |"
            for method, cores, rate, work in rows
        ),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--without-icarus", action="store_true")
    arguments = parser.parse_args()
    folder = arguments.o
    with_icarus = not arguments.without_icarus
    if with_icarus and icarus.MISSING:
        print(f"Icarus is left out: {', '.join(icarus.MISSING)} not found")
        with_icarus = False
    load = float(np.asarray(os.getloadavg())[0])
    text = page(rates(with_icarus), load)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "power.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
