"""What a user takes away of a unit: Verilog, sidecar, conformance vectors and a testbench.

The texts depend on the spec, the structure, the number of vectors and the tools' versions, and on
nothing else: neither time nor place.
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import numpy.typing as npt

from hwmodel.errors import HwmodelError
from hwmodel.rtl import Structure, structures_for, to_verilog
from hwmodel.sim.describe import accumulator_words, format_words, step_words
from hwmodel.sim.sidecar import sidecar, tool_versions
from hwmodel.sim.streams import Stimulus, expected_accumulator
from hwmodel.sim.testbench import expected_hex, stimulus_hex, testbench_verilog
from hwmodel.sim.vectors import conformance_stimulus
from hwmodel.units import UnitSpec

__all__ = ["SEED", "deliver", "delivered_texts"]

SEED = 1
"""Seed of the conformance vectors."""
_WIDTH = 96


def deliver(
    spec: UnitSpec, folder: Path, structure: Structure | None = None, cycles: int = 4096
) -> list[Path]:
    """Write the files of a unit into a folder: all of them, or none.

    Parameters
    ----------
    spec : UnitSpec
        The unit.
    folder : Path
        Created if need be; files of the same names are replaced.
    structure : Structure, optional
        How it is built; by default the first of `structures_for`.
    cycles : int
        Number of conformance vectors.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    HwmodelError
        The folder cannot be written.
    ToolError
        Yosys failed.
    """
    texts = delivered_texts(spec, structure or structures_for(spec)[0], cycles)
    _write_all(folder, texts)
    return [folder / name for name in texts]


def delivered_texts(spec: UnitSpec, structure: Structure, cycles: int) -> dict[str, str]:
    """Contents of the files of a unit by name; the sidecar, which has their hashes, is last."""
    top = spec.identifier
    stimulus = conformance_stimulus(spec, cycles, SEED)
    expected = expected_accumulator(spec, stimulus)
    texts = {
        f"{top}.v": _header(spec, structure) + "\n" + to_verilog(spec, structure),
        f"{top}_tb.v": testbench_verilog(spec, len(stimulus)),
        f"{top}.stimulus.hex": stimulus_hex(spec, stimulus),
        f"{top}.expected.hex": expected_hex(spec, expected),
        f"{top}.vectors.jsonl": _vector_lines(spec, stimulus, expected),
    }
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    record = sidecar(spec, structure, hashes, len(stimulus), SEED)
    return texts | {f"{top}.json": json.dumps(record, indent=2) + "\n"}


def _vector_lines(spec: UnitSpec, stimulus: Stimulus, expected: npt.NDArray[Any]) -> str:
    digits_a, digits_b = (spec.a.bits + 3) // 4, (spec.b.bits + 3) // 4
    digits = (spec.accumulator_bits + 3) // 4
    lines = [
        json.dumps(
            {
                "a": f"0x{int(stimulus.a[t]):0{digits_a}x}",
                "b": f"0x{int(stimulus.b[t]):0{digits_b}x}",
                "valid": int(stimulus.valid[t]),
                "clear": int(stimulus.clear[t]),
                "rst": int(stimulus.rst[t]),
                "acc": f"0x{int(expected[t]):0{digits}x}",
            }
        )
        for t in range(len(stimulus))
    ]
    return "\n".join(lines) + "\n"


def _header(spec: UnitSpec, structure: Structure) -> str:
    versions = ", ".join(
        f"{name} {version}" for name, version in tool_versions().items() if name != "numpy"
    )
    paragraphs = [
        f"{spec.identifier}: multiply-accumulate unit, {step_words(spec)}.",
        "",
        f"a      {spec.a.bits} bits, {format_words(spec.a)}.",
        f"b      {spec.b.bits} bits, {format_words(spec.b)}.",
        "valid  1: a * b is added in this step; 0: it is not.",
        "clear  1: the accumulator is set to zero before that.",
        "rst    synchronous, active high; counts as clear without valid. Needed after power-up.",
        f"acc    {spec.accumulator_bits} bits, {accumulator_words(spec)}.",
        "",
        "Timing: all inputs are taken in at a rising edge of clk, and acc shows their step after"
        " the next one (latency: 2 edges); a step can begin in every cycle.",
        "",
        f"Generated from the spec {spec.name}, structure {structure.name}, by {versions}.",
        f"The interface for programs is in {spec.identifier}.json, vectors for any simulator in"
        f" {spec.identifier}.vectors.jsonl and {spec.identifier}_tb.v.",
    ]
    lines: list[str] = []
    for paragraph in paragraphs:
        indent = " " * 7 if paragraph[4:7] == "   " or paragraph[5:7] == "  " else ""
        lines += textwrap.wrap(paragraph, _WIDTH, subsequent_indent=indent) or [""]
    return "".join(f"// {line}".rstrip() + "\n" for line in lines)


def _write_all(folder: Path, texts: dict[str, str]) -> None:
    """Write every file under another name first, so that an error leaves none behind."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    staging: str | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staging = tempfile.mkdtemp(dir=folder, prefix=".hwmodel-")
        for name, text in texts.items():
            with (Path(staging) / name).open("w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        for name in texts:
            (Path(staging) / name).replace(folder / name)
    except OSError as error:
        raise HwmodelError(
            f"cannot write into {folder}: {error.strerror or error}; nothing was left there."
            " Choose another folder with -o, or make room"
        ) from error
    finally:
        if staging:
            shutil.rmtree(staging, ignore_errors=True)
        for path in made:  # the innermost first; one that holds something stays
            with contextlib.suppress(OSError):
                path.rmdir()
