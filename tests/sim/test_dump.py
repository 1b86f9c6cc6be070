"""Dumps and netlists that are written hold what was simulated."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from change_dumps import toggles_of
from tiny_netlists import mapped_mac, tiny

from hwmodel.sim.activity import record_events, simulate_gates
from hwmodel.sim.dump import change_dump, verilog
from hwmodel.sim.gates import build_gates
from hwmodel.technology import default_library, load_library, read_netlist

CYCLES, CLOCK_NS = 200, 4.0


@pytest.fixture(scope="module")
def library():
    return load_library()


@pytest.fixture(scope="module")
def gates(library):
    return build_gates(read_netlist(mapped_mac(4, 16)[0], library), library)


@pytest.fixture(scope="module")
def stimulus(gates):
    bits = np.random.default_rng(1).integers(0, 2, (CYCLES, 11)).astype(np.uint8)
    at = np.cumsum([0, *(width for _, width in gates.inputs)])
    columns = {name: at[k] for k, (name, _) in enumerate(gates.inputs)}
    bits[:, columns["rst"]] = np.arange(CYCLES) < 3
    return bits


@pytest.fixture(scope="module")
def dump(gates, stimulus):
    return "\n".join(change_dump(gates, record_events(gates, stimulus, CLOCK_NS)))


def test_toggles_read_back_are_those_counted(gates, stimulus, dump):
    activity = simulate_gates(gates, stimulus, CLOCK_NS)
    netlist = gates.design.netlist
    read = toggles_of(dump)
    assert read.pop("clk") == 2 * CYCLES
    assert sum(read.values()) == activity.toggles.sum()
    expected = {}
    for port in netlist.ports.values():
        for place, net in enumerate(port.bits):
            name = port.name if len(port.bits) == 1 else f"{port.name}[{place}]"
            expected[name] = activity.toggles[net]
    ports = {net for port in netlist.ports.values() for net in port.bits}
    expected |= {
        f"n{k}": activity.toggles[k] for k in range(2, netlist.net_count) if k not in ports
    }
    assert {name: int(count) for name, count in expected.items() if count and name != "clk"} == read
    # With glitches: some nets change more than once a cycle.
    assert activity.toggles.sum() > activity.functional.sum()


def test_times_stand_within_their_cycles(gates, dump):
    times = [int(time) for time in re.findall(r"^#(\d+)$", dump, re.M)]
    assert times == sorted(times)
    assert times[-1] == round(CYCLES * CLOCK_NS * 1e6)
    within = {time % round(CLOCK_NS * 1e6) for time in times}
    half = round(CLOCK_NS * 0.5e6)
    assert {0, half} <= within
    assert max(within - {half}) < gates.horizon_ns * 1.05e6


def test_ports_that_share_a_net_and_constants(library):
    design = tiny(
        {"clk": ("input", [2]), "x": ("input", [3]), "y": ("output", [3, 4, 4, "1"])},
        {
            "f": ("DFF_X1", {"CK": 2, "D": 5, "Q": 4}),
            "u": ("NAND2_X1", {"A1": 3, "A2": 4, "ZN": 5}),
        },
    )
    netlist = read_netlist(design, library)
    text = verilog(netlist)
    for line in ("assign y[0] = x;", "assign y[2] = y[1];", "assign y[3] = 1'b1;"):
        assert line in text
    gates = build_gates(netlist, library)
    bits = np.array([[0], [1], [1], [0], [1]], np.uint8)
    read = toggles_of("\n".join(change_dump(gates, record_events(gates, bits, 2.0))))
    assert read["y[1]"] == read["y[2]"] > 0
    assert read["y[0]"] == read["x"] == 3


@pytest.mark.skipif(not shutil.which("iverilog"), reason="needs Icarus Verilog (iverilog)")
def test_icarus_runs_the_netlist_that_is_written(gates, stimulus, tmp_path):
    cells = default_library().with_name("stdcells.v").read_text()
    places, low = [], 0
    for name, width in gates.inputs:
        places.append(f".{name}(x[{low + width - 1}:{low}])")
        low += width
    (tmp_path / "cells.v").write_text("`timescale 1ns/1ps\n" + cells)
    (tmp_path / "n.v").write_text("`timescale 1ns/1ps\n" + verilog(gates.design.netlist))
    rows = ("".join(map(str, row[::-1])) for row in stimulus)
    (tmp_path / "x.txt").write_text("\n".join(rows) + "\n")
    (tmp_path / "tb.v").write_text(
        f"""`timescale 1ns/1ps
module tb;
  reg clk = 0; reg [10:0] x = 0; reg [10:0] all [0:{CYCLES - 1}]; wire [15:0] acc; integer i;
  mac dut (.clk(clk), {", ".join(places)}, .acc(acc));
  initial begin
    $readmemb("x.txt", all);
    for (i = 0; i < {CYCLES}; i = i + 1) begin
      clk = 1; #0.001 x = all[i]; #2 clk = 0; #2; $display("%h", acc);
    end
    $finish;
  end
endmodule
"""
    )
    sources = ["tb.v", "n.v", "cells.v"]
    subprocess.run(["iverilog", "-g2012", "-o", "n.vvp", *sources], cwd=tmp_path, check=True)
    log = subprocess.run(
        ["vvp", "-n", "n.vvp"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    codes = [int(code, 16) for code in re.findall(r"^[0-9a-f]{4}$", log, re.M)]
    ours = simulate_gates(gates, stimulus, CLOCK_NS).outputs
    weights = 1 << np.arange(16)
    known = slice(-(CYCLES - 4), None)
    np.testing.assert_array_equal(codes[known], (ours @ weights)[known])
