"""A mapped netlist as arrays for the event-driven simulator: logic, delays and energies.

Delays and energies are looked up once for each instance, with the actual load of its output and
the transition times that static timing found at its inputs, as an SDF file would state them.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwmodel.errors import HwmodelError
from hwmodel.sim.gate_tables import CellTables, LibraryTables, tables_of_library
from hwmodel.technology import CellLibrary, Netlist
from hwmodel.technology.design import INPUT_SLEW_NS, BoundNetlist, bind
from hwmodel.technology.timing import propagate

__all__ = ["QUANTUM_NS", "GateArrays", "GateNetlist", "build_gates"]

# Resolution of simulated time.
QUANTUM_NS = 0.25e-3

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


class GateArrays(NamedTuple):
    """What compiled code needs. Offsets lead from a cell type or an instance into flat tables.

    A cell's state has one bit for each input pin, and on top, for a flip-flop, its stored bit.
    """

    # by cell type
    inputs: Ints  # number of input pins
    bits: Ints  # number of state bits
    truth: NDArray[np.uint8]  # [truth_at + (output << bits) + state]: value of the output
    truth_at: Ints
    follow: NDArray[np.uint8]  # [follow_at + state]: next stored bit of a flip-flop
    follow_at: Ints
    choose_arc: Ints  # [choose_at + ((output * inputs + pin) << bits) + state]: arc of the type
    choose_power: Ints  # same index: energy of an output event
    choose_at: Ints
    choose_hidden: Ints  # [hidden_at + (pin << bits) + state]: energy of an input event, -1 none
    hidden_at: Ints
    leakage: Floats  # [leakage_at + state]: nW
    leakage_at: Ints
    clock_pin: Ints  # -1 for a gate
    # by instance
    kind: Ints  # cell type
    level: Ints  # topological depth
    outputs_at: Ints  # into output_nets; entry i + 1 ends it
    output_nets: Ints  # beyond the netlist's own nets: unconnected
    arc_at: Ints  # delay[arc_at + 4 * arc + 2 * input edge + output edge]: quanta
    delay: Ints
    power_at: Ints  # power[power_at + 4 * choice + 2 * input edge + output edge]: fJ
    power: Floats
    own_at: Ints  # own[own_at + 2 * choice + input edge]: fJ of an input event
    own: Floats
    flip_flops: Ints  # instances
    gates: Ints  # combinational instances in topological order
    # by net
    order: Ints  # when it changes in the mode without delays: a moment of its own
    fanout_at: Ints
    fanout_instance: Ints
    fanout_pin: Ints
    charge: Floats  # [net, edge]: fJ that the driver spends on the net's capacitance
    input_nets: Ints  # nets of the input ports, clock apart, in the order of the ports
    output_bits: Ints  # nets of the output ports


@dataclass(frozen=True, eq=False)
class GateNetlist:
    """A netlist ready to simulate.

    Attributes
    ----------
    arrays : GateArrays
        For the simulator.
    design : BoundNetlist
        The netlist and its loads.
    inputs, outputs : tuple of (str, int)
        Name and width of the ports in the order of ``input_nets`` and ``output_bits``.
    clock : str
        The clock port.
    clock_charge : float
        fJ a clock cycle that the clock pins' capacitance takes (both edges).
    horizon_ns : float
        No signal changes later than this after the clock edge.
    """

    arrays: GateArrays
    design: BoundNetlist
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]
    clock: str
    clock_charge: float
    horizon_ns: float


def _topological(design: BoundNetlist, gates: Sequence[int], level: Ints) -> list[int]:
    """Order of the combinational instances; fills in their depths."""
    netlist, library = design.netlist, design.library
    is_gate = set(gates)
    readers: dict[int, list[int]] = defaultdict(list)
    waiting = {}
    for index in gates:
        instance = netlist.instances[index]
        drivers = {
            int(design.driver[instance.pins[pin]]) for pin in library.cells[instance.cell].inputs
        } & is_gate
        waiting[index] = len(drivers)
        for driver in drivers:
            readers[driver].append(index)
    ready = [index for index in gates if waiting[index] == 0]
    for index in ready:
        for reader in readers[index]:
            level[reader] = max(level[reader], level[index] + 1)
            waiting[reader] -= 1
            if waiting[reader] == 0:
                ready.append(reader)
    return ready


def _check_state(design: BoundNetlist) -> int:
    """Return the one clock net; flip-flops' asynchronous controls must be tied off."""
    netlist, library = design.netlist, design.library
    if len(design.clock_nets) != 1:
        raise HwmodelError(
            f"netlist {netlist.name}: expected flip-flops on one clock net, found"
            f" {len(design.clock_nets)} (gated or buffered clocks are not simulated)"
        )
    (clock,) = design.clock_nets
    if not any(port.bits == (clock,) for port in netlist.ports.values()):
        raise HwmodelError(
            f"netlist {netlist.name}: the clock net {netlist.net_names[clock]} is no input port"
        )
    for instance in netlist.instances:
        cell = library.cells[instance.cell]
        flip_flop = cell.flip_flop
        for control in (flip_flop.clear, flip_flop.preset) if flip_flop else ():
            if control is None:
                continue
            # Active in any state that agrees with the pins that are tied to constants?
            active = cell.table_of(control)
            for position, pin in enumerate(cell.inputs):
                value = _constant(design, instance.pins[pin])
                if value is not None:
                    for state in range(cell.state_count):
                        if state >> position & 1 != value:
                            active &= ~(1 << state)
            if active:
                raise HwmodelError(
                    f"netlist {netlist.name}: flip-flop {instance.name} has a live asynchronous"
                    " clear or preset; units reset synchronously"
                )
    return clock


def _constant(design: BoundNetlist, net: int) -> int | None:
    """Value of a net tied to a constant, directly or by a tie cell."""
    if net in (0, 1):
        return net
    driver = int(design.driver[net])
    if driver < 0:
        return None
    instance = design.netlist.instances[driver]
    cell = design.library.cells[instance.cell]
    if cell.inputs:
        return None
    return next(cell.values[pin] for pin in cell.outputs if instance.pins.get(pin) == net)


def build_gates(netlist: Netlist, library: CellLibrary) -> GateNetlist:
    """Prepare a netlist for simulation.

    Raises
    ------
    HwmodelError
        The library has no power tables, or the netlist is not one clock's flip-flops and gates.
    """
    design = bind(netlist, library)
    clock = _check_state(design)
    late = propagate(design)
    slews = np.where(np.isfinite(late.slew), late.slew, INPUT_SLEW_NS)
    latest = float(np.nanmax(late.arrival, initial=0.0))
    return _assemble(design, clock, slews, latest)


def _offsets(sizes: Iterable[int]) -> Ints:
    """Where each of several stretches begins, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(list(sizes))]).astype(np.int32)


def _joined(parts: Sequence[Any], dtype: Any) -> NDArray[Any]:
    flat = [np.asarray(part).reshape(-1) for part in parts]
    return np.concatenate([*flat, np.zeros(1)]).astype(dtype)


def _order(outputs: Sequence[Sequence[int]], instances: Iterable[int], nets: int) -> Ints:
    """Number the nets as the instances that drive them come; the others are never asked for."""
    order = np.zeros(nets, np.int32)
    driven = [net for index in instances for net in outputs[index]]
    order[driven] = np.arange(len(driven))
    return order


def _looked_up(
    design: BoundNetlist,
    known: LibraryTables,
    cells: Sequence[CellTables],
    kind: Ints,
    outputs: Sequence[Sequence[int]],
    slews: Floats,
    loads: Floats,
) -> list[tuple[Ints, Floats]]:
    """Delays, energies of output events and those of input events, in the order of the instances.

    For each, where the entries of every instance begin, and all entries.
    """
    tables = known.bank.arrays()
    places = [
        _offsets(stretches[number].size for number in kind)
        for stretches in zip(*(cell.stretches for cell in cells), strict=True)
    ]
    results = [np.zeros(int(at[-1])) for at in places]
    instances = design.netlist.instances
    for number, cell in enumerate(cells):
        mine = np.flatnonzero(kind == number)
        pins = cell.behaviour.cell.inputs
        ins = np.array([[instances[k].pins[pin] for pin in pins] for k in mine], np.int64)
        outs = np.array([outputs[int(k)] for k in mine], np.int64)
        for at, result, stretch in zip(places, results, cell.stretches, strict=True):
            entries = at[mine][:, None] + np.arange(stretch.size)
            result[entries] = stretch.values(tables, slews[ins], loads[outs])
    return [(at[:-1].copy(), result) for at, result in zip(places, results, strict=True)]


def _assemble(design: BoundNetlist, clock: int, slews: Floats, latest: float) -> GateNetlist:
    netlist, library = design.netlist, design.library
    known = tables_of_library(library)
    cells = {name: known.cell(name) for name in dict.fromkeys(i.cell for i in netlist.instances)}
    types = [cell.behaviour for cell in cells.values()]
    behaviours = dict(zip(cells, types, strict=True))
    if not any(behaviour.powers for behaviour in types):
        raise HwmodelError(
            f"the cell library {library.name} has no internal-power tables for the cells in use;"
            " energy needs a library characterised for power"
        )
    number_of = {name: number for number, name in enumerate(cells)}
    kind = np.array([number_of[i.cell] for i in netlist.instances], np.int32)
    # An output that nothing reads switches inside its cell all the same, and the library charges
    # each output of a cell with its share of an event: such outputs get nets of their own.
    nets = netlist.net_count
    outputs: list[list[int]] = []
    for instance in netlist.instances:
        driven = []
        for pin in behaviours[instance.cell].cell.outputs:
            driven.append(instance.pins.get(pin, nets))
            nets += pin not in instance.pins
        outputs.append(driven)
    slews_of = slews.reshape(-1, 2)
    loads_of = np.vstack([design.loads, np.zeros((nets - len(design.loads), 2))])
    (delay_at, delay), (power_at, power), (own_at, own) = _looked_up(
        design, known, list(cells.values()), kind, outputs, slews_of, loads_of
    )
    is_state = [behaviours[i.cell].clock >= 0 for i in netlist.instances]
    level = np.zeros(len(netlist.instances), np.int32)
    gates = _topological(design, [k for k, state in enumerate(is_state) if not state], level)
    readers: list[list[tuple[int, int]]] = [[] for _ in range(nets)]
    for index, instance in enumerate(netlist.instances):
        behaviour = behaviours[instance.cell]
        for position, pin in enumerate(behaviour.cell.inputs):
            if position != behaviour.clock:
                readers[instance.pins[pin]].append((index, position))
    flat = [pair for pairs in readers for pair in pairs]
    inputs = [
        port
        for port in netlist.ports.values()
        if port.direction == "input" and port.bits != (clock,)
    ]
    results = [port for port in netlist.ports.values() if port.direction == "output"]
    charge = np.zeros((nets, 2))
    # Constants and nets that the outside drives are not the unit's to charge.
    inside = np.flatnonzero(design.driver >= 0)
    charge[inside] = 0.5 * design.loads[inside] * library.voltage**2
    quanta = np.maximum(np.rint(delay / QUANTUM_NS), 1)
    arrays = GateArrays(
        inputs=np.array([len(t.cell.inputs) for t in types], np.int32),
        bits=np.array([t.bits for t in types], np.int32),
        truth=_joined([t.truth for t in types], np.uint8),
        truth_at=_offsets(t.truth.size for t in types),
        follow=_joined([t.follow for t in types], np.uint8),
        follow_at=_offsets(t.follow.size for t in types),
        choose_arc=_joined([t.choose_arc for t in types], np.int32),
        choose_power=_joined([t.choose_power for t in types], np.int32),
        choose_at=_offsets(t.choose_arc.size for t in types),
        choose_hidden=_joined([t.choose_hidden for t in types], np.int32),
        hidden_at=_offsets(t.choose_hidden.size for t in types),
        leakage=_joined([t.leakage for t in types], np.float64),
        leakage_at=_offsets(t.leakage.size for t in types),
        clock_pin=np.array([t.clock for t in types], np.int32),
        kind=kind,
        level=level,
        outputs_at=_offsets(map(len, outputs)),
        output_nets=_joined(outputs, np.int32),
        arc_at=delay_at,
        delay=_joined([quanta], np.int32),
        power_at=power_at,
        power=_joined([power], np.float64),
        own_at=own_at,
        own=_joined([own], np.float64),
        flip_flops=np.flatnonzero(is_state).astype(np.int32),
        gates=np.array(gates, np.int32),
        order=_order(outputs, [*np.flatnonzero(is_state), *gates], nets),
        fanout_at=_offsets(map(len, readers)),
        fanout_instance=_joined([[instance for instance, _ in flat]], np.int32),
        fanout_pin=_joined([[pin for _, pin in flat]], np.int32),
        charge=charge,
        input_nets=np.array([bit for port in inputs for bit in port.bits], np.int32),
        output_bits=np.array([bit for port in results for bit in port.bits], np.int32),
    )
    return GateNetlist(
        arrays=arrays,
        design=design,
        inputs=tuple((port.name, len(port.bits)) for port in inputs),
        outputs=tuple((port.name, len(port.bits)) for port in results),
        clock=netlist.net_names[clock],
        clock_charge=0.5 * float(design.pin_loads[clock].sum()) * library.voltage**2,
        horizon_ns=latest,
    )
