"""The sidecar: a unit's interface and provenance as JSON, beside its Verilog.

`SCHEMA` is its JSON Schema (draft 2020-12). In short:

``schema_version``
    Rises when a reader of an earlier one could be misled.
``spec``, ``structure``
    The unit (`UnitSpec.to_dict`) and how it is built (`hwmodel.rtl.Structure`).
``ports``
    Name, direction, width, whether a two's-complement number, meaning, and ``edge``: number of
    the rising clock edge, counted from the one that takes in the operands of a step as 1, at
    which the port belongs to that step. For an output: after which edge it shows the step.
``timing``, ``reset``
    Latency in edges, steps a cycle, and what a reset does.
``accumulator``
    How codes of `acc` read: fields of the fixed-point number and its last bit's weight, or the
    floating-point format; the bit of the sticky non-finite flag or null.
``vectors``
    Number of cycles, seed, and the fields of a line of the vectors file.
``files``, ``content_hash``
    SHA-256 of every other file, and one of all of them together.
``tools``
    Versions of what made them.
"""

import hashlib
import importlib.metadata
from typing import Any

from hwmodel import __version__
from hwmodel.formats import Format, IntFormat
from hwmodel.rtl import LATENCY, Structure
from hwmodel.sim.describe import accumulator_words, format_words, step_words
from hwmodel.units import FloatAccumulator, IntAccumulator, UnitSpec

__all__ = ["SCHEMA", "SCHEMA_VERSION", "content_hash", "sidecar", "tool_versions"]

SCHEMA_VERSION = 1

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_HASH: dict[str, Any] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def _record(**fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "hwmodel unit",
    **_record(
        schema_version={"const": SCHEMA_VERSION},
        top={"type": "string", "pattern": "^[a-z][a-z0-9_]*$"},
        summary=_TEXT,
        spec={"type": "object", "required": ["name", "a", "b", "accumulator"]},
        structure=_TEXT,
        ports={
            "type": "array",
            "items": _record(
                name=_TEXT,
                direction={"enum": ["input", "output"]},
                width={"type": "integer", "minimum": 1},
                signed={"type": "boolean"},
                edge={"type": ["integer", "null"]},
                meaning=_TEXT,
            ),
        },
        timing=_record(
            clock_edge={"const": "rising"},
            latency_edges=_COUNT,
            steps_per_cycle=_COUNT,
            words=_TEXT,
        ),
        reset=_record(
            port=_TEXT,
            active={"enum": ["high", "low"]},
            synchronous={"type": "boolean"},
            latency_edges=_COUNT,
            words=_TEXT,
        ),
        accumulator=_record(
            kind={"enum": ["integer", "exact", "float"]},
            width={"type": "integer", "minimum": 1},
            format={"type": ["string", "null"]},
            fixed_point_width={"type": ["integer", "null"]},
            lsb_exponent={"type": ["integer", "null"]},
            nonfinite_bit={"type": ["integer", "null"]},
            words=_TEXT,
        ),
        vectors=_record(
            cycles=_COUNT,
            seed=_COUNT,
            fields={"type": "object", "additionalProperties": _TEXT},
        ),
        files={"type": "object", "additionalProperties": _HASH, "minProperties": 1},
        content_hash=_HASH,
        tools={"type": "object", "additionalProperties": _TEXT, "minProperties": 1},
    ),
}


def tool_versions() -> dict[str, str]:
    """Versions of all that the generated files depend on."""
    packages = ("amaranth", "pyosys", "numpy")
    versions = {package: importlib.metadata.version(package) for package in packages}
    return {"hwmodel": __version__, **versions}


def content_hash(files: dict[str, str]) -> str:
    """One hash of several files' names and hashes."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def sidecar(
    spec: UnitSpec, structure: Structure, files: dict[str, str], cycles: int, seed: int
) -> dict[str, Any]:
    """Build the sidecar of a unit.

    Parameters
    ----------
    spec, structure
        The unit and how it is built.
    files : dict of str
        SHA-256 of each file, by name.
    cycles, seed : int
        Number of conformance vectors, and what they were drawn from.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "top": spec.identifier,
        "summary": step_words(spec),
        "spec": spec.to_dict(),
        "structure": structure.name,
        "ports": _ports(spec),
        "timing": {
            "clock_edge": "rising",
            "latency_edges": LATENCY,
            "steps_per_cycle": spec.lanes,
            "words": "a, b, valid and clear are taken in at a rising edge of clk; acc shows the"
            " step after the next rising edge. A new step can begin in every cycle.",
        },
        "reset": {
            "port": "rst",
            "active": "high",
            "synchronous": True,
            "latency_edges": LATENCY,
            "words": "taken in like the operands: the cycle counts as clear without valid, and acc"
            " is 0 after the next rising edge. Needed once after power-up.",
        },
        "accumulator": _accumulator(spec),
        "vectors": {
            "cycles": cycles,
            "seed": seed,
            "fields": {
                "a, b": "operand codes, hexadecimal",
                "valid, clear, rst": "control inputs, 0 or 1",
                "acc": "accumulator code that the step of this cycle leaves, hexadecimal",
            },
        },
        "files": dict(sorted(files.items())),
        "content_hash": content_hash(files),
        "tools": tool_versions(),
    }


def _ports(spec: UnitSpec) -> list[dict[str, Any]]:
    def port(
        name: str, width: int, meaning: str, edge: int | None = 1, signed: bool = False
    ) -> dict[str, Any]:
        direction = "output" if name == "acc" else "input"
        return {
            "name": name,
            "direction": direction,
            "width": width,
            "signed": signed,
            "edge": edge,
            "meaning": meaning,
        }

    signed_acc = isinstance(spec.accumulator, IntAccumulator) or not (
        isinstance(spec.accumulator, FloatAccumulator) or spec.has_nonfinite_flag
    )
    return [
        port("clk", 1, "clock; everything happens at its rising edge", None),
        port("rst", 1, "reset, active high: counts as clear without valid"),
        port("a", spec.a.bits, format_words(spec.a), signed=_twos_complement(spec.a)),
        port("b", spec.b.bits, format_words(spec.b), signed=_twos_complement(spec.b)),
        port("valid", 1, "1: the product of a and b is added; 0: it is not"),
        port("clear", 1, "1: the accumulator is set to zero before the product is added"),
        port("acc", spec.accumulator_bits, accumulator_words(spec), LATENCY, signed_acc),
    ]


def _accumulator(spec: UnitSpec) -> dict[str, Any]:
    record: dict[str, Any] = {
        "kind": "float",
        "width": spec.accumulator_bits,
        "format": None,
        "fixed_point_width": None,
        "lsb_exponent": None,
        "nonfinite_bit": None,
        "words": accumulator_words(spec),
    }
    if isinstance(spec.accumulator, FloatAccumulator):
        return record | {"format": spec.accumulator.format.name}
    field = spec.fixed_point
    return record | {
        "kind": "integer" if isinstance(spec.accumulator, IntAccumulator) else "exact",
        "fixed_point_width": field.width,
        "lsb_exponent": field.lsb_exponent,
        "nonfinite_bit": field.width if spec.has_nonfinite_flag else None,
    }


def _twos_complement(fmt: Format) -> bool:
    return isinstance(fmt, IntFormat) and fmt.signed
