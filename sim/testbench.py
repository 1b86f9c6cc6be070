"""A self-checking testbench in plain Verilog, for whatever simulator a user has."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.rtl import LATENCY
from hwmodel.sim.streams import Stimulus
from hwmodel.units import UnitSpec

__all__ = ["expected_hex", "stimulus_hex", "testbench_verilog"]

_TESTBENCH = """\
// Self-checking testbench of {top}: plays the conformance vectors and compares acc
// after every clock edge. Run it in the folder of the vectors, for example
//   iverilog -g2012 -o {top}_tb.vvp {top}_tb.v {top}.v && vvp {top}_tb.vvp
// It prints PASS, or the first mismatches and FAIL (by $fatal, so that the simulator's exit
// status tells, too).
`timescale 1ns/1ns
module {top}_tb;
  localparam CYCLES = {cycles};
  // Inputs taken in at one rising edge show in acc after the next one.
  localparam LATENCY = {latency};
  localparam SHOWN = 10;

  reg [{stimulus_top}:0] stimulus [0:CYCLES-1];  // rst, valid, clear, a, b
  reg [{acc_top}:0] expected [0:CYCLES-1];

  reg clk = 0;
  reg rst, valid, clear;
  reg [{a_top}:0] a;
  reg [{b_top}:0] b;
  wire [{acc_top}:0] acc;
  integer cycle, errors;

  {top} dut (.clk(clk), .rst(rst), .a(a), .b(b), .valid(valid), .clear(clear), .acc(acc));

  initial begin
    $readmemh("{top}.stimulus.hex", stimulus);
    $readmemh("{top}.expected.hex", expected);
    if (^stimulus[CYCLES-1] === 1'bx || ^expected[CYCLES-1] === 1'bx)
      $fatal(1, "FAIL: the vectors {top}.*.hex are not in this folder, or not whole");
    errors = 0;
    for (cycle = 0; cycle < CYCLES + LATENCY; cycle = cycle + 1) begin
      // Inputs change just after a rising edge; acc is read just before the next one.
      #1;
      if (cycle < CYCLES) {{rst, valid, clear, a, b}} = stimulus[cycle];
      else {{rst, valid, clear}} = 3'b000;
      #4 clk = 0;
      #4;
      if (cycle >= LATENCY && acc !== expected[cycle-LATENCY]) begin
        errors = errors + 1;
        if (errors <= SHOWN)
          $display("cycle %0d: rst, valid, clear, a, b = %h: expected acc %h, got %h",
                   cycle - LATENCY, stimulus[cycle-LATENCY], expected[cycle-LATENCY], acc);
      end
      #1 clk = 1;
    end
    if (errors != 0) $fatal(1, "FAIL: %0d of %0d cycles differ", errors, CYCLES);
    $display("PASS: %0d cycles", CYCLES);
    $finish;
  end
endmodule
"""


def testbench_verilog(spec: UnitSpec, cycles: int) -> str:
    """Testbench of a unit for that many cycles of vectors."""
    return _TESTBENCH.format(
        top=spec.identifier,
        cycles=cycles,
        latency=LATENCY,
        stimulus_top=2 + spec.a.bits + spec.b.bits,
        a_top=spec.a.bits - 1,
        b_top=spec.b.bits - 1,
        acc_top=spec.accumulator_bits - 1,
    )


def stimulus_hex(spec: UnitSpec, stimulus: Stimulus) -> str:
    """Stimulus for ``$readmemh``: rst, valid, clear, a, b as one number a cycle."""
    words = np.zeros(len(stimulus), np.uint64)
    for bit in (stimulus.rst, stimulus.valid, stimulus.clear):
        words = (words << np.uint64(1)) | bit
    words = (words << np.uint64(spec.a.bits)) | stimulus.a
    words = (words << np.uint64(spec.b.bits)) | stimulus.b
    return _hex_lines(words, 3 + spec.a.bits + spec.b.bits, "rst, valid, clear, a, b of each cycle")


def expected_hex(spec: UnitSpec, expected: npt.NDArray[Any]) -> str:
    """Accumulator codes for ``$readmemh``, one a cycle."""
    return _hex_lines(expected, spec.accumulator_bits, "acc that each cycle's step leaves")


def _hex_lines(words: npt.NDArray[Any], bits: int, comment: str) -> str:
    digits = (bits + 3) // 4
    return "\n".join([f"// {comment}", *(f"{int(word):0{digits}x}" for word in words)]) + "\n"
