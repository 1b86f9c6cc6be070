"""The answer in a few plain sentences, worded from facts that ``cost`` found in the rows."""

from collections.abc import Iterable
from dataclasses import dataclass

from hwmodel.cost.comparison import AccuracyFact, CostFact, Score, accuracy_facts, cost_facts
from hwmodel.cost.ratios import Quantity
from hwmodel.cost.results import Results
from hwmodel.reports.wording import (
    ACCURACY_TERMS,
    NETWORK_TERMS,
    QUANTITY_DIGITS,
    STIMULUS_TERMS,
    format_term,
    number,
    operands_and_accumulator,
)

__all__ = ["CostAnswer", "accuracy_sentences", "cost_answers"]

_ACCUMULATORS = {"exact": "an exact accumulator", "fp32": "an FP32 one", "fp16": "an FP16 one"}
_SCALES = {
    "tensor-static": "one fixed scale per tensor",
    "token-dynamic": "a scale of each token's own",
}


@dataclass(frozen=True)
class CostAnswer:
    """What floats cost over one integer unit: an opening and a line for each accumulator."""

    opening: str
    lines: tuple[str, ...]


def cost_answers(results: Results) -> list[CostAnswer]:
    """What floats cost over integers, one answer for each integer unit."""
    facts = cost_facts(results)
    answers = []
    for denominator in dict.fromkeys(fact.denominator for fact in facts):
        mine = [fact for fact in facts if fact.denominator == denominator]
        lines = []
        for accumulator in dict.fromkeys(fact.numerator_accumulator for fact in mine):
            chosen = [fact for fact in mine if fact.numerator_accumulator == accumulator]
            figures = list(_cost_figures(chosen))
            if figures:
                name = _ACCUMULATORS.get(accumulator, accumulator)
                lines.append(f"adding into {name}: {'; '.join(figures)}.")
        if lines:
            opening = (
                f"In {mine[0].least.library}, against {operands_and_accumulator(denominator)}, a"
                " floating-point MAC takes"
            )
            answers.append(CostAnswer(opening, tuple(lines)))
    return answers


def _cost_figures(facts: Iterable[CostFact]) -> Iterable[str]:
    for fact in facts:
        span = _span(fact)
        clocked = fact.goal.startswith("both at")
        if fact.quantity is Quantity.AREA and not clocked:
            yield f"{span} times the area at minimum area"
        elif fact.quantity is Quantity.AREA_PER_THROUGHPUT:
            yield f"{span} times the area for equal throughput"
        elif fact.quantity is Quantity.ENERGY and clocked and fact.stimulus == "gaussian":
            clock = fact.least.clock_ns
            at = f" at {clock:g} ns" if clock is not None else ""
            operands = STIMULUS_TERMS[fact.stimulus]
            yield f"{span} times the energy per MAC{at} ({operands})"


def _span(fact: CostFact) -> str:
    digits = QUANTITY_DIGITS["ratio"]
    least, most = number(fact.least.value, digits), number(fact.most.value, digits)
    first = format_term(fact.least.numerator.split("-")[1])
    last = format_term(fact.most.numerator.split("-")[1])
    return f"{least} ({first})" if least == most else f"{least} ({first}) to {most} ({last})"


def accuracy_sentences(results: Results) -> list[str]:
    """What floats keep that integers lose: a sentence for each network and granularity."""
    return [_accuracy_sentence(fact) for fact in accuracy_facts(results)]


def _accuracy_sentence(fact: AccuracyFact) -> str:
    integer, floating = fact.integer, fact.floating
    network = NETWORK_TERMS.get(integer.network, integer.network)
    metric = ACCURACY_TERMS[integer.metric]
    what = "tokens" if integer.lower_is_better else "pictures"
    if integer.metric != "agreement":
        metric += f", FP32 {_figure(integer, integer.fp32)}"
    verdict = "the intervals overlap, so this much data does not tell them apart"
    if fact.apart:
        winner = floating if fact.floating_better else integer
        verdict = f"{format_term(winner.format)} keeps more, beyond the intervals"
    return (
        f"{network} ({metric}, {integer.n:,} {what}) with {_SCALES[integer.granularity]}:"
        f" {_with_interval(integer)}; best float {_with_interval(floating)}: {verdict}."
    )


def _with_interval(score: Score) -> str:
    low, high = _figure(score, score.low), _figure(score, score.high)
    return f"{format_term(score.format)} {_figure(score, score.value)} ({low} to {high})"


def _figure(score: Score, value: float) -> str:
    if score.lower_is_better:
        return number(value, QUANTITY_DIGITS["perplexity"])
    return f"{number(100 * value, QUANTITY_DIGITS['share'])} %"
