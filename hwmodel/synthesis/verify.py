"""Quick check of a mapped netlist against the golden model, with random operands and controls.

Every net holds one long Python integer, a bit for each of many independent streams, so that
Liberty functions are evaluated for all streams at once. Each function is read once and becomes a
Python function of its pins.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.arithmetic import simulate
from hwmodel.errors import ToolError
from hwmodel.technology.library import CellLibrary
from hwmodel.technology.logic import parse_function, variables
from hwmodel.technology.netlist import CONSTANT_1, Instance, Netlist
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
    width = len(netlist.ports["acc"].bits)
    if width != spec.accumulator_bits:
        raise ToolError(
            f"the mapped netlist of {spec.name} has {width} bits at its output acc, expected"
            f" {spec.accumulator_bits}; synthesis is at fault, no result is given"
        )
    planes = _planes(expected, width)
    for step in range(_STEPS + _LATENCY - 1):
        now = min(step, _STEPS - 1)
        controls = {"valid": valid[:, now], "clear": clear[:, now]}
        simulator.clock({"rst": no, "a": a[:, now], "b": b[:, now], **controls})
        done = step - (_LATENCY - 1)
        if done < 0:
            continue
        wrong = 0
        for wanted, got in zip(planes[done], simulator.port("acc"), strict=True):
            wrong |= wanted ^ got
        if wrong:
            stream = (wrong & -wrong).bit_length() - 1
            bits = enumerate(simulator.port("acc"))
            have = sum((plane >> stream & 1) << place for place, plane in bits)
            raise ToolError(
                f"the mapped netlist of {spec.name} differs from the golden model: stream"
                f" {stream}, step {done}, a=0x{int(a[stream, done]):x}"
                f" b=0x{int(b[stream, done]):x} valid={int(valid[stream, done])}"
                f" clear={int(clear[stream, done])}: expected"
                f" acc=0x{int(expected[stream, done]):x}, got 0x{have:x}"
                f" (seed {seed}); synthesis is at fault, no result is given"
            )
    return _STREAMS * _STEPS


def _planes(codes: npt.NDArray[Any], width: int) -> list[list[int]]:
    """Bits of the codes of all streams as one integer, by step and place."""
    size = (width + 7) // 8
    raw = b"".join(int(code).to_bytes(size, "little") for code in codes.T.flat)
    octets = np.frombuffer(raw, np.uint8).reshape(codes.shape[1], codes.shape[0], size)
    bits = np.unpackbits(octets, axis=2, bitorder="little")[:, :, :width]
    packed = np.packbits(bits.transpose(0, 2, 1), axis=2, bitorder="little")
    return [[int.from_bytes(row.tobytes(), "little") for row in step] for step in packed]


class _Text(str):
    """Text of a Python expression; operators make longer ones."""

    def __and__(self, other: object) -> "_Text":
        return _Text(f"({self} & {other})")

    def __or__(self, other: object) -> "_Text":
        return _Text(f"({self} | {other})")

    def __xor__(self, other: object) -> "_Text":
        return _Text(f"({self} ^ {'ones' if isinstance(other, int) else other})")

    __rxor__ = __xor__


@functools.cache
def _compiled(function: str) -> tuple[tuple[str, ...], Callable[..., int]]:
    """Pins of a Liberty function, and a Python function of all ones and of their values."""
    pins = tuple(sorted(variables(function)))
    names = {pin: _Text(f"x{place}") for place, pin in enumerate(pins)}
    # The parser works on whatever has the operators: here, on the text of expressions.
    parsed: object = parse_function(function, names, 1)  # type: ignore[arg-type]
    constant = "ones" if parsed else "0"
    body = parsed if isinstance(parsed, _Text) else constant
    made: Callable[..., int] = eval(f"lambda ones, {', '.join(names.values())}: {body}")
    return pins, made


class _Simulator:
    """Cycle-by-cycle evaluation of a netlist with one rising-edge clock."""

    def __init__(self, netlist: Netlist, library: CellLibrary) -> None:
        self._netlist = netlist
        self._everything = (1 << _STREAMS) - 1
        # State and inverse state of each flip-flop are nets of their own, at the end.
        nets = netlist.net_count
        registers = [i for i in netlist.instances if library.cells[i.cell].flip_flop is not None]
        self._values = [0] * (nets + 2 * len(registers))
        self._values[CONSTANT_1] = self._everything
        self._edges: list[tuple[int, Callable[..., int], tuple[int, ...]]] = []
        self._drives: list[tuple[int, Callable[..., int], tuple[int, ...]]] = []
        for number, instance in enumerate(registers):
            flip_flop = library.cells[instance.cell].flip_flop
            assert flip_flop is not None
            state = nets + 2 * number
            inside = {flip_flop.state: state, flip_flop.inverse: state + 1}
            known = {**instance.pins, **inside}
            pins, following = _compiled(flip_flop.next_state)
            self._edges.append((state, following, tuple(known[pin] for pin in pins)))
            self._values[state + 1] = self._everything
            self._connect(instance, library, inside)
        for instance in _ordered(netlist, library):
            self._connect(instance, library, {})

    def _connect(self, instance: Instance, library: CellLibrary, inside: dict[str, int]) -> None:
        cell = library.cells[instance.cell]
        known = {pin: instance.pins[pin] for pin in cell.inputs} | inside
        for pin in cell.outputs:
            function = cell.pins[pin].function
            if pin in instance.pins and function is not None:
                pins, made = _compiled(function)
                nets = tuple(known[name] for name in pins)
                self._drives.append((instance.pins[pin], made, nets))

    def clock(self, inputs: dict[str, npt.NDArray[np.generic]]) -> None:
        """Apply inputs, let the logic settle, and take a clock edge."""
        values, ones = self._values, self._everything
        for name, codes in inputs.items():
            for place, net in enumerate(self._netlist.ports[name].bits):
                bits = (codes.astype(np.uint32) >> place & 1).astype(np.uint8)
                packed = np.packbits(bits, bitorder="little").tobytes()
                values[net] = int.from_bytes(packed, "little")
        self._settle()
        following = [
            (state, made(ones, *[values[net] for net in nets])) for state, made, nets in self._edges
        ]
        for state, value in following:
            values[state], values[state + 1] = value, ones ^ value
        self._settle()

    def port(self, name: str) -> list[int]:
        """Value of each bit of a port, all streams in one integer."""
        return [self._values[net] for net in self._netlist.ports[name].bits]

    def _settle(self) -> None:
        values, ones = self._values, self._everything
        for target, made, nets in self._drives:
            values[target] = made(ones, *[values[net] for net in nets])


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
