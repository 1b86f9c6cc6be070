"""`hwmodel synth`: what it prints and writes of a result."""

import dataclasses
import json

import pytest
from click.testing import CliRunner

import hwmodel.synthesis
from hwmodel.cli.synth import command
from hwmodel.synthesis import SynthesisResult, TriedPoint

SPEC = "mac-int4-int4-int12"
POINT = TriedPoint("array-plain-separate", "amap+qn", 219.5, 1.1)
BASELINE = TriedPoint("plain-plain-separate", "default", 300.0, 1.4, baseline=True)
NEAR = [
    {**dataclasses.asdict(POINT), "fj_per_mac": 374.0},
    {**dataclasses.asdict(POINT), "area_um2": 218.6, "fj_per_mac": 464.4},
]
RESULT = SynthesisResult(
    spec=SPEC,
    library="cells",
    corner="typical",
    clock_ns=None,
    met=True,
    area_um2=219.5,
    nand2=275.0,
    delay_ns=1.1,
    structure=POINT.structure,
    recipe=POINT.recipe,
    cells={"NAND2": 3},
    blocks={"multiply": 100.0, "registers": 100.0},
    netlist="module mac ();\nendmodule\n",
    netlist_json="{}",
    points=(BASELINE, POINT),
    versions={"pyosys": "0"},
    provenance={
        "goal": "minimum area",
        "effort": "all of it",
        "runs": 7,
        "blocks": "kept apart",
        "blocks_total_um2": 200.0,
        "compared": NEAR,
    },
)


@pytest.fixture
def run(monkeypatch, own_cache):
    """Run the command with a result that was made up."""

    def call(result, *args):
        monkeypatch.setattr(hwmodel.synthesis, "synthesize", lambda *_, **__: result)
        return CliRunner().invoke(command, [SPEC, *args])

    return call


def test_near_ties_are_shown_with_their_energies(run):
    text = run(RESULT).stdout
    assert "least area of 2" in text
    assert "218.6 um2, 464 fJ/MAC" in text
    assert "219.5 um2, 374 fJ/MAC" in text
    assert "300.0 um2, 1.400 ns" in text
    assert "50.0 %" in text


def test_nothing_is_said_of_energy_where_there_was_no_choice(run):
    alone = dataclasses.replace(RESULT, provenance={**RESULT.provenance, "compared": []})
    assert "fJ" not in run(alone).stdout


def test_a_clock_that_was_missed_is_said(run):
    missed = dataclasses.replace(RESULT, clock_ns=0.5, met=False)
    found = run(missed, "--clock", "0.5")
    assert "NOT met" in found.stdout
    assert "0.5 ns was not reached: the fastest of 7 netlists tried needs 1.100 ns" in found.stderr


def test_json_has_everything_but_the_netlist(run):
    entry = json.loads(run(RESULT, "--json").stdout)
    assert entry == json.loads(json.dumps(RESULT.to_dict()))
    assert entry["provenance"]["compared"][0]["fj_per_mac"] == 374.0


def test_the_netlist_has_a_header_that_says_what_it_is(run, tmp_path):
    path = tmp_path / "mac.v"
    run(RESULT, "--netlist", str(path))
    text = path.read_text()
    assert text.startswith(f"// {SPEC} mapped to cells, typical\n// goal: minimum area\n")
    assert text.endswith(RESULT.netlist)
