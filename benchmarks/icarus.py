"""Icarus Verilog on a mapped netlist, the straightforward way: cell models, operands, a VCD.

Delays come from OpenSTA as SDF; the parts of it that Icarus cannot read are taken out.
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwmodel.sim.dump import verilog
from hwmodel.sim.gates import GateNetlist
from hwmodel.technology import default_library
from hwmodel.technology.design import INPUT_SLEW_NS, OUTPUT_LOAD_FF

__all__ = ["MISSING", "simulate"]

MISSING = tuple(tool for tool in ("iverilog", "vvp", "sta") if not shutil.which(tool))

BENCH = """`timescale 1ns/1ps
module tb;
  reg clk = 0; reg [{high}:0] x = 0; reg [{high}:0] all [0:{last}];
  wire [{top}:0] acc; integer i;
  {name} dut (.clk(clk), {ports}, .acc(acc));
  initial begin
    {annotate}
    $readmemb("x.txt", all); $dumpfile("n.vcd"); $dumpvars(0, dut);
    for (i = 0; i <= {last}; i = i + 1) begin
      clk = 1; #0.001 x = all[i]; #{early} clk = 0; #{half};
      $display("%h", acc);
    end
    $finish;
  end
endmodule
"""


def _run(*command: str, folder: Path) -> str:
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True, timeout=1200
    ).stdout


def _delays(folder: Path, name: str, period: float) -> None:
    """SDF of the netlist, as far as Icarus reads it."""
    (folder / "sdf.tcl").write_text(
        f"read_liberty {default_library()}\nread_verilog n.v\nlink_design {name}\n"
        f"create_clock -name clk -period {period} [get_ports clk]\n"
        f"set_input_transition {INPUT_SLEW_NS} [all_inputs]\n"
        f"set_load {OUTPUT_LOAD_FF} [all_outputs]\nwrite_sdf -digits 6 n.sdf\n"
    )
    _run("sta", "-exit", "sdf.tcl", folder=folder)
    text = (folder / "n.sdf").read_text()
    text = re.sub(r"\(TIMINGCHECK.*?\n  \)", "", text, flags=re.S)
    text = re.sub(r"^.*INTERCONNECT.*\n", "", text, flags=re.M)
    text = re.sub(r"\((-?[\d.]+)::(-?[\d.]+)\)", r"(\1:\1:\2)", text)
    (folder / "n.sdf").write_text(text)


def simulate(
    gates: GateNetlist,
    bits: NDArray[np.uint8],
    period: float,
    delays: bool,
) -> tuple[float, float, list[int | None]]:
    """Run ``vvp`` on port bits: seconds, processor seconds, and accumulator codes (None: unknown).

    The change dump is written, for that is what a power tool reads; reading it is not timed.
    Icarus 11 skips conditional delays of SDF and keeps the model's 0.1 ns there, too slow a default
    for a chain of full adders: a longer clock lets it finish, and costs no events.
    """
    period *= 3 if delays else 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        netlist = verilog(gates.design.netlist)
        (folder / "n.v").write_text(netlist)
        top = gates.design.netlist.name
        annotate = ""
        if delays:
            _delays(folder, top, period)
            annotate = '$sdf_annotate("n.sdf", dut);'
        ports, low = [], 0
        for port, width in gates.inputs:
            ports.append(f".{port}(x[{low + width - 1}:{low}])")
            low += width
        ((_, width),) = gates.outputs
        bench = BENCH.format(
            high=low - 1,
            last=bits.shape[0] - 1,
            top=width - 1,
            name=top,
            ports=", ".join(ports),
            annotate=annotate,
            early=period / 2 - 0.001,
            half=period / 2,
        )
        (folder / "tb.v").write_text(bench)
        rows = ("".join(map(str, row[::-1])) for row in bits)
        (folder / "x.txt").write_text("\n".join(rows) + "\n")
        cells = default_library().with_name("stdcells.v").read_text()
        (folder / "cells.v").write_text("`timescale 1ns/1ps\n" + cells)
        (folder / "timed.v").write_text("`timescale 1ns/1ps\n" + netlist)
        flags = ["-gspecify"] if delays else []
        sources = ("tb.v", "timed.v", "cells.v")
        _run("iverilog", "-g2012", *flags, "-o", "n.vvp", *sources, folder=folder)
        start, begun = time.perf_counter(), _children()
        log = _run("vvp", "-n", "n.vvp", folder=folder)
        wall, spent = time.perf_counter() - start, _children() - begun
    codes = re.findall(r"^[0-9a-fxX]+$", log, re.M)
    return wall, spent, [None if "x" in code.lower() else int(code, 16) for code in codes]


def _children() -> float:
    """Processor seconds of the processes that this one has waited for."""
    times = os.times()
    return times.children_user + times.children_system
