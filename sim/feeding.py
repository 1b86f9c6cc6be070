"""The gate netlist of a unit fed with a stream of operands: what goes in, what has to come out."""

import numpy as np
from numpy.typing import NDArray

from hwmodel.arithmetic import simulate
from hwmodel.errors import HwmodelError
from hwmodel.rtl import LATENCY
from hwmodel.sim.bit_words import bits_of, words_of_codes
from hwmodel.sim.gates import GateNetlist
from hwmodel.sim.stimulus import Stimulus
from hwmodel.units import UnitSpec

__all__ = ["RESET_CYCLES", "check_outputs", "counted_cycles", "port_bits", "port_words"]

RESET_CYCLES = 3


def port_words(gates: GateNetlist, spec: UnitSpec, stimulus: Stimulus) -> NDArray[np.uint64]:
    """Input ports in every cycle: reset, operands, and two cycles to finish; as `bit_words`."""
    count = stimulus.a_codes.size
    window = slice(RESET_CYCLES, RESET_CYCLES + count)
    known = {
        "a": (stimulus.a_codes, spec.a.bits),
        "b": (stimulus.b_codes, spec.b.bits),
        "valid": (stimulus.valid, 1),
        "clear": (stimulus.clear, 1),
        "rst": (np.zeros(count, bool), 1),
    }
    expected = {name: width for name, (_, width) in known.items()}
    if dict(gates.inputs) != expected:
        raise HwmodelError(
            f"netlist {gates.design.netlist.name}: expected input ports {expected} besides the"
            f" clock, found {dict(gates.inputs)}"
        )
    words = np.zeros((RESET_CYCLES + count + LATENCY, -(-sum(expected.values()) // 64)), np.uint64)
    place = 0
    for name, width in gates.inputs:
        codes = np.asarray(known[name][0]).astype(np.uint64)
        word, bit = divmod(place, 64)
        words[window, word] |= codes << np.uint64(bit)
        if bit + width > 64:
            words[window, word + 1] |= codes >> np.uint64(64 - bit)
        if name == "rst":
            words[:RESET_CYCLES, word] |= np.uint64(1 << bit)
        place += width
    return words


def port_bits(gates: GateNetlist, spec: UnitSpec, stimulus: Stimulus) -> NDArray[np.uint8]:
    """`port_words` bit by bit, as the event-driven simulator takes them."""
    return bits_of(port_words(gates, spec, stimulus), gates.arrays.input_nets.size)


def counted_cycles(stimulus: Stimulus) -> slice:
    """Cycles that do one whole multiply-accumulate each.

    From that in which the first sum lands to the last in which operands arrive.
    """
    return slice(RESET_CYCLES + LATENCY, RESET_CYCLES + stimulus.a_codes.size)


def check_outputs(
    gates: GateNetlist, spec: UnitSpec, stimulus: Stimulus, outputs: NDArray[np.uint64]
) -> int:
    """Compare every accumulator code with the golden model; the number of them.

    `outputs` are the output ports in every cycle, as `hwmodel.sim.bit_words`.
    """
    width = spec.accumulator_bits
    if gates.outputs != (("acc", width),):
        raise HwmodelError(
            f"netlist {gates.design.netlist.name}: expected the output port acc of"
            f" {width} bits, found {dict(gates.outputs)}"
        )
    golden = simulate(spec, stimulus.a_codes, stimulus.b_codes, stimulus.valid, stimulus.clear)
    first = RESET_CYCLES + LATENCY
    found = outputs[first : first + golden.size]
    wrong = np.flatnonzero((found != words_of_codes(golden, width)).any(axis=1))
    if wrong.size:
        step = int(wrong[0])
        got = sum(int(word) << 64 * place for place, word in enumerate(found[step]))
        raise HwmodelError(
            f"the mapped netlist of {spec.name} differs from the golden model in {wrong.size} of"
            f" {golden.size} steps, first in step {step}: a=0x{int(stimulus.a_codes[step]):x},"
            f" b=0x{int(stimulus.b_codes[step]):x}, expected acc=0x{int(golden[step]):x}, got"
            f" 0x{got:x}; synthesis or simulation is at fault, so no energy is given"
        )
    return int(golden.size)
