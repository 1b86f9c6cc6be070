"""The programs of a whole netlist for lanes, and what the numbers that they count are worth."""

import functools
from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hwmodel.sim.events import State, event_tables, settle
from hwmodel.sim.gates import GateArrays, GateNetlist
from hwmodel.sim.lane_cells import CellKind, CellProgram, cell_program
from hwmodel.sim.lanes import ROW, WORDS, LaneCode
from hwmodel.sim.logic_programs import Program

__all__ = ["LaneNetlist", "Worth", "lane_netlist"]

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Worth:
    """What counts stand for.

    Attributes
    ----------
    internal, switching, clock, leakage : array of shape (counters,)
        Energy in fJ of each count; leakage is power in nW.
    idle_clock : array of shape (instances,)
        fJ of every cycle.
    idle_leakage : float
        nW of every cycle.
    owner : array of int of shape (counters,)
        Instance of a counter; the number of instances for one of a port.
    toggled : array of int of shape (counters,)
        Net whose changes are counted, else -1.
    """

    internal: Floats
    switching: Floats
    clock: Floats
    leakage: Floats
    idle_clock: Floats
    idle_leakage: float
    owner: Ints
    toggled: Ints


@dataclass(frozen=True, eq=False)
class LaneNetlist:
    """A netlist ready for `hwmodel.sim.lanes.run_lanes`, and what is counted there."""

    code: LaneCode
    worth: Worth


@functools.lru_cache(maxsize=4)
def lane_netlist(gates: GateNetlist) -> LaneNetlist:
    """Programs of a netlist; of the last few netlists they are kept."""
    return _Assembly(gates).done()


def _port_program() -> CellProgram:
    """An input port: one output without a cell, whose changes are counted."""
    program = Program(4)
    old, new = 2, 4
    # In the order of the words of a cell without inputs: old output, new output.
    slots = [program.count(new), program.count(new, old ^ 1), program.count(old, new ^ 1)]
    code, words = program.finished()
    none, column = np.full(3, -1, np.int32), np.zeros((4, 1))
    moved = np.array([-1, 1, 0], np.int32)
    empty = np.zeros((0, 4), np.int32)
    return CellProgram(empty, code, words, 3, none, none, moved, np.array(slots[:1], np.int32),
                       column, column, column)  # fmt: skip


def _kinds(g: GateArrays) -> list[CellKind]:
    """Cell types of a netlist."""
    kinds = []
    for t in range(g.inputs.size):
        inputs, bits = int(g.inputs[t]), int(g.bits[t])
        truth = g.truth[g.truth_at[t] : g.truth_at[t + 1]]
        outputs = truth.size >> bits
        size = outputs * inputs << bits
        kinds.append(
            CellKind(
                inputs,
                outputs,
                bits,
                int(g.clock_pin[t]),
                truth.tobytes(),
                g.follow[g.follow_at[t] : g.follow_at[t + 1]].tobytes(),
                g.choose_power[g.choose_at[t] : g.choose_at[t] + size].tobytes(),
                g.choose_hidden[g.hidden_at[t] : g.hidden_at[t] + (inputs << bits)].tobytes(),
                g.leakage[g.leakage_at[t] : g.leakage_at[t] + (1 << bits)].tobytes(),
            )
        )
    return kinds


class _Assembly:
    """Puts the programs of the cells together."""

    def __init__(self, gates: GateNetlist) -> None:
        g = self.g = gates.arrays
        self.nets = int(g.charge.shape[0])
        self.tables = event_tables(g)
        self.still = State(np.zeros(self.nets, np.uint8), np.zeros(g.kind.size, np.int32))
        settle(g, self.still)
        self.stored = dict(zip(g.flip_flops.tolist(), range(self.nets, 1 << 31), strict=False))
        self.pins = self._pins()
        self.programs: list[CellProgram] = []
        # Instances of each program; ports follow the instances.
        self.users: dict[int, list[int]] = defaultdict(list)
        self._choose_programs()
        self.program_of = np.zeros(g.kind.size + g.input_nets.size, np.int32)
        for number, users in self.users.items():
            self.program_of[users] = number
        slots = np.array([program.slots for program in self.programs], np.int32)
        self.order = np.argsort(self.program_of, kind="stable")
        counters = np.zeros(self.order.size + 1, np.int32)
        counters[1:] = np.cumsum(slots[self.program_of[self.order]])
        self.slots = int(counters[-1])
        self.first = np.zeros(self.order.size, np.int32)
        self.first[self.order] = counters[:-1]

    def _pins(self) -> list[list[int]]:
        """Net of each input pin, -1 for the clock."""
        g = self.g
        pins = [[-1] * int(g.inputs[kind]) for kind in g.kind]
        readers = zip(
            np.repeat(np.arange(self.nets), np.diff(g.fanout_at)).tolist(),
            g.fanout_instance.tolist(),
            g.fanout_pin.tolist(),
            strict=False,
        )
        for net, instance, pin in readers:
            pins[instance][pin] = net
        return pins

    def _choose_programs(self) -> None:
        """Program of each instance, by its type and the order in which its inputs change."""
        g = self.g
        kinds = _kinds(g)
        # Ports change first, the last one foremost; then nets as they are numbered.
        moment = g.order.astype(np.int64)
        moment[g.input_nets] = -1 - np.arange(g.input_nets.size)
        moments = moment.tolist()
        numbers: dict[tuple[int, tuple[int, ...]], int] = {}
        for i, kind in enumerate(g.kind.tolist()):
            nets = self.pins[i]
            pins = [pin for pin in range(len(nets)) if pin != g.clock_pin[kind]]
            order = tuple(sorted(pins, key=lambda pin: moments[nets[pin]]))
            number = numbers.setdefault((kind, order), len(self.programs))
            if number == len(self.programs):
                self.programs.append(cell_program(kinds[kind], order))
            self.users[number].append(i)
        for port in range(g.input_nets.size):
            self.users[len(self.programs)].append(g.kind.size + port)
        self.programs.append(_port_program())

    def _given(self, i: int) -> list[int]:
        """Places of the words that a program of an instance or port is given."""
        g = self.g
        if i >= g.kind.size:
            inputs: list[int] = []
            outputs = [int(g.input_nets[i - g.kind.size])]
        else:
            inputs = self.pins[i]
            outputs = g.output_nets[g.outputs_at[i] : g.outputs_at[i + 1]].tolist()
        stored = self.stored.get(i, 0)
        places = []
        for rows in (inputs, outputs, [stored]):
            places += [row * ROW for row in rows] + [row * ROW + WORDS for row in rows]
        # The clock's word is never asked for.
        return [max(place, 0) for place in places]

    def done(self) -> LaneNetlist:
        """Code of the netlist, and what its counters stand for."""
        g = self.g
        sections: list[tuple[int, int]] = []
        code = [np.zeros((0, 4), np.int32)]
        height = 0
        for program in self.programs:
            for part in (program.evaluate, program.count):
                sections.append((height, height + part.shape[0]))
                code.append(part)
                height += part.shape[0]
        places: list[int] = []
        given = []
        for i in range(self.program_of.size):
            mine = self._given(i)
            given.append((len(places), len(mine)))
            places += mine
        # Gates in topological order; like ones beside each other, for the sake of prediction.
        gates = g.gates[np.lexsort((self.program_of[g.gates], g.level[g.gates]))]
        evaluated = [*g.flip_flops.tolist(), *gates.tolist()]
        rows = np.zeros(self.nets + g.flip_flops.size, np.uint8)
        rows[: self.nets] = self.still.value
        clocked = [self.stored[i] for i in g.flip_flops.tolist()]
        for i in g.flip_flops:
            clocked += g.output_nets[g.outputs_at[i] : g.outputs_at[i + 1]].tolist()
        program_of = self.program_of.tolist()
        lane_code = LaneCode(
            code=np.ascontiguousarray(np.concatenate(code)),
            evaluate=np.array(
                [[*sections[2 * program_of[i]], *given[i]] for i in evaluated], np.int32
            ).reshape(-1, 4),
            counting=np.array(
                [
                    [*sections[2 * program_of[i] + 1], *given[i], self.first[i]]
                    for i in self.order.tolist()
                ],
                np.int32,
            ).reshape(-1, 5),
            clocked=int(g.flip_flops.size),
            places=np.array(places, np.uint64),
            held=np.array(clocked, np.int32),
            input_rows=g.input_nets,
            output_rows=g.output_bits,
            still=rows,
            words=max(program.words for program in self.programs),
            slots=self.slots,
        )
        return LaneNetlist(lane_code, self._worth())

    def _worth(self) -> Worth:
        g, tables = self.g, self.tables
        size = g.inputs[g.kind].astype(np.int64) << g.bits[g.kind]
        change_at = _starts(size * np.diff(g.outputs_at))
        own_at = _starts(size)
        worth = Worth(
            internal=np.zeros(self.slots),
            switching=np.zeros(self.slots),
            clock=np.zeros(self.slots),
            leakage=np.zeros(self.slots),
            idle_clock=np.zeros(g.kind.size),
            idle_leakage=0.0,
            owner=np.zeros(self.slots, np.int32),
            toggled=np.full(self.slots, -1, np.int32),
        )
        one = np.full(self.nets, -1, np.int64)
        by_pin = np.zeros(self.nets)
        idle = 0.0
        for number, users in self.users.items():
            program = self.programs[number]
            slots = self.first[users][:, None] + np.arange(program.slots)
            ports = users[0] >= g.kind.size
            worth.owner[slots] = g.kind.size if ports else np.array(users)[:, None]
            if ports:
                nets = g.input_nets[:, None]
            else:
                outputs = np.arange(len(program.one))
                nets = g.output_nets[g.outputs_at[users][:, None] + outputs]
            one[nets] = slots[:, program.one]
            moving = np.flatnonzero(program.moved >= 0)
            moved = nets[:, program.moved[moving] >> 1]
            worth.toggled[slots[:, moving]] = moved
            worth.switching[slots[:, moving]] = g.charge[moved, program.moved[moving] & 1]
            if ports:
                continue
            for index, start, table in (
                (program.cost, change_at, tables.cost),
                (program.own, own_at, tables.own),
            ):
                known = np.flatnonzero(index >= 0)
                worth.internal[slots[:, known]] += table[start[users][:, None] + index[known]]
            states = tables.state_at[users][:, None] + np.arange(program.leakage.shape[1])
            leakage = tables.leakage[states] @ program.leakage.T
            clock = tables.rise[states] @ program.rise.T + tables.fall[states] @ program.fall.T
            inputs = leakage.shape[1] - 1 - program.slots
            idle += float(leakage[:, 0].sum())
            worth.idle_clock[users] = clock[:, 0]
            worth.leakage[slots] += leakage[:, 1 + inputs :]
            worth.clock[slots] += clock[:, 1 + inputs :]
            pins = np.array([self.pins[i] for i in users], np.int64).reshape(len(users), -1)
            # Flip-flops count their inputs themselves, so the clock, -1, brings nothing.
            np.add.at(by_pin, pins, leakage[:, 1 : 1 + inputs])
        changing = one >= 0
        np.add.at(worth.leakage, one[changing], by_pin[changing])
        idle += float(by_pin[~changing] @ self.still.value[~changing])
        return replace(worth, idle_leakage=idle)


def _starts(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])[:-1]
