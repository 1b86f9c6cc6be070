"""``hwmodel generate``: the files, their bytes, and what a user does with them."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from hwmodel.arithmetic import step_scalar
from hwmodel.errors import HwmodelError
from hwmodel.sim import delivery
from hwmodel.sim.sidecar import SCHEMA, content_hash
from hwmodel.units import parse_unit
from hwmodel.yosys import run_yosys

SPEC = "mac-e3m2-e3m2-fp16"
TOP = "mac_e3m2_e3m2_fp16"


def run(*arguments, cwd=None, **variables):
    return subprocess.run(
        [sys.executable, "-m", "hwmodel", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=os.environ | variables,
    )


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """Files of a unit, written by the command into a new folder."""
    folder = tmp_path_factory.mktemp("generated") / "a" / "unit"
    result = run("generate", SPEC, "-o", folder, "--vectors", 1200)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == [str(path) for path in sorted_as_listed(folder)]
    return folder


def sorted_as_listed(folder):
    names = (".v", "_tb.v", ".stimulus.hex", ".expected.hex", ".vectors.jsonl", ".json")
    return [folder / f"{TOP}{name}" for name in names]


def test_nothing_else_is_written(generated):
    assert sorted(generated.iterdir()) == sorted(sorted_as_listed(generated))


def test_the_bytes_depend_on_neither_time_place_nor_process(generated, tmp_path):
    other = tmp_path / "elsewhere" / "with blank"
    result = run(
        "generate", SPEC, "-o", other, "--vectors", 1200, "--json",
        cwd=tmp_path, PYTHONHASHSEED="7", TZ="Asia/Tokyo", LC_ALL="C",
    )  # fmt: skip
    report = json.loads(result.stdout)
    assert report["top"] == TOP
    assert len(report["files"]) == 6
    for path in generated.iterdir():
        assert path.read_bytes() == (other / path.name).read_bytes(), path.name
        text = path.read_text()
        for private in (str(generated), str(tmp_path), str(Path.home()), "site-packages"):
            assert private not in text


def test_the_sidecar_follows_its_schema_and_the_spec(generated):
    record = json.loads((generated / f"{TOP}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(record, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert record["spec"] == parse_unit(SPEC).to_dict()
    assert {port["name"]: port["width"] for port in record["ports"]} == {
        "clk": 1, "rst": 1, "a": 6, "b": 6, "valid": 1, "clear": 1, "acc": 16,
    }  # fmt: skip
    assert record["vectors"]["cycles"] == 1200


@pytest.mark.parametrize(
    "name", ["mac-int8-uint4-int20sat", "mac-e5m2-e5m2-exact", "mac-int8-int8-exact"]
)
def test_sidecars_of_all_kinds_of_accumulator(name):
    spec = parse_unit(name)
    texts = delivery.delivered_texts(spec, delivery.structures_for(spec)[0], 64)
    record = json.loads(texts[f"{spec.identifier}.json"])
    jsonschema.validate(record, SCHEMA, cls=jsonschema.Draft202012Validator)
    field = spec.fixed_point
    accumulator = record["accumulator"]
    assert (accumulator["fixed_point_width"], accumulator["lsb_exponent"]) == (
        field.width,
        field.lsb_exponent,
    )
    assert (accumulator["nonfinite_bit"] is not None) == spec.has_nonfinite_flag
    ports = {port["name"]: port for port in record["ports"]}
    assert ports["acc"]["width"] == spec.accumulator_bits
    assert ports["acc"]["signed"] == (not spec.has_nonfinite_flag)
    assert ports["b"]["signed"] == (name != "mac-int8-uint4-int20sat" and "int8" in name)


def test_the_hashes_are_those_of_the_files(generated):
    record = json.loads((generated / f"{TOP}.json").read_text())
    hashes = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in generated.iterdir()
        if path.name != f"{TOP}.json"
    }
    assert record["files"] == hashes
    assert record["content_hash"] == content_hash(hashes)


def test_the_vectors_follow_the_scalar_definition_and_agree_with_the_hex_files(generated):
    spec = parse_unit(SPEC)
    lines = [json.loads(x) for x in (generated / f"{TOP}.vectors.jsonl").read_text().splitlines()]
    stimulus = (generated / f"{TOP}.stimulus.hex").read_text().splitlines()[1:]
    expected = (generated / f"{TOP}.expected.hex").read_text().splitlines()[1:]
    assert len(lines) == len(stimulus) == len(expected) == 1200
    acc = 0
    for line, packed, code in zip(lines, stimulus, expected, strict=True):
        a, b = int(line["a"], 16), int(line["b"], 16)
        valid, clear, rst = line["valid"], line["clear"], line["rst"]
        acc = step_scalar(spec, acc, a, b, valid=bool(valid and not rst), clear=bool(clear or rst))
        assert int(line["acc"], 16) == int(code, 16) == acc
        assert int(packed, 16) == (rst << 14 | valid << 13 | clear << 12 | a << 6 | b)
    assert {line["valid"] for line in lines} == {line["clear"] for line in lines} == {0, 1}


def test_the_header_says_what_the_unit_does(generated):
    lines = (generated / f"{TOP}.v").read_text().splitlines()
    header = "\n".join(line for line in lines[: lines.index("")])
    for words in (SPEC, "acc = round(acc + a * b)", "e3m2: sign, 3 exponent bits (bias 3)",
                  "fp16", "latency: 2 edges", "array-"):  # fmt: skip
        assert words in header.replace("\n// ", " ")
    assert max(len(line) for line in header.splitlines()) <= 100


def test_the_verilog_is_plain_and_synthesizable(generated):
    lint = subprocess.run(
        ["iverilog", "-Wall", "-g2005", "-o", os.devnull, generated / f"{TOP}.v"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (lint.returncode, lint.stderr) == (0, "")
    script = f"read_verilog unit.v\nsynth -top {TOP}\ncheck -assert\nwrite_json out.json\n"
    texts = {"unit.v": (generated / f"{TOP}.v").read_text()}
    files, _ = run_yosys(script, files=texts, outputs=("out.json",))
    cells = json.loads(files["out.json"])["modules"][TOP]["cells"].values()
    # Registers of the operands, of clear and of the accumulator; without valid, a is set to zero.
    assert sum(cell["type"] == "$_DFF_P_" for cell in cells) == 2 * 6 + 1 + 16
    assert not any("LATCH" in cell["type"] for cell in cells)


def simulate(folder, top=TOP):
    """What a user types, by the testbench's own comment."""
    compiled = subprocess.run(
        ["iverilog", "-g2012", "-o", f"{top}_tb.vvp", f"{top}_tb.v", f"{top}.v"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert compiled.returncode == 0, compiled.stderr
    return subprocess.run(
        ["vvp", f"{top}_tb.vvp"], cwd=folder, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def copied(folder, to):
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


def test_the_testbench_passes(generated, tmp_path):
    result = simulate(copied(generated, tmp_path))
    assert result.returncode == 0
    assert result.stdout.splitlines()[-1] == "PASS: 1200 cycles"


def test_the_testbench_fails_when_the_verilog_is_changed(generated, tmp_path):
    folder = copied(generated, tmp_path)
    unit = folder / f"{TOP}.v"
    text = unit.read_text()
    # The registered `valid` no longer waits for the end of the reset.
    changed = re.sub(r"(assign takes = valid) & \w+;", r"\1;", text)
    assert changed != text
    unit.write_text(changed)
    result = simulate(folder)
    assert result.returncode != 0
    assert "FAIL: " in result.stdout + result.stderr
    assert "expected acc" in result.stdout
    assert "PASS" not in result.stdout


@pytest.mark.parametrize("lost", ["stimulus", "expected"])
def test_the_testbench_fails_without_whole_vectors(lost, generated, tmp_path):
    folder = copied(generated, tmp_path)
    path = folder / f"{TOP}.{lost}.hex"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    result = simulate(folder)
    assert result.returncode != 0
    assert "FAIL" in result.stdout + result.stderr


def test_another_structure_has_the_same_vectors_but_another_verilog(generated, tmp_path):
    spec = parse_unit(SPEC)
    last = delivery.structures_for(spec)[-1]
    result = run("generate", SPEC, "-o", tmp_path, "--vectors", 1200, "--structure", last.name)
    assert result.returncode == 0, result.stderr
    changed = {
        p.name for p in generated.iterdir() if p.read_bytes() != (tmp_path / p.name).read_bytes()
    }
    assert changed == {f"{TOP}.v", f"{TOP}.json"}
    assert simulate(tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mac-e9m9x-int8-int32", "-o", "x"], "unknown format 'e9m9x'"),
        (["mac-int8-int8-int9", "-o", "x"], "too narrow"),
        (["adder", "-o", "x"], "unknown unit 'adder'"),
        ([SPEC, "-o", "x", "--structure", "nice"], "expected a structure's name"),
        ([SPEC, "-o", "file/unit"], "cannot write into file/unit"),
        ([SPEC, "-o", "file"], "cannot write into file"),
    ],
)
def test_errors_are_one_sentence_and_leave_nothing(arguments, words, tmp_path):
    (tmp_path / "file").write_text("a file, no folder")
    result = run("generate", *arguments, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("hwmodel: ")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


class FullDisk:
    """Stands in for `os.fsync`: the third file meets a full disk, or Ctrl-C."""

    def __init__(self, error):
        self.error = error
        self.calls = 0

    def __call__(self, handle):
        self.calls += 1
        if self.calls == 3:
            raise self.error


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("existing", [False, True])
def test_a_full_disk_or_an_interrupt_leaves_nothing_half_written(
    error, existing, tmp_path, monkeypatch
):
    folder = tmp_path / "deep" / "unit"
    texts = {"one.v": "1\n", "two.v": "2\n", "three.v": "3\n", "four.v": "4\n"}
    if existing:
        folder.mkdir(parents=True)
        (folder / "one.v").write_text("old\n")
    monkeypatch.setattr(delivery.os, "fsync", FullDisk(error))
    expected = HwmodelError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as info:
        delivery._write_all(folder, texts)
    if existing:
        assert [path.name for path in folder.iterdir()] == ["one.v"]
        assert (folder / "one.v").read_text() == "old\n"
    else:
        assert list(tmp_path.iterdir()) == []
    if expected is HwmodelError:
        assert "No space left on device" in str(info.value)
        assert "\n" not in str(info.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
def test_a_disk_that_is_really_full(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        result = run("generate", SPEC, "-o", disk / "unit")
        assert result.returncode == 1
        assert "No space left on device" in result.stderr
        assert result.stderr.count("\n") == 1
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_expected_codes_of_wide_accumulators_are_whole():
    from hwmodel.sim.testbench import expected_hex

    spec = parse_unit("mac-e5m2-e5m2-exact")
    lines = expected_hex(spec, np.array([1, (1 << 78) - 1], dtype=object)).splitlines()
    assert lines[1:] == ["0" * 19 + "1", "3" + "f" * 19]
