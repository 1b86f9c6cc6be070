"""Models beside the fitted one: the plain gate count, and what two papers published.

Each gives a size in cells or gates. One measured unit, an INT8 MAC, turns sizes into um2 and fJ;
nothing else is fitted. The papers' models know neither delay nor, in their
own words, more than "a first-order approximation" of area and power.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, Format, IntFormat
from hwmodel.predict.data import Row
from hwmodel.predict.features import features_of
from hwmodel.predict.gates import gate_count, gate_levels
from hwmodel.units import ExactAccumulator, FloatAccumulator, IntAccumulator, UnitSpec, parse_unit

__all__ = ["ALTERNATIVES", "ANCHOR", "Alternative", "anchor_row", "estimate_alternative"]

ANCHOR = "mac-int8-int8-int32"

# Cells of Chen's counts in NAND2 equivalents, by transistors as in `hwmodel.predict.gates`.
_AND, _OR, _XOR, _MUX, _FULL_ADDER = 1.5, 1.5, 2.5, 2.5, 7.0
# Width at which Chen et al. cut a floating-point partial sum.
_CHEN_PARTIAL_SUM = 24

# Ratio to the INT8 MAC, by accumulator, of an FP8 MAC with 4 exponent bits.
_VAN_BAALEN = {"fp16": (1.53, "M"), "fp32": (2.83, "S")}


@dataclass(frozen=True)
class Alternative:
    """A named model that is not fitted.

    Attributes
    ----------
    name : str
        As the command line knows it.
    source : str
        Where it comes from.
    mark : callable
        How we know what it says of a unit, a key of `hwmodel.cost.published.MARKS`; empty for
        our own.
    anchor : str
        Measured unit that turns sizes into um2, ns and fJ.
    size : callable
        Size of a unit, in units of its own; raises `HwmodelError` where the model is silent.
    delay : callable or None
        Longest path in units of its own, where the model has one.
    notes : tuple of str
        What to know when reading its figures.
    """

    name: str
    source: str
    mark: Callable[[UnitSpec], str]
    anchor: str
    size: Callable[[UnitSpec], float]
    delay: Callable[[UnitSpec], float] | None
    notes: tuple[str, ...]


def chen_size(spec: UnitSpec) -> float:
    """Cells of one lane by the gate model of Chen et al. (arXiv 2510.25602, Table 6).

    With x exponent and y mantissa bits (INT: x = 0 and y + 1 bits), for k = 1 lane: multiplier
    (x+y+1)^2 for INT, (y+1)^2 for FP; adder 2(x+y+1) for INT, n for FP; exponent adder,
    subtractor and comparator x each; aligner n log2 n; normaliser n log2 n; n = min(2^(x+1) + 2y,
    the partial sum's bits). The paper names the kinds of cells of each count, not their shares:
    here each place of the multiplier is an AND and a full adder, of the adders a full adder, of
    the comparator an XOR, AND and OR, of the aligner a multiplexer, of the normaliser a
    multiplexer and an OR.

    Raises
    ------
    HwmodelError
        Operands of two formats: the paper's have one.
    """
    if spec.a != spec.b:
        raise HwmodelError(
            "Chen et al. count units whose operands have one format, but"
            f" {spec.a.name} and {spec.b.name} came; choose --model fitted or gates"
        )
    x, y = _fields(spec.a)
    if isinstance(spec.a, IntFormat):
        return (y + 1) ** 2 * (_AND + _FULL_ADDER) + 2 * (y + 1) * _FULL_ADDER
    n = min(2 ** (x + 1) + 2 * y, _partial_sum_bits(spec))
    shift = n * math.log2(n)
    return (
        (y + 1) ** 2 * (_AND + _FULL_ADDER)
        + n * _FULL_ADDER
        + x * (_FULL_ADDER + _XOR + _FULL_ADDER + _XOR + _AND + _OR)
        + shift * _MUX
        + shift * (_MUX + _OR)
    )


def _fields(fmt: Format) -> tuple[int, int]:
    if isinstance(fmt, IntFormat):
        return 0, fmt.bits - 1
    assert isinstance(fmt, FloatFormat)
    return fmt.exponent_bits, fmt.mantissa_bits


def _partial_sum_bits(spec: UnitSpec) -> int:
    if isinstance(spec.accumulator, FloatAccumulator):
        return min(_CHEN_PARTIAL_SUM, spec.accumulator.format.mantissa_bits + 1)
    return spec.fixed_point.width


def van_baalen_size(spec: UnitSpec) -> float:
    """Gates relative to an INT8 MAC as van Baalen et al. (arXiv 2303.17951) report them.

    Only the ratios of the paper are known here, not its gate counts by block: FP8 with 4 exponent
    bits against INT8 with a fixed-point accumulator of 15 + 12 bits.

    Raises
    ------
    HwmodelError
        Any other unit.
    """
    fixed = isinstance(spec.accumulator, ExactAccumulator | IntAccumulator)
    if (spec.a.name, spec.b.name) == ("int8", "int8") and fixed:
        return 1.0
    accumulator = spec.accumulator.name
    if (spec.a.name, spec.b.name) == ("e4m3", "e4m3") and accumulator in _VAN_BAALEN:
        return _VAN_BAALEN[accumulator][0]
    raise HwmodelError(
        "of van Baalen et al.'s gate counts only the ratios of mac-e4m3-e4m3-fp32 and"
        f" mac-e4m3-e4m3-fp16 to an INT8 MAC are known here, but {spec.name} came; choose --model"
        " fitted, gates or chen"
    )


ALTERNATIVES = {
    alternative.name: alternative
    for alternative in (
        Alternative(
            "gates",
            "transistor counts of textbook cells (Weste and Harris)",
            lambda spec: "",
            ANCHOR,
            lambda spec: gate_count(features_of(spec)),
            lambda spec: gate_levels(features_of(spec)),
            ("energy is taken as proportional to the gates, whatever switches",),
        ),
        Alternative(
            "vanbaalen",
            "van Baalen et al. 2023, arXiv 2303.17951",
            lambda spec: _VAN_BAALEN.get(spec.accumulator.name, (1.0, "S"))[1],
            # The paper's accumulator is sized for 4096 products, as is ours that is exact.
            "mac-int8-int8-exact",
            van_baalen_size,
            None,
            (
                "the ratio with FP32 accumulation (2.83) is known from notes on the paper [S]; that"
                " its cheaper case (1.53) is FP16 is remembered, not verified [M]",
                "equivalent 2-input gates, which the authors call a first-order approximation of"
                " area and power; no delay",
            ),
        ),
        Alternative(
            "chen",
            "Chen et al. 2025, arXiv 2510.25602, Table 6",
            lambda spec: "P",
            ANCHOR,
            chen_size,
            None,
            (
                "published for a matrix unit of 16 or 32 lanes; here for one lane, which carries"
                " the shared normaliser alone",
                "registers and a float accumulator of its own are not in the counts; cells are"
                " weighed by transistors, not by the paper's cell library",
            ),
        ),
    )
}


def anchor_row(rows: Sequence[Row], anchor: str) -> Row:
    """Find the measured unit that a model is scaled by.

    Raises
    ------
    HwmodelError
        It was not measured.
    """
    for row in rows:
        if row.spec == anchor and row.clock_ns is None:
            return row
    raise HwmodelError(
        f"the table of measured rows has no {anchor} at minimum area, which the gate counts are"
        " scaled by; measure it: hwmodel predict --collect -o FILE"
    )


def estimate_alternative(
    alternative: Alternative, spec: UnitSpec, rows: Sequence[Row]
) -> dict[str, float | None]:
    """Area, delay and energy of a unit; None where the model says nothing.

    Raises
    ------
    HwmodelError
        The model is silent about the unit, or the anchor was not measured.
    """
    anchor = anchor_row(rows, alternative.anchor)
    known = parse_unit(anchor.spec)
    scale = alternative.size(spec) / alternative.size(known)
    delay = None
    if alternative.delay is not None:
        delay = anchor.delay_ns * alternative.delay(spec) / alternative.delay(known)
    return {
        "area_um2": anchor.area_um2 * scale,
        "delay_ns": delay,
        "fj_per_mac": anchor.fj_per_mac * scale,
    }
