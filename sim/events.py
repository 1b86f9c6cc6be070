"""The compiled core of the event simulator: one stretch of clock cycles, event by event.

What an event costs and how long it takes is looked up once for each instance, input and state
before anything runs, so that an event reads two table entries and no chain of offsets.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwmodel.compiled import inner, jit
from hwmodel.sim.gates import Floats, GateArrays, Ints
from hwmodel.sim.wheel import DUE, Wheel, cancel, next_time, pop, schedule

__all__ = ["EventTables", "State", "Tally", "event_tables", "run_stretch", "settle"]

# Columns of `EventTables.readers`.
_INSTANCE, _MASK, _AT, _OWN, _FIRST, _LAST, _BITS = range(7)
# Columns of `EventTables.clocked`.
_CELL, _CLOCK_BIT, _STORED_BIT, _EDGE, _FROM, _TO, _WIDTH = range(7)
# Columns of `Tally.energy`.
_INTERNAL, _SWITCHING, _CLOCK, _LEAKAGE = range(4)


class EventTables(NamedTuple):
    """What an event causes, by instance, input pin, output and the state after the event."""

    # One row for each reader of a net, as `GateArrays.fanout_at` counts: instance; bit of the pin
    # in its state; where its entries in `change` begin; where those in `own` do, -1 for none;
    # its outputs as a range of `GateArrays.output_nets`, empty for a flip-flop; bits of its state.
    readers: Ints
    change: Ints  # [at + (output << bits) + state]: twice the delay in quanta, plus the new value
    cost: Floats  # same index: fJ of the output's change inside the cell
    own: Floats  # [own + state]: fJ of the input's change itself
    # One row for each flip-flop: instance; bits of clock and stored value in its state; where the
    # entries of its clock begin in `change`, by the state before the edge; its outputs; bits.
    clocked: Ints
    # The rest at [state_at[instance] + state].
    state_at: Ints
    flips: NDArray[np.uint8]  # a rising edge in this state changes the stored bit
    rise: Floats  # fJ inside a flip-flop of the clock's rising edge in this state
    fall: Floats  # the same of the falling edge
    leakage: Floats  # nW; of a flip-flop, mean of clock low (the state's) and high


class State(NamedTuple):
    """Everything that is remembered from one clock cycle to the next."""

    value: NDArray[np.uint8]  # by net
    inside: Ints  # by instance


class Tally(NamedTuple):
    """What is counted; the first four by cycle or net, the others by where it is spent."""

    energy: Floats  # [cycle, 4]
    outputs: NDArray[np.uint8]  # [cycle, output bit]
    toggles: NDArray[np.int64]  # [net, new value], of counted cycles
    functional: NDArray[np.int64]  # [net], of counted cycles
    spent: Floats  # [net]: fJ inside the driving cell, of counted cycles
    spent_own: Floats  # [instance]: fJ of changes of its inputs, of counted cycles
    spent_clock: Floats  # [instance]: fJ of the clock's edges, of counted cycles
    leaked: Floats  # [instance]: sum over counted cycles of nW at their ends


@jit
def event_tables(g: GateArrays) -> EventTables:
    """Spread the tables of cell types over their instances."""
    count = g.kind.size
    change_at = np.zeros(count + 1, np.int32)
    own_at = np.zeros(count + 1, np.int32)
    state_at = np.zeros(count + 1, np.int32)
    for i in range(count):
        kind = g.kind[i]
        size = g.inputs[kind] << g.bits[kind]
        change_at[i + 1] = change_at[i] + size * (g.outputs_at[i + 1] - g.outputs_at[i])
        own_at[i + 1] = own_at[i] + size
        state_at[i + 1] = state_at[i] + (1 << g.bits[kind])
    change = np.zeros(change_at[count], np.int32)
    cost = np.zeros(change_at[count])
    own = np.zeros(own_at[count])
    flips = np.zeros(state_at[count], np.uint8)
    rise = np.zeros(state_at[count])
    fall = np.zeros(state_at[count])
    leakage = np.zeros(state_at[count])
    readers = np.zeros((g.fanout_instance.size, 7), np.int32)
    clocked = np.zeros((g.flip_flops.size, 7), np.int32)
    for i in range(count):
        kind = g.kind[i]
        bits = g.bits[kind]
        clock = g.clock_pin[kind]
        outputs = g.outputs_at[i + 1] - g.outputs_at[i]
        for pin in range(g.inputs[kind]):
            for state in range(1 << bits):
                new = state >> pin & 1
                after = state
                if pin == clock:
                    # Looked up by the state before the edge, in which the clock is low.
                    new = 1
                    after = _after_edge(g, kind, state)
                hidden = g.choose_hidden[g.hidden_at[kind] + (pin << bits) + state]
                if hidden >= 0:
                    own[own_at[i] + (pin << bits) + state] = g.own[g.own_at[i] + 2 * hidden + new]
                    if pin == clock:
                        rise[state_at[i] + state] = g.own[g.own_at[i] + 2 * hidden + 1]
                        fall[state_at[i] + state] = g.own[g.own_at[i] + 2 * hidden]
                for output in range(outputs):
                    wanted = np.int32(g.truth[g.truth_at[kind] + (output << bits) + after])
                    place = ((output * g.inputs[kind] + pin) << bits) + state
                    at = change_at[i] + ((pin * outputs + output) << bits) + state
                    choice = g.choose_power[g.choose_at[kind] + place]
                    if choice >= 0:
                        cost[at] = g.power[g.power_at[i] + 4 * choice + 2 * new + wanted]
                    arc = g.choose_arc[g.choose_at[kind] + place]
                    delay = np.int32(0)
                    if arc >= 0:
                        delay = g.delay[g.arc_at[i] + 4 * arc + 2 * new + wanted]
                    change[at] = 2 * delay + wanted
        for state in range(1 << bits):
            leakage[state_at[i] + state] = g.leakage[g.leakage_at[kind] + state]
            if clock >= 0:
                up = g.leakage[g.leakage_at[kind] + (state | 1 << clock)]
                leakage[state_at[i] + state] = 0.5 * (leakage[state_at[i] + state] + up)
                flips[state_at[i] + state] = (_after_edge(g, kind, state) ^ state) >> (bits - 1)
    for k in range(readers.shape[0]):
        i = g.fanout_instance[k]
        kind = g.kind[i]
        bits = g.bits[kind]
        pin = g.fanout_pin[k]
        first, last = g.outputs_at[i], g.outputs_at[i + 1]
        readers[k, _INSTANCE] = i
        readers[k, _MASK] = 1 << pin
        readers[k, _AT] = change_at[i] + ((pin * (last - first)) << bits)
        readers[k, _OWN] = -1
        for state in range(1 << bits):
            if own[own_at[i] + (pin << bits) + state] != 0.0:
                readers[k, _OWN] = own_at[i] + (pin << bits)
        readers[k, _FIRST] = first
        readers[k, _LAST] = first if g.clock_pin[kind] >= 0 else last
        readers[k, _BITS] = bits
    for k in range(clocked.shape[0]):
        i = g.flip_flops[k]
        kind = g.kind[i]
        bits = g.bits[kind]
        pin = g.clock_pin[kind]
        clocked[k, _CELL] = i
        clocked[k, _CLOCK_BIT] = 1 << pin
        clocked[k, _STORED_BIT] = 1 << (bits - 1)
        clocked[k, _FROM] = g.outputs_at[i]
        clocked[k, _TO] = g.outputs_at[i + 1]
        clocked[k, _EDGE] = change_at[i] + ((pin * (clocked[k, _TO] - clocked[k, _FROM])) << bits)
        clocked[k, _WIDTH] = bits
    return EventTables(readers, change, cost, own, clocked, state_at, flips, rise, fall, leakage)


@inner
def _after_edge(g: GateArrays, kind: int, state: int) -> int:
    """State of a flip-flop after a rising edge of its clock."""
    stored = 1 << (g.bits[kind] - 1)
    after = (state | 1 << g.clock_pin[kind]) & ~stored
    return after | stored if g.follow[g.follow_at[kind] + state] else after


@jit
def settle(g: GateArrays, now: State) -> None:
    """Make all values agree with the flip-flops (all 0) and the input ports, without counting."""
    value, inside = now
    value[1] = 1
    for k in range(g.fanout_at[1], g.fanout_at[2]):
        inside[g.fanout_instance[k]] |= np.int32(1) << g.fanout_pin[k]
    for part in range(2):
        members = g.flip_flops if part == 0 else g.gates
        for i in members:
            kind = g.kind[i]
            for position in range(g.outputs_at[i], g.outputs_at[i + 1]):
                net = g.output_nets[position]
                output = position - g.outputs_at[i]
                value[net] = g.truth[g.truth_at[kind] + (output << g.bits[kind]) + inside[i]]
                for k in range(g.fanout_at[net], g.fanout_at[net + 1]):
                    bit = np.int32(1) << g.fanout_pin[k]
                    if value[net]:
                        inside[g.fanout_instance[k]] |= bit
                    else:
                        inside[g.fanout_instance[k]] &= ~bit


@inner
def _fall(
    clocked: Ints, state_at: Ints, fall: Floats, inside: Ints, spent_clock: Floats, counted: bool
) -> float:
    """Falling edge of the clock: what it costs inside the flip-flops."""
    clock = 0.0
    for k in range(clocked.shape[0]):
        i = clocked[k, _CELL]
        cost = fall[state_at[i] + inside[i]]
        clock += cost
        if counted:
            spent_clock[i] += cost
        inside[i] ^= clocked[k, _CLOCK_BIT]
    return clock


@jit
def run_stretch(
    g: GateArrays,
    tables: EventTables,
    wheel: Wheel,
    stimulus: NDArray[np.uint8],
    zero_delay: bool,
    half: int,
    cycles: tuple[int, int, int],
    window: tuple[int, int],
    now: State,
    begun: State,
    tally: Tally,
    log: NDArray[np.int64],
) -> int:
    """Run the cycles from ``cycles[0]`` up to ``cycles[2]``; those from ``cycles[1]`` on count.

    The state at ``cycles[1]`` is left in `begun`, the last one in `now`. Toggles are counted
    within `window`. Changes of nets are written to `log` (cycle, time in quanta, net, new value)
    as far as it has rows, from cycle ``cycles[1]`` on. Returns -1, or the cycle that did not
    settle within the wheel's size.
    """
    # Taken out of their tuples once: reaching into a tuple counts references each time.
    value, inside = now
    readers, change_of, cost_of, own, clocked = tables[:5]
    state_at, flips, rise, fall, leakage_of = tables[5:]
    charge, fanout_at, output_nets, order = g.charge, g.fanout_at, g.output_nets, g.order
    energy, outputs, toggles, functional, spent, spent_own, spent_clock, leaked = tally
    input_nets, output_bits = g.input_nets, g.output_bits
    flip_flops, gates = g.flip_flops, g.gates
    link, cost_due, bucket, filled = wheel
    settled = value.copy()
    changed = np.zeros(input_nets.size, np.int32)
    size = bucket.size
    logged = 0
    for cycle in range(cycles[0], cycles[2]):
        if cycle == cycles[1]:
            begun.value[:] = value
            begun.inside[:] = inside
        counted = cycle >= cycles[1] and window[0] <= cycle < window[1]
        internal = 0.0
        switching = 0.0
        clock = 0.0
        for k in range(clocked.shape[0]):
            i = clocked[k, _CELL]
            state = inside[i]
            cost = rise[state_at[i] + state]
            clock += cost
            if counted:
                spent_clock[i] += cost
            inside[i] = state | clocked[k, _CLOCK_BIT]
            if flips[state_at[i] + state]:
                inside[i] ^= clocked[k, _STORED_BIT]
                at = clocked[k, _EDGE] + state
                for position in range(clocked[k, _FROM], clocked[k, _TO]):
                    target = output_nets[position]
                    change = change_of[at]
                    if (change & 1) != value[target]:
                        due = order[target] if zero_delay else change >> 1
                        cost_due[target] = cost_of[at]
                        schedule(link, bucket, filled, target, due)
                    at += 1 << clocked[k, _WIDTH]
        count = 0
        for k in range(input_nets.size):
            if stimulus[cycle, k] != value[input_nets[k]]:
                changed[count] = input_nets[k]
                count += 1
        # Time runs; the ports' changes come first, at time 0.
        time = 0
        fallen = False
        while True:
            if count > 0:
                count -= 1
                net = changed[count]
            else:
                time = next_time(bucket, filled, time)
                if time < 0:
                    break
                if time >= half and not fallen and not zero_delay:
                    fallen = True
                    clock += _fall(clocked, state_at, fall, inside, spent_clock, counted)
                net = pop(link, bucket, filled, time)
                internal += cost_due[net]
                if counted:
                    spent[net] += cost_due[net]
            new = value[net] ^ 1
            value[net] = new
            if counted:
                toggles[net, new] += 1
            switching += charge[net, new]
            if logged < log.shape[0] and cycle >= cycles[1]:
                log[logged, 0] = cycle
                log[logged, 1] = time
                log[logged, 2] = net
                log[logged, 3] = new
                logged += 1
            for k in range(fanout_at[net], fanout_at[net + 1]):
                i = readers[k, _INSTANCE]
                state = inside[i] ^ readers[k, _MASK]
                inside[i] = state
                if readers[k, _OWN] >= 0:
                    cost = own[readers[k, _OWN] + state]
                    internal += cost
                    if counted:
                        spent_own[i] += cost
                at = readers[k, _AT] + state
                for position in range(readers[k, _FIRST], readers[k, _LAST]):
                    target = output_nets[position]
                    change = change_of[at]
                    if (change & 1) == value[target]:
                        if link[target, DUE] >= 0:
                            # The change on its way is taken back: the pulse was too short.
                            cancel(link, bucket, filled, target)
                    elif link[target, DUE] < 0:
                        due = order[target] if zero_delay else time + (change >> 1)
                        if due >= size:
                            return cycle
                        cost_due[target] = cost_of[at]
                        schedule(link, bucket, filled, target, due)
                    at += 1 << readers[k, _BITS]
        if not fallen:
            clock += _fall(clocked, state_at, fall, inside, spent_clock, counted)
        leakage = 0.0
        for part in range(2):
            for i in flip_flops if part == 0 else gates:
                power = leakage_of[state_at[i] + inside[i]]
                leakage += power
                if counted:
                    leaked[i] += power
        if counted:
            for net in range(value.size):
                functional[net] += value[net] ^ settled[net]
        settled[:] = value
        if cycle >= cycles[1]:
            for k in range(output_bits.size):
                outputs[cycle, k] = value[output_bits[k]]
            energy[cycle, _INTERNAL] = internal
            energy[cycle, _SWITCHING] = switching
            energy[cycle, _CLOCK] = clock
            energy[cycle, _LEAKAGE] = leakage
    return -1
