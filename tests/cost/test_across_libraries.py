"""Ratios across libraries: spread, and conclusions that hold only in some."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner
from test_measurement import energy, measurement

from hwmodel.cli.main import group
from hwmodel.cost.libraries import across_libraries
from hwmodel.cost.ratios import Quantity
from hwmodel.errors import HwmodelError

INT, FP = "mac-int4-int4-exact", "mac-e2m1-e2m1-exact"


class MadeUp:
    """Steps that know the answer."""

    def __init__(self, library, areas, power=True):
        self.library, self.areas, self.power = library, areas, power

    def synthesize(self, spec, clock_ns, detail):
        if spec.name not in self.areas:
            raise HwmodelError("no such luck")
        row = measurement(spec.name, area_um2=self.areas[spec.name], delay_ns=2.0)
        return replace(row, clock_ns=None, library=self.library, energies=()), None

    def energy(self, spec, handle, stimulus):
        if not self.power:
            raise HwmodelError("no power tables")
        return energy(fj_per_mac=self.areas[spec.name], low=None, high=None)


def compare(*libraries, **options):
    return across_libraries(
        {library.library: library for library in libraries}, ("int4", "e2m1"), **options
    )


def area(result):
    return next(spread for spread in result.spreads if spread.quantity is Quantity.AREA)


def test_spread_and_a_conclusion_that_holds_everywhere():
    one, two = MadeUp("one", {INT: 100.0, FP: 120.0}), MadeUp("two", {INT: 10.0, FP: 30.0})
    spread = area(compare(one, two))
    assert (spread.least, spread.most) == (pytest.approx(1.2), pytest.approx(3.0))
    assert spread.mean == pytest.approx((1.2 * 3.0) ** 0.5)
    assert spread.holds is True
    assert "larger in all 2 libraries (1.20 to 3.00 times)" in spread.sentence()


def test_a_conclusion_that_holds_in_one_only_is_said_so():
    one, two = MadeUp("one", {INT: 100.0, FP: 120.0}), MadeUp("two", {INT: 100.0, FP: 90.0})
    three = MadeUp("three", {INT: 100.0, FP: 101.0})
    spread = area(compare(one, two, three))
    assert spread.holds is False
    for part in ("depends on", "larger only in one", "smaller only in two", "alike only in three"):
        assert part in spread.sentence()
    alone = area(compare(one))
    assert alone.holds is None
    assert "no other library" in alone.sentence()


def test_what_fails_in_one_library_does_not_stop_the_others():
    one = MadeUp("one", {INT: 100.0, FP: 120.0})
    two, three = MadeUp("two", {INT: 1.0}), MadeUp("three", {INT: 1.0, FP: 2.0}, power=False)
    result = compare(one, two, three, stimuli=("gaussian",))
    assert set(area(result).ratios) == {"one", "three"}
    (of_energy,) = [s for s in result.spreads if s.quantity is Quantity.ENERGY]
    assert set(of_energy.ratios) == {"one"}
    failed = {(failure.point, failure.step) for failure in result.failures}
    energies = {(f"{unit} in three", "energy under gaussian") for unit in (INT, FP)}
    assert failed == {(f"{FP} in two", "synthesis"), *energies}
    json.dumps(result.to_dict())


def test_nothing_to_compare_is_refused():
    with pytest.raises(HwmodelError, match="an integer and a floating-point format"):
        across_libraries({"one": MadeUp("one", {})}, ("int4",))
    with pytest.raises(HwmodelError, match="no library"):
        across_libraries({}, ("int4", "e2m1"))


def test_the_command_prints_writes_and_says(monkeypatch, tmp_path, own_cache):
    areas = {"nangate45": {INT: 100.0, FP: 120.0}, "mine": {INT: 100.0, FP: 90.0}}
    monkeypatch.setenv("HWMODEL_LIBRARIES", str(tmp_path / "own"))
    monkeypatch.setattr("hwmodel.technology.load_library", lambda paths: None)
    (tmp_path / "own" / "mine").mkdir(parents=True)
    (tmp_path / "own" / "mine" / "mine.lib").write_text("")
    names = iter(areas)
    monkeypatch.setattr(
        "hwmodel.cost.steps.RealSteps", lambda paths, store: MadeUp(n := next(names), areas[n])
    )
    arguments = ["compare", "--libraries", ",".join(areas), "--formats", "int4,e2m1"]
    done = CliRunner().invoke(group, [*arguments, "-o", str(tmp_path / "out"), "--json"])
    assert done.exit_code == 0, done.output
    table = (tmp_path / "out" / "libraries.csv").read_text().splitlines()
    assert table[1] == f"{FP},{INT},area,,1.2000,0.9000,0.9000,1.2000,1.0392,no"
    spreads = json.loads((tmp_path / "out" / "libraries.json").read_text())["spreads"]
    assert "larger only in nangate45" in spreads[0]["conclusion"]
