"""64 stretches at a time count what the event simulator counts without delays."""

import numpy as np
import pytest
from tiny_netlists import mapped_mac, tiny

from hwmodel.errors import HwmodelError
from hwmodel.sim.activity import simulate_gates
from hwmodel.sim.bit_words import words_of
from hwmodel.sim.gates import build_gates
from hwmodel.sim.zero_delay import simulate_lanes
from hwmodel.technology import load_library, read_netlist


@pytest.fixture(scope="module")
def library():
    return load_library()


def assert_equal(gates, stimulus, window):
    events = simulate_gates(gates, stimulus, 4.0, zero_delay=True, count=window)
    lanes = simulate_lanes(gates, words_of(stimulus), window)
    assert lanes.cycles.sum() == events.internal[window].size
    for name, expected in (
        ("internal", events.internal),
        ("switching", events.switching),
        ("clock", events.clock),
        ("leakage", events.leakage_nw),
    ):
        found = np.average(getattr(lanes, name), weights=lanes.cycles)
        assert found == pytest.approx(expected[window].mean(), rel=1e-12), name
    np.testing.assert_array_equal(lanes.toggles, events.toggles)
    np.testing.assert_array_equal(lanes.outputs, words_of(events.outputs))
    np.testing.assert_allclose(lanes.by_instance, events.by_instance, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("cycles", [100, 6000])
def test_a_multiply_accumulate_unit(library, cycles):
    gates = build_gates(read_netlist(mapped_mac(4, 16)[0], library), library)
    stimulus = np.random.default_rng(1).integers(0, 2, (cycles, 11)).astype(np.uint8)
    at = dict(
        zip(
            [n for n, _ in gates.inputs],
            np.cumsum([0, *(w for _, w in gates.inputs)]),
            strict=False,
        )
    )
    stimulus[:, at["rst"]] = np.arange(cycles) < 3
    stimulus[:, at["valid"]] = np.arange(cycles) % 5 != 4
    stimulus[:, at["clear"]] = np.arange(cycles) % 64 == 0
    assert_equal(gates, stimulus, slice(5, cycles - 7))


def test_a_state_that_never_forgets(library):
    # q <= q ^ x, and gates with several outputs, one net on two pins, and a constant.
    design = tiny(
        {"clk": ("input", [2]), "x": ("input", [3, 6]), "q": ("output", [4, 7, 8, 9])},
        {
            "f": ("DFF_X1", {"CK": 2, "D": 5, "Q": 4}),
            "u": ("XOR2_X1", {"A": 3, "B": 4, "Z": 5}),
            "v": ("FA_X1", {"A": 4, "B": 6, "CI": 4, "S": 7, "CO": 8}),
            "w": ("AOI21_X1", {"A": 5, "B1": 6, "B2": "1", "ZN": 9}),
        },
    )
    gates = build_gates(read_netlist(design, library), library)
    stimulus = np.random.default_rng(2).integers(0, 2, (3000, 2)).astype(np.uint8)
    assert_equal(gates, stimulus, slice(0, 3000))


def test_every_cell_of_the_library_in_any_order_of_its_inputs(library):
    # One instance of each function, fed by ports and by each other's outputs.
    rng = np.random.default_rng(3)
    width, nets = 9, list(range(3, 12))
    cells, seen, bits = {}, set(), {}
    for cell in library.cells.values():
        functions = tuple(sorted(cell.values.items())) if cell.outputs else ()
        clocked = cell.flip_flop is not None and cell.flip_flop.rising
        if not (cell.is_combinational or clocked) or not cell.inputs or functions in seen:
            continue
        seen.add(functions)
        pins = {pin: int(rng.choice(nets)) for pin in cell.inputs}
        if cell.flip_flop is not None:
            pins[cell.flip_flop.clock] = 2
            for control in {"RN", "SN"} & set(cell.inputs):
                pins[control] = "1"
        for pin in cell.outputs:
            bits[f"{cell.name}.{pin}"] = pins[pin] = 12 + len(bits)
        nets += [pins[pin] for pin in cell.outputs]
        cells[cell.name] = (cell.name, pins)
    assert len(cells) > 30
    assert {"FA_X1", "OAI222_X1", "MUX2_X1", "SDFFRS_X1"} <= {name for name, _ in cells.values()}
    ports = {"clk": ("input", [2]), "x": ("input", nets[:width]), "y": ("output", nets[width:])}
    gates = build_gates(read_netlist(tiny(ports, cells), library), library)
    stimulus = rng.integers(0, 2, (4000, width)).astype(np.uint8)
    assert_equal(gates, stimulus, slice(1, 3999))


def test_a_stimulus_of_the_wrong_shape_is_refused(library):
    gates = build_gates(read_netlist(mapped_mac(4, 16)[0], library), library)
    with pytest.raises(HwmodelError, match=r"shape \(T, 1\), 11 bits"):
        simulate_lanes(gates, np.zeros((5, 3), np.uint64))
