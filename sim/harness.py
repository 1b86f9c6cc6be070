"""The Verilog around a unit in co-simulation: clock, and batches of cycles.

Reading and writing a simulator's signals from Python costs more than a clock cycle of a small
unit. So Python hands over a batch of cycles at a time and reads back as many accumulator contents;
the harness plays them, one cycle at a time.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.sim.streams import Stimulus
from hwmodel.units import UnitSpec

__all__ = [
    "BATCH",
    "CYCLE_NS",
    "TOP",
    "code_bits",
    "harness_verilog",
    "packed_batches",
    "unpacked_codes",
]

BATCH = 64
"""Cycles a batch. A multiple of 8, so that batches are whole bytes."""
CYCLE_NS = 10
TOP = "hwmodel_bench"

_HARNESS = """\
`timescale 1ns/1ns
// Plays batches of {batch} cycles: cocotb writes `stimulus` and reads `response`.
module {top};
  reg [{stimulus_top}:0] stimulus;
  reg [{response_top}:0] response;
  reg clk = 0;
  reg rst, valid, clear;
  reg [{a_top}:0] a;
  reg [{b_top}:0] b;
  wire [{acc_top}:0] acc;
  integer slot;

  {unit} unit (.clk(clk), .rst(rst), .a(a), .b(b), .valid(valid), .clear(clear), .acc(acc));

  initial forever
    for (slot = 0; slot < {batch}; slot = slot + 1) begin
      // Inputs change just after a rising edge and stand until the next one. The accumulator is
      // read just before that, so it shows if it heeds them, or the falling edge, already.
      #1 {{rst, valid, clear, a, b}} = stimulus[slot * {slot_bits} +: {slot_bits}];
      #4 clk = 0;
      #4 response[slot * {acc_bits} +: {acc_bits}] = acc;
      #1 clk = 1;
    end
endmodule
"""


def harness_verilog(spec: UnitSpec) -> str:
    """Harness of a unit, whose module is named ``spec.identifier``."""
    slot_bits = _slot_bits(spec)
    return _HARNESS.format(
        top=TOP,
        unit=spec.identifier,
        batch=BATCH,
        slot_bits=slot_bits,
        acc_bits=spec.accumulator_bits,
        stimulus_top=BATCH * slot_bits - 1,
        response_top=BATCH * spec.accumulator_bits - 1,
        a_top=spec.a.bits - 1,
        b_top=spec.b.bits - 1,
        acc_top=spec.accumulator_bits - 1,
    )


def packed_batches(spec: UnitSpec, stimulus: Stimulus) -> list[str]:
    """Batches in hexadecimal, the last one filled up with idle cycles."""
    controls = (stimulus.rst, stimulus.valid, stimulus.clear)
    columns = [bits[:, None].astype(np.uint8) for bits in controls]
    columns += [code_bits(stimulus.a, spec.a.bits), code_bits(stimulus.b, spec.b.bits)]
    cycles = np.concatenate(columns, axis=1)
    batches = -(-len(cycles) // BATCH)
    padded = np.zeros((batches * BATCH, _slot_bits(spec)), np.uint8)
    padded[: len(cycles)] = cycles
    # Slot 0 is at the right end.
    rows = padded.reshape(batches, BATCH, -1)[:, ::-1].reshape(batches, -1)
    return [row.tobytes().hex() for row in np.packbits(rows, axis=1)]


def unpacked_codes(
    spec: UnitSpec, lines: list[str]
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Accumulator codes from the binary lines of responses, and which hold unknown bits.

    Returns
    -------
    codes : ndarray, shape (cycles,)
        uint64, or Python integers for accumulators of more than 64 bits; unknown bits count as 0.
    unknown : ndarray of bool
        Same shape.
    """
    width = spec.accumulator_bits
    bits = np.frombuffer("".join(lines).encode(), np.uint8).reshape(len(lines), BATCH, width)
    characters = bits[:, ::-1].reshape(-1, width)
    ones = characters == ord("1")
    unknown = ~(ones | (characters == ord("0"))).all(axis=1)
    words = -(-width // 64)
    wide = np.zeros((len(ones), words * 64), np.uint8)
    wide[:, words * 64 - width :] = ones
    numbers = np.packbits(wide, axis=1).view(">u8")
    if words == 1:
        return numbers[:, 0].astype(np.uint64), unknown
    codes = np.zeros(len(ones), object)
    for column in numbers.T:
        codes = (codes << 64) | column.astype(object)
    return codes, unknown


def code_bits(codes: npt.NDArray[Any], width: int) -> npt.NDArray[np.uint8]:
    """Bits of codes, the most significant one first: shape (..., width)."""
    shifts = np.arange(width - 1, -1, -1, dtype=np.uint64)
    bits = (np.asarray(codes).astype(np.uint64)[..., None] >> shifts) & np.uint64(1)
    return bits.astype(np.uint8)


def _slot_bits(spec: UnitSpec) -> int:
    return 3 + spec.a.bits + spec.b.bits
