"""``hwmodel format`` and how the command line says what is wrong."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from hwmodel.cli.format import command
from hwmodel.errors import HwmodelError
from hwmodel.formats import KNOWN_NAMES


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "hwmodel", *arguments], capture_output=True, text=True, check=False
    )


def test_the_whole_table_is_printed():
    result = run("format", "e4m3")
    assert result.returncode == 0
    rows = [line for line in result.stdout.splitlines() if line.startswith("0x")]
    assert len(rows) == 256
    assert rows[0x7E].split() == ["0x7e", "0", "1111", "110", "448", "normal"]
    assert rows[0x7F].split()[-1] == "NaN"


def test_json_is_one_object():
    result = run("format", "e2m1", "--json")
    table = json.loads(result.stdout)
    assert (table["max"], len(table["codes"])) == (6.0, 16)


def test_a_wide_format_is_summed_up():
    result = run("format", "fp32")
    assert "0x7f800000" in result.stdout
    assert len(result.stdout.splitlines()) < 20


def test_errors_are_one_sentence_without_traceback():
    result = run("format", "e4m4x")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("hwmodel: unknown format 'e4m4x'")
    assert result.stderr.count("\n") == 1


def test_help_has_an_example_for_every_command():
    from hwmodel.cli.main import COMMANDS

    assert "Example" in run("--help").stdout
    for name in COMMANDS:
        result = run(name, "--help")
        assert result.returncode == 0, result.stderr
        assert f"hwmodel {name} " in result.stdout, name


@pytest.mark.parametrize("name", [*KNOWN_NAMES, "e4m3c2.5", "int8q6", "pow4b9", "binary8p2uf"])
def test_every_known_format_has_a_table(name):
    result = CliRunner().invoke(command, [name, "--json"])
    assert result.exit_code == 0, result.output
    table = json.loads(result.output)
    if table["bits"] <= 8:
        assert len(table["codes"]) == 1 << table["bits"]


def test_the_number_line_is_drawn(tmp_path):
    for file in ("line.svg", "line.png"):
        result = CliRunner().invoke(command, ["e2m3", "--picture", str(tmp_path / file)])
        assert result.exit_code == 0, result.output
    assert (tmp_path / "line.png").read_bytes().startswith(b"\x89PNG")
    picture = (tmp_path / "line.svg").read_text()
    assert picture.count('aria-roledescription="tick"') == 64 + 31  # all, and the positive ones
    assert "subnormal" in picture


@pytest.mark.parametrize(
    ("name", "file", "part"),
    [
        ("fp16", "a.svg", "at most 8 bits"),
        ("e4m3", "a.gif", ".svg"),
    ],
)
def test_a_picture_that_cannot_be_says_why(tmp_path, name, file, part):
    result = CliRunner().invoke(command, [name, "--picture", str(tmp_path / file)])
    assert part in str(result.exception)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "smallest", "largest"),
    [
        ("e4m3b5000", "1 * 2^-5002", "7 * 2^-4987"),
        ("e4m3b5000q1000", "1 * 2^-6002", "7 * 2^-5987"),
        ("ue4m3bn1100", "1 * 2^1098", "7 * 2^1113"),
        ("e11m0c1.25", "1 * 2^-2046 * 1.25", "1.25"),
    ],
)
def test_values_beyond_float64_are_told_by_powers_of_two(name, smallest, largest):
    result = CliRunner().invoke(command, [name, "--all"])
    assert result.exit_code == 0, result.output
    assert f" {largest} " in result.output
    assert smallest in result.output
    assert "inf " not in result.output
    picture = CliRunner().invoke(command, [name, "--picture", "no.svg"])
    assert isinstance(picture.exception, HwmodelError)
