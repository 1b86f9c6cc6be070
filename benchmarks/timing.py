"""Time and result of our static timing analysis beside OpenSTA's, on the same netlists, in one run.

    python benchmarks/timing.py [-o DIR]

The straightforward use of OpenSTA is a process a netlist, which reads the library each time; also
timed, inside one of its processes, is the analysis alone, and the one after an exchanged cell. Ours
is timed from the netlist that Yosys wrote, with the library in memory (reading it is a row of its
own), and the analysis after an exchange as the sizer does it. Each figure is the best of several.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hwmodel.compiled import jit
from hwmodel.parallel import core_count
from hwmodel.sim.dump import verilog
from hwmodel.synthesis import synthesize
from hwmodel.synthesis.incremental import try_variant
from hwmodel.synthesis.sizing import Sizer
from hwmodel.technology import Netlist, default_library, load_library, read_netlist, static_timing
from hwmodel.technology.design import INPUT_SLEW_NS, OUTPUT_LOAD_FF
from hwmodel.technology.library import CellLibrary
from hwmodel.units import parse_unit

POINTS = (
    ("mac-int8-int8-int32", None),
    ("mac-e4m3-e4m3-exact", 3.0),
    ("mac-e4m3-e4m3-fp32", 3.0),
    ("mac-fp16-fp16-fp32", None),
)
RUNS = 9
# Exchanges that are timed, of all that are possible: the peer takes milliseconds for each.
MOVES = 40
# Period that the peer is given; its slack then says how long the slowest path is.
CLOCK_NS = 20.0

SCRIPT = """read_liberty {liberty}
read_verilog n.v
link_design {top}
create_clock -name clk -period {clock} [get_ports clk]
set_input_delay 0 -clock clk [all_inputs]
set_output_delay 0 -clock clk [all_outputs]
set_input_transition {slew} [all_inputs]
set_load {load} [all_outputs]
report_checks -path_delay max -digits 6
"""
# The analysis alone: all of it, then after each of a few exchanges and the way back from it.
REPEATS = """
proc best {{action}} {{
  set least 1e9
  for {{set i 0}} {{$i < {runs}}} {{incr i}} {{
    set start [clock microseconds]
    uplevel $action
    set spent [expr {{[clock microseconds] - $start}}]
    if {{$spent < $least}} {{ set least $spent }}
  }}
  return $least
}}
puts "whole [best {{find_timing -full_update; worst_slack}}]"
set moves {{ {moves} }}
proc exchange {{}} {{
  global moves
  foreach {{name old new}} $moves {{
    replace_cell $name $new; worst_slack
    replace_cell $name $old; worst_slack
  }}
}}
puts "moves [best exchange]"
"""


@dataclass(frozen=True)
class Times:
    """Seconds: from files to a period, one analysis of all, one after an exchange; and periods."""

    process: float
    whole: float
    move: float
    period_ns: float


def best(action: Callable[[], object], runs: int = RUNS) -> float:
    """Least seconds of some runs, after one that is not counted."""
    action()
    spent = []
    for _ in range(runs):
        start = time.perf_counter()
        action()
        spent.append(time.perf_counter() - start)
    return min(spent)


def peer(netlist: str, top: str, moves: list[tuple[str, str, str]]) -> Times | None:
    """OpenSTA's times, or None where it is not installed."""
    if not shutil.which("sta"):
        return None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "n.v").write_text(netlist)
        script = SCRIPT.format(
            liberty=default_library(),
            top=top,
            clock=CLOCK_NS,
            slew=INPUT_SLEW_NS,
            load=OUTPUT_LOAD_FF,
        )
        (folder / "plain.tcl").write_text(script)
        words = " ".join(word for move in moves for word in move)
        (folder / "all.tcl").write_text(script + REPEATS.format(runs=RUNS, moves=words))

        def run(file: str) -> str:
            return subprocess.run(
                ["sta", "-exit", file],
                cwd=folder,
                check=True,
                capture_output=True,
                text=True,
                timeout=300,
            ).stdout

        process = best(lambda: run("plain.tcl"), 3)
        log = run("all.tcl")
    slack = re.search(r"(-?[\d.]+)\s+slack", log)
    found = dict(re.findall(r"^(whole|moves) (\d+)$", log, re.M))
    if slack is None or len(found) != 2:
        raise SystemExit(f"OpenSTA said something else than was expected:\n{log[-2000:]}")
    return Times(
        process,
        int(found["whole"]) / 1e6,
        int(found["moves"]) / 1e6 / (2 * len(moves)),
        CLOCK_NS - float(slack[1]),
    )


@jit
def try_all(circuit: Any, state: Any, cells: Any, choices: Any) -> float:
    """Exchange each of some cells for the variant named, find the period, and take it back."""
    longest = 0.0
    for k in range(cells.size):
        longest = max(longest, try_variant(circuit, state, cells[k], choices[k], CLOCK_NS)[0])
    return longest


def ours(design: dict[str, Any], library: CellLibrary, moves: list[tuple[str, str, str]]) -> Times:
    """Our times."""
    (top,) = design["modules"]
    netlist = read_netlist(design, library)
    sizer = Sizer(design, top, library)
    # What only the sizer's own compiled code sees.
    circuit, state, order = sizer._circuit, sizer._state, sizer._order
    place = {f"u{index}": position for position, index in enumerate(order.tolist())}
    cells = np.array([place[name] for name, _, _ in moves])
    known = [[found.cell for found in sizer._families.of(old)[0]] for _, old, _ in moves]
    choices = np.array([names.index(new) for names, (_, _, new) in zip(known, moves, strict=True)])
    return Times(
        best(lambda: static_timing(read_netlist(design, library), library)),
        best(lambda: static_timing(netlist, library)),
        best(lambda: try_all(circuit, state, cells, choices)) / len(moves),
        static_timing(netlist, library).period_ns,
    )


def exchanges(netlist: Netlist, library: CellLibrary) -> list[tuple[str, str, str]]:
    """Gates of the smallest size and the next one: instance in the peer's netlist, cell, cell."""
    return [
        (f"u{number}", cell, cell.removesuffix("1") + "2")
        for number, cell in enumerate(instance.cell for instance in netlist.instances)
        if cell.endswith("_X1")
        and cell.removesuffix("1") + "2" in library.cells
        and not library.cells[cell].flip_flop
    ]


def main() -> None:
    """Measure, print, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", type=Path, default=Path(__file__).parent / "results")
    folder = parser.parse_args().o
    load = os.getloadavg()[0]
    start = time.perf_counter()
    library = load_library()
    reading = time.perf_counter() - start
    lines = [
        "# Static timing analysis: ours beside OpenSTA",
        "",
        f"{library.name} {library.corner}, {platform.machine()}, {core_count()} cores, load average"
        f" {load:.1f} when the run began. Least of several runs. *Whole*: OpenSTA as a process that"
        " reads library and netlist and reports the slowest path; ours from Yosys' netlist in"
        " memory to the same, the library read before"
        f" (once, {reading:.2f} s). *Analysis*: all of it again, netlist and"
        " library in memory. *Exchange*: one cell for another size, and what the period then is;"
        " ours also takes it back within that time.",
        "",
        "| unit, clock | cells | by | whole [ms] | analysis [ms] | exchange [us] | period [ns] |",
        "|---|---:|---|---:|---:|---:|---:|",
    ]
    for name, clock in POINTS:
        result = synthesize(parse_unit(name), library, clock)
        netlist = read_netlist(result.netlist_json, library)
        every = exchanges(netlist, library)
        moves = every[:: -(-len(every) // MOVES)]
        own = ours(json.loads(result.netlist_json), library, moves)
        other = peer(verilog(netlist), netlist.name, moves)
        what = f"{name}, " + ("least area" if clock is None else f"{clock:g} ns")
        for who, times in (("ours", own), ("OpenSTA", other)):
            if times is None:
                print("OpenSTA is left out: sta not found (Debian: opensta)")
                continue
            lines.append(
                f"| {what} | {len(netlist.instances)} | {who} | {times.process * 1e3:.2f}"
                f" | {times.whole * 1e3:.3f} | {times.move * 1e6:.1f} | {times.period_ns:.4f} |"
            )
        if other is not None:
            lines.append(
                f"| | | ratio | {other.process / own.process:.0f}"
                f" | {other.whole / own.whole:.1f} | {other.move / own.move:.1f}"
                f" | {own.period_ns / other.period_ns:.4f} |"
            )
    text = "\n".join(lines) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "timing.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
