"""Event-driven simulation of a mapped netlist: every toggle, its delay and its energy.

Delays are inertial: a pulse shorter than the delay of the gate that would pass it is swallowed.
Within a clock cycle (from one rising edge until all is quiet) the flip-flops take over their data,
then the input ports change, then events run; the clock falls after half a period.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwmodel.compiled import jit
from hwmodel.errors import HwmodelError
from hwmodel.sim.gates import QUANTUM_NS, GateArrays, GateNetlist

__all__ = ["Activity", "simulate_gates"]

_INTERNAL, _SWITCHING, _CLOCK, _LEAKAGE = range(4)


@dataclass(frozen=True, eq=False)
class Activity:
    """What happened in each of T clock cycles.

    Attributes
    ----------
    internal, switching, clock : array of shape (T,)
        Energy in fJ: inside cells at events of data, on nets, and of the clock (flip-flops'
        internal energy at both clock edges and the capacitance of their clock pins).
    leakage_nw : array of shape (T,)
        Leakage power in nW of the state at the end of the cycle.
    toggles : array of shape (nets,)
        Changes of each net in the cycles counted, the clock apart.
    functional : array of shape (nets,)
        Counted cycles at whose end the net differs from the end of the cycle before; what
        exceeds this in `toggles` are glitches.
    outputs : array of uint8 of shape (T, output bits)
        Values of the output ports at the end of each cycle.
    """

    internal: NDArray[np.float64]
    switching: NDArray[np.float64]
    clock: NDArray[np.float64]
    leakage_nw: NDArray[np.float64]
    toggles: NDArray[np.int64]
    functional: NDArray[np.int64]
    outputs: NDArray[np.uint8]


@jit
def _settle(
    g: GateArrays, value: NDArray[np.uint8], state: NDArray[np.int32], tied: NDArray[np.int64]
) -> None:
    """Make all values agree with the flip-flops (all 0) and the input ports, without counting."""
    for net in tied:
        for k in range(g.fanout_at[net], g.fanout_at[net + 1]):
            state[g.fanout_instance[k]] |= value[net] << g.fanout_pin[k]
    for part in range(2):
        members = g.flip_flops if part == 0 else g.gates
        for i in members:
            kind = g.kind[i]
            for position in range(g.outputs_at[i], g.outputs_at[i + 1]):
                net = g.output_nets[position]
                output = position - g.outputs_at[i]
                value[net] = g.truth[g.truth_at[kind] + (output << g.bits[kind]) + state[i]]
                for k in range(g.fanout_at[net], g.fanout_at[net + 1]):
                    bit = np.int32(1) << g.fanout_pin[k]
                    if value[net]:
                        state[g.fanout_instance[k]] |= bit
                    else:
                        state[g.fanout_instance[k]] &= ~bit


@jit
def _run(
    g: GateArrays,
    stimulus: NDArray[np.uint8],
    zero_delay: bool,
    half: int,
    size: int,
    first_counted: int,
    last_counted: int,
    value: NDArray[np.uint8],
    state: NDArray[np.int32],
    energy: NDArray[np.float64],
    toggles: NDArray[np.int64],
    functional: NDArray[np.int64],
    outputs: NDArray[np.uint8],
) -> int:
    """Run all cycles; -1, or the cycle that did not settle within `size` quanta."""
    nets = value.size
    settled = value.copy()
    # Events: at most one for each net, in a wheel of buckets (doubly linked lists by net).
    pending = np.zeros(nets, np.uint8)
    due = np.zeros(nets, np.int32)
    cost = np.zeros(nets)
    following = np.full(nets, -1, np.int32)
    previous = np.full(nets, -1, np.int32)
    bucket = np.full(size, -1, np.int32)
    block = np.zeros((size >> 6) + 2, np.int32)  # events in each 64 buckets, to skip empty ones
    changed = np.zeros(max(nets, g.input_nets.size), np.int32)

    for cycle in range(stimulus.shape[0]):
        internal = 0.0
        switching = 0.0
        clock = 0.0
        live = 0
        counted = first_counted <= cycle < last_counted
        # Rising edge of the clock.
        for i in g.flip_flops:
            kind = g.kind[i]
            bits = g.bits[kind]
            pin = g.clock_pin[kind]
            before = state[i]
            hidden = g.choose_hidden[g.hidden_at[kind] + (pin << bits) + before]
            if hidden >= 0:
                clock += g.own[g.own_at[i] + 2 * hidden + 1]
            after = before | (np.int32(1) << pin)
            stored = np.int32(1) << (bits - 1)
            if g.follow[g.follow_at[kind] + before] != ((before & stored) != 0):
                after ^= stored
                for position in range(g.outputs_at[i], g.outputs_at[i + 1]):
                    net = g.output_nets[position]
                    output = position - g.outputs_at[i]
                    new = g.truth[g.truth_at[kind] + (output << bits) + after]
                    if new == value[net]:
                        continue
                    index = g.choose_at[kind] + ((output * g.inputs[kind] + pin) << bits) + before
                    choice = g.choose_power[index]
                    cost[net] = 0.0
                    if choice >= 0:
                        cost[net] = g.power[g.power_at[i] + 4 * choice + 2 + new]
                    at = 0
                    arc = g.choose_arc[index]
                    if arc >= 0 and not zero_delay:
                        at = g.delay[g.arc_at[i] + 4 * arc + 2 + new]
                    if at >= size:
                        return cycle
                    pending[net] = 1
                    due[net] = at
                    following[net] = bucket[at]
                    previous[net] = -1
                    if bucket[at] >= 0:
                        previous[bucket[at]] = net
                    bucket[at] = net
                    block[at >> 6] += 1
                    live += 1
            state[i] = after
        count = 0
        for k in range(g.input_nets.size):
            if stimulus[cycle, k] != value[g.input_nets[k]]:
                changed[count] = g.input_nets[k]
                count += 1
        # Time runs; the ports' changes come first, at time 0.
        now = 0
        fallen = False
        while True:
            if count > 0:
                count -= 1
                net = changed[count]
            else:
                if live == 0:
                    break
                while bucket[now] < 0:
                    if now & 63 == 0 and block[now >> 6] == 0:
                        now += 64
                    else:
                        now += 1
                if now >= half and not fallen and not zero_delay:
                    fallen = True
                    clock += _fall(g, state)
                net = bucket[now]
                bucket[now] = following[net]
                if following[net] >= 0:
                    previous[following[net]] = -1
                block[now >> 6] -= 1
                live -= 1
                pending[net] = 0
                internal += cost[net]
            new = value[net] ^ 1
            value[net] = new
            if counted:
                toggles[net] += 1
            switching += g.charge[net, new]
            for k in range(g.fanout_at[net], g.fanout_at[net + 1]):
                i = g.fanout_instance[k]
                pin = g.fanout_pin[k]
                kind = g.kind[i]
                bits = g.bits[kind]
                now_in = state[i] ^ (np.int32(1) << pin)
                state[i] = now_in
                hidden = g.choose_hidden[g.hidden_at[kind] + (pin << bits) + now_in]
                if hidden >= 0:
                    internal += g.own[g.own_at[i] + 2 * hidden + new]
                if g.clock_pin[kind] >= 0:
                    continue
                first = g.outputs_at[i]
                for position in range(first, g.outputs_at[i + 1]):
                    target = g.output_nets[position]
                    output = position - first
                    wanted = g.truth[g.truth_at[kind] + (output << bits) + now_in]
                    if pending[target]:
                        if wanted == value[target]:
                            # The change on its way is taken back: the pulse was too short.
                            at = due[target]
                            ahead = previous[target]
                            behind = following[target]
                            if ahead >= 0:
                                following[ahead] = behind
                            else:
                                bucket[at] = behind
                            if behind >= 0:
                                previous[behind] = ahead
                            block[at >> 6] -= 1
                            live -= 1
                            pending[target] = 0
                        continue
                    if wanted == value[target]:
                        continue
                    index = g.choose_at[kind] + ((output * g.inputs[kind] + pin) << bits) + now_in
                    choice = g.choose_power[index]
                    cost[target] = 0.0
                    if choice >= 0:
                        cost[target] = g.power[g.power_at[i] + 4 * choice + 2 * new + wanted]
                    if zero_delay:
                        at = g.level[i] + 1
                    else:
                        arc = g.choose_arc[index]
                        at = now + g.delay[g.arc_at[i] + 4 * arc + 2 * new + wanted]
                    if at >= size:
                        return cycle
                    pending[target] = 1
                    due[target] = at
                    following[target] = bucket[at]
                    previous[target] = -1
                    if bucket[at] >= 0:
                        previous[bucket[at]] = target
                    bucket[at] = target
                    block[at >> 6] += 1
                    live += 1
        leakage = 0.0
        if not fallen:
            for i in g.flip_flops:
                leakage += 0.5 * g.leakage[g.leakage_at[g.kind[i]] + state[i]]
            clock += _fall(g, state)
        else:
            for i in g.flip_flops:
                up = state[i] | (np.int32(1) << g.clock_pin[g.kind[i]])
                leakage += 0.5 * g.leakage[g.leakage_at[g.kind[i]] + up]
        for i in g.flip_flops:
            leakage += 0.5 * g.leakage[g.leakage_at[g.kind[i]] + state[i]]
        for i in g.gates:
            leakage += g.leakage[g.leakage_at[g.kind[i]] + state[i]]
        for net in range(nets):
            if value[net] != settled[net]:
                if counted:
                    functional[net] += 1
                settled[net] = value[net]
        for k in range(g.output_bits.size):
            outputs[cycle, k] = value[g.output_bits[k]]
        energy[cycle, 0] = internal
        energy[cycle, 1] = switching
        energy[cycle, 2] = clock
        energy[cycle, 3] = leakage
    return -1


@jit
def _fall(g: GateArrays, state: NDArray[np.int32]) -> float:
    """Falling edge of the clock: what it costs inside the flip-flops."""
    cost = 0.0
    for i in g.flip_flops:
        kind = g.kind[i]
        pin = g.clock_pin[kind]
        hidden = g.choose_hidden[g.hidden_at[kind] + (pin << g.bits[kind]) + state[i]]
        if hidden >= 0:
            cost += g.own[g.own_at[i] + 2 * hidden]
        state[i] &= ~(np.int32(1) << pin)
    return cost


def simulate_gates(
    gates: GateNetlist,
    stimulus: NDArray[np.uint8],
    clock_ns: float,
    zero_delay: bool = False,
    count: slice | None = None,
) -> Activity:
    """Simulate a netlist from all flip-flops 0.

    Parameters
    ----------
    gates : GateNetlist
        The netlist.
    stimulus : array of uint8 of shape (T, input bits)
        Value of each bit of the input ports, in the order of ``gates.inputs``, least significant
        bit first, in each of T clock cycles.
    clock_ns : float
        Clock period.
    zero_delay : bool
        Gates switch without delay, so there are no glitches: every net changes once a cycle at
        most.
    count : slice, optional
        Cycles whose toggles are counted; all if not given.

    Raises
    ------
    HwmodelError
        Wrong stimulus shape, or a period too short for the netlist.
    """
    width = gates.arrays.input_nets.size
    if stimulus.ndim != 2 or stimulus.shape[1] != width:
        raise HwmodelError(f"expected a stimulus of shape (T, {width}), got {stimulus.shape}")
    if clock_ns < gates.horizon_ns and not zero_delay:
        raise HwmodelError(
            f"a clock of {clock_ns:g} ns is too short for this netlist: its slowest signal takes"
            f" {gates.horizon_ns:.3f} ns; choose a longer clock"
        )
    g = gates.arrays
    nets = g.charge.shape[0]
    depth = int(g.level.max(initial=0)) + 4
    # Rounding each delay to a quantum can add up along the longest path.
    size = depth if zero_delay else int(gates.horizon_ns / QUANTUM_NS) + 2 * depth + 64
    value = np.zeros(nets, np.uint8)
    value[1] = 1
    state = np.zeros(g.kind.size, np.int32)
    tied = np.array([1], np.int64)
    _settle(g, value, state, tied)
    cycles = stimulus.shape[0]
    energy = np.zeros((cycles, 4))
    toggles = np.zeros(nets, np.int64)
    functional = np.zeros(nets, np.int64)
    outputs = np.zeros((cycles, g.output_bits.size), np.uint8)
    half = int(0.5 * clock_ns / QUANTUM_NS)
    first, last, _ = (count or slice(None)).indices(cycles)
    late = _run(
        g,
        np.ascontiguousarray(stimulus, np.uint8),
        zero_delay,
        half,
        size,
        first,
        last,
        value,
        state,
        energy,
        toggles,
        functional,
        outputs,
    )
    if late >= 0:
        raise HwmodelError(
            f"gate-level simulation of {gates.design.netlist.name}: cycle {late} did not settle"
            f" within {gates.horizon_ns:.3f} ns, the latest arrival that static timing allows"
        )
    return Activity(
        internal=energy[:, _INTERNAL],
        switching=energy[:, _SWITCHING],
        clock=energy[:, _CLOCK] + gates.clock_charge,
        leakage_nw=energy[:, _LEAKAGE],
        toggles=toggles[: gates.design.netlist.net_count],
        functional=functional[: gates.design.netlist.net_count],
        outputs=outputs,
    )
