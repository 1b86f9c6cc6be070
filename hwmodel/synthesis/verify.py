"""Quick check of a mapped netlist against the golden model, with random operands and controls.

Every net holds one long Python integer, a bit for each of many independent streams, so that
Liberty functions are evaluated for all streams at once without any compilation.
"""

import numpy as np
import numpy.typing as npt

from hwmodel.arithmetic import simulate
from hwmodel.errors import ToolError
from hwmodel.technology.library import CellLibrary
from hwmodel.technology.logic import parse_function
from hwmodel.technology.netlist import CONSTANT_0, CONSTANT_1, Instance, Netlist
from hwmodel.units import UnitSpec

__all__ = ["check_netlist"]

_STREAMS = 2048
_STEPS = 20
# Edges between an operand at the inputs and the sum at the output.
_LATENCY = 2


def check_netlist(spec: UnitSpec, netlist: Netlist, library: CellLibrary, seed: int = 1) -> int:
    """Compare a netlist with the golden model.

    Parameters
    ----------
    spec
        What the netlist should compute.
    netlist
        The mapped unit.
    library
        Its cells.
    seed
        Of the random streams.

    Returns
    -------
    int
        Steps compared.

    Raises
    ------
    ToolError
        The netlist computes something else.
    """
    rng = np.random.default_rng(seed)
    shape = (_STREAMS, _STEPS)
    a = rng.integers(0, 1 << spec.a.bits, shape, dtype=np.uint32)
    b = rng.integers(0, 1 << spec.b.bits, shape, dtype=np.uint32)
    valid = rng.random(shape) < 0.85
    clear = rng.random(shape) < 0.1
    expected = simulate(spec, a, b, valid, clear)
    simulator = _Simulator(netlist, library)
    idle = np.zeros(_STREAMS, np.uint32)
    yes, no = np.ones(_STREAMS, np.uint32), idle
    for _ in range(_LATENCY):
        simulator.clock({"rst": yes, "a": idle, "b": idle, "valid": no, "clear": no})
    for step in range(_STEPS + _LATENCY - 1):
        now = min(step, _STEPS - 1)
        controls = {"valid": valid[:, now], "clear": clear[:, now]}
        simulator.clock({"rst": no, "a": a[:, now], "b": b[:, now], **controls})
        done = step - (_LATENCY - 1)
        if done < 0:
            continue
        wanted = [int(code) for code in expected[:, done]]
        got = simulator.port("acc")
        for stream, (want, have) in enumerate(zip(wanted, got, strict=True)):
            if want != have:
                raise ToolError(
                    f"the mapped netlist of {spec.name} differs from the golden model: stream"
                    f" {stream}, step {done}, a=0x{int(a[stream, done]):x}"
                    f" b=0x{int(b[stream, done]):x} valid={int(valid[stream, done])}"
                    f" clear={int(clear[stream, done])}: expected acc=0x{want:x}, got 0x{have:x}"
                    f" (seed {seed}); synthesis is at fault, no result is given"
                )
    return _STREAMS * _STEPS


class _Simulator:
    """Cycle-by-cycle evaluation of a netlist with one rising-edge clock."""

    def __init__(self, netlist: Netlist, library: CellLibrary) -> None:
        self._netlist = netlist
        self._library = library
        self._everything = (1 << _STREAMS) - 1
        self._values = [0] * netlist.net_count
        self._values[CONSTANT_0] = 0
        self._values[CONSTANT_1] = self._everything
        registers = [i for i in netlist.instances if library.cells[i.cell].flip_flop is not None]
        self._registers = registers
        self._state = dict.fromkeys((i.name for i in registers), 0)
        self._gates = _ordered(netlist, library)

    def clock(self, inputs: dict[str, npt.NDArray[np.generic]]) -> None:
        """Apply inputs, let the logic settle, and take a clock edge."""
        for name, codes in inputs.items():
            for place, net in enumerate(self._netlist.ports[name].bits):
                bits = (codes.astype(np.uint32) >> place & 1).astype(np.uint8)
                packed = np.packbits(bits, bitorder="little").tobytes()
                self._values[net] = int.from_bytes(packed, "little")
        self._settle()
        following = {}
        for instance in self._registers:
            cell = self._library.cells[instance.cell]
            flip_flop = cell.flip_flop
            assert flip_flop is not None
            known = self._pins(instance)
            old = self._state[instance.name]
            known |= {flip_flop.state: old, flip_flop.inverse: self._everything ^ old}
            following[instance.name] = parse_function(flip_flop.next_state, known, _STREAMS)
        self._state = following
        self._settle()

    def port(self, name: str) -> list[int]:
        """Code of every stream at an output port."""
        codes = np.zeros(_STREAMS, object)
        for place, net in enumerate(self._netlist.ports[name].bits):
            raw = self._values[net].to_bytes(_STREAMS // 8, "little")
            bits = np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")
            codes += bits.astype(object) << place
        return [int(code) for code in codes]

    def _pins(self, instance: Instance) -> dict[str, int]:
        cell = self._library.cells[instance.cell]
        return {pin: self._values[instance.pins[pin]] for pin in cell.inputs}

    def _settle(self) -> None:
        for instance in self._registers:
            flip_flop = self._library.cells[instance.cell].flip_flop
            assert flip_flop is not None
            state = self._state[instance.name]
            known = self._pins(instance)
            known |= {flip_flop.state: state, flip_flop.inverse: self._everything ^ state}
            self._drive(instance, known)
        for instance in self._gates:
            self._drive(instance, self._pins(instance))

    def _drive(self, instance: Instance, known: dict[str, int]) -> None:
        cell = self._library.cells[instance.cell]
        for pin in cell.outputs:
            function = cell.pins[pin].function
            if pin in instance.pins and function is not None:
                self._values[instance.pins[pin]] = parse_function(function, known, _STREAMS)


def _ordered(netlist: Netlist, library: CellLibrary) -> list[Instance]:
    """Return the gates, each after those that drive it."""
    gates = [i for i in netlist.instances if library.cells[i.cell].flip_flop is None]
    driver = {
        instance.pins[pin]: index
        for index, instance in enumerate(gates)
        for pin in library.cells[instance.cell].outputs
        if pin in instance.pins
    }
    order: list[Instance] = []
    placed = [False] * len(gates)
    for root in range(len(gates)):
        stack = [(root, False)]
        while stack:
            index, expanded = stack.pop()
            if placed[index]:
                continue
            if expanded:
                placed[index] = True
                order.append(gates[index])
                continue
            stack.append((index, True))
            for pin in library.cells[gates[index].cell].inputs:
                source = driver.get(gates[index].pins[pin])
                if source is not None and not placed[source]:
                    stack.append((source, False))
    return order
