"""What a unit is made of, counted from its spec: the features of every model of this room.

Nothing is synthesised. Widths come from the same functions that size the RTL (`Numerics`, `Reach`,
`Window`), so a count here and a port there cannot disagree. A count is a number of one-bit cells
(full adders, multiplexers, flip-flops); a level is a step of the longest path.
"""

import math
from dataclasses import dataclass
from functools import cached_property

from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, Format, IntFormat
from hwmodel.predict.activity import Toggles, toggles_of
from hwmodel.rtl.built import check_numbers
from hwmodel.rtl.decode import Numerics
from hwmodel.rtl.exponents import CompareExponents
from hwmodel.rtl.mac_float import Window
from hwmodel.rtl.reach import Reach
from hwmodel.units import AlignedAccumulator, ChunkedAccumulator, FloatAccumulator, UnitSpec

__all__ = ["FIXED", "FLOAT", "Features", "features_of"]

FIXED = "fixed-point accumulator"
FLOAT = "floating-point accumulator"


# Compared by identity, so that what is worked out of them is found again in no time.
@dataclass(frozen=True, eq=False)
class Features:
    """Counts of a unit.

    Attributes
    ----------
    spec : UnitSpec
        The unit.
    family : str
        `FIXED` (integer and exact accumulators) or `FLOAT`: what is fitted together.
    cells : dict of str to float
        One-bit cells by part of the unit.
    levels : dict of str to float
        Steps of the longest path by part of the unit, carries rippling.
    """

    spec: UnitSpec
    family: str
    cells: dict[str, float]
    levels: dict[str, float]

    @cached_property
    def toggles(self) -> Toggles:
        """Bits that change in a cycle, from the golden model under the Gaussian stream."""
        return toggles_of(self.spec)


def features_of(spec: UnitSpec) -> Features:
    """Count what a unit is made of.

    Raises
    ------
    HwmodelError
        The models know nothing about such a unit: more than one lane, further pipeline stages, a
        rounding other than to nearest even, numbers that no RTL is built for.
    """
    kinds = (IntFormat, FloatFormat)
    if not isinstance(spec.a, kinds) or not isinstance(spec.b, kinds):
        raise HwmodelError(
            f"the models were trained on operands of integer and floating-point formats, but"
            f" {spec.name} came; synthesise it, if it has RTL: hwmodel synth {spec.name}"
        )
    if isinstance(spec.accumulator, AlignedAccumulator | ChunkedAccumulator):
        raise HwmodelError(
            f"the models were trained on integer, exact and floating-point accumulators, but"
            f" {spec.name} came; such units have no RTL yet, so there is nothing to train on"
        )
    if spec.lanes != 1 or spec.pipeline != 0 or spec.rounding.value != "nearest-even":
        raise HwmodelError(
            "the models were trained on units of one lane, without further pipeline stages, that"
            f" round to nearest even, but {spec.name} came; synthesise it: hwmodel synth"
            f" {spec.name}"
        )
    check_numbers(spec)
    # Integers meet a fixed-point accumulator as two's complement, not as sign and magnitude.
    a, b = Numerics.of(spec.a), Numerics.of(spec.b)
    short, long = sorted((a.significand_bits, b.significand_bits))
    cells: dict[str, float] = {
        # Operands, accumulator and `clear` are registered; `valid` only where NaNs could come in.
        "flip_flops": spec.a.bits
        + spec.b.bits
        + spec.accumulator_bits
        + 1
        + (spec.a.has_nonfinite or spec.b.has_nonfinite),
        # `valid` blanks one operand, `clear` the accumulator.
        "gating": spec.a.bits + spec.accumulator_bits,
        "partial_products": short * long,
        "product_adders": (short - 1) * long,
    }
    levels: dict[str, float] = {
        "product": short + math.log2(long + 1) if short > 1 else 0.0,
        "decode": max(_decode_levels(spec.a), _decode_levels(spec.b)),
    }
    if isinstance(spec.accumulator, FloatAccumulator):
        cells["decode"] = _decode(spec.a) + _decode(spec.b)
        _float(spec, a, b, cells, levels)
        return Features(spec, FLOAT, cells, levels)
    integer = isinstance(spec.a, IntFormat)
    cells["decode"] = 0.0 if integer else _decode(spec.a) + _decode(spec.b)
    _fixed(spec, a, b, cells, levels)
    return Features(spec, FIXED, cells, levels)


def _decode(fmt: Format) -> float:
    """Cells that find the hidden bit, the special codes, or an integer's magnitude."""
    if isinstance(fmt, IntFormat):
        return 2.0 * fmt.bits if fmt.signed else 0.0
    assert isinstance(fmt, FloatFormat)
    specials = fmt.exponent_bits + fmt.mantissa_bits if fmt.has_nonfinite else 0
    return float(fmt.exponent_bits + specials)


def _decode_levels(fmt: Format) -> float:
    return math.log2(max(fmt.bits, 2)) if isinstance(fmt, FloatFormat) else 0.0


def _fixed(
    spec: UnitSpec,
    a: Numerics,
    b: Numerics,
    cells: dict[str, float],
    levels: dict[str, float],
) -> None:
    """Aligner (where the operands have exponents) and the adder of the accumulator's width."""
    width = spec.fixed_point.width
    top = a.exponent_max + b.exponent_max
    distance = top - (a.exponent_min + b.exponent_min)
    muxes, stages = 0, top.bit_length() if distance else 0
    word = a.significand_bits + b.significand_bits
    reach = word + distance
    for stage in range(stages):
        word = min(word + (1 << stage), reach)
        muxes += word
    cells["exponent_adders"] = max(a.exponent_bits, b.exponent_bits) if stages else 0
    cells["align_muxes"] = muxes
    # Sign and magnitude become two's complement: one XOR a bit of the aligned product.
    cells["sign_xors"] = min(reach, width) if isinstance(spec.a, FloatFormat) else 0
    cells["accumulate_adders"] = width
    levels["exponents"] = cells["exponent_adders"]
    levels["align"] = stages
    levels["accumulate"] = width


def _float(
    spec: UnitSpec,
    a: Numerics,
    b: Numerics,
    cells: dict[str, float],
    levels: dict[str, float],
) -> None:
    """Exponent comparison, two shifters around one adder, rounding, special values."""
    assert isinstance(spec.accumulator, FloatAccumulator)
    fmt = spec.accumulator.format
    reach = Reach.of(spec)
    window = Window.of(spec, reach)
    sums = (a.exponent_min + b.exponent_min, a.exponent_max + b.exponent_max)
    compare = CompareExponents(
        sums[1].bit_length(),
        fmt.exponent_bits,
        window.offset,
        sums,
        reach.subnormal,
        window.zero_matters,
    )
    stages = min(compare.distance_bits - 1, window.bits.bit_length())
    places = (window.bits + 1).bit_length()
    total = window.bits + 2
    # The product's exponent; that of integers is a constant.
    cells["product_exponents"] = min(a.exponent_bits, b.exponent_bits)
    cells["exponent_adders"] = 2 * compare.distance_bits + compare.anchor_bits
    # The larger addend, then the smaller one, is chosen; then the smaller one is shifted.
    swapped = 2 * max(a.significand_bits + b.significand_bits, fmt.mantissa_bits + 1)
    cells["align_muxes"] = swapped + stages * window.bits
    cells["accumulate_adders"] = total
    cells["normalise_muxes"] = places * total
    cells["round_adders"] = fmt.bits - 1 + compare.anchor_bits
    # Where the result may be subnormal, the shift is compared with the exponent.
    cells["subnormal"] = compare.anchor_bits + places if reach.subnormal else 0
    cells["special"] = fmt.bits * (reach.overflow or reach.nonfinite)
    levels["exponents"] = compare.distance_bits
    levels["align"] = stages
    # Where the window is wider than normal numbers need, carries seldom run through all of it.
    normal = max(fmt.mantissa_bits + 4, a.significand_bits + b.significand_bits + 1)
    levels["accumulate"] = normal + 2
    levels["widened"] = window.bits - normal
    levels["normalise"] = places
    levels["round"] = fmt.bits - 1
