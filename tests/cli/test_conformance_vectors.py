"""``hwmodel vectors``: what is written agrees with the definition, and comes out the same twice."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hwmodel.arithmetic import dot_scalar
from hwmodel.arithmetic.operations import parse_operation
from hwmodel.cli.vectors import command
from hwmodel.errors import HwmodelError
from hwmodel.formats import parse_format
from hwmodel.formats.scalar import decode_scalar, encode_scalar
from hwmodel.units import parse_unit


def write(folder, *arguments):
    result = CliRunner().invoke(command, [*arguments, "-o", str(folder), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def read(folder, name):
    header, *rows = (json.loads(x) for x in (folder / f"{name}.jsonl").read_text().splitlines())
    assert header["count"] == len(rows)
    return header, rows


def test_a_conversion_is_that_of_the_definition(tmp_path):
    told = write(tmp_path, "fp32-to-e4m3", "--count", "200")
    header, rows = read(tmp_path, "fp32-to-e4m3")
    assert told["vectors"] == len(rows)
    assert (header["rounding"], header["overflow"]) == ("nearest-even", "saturate")
    source, target = parse_format("fp32"), parse_format("e4m3")
    for row in rows:
        (code,) = row["inputs"].values()
        value = decode_scalar(source, int(code, 16))
        assert int(row["expected"], 16) == encode_scalar(target, value)
    kinds = {row["kind"] for row in rows}
    assert {"midpoint", "midpoint neighbour", "overflow boundary", "special", "zero"} <= kinds
    assert {"subnormal edge", "carry", "random"} <= kinds
    # halfway between zero and the smallest subnormal, 2^-10, and the float32 above it
    inputs = {int(code, 16) for row in rows for code in row["inputs"].values()}
    assert {0x3A800000, 0x3A800001, 0x3A7FFFFF} <= inputs


@pytest.mark.parametrize("name", ["mul-e4m3-e4m3-fp16", "add-e5m2-e5m2-e5m2", "mul-int4-int4-int8"])
def test_an_operation_is_that_of_the_definition(tmp_path, name):
    write(tmp_path, name, "--count", "50")
    _, rows = read(tmp_path, name)
    operation = parse_operation(name)
    for row in rows:
        codes = [int(code, 16) for code in row["inputs"].values()]
        assert int(row["expected"], 16) == operation.apply(*codes)


def test_the_hex_file_holds_the_same(tmp_path):
    write(tmp_path, "mul-e4m3-e4m3-fp16", "--count", "50")
    _, rows = read(tmp_path, "mul-e4m3-e4m3-fp16")
    text = (tmp_path / "mul-e4m3-e4m3-fp16.hex").read_text().splitlines()
    lines = [line for line in text if line and not line.startswith("//")]
    assert "$readmemh" in "\n".join(text)
    expected = [
        "".join(code.removeprefix("0x") for code in (*row["inputs"].values(), row["expected"]))
        for row in rows
    ]
    assert lines == expected


def test_a_unit_has_its_streams(tmp_path):
    told = write(tmp_path, "mac-e4m3-e4m3-fp16", "--count", "100")
    header, rows = read(tmp_path, "mac-e4m3-e4m3-fp16")
    assert header["sequential"]
    assert told["vectors"] == len(rows) >= 100


def test_the_same_bytes_come_out_twice_and_the_reader_runs(tmp_path):
    for place in ("one", "two"):
        files = write(tmp_path / place, "fp16-to-e5m2", "--count", "30", "--seed", "7")["files"]
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    (reader,) = (file for file in files if file.endswith(".py"))
    done = subprocess.run(
        [sys.executable, reader], cwd=tmp_path / "one", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "fp16-to-e5m2" in done.stdout
    assert "'expected': '57344.0'" in done.stdout  # infinity, saturating


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("fp32-e4m3", "unknown"),
        ("div-e4m3-e4m3-fp16", "unknown"),
        ("fp32-to-e9m99", "wider"),
        ("mul-e4m3-e4m3", "unknown operation"),
    ],
)
def test_what_is_no_spec_says_why(tmp_path, name, part):
    result = CliRunner().invoke(command, [name, "-o", str(tmp_path / "out")])
    assert isinstance(result.exception, HwmodelError)
    assert part in str(result.exception)
    assert not Path(tmp_path / "out").exists()


@pytest.mark.parametrize("accumulator", ["align4w14_fp16", "chunk5_fp16_fp32"])
def test_units_with_combined_accumulators_have_vectors(accumulator, tmp_path):
    name = f"mac-e4m3-e4m3-{accumulator}"
    write(tmp_path, name, "--count", "400")
    _, rows = read(tmp_path, name)
    spec, pairs = parse_unit(name), []
    for row in rows:
        rst, valid, clear, a, b = (int(code, 16) for code in row["inputs"].values())
        pairs = [] if rst or clear else pairs
        pairs += [(a, b)] if valid and not rst else []
        expected = dot_scalar(spec, [a for a, _ in pairs], [b for _, b in pairs])
        assert int(row["expected"], 16) == expected


def test_every_midpoint_of_a_wide_output_comes_if_asked(tmp_path):
    fmt = parse_format("e4m7")
    rest = ("fp16-to-e4m7", "--count", "0")
    few = write(tmp_path / "few", *rest)["vectors"]
    assert write(tmp_path, *rest, "--every-midpoint")["vectors"] > few
    _, rows = read(tmp_path, "fp16-to-e4m7")
    got = {float(row["values"]["x"]) for row in rows if row["kind"] == "midpoint"}
    values = sorted(set(fmt.values().tolist()))
    middles = {(low + high) / 2 for low, high in itertools.pairwise(values)}
    assert len(middles) > 4000
    assert middles <= got


@pytest.mark.parametrize("name", ["fp32-to-fp32", "mac-e4m3-e4m3-fp16"])
def test_every_midpoint_is_refused_where_there_are_too_many_or_none(tmp_path, name):
    result = CliRunner().invoke(command, [name, "-o", str(tmp_path / "out"), "--every-midpoint"])
    assert isinstance(result.exception, HwmodelError)
    assert "every midpoint" in str(result.exception)
