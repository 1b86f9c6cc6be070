"""Energy of a run against OpenROAD on the very same events, where OpenROAD is found."""

import importlib.util
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from tiny_netlists import mapped_mac

from hwmodel.sim.activity import record_events, simulate_gates
from hwmodel.sim.dump import change_dump, verilog
from hwmodel.sim.gates import build_gates
from hwmodel.technology import default_library, load_library, read_netlist
from hwmodel.technology.design import INPUT_SLEW_NS, OUTPUT_LOAD_FF

CYCLES, CLOCK_NS = 1000, 4
EXECUTABLE = shutil.which("openroad")
PYTHON = importlib.util.find_spec("openroad") is not None
# OpenSTA as Debian has it adds up all conditional groups of a cell: it is no reference.
needs_openroad = pytest.mark.skipif(
    not (EXECUTABLE or PYTHON),
    reason="needs OpenROAD: the executable `openroad`, or the Python package (glibc 2.38 or newer)",
)

SCRIPT = """\
read_lef {lef}/rtk-tech.lef
read_lef {lef}/stdcells.lef
read_liberty cells.lib
read_verilog n.v
link_design mac
create_clock -name clk -period {clock} [get_ports clk]
set_input_transition {slew} [all_inputs]
set_load {load} [all_outputs]
if {{[info commands read_vcd] ne ""}} {{
  read_vcd -scope mac n.vcd
}} else {{
  read_power_activities -scope mac -vcd n.vcd
}}
report_power -digits 6 > power.txt
"""


def total_watts(report: str) -> tuple[float, float, float]:
    """Internal, switching and leakage power of the last line of a report."""
    found = re.search(r"^Total\s+([\d.e+-]+)\s+([\d.e+-]+)\s+([\d.e+-]+)\s", report, re.M)
    assert found, report
    return tuple(float(value) for value in found.groups())


def test_the_report_is_read_by_columns():
    report = (
        "Group                  Internal  Switching    Leakage      Total\n"
        "                          Power      Power      Power      Power (Watts)\n"
        "----------------------------------------------------------------\n"
        "Sequential             3.99e-04   4.81e-05   4.15e-06   4.52e-04  58.4%\n"
        "Total                  5.43e-04   2.05e-04   2.49e-05   7.73e-04 100.0%\n"
    )
    assert total_watts(report) == (5.43e-4, 2.05e-4, 2.49e-5)


@needs_openroad
def test_energy_is_that_of_openroad_within_three_per_cent(tmp_path):
    # OpenROAD leaves wire loads out of the power before placement; so do both here.
    text = default_library().read_text()
    text, found = re.subn(r"^\s*default_wire_load\s*:.*;\s*$", "", text, flags=re.M)
    assert found == 1
    liberty = tmp_path / "cells.lib"
    liberty.write_text(text)
    library = load_library(liberty)
    gates = build_gates(read_netlist(mapped_mac(8, 32)[0], library), library)
    rng = np.random.default_rng(5)
    values = {
        "rst": np.arange(CYCLES) < 3,
        "a": np.rint(rng.normal(0, 32, CYCLES)).clip(-127, 127),
        "b": np.rint(rng.normal(0, 32, CYCLES)).clip(-127, 127),
        "valid": np.ones(CYCLES),
        "clear": np.arange(CYCLES) % 64 == 0,
    }
    columns = [
        values[name].astype(np.int64)[:, None] >> np.arange(width) & 1
        for name, width in gates.inputs
    ]
    stimulus = np.concatenate(columns, axis=1).astype(np.uint8)
    ours = simulate_gates(gates, stimulus, CLOCK_NS)
    log = record_events(gates, stimulus, CLOCK_NS)
    (tmp_path / "n.vcd").write_text("\n".join(change_dump(gates, log)) + "\n")
    (tmp_path / "n.v").write_text(verilog(gates.design.netlist))
    (tmp_path / "run.tcl").write_text(
        SCRIPT.format(
            lef=default_library().parent, clock=CLOCK_NS, slew=INPUT_SLEW_NS, load=OUTPUT_LOAD_FF
        )
    )
    if EXECUTABLE:
        command = [EXECUTABLE, "-no_splash", "-exit", "run.tcl"]
    else:
        python = (
            "from openroad import Design, Tech;Design(Tech()).evalTclString(open('run.tcl').read())"
        )
        command = [sys.executable, "-c", python]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert (tmp_path / "power.txt").exists(), done.stdout + done.stderr
    # W * ns = 1e6 fJ.
    theirs = [1e6 * CLOCK_NS * w for w in total_watts((tmp_path / "power.txt").read_text())]
    # It charges nets to the instances that drive them; the clock pins hang on a port.
    clock = ours.clock - gates.clock_charge
    leakage = ours.leakage_nw * CLOCK_NS * 1e-3
    total = float((ours.internal + ours.switching + clock + leakage).mean())
    assert total == pytest.approx(sum(theirs), rel=0.03)
