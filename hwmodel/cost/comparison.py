"""Cost and accuracy joined: the main table's rows and the facts that the headline states.

Everything here is chosen or counted from rows; what it says in words is the report's business.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hwmodel.cost.measurement import Measurement
from hwmodel.cost.ratios import Quantity, Ratio
from hwmodel.cost.results import Results
from hwmodel.formats import IntFormat, parse_format

__all__ = [
    "AccuracyFact",
    "CostFact",
    "MainRow",
    "Score",
    "accuracy_facts",
    "cost_facts",
    "main_rows",
    "main_scores",
]

MAIN_STIMULUS = "gaussian"
MAIN_DISTRIBUTION = "gaussian"
# Fewer labelled pictures than this tell nothing: 95 % intervals of a share are then wider than
# 20 points. Agreement with FP32 on more, unlabelled ones tells more.
_ENOUGH_PICTURES = 100


@dataclass(frozen=True)
class Score:
    """A network's metric under one format, with its 95 % interval.

    Attributes
    ----------
    network, data : str
        What was scored on what.
    n : int
        Tokens or pictures.
    metric : str
        ``perplexity`` (lower is better), ``top1`` or ``agreement`` (shares, higher is better).
    format, granularity, clip : str
        Recipe of the quantisation.
    value, low, high, fp32 : float
        The metric, its interval, and the metric of the FP32 network.
    """

    network: str
    data: str
    n: int
    metric: str
    format: str
    granularity: str
    clip: str
    value: float
    low: float
    high: float
    fp32: float

    @property
    def lower_is_better(self) -> bool:
        """Which way the metric runs."""
        return self.metric == "perplexity"


@dataclass(frozen=True)
class MainRow:
    """A unit of the main table; `minimum` and `clocked` are None where it was not measured."""

    format: str
    spec: str
    minimum: Measurement | None
    clocked: Measurement | None
    scores: tuple[Score, ...]
    sqnr_db: float | None


@dataclass(frozen=True)
class CostFact:
    """The span of one kind of ratio over the floating-point formats."""

    numerator_accumulator: str
    denominator: str
    quantity: Quantity
    goal: str
    stimulus: str | None
    least: Ratio
    most: Ratio


@dataclass(frozen=True)
class AccuracyFact:
    """An integer format and the best floating-point one on a network under one granularity.

    `apart` says whether their intervals are disjoint.
    """

    integer: Score
    floating: Score
    apart: bool

    @property
    def floating_better(self) -> bool:
        """Whether the float's figure is the better one."""
        difference = self.floating.value - self.integer.value
        return difference < 0 if self.integer.lower_is_better else difference > 0


def main_rows(results: Results) -> list[MainRow]:
    """Rows of the main table, in the plan's order."""
    by_point = {(row.spec, row.clock_ns): row for row in results.measurements}
    scores = main_scores(results)
    rows = []
    for name in results.plan["units"]:
        fmt = name.split("-")[1]
        rows.append(
            MainRow(
                format=fmt,
                spec=name,
                minimum=by_point.get((name, None)),
                clocked=by_point.get((name, results.plan["clock_ns"])),
                scores=tuple(score for score in scores if score.format == fmt),
                sqnr_db=_analytic(results, fmt),
            )
        )
    return rows


def main_scores(results: Results) -> list[Score]:
    """Scores of the main table: of each network, on the data that tells most."""
    networks = dict.fromkeys(row["network"] for row in results.scores)
    chosen = []
    for network in networks:
        mine = [row for row in results.scores if row["network"] == network]
        data = _telling_data(mine)
        chosen += [
            _score(row)
            for row in mine
            if row["data"] == data and row["format"] != "fp32" and row["clip"] == "absmax"
        ]
    return chosen


def cost_facts(results: Results) -> list[CostFact]:
    """Spans of the ratios over the formats, one for each kind of comparison."""
    groups: dict[tuple[str, str, Quantity, str, str | None], list[Ratio]] = {}
    for ratio in results.ratios:
        accumulator = ratio.numerator.split("-")[3]
        key = (accumulator, ratio.denominator, ratio.quantity, ratio.goal, ratio.stimulus)
        groups.setdefault(key, []).append(ratio)
    return [
        CostFact(
            *key,
            min(group, key=lambda ratio: ratio.value),
            max(group, key=lambda ratio: ratio.value),
        )
        for key, group in groups.items()
    ]


def accuracy_facts(results: Results) -> list[AccuracyFact]:
    """How the integer and the best float fare on each network, for each granularity."""
    scores = main_scores(results)
    facts = []
    for network, granularity in dict.fromkeys((s.network, s.granularity) for s in scores):
        mine = [s for s in scores if (s.network, s.granularity) == (network, granularity)]
        floats = [s for s in mine if not isinstance(parse_format(s.format), IntFormat)]
        if not floats:
            continue
        best = (min if floats[0].lower_is_better else max)(floats, key=lambda s: s.value)
        facts += [
            AccuracyFact(score, best, score.high < best.low or best.high < score.low)
            for score in mine
            if score not in floats
        ]
    return facts


def _telling_data(rows: Sequence[Mapping[str, Any]]) -> str:
    def rank(row: Mapping[str, Any]) -> tuple[int, int]:
        labelled = row["metric"] != "agreement"
        return (2 if labelled and row["n"] >= _ENOUGH_PICTURES else 0 if labelled else 1, row["n"])

    return str(max(rows, key=rank)["data"])


def _score(row: Mapping[str, Any]) -> Score:
    names = ("network", "data", "n", "metric", "format", "granularity", "clip", "value", "low")
    return Score(**{name: row[name] for name in (*names, "high")}, fp32=row["fp32_value"])


def _analytic(results: Results, fmt: str) -> float | None:
    for row in results.analytic:
        if row["format"] == fmt and row["distribution"] == MAIN_DISTRIBUTION:
            return float(row["sqnr_db"])
    return None
