"""Cost ratios of two units, each with a record of what was compared.

A ratio says nothing until it says what it compares: the unit, the accumulators of both sides, and
whether each side stood at its own minimum area, at an equal clock or at an equal throughput. So a
ratio is a record, and can only be formed between rows of like kind.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Any

from hwmodel.cost.measurement import EnergyFigure, Measurement
from hwmodel.errors import HwmodelError
from hwmodel.units import ExactAccumulator, FloatAccumulator, UnitSpec

__all__ = ["Quantity", "Ratio", "make_ratio", "ratios_of"]


class Quantity(StrEnum):
    """What two units are compared in; lower is better in each."""

    AREA = "area"
    DELAY = "delay"
    # Area that n units need for the same number of MACs a second as m units of the other kind,
    # each at the highest clock that its own minimum-area circuit reaches: area times delay.
    AREA_PER_THROUGHPUT = "area x delay"
    ENERGY = "energy"


@dataclass(frozen=True)
class Ratio:
    """One unit's cost in terms of another's.

    Attributes
    ----------
    numerator, denominator : str
        Names of the units.
    quantity : Quantity
        What is compared.
    value : float
        Cost of the numerator over cost of the denominator.
    low, high : float, optional
        Bounds of it, from the extreme ends of both sides' 95 % intervals (so wider than a 95 %
        interval of the ratio); None where the sides have no interval.
    unit : str
        The kind of unit both are.
    accumulators : tuple of str
        Accumulators of both sides, with their widths.
    goal : str
        Where each side stood.
    clock_ns : float, optional
        Common clock, ns, where the goal is one.
    stimulus : str, optional
        Operand stream of an energy.
    library, corner, how : str
        Common to both sides.
    """

    numerator: str
    denominator: str
    quantity: Quantity
    value: float
    low: float | None
    high: float | None
    unit: str
    accumulators: tuple[str, str]
    goal: str
    clock_ns: float | None
    stimulus: str | None
    library: str
    corner: str
    how: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        entry = dataclasses.asdict(self)
        return entry | {"quantity": self.quantity.value, "accumulators": list(self.accumulators)}

    @classmethod
    def from_dict(cls, entry: dict[str, Any]) -> "Ratio":
        """Record of what `to_dict` gave."""
        return cls(
            **{
                **entry,
                "quantity": Quantity(entry["quantity"]),
                "accumulators": tuple(entry["accumulators"]),
            }
        )


def make_ratio(
    numerator: Measurement,
    denominator: Measurement,
    quantity: Quantity,
    stimulus: str | None = None,
) -> Ratio:
    """Put two rows of like kind in relation.

    Raises
    ------
    HwmodelError
        The rows are not of like kind: library, corner, tools, clock target, unit, head-room of
        exact accumulators or operand stream differ, or a row misses its clock.
    """
    _check_alike(numerator, denominator, quantity)
    stands = "each at its own minimum area"
    if numerator.clock_ns is not None:
        stands = f"both at a clock of {numerator.clock_ns:g} ns"
    low = high = None
    clock = numerator.clock_ns
    if quantity is Quantity.AREA:
        value = numerator.area_um2 / denominator.area_um2
    elif quantity is Quantity.DELAY:
        value = numerator.delay_ns / denominator.delay_ns
    elif quantity is Quantity.AREA_PER_THROUGHPUT:
        value = (numerator.area_um2 * numerator.delay_ns) / (
            denominator.area_um2 * denominator.delay_ns
        )
        stands = "equal throughput, from units of minimum area side by side"
    else:
        ours, theirs = _energies(numerator, denominator, stimulus)
        value = ours.fj_per_mac / theirs.fj_per_mac
        clock = ours.clock_ns if ours.clock_ns == theirs.clock_ns else None
        if ours.low is not None and theirs.high is not None:
            low = ours.low / theirs.high
        if ours.high is not None and theirs.low is not None:
            high = ours.high / theirs.low
    return Ratio(
        numerator=numerator.spec,
        denominator=denominator.spec,
        quantity=quantity,
        value=value,
        low=low,
        high=high,
        unit=unit_kind(numerator.unit),
        accumulators=(accumulator_label(numerator.unit), accumulator_label(denominator.unit)),
        goal=stands,
        clock_ns=clock,
        stimulus=stimulus if quantity is Quantity.ENERGY else None,
        library=numerator.library,
        corner=numerator.corner,
        how=numerator.how,
    )


def ratios_of(
    measurements: Iterable[Measurement], numerators: Iterable[str], denominators: Iterable[str]
) -> list[Ratio]:
    """Every ratio that the rows allow between two groups of units.

    An integer unit that adds into an integer of common width is paired with every other one; one
    with an exact accumulator, or a floating-point one, only with units that have such a one, too:
    the pairs that a designer chooses between. Pairs in which a side has no row, or misses
    its clock, are left out.
    """
    rows = list(measurements)
    by_point = {(row.spec, row.clock_ns): row for row in rows if row.met}
    clocks = list(dict.fromkeys(row.clock_ns for row in rows))
    ratios = []
    for top, bottom in product(dict.fromkeys(numerators), dict.fromkeys(denominators)):
        for clock in clocks:
            ours, theirs = by_point.get((top, clock)), by_point.get((bottom, clock))
            if ours is None or theirs is None or not _designers_pair(ours.unit, theirs.unit):
                continue
            ratios.append(make_ratio(ours, theirs, Quantity.AREA))
            if clock is None:
                ratios.append(make_ratio(ours, theirs, Quantity.DELAY))
                ratios.append(make_ratio(ours, theirs, Quantity.AREA_PER_THROUGHPUT))
            stimuli = [e.stimulus for e in ours.energies if theirs.energy(e.stimulus)]
            ratios += [make_ratio(ours, theirs, Quantity.ENERGY, name) for name in stimuli]
    return ratios


def unit_kind(unit: UnitSpec) -> str:
    """The kind of unit in words, as a ratio states it."""
    lanes = "single MAC" if unit.lanes == 1 else f"dot product of {unit.lanes}"
    stages = f", {unit.pipeline} further pipeline stages" if unit.pipeline else ""
    return f"{lanes} with its operand and accumulator registers{stages}"


def accumulator_label(unit: UnitSpec) -> str:
    """The accumulator in words: kind and width."""
    accumulator = unit.accumulator
    if isinstance(accumulator, ExactAccumulator):
        return f"exact, {unit.accumulator_bits} bits ({accumulator.terms} products)"
    if isinstance(accumulator, FloatAccumulator):
        return f"{accumulator.name.upper()}, {unit.accumulator_bits} bits"
    return f"integer, {unit.accumulator_bits} bits"


def _designers_pair(ours: UnitSpec, theirs: UnitSpec) -> bool:
    for kind in (ExactAccumulator, FloatAccumulator):
        if isinstance(theirs.accumulator, kind):
            return isinstance(ours.accumulator, kind)
    return True


def _check_alike(ours: Measurement, theirs: Measurement, quantity: Quantity) -> None:
    pair = f"{ours.label} and {theirs.label}"
    for name in ("library", "corner", "clock_ns", "how"):
        left, right = getattr(ours, name), getattr(theirs, name)
        if left != right:
            raise HwmodelError(
                f"cannot compare {pair}: {name} is {left!r} on one side and {right!r} on the"
                " other; measure both under the same conditions"
            )
    if ours.provenance.get("tools") != theirs.provenance.get("tools"):
        raise HwmodelError(
            f"cannot compare {pair}: they come from different versions of the tools; measure both"
            " again with the same installation"
        )
    if unit_kind(ours.unit) != unit_kind(theirs.unit):
        raise HwmodelError(
            f"cannot compare {pair}: one is a {unit_kind(ours.unit)}, the other a"
            f" {unit_kind(theirs.unit)}"
        )
    accumulators = (ours.unit.accumulator, theirs.unit.accumulator)
    if (
        all(isinstance(one, ExactAccumulator) for one in accumulators)
        and len({one.terms for one in accumulators if isinstance(one, ExactAccumulator)}) > 1
    ):
        raise HwmodelError(
            f"cannot compare {pair}: their exact accumulators have room for different numbers of"
            " products"
        )
    for row in (ours, theirs):
        if not row.met:
            raise HwmodelError(
                f"cannot compare {pair}: {row.label} needs {row.delay_ns:.2f} ns and misses its"
                " clock; choose a longer one"
            )
    if quantity is Quantity.AREA_PER_THROUGHPUT and ours.clock_ns is not None:
        raise HwmodelError(
            f"cannot compare {pair} at equal throughput: at an equal clock the area says it all"
        )


def _energies(
    ours: Measurement, theirs: Measurement, stimulus: str | None
) -> tuple[EnergyFigure, EnergyFigure]:
    if stimulus is None:
        raise HwmodelError("an energy ratio names its operand stream, but none came")
    left, right = ours.energy(stimulus), theirs.energy(stimulus)
    if left is None or right is None:
        missing = ours if left is None else theirs
        raise HwmodelError(
            f"cannot compare energies under {stimulus}: {missing.label} was not measured under it"
        )
    if ours.clock_ns is not None and left.clock_ns != right.clock_ns:
        raise HwmodelError(
            f"cannot compare energies of {ours.label} and {theirs.label}: they ran at"
            f" {left.clock_ns:g} and {right.clock_ns:g} ns"
        )
    return left, right
