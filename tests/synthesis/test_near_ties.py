"""Between netlists of nearly equal area energy decides."""

import dataclasses

import pytest

from hwmodel.cost.energy import measure_energy
from hwmodel.errors import HwmodelError
from hwmodel.rtl import Structure
from hwmodel.store import Store
from hwmodel.synthesis import near_ties, search, synthesize
from hwmodel.synthesis.designs import rtlil_of
from hwmodel.synthesis.mapping import Mapped, map_design
from hwmodel.synthesis.near_ties import TOLERANCE, price, quick_energy
from hwmodel.synthesis.recipes import Recipe
from hwmodel.synthesis.search import Candidate
from hwmodel.units import parse_unit

UNIT = parse_unit("mac-int4-int4-int12")
NAMES = [f"array-{adder}-separate" for adder in ("plain", "ripple", "sklansky", "brentkung")]


def candidates(*figures):
    return [
        Candidate(Structure.parse(name), Recipe("amap"), Mapped(name, area, 0.0, delay, {}))
        for name, (area, delay) in zip(NAMES, figures, strict=False)
    ]


class Energies:
    """Stands for the worker pool: energies by structure, and who was asked for."""

    def __init__(self, *energies):
        self.by_name = dict(zip(NAMES, energies, strict=False))
        self.asked = []

    def energies(self, asked):
        self.asked += [candidate.structure.name for candidate in asked]
        return tuple((c, self.by_name[c.structure.name]) for c in asked)


def test_ten_hundredths_of_energy_are_worth_one_of_area():
    assert price(100.0, 1000.0) > price(100.9, 900.0)
    assert price(100.0, 1000.0) < price(101.2, 900.0)
    assert price(100.0, 1000.0) < price(100.0, 1001.0)


def test_only_what_is_nearly_as_small_is_compared():
    pool = Energies(5.0, 4.0, 3.0, 2.0)
    tried = candidates((101.9, 2.0), (100.0, 2.0), (102.1, 2.0), (100.0, 1.9))
    found = search._near_ties(pool, tried, None)
    assert pool.asked == [NAMES[3], NAMES[1], NAMES[0]]
    assert [energy for _, energy in found] == [2.0, 4.0, 5.0]
    assert search._near_ties(Energies(1.0, 4.0), tried[:2], None)[0][0] is tried[0]


def test_what_misses_the_clock_is_not_compared():
    pool = Energies(5.0, 4.0, 3.0)
    search._near_ties(pool, candidates((100.0, 3.1), (101.0, 2.9), (102.0, 3.0)), 3.0)
    assert pool.asked == [NAMES[1], NAMES[2]]


def test_a_netlist_that_came_twice_is_simulated_once():
    pool = Energies(5.0, 4.0, 3.0)
    search._near_ties(pool, candidates((100.0, 2.0), (100.0, 2.0), (101.0, 2.0)), None)
    assert pool.asked == [NAMES[0], NAMES[2]]


def test_no_choice_needs_no_energy():
    pool = Energies()
    assert search._near_ties(pool, candidates((100.0, 2.0), (103.0, 2.0)), None) == ()
    assert pool.asked == []


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Apart from that of other tests, which search the same unit with fewer recipes."""
    return Store(tmp_path_factory.mktemp("near-ties"))


@pytest.fixture(scope="module")
def result(library, store):
    return synthesize(UNIT, library, store=store)


def test_the_winner_has_the_lowest_price_of_those_compared(result):
    compared = result.provenance["compared"]
    assert len(compared) > 1
    prices = [price(c["area_um2"], c["fj_per_mac"]) for c in compared]
    assert prices == sorted(prices)
    best = compared[0]
    assert (result.structure, result.recipe) == (best["structure"], best["recipe"])
    least = min(point.area_um2 for point in result.points if not point.baseline)
    assert least - 1e-6 <= result.area_um2 <= (1 + TOLERANCE) * least


def test_the_quick_energy_is_that_which_is_measured(result, library, store):
    point = min(result.provenance["compared"], key=lambda c: price(c["area_um2"], c["fj_per_mac"]))
    measured = measure_energy(UNIT, result, library=library, store=store)
    # The winner was made a little faster since; and these are four times as many operands.
    assert point["fj_per_mac"] == pytest.approx(measured.fj_per_mac, rel=0.08)


def test_energy_turns_the_choice(result, library, store, monkeypatch):
    """The same netlists with their energies turned round: another one wins."""

    def turned(spec, mapped, *rest):
        return 1.0 / quick_energy(spec, mapped, *rest) ** 50

    monkeypatch.setattr(search, "quick_energy", turned)
    found = search.search(UNIT, library, None, store)
    compared = result.provenance["compared"]
    most = max(compared, key=lambda c: c["fj_per_mac"])
    assert found.best.structure.name == most["structure"]
    assert found.best.recipe.name == most["recipe"]


def test_area_decides_alone_where_the_library_has_no_power(library, store, monkeypatch):
    monkeypatch.setattr(type(library), "has_power", False)
    monkeypatch.setattr(search, "quick_energy", None)
    found = search.search(UNIT, library, None, store)
    assert found.near_ties == ()
    assert found.best.mapped.area_um2 == min(c.mapped.area_um2 for c in found.tried)


def test_a_netlist_that_cannot_be_simulated_leaves_the_choice_to_area_and_is_noted(
    library, store, monkeypatch
):
    def refuse(*_):
        raise HwmodelError("this cell is not known")

    monkeypatch.setattr(search, "quick_energy", refuse)
    found = search.search(UNIT, library, None, store)
    assert found.best.mapped.area_um2 == min(c.mapped.area_um2 for c in found.tried)
    assert "this cell is not known" in found.failures


def test_a_finished_energy_is_kept(result, library, store, monkeypatch):
    structure = Structure.parse(result.structure)
    rtlil = rtlil_of(UNIT, structure, store)
    mapped = map_design(rtlil, UNIT.identifier, Recipe("amap"), library, store)
    first = quick_energy(UNIT, mapped, library, store, None)
    monkeypatch.setattr(near_ties, "simulate_gates", None)
    assert quick_energy(UNIT, mapped, library, store, None) == first
    # Another netlist is another entry.
    with pytest.raises(HwmodelError, match="left the store"):
        quick_energy(UNIT, dataclasses.replace(mapped, key="0" * 64), library, store, None)
