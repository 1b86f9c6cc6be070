"""``hwmodel cosim`` as scripts and people see it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from hwmodel import rtl
from hwmodel.cli import cosim
from hwmodel.units import parse_unit

SPEC = "mac-e2m1-e2m1-fp16"
SHORT = ("--quick", "--random", "300")


def run(*arguments, **variables):
    return subprocess.run(
        [sys.executable, "-m", "hwmodel", "cosim", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | variables,
    )


def test_json_is_one_object_with_the_agreed_names():
    result = run(SPEC, *SHORT, "--seed", "5", "--json")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    report = json.loads(result.stdout)
    assert report["spec"] == SPEC
    assert (report["mismatches"], report["seed"]) == (0, 5)
    assert report["vectors"] > 1000
    assert report["vectors_per_s"] > 0
    assert report["sections"]["operand pairs"] == {"vectors": 256, "mismatches": 0}
    assert "Icarus" in report["simulator"]


def test_a_mismatch_shows_codes_and_values_and_fails():
    result = run(SPEC, *SHORT, "--fault", "wrong-bias")
    assert result.returncode == 1
    assert "planted fault wrong-bias" in result.stdout
    # One line each of the operands, expected and got: code = value.
    for label in ("a", "b", "acc before", "expected", "got"):
        lines = [line for line in result.stdout.splitlines() if line.split("  ")[3:4] == [label]]
        assert lines, label
        code, value = lines[0].split("  ")[-1].strip().split(" = ")
        assert int(code, 16) >= 0
        float(value)
    assert result.stderr.startswith(f"hwmodel: {SPEC} differs from the golden model in ")
    kept = Path(result.stderr.rsplit(" ", 1)[-1].strip())
    assert (kept / "unit.v").is_file()
    shutil.rmtree(kept)


def test_json_of_a_mismatch_fails_too():
    result = run(SPEC, *SHORT, "--fault", "zero-sign", "--json")
    assert result.returncode == 1
    report = json.loads(result.stdout)
    assert report["mismatches"] > 0
    first = report["first_mismatches"][0]
    assert {int(first["codes"]["expected"], 16), int(first["codes"]["got"], 16)} == {0, 0x8000}
    shutil.rmtree(report["log"])


def test_all_structures_are_run(monkeypatch):
    spec = "mac-int4-int4-int10"
    several = rtl.structures_for(parse_unit(spec))
    assert len(several) > 2
    monkeypatch.setattr(rtl, "structures_for", lambda _: several[:2])
    result = CliRunner().invoke(cosim.command, [spec, *SHORT, "--structure", "all", "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.output)
    assert [one["structure"] for one in report["runs"]] == [one.name for one in several[:2]]
    assert report["vectors"] == sum(one["vectors"] for one in report["runs"])
    assert report["mismatches"] == 0


def test_a_missing_simulator_is_one_sentence():
    result = run(SPEC, PATH="/nowhere")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "apt-get install iverilog" in result.stderr
    assert result.stderr.count("\n") == 1


def test_unknown_units_and_impossible_faults_are_one_sentence():
    for arguments, words in (
        (["mac-int8-e4m3-fp32"], "not built yet"),
        (["mac-e4m3-e4m3-int32"], "choose exact, fp32 or fp16"),
        (["mac-int8-int8-int32", "--fault", "wrong-bias"], "the fault wrong-bias has no place"),
    ):
        result = run(*arguments)
        assert result.returncode == 1
        assert words in result.stderr
        assert result.stderr.count("\n") == 1
