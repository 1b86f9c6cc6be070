"""The event-driven simulator on netlists small enough to follow by hand."""

import numpy as np
import pytest
from tiny_netlists import tiny

from hwmodel.errors import HwmodelError
from hwmodel.sim.activity import simulate_gates
from hwmodel.sim.gates import QUANTUM_NS, build_gates
from hwmodel.technology import load_library, read_netlist
from hwmodel.technology.design import CLOCK_SLEW_NS, INPUT_SLEW_NS, OUTPUT_LOAD_FF
from hwmodel.technology.tables import lookup

CLOCK_NS = 2.0


@pytest.fixture(scope="module")
def library():
    return load_library()


# A flip-flop that nothing reads makes a netlist clocked without taking part.
IDLE = {"idle": ("DFF_X1", {"CK": 2, "D": "0"})}


def prepare(library, ports, cells):
    ports = {"clk": ("input", [2]), **ports}
    return build_gates(read_netlist(tiny(ports, {**IDLE, **cells}), library), library)


def run(gates, columns, **options):
    return simulate_gates(gates, np.array(columns, np.uint8), CLOCK_NS, **options)


def toggles(gates, activity):
    names = gates.design.netlist.net_names
    return {name: int(count) for name, count in zip(names, activity.toggles, strict=True) if count}


def test_an_inverter_follows_its_input(library):
    gates = prepare(
        library,
        {"x": ("input", [3]), "y": ("output", [4])},
        {"u": ("INV_X1", {"A": 3, "ZN": 4})},
    )
    activity = run(gates, [[0], [1], [1], [0]])
    np.testing.assert_array_equal(activity.outputs[:, 0], [1, 0, 0, 1])
    assert toggles(gates, activity) == {"x": 2, "y": 2}
    np.testing.assert_array_equal(activity.functional, activity.toggles)


def test_energy_of_one_transition_is_the_tables(library):
    gates = prepare(
        library,
        {"x": ("input", [3]), "y": ("output", [4])},
        {"u": ("INV_X1", {"A": 3, "ZN": 4})},
    )
    activity = run(gates, [[0], [1], [0]])
    group = next(g for g in library.cells["INV_X1"].power if g.pin == "ZN")
    load = library.wire_load.capacitance(1) + OUTPUT_LOAD_FF
    fall = lookup(group.energy[0], INPUT_SLEW_NS, load)
    rise = lookup(group.energy[1], INPUT_SLEW_NS, load)
    np.testing.assert_allclose(activity.internal, [0, fall, rise])
    charge = 0.5 * load * library.voltage**2
    # The net x belongs to whoever drives the port.
    np.testing.assert_allclose(activity.switching, [0, charge, charge])


@pytest.mark.parametrize(("pin", "bits"), [("A1", (1, 0)), ("A2", (0, 1))])
def test_a_nand_is_charged_by_the_pin_that_switches_it(library, pin, bits):
    gates = prepare(
        library,
        {"a": ("input", [3]), "b": ("input", [4]), "y": ("output", [5])},
        {"u": ("NAND2_X1", {"A1": 3, "A2": 4, "ZN": 5})},
    )
    other = [1 - bit for bit in bits]
    # The other input is 1 first; then the pin rises and the output falls, then back.
    activity = run(gates, [other, [1, 1], other])
    group = next(g for g in library.cells["NAND2_X1"].power if g.related == pin)
    load = library.wire_load.capacitance(1) + OUTPUT_LOAD_FF
    expected = [lookup(group.energy[out], INPUT_SLEW_NS, load) for out in (0, 1)]
    np.testing.assert_allclose(activity.internal[1:], expected)
    np.testing.assert_allclose(activity.switching[1:], 0.5 * load * library.voltage**2)
    u = [i.name for i in gates.design.netlist.instances].index("u")
    np.testing.assert_allclose(activity.by_instance[u, 0], sum(expected))


def test_the_group_whose_condition_holds_is_charged(library):
    # Of the XOR's groups for input A, one holds while B is 0 and one while B is 1.
    gates = prepare(
        library,
        {"a": ("input", [3]), "b": ("input", [4]), "y": ("output", [5])},
        {"u": ("XOR2_X1", {"A": 3, "B": 4, "Z": 5})},
    )
    cell = library.cells["XOR2_X1"]
    load = library.wire_load.capacitance(1) + OUTPUT_LOAD_FF
    for b, when, out in ((0, "!B", 1), (1, "B", 0)):
        activity = run(gates, [[0, b], [1, b]])
        group = next(g for g in cell.power if g.related == "A" and g.when == when)
        expected = lookup(group.energy[out], INPUT_SLEW_NS, load)
        assert activity.internal[1] == pytest.approx(expected)


def test_leakage_is_that_of_the_state(library):
    gates = prepare(
        library,
        {"a": ("input", [3]), "b": ("input", [4]), "y": ("output", [5])},
        {"u": ("NAND2_X1", {"A1": 3, "A2": 4, "ZN": 5})},
    )
    activity = run(gates, [[0, 0], [1, 0], [0, 1], [1, 1]])
    by_state = {entry.when: entry.power for entry in library.cells["NAND2_X1"].leakage}
    order = ["!A1 & !A2", "A1 & !A2", "!A1 & A2", "A1 & A2"]
    expected = [by_state[when] for when in order]
    differences = activity.leakage_nw - activity.leakage_nw[0]
    np.testing.assert_allclose(differences, np.array(expected) - expected[0])
    idle = {entry.when: entry.power for entry in library.cells["DFF_X1"].leakage}
    # Half the time the clock is high.
    flip_flop = 0.5 * (idle["!CK & !D & !Q & QN"] + idle["CK & !D & !Q & QN"])
    assert activity.leakage_nw[0] == pytest.approx(expected[0] + flip_flop)


def glitching(library, delays):
    """y = x ^ delayed(x): a glitch as wide as the chain of `delays` buffers is slow."""
    cells = {}
    net = 3
    for k in range(delays):
        cells[f"d{k}"] = ("BUF_X1", {"A": net, "Z": 10 + k})
        net = 10 + k
    cells["u"] = ("XOR2_X1", {"A": 3, "B": net, "Z": 5})
    return prepare(library, {"x": ("input", [3]), "y": ("output", [5])}, cells)


def test_a_wide_pulse_passes_and_is_counted_as_a_glitch(library):
    gates = glitching(library, 6)
    activity = run(gates, [[0], [1], [0], [0]])
    assert toggles(gates, activity)["y"] == 4  # up and down at both edges of x
    y = gates.design.netlist.net_names.index("y")
    assert activity.functional[y] == 0
    np.testing.assert_array_equal(activity.outputs[:, 0], 0)
    assert activity.switching[1] > 0
    assert activity.switching[3] == 0


def test_a_pulse_shorter_than_the_gates_delay_is_swallowed(library):
    # One buffer is faster than this gate under its load, several are not.
    narrow, wide = glitching(library, 1), glitching(library, 6)
    assert "y" not in toggles(narrow, run(narrow, [[0], [1]]))
    assert toggles(wide, run(wide, [[0], [1]]))["y"] == 2


def test_without_delays_there_are_no_glitches(library):
    gates = glitching(library, 6)
    activity = run(gates, [[0], [1], [0], [0]], zero_delay=True)
    assert "y" not in toggles(gates, activity)
    np.testing.assert_array_equal(activity.functional, activity.toggles)


def test_only_the_cycles_asked_for_are_counted(library):
    gates = glitching(library, 6)
    stimulus = [[0], [1], [0], [1], [0]]
    every = run(gates, stimulus)
    some = run(gates, stimulus, count=slice(2, 4))
    assert toggles(gates, every)["y"] == 8
    assert toggles(gates, some)["y"] == 4
    np.testing.assert_array_equal(every.switching, some.switching)


def shift_register(library):
    return prepare(
        library,
        {"d": ("input", [3]), "q": ("output", [5])},
        {"f": ("DFF_X1", {"CK": 2, "D": 3, "Q": 4}), "g": ("DFF_X1", {"CK": 2, "D": 4, "Q": 5})},
    )


def test_flip_flops_take_over_what_stood_before_the_edge(library):
    gates = shift_register(library)
    bits = np.random.default_rng(3).integers(0, 2, 50)
    activity = run(gates, bits[:, None])
    np.testing.assert_array_equal(activity.outputs[2:, 0], bits[:-2])


def test_the_clock_costs_the_same_table_entries_every_cycle(library):
    gates = shift_register(library)
    activity = run(gates, np.zeros((5, 1)))
    cell = library.cells["DFF_X1"]
    still = next(g for g in cell.power if g.pin == "CK" and g.when == "!D & !Q & QN")
    inside = sum(lookup(still.energy[edge], CLOCK_SLEW_NS, 0.0) for edge in (0, 1))
    pin = cell.pins["CK"]
    outside = 0.5 * (pin.rise_capacitance + pin.fall_capacitance) * library.voltage**2
    np.testing.assert_allclose(activity.clock, 3 * (inside + outside))  # the idle one, too
    np.testing.assert_array_equal(activity.internal, 0)


def test_data_pins_of_a_flip_flop_cost_by_the_level_of_the_clock(library):
    # d changes right after the rising edge, while the clock is high.
    gates = shift_register(library)
    activity = run(gates, [[0], [1]])
    cell = library.cells["DFF_X1"]
    group = next(g for g in cell.power if g.pin == "D" and g.when == "CK & !Q & QN")
    assert activity.internal[1] == pytest.approx(lookup(group.energy[1], INPUT_SLEW_NS, 0.0))


def test_an_output_event_of_a_flip_flop_charges_both_its_outputs(library):
    gates = shift_register(library)
    activity = run(gates, [[1], [1], [1], [1]])
    groups = {g.pin: g for g in library.cells["DFF_X1"].power if g.related == "CK"}
    wire = library.wire_load.capacitance(1)
    # Cycle 2: g rises, d and f stand still. Its QN falls inside the cell, with nothing to drive.
    expected = lookup(groups["Q"].energy[1], CLOCK_SLEW_NS, wire + OUTPUT_LOAD_FF)
    expected += lookup(groups["QN"].energy[0], CLOCK_SLEW_NS, 0.0)
    assert activity.internal[2] == pytest.approx(expected)
    charge = 0.5 * (wire + OUTPUT_LOAD_FF) * library.voltage**2
    assert activity.switching[2] == pytest.approx(charge)
    assert activity.toggles.sum() == 3  # d, the net between, q


@pytest.mark.parametrize("zero_delay", [False, True])
def test_full_adders_compute_and_both_outputs_count(library, zero_delay):
    gates = prepare(
        library,
        {"x": ("input", [3, 4, 5]), "y": ("output", [6, 7])},
        {"u": ("FA_X1", {"A": 3, "B": 4, "CI": 5, "S": 6, "CO": 7})},
    )
    bits = np.random.default_rng(1).integers(0, 2, (200, 3)).astype(np.uint8)
    activity = run(gates, bits, zero_delay=zero_delay)
    total = bits.sum(axis=1)
    np.testing.assert_array_equal(activity.outputs, np.stack([total & 1, total >> 1], axis=1))


def test_delays_are_those_of_the_tables(library):
    gates = prepare(
        library,
        {"x": ("input", [3]), "y": ("output", [4])},
        {"u": ("INV_X1", {"A": 3, "ZN": 4})},
    )
    index = [i.name for i in gates.design.netlist.instances].index("u")
    arc = library.cells["INV_X1"].arcs[0]
    load = library.wire_load.capacitance(1) + OUTPUT_LOAD_FF
    start = gates.arrays.arc_at[index]
    for in_edge, out_edge in ((0, 1), (1, 0)):
        quanta = gates.arrays.delay[start + 2 * in_edge + out_edge]
        expected = lookup(arc.delay[out_edge], INPUT_SLEW_NS, load)
        assert quanta * QUANTUM_NS == pytest.approx(expected, abs=QUANTUM_NS)


def test_tied_inputs_have_their_value(library):
    gates = prepare(
        library,
        {"x": ("input", [3]), "y": ("output", [4, 6])},
        {
            "u": ("NAND2_X1", {"A1": 3, "A2": "1", "ZN": 4}),
            "t": ("LOGIC1_X1", {"Z": 5}),
            "v": ("AND2_X1", {"A1": 3, "A2": 5, "ZN": 6}),
        },
    )
    activity = run(gates, [[0], [1]])
    np.testing.assert_array_equal(activity.outputs, [[1, 0], [0, 1]])


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"f": ("DFF_X1", {"CK": 3, "D": 3, "Q": 4})}, "one clock net, found 2"),
        ({"f": ("DFFR_X1", {"CK": 2, "D": 3, "RN": 3, "Q": 4})}, "live asynchronous"),
    ],
)
def test_clocks_and_resets_that_are_not_modelled_are_refused(library, cells, message):
    with pytest.raises(HwmodelError, match=message):
        prepare(library, {"x": ("input", [3]), "y": ("output", [4])}, cells)


def test_an_asynchronous_reset_that_is_tied_off_is_fine(library):
    gates = prepare(
        library,
        {"x": ("input", [3]), "y": ("output", [4])},
        {"f": ("DFFR_X1", {"CK": 2, "D": 3, "RN": "1", "Q": 4})},
    )
    np.testing.assert_array_equal(run(gates, [[1], [0], [1]]).outputs[:, 0], [0, 1, 0])


def test_clock_and_stimulus_must_fit(library):
    gates = glitching(library, 6)
    with pytest.raises(HwmodelError, match="too short"):
        simulate_gates(gates, np.zeros((2, 1), np.uint8), 0.01)
    with pytest.raises(HwmodelError, match=r"shape \(T, 1\)"):
        simulate_gates(gates, np.zeros((2, 3), np.uint8), CLOCK_NS)
