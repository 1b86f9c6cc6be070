"""A bit-parallel simulator of RTLIL for the tests: 64 streams in each word of NumPy arrays."""

import json
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from hwmodel.yosys import run_yosys

Words = npt.NDArray[np.uint64]

_SCRIPT = """\
read_rtlil unit.il
hierarchy -check -top {top}
proc
flatten -noscopeinfo
opt -nosdff -nodffe
techmap
opt -nosdff -nodffe
write_json unit.json
"""

_FUNCTIONS = {
    "$_NOT_": lambda a: ~a,
    "$_BUF_": lambda a: a,
    "$_AND_": lambda a, b: a & b,
    "$_OR_": lambda a, b: a | b,
    "$_XOR_": lambda a, b: a ^ b,
    "$_XNOR_": lambda a, b: ~(a ^ b),
    "$_NAND_": lambda a, b: ~(a & b),
    "$_NOR_": lambda a, b: ~(a | b),
    "$_ANDNOT_": lambda a, b: a & ~b,
    "$_ORNOT_": lambda a, b: a | ~b,
    "$_MUX_": lambda a, b, s: (a & ~s) | (b & s),
}


class Gates:
    """The gates of a module and of all below it; registers, if any, start at zero."""

    def __init__(self, rtlil: str, top: str) -> None:
        files, _ = run_yosys(
            _SCRIPT.format(top=top), files={"unit.il": rtlil}, outputs=("unit.json",)
        )
        module = json.loads(files["unit.json"])["modules"][top]
        self.ports = {
            name: (port["direction"], port["bits"]) for name, port in module["ports"].items()
        }
        self.registers: list[tuple[int, int]] = []  # (input net, output net)
        gates = []
        for cell in module["cells"].values():
            pins = {pin: bits[0] for pin, bits in cell["connections"].items()}
            if cell["type"] == "$_DFF_P_":
                self.registers.append((pins["D"], pins["Q"]))
            else:
                ins = [pins[pin] for pin in "ABS" if pin in pins]
                gates.append((_FUNCTIONS[cell["type"]], ins, pins["Y"]))
        self._gates = self._ordered(gates)
        self.state: dict[int, Words] = {}

    def _ordered(self, gates: list) -> list:
        driven = {gate[2] for gate in gates}
        users: dict[int, list[int]] = {}
        missing = []
        for index, (_, ins, _out) in enumerate(gates):
            pending = {net for net in ins if net in driven}
            missing.append(len(pending))
            for net in pending:
                users.setdefault(net, []).append(index)
        ready = [index for index, count in enumerate(missing) if count == 0]
        order = []
        while ready:
            index = ready.pop()
            order.append(gates[index])
            for user in users.get(gates[index][2], []):
                missing[user] -= 1
                if missing[user] == 0:
                    ready.append(user)
        assert len(order) == len(gates), "combinational loop"
        return order

    def evaluate(self, stimulus: Mapping[str, npt.ArrayLike]) -> dict[str, npt.NDArray]:
        """Outputs for arrays of inputs (one element a stream), before the next clock edge."""
        arrays = {name: np.asarray(codes) for name, codes in stimulus.items()}
        lanes = max(array.size for array in arrays.values())
        words = -(-lanes // 64)
        zero = np.zeros(words, np.uint64)
        nets: dict[object, Words] = {"0": zero, "1": ~zero, "x": zero}
        for name, (direction, bits) in self.ports.items():
            if direction == "input" and name != "clk":
                codes = np.broadcast_to(arrays[name], lanes)
                for place, net in enumerate(bits):
                    nets[net] = _pack(codes >> place & 1, words)
        for _data, net in self.registers:
            nets[net] = self.state.get(net, zero)
        for function, ins, out in self._gates:
            nets[out] = function(*(nets[net] for net in ins))
        self._next = {net: nets[data] for data, net in self.registers}
        return {
            name: sum(
                _unpack(nets[net], lanes).astype(object if len(bits) > 63 else np.int64) << place
                for place, net in enumerate(bits)
            )
            for name, (direction, bits) in self.ports.items()
            if direction == "output"
        }

    def clock(self) -> None:
        """Take the registers over the clock edge that ends the cycle last evaluated."""
        self.state = self._next


def _pack(bits: npt.NDArray, words: int) -> Words:
    padded = np.zeros(words * 64, np.uint8)
    padded[: bits.size] = bits
    return np.packbits(padded, bitorder="little").view(np.uint64)


def _unpack(packed: Words, lanes: int) -> npt.NDArray[np.uint8]:
    return np.unpackbits(packed.view(np.uint8), bitorder="little")[:lanes]


def run_streams(gates: Gates, a, b, valid, clear) -> npt.NDArray:
    """Accumulator after each step of streams (N, T), after a reset."""
    idle = {"rst": 1, "a": np.zeros(len(a), np.int64), "b": 0, "valid": 0, "clear": 0}
    for _ in range(2):
        gates.evaluate(idle)
        gates.clock()
    results = []
    for t in range(a.shape[1] + 2):
        if t < a.shape[1]:
            stimulus = {
                "rst": 0,
                "a": a[:, t],
                "b": b[:, t],
                "valid": valid[:, t],
                "clear": clear[:, t],
            }
        else:
            stimulus = idle | {"rst": 0}
        outputs = gates.evaluate(stimulus)
        if t >= 2:
            results.append(outputs["acc"])
        gates.clock()
    return np.stack(results, axis=1)
