"""Ratios of energy by operand stream: what is multiplied can turn the ranking."""

from typing import Any

from hwmodel.cost.ratios import Quantity, Ratio
from hwmodel.cost.results import Results
from hwmodel.cost.spread import StimulusSpread
from hwmodel.reports.tables import Column, Table
from hwmodel.reports.wording import QUANTITY_DIGITS, STIMULUS_TERMS, operands_and_accumulator

__all__ = ["stimulus_sentences", "stimulus_table"]


def stimulus_table(results: Results) -> Table:
    """FP over INT at the common clock: a row for each pair, a column for each operand stream."""
    digits = QUANTITY_DIGITS["ratio"]
    columns: dict[str, Column] = {}
    rows: list[dict[str, Any]] = []
    for (numerator, denominator), ratios in _by_pair(results).items():
        row: dict[str, Any] = {
            "floating": operands_and_accumulator(numerator),
            "integer": operands_and_accumulator(denominator),
            "numerator": numerator,
            "denominator": denominator,
        }
        for name, ratio in ratios.items():
            label = STIMULUS_TERMS.get(name, name)
            ends = (f"{name}_low", f"{name}_high")
            columns.setdefault(name, Column(name, label, digits, interval=ends))
            row |= {name: ratio.value, ends[0]: ratio.low, ends[1]: ratio.high}
        rows.append(row)
    text = (
        Column("floating", "FP unit", unbroken=True),
        Column("integer", "INT unit", unbroken=True),
        Column("numerator", "Numerator", hidden=True),
        Column("denominator", "Denominator", hidden=True),
    )
    caption = (
        f"Energy per MAC of the FP unit over that of the INT unit at {results.plan['clock_ns']:g}"
        " ns, by what is multiplied; both sides take the same kind of operands. Small figures:"
        " bounds from both sides' 95 % intervals."
    )
    order = sorted(rows, key=lambda row: str(row["integer"]), reverse=True)
    return Table("ratio_stimuli", caption, (*text, *columns.values()), order)


def stimulus_sentences(results: Results) -> list[str]:
    """Pairs for which the operands decide which side takes more energy, each in a sentence."""
    spreads = [
        StimulusSpread(*pair, Quantity.ENERGY, ratios, next(iter(ratios.values())).library)
        for pair, ratios in _by_pair(results).items()
    ]
    return [spread.sentence() for spread in spreads if spread.holds is False]


def _by_pair(results: Results) -> dict[tuple[str, str], dict[str, Ratio]]:
    """Ratios of energies at the common clock by pair of units and operand stream."""
    pairs: dict[tuple[str, str], dict[str, Ratio]] = {}
    for ratio in results.ratios:
        clocked = ratio.goal.startswith("both at")
        if ratio.quantity is Quantity.ENERGY and clocked and ratio.stimulus is not None:
            pair = (ratio.numerator, ratio.denominator)
            pairs.setdefault(pair, {})[ratio.stimulus] = ratio
    return pairs
