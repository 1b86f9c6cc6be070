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
from hwmodel.reports.across import across_markdown

INT, FP = "mac-int4-int4-exact", "mac-e2m1-e2m1-exact"


class MadeUp:
    """Steps that know the answer."""

    def __init__(self, library, areas, power=True, energies=None):
        self.library, self.areas, self.power = library, areas, power
        self.energies = energies or {}

    def synthesize(self, spec, clock_ns, detail):
        if spec.name not in self.areas:
            raise HwmodelError("no such luck")
        row = measurement(spec.name, area_um2=self.areas[spec.name], delay_ns=2.0)
        return replace(row, clock_ns=None, library=self.library, energies=()), None

    def energy(self, spec, handle, stimulus):
        if not self.power:
            raise HwmodelError("no power tables")
        known = {"fj_per_mac": self.areas[spec.name], "low": None, "high": None}
        return energy(stimulus=stimulus, **known | self.energies.get((spec.name, stimulus), {}))


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
    assert of_energy.sentence().endswith("(1.20 times); not measured in two, three.")
    assert (
        "in all 2 libraries (1.20 to 2.00 times); not measured in two." in area(result).sentence()
    )
    failed = {(failure.point, failure.step) for failure in result.failures}
    energies = {(f"{unit} in three", "energy under gaussian") for unit in (INT, FP)}
    assert failed == {(f"{FP} in two", "synthesis"), *energies}
    json.dumps(result.to_dict())


def test_nothing_to_compare_is_refused():
    with pytest.raises(HwmodelError, match="an integer and a floating-point format"):
        across_libraries({"one": MadeUp("one", {})}, ("int4",))
    with pytest.raises(HwmodelError, match="no library"):
        across_libraries({}, ("int4", "e2m1"))


def figure(value, off=0.0):
    return {"fj_per_mac": value, "low": value - off, "high": value + off}


def test_energies_by_stimulus_say_where_the_ranking_turns():
    names = ("gaussian", "relu", "sparse90")
    steady, turning, wide = (
        dict(zip(((unit, name) for name in names for unit in (INT, FP)), values, strict=True))
        for values in (
            map(figure, (10.0, 12.0, 10.0, 13.0, 10.0, 14.0)),
            map(figure, (10.0, 12.0, 10.0, 9.0, 10.0, 8.0)),
            (figure(10.0, 1.0), figure(10.8, 1.0), *map(figure, (10.0, 13.0, 10.0, 14.0))),
        )
    )
    areas = {INT: 100.0, FP: 120.0}
    libraries = [
        MadeUp(name, areas, energies=energies)
        for name, energies in (("one", steady), ("two", turning), ("three", wide))
    ]
    result = compare(*libraries, stimuli=names)
    by = {spread.library: spread for spread in result.by_stimulus}
    assert (by["one"].holds, by["one"].turns) == (True, False)
    assert "dearer under all 3 stimuli (1.20 to 1.40 times)" in by["one"].sentence()
    assert (by["two"].holds, by["two"].turns) == (False, True)
    assert by["two"].sentence() == (
        f"{FP} against {INT} (energy in two): the ranking turns with the stimulus: dearer only"
        " under gaussian; cheaper under relu, sparse90 (0.80 to 1.20 times)."
    )
    # Its interval holds 1, so nothing is said of which one is dearer.
    assert (by["three"].holds, by["three"].turns) == (False, False)
    assert "depends on the stimulus: alike only under gaussian; dearer" in by["three"].sentence()
    assert json.loads(json.dumps(result.to_dict()))["by_stimulus"][1]["turns"] is True
    assert not compare(*libraries, stimuli=("relu",)).by_stimulus
    page = across_markdown(result, "hwmodel compare")
    assert "| energy under relu | 1.30 | 0.90 | 1.30 | 0.90 | 1.30 | 1.15 |" in page
    assert f"- {by['two'].sentence()}" in page
    assert "- one: one, " in page
    # What does not hold everywhere comes first.
    assert page.index("## What depends on the library") < page.index("## What holds in all")
    assert "In 1 of 3 cases (a pair of units in a library) the same side" in page
    assert f"- {by['one'].sentence()}" not in page


@pytest.fixture
def made_up(monkeypatch, tmp_path, own_cache):
    """The command with made-up steps for the libraries nangate45 and mine; what they measured."""
    areas = {"nangate45": {INT: 100.0, FP: 120.0}, "mine": {INT: 100.0, FP: 90.0}}
    monkeypatch.setenv("HWMODEL_LIBRARIES", str(tmp_path / "own"))
    monkeypatch.setattr("hwmodel.technology.load_library", lambda paths: None)
    (tmp_path / "own" / "mine").mkdir(parents=True)
    (tmp_path / "own" / "mine" / "mine.lib").write_text("")
    opened = []

    def steps(paths, store):
        opened.append(paths)
        name = "mine" if "mine" in paths[0] else "nangate45"
        return MadeUp(name, areas[name], power="weak" not in paths[0])

    monkeypatch.setattr("hwmodel.cost.steps.RealSteps", steps)
    return opened


def run(*arguments):
    named = ["compare", "--formats", "int4,e2m1", *map(str, arguments)]
    return CliRunner().invoke(group, named)


def test_the_command_prints_writes_and_says(made_up, tmp_path):
    done = run("--libraries", "nangate45,mine", "-o", tmp_path / "out", "--json")
    assert done.exit_code == 0, done.output
    table = (tmp_path / "out" / "libraries.csv").read_text().splitlines()
    assert table[1] == f"{FP},{INT},area,,1.2000,0.9000,0.9000,1.2000,1.0392,no"
    # Energies are cheap beside the synthesis: they are there unless they are not wanted.
    assert table[4] == f"{FP},{INT},energy,gaussian,1.2000,0.9000,0.9000,1.2000,1.0392,no"
    spreads = json.loads((tmp_path / "out" / "libraries.json").read_text())["spreads"]
    assert "larger only in nangate45" in spreads[0]["conclusion"]
    page = (tmp_path / "out" / "libraries.md").read_text()
    assert "--libraries nangate45,mine --formats int4,e2m1" in page
    assert spreads[3]["conclusion"] in page
    printed = run("--libraries", "nangate45,mine").stdout
    assert "energy under gaussian" in printed
    assert "\N{HORIZONTAL ELLIPSIS}" not in printed
    without = run("--libraries", "mine", "--no-energy").stdout
    assert "energy" not in without
    assert "no other library tried" in without


def test_libraries_of_files_are_told_apart(made_up, tmp_path):
    run("--liberty", "a/x.lib", "--liberty", "b/x.lib.gz", "--liberty", "s.lib,t.lib")
    assert made_up == [("a/x.lib",), ("b/x.lib.gz",), ("s.lib", "t.lib")]
    names = json.loads(run("--liberty", "a/x.lib", "--liberty", "b/x.lib.gz", "--json").stdout)
    assert list(names["measurements"]) == ["x", "b/x.lib.gz"]


def test_what_could_not_be_measured_gives_status_1_and_the_rest_stands(made_up):
    done = run("--libraries", "nangate45", "--liberty", "weak.lib")
    assert done.exit_code == 1
    assert f"{INT} in weak, energy under gaussian: no power tables" in done.stderr
    assert "not measured in weak" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--stimulus", "noise"), "noise"),
        (("--stimulus", ""), "stimulus"),
        (("--libraries", "nangate44"), "nangate44"),
        (("--libraries", ","), "no library"),
        (("--accumulators", "int32"), "int32"),
    ],
)
def test_bad_wishes_are_one_sentence(made_up, arguments, message):
    done = run(*arguments)
    assert isinstance(done.exception, HwmodelError)
    assert message in str(done.exception)
    assert run("--no-energy", "--stimulus", "relu").exit_code == 2
