"""The frontier of a small unit, with one structure and few recipes; the logic stays as it is."""

import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from hwmodel.cost import frontier as module
from hwmodel.cost.frontier import explore_frontier
from hwmodel.errors import HwmodelError
from hwmodel.rtl import structures_for
from hwmodel.store import Store
from hwmodel.synthesis import search
from hwmodel.synthesis.mapping import load_netlist
from hwmodel.synthesis.recipes import Recipe
from hwmodel.technology import load_library, read_netlist, static_timing
from hwmodel.units import parse_unit

SMALL = parse_unit("mac-int4-int4-int12")
AREA = Recipe("amap", adder="ripple", adder_cells=True, complement=True)
FAST = Recipe("map", 300, adder="sklansky", complement=True)


@pytest.fixture(scope="module")
def library():
    return load_library()


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def short_policy(monkeypatch):
    fused = next(s for s in structures_for(SMALL) if s.merge == "fused")
    monkeypatch.setattr(search, "structures_for", lambda spec: (fused,))
    monkeypatch.setattr(search, "screening_recipes", lambda clock: (AREA,))
    monkeypatch.setattr(search, "refining_recipes", lambda clock: (FAST,))
    monkeypatch.setattr(search, "deepened", lambda recipe: recipe)
    monkeypatch.setattr(search, "speed_recipes", lambda clock: ())
    monkeypatch.setattr(search, "hasty_recipes", lambda clock: ())
    monkeypatch.setattr(search, "hurried_screening", lambda clock: ())
    monkeypatch.setattr(search, "hurried_recipes", lambda clock: ())


@pytest.fixture
def found(short_policy, library, cache):
    return explore_frontier(SMALL, library, vectors=512, store=Store(cache / "results"))


def test_from_the_smallest_to_the_fastest_each_point_beaten_by_none(found):
    areas = [point.area_um2 for point in found.points]
    delays = [point.delay_ns for point in found.points]
    assert len(found.points) >= 3
    assert areas == sorted(areas)
    assert delays == sorted(delays, reverse=True)
    assert delays[-1] < 0.6 * delays[0]
    # The ladder ends below what can be reached: the end was found, not given.
    assert found.clocks_ns[-1] < delays[-1]
    assert found.clocks_ns[-2] >= delays[-1]


def test_every_point_was_checked_and_has_an_energy_and_a_hold_slack(found):
    for point in found.points:
        assert point.checked_vectors > 1000
        assert 0 < point.fj_low < point.fj_per_mac < point.fj_high
        assert point.macs_per_s_um2 == pytest.approx(1e9 / point.delay_ns / point.area_um2)
        assert point.hold_slack_ns is not None
        assert all(point.delay_ns <= clock for clock in point.met_clocks_ns)


def test_the_point_at_a_clock_is_the_smallest_that_meets_it(found):
    between = (found.points[0].delay_ns + found.points[1].delay_ns) / 2
    assert found.at(between) == found.points[1]
    assert found.at(100.0) == found.points[0]
    end = found.points[-1]
    with pytest.raises(HwmodelError, match=rf"ends at {end.delay_ns:.3f} ns"):
        found.at(end.delay_ns * 0.9)


def test_the_ladder_stops_where_a_clock_is_not_met(monkeypatch, library):
    asked = []

    def fake(spec, library, clock_ns=None, **_):
        asked.append(clock_ns)
        delay = 4.0 if clock_ns is None else max(clock_ns, 2.2)
        met = clock_ns is None or delay <= clock_ns
        return SimpleNamespace(delay_ns=delay, area_um2=1000.0 / delay, met=met)

    monkeypatch.setattr(module, "synthesize", fake)
    monkeypatch.setattr(module, "_point", lambda spec, result, *_: result)
    found = explore_frontier(SMALL, library, 3.0)
    assert asked == [None, 3.2, 2.56, 2.05, 3.0]
    assert found.clocks_ns == (4.0, 3.2, 3.0, 2.56, 2.05)
    assert [point.delay_ns for point in found.points] == [4.0, 3.2, 3.0, 2.56, 2.2]
    asked.clear()
    explore_frontier(SMALL, library, 1.0)
    assert asked == [None, 3.2, 2.56, 2.05]  # out of reach: nothing is run for it


def test_the_command_gives_json_and_a_picture(found, short_policy, cache, tmp_path, monkeypatch):
    from hwmodel.cli.frontier import command

    monkeypatch.setenv("HWMODEL_CACHE", str(cache))
    clock = found.points[1].met_clocks_ns[-1]
    for suffix, start in ((".svg", "<svg"), (".html", "<!doctype html>")):
        path = tmp_path / f"chart{suffix}"
        arguments = [SMALL.name, "--json", "--vectors", "512", "--clock", str(clock)]
        run = CliRunner().invoke(command, [*arguments, "--chart", str(path)])
        assert run.exit_code == 0, run.output
        assert path.read_text().startswith(start)
        assert "um2" in path.read_text()
    entry = json.loads(run.stdout)
    names = {"delay_ns", "area_um2", "fj_per_mac", "structure", "recipe", "macs_per_s_um2"}
    assert all(names <= set(point) for point in entry["points"])
    assert entry["points"][entry["at_clock"]["point"]]["delay_ns"] <= clock
    run = CliRunner().invoke(command, [SMALL.name, "--vectors", "512"])
    assert "fJ/MAC" in run.stdout


def test_too_few_vectors_are_refused_before_the_search(library):
    with pytest.raises(HwmodelError, match="at least 512 vectors"):
        explore_frontier(SMALL, library, vectors=100)


@pytest.mark.parametrize("clock", [0.0, float("nan")])
def test_a_clock_that_is_none_is_refused(clock, library):
    with pytest.raises(HwmodelError, match="positive number of ns"):
        explore_frontier(SMALL, library, clock)


def test_the_delay_of_a_point_is_its_netlists(short_policy, library, cache, found):
    store = Store(cache / "results")
    clock = found.clocks_ns[1]
    result = search.search(SMALL, library, clock, store)
    netlist = read_netlist(load_netlist(result.best.mapped, store), library, SMALL.identifier)
    period = static_timing(netlist, library).period_ns
    assert period in [pytest.approx(point.delay_ns) for point in found.points]


def test_a_library_without_power_is_refused_before_the_search(monkeypatch):
    monkeypatch.setattr(
        "hwmodel.cost.frontier.synthesize", lambda *_, **__: pytest.fail("searched")
    )
    bare = SimpleNamespace(name="bare", has_power=False)
    with pytest.raises(HwmodelError, match=r"bare has no internal-power tables; .* hwmodel synth"):
        explore_frontier(SMALL, bare)
