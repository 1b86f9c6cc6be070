"""Energy of a mapped unit: a plain INT4 MAC made by Yosys."""

import copy
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from tiny_netlists import mapped_mac

from hwmodel.cost.energy import EnergyResult, energy_of_netlist, measure_energy
from hwmodel.errors import HwmodelError
from hwmodel.sim.stimulus import operands
from hwmodel.store import Store
from hwmodel.technology import load_library, read_netlist, static_timing
from hwmodel.units import parse_unit

SPEC = parse_unit("mac-int4-int4-int16")
VECTORS = 1024


@pytest.fixture(scope="module")
def library():
    return load_library()


@pytest.fixture(scope="module")
def design():
    return mapped_mac(4, 16)[0]


@pytest.fixture(scope="module")
def netlist(design, library):
    return read_netlist(design, library)


@pytest.fixture(scope="module")
def gaussian():
    return operands(SPEC, "gaussian", VECTORS, 1)


@pytest.fixture(scope="module")
def result(netlist, library, gaussian):
    return energy_of_netlist(SPEC, netlist, library, gaussian, 4.0)


def test_the_parts_make_the_whole(result):
    assert sum(result.split.values()) == pytest.approx(result.fj_per_mac)
    assert all(part > 0 for part in result.split.values())
    low, high = result.interval
    assert low < result.fj_per_mac < high
    assert high - low < 0.2 * result.fj_per_mac
    assert 0 < result.glitch_share < 1
    assert result.functional_toggles_per_cycle < result.toggles_per_cycle


def test_every_net_is_followed_and_every_output_checked(result, netlist):
    assert result.nets_annotated == 1.0
    assert result.nets == netlist.net_count - 2
    assert result.outputs_checked == result.vectors == VECTORS


def test_provenance_names_what_the_figure_depends_on(result, netlist, library, gaussian):
    assert result.provenance["netlist_sha256"] == netlist.sha256()
    assert result.provenance["library_sha256"] == library.sha256
    assert result.provenance["stimulus_sha256"] == gaussian.sha256()
    assert (result.stimulus, result.clock_ns) == ("gaussian", 4.0)
    assert result.wire_load == library.wire_load.name
    assert "typical" in result.corner
    assert EnergyResult.from_dict(json.loads(json.dumps(result.to_dict()))) == result


def test_only_leakage_grows_with_the_period(netlist, library, gaussian, result):
    slow = energy_of_netlist(SPEC, netlist, library, gaussian, 8.0)
    assert slow.leakage_fj == pytest.approx(2 * result.leakage_fj)
    assert slow.switching_fj == result.switching_fj
    assert slow.clock_fj == pytest.approx(result.clock_fj)


def test_still_operands_cost_less_than_random_ones(netlist, library, gaussian, result):
    still = replace(gaussian, a_codes=gaussian.a_codes * 0, b_codes=gaussian.b_codes * 0)
    quiet = energy_of_netlist(SPEC, netlist, library, still, 4.0)
    assert quiet.internal_fj + quiet.switching_fj < 0.05 * (
        result.internal_fj + result.switching_fj
    )
    assert quiet.clock_fj == pytest.approx(result.clock_fj, rel=0.1)


def test_a_longer_run_has_a_narrower_interval_around_the_same_mean(netlist, library, result):
    long = energy_of_netlist(SPEC, netlist, library, operands(SPEC, "gaussian", 8192, 2), 4.0)
    width = result.interval[1] - result.interval[0]
    assert long.interval[1] - long.interval[0] < 0.6 * width
    assert abs(long.fj_per_mac - result.fj_per_mac) < width


def test_the_default_clock_is_the_minimum_period(netlist, library, gaussian):
    found = energy_of_netlist(SPEC, netlist, library, gaussian)
    assert found.clock_ns == static_timing(netlist, library).period_ns


def test_a_netlist_that_computes_something_else_has_no_energy(design, library, gaussian):
    wrong = copy.deepcopy(design)
    cells = wrong["modules"]["mac"]["cells"].values()
    swapped = next(cell for cell in cells if cell["type"] in ("NAND2_X1", "NOR2_X1"))
    swapped["type"] = {"NAND2_X1": "NOR2_X1", "NOR2_X1": "NAND2_X1"}[swapped["type"]]
    with pytest.raises(HwmodelError, match=r"differs from the golden model in .* steps"):
        energy_of_netlist(SPEC, read_netlist(wrong, library), library, gaussian, 4.0)


def test_a_netlist_of_another_unit_is_refused(netlist, library):
    other = parse_unit("mac-int8-int8-int32")
    with pytest.raises(HwmodelError, match="expected input ports"):
        energy_of_netlist(other, netlist, library, operands(other, "uniform", 512, 1), 4.0)
    wider = parse_unit("mac-int4-int4-int20")
    with pytest.raises(HwmodelError, match="output port acc of 20 bits"):
        energy_of_netlist(wider, netlist, library, operands(wider, "uniform", 512, 1), 4.0)


def test_too_few_vectors_and_too_fast_a_clock_are_refused(netlist, library, gaussian):
    with pytest.raises(HwmodelError, match="at least 512 vectors"):
        energy_of_netlist(SPEC, netlist, library, operands(SPEC, "gaussian", 100, 1), 4.0)
    with pytest.raises(HwmodelError, match="too short"):
        energy_of_netlist(SPEC, netlist, library, gaussian, 0.1)


def test_a_library_without_power_tables_is_refused(netlist, library, gaussian, tmp_path):
    text = library.paths[0].read_text().replace("internal_power", "internal_charge")
    (tmp_path / "mute.lib").write_text(text)
    mute = load_library(tmp_path / "mute.lib")
    with pytest.raises(HwmodelError, match="no internal-power tables"):
        energy_of_netlist(SPEC, netlist, mute, gaussian, 4.0)


class TestMeasure:
    """`measure_energy` on what synthesis hands over."""

    @pytest.fixture
    def synthesised(self, design, netlist, library):
        period = static_timing(netlist, library).period_ns
        return SimpleNamespace(
            netlist_json=json.dumps(design), delay_ns=period, clock_ns=None, structure="plain"
        )

    def test_results_are_kept_and_found_again(self, synthesised, tmp_path, monkeypatch):
        store = Store(tmp_path)
        first = measure_energy(SPEC, synthesised, "uniform", vectors=512, store=store)
        assert first.structure == "plain"
        assert first.clock_ns == synthesised.delay_ns

        def never(*_):
            raise AssertionError("computed again")

        monkeypatch.setattr("hwmodel.cost.energy.energy_of_netlist", never)
        again = measure_energy(SPEC, synthesised, "uniform", vectors=512, store=store)
        assert again == first
        with pytest.raises(AssertionError, match="computed again"):
            measure_energy(SPEC, synthesised, "uniform", vectors=512, seed=2, store=store)

    def test_the_clock_asked_for_is_used_where_it_was_met(self, synthesised, tmp_path):
        def clock(target):
            synthesised.clock_ns = target
            result = measure_energy(SPEC, synthesised, vectors=512, store=Store(tmp_path))
            return result.clock_ns

        assert clock(5.0) == 5.0
        assert clock(0.1) == synthesised.delay_ns
        with pytest.raises(HwmodelError, match="too short"):
            measure_energy(SPEC, synthesised, clock_ns=0.1, store=Store(tmp_path))


def test_intervals_cover_the_mean_of_independent_runs(netlist, library):
    runs = [
        energy_of_netlist(SPEC, netlist, library, operands(SPEC, "uniform", VECTORS, seed), 4.0)
        for seed in range(12)
    ]
    mean = np.mean([run.fj_per_mac for run in runs])
    covered = sum(run.interval[0] <= mean <= run.interval[1] for run in runs)
    assert covered >= 9  # of 12; fewer has a probability below 0.003 at 95 %
