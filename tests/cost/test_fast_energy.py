"""Energy without delays against the event-driven measurement, on a plain INT4 MAC."""

import json
from types import SimpleNamespace

import pytest
from tiny_netlists import mapped_mac

from hwmodel.cost import fast_energy
from hwmodel.cost.energy import energy_of_netlist
from hwmodel.cost.fast_energy import estimate_energy
from hwmodel.errors import HwmodelError
from hwmodel.sim.stimulus import operands
from hwmodel.store import Store
from hwmodel.technology import load_library, read_netlist
from hwmodel.units import parse_unit

SPEC = parse_unit("mac-int4-int4-int16")
VECTORS = 4096


@pytest.fixture(scope="module")
def synthesised():
    return SimpleNamespace(
        netlist_json=json.dumps(mapped_mac(4, 16)[0]), delay_ns=4.0, clock_ns=None, structure="x"
    )


@pytest.fixture(scope="module")
def fast(synthesised, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"))
    return estimate_energy(SPEC, synthesised, vectors=VECTORS, store=store)


def test_it_is_the_measured_energy_less_its_glitches(fast, synthesised):
    library = load_library()
    netlist = read_netlist(synthesised.netlist_json, library)
    slow = energy_of_netlist(SPEC, netlist, library, operands(SPEC, "gaussian", VECTORS, 1), 4.0)
    without = slow.fj_per_mac * (1 - slow.glitch_share)
    # The clock falls before or after an event of data; nothing else differs.
    assert fast.zero_delay_fj_per_mac == pytest.approx(without, rel=0.02)
    assert fast.toggles_per_cycle == slow.functional_toggles_per_cycle
    assert fast.corrected_fj_per_mac == pytest.approx(slow.fj_per_mac, rel=0.05)
    assert fast.outputs_checked == VECTORS


def test_parts_interval_and_what_is_said_of_them(fast):
    assert sum(fast.split.values()) == pytest.approx(fast.zero_delay_fj_per_mac)
    low, high = fast.interval
    assert low < fast.zero_delay_fj_per_mac < high < 1.2 * low
    assert 0 < fast.glitch_share < 1
    assert fast.corrected_fj_per_mac > fast.zero_delay_fj_per_mac
    entry = json.loads(json.dumps(fast.to_dict()))
    assert "glitches left out" in entry["how"]["zero_delay_fj_per_mac"]
    assert entry["how"]["corrected_fj_per_mac"].startswith("modelled")


def test_a_repeat_comes_from_the_store(synthesised, fast, tmp_path, monkeypatch):
    store = Store(tmp_path)
    assert estimate_energy(SPEC, synthesised, vectors=VECTORS, store=store) == fast

    def refuse(*_):
        raise AssertionError("simulated again")

    monkeypatch.setattr(fast_energy, "simulate_lanes", refuse)
    again = estimate_energy(SPEC, synthesised, vectors=VECTORS, store=store)
    assert again == fast
    assert again.provenance["method_version"] >= 1
    for change in ({"seed": 2}, {"vectors": VECTORS + 64}, {"clock_ns": 5.0}):
        with pytest.raises(AssertionError, match="simulated again"):
            estimate_energy(SPEC, synthesised, **{"vectors": VECTORS, "store": store, **change})


def test_a_netlist_of_another_unit_is_refused(synthesised, tmp_path):
    with pytest.raises(HwmodelError, match="expected input ports"):
        estimate_energy(
            parse_unit("mac-int8-int8-int32"), synthesised, vectors=512, store=Store(tmp_path)
        )
