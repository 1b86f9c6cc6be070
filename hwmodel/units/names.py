"""Readable names of units, read back into specs."""

import re

from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, Overflow, Rounding, parse_format
from hwmodel.units.accumulators import (
    DEFAULT_TERMS,
    Accumulator,
    ExactAccumulator,
    FloatAccumulator,
    IntAccumulator,
)
from hwmodel.units.spec import UnitSpec

__all__ = ["parse_accumulator", "parse_unit"]

_ROUNDINGS = {rounding.value.replace("-", ""): rounding for rounding in Rounding}


def parse_accumulator(text: str) -> tuple[Accumulator, Overflow | None]:
    """Accumulator of a name such as ``int32``, ``int32sat``, ``exact``, ``exact1024``, ``fp32``.

    Returns the accumulator and its overflow rule, None where the name leaves it to the default.

    Raises
    ------
    HwmodelError
        The name is no accumulator's.
    """
    plain = text.removesuffix("sat")
    overflow = Overflow.SATURATE if plain != text else None
    if match := re.fullmatch(r"int(\d+)", plain):
        return IntAccumulator(int(match[1])), overflow
    if match := re.fullmatch(r"exact(\d*)", plain):
        return ExactAccumulator(int(match[1] or DEFAULT_TERMS)), overflow
    try:
        fmt = parse_format(plain)
    except HwmodelError as error:
        raise HwmodelError(
            f"unknown accumulator {text!r}: expected intN, intNsat, exact, exactN or a float such"
            f" as fp32 or fp16 ({error})"
        ) from error
    if not isinstance(fmt, FloatFormat):
        raise HwmodelError(f"{text!r} is no accumulator; choose a signed intN, exact or a float")
    return FloatAccumulator(fmt), overflow


def parse_unit(name: str) -> UnitSpec:
    """Spec of a unit's name: ``mac-A-B-ACCUMULATOR[-lanesN][-stagesN][-ROUNDING]``.

    Raises
    ------
    HwmodelError
        The name does not follow the grammar, or no such unit can be.
    """
    if not isinstance(name, str):
        raise HwmodelError(f"a unit's name is a string, but {name!r} came")
    parts = name.split("-")
    if len(parts) < 4 or parts[0] != "mac":
        raise HwmodelError(
            f"unknown unit {name!r}: expected mac-A-B-ACCUMULATOR, for example"
            " mac-int8-int8-int32 or mac-e4m3-e4m3-fp32"
        )
    a, b = parse_format(parts[1]), parse_format(parts[2])
    accumulator, overflow = parse_accumulator(parts[3])
    lanes, stages, rounding = 1, 0, Rounding.NEAREST_EVEN
    for part in parts[4:]:
        if match := re.fullmatch(r"lanes(\d+)", part):
            lanes = int(match[1])
        elif match := re.fullmatch(r"stages(\d+)", part):
            stages = int(match[1])
        elif part in _ROUNDINGS:
            rounding = _ROUNDINGS[part]
        else:
            raise HwmodelError(
                f"unknown part {part!r} of the unit {name!r}: expected lanesN, stagesN or one of"
                f" {', '.join(_ROUNDINGS)}"
            )
    return UnitSpec(a, b, accumulator, lanes, stages, rounding, overflow)
