"""Static timing analysis: arrival times through NLDM tables, minimum period, critical path.

Graph-based, as timing analysers do it: each node carries its latest arrival and, separately, its
slowest transition; for hold the earliest and the fastest.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwmodel.compiled import jit
from hwmodel.errors import HwmodelError
from hwmodel.technology.design import (
    CLOCK_SLEW_NS,
    FALL,
    INPUT_SLEW_NS,
    OUTPUT_LOAD_FF,
    RISE,
    BoundNetlist,
    Floats,
    Ints,
    bind,
    models_of,
)
from hwmodel.technology.library import CellLibrary
from hwmodel.technology.netlist import Netlist
from hwmodel.technology.tables import TableArrays, interpolate

__all__ = ["Arrivals", "PathPoint", "TimingReport", "propagate", "static_timing"]


@dataclass(frozen=True)
class PathPoint:
    """A step of a path: the net reached, by which cell, and how it looks there."""

    instance: str
    cell: str
    net: str
    edge: str
    arrival_ns: float
    slew_ns: float
    load_ff: float


@dataclass(frozen=True)
class TimingReport:
    """What the analysis found.

    Attributes
    ----------
    period_ns : float
        Minimum clock period: the slowest path with clock-to-Q and setup, or to an output port.
    setup_ns : float
        Setup time at the end of the critical path (0 at an output port).
    endpoint : str
        Where the critical path ends: ``setup of INSTANCE`` or ``output NAME``.
    critical_path : tuple of PathPoint
        From the start point to the end point.
    hold_slack_ns : float or None
        Worst slack of hold between flip-flops and from inputs; None without any flip-flop.
    clock_ns : float or None
        Period asked for.
    slack_ns : float or None
        ``clock_ns - period_ns``.
    conditions : dict
        Wire-load model, port loads and slews that the figures hold for.
    """

    period_ns: float
    setup_ns: float
    endpoint: str
    critical_path: tuple[PathPoint, ...]
    hold_slack_ns: float | None
    clock_ns: float | None
    slack_ns: float | None
    conditions: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON can hold it."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Arrivals:
    """Arrival and transition time in ns of each node, and the arc that decided it (-1: none)."""

    arrival: Floats
    slew: Floats
    arc: Ints


@jit
def _propagate(
    order: Ints,
    first: Ints,
    arcs: Ints,
    waiting: Ints,
    tables: TableArrays,
    loads: Floats,
    arrival: Floats,
    slew: Floats,
    best: Ints,
    sign: float,
) -> int:
    """Visit nodes in topological order; `sign` 1 keeps the latest, -1 the earliest."""
    nodes = arrival.size
    queue = np.empty(nodes, np.int64)
    head = 0
    tail = 0
    for node in range(nodes):
        if waiting[node] == 0:
            queue[tail] = node
            tail += 1
    while head < tail:
        node = queue[head]
        head += 1
        start = arrival[node]
        reached = np.isfinite(start)
        for k in range(first[node], first[node + 1]):
            arc = order[k]
            target = arcs[arc, 1]
            if reached:
                load = loads[target >> 1, target & 1]
                time = start + interpolate(tables, arcs[arc, 2], slew[node], load)
                ramp = max(0.0, interpolate(tables, arcs[arc, 3], slew[node], load))
                if best[target] < 0 or (time - arrival[target]) * sign > 0.0:
                    arrival[target] = time
                    best[target] = arc
                if not np.isfinite(slew[target]) or (ramp - slew[target]) * sign > 0.0:
                    slew[target] = ramp
            waiting[target] -= 1
            if waiting[target] == 0:
                queue[tail] = target
                tail += 1
    return tail


@jit
def _constraints(checks: Ints, tables: TableArrays, slew: Floats) -> Floats:
    found = np.zeros(checks.shape[0])
    for k in range(checks.shape[0]):
        data = slew[checks[k, 0]]
        clock = slew[checks[k, 1]]
        if np.isfinite(data) and np.isfinite(clock):
            found[k] = interpolate(tables, checks[k, 2], data, clock)
    return found


def propagate(design: BoundNetlist, latest: bool = True) -> Arrivals:
    """Propagate arrival and transition times through a netlist.

    Parameters
    ----------
    design : BoundNetlist
        The netlist.
    latest : bool
        Latest arrivals and slowest transitions; earliest and fastest if False.

    Raises
    ------
    HwmodelError
        The netlist has a combinational loop.
    """
    nodes = 2 * design.netlist.net_count
    arcs = design.arcs
    order = np.argsort(arcs[:, 0], kind="stable")
    first = np.searchsorted(arcs[order, 0], np.arange(nodes + 1))
    waiting = np.bincount(arcs[:, 1], minlength=nodes)
    arrival = np.full(nodes, np.nan)
    slew = np.full(nodes, np.nan)
    for port in design.netlist.ports.values():
        if port.direction == "input":
            for net in port.bits:
                is_clock = net in design.clock_nets
                arrival[2 * net : 2 * net + 2] = 0.0
                slew[2 * net : 2 * net + 2] = CLOCK_SLEW_NS if is_clock else INPUT_SLEW_NS
    best = np.full(nodes, -1, np.int64)
    tables = models_of(design.library).bank.arrays()
    sign = 1.0 if latest else -1.0
    done = _propagate(order, first, arcs, waiting, tables, design.loads, arrival, slew, best, sign)
    if done < nodes:
        name = design.netlist.net_names[int(np.flatnonzero(waiting > 0)[0]) >> 1]
        raise HwmodelError(f"netlist {design.netlist.name}: combinational loop through net {name}")
    return Arrivals(arrival, slew, best)


def _path(design: BoundNetlist, arrivals: Arrivals, node: int) -> tuple[PathPoint, ...]:
    points = []
    while True:
        arc = int(arrivals.arc[node])
        instance = design.netlist.instances[int(design.arcs[arc, 4])] if arc >= 0 else None
        points.append(
            PathPoint(
                instance=instance.name if instance else "",
                cell=instance.cell if instance else "",
                net=design.netlist.net_names[node >> 1],
                edge="rise" if node & 1 == RISE else "fall",
                arrival_ns=float(arrivals.arrival[node]),
                slew_ns=float(arrivals.slew[node]),
                load_ff=float(design.loads[node >> 1, node & 1]),
            )
        )
        if arc < 0:
            return tuple(reversed(points))
        node = int(design.arcs[arc, 0])


def static_timing(
    netlist: Netlist | BoundNetlist, library: CellLibrary, clock_ns: float | None = None
) -> TimingReport:
    """Minimum period and critical path of a netlist with one clock.

    Paths start at the clock edge (flip-flops) or at 0 with `INPUT_SLEW_NS` (input ports), and end
    at flip-flops' data pins (with setup) or at output ports (with `OUTPUT_LOAD_FF`). The clock is
    ideal.

    Parameters
    ----------
    netlist : Netlist
        Flat netlist of cells of `library`.
    library : CellLibrary
        The library.
    clock_ns : float, optional
        Clock period asked for, for the slack.

    Raises
    ------
    HwmodelError
        A combinational loop, an undriven net, a cell that is neither gate nor flip-flop.
    """
    design = netlist if isinstance(netlist, BoundNetlist) else bind(netlist, library)
    late = propagate(design)
    tables = models_of(library).bank.arrays()
    period, setup, node = 0.0, 0.0, -1
    endpoint = "nothing: no path"
    checks = design.checks["setup"]
    if len(checks):
        times = _constraints(checks, tables, late.slew)
        needed = late.arrival[checks[:, 0]] + times - late.arrival[checks[:, 1]]
        if not np.isnan(needed).all():
            worst = int(np.nanargmax(needed))
            period, setup, node = float(needed[worst]), float(times[worst]), int(checks[worst, 0])
            endpoint = f"setup of {design.netlist.instances[int(checks[worst, 3])].name}"
    for port in design.netlist.ports.values():
        if port.direction != "output":
            continue
        for bit, net in enumerate(port.bits):
            for edge in (FALL, RISE):
                arrival = float(late.arrival[2 * net + edge])
                if arrival > period:
                    period, setup, node = arrival, 0.0, 2 * net + edge
                    endpoint = f"output {port.name}[{bit}]"
    return TimingReport(
        period_ns=period,
        setup_ns=setup,
        endpoint=endpoint,
        critical_path=_path(design, late, node) if node >= 0 else (),
        hold_slack_ns=_hold(design),
        clock_ns=clock_ns,
        slack_ns=None if clock_ns is None else clock_ns - period,
        conditions={
            "wire_load": library.wire_load.name,
            "output_load_ff": OUTPUT_LOAD_FF,
            "input_slew_ns": INPUT_SLEW_NS,
            "clock_slew_ns": CLOCK_SLEW_NS,
            "clock": "ideal",
        },
    )


def _hold(design: BoundNetlist) -> float | None:
    checks = design.checks["hold"]
    if not len(checks):
        return None
    early = propagate(design, latest=False)
    tables = models_of(design.library).bank.arrays()
    slack: NDArray[np.float64] = (
        early.arrival[checks[:, 0]]
        - _constraints(checks, tables, early.slew)
        - early.arrival[checks[:, 1]]
    )
    return None if np.isnan(slack).all() else float(np.nanmin(slack))
