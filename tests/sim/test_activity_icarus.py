"""Toggle counts against an independent simulator with the delays that a timing analyser writes."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from change_dumps import toggles_of
from tiny_netlists import mapped_mac

from hwmodel.sim.activity import simulate_gates
from hwmodel.sim.gates import build_gates
from hwmodel.technology import default_library, load_library, read_netlist
from hwmodel.technology.design import INPUT_SLEW_NS, OUTPUT_LOAD_FF

CYCLES = 300
CLOCK_NS = 4
SPEED = "strash\ndch\nmap -B 0.9 -D 600\ntopo\nbuffer -c\ntopo\nupsize -D 600\ndnsize -D 600\n"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("sta") and shutil.which("iverilog")),
        reason="needs OpenSTA (Debian: opensta) and Icarus Verilog (iverilog)",
    ),
]


def run(*command, folder):
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True, timeout=300
    ).stdout


def with_delays(cells: str, netlist: str, sdf: str) -> tuple[str, str]:
    """Give every instance a module of its own, with its SDF delays in the specify block.

    Icarus 11 does not read conditional SDF delays, but it knows conditional paths.
    """
    modules = {
        match.group(1): match.group()
        for match in re.finditer(r"^module (\w+) \(.*?^endmodule", cells, re.S | re.M)
    }
    path = re.compile(
        r"(?:\(COND ([^\n]*)\n\s*)?\(IOPATH (\w+) (\w+) \(([^)]*)\) \(([^)]*)\)", re.M
    )
    made = []
    for block in sdf.split("(CELLTYPE ")[1:]:
        kind = re.match(r'"(\w+)"', block).group(1)
        name = re.search(r"\(INSTANCE ?(\S*)\)", block).group(1)
        if kind not in modules:
            continue
        lines = [
            f"{f'if ({condition}) ' if condition else ''}({source} => {sink}) ="
            f" ({rise.split('::')[1]}, {fall.split('::')[1]});"
            for condition, source, sink, rise, fall in path.findall(block.split("TIMINGCHECK")[0])
        ]
        specify = "specify\n" + "\n".join(lines) + "\nendspecify" if lines else ""
        body = re.sub(r"specify.*?endspecify", lambda _, s=specify: s, modules[kind], flags=re.S)
        made.append(body.replace(f"module {kind} (", f"module {kind}_{name} (", 1))
    assert len(made) > 100
    instance = re.compile(r"^( +)(\w+) (\w+) \($", re.M)
    netlist, found = instance.subn(
        lambda m: f"{m[1]}{m[2]}_{m[3]} {m[3]} (" if m[2] in modules else m[0], netlist
    )
    assert found == len(made)
    primitives = re.findall(r"^primitive .*?^endprimitive", cells, re.S | re.M)
    return "`timescale 1ns/1fs\n" + "\n".join(made + primitives), netlist


@pytest.mark.parametrize("script", ["", SPEED], ids=["area", "speed"])
def test_toggles_are_those_of_icarus_with_sdf_delays(tmp_path, script):
    library = load_library()
    design, verilog = mapped_mac(8, 32, script)
    gates = build_gates(read_netlist(design, library), library)
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

    netlist = re.sub(r"\bsigned\b", "", verilog)
    (tmp_path / "n.v").write_text(netlist)
    (tmp_path / "run.tcl").write_text(
        f"read_liberty {default_library()}\nread_verilog n.v\nlink_design mac\n"
        f"create_clock -name clk -period {CLOCK_NS} [get_ports clk]\n"
        f"set_input_transition {INPUT_SLEW_NS} [all_inputs]\n"
        f"set_load {OUTPUT_LOAD_FF} [all_outputs]\nwrite_sdf -digits 6 n.sdf\n"
    )
    run("sta", "-exit", "run.tcl", folder=tmp_path)
    cells = default_library().with_name("stdcells.v").read_text()
    sdf = (tmp_path / "n.sdf").read_text()
    delayed, netlist = with_delays(cells, netlist, sdf)
    width = stimulus.shape[1]
    places, low = [], 0
    for name, bits in gates.inputs:
        places.append(f".{name}(x[{low + bits - 1}:{low}])")
        low += bits
    (tmp_path / "cells.v").write_text(delayed)
    (tmp_path / "timed.v").write_text("`timescale 1ns/1fs\n" + netlist)
    (tmp_path / "x.txt").write_text(
        "\n".join("".join(map(str, row[::-1])) for row in stimulus) + "\n"
    )
    (tmp_path / "tb.v").write_text(
        f"""`timescale 1ns/1fs
module tb;
  reg clk = 0; reg [{width - 1}:0] x = 0; reg [{width - 1}:0] all [0:{CYCLES - 1}];
  wire [31:0] acc; integer i;
  mac dut (.clk(clk), {", ".join(places)}, .acc(acc));
  initial begin
    $readmemb("x.txt", all); $dumpfile("n.vcd"); $dumpvars(1, dut);
    for (i = 0; i < {CYCLES}; i = i + 1) begin
      clk = 1; #0.0001 x = all[i]; #{CLOCK_NS / 2 - 0.0001} clk = 0; #{CLOCK_NS / 2};
      $display("acc %h", acc);
    end
    $finish;
  end
endmodule
"""
    )
    run("iverilog", "-g2012", "-gspecify", "-o", "n.vvp", "tb.v", "timed.v", "cells.v",
        folder=tmp_path)  # fmt: skip
    log = run("vvp", "-n", "n.vvp", folder=tmp_path)
    found = [int(code, 16) for code in re.findall(r"acc ([0-9a-f]{8})", log)]
    weights = 1 << np.arange(32, dtype=np.int64)
    # Before the reset has worked, theirs is unknown.
    known = slice(-(CYCLES - 4), None)
    np.testing.assert_array_equal(found[known], (ours.outputs.astype(np.int64) @ weights)[known])

    theirs = toggles_of((tmp_path / "n.vcd").read_text())
    del theirs["clk"]
    total = sum(theirs.values())
    assert total / CYCLES > 200
    assert ours.toggles.sum() == pytest.approx(total, rel=0.02)
    # Net by net: registers toggle exactly alike.
    names = dict(zip(gates.design.netlist.net_names, ours.toggles.tolist(), strict=True))
    for bit in range(8):
        assert names[f"ar[{bit}]"] == pytest.approx(theirs[f"ar[{bit}]"], abs=1)
