"""A run in stretches gives what one run gives, whatever the state remembers."""

import itertools

import numpy as np
import pytest
from tiny_netlists import mapped_mac, tiny

from hwmodel.sim import activity
from hwmodel.sim.gates import build_gates
from hwmodel.technology import load_library, read_netlist

CYCLES = 900


@pytest.fixture(scope="module")
def library():
    return load_library()


def pieces(*edges):
    def stand_in(work, size, worth):
        flags = 0
        for a, b in itertools.pairwise((0, *edges, size)):
            flags |= work(slice(a, b))
        return flags

    return stand_in


def assert_same(one, other):
    for name in ("internal", "switching", "clock", "leakage_nw", "toggles", "functional"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)
    np.testing.assert_array_equal(one.outputs, other.outputs)
    np.testing.assert_allclose(one.by_instance, other.by_instance, rtol=1e-12)
    np.testing.assert_allclose(one.leakage_by_instance, other.leakage_by_instance, rtol=1e-12)


@pytest.mark.parametrize("zero_delay", [False, True])
def test_a_multiply_accumulate_unit(library, monkeypatch, zero_delay):
    gates = build_gates(read_netlist(mapped_mac(4, 16)[0], library), library)
    stimulus = np.random.default_rng(1).integers(0, 2, (CYCLES, 11)).astype(np.uint8)
    at = np.cumsum([0, *(width for _, width in gates.inputs)])
    columns = {name: at[k] for k, (name, _) in enumerate(gates.inputs)}
    stimulus[:, columns["rst"]] = 0
    stimulus[:, columns["valid"]] = 1
    stimulus[:, columns["clear"]] = np.arange(CYCLES) % 64 == 0
    monkeypatch.setattr(activity, "in_pieces", pieces())
    window = slice(10, 800)
    one = activity.simulate_gates(gates, stimulus, 4.0, zero_delay, window)
    runs = []
    monkeypatch.setattr(activity, "in_pieces", pieces(30, 333, 640))
    stretch = activity.run_stretch
    monkeypatch.setattr(activity, "run_stretch", lambda *a: runs.append(1) or stretch(*a))
    assert_same(one, activity.simulate_gates(gates, stimulus, 4.0, zero_delay, window))
    assert len(runs) == 4  # the warm-up was enough: none ran twice
    spent = np.stack([one.internal, one.switching], 1)[window].sum(axis=0)
    np.testing.assert_allclose(one.by_instance[:, :2].sum(axis=0), spent)
    inside = (one.clock - gates.clock_charge)[window].sum()
    assert one.by_instance[:, 2].sum() == pytest.approx(inside)
    assert one.leakage_by_instance.sum() == pytest.approx(one.leakage_nw[window].mean())


def test_a_state_that_never_forgets(library, monkeypatch):
    # q <= q ^ x: what it holds depends on every x since the start.
    design = tiny(
        {"clk": ("input", [2]), "x": ("input", [3]), "q": ("output", [4])},
        {
            "f": ("DFF_X1", {"CK": 2, "D": 5, "Q": 4}),
            "u": ("XOR2_X1", {"A": 3, "B": 4, "Z": 5}),
        },
    )
    gates = build_gates(read_netlist(design, library), library)
    stimulus = np.random.default_rng(2).integers(0, 2, (CYCLES, 1)).astype(np.uint8)
    monkeypatch.setattr(activity, "in_pieces", pieces())
    one = activity.simulate_gates(gates, stimulus, 4.0)
    np.testing.assert_array_equal(one.outputs[1:, 0], np.cumsum(stimulus[:-1, 0]) % 2)
    for edges in ((200,), (100, 217, 300, 850)):
        monkeypatch.setattr(activity, "in_pieces", pieces(*edges))
        assert_same(one, activity.simulate_gates(gates, stimulus, 4.0))
