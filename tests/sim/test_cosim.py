"""Co-simulation: right units pass, and whatever is wrong is caught."""

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwmodel.errors import HwmodelError, ToolError
from hwmodel.rtl import Fault, structures_for, to_verilog
from hwmodel.sim import simulator
from hwmodel.sim.cosim import run_cosim, simulate_verilog
from hwmodel.sim.harness import BATCH, code_bits, packed_batches, unpacked_codes
from hwmodel.sim.streams import expected_accumulator
from hwmodel.sim.vectors import FULL, QUICK, Effort, random_streams
from hwmodel.units import parse_unit

TINY = Effort(pairs=256, corners=1200, climb=255, walk=600)


def test_all_pairs_of_8_bit_operands():
    result = run_cosim(
        parse_unit("mac-e4m3-e4m3-exact"), random_steps=1000, effort=Effort(1 << 16, 2000, 255, 0)
    )
    assert result.sections["operand pairs"] == (1 << 16, 0)
    assert result.mismatches == 0
    assert result.vectors == sum(vectors for vectors, _ in result.sections.values()) > 1 << 16
    assert result.vectors_per_s > 0
    assert result.first == ()
    assert result.log is None
    assert re.match(r"Icarus Verilog \d+", result.simulator)


@pytest.mark.parametrize(
    "name",
    [
        "mac-int8-int8-int32",
        "mac-int4-uint4-int12sat",
        "mac-e5m2-e4m3-exact",
        "mac-e5m2-e5m2-fp16",
        "mac-e3m2-e2m3-fp32",
    ],
)
def test_units_agree_with_the_golden_model(name):
    result = run_cosim(parse_unit(name), random_steps=1000, effort=TINY)
    assert (result.mismatches, result.first) == (0, ())


# Every fault on a small unit in which it can show.
PLANTED = [
    (Fault.WRONG_BIAS, "mac-e2m1-e2m1-exact"),
    (Fault.WRONG_BIAS, "mac-e2m1-e2m1-fp16"),
    (Fault.DROPPED_STICKY, "mac-e3m2-e3m2-fp16"),
    (Fault.DROPPED_STICKY, "mac-e2m1-e2m1-fp16"),
    (Fault.TRUNCATED_ROUNDING, "mac-e3m2-e3m2-fp16"),
    (Fault.MISSING_SUBNORMALS, "mac-e2m1-e2m1-exact"),
    (Fault.MISSING_SUBNORMALS, "mac-e2m1-e2m1-fp16"),
    (Fault.ZERO_SIGN, "mac-e2m1-e2m1-fp16"),
]


@pytest.mark.parametrize(("fault", "name"), PLANTED, ids=lambda x: getattr(x, "value", x))
def test_a_planted_fault_is_caught(fault, name):
    spec = parse_unit(name)
    result = run_cosim(spec, random_steps=300, effort=TINY, fault=fault)
    try:
        assert result.mismatches > 0
        first = result.first[0]
        assert first.expected != first.got
        assert first.values["a"] == spec.a.decode([first.a])[0]
        assert first.values["expected"] == spec.decode_accumulator([first.expected])[0]
        record = result.to_dict()
        assert record["fault"] == fault.value
        assert record["first_mismatches"][0]["codes"]["got"] == hex(first.got)
        # What is needed to look into it is kept.
        assert {"unit.v", "harness.v"} <= {path.name for path in result.log.iterdir()}
    finally:
        if result.log:
            shutil.rmtree(result.log)


def simulated(spec, verilog, tmp_path, steps=400, processes=1):
    stimulus = random_streams(spec, steps, np.random.default_rng(5))
    codes, unknown, _ = simulate_verilog(spec, verilog, stimulus, tmp_path, processes)
    return codes, unknown, expected_accumulator(spec, stimulus)


WRAPPED = """
module mac_int4_int4_int8(clk, rst, a, b, valid, clear, acc);
  input clk, rst, valid, clear;
  input [3:0] a, b;
  output [7:0] acc;
  {body}
endmodule
"""
# A second description of the unit, and one-line changes to it that break no sum.
PLAIN = """
  reg signed [3:0] x, y; reg v, c; reg signed [7:0] sum;
  always @(posedge clk) begin
    x <= a; y <= b; v <= valid & ~rst; c <= clear | rst;
    sum <= (c ? 8'sd0 : sum) + (v ? x * y : 8'sd0);
  end
  assign acc = sum;
"""
LATE = "reg [7:0] late; always @(posedge clk) late <= sum; assign acc = late;"
BROKEN = {
    "a cycle late": ("assign acc = sum;", LATE),
    "a cycle early": ("assign acc = sum;", "assign acc = (c ? 8'sd0 : sum) + (v ? x * y : 8'sd0);"),
    "inputs shine through": ("assign acc = sum;", "assign acc = clear ? 8'd0 : sum;"),
    "valid ignored": ("v <= valid & ~rst", "v <= ~rst"),
    "clear ignored": ("c <= clear | rst", "c <= rst"),
    "reset ignored": ("c <= clear | rst", "c <= clear"),
    "reset adds": ("v <= valid & ~rst", "v <= valid"),
    "falling edge": ("always @(posedge clk) begin", "always @(negedge clk) begin"),
    "an unknown bit": ("assign acc = sum;", "assign acc = {1'bx, sum[6:0]};"),
}


def test_another_description_of_the_same_unit_passes(tmp_path):
    spec = parse_unit("mac-int4-int4-int8")
    codes, unknown, expected = simulated(spec, WRAPPED.format(body=PLAIN), tmp_path)
    assert not unknown.any()
    np.testing.assert_array_equal(codes, expected)


@pytest.mark.parametrize("mistake", BROKEN)
def test_wrong_timing_and_controls_are_seen(mistake, tmp_path):
    old, new = BROKEN[mistake]
    assert old in PLAIN
    verilog = WRAPPED.format(body=PLAIN.replace(old, new))
    codes, unknown, expected = simulated(parse_unit("mac-int4-int4-int8"), verilog, tmp_path)
    wrong = unknown | (codes != expected)
    assert wrong.any()
    assert unknown.any() == (mistake == "an unknown bit")


def test_several_simulators_share_the_work(tmp_path):
    spec = parse_unit("mac-e2m1-e2m1-exact")
    (tmp_path / "one").mkdir()
    (tmp_path / "three").mkdir()
    verilog = to_verilog(spec)
    one = simulated(spec, verilog, tmp_path / "one")
    three = simulated(spec, verilog, tmp_path / "three", processes=3)
    assert len(list((tmp_path / "three").glob("part*"))) == 3
    np.testing.assert_array_equal(one[0], three[0])
    np.testing.assert_array_equal(one[0], one[2])


@pytest.mark.parametrize("name", ["mac-int8-int8-int32", "mac-e5m2-e5m2-exact"])
def test_batches_carry_every_bit(name):
    spec = parse_unit(name)
    stimulus = random_streams(spec, BATCH + 3, np.random.default_rng(1))
    batches = [int(text, 16) for text in packed_batches(spec, stimulus)]
    assert len(batches) == 2
    width = 3 + spec.a.bits + spec.b.bits
    for t in range(len(stimulus)):
        slot = batches[t // BATCH] >> (t % BATCH * width) & (1 << width) - 1
        b, slot = slot & 0xFF, slot >> 8
        a, slot = slot & 0xFF, slot >> 8
        assert (a, b) == (stimulus.a[t], stimulus.b[t])
        controls = (stimulus.rst[t], stimulus.valid[t], stimulus.clear[t])
        assert slot == 4 * int(controls[0]) + 2 * int(controls[1]) + int(controls[2])


@pytest.mark.parametrize("name", ["mac-int4-int4-int9", "mac-e5m2-e5m2-exact"])
def test_responses_are_read_back_whatever_their_width(name):
    spec = parse_unit(name)
    rng = np.random.default_rng(2)
    codes = [int.from_bytes(rng.bytes(16)) >> (128 - spec.accumulator_bits) for _ in range(BATCH)]
    texts = [f"{code:0{spec.accumulator_bits}b}" for code in codes]
    texts[5] = "X" + texts[5][1:]
    texts[6] = "Z" * spec.accumulator_bits
    read, unknown = unpacked_codes(spec, ["".join(reversed(texts))])
    assert np.flatnonzero(unknown).tolist() == [5, 6]
    assert [int(c) for c, u in zip(read, unknown, strict=True) if not u] == codes[:5] + codes[7:]


def test_bits_of_codes():
    assert code_bits(np.array([5, 2]), 3).tolist() == [[1, 0, 1], [0, 1, 0]]


def test_a_missing_simulator_is_one_sentence(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(HwmodelError, match=r"needs Icarus.*apt-get install iverilog") as info:
        run_cosim(parse_unit("mac-e2m1-e2m1-exact"))
    assert "\n" not in str(info.value)


def test_verilog_that_does_not_compile_shows_the_compilers_words(tmp_path):
    spec = parse_unit("mac-int4-int4-int8")
    with pytest.raises(
        ToolError, match=r"(?s)iverilog failed with status \d+.*syntax error"
    ) as info:
        simulated(spec, WRAPPED.format(body="not verilog"), tmp_path)
    assert str(tmp_path / "compile.log") in str(info.value)


def test_a_simulator_that_dies_shows_its_last_words(tmp_path, monkeypatch):
    spec = parse_unit("mac-int4-int4-int8")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "vvp").write_text("#!/bin/sh\necho out of order >&2\nexit 3\n")
    (tools / "vvp").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    run = tmp_path / "run"
    run.mkdir()
    with pytest.raises(ToolError, match=r"(?s)vvp\) failed with status 3.*out of order"):
        simulated(spec, WRAPPED.format(body=PLAIN), run)


def test_an_error_in_the_bench_is_no_success(tmp_path, monkeypatch):
    spec = parse_unit("mac-int4-int4-int8")
    monkeypatch.setattr("hwmodel.sim.cosim.packed_batches", lambda *_: ["no number"])
    with pytest.raises(ToolError, match="bench failed inside the simulator"):
        simulated(spec, WRAPPED.format(body=PLAIN), tmp_path)


@pytest.mark.parametrize("again", [False, True])
def test_an_interrupt_ends_the_simulators(again, tmp_path, monkeypatch):
    started = []
    popen, kill = simulator.subprocess.Popen, simulator.subprocess.Popen.kill
    presses = [again]

    def impatient(process):
        if any(presses):
            presses.clear()
            raise KeyboardInterrupt
        kill(process)

    def remember(command, **kwargs):
        process = popen(command, **kwargs)
        if Path(command[0]).name == "vvp":
            started.append(process)
        return process

    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(popen, "kill", impatient)
    monkeypatch.setattr(simulator.subprocess, "Popen", remember)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "vvp").write_text("#!/bin/sh\nexec sleep 60\n")
    (tools / "vvp").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(KeyboardInterrupt):
        simulator.run_cocotb(Path("x.vvp"), "top", "m", [tmp_path, tmp_path], "FOLDER", interrupt)
    assert len(started) == 2
    assert all(process.poll() is not None for process in started)


def test_a_simulator_whose_user_is_killed_stops_too(tmp_path):
    script = f"""
import sys
from pathlib import Path
import numpy as np
from hwmodel.sim.cosim import simulate_verilog
from hwmodel.sim.vectors import random_streams
from hwmodel.units import parse_unit
spec = parse_unit("mac-int4-int4-int8")
stimulus = random_streams(spec, 2_000_000, np.random.default_rng(5))
verilog = Path({str(tmp_path / "plain.v")!r}).read_text()
folder = Path({str(tmp_path)!r})
simulate_verilog(spec, verilog, stimulus, folder, 1, lambda *_: print("on", flush=True))
"""
    (tmp_path / "plain.v").write_text(WRAPPED.format(body=PLAIN))
    user = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    with user:
        assert user.stdout is not None
        assert user.stdout.readline() == "on\n"
        results = tmp_path / "part0" / "results.xml"
        partial = tmp_path / "part0" / "responses.txt.partial"
        while not partial.exists():
            time.sleep(0.05)
        user.kill()
    for _ in range(600):
        if results.exists():
            break
        time.sleep(0.1)
    assert results.exists(), "the simulator came to its end"
    assert partial.exists(), "but not through all of its stimulus"


FULL_RUNS = [
    "mac-int8-int8-int32",
    "mac-int8-int8-exact",
    *(f"mac-{f}-{f}-{acc}" for f in ("e4m3", "e5m2", "e3m4") for acc in ("exact", "fp32", "fp16")),
]


@pytest.mark.slow
@pytest.mark.parametrize("name", FULL_RUNS)
def test_full_runs(name):
    result = run_cosim(parse_unit(name), effort=FULL)
    assert result.sections["operand pairs"][0] == 1 << 16
    assert (result.mismatches, result.first) == (0, ())


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["mac-int8-int8-int32", "mac-e4m3-e4m3-exact", "mac-e4m3-e4m3-fp32"]
)
def test_every_structure(name):
    spec = parse_unit(name)
    for structure in structures_for(spec):
        result = run_cosim(spec, structure, random_steps=4000, effort=QUICK)
        assert (result.structure, result.mismatches, result.first) == (structure, 0, ())


IN_8_BIT_UNITS = [
    *((fault, f"mac-{f}-{f}-fp32") for f in ("e4m3", "e5m2", "e3m4") for fault in Fault),
    *((fault, "mac-e5m2-e5m2-fp16") for fault in Fault),
    (Fault.WRONG_BIAS, "mac-e4m3-e4m3-exact"),
    (Fault.MISSING_SUBNORMALS, "mac-e4m3-e4m3-exact"),
    (Fault.TRUNCATED_ROUNDING, "mac-int8-int8-fp32"),
    (Fault.DROPPED_STICKY, "mac-int8-int8-fp32"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "name"), IN_8_BIT_UNITS, ids=lambda x: getattr(x, "value", x))
def test_faults_in_units_of_8_bit_operands(fault, name):
    effort = replace(QUICK, climb=FULL.climb)
    result = run_cosim(parse_unit(name), random_steps=1000, effort=effort, fault=fault)
    assert result.mismatches > 0
    shutil.rmtree(result.log)
