"""The compiled core of the simulation without delays: 64 stretches of a run in the bits of a word.

A word holds one net in 64 lanes, each a stretch of the same run. Gates are evaluated once a cycle
in topological order; how often each input, output and state is met is counted by population
counts, and energies are the counts times the tables of the event simulator.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwmodel.compiled import jit
from hwmodel.sim.events import EventTables, State
from hwmodel.sim.gates import Floats, GateArrays, Ints
from hwmodel.sim.wheel import Words, ones

__all__ = ["Counts", "LaneTables", "lane_tables", "run_lanes"]

Counted = NDArray[np.int64]
_NONE = np.uint64(0)
_ONE = np.uint64(1)


class LaneTables(NamedTuple):
    """What lanes need besides the event tables, by instance."""

    pins_at: Ints  # into `pins` and `nets`; entry i + 1 ends it
    pins: Ints  # input pins in the order in which they change, the clock apart
    nets: Ints  # net of each input pin in the order of the cell, -1 for the clock
    change_at: Ints  # [change_at + ((pin * outputs + output) << bits) + state] of `cost`
    own_at: Ints  # [own_at + (pin << bits) + state] of `own`
    cost: Floats
    matters: NDArray[np.uint8]  # the output follows the pin in this state, and that costs
    own: Floats
    has_own: NDArray[np.uint8]  # any of an instance's entries in `own` is not zero


class Counts(NamedTuple):
    """How often what happened in the counted cycles of all lanes of a word."""

    change: Counted  # as `LaneTables.cost`
    own: Counted  # as `LaneTables.own`
    edge: Counted  # [state_at + state]: state of a flip-flop before a rising edge of the clock
    last: Counted  # [state_at + state]: state at the end of a cycle, the clock still high
    toggles: Counted  # [net, new value]


@jit
def lane_tables(g: GateArrays, tables: EventTables) -> LaneTables:
    """Order of pins and layout of the tables."""
    count = g.kind.size
    pins_at = np.zeros(count + 1, np.int32)
    change_at = np.zeros(count + 1, np.int32)
    own_at = np.zeros(count + 1, np.int32)
    has_own = np.zeros(count, np.uint8)
    for i in range(count):
        kind = g.kind[i]
        size = g.inputs[kind] << g.bits[kind]
        pins_at[i + 1] = pins_at[i] + g.inputs[kind]
        change_at[i + 1] = change_at[i] + size * (g.outputs_at[i + 1] - g.outputs_at[i])
        own_at[i + 1] = own_at[i] + size
        for k in range(own_at[i], own_at[i + 1]):
            # A flip-flop's clock pin is no input event.
            if tables.own[k] != 0.0 and (k - own_at[i]) >> g.bits[kind] != g.clock_pin[kind]:
                has_own[i] = 1
    nets = np.full(pins_at[count], -1, np.int32)
    for net in range(g.fanout_at.size - 1):
        for k in range(g.fanout_at[net], g.fanout_at[net + 1]):
            nets[pins_at[g.fanout_instance[k]] + g.fanout_pin[k]] = net
    # Ports change first, the last one foremost; then nets as they are numbered.
    moment = g.order.astype(np.int32)
    for k in range(g.input_nets.size):
        moment[g.input_nets[k]] = -1 - k
    pins = np.zeros(pins_at[count], np.int32)
    matters = np.zeros(change_at[count], np.uint8)
    for i in range(count):
        kind = g.kind[i]
        bits = g.bits[kind]
        outputs = g.outputs_at[i + 1] - g.outputs_at[i]
        placed = 0
        for pin in range(g.inputs[kind]):
            net = nets[pins_at[i] + pin]
            place = pins_at[i] + placed
            while place > pins_at[i] and (moment[nets[pins_at[i] + pins[place - 1]]] > moment[net]):
                pins[place] = pins[place - 1]
                place -= 1
            if pin != g.clock_pin[kind]:
                pins[place] = pin
                placed += 1
            for output in range(outputs):
                for state in range(1 << bits):
                    at = change_at[i] + ((pin * outputs + output) << bits) + state
                    truth = g.truth_at[kind] + (output << bits)
                    moves = g.truth[truth + state] != g.truth[truth + (state ^ 1 << pin)]
                    matters[at] = moves and tables.cost[at] != 0.0
    return LaneTables(
        pins_at, pins, nets, change_at, own_at, tables.cost, matters, tables.own, has_own
    )


@jit
def _leaves(words: Words, bits: int, leaf: Words, at: int) -> None:
    """Lanes in each state of `bits` bits whose words are given, from ``leaf[at]`` on."""
    leaf[at] = ~_NONE
    for bit in range(bits):
        word = words[bit]
        for state in range(at, at + (1 << bit)):
            leaf[state + (1 << bit)] = leaf[state] & word
            leaf[state] &= ~word


@jit
def run_lanes(
    g: GateArrays,
    tables: EventTables,
    lanes: LaneTables,
    stimulus: NDArray[np.uint8],
    starts: NDArray[np.int64],
    length: int,
    warm_up: int,
    window: tuple[int, int],
    still: State,
    outputs: NDArray[np.uint8],
    counts: Counts,
    begun: Words,
    ended: Words,
) -> None:
    """Run the stretches that begin at `starts` (64 at most), each `length` cycles long.

    Every lane runs `warm_up` cycles before; only its own cycles within `window` are counted. The
    nets' words before the first own cycle are left in `begun`, after the last one in `ended`.
    """
    cycles = stimulus.shape[0]
    pins_at, pins, pin_nets, change_at, own_at, _, matters, own, has_own = lanes
    state_at = tables.state_at
    change_of = tables.change
    count_change, count_own, count_edge, count_last, toggles = counts
    kinds, inputs_of, bits_of, clock_pin = g.kind, g.inputs, g.bits, g.clock_pin
    outputs_at, output_nets, input_nets = g.outputs_at, g.output_nets, g.input_nets
    output_bits, truth, truth_at = g.output_bits, g.truth, g.truth_at
    flip_flops, gates = g.flip_flops, g.gates
    nets = still.value.size
    old = np.zeros(nets, np.uint64)
    for net in range(nets):
        if still.value[net]:
            old[net] = ~_NONE
    new = old.copy()
    stored = np.zeros(flip_flops.size, np.uint64)
    most = 0
    for kind in range(bits_of.size):
        most = max(most, bits_of[kind])
    words = np.zeros(most, np.uint64)
    span = 1 << most
    leaf = np.zeros(most * span, np.uint64)
    planned = np.zeros((most, 8), np.uint64)
    waiting = np.zeros(8, np.uint64)
    for step in range(-warm_up, length):
        if step == 0:
            begun[:] = old
        live = _NONE
        counted = _NONE
        for lane in range(starts.size):
            cycle = starts[lane] + step
            bit = _ONE << np.uint64(lane)
            if 0 <= cycle < cycles:
                live |= bit
                if step >= 0 and window[0] <= cycle < window[1]:
                    counted |= bit
        # Rising edge: every flip-flop reads what stood before.
        for f in range(flip_flops.size):
            i = flip_flops[f]
            kind = kinds[i]
            bits = bits_of[kind]
            pin = clock_pin[kind]
            for p in range(inputs_of[kind]):
                words[p] = _NONE if p == pin else old[pin_nets[pins_at[i] + p]]
            words[bits - 1] = stored[f]
            _leaves(words, bits, leaf, 0)
            following = _NONE
            for state in range(1 << bits):
                if leaf[state] != _NONE:
                    count_edge[state_at[i] + state] += np.int64(ones(leaf[state] & counted))
                    if g.follow[g.follow_at[kind] + state]:
                        following |= leaf[state]
            first = outputs_at[i]
            count = outputs_at[i + 1] - first
            for output in range(count):
                at = change_at[i] + ((pin * count + output) << bits)
                value = _NONE
                for state in range(1 << bits):
                    if change_of[at + state] & 1:
                        value |= leaf[state]
                net = output_nets[first + output]
                value = (value & live) | (old[net] & ~live)
                new[net] = value
                moved = (value ^ old[net]) & counted
                if moved != _NONE:
                    for state in range(1 << bits):
                        count_change[at + state] += np.int64(ones(moved & leaf[state]))
            stored[f] = (following & live) | (stored[f] & ~live)
        # Ports.
        for k in range(input_nets.size):
            word = _NONE
            for lane in range(starts.size):
                cycle = starts[lane] + step
                if 0 <= cycle < cycles:
                    word |= np.uint64(stimulus[cycle, k]) << np.uint64(lane)
            new[input_nets[k]] = word
        # Gates: pin by pin, as their changes come.
        for i in gates:
            kind = kinds[i]
            bits = bits_of[kind]
            first = outputs_at[i]
            count = outputs_at[i + 1] - first
            low = pins_at[i]
            for p in range(bits):
                words[p] = old[pin_nets[low + p]]
            for output in range(count):
                waiting[output] = _NONE
            steps = 0
            last = 0
            for k in range(bits):
                pin = pins[low + k]
                net = pin_nets[low + pin]
                changed = new[net] ^ old[net]
                for output in range(count):
                    planned[k, output] = _NONE
                if changed == _NONE:
                    continue
                words[pin] = new[net]
                _leaves(words, bits, leaf, k * span)
                steps += 1
                last = k
                if has_own[i]:
                    at = own_at[i] + (pin << bits)
                    for state in range(1 << bits):
                        if own[at + state] != 0.0:
                            count_own[at + state] += np.int64(
                                ones(leaf[k * span + state] & changed & counted)
                            )
                for output in range(count):
                    at = truth_at[kind] + (output << bits)
                    value = _NONE
                    for state in range(1 << bits):
                        if truth[at + state]:
                            value |= leaf[k * span + state]
                    apart = value ^ old[output_nets[first + output]]
                    planned[k, output] = apart & ~waiting[output]
                    waiting[output] = apart
            if steps == 0:
                _leaves(words, bits, leaf, 0)
            for state in range(1 << bits):
                count_last[state_at[i] + state] += np.int64(
                    ones(leaf[last * span + state] & counted)
                )
            for output in range(count):
                net = output_nets[first + output]
                moved = waiting[output]
                new[net] = old[net] ^ moved
                moved &= counted
                # The last pin that set the change going pays for it.
                for k in range(bits - 1, -1, -1):
                    mine = planned[k, output] & moved
                    if mine == _NONE:
                        continue
                    moved ^= mine
                    at = change_at[i] + ((pins[low + k] * count + output) << bits)
                    for state in range(1 << bits):
                        if matters[at + state]:
                            count_change[at + state] += np.int64(
                                ones(mine & leaf[k * span + state])
                            )
        # The clock is high: data pins of flip-flops change, then it falls.
        for f in range(flip_flops.size):
            i = flip_flops[f]
            kind = kinds[i]
            bits = bits_of[kind]
            low = pins_at[i]
            for p in range(inputs_of[kind]):
                words[p] = ~_NONE if p == clock_pin[kind] else old[pin_nets[low + p]]
            words[bits - 1] = stored[f]
            for k in range(inputs_of[kind] - 1):
                pin = pins[low + k]
                net = pin_nets[low + pin]
                changed = (new[net] ^ old[net]) & counted
                words[pin] = new[net]
                if changed == _NONE or not has_own[i]:
                    continue
                _leaves(words, bits, leaf, 0)
                at = own_at[i] + (pin << bits)
                for state in range(1 << bits):
                    if own[at + state] != 0.0:
                        count_own[at + state] += np.int64(ones(leaf[state] & changed))
            _leaves(words, bits, leaf, 0)
            for state in range(1 << bits):
                if leaf[state] != _NONE:
                    count_last[state_at[i] + state] += np.int64(ones(leaf[state] & counted))
        for net in range(nets):
            moved = (new[net] ^ old[net]) & counted
            toggles[net, 1] += np.int64(ones(moved & new[net]))
            toggles[net, 0] += np.int64(ones(moved & old[net]))
            old[net] = new[net]
        if step >= 0:
            for lane in range(starts.size):
                cycle = starts[lane] + step
                if cycle < cycles:
                    for k in range(output_bits.size):
                        outputs[cycle, k] = (new[output_bits[k]] >> np.uint64(lane)) & _ONE
    ended[:] = old
