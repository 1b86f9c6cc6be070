import json

import pytest
from click.testing import CliRunner

from hwmodel.cli.predict import command
from hwmodel.errors import HwmodelError


def run(*arguments):
    return CliRunner().invoke(command, arguments, catch_exceptions=True)


def test_json_has_numbers_and_their_bounds():
    result = run("mac-e3m3-e3m3-exact1024", "--json")
    assert result.exit_code == 0, result.output
    entry = json.loads(result.stdout)
    assert entry["how"] == "modelled"
    assert entry["model"] == "fitted"
    for quantity in ("area_um2", "delay_ns", "fj_per_mac"):
        value, error = entry[quantity], entry[f"{quantity}_error"]
        assert entry[f"{quantity}_low"] == pytest.approx(value / (1 + error))
        assert entry[f"{quantity}_high"] == pytest.approx(value * (1 + error))
        assert 0 < error < 1
    assert entry["measured_figure_exists"] is False


def test_printed_figures_never_look_measured():
    result = run("mac-int8-int8-int32")
    assert result.exit_code == 0, result.output
    figures = [line for line in result.output.splitlines() if line.startswith("  ")]
    assert len(figures) == 3
    assert all("~" in line and line.endswith("modelled") for line in figures)
    assert "MODELLED, not measured" in result.output
    assert "hwmodel synth mac-int8-int8-int32" in result.output


def test_a_published_model_names_its_paper_and_mark():
    result = run("mac-e4m3-e4m3-fp32", "--model", "vanbaalen")
    assert "arXiv 2303.17951 [S]" in result.output
    assert "not modelled" in result.output


def test_validation_is_a_table_of_errors():
    entry = json.loads(run("--validate", "--json").stdout)
    kinds = {(line["quantity"], line["left_out"]) for line in entry["errors"]}
    assert ("area_um2", "unit") in kinds
    assert ("fj_per_mac", "format") in kinds
    assert "modelled" in entry["how"]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("mac-int8-int8-int32", "--validate"),
        ("--collect",),
        ("mac-int8-int8-int32", "-o", "x.csv"),
        ("--validate", "--clock", "1"),
        ("mac-int8-int8-int32", "--share", "0.5"),
    ],
)
def test_wrong_usage_is_told_as_such(arguments):
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mac-int8-int8-int32", "--model", "guess"), "a model is one of fitted"),
        (("mac-int8-int8-int32", "--clock", "-1"), "positive number of ns"),
        (("mac-bf16-bf16-exact",), "too far from the measured units"),
    ],
)
def test_errors_are_sentences(arguments, message):
    result = run(*arguments)
    assert isinstance(result.exception, HwmodelError)
    assert message in str(result.exception)
