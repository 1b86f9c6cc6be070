"""Readable names of units, read back into specs."""

import re
from typing import Any

from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, Overflow, Rounding, parse_format
from hwmodel.units.accumulators import (
    DEFAULT_TERMS,
    Accumulator,
    AlignedAccumulator,
    ChunkedAccumulator,
    ExactAccumulator,
    FloatAccumulator,
    IntAccumulator,
)
from hwmodel.units.spec import UnitSpec

__all__ = ["parse_accumulator", "parse_unit"]

_ROUNDINGS = {rounding.value.replace("-", ""): rounding for rounding in Rounding}
_LONGEST_NAME = 1000  # characters: numbers of so many digits Python still reads

# A number is written in one way only, so that a unit has one name.
_N = r"(0|[1-9][0-9]*)"
_INTEGER, _EXACT = re.compile(f"int{_N}"), re.compile(f"exact{_N}?")
_ALIGNED = re.compile(f"align{_N}w{_N}(down)?_([^_]+)")
_CHUNKED = re.compile(f"chunk{_N}_(.+)_([^_]+)")
_LANES, _STAGES = re.compile(f"lanes{_N}"), re.compile(f"stages{_N}")


def parse_accumulator(text: str) -> tuple[Accumulator, Overflow | None]:
    """Accumulator of a name such as ``int32``, ``int32sat``, ``exact``, ``exact1024``, ``fp32``.

    Combined ones have underscores between their parts: ``chunk64_fp16_fp32`` empties an FP16
    accumulator into an FP32 one every 64 products, ``align16w25_fp32`` adds 16 products at once,
    aligned and cut to 25 bits.

    Upper and lower case are the same.

    Returns the accumulator and its overflow rule, None where the name leaves it to the default.

    Raises
    ------
    HwmodelError
        The name is no accumulator's.
    """
    text = _settled(text, "an accumulator")
    plain = text.removesuffix("sat")
    overflow = Overflow.SATURATE if plain != text else None
    if match := _CHUNKED.fullmatch(plain):
        return _chunked(text, int(match[1]), match[2], match[3]), overflow
    if match := _ALIGNED.fullmatch(plain):
        fmt = _float(text, match[4])
        cut = Rounding.DOWN if match[3] else Rounding.TOWARD_ZERO
        return AlignedAccumulator(fmt, int(match[1]), int(match[2]), cut), overflow
    if match := _INTEGER.fullmatch(plain):
        return IntAccumulator(int(match[1])), overflow
    if match := _EXACT.fullmatch(plain):
        return ExactAccumulator(int(match[1] or DEFAULT_TERMS)), overflow
    return FloatAccumulator(_float(text, plain)), overflow


def _settled(name: object, what: str) -> str:
    """A name in lower case, after a look at what could not be read."""
    if not isinstance(name, str):
        raise HwmodelError(f"the name of {what} is a string, but {name!r:.80} came")
    if len(name) > _LONGEST_NAME:
        raise HwmodelError(
            f"the name of {what} has at most {_LONGEST_NAME} characters, but {len(name)} came"
        )
    return name.lower() if name.isascii() else name


def _float(text: str, name: str) -> FloatFormat:
    """Format of the accumulator `text` or of a part of it."""
    try:
        fmt = parse_format(name)
    except HwmodelError as error:
        raise HwmodelError(
            f"unknown accumulator {text!r}: expected intN, intNsat, exact, exactN, a float such as"
            " fp32 or fp16, chunkN_INNER_OUTER (chunk64_fp16_fp32) or alignNwBITS_FLOAT"
            f" (align16w25_fp32) ({error})"
        ) from error
    if not isinstance(fmt, FloatFormat):
        raise HwmodelError(
            f"{text!r} is no accumulator; choose a signed intN (without leading zeros), exact or a"
            " float"
        )
    return fmt


def _chunked(text: str, length: int, inner_name: str, outer_name: str) -> ChunkedAccumulator:
    inner, inner_overflow = parse_accumulator(inner_name)
    outer, _ = parse_accumulator(outer_name)
    if isinstance(inner, ChunkedAccumulator) or not isinstance(
        outer, IntAccumulator | FloatAccumulator
    ):
        raise HwmodelError(
            f"{text!r} cannot be: chunks are summed in an integer, exact, float or aligned"
            " accumulator and added into an integer or a float; for example chunk64_fp16_fp32"
        )
    return ChunkedAccumulator(length, inner, outer, inner_overflow)


def parse_unit(name: str) -> UnitSpec:
    """Spec of a unit's name: ``mac-A-B-ACCUMULATOR[-lanesN][-stagesN][-ROUNDING]``.

    `parse_accumulator` tells the names of accumulators. Upper and lower case are the same.

    Raises
    ------
    HwmodelError
        The name does not follow the grammar, or no such unit can be.
    """
    parts = _settled(name, "a unit").split("-")
    if len(parts) < 4 or parts[0] != "mac":
        raise HwmodelError(
            f"unknown unit {name!r}: expected mac-A-B-ACCUMULATOR, for example"
            " mac-int8-int8-int32 or mac-e4m3-e4m3-fp32"
        )
    a, b = parse_format(parts[1]), parse_format(parts[2])
    accumulator, overflow = parse_accumulator(parts[3])
    found: dict[str, Any] = {}
    value: int | Rounding
    for part in parts[4:]:
        if match := _LANES.fullmatch(part):
            kind, value = "lanes", int(match[1])
        elif match := _STAGES.fullmatch(part):
            kind, value = "pipeline", int(match[1])
        elif part in _ROUNDINGS:
            kind, value = "rounding", _ROUNDINGS[part]
        else:
            raise HwmodelError(
                f"unknown part {part!r} of the unit {name!r}: expected lanesN, stagesN or one of"
                f" {', '.join(_ROUNDINGS)}"
            )
        if kind in found:
            raise HwmodelError(
                f"the unit {name!r} says its {kind} twice, the second time by {part!r}; leave one"
                " out"
            )
        found[kind] = value
    return UnitSpec(a, b, accumulator, overflow=overflow, **found)
