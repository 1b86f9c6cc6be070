"""``hwmodel vectors``: what is written agrees with the definition, and comes out the same twice."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from hwmodel import store
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
        ("mac-fp32-fp32-fp32", "at most 16 bits"),
        ("mac-e12m3-e12m3-fp32", "within float64"),
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


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("mac-e5m2-e5m2-fp16", {"midpoint", "near midpoint", "carry", "overflow", "subnormal"}),
        ("mac-int8-int8-int18sat", {"overflow", "extreme", "cancellation"}),
        ("mac-e4m3-e4m3-chunk16_fp16_fp32", {"chunk end", "chunk start", "midpoint"}),
        ("mac-int8-int8-chunk8_int18_int32", {"inner overflow", "chunk end"}),
        ("mac-e4m3-e4m3-align16w25_fp32", {"group end", "group start", "cut off", "midpoint"}),
        ("mac-fp16-fp16-fp16", {"double rounding", "special", "extreme"}),
    ],
)
def test_vectors_of_a_unit_say_what_they_bring(tmp_path, name, kinds):
    write(tmp_path, name)
    header, rows = read(tmp_path, name)
    found = [{row["kind"], *row.get("also", ())} for row in rows]
    assert kinds | {"reset", "stall", "clear", "step"} <= set().union(*found)
    for kind, told in header["kinds"].items():
        assert told["count"] == sum(kind in row for row in found)
        assert told["meaning"]


def test_midpoints_of_a_unit_are_midpoints(tmp_path):
    write(tmp_path, "mac-e5m2-e5m2-fp16")
    _, rows = read(tmp_path, "mac-e5m2-e5m2-fp16")
    values = np.sort(parse_format("fp16").values())
    finite = values[np.isfinite(values)].tolist()
    middles = {(low + high) / 2 for low, high in itertools.pairwise(finite)}
    middles |= {65520.0, -65520.0}  # where rounding begins to overflow
    before, seen = 0.0, 0
    for row in rows:
        kinds = {row["kind"], *row.get("also", ())}
        a, b, after = (float(row["values"][name]) for name in ("a", "b", "expected"))
        before = 0.0 if {"clear", "reset"} & kinds else before
        if "special" not in kinds and row["inputs"]["valid"] == "0x1" and "reset" not in kinds:
            total = before + a * b  # exact in float64
            is_tie = total in middles and total not in finite
            assert is_tie == ("midpoint" in kinds), row
            seen += is_tie
        before = after
    assert seen > 50


def test_the_header_tells_what_the_code_of_a_sum_is(tmp_path):
    for name in ("mac-e4m3-e4m3-exact", "mac-e4m3-e4m3-align16w25_fp32", "mac-int8-int8-int20"):
        write(tmp_path, name, "--count", "64")
    header, _ = read(tmp_path, "mac-e4m3-e4m3-exact")
    assert header["expected"]["bits"] == 50
    assert header["expected"]["number"] == {
        "kind": "exact",
        "signed": True,
        "width": 49,
        "lsb_exponent": -18,
        "nonfinite_bit": 49,
    }
    assert "bit 49 is set by a NaN or infinite operand" in header["expected"]["meaning"]
    text = (tmp_path / "mac-e4m3-e4m3-exact.hex").read_text()
    assert "two's-complement fixed-point number whose last bit weighs" in text
    header, _ = read(tmp_path, "mac-e4m3-e4m3-align16w25_fp32")
    assert header["expected"]["format"] == "fp32"
    assert "8 exponent bits (bias 127)" in header["expected"]["meaning"]
    assert "16 products" in header["accumulator"]
    header, _ = read(tmp_path, "mac-int8-int8-int20")
    assert header["expected"]["format"] == "int20"
    assert header["expected"]["number"]["nonfinite_bit"] is None


@pytest.mark.parametrize("name", ["fp32-to-mxfp4", "mac-mxfp4-mxfp4-fp32", "mul-nvfp4-e4m3-fp16"])
def test_block_formats_have_no_vectors(tmp_path, name):
    result = CliRunner().invoke(command, [name, "-o", str(tmp_path / "out")])
    assert isinstance(result.exception, HwmodelError)
    assert "single numbers" in str(result.exception)
    assert "e2m1" in str(result.exception)


def test_a_folder_that_cannot_be_written_leaves_no_empty_parents(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "_write", full)
    result = CliRunner().invoke(command, ["fp16-to-e5m2", "-o", str(tmp_path / "nest" / "a" / "b")])
    assert isinstance(result.exception, HwmodelError)
    assert not (tmp_path / "nest").exists()
