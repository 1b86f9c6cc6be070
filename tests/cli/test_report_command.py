"""``hwmodel report``: what it prints and how it ends."""

import json

import pytest
from click.testing import CliRunner

from hwmodel.cli.report import command
from hwmodel.cost.results import Failure, Results
from hwmodel.errors import HwmodelError


@pytest.fixture
def measured(monkeypatch):
    """What `collect` is to find; the plans that it was asked for."""
    asked = []

    def answer(failures=()):
        def collect(plan, accuracy, photos, progress):
            asked.append((plan, accuracy))
            progress(0, 1, "measuring")
            return Results(plan.to_dict(), (), (), failures=failures)

        monkeypatch.setattr("hwmodel.cost.collect.collect", collect)
        return asked

    return answer


def test_writes_the_report_and_names_it(measured, tmp_path):
    asked = measured()
    folder = tmp_path / "deep" / "report"
    run = CliRunner().invoke(command, ["-o", str(folder), "--formats", "int8,e4m3", "--clock", "2"])
    assert run.exit_code == 0, run.output
    assert f"report: {folder / 'report.html'}" in run.stdout
    assert (folder / "report.html").is_file()
    plan, accuracy = asked[0]
    assert (plan.formats, plan.clock_ns, accuracy) == (("int8", "e4m3"), 2.0, True)
    assert "measuring" in run.stderr


def test_json_is_one_object(measured, tmp_path):
    measured()
    run = CliRunner().invoke(command, ["-o", str(tmp_path), "--no-accuracy", "--json"])
    entry = json.loads(run.stdout)
    assert entry["report"] == str(tmp_path / "report.html")
    assert entry["plan"]["stimuli"] == ["gaussian", "uniform"]


def test_a_failed_point_is_told_and_gives_status_1(measured, tmp_path):
    measured((Failure("mac-e4m3-e4m3-fp32 at 3 ns", "synthesis", "it broke"),))
    run = CliRunner().invoke(command, ["-o", str(tmp_path)])
    assert run.exit_code == 1
    assert "mac-e4m3-e4m3-fp32 at 3 ns (synthesis) failed: it broke" in run.stderr
    assert "it broke" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--formats", "e9q9"], ["--clock", "-1"], ["--clock", "inf"], ["--formats", ","]),
        *(["--library", "nangate44"], ["--liberty", "absent.lib"]),
    ],
)
def test_impossible_wishes_are_refused_before_anything_runs(measured, tmp_path, arguments):
    asked = measured()
    run = CliRunner().invoke(command, ["-o", str(tmp_path / "out"), *arguments])
    assert isinstance(run.exception, HwmodelError)
    assert not asked
    assert not (tmp_path / "out").exists()


def test_an_output_folder_is_required():
    assert CliRunner().invoke(command, []).exit_code == 2


def test_another_library_goes_into_the_plan_with_a_clock_that_fits_it(
    measured, tmp_path, monkeypatch
):
    asked = measured()
    loaded = []
    monkeypatch.setattr(
        "hwmodel.technology.load_library", lambda *cells: loaded.append(cells) or "cells"
    )
    monkeypatch.setattr("hwmodel.technology.catalogue.library_files", lambda name, tell: [name])
    monkeypatch.setattr("hwmodel.cost.clock.common_clock", lambda units, steps, tell: 7.0)
    options = (
        ["--library", "sky130hd,tt"],
        ["--liberty", "a.lib", "--liberty", "b.lib"],
        ["--library", "sky130hd", "--clock", "2"],
        ["--library", "nangate45"],
    )
    for option in options:
        run = CliRunner().invoke(command, ["-o", str(tmp_path / "out"), *option])
        assert run.exit_code == 0, run.output
    assert [(plan.cells, plan.clock_ns, bool(plan.clock_from)) for plan, _ in asked] == [
        ("sky130hd,tt", 7.0, True),
        (("a.lib", "b.lib"), 7.0, True),
        ("sky130hd", 2.0, False),
        ("nangate45", 3.0, False),
    ]
    assert loaded[0] == (["sky130hd,tt"],)
    both = ["--library", "sky130hd", "--liberty", "a.lib"]
    refused = CliRunner().invoke(command, ["-o", str(tmp_path / "out"), *both])
    assert refused.exit_code == 2
    assert "not both" in refused.output
