"""Pictures of what formats keep: accuracy against energy, SQNR on distributions and by layer."""

from typing import Any

import altair as alt

from hwmodel.cost.comparison import MAIN_STIMULUS, Score, main_rows, main_scores
from hwmodel.cost.results import Results
from hwmodel.reports.charts import INK, Figure, accumulator_scale, format_scale, values
from hwmodel.reports.wording import (
    ACCURACY_TERMS,
    GRANULARITY_TERMS,
    NETWORK_TERMS,
    QUANTITY_DIGITS,
    accumulator_kind,
    format_term,
    number,
)

__all__ = ["accuracy_energy", "decision_chart", "layer_sqnr", "sqnr_by_distribution"]

# A perplexity beyond this many times the least one leaves no room for the others.
_LOG_BEYOND = 3.0


def accuracy_energy(results: Results) -> Figure | None:
    """Accuracy against energy per MAC: the picture to decide by."""
    chart = decision_chart(results)
    if chart is None:
        return None
    scores = main_scores(results)
    return Figure(
        name="accuracy-energy",
        title="Accuracy against energy: what each format costs and what it keeps",
        caption="One point for each unit: its energy per MAC under Gaussian operands at the common"
        " clock, and the accuracy of its operand format. Points of a format share their accuracy,"
        " for the networks are run with FP32 sums; shapes tell the accumulators apart. Bars are"
        " 95 % intervals (perplexity: of the difference from FP32 on the same tokens); the dashed"
        " line is the network in FP32.",
        description="Scatter of accuracy over energy in a panel for each network and scale"
        " granularity. "
        + "; ".join(
            f"{NETWORK_TERMS.get(s.network, s.network)}, {GRANULARITY_TERMS[s.granularity]},"
            f" {format_term(s.format)}: {_score_text(s)}"
            for s in scores
        ),
        chart=chart,
    )


def decision_chart(
    results: Results, granularities: tuple[str, ...] = (), size: tuple[int, int] = (300, 220)
) -> Any | None:
    """Panels of accuracy against energy: a row for each granularity, a column for each network."""
    scores = main_scores(results)
    energies = [
        (unit.format, unit.spec, energy.fj_per_mac)
        for unit in main_rows(results)
        if unit.clocked is not None and unit.clocked.met
        for energy in [unit.clocked.energy(MAIN_STIMULUS)]
        if energy is not None
    ]
    if not scores or not energies:
        return None
    wanted = granularities or tuple(dict.fromkeys(score.granularity for score in scores))
    networks = tuple(dict.fromkeys(score.network for score in scores))
    formats = [format_term(name) for name in results.plan["formats"]]
    kinds = [accumulator_kind(spec) for _, spec, _ in energies]
    rows = []
    for granularity in wanted:
        panels = []
        for network in networks:
            mine = [s for s in scores if (s.network, s.granularity) == (network, granularity)]
            points = [
                {
                    "format": format_term(score.format),
                    "accumulator": accumulator_kind(spec),
                    "energy": energy,
                    "value": _scaled(score, score.value),
                    "low": _scaled(score, score.low),
                    "high": _scaled(score, score.high),
                }
                for score in mine
                for fmt, spec, energy in energies
                if fmt == score.format
            ]
            if points:
                panels.append(_panel(mine, points, formats, kinds, size))
        rows.append(alt.hconcat(*panels, spacing=28))
    return alt.vconcat(*rows, spacing=22)


def _panel(
    scores: list[Score],
    points: list[dict[str, Any]],
    formats: list[str],
    kinds: list[str],
    size: tuple[int, int],
) -> Any:
    first = scores[0]
    title = ACCURACY_TERMS[first.metric] + (
        " (lower is better)" if first.lower_is_better else " [%] (higher is better)"
    )
    ends = [row["value"] for row in points] + [_scaled(first, first.fp32)]
    logarithmic = first.lower_is_better and max(ends) > _LOG_BEYOND * min(ends)
    scale = alt.Scale(zero=False, type="log" if logarithmic else "linear")
    if logarithmic:
        title += ", log scale"
    y = alt.Y("value:Q", title=title, scale=scale)
    x = alt.X("energy:Q", title="energy [fJ/MAC]", scale=alt.Scale(zero=False, padding=14))
    colour = alt.Color("format:N", title="operands", scale=format_scale(formats), sort=formats)
    base = alt.Chart(values(points)).encode(x=x, color=colour)
    line = base.mark_line(strokeWidth=1, opacity=0.5).encode(y=y)
    bars = base.mark_rule(strokeWidth=1.5, opacity=0.75).encode(
        y=alt.Y("low:Q", scale=scale, title=title), y2="high:Q"
    )
    dots = base.mark_point(size=75, filled=True, opacity=1).encode(
        y=y, shape=alt.Shape("accumulator:N", title="accumulator", scale=accumulator_scale(kinds))
    )
    fp32 = (
        alt.Chart(values([{"fp32": _scaled(first, first.fp32)}]))
        .mark_rule(strokeDash=[4, 4], opacity=0.7)
        .encode(y=alt.Y("fp32:Q", scale=scale, title=title))
    )
    network = NETWORK_TERMS.get(first.network, first.network)
    heading = alt.TitleParams(
        network, subtitle=f"scales {GRANULARITY_TERMS[first.granularity]}", subtitleColor=INK
    )
    return (fp32 + line + bars + dots).properties(title=heading, width=size[0], height=size[1])


def sqnr_by_distribution(results: Results) -> Figure | None:
    """SQNR of each format on distributions of known shape."""
    rows = [
        {
            "format": format_term(row["format"]),
            "distribution": row["distribution"],
            "sqnr": row["sqnr_db"],
            "text": number(row["sqnr_db"], QUANTITY_DIGITS["sqnr_db"]),
        }
        for row in results.analytic
    ]
    if not rows:
        return None
    formats = [format_term(name) for name in results.plan["formats"]]
    panels = []
    y = alt.Y("format:N", sort=formats, title=None)
    for distribution in dict.fromkeys(row["distribution"] for row in rows):
        mine = [row for row in rows if row["distribution"] == distribution]
        base = alt.Chart(values(mine))
        x = alt.X(
            "sqnr:Q",
            title="SQNR [dB]",
            scale=alt.Scale(domain=[0, 1.15 * max(row["sqnr"] for row in rows)], nice=False),
        )
        bars = base.mark_bar().encode(
            x=x,
            y=y,
            color=alt.Color("format:N", scale=format_scale(formats), legend=None),
        )
        text = base.mark_text(align="left", dx=4).encode(x=x, y=y, text="text:N")
        panels.append((bars + text).properties(title=distribution, width=190, height=alt.Step(26)))
    return Figure(
        name="sqnr-distributions",
        title="What the formats keep of numbers of known shape",
        caption="Signal to quantisation noise ratio, 10 log₁₀ of signal power over error power, at"
        " the scale of least mean squared error. Six decibels are about one bit. The heavier the"
        " distribution's tails, the more an exponent is worth.",
        description="Bars of the SQNR in decibel. "
        + "; ".join(f"{r['distribution']}, {r['format']}: {r['text']}" for r in rows),
        chart=alt.hconcat(*panels, spacing=20),
    )


def layer_sqnr(results: Results) -> Figure | None:
    """SQNR of every layer's output, in the order of the layers."""
    panels = []
    formats = [format_term(name) for name in results.plan["formats"]]
    spread = []
    for network in dict.fromkeys(row["network"] for row in results.layers):
        mine = [row for row in results.layers if row["network"] == network]
        place = {name: i + 1 for i, name in enumerate(dict.fromkeys(r["layer"] for r in mine))}
        for granularity in dict.fromkeys(row["granularity"] for row in mine):
            rows = [
                {
                    "layer": place[row["layer"]],
                    "format": format_term(row["format"]),
                    "sqnr": round(row["output_sqnr_db"], 2),
                }
                for row in mine
                if row["granularity"] == granularity
                and row["clip"] == "absmax"
                and row["output_sqnr_db"] is not None
            ]
            if not rows:
                continue
            least = min(rows, key=lambda row: row["sqnr"])
            heading = f"{NETWORK_TERMS.get(network, network)}, {GRANULARITY_TERMS.get(granularity)}"
            spread.append(f"{heading}: least {least['sqnr']} dB, {least['format']}")
            panels.append(
                alt.Chart(values(rows))
                .mark_line(strokeWidth=1.2, opacity=0.85)
                .encode(
                    x=alt.X("layer:Q", title="layer, in order", scale=alt.Scale(nice=False)),
                    y=alt.Y("sqnr:Q", title="SQNR of the output [dB]"),
                    color=alt.Color(
                        "format:N", title=None, scale=format_scale(formats), sort=formats
                    ),
                )
                .properties(title=heading, width=620, height=150)
            )
    if not panels:
        return None
    return Figure(
        name="layer-sqnr",
        title="Where in the networks the formats lose their bits: SQNR of every layer",
        caption="Each layer by itself, fed with its FP32 input, so errors of earlier layers do not"
        " add up. Dips are layers whose inputs have outliers.",
        description="Lines over the layers. " + "; ".join(spread),
        chart=alt.vconcat(*panels, spacing=18),
    )


def _scaled(score: Score, value: float) -> float:
    return value if score.lower_is_better else 100.0 * value


def _score_text(score: Score) -> str:
    kind = "perplexity" if score.lower_is_better else "share"
    return number(_scaled(score, score.value), QUANTITY_DIGITS[kind])
