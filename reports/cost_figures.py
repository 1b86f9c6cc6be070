"""Pictures of what units cost: area by block, area against delay, energy by operand stream."""

from typing import Any

import altair as alt

from hwmodel.cost.comparison import main_rows
from hwmodel.cost.results import Results
from hwmodel.reports.charts import PALETTE, Figure, accumulator_scale, format_scale, values
from hwmodel.reports.wording import (
    QUANTITY_DIGITS,
    STIMULUS_TERMS,
    accumulator_kind,
    format_term,
    number,
    unit_term,
)

__all__ = ["area_by_block", "area_delay", "energy_by_stimulus"]

_BAR = 22  # pixels of a row of bars


def _order(results: Results) -> list[str]:
    return [unit_term(name) for name in results.plan["units"]]


def area_by_block(results: Results) -> Figure | None:
    """Stacked bars of area by building block, each unit at minimum area."""
    rows, totals = [], []
    for measured in results.measurements:
        if measured.clock_ns is not None:
            continue
        unit = unit_term(measured.spec)
        split = sum(measured.blocks.values())
        for block, area in measured.blocks.items():
            rows.append({"unit": unit, "block": block, "area": area})
        digits = QUANTITY_DIGITS["area_um2"]
        if split:
            totals.append({"unit": unit, "total": split, "text": number(split, digits)})
    if not rows:
        return None
    blocks = list(dict.fromkeys(row["block"] for row in rows))
    order = _order(results)
    y = alt.Y("unit:N", sort=order, title=None)
    bars = (
        alt.Chart(values(rows))
        .mark_bar()
        .encode(
            x=alt.X("sum(area):Q", title="cell area [µm²]"),
            y=y,
            color=alt.Color(
                "block:N",
                sort=blocks,
                title=None,
                scale=alt.Scale(domain=blocks, range=list(PALETTE)),
                legend=alt.Legend(orient="bottom", columns=4),
            ),
            order=alt.Order("rank:Q"),
        )
        .transform_calculate(rank=f"indexof({blocks!r}, datum.block)")
    )
    text = (
        alt.Chart(values(totals))
        .mark_text(align="left", dx=4)
        .encode(x="total:Q", y=y, text="text:N")
    )
    return Figure(
        name="area-by-block",
        title="Where the area goes: cell area by building block, each unit at its minimum area",
        caption="Unit names read operand format → accumulator. The split comes from a mapping that"
        " keeps the blocks apart, so its sum can differ from the area of the flat design in the"
        " main table, in which logic is shared across blocks.",
        description="Stacked horizontal bars, one for each unit. "
        + "; ".join(f"{row['unit']} {row['text']} square micrometres" for row in totals),
        chart=(bars + text).properties(width=520, height=alt.Step(_BAR)),
    )


def area_delay(results: Results) -> Figure | None:
    """Area against delay of every design point that meets its clock."""
    rows = [
        {
            "unit": unit_term(row.spec),
            "format": format_term(row.unit.a.name),
            "accumulator": accumulator_kind(row.spec),
            "area": row.area_um2,
            "delay": row.delay_ns,
        }
        for row in results.measurements
    ]
    if not rows:
        return None
    formats = [format_term(name) for name in results.plan["formats"]]
    base = alt.Chart(values(rows)).encode(
        x=alt.X(
            "delay:Q",
            title="minimum clock period [ns]",
            scale=alt.Scale(zero=False),
            axis=alt.Axis(tickCount=8),
        ),
        y=alt.Y("area:Q", title="cell area [µm²]", scale=alt.Scale(zero=True)),
        color=alt.Color("format:N", title="operands", scale=format_scale(formats), sort=formats),
    )
    lines = base.mark_line(strokeWidth=1, opacity=0.6).encode(detail="unit:N")
    points = base.mark_point(size=70, filled=True, opacity=0.9).encode(
        shape=alt.Shape(
            "accumulator:N",
            title="accumulator",
            scale=accumulator_scale([str(row["accumulator"]) for row in rows]),
        )
    )
    clock = (
        alt.Chart(values([{"clock": results.plan["clock_ns"]}]))
        .mark_rule(strokeDash=[4, 4], opacity=0.6)
        .encode(x="clock:Q")
    )
    return Figure(
        name="area-delay",
        title="Area against delay: each unit at minimum area and at the common clock",
        caption="The two points of a unit are joined. Delay is the minimum clock period of the"
        " circuit (clock-to-output, logic, setup). The dashed line is the common clock; a point to"
        " the right of it does not reach that clock. Left and below is better.",
        description="Scatter of area over delay. "
        + "; ".join(f"{r['unit']} {r['area']:.0f} µm² at {r['delay']:.2f} ns" for r in rows),
        chart=(clock + lines + points).properties(width=460, height=340),
    )


def energy_by_stimulus(results: Results) -> Figure | None:
    """Stacked bars of energy per MAC at the common clock, a panel for each operand stream."""
    rows: list[dict[str, Any]] = []
    totals: list[dict[str, Any]] = []
    for unit in main_rows(results):
        if unit.clocked is None:
            continue
        name = unit_term(unit.spec)
        for energy in unit.clocked.energies:
            stimulus = STIMULUS_TERMS.get(energy.stimulus, energy.stimulus)
            for part, value in energy.split.items():
                rows.append({"unit": name, "stimulus": stimulus, "part": part, "energy": value})
            digits = QUANTITY_DIGITS["energy_fj"]
            text = number(energy.fj_per_mac, digits)
            if energy.glitch_share is not None:
                text += f" ({100 * energy.glitch_share:.0f} %)"
            total = {"unit": name, "stimulus": stimulus, "total": energy.fj_per_mac, "text": text}
            totals.append(total)
    if not rows:
        return None
    parts = list(dict.fromkeys(row["part"] for row in rows))
    stimuli = list(dict.fromkeys(row["stimulus"] for row in rows))
    y = alt.Y("unit:N", sort=_order(results), title=None)
    room = alt.Scale(domain=[0, 1.4 * max(row["total"] for row in totals)], nice=False)
    panels = []
    for index, stimulus in enumerate(stimuli):
        shown = y if index == 0 else alt.Y("unit:N", sort=_order(results), title=None, axis=None)
        bars = (
            alt.Chart(values([row for row in rows if row["stimulus"] == stimulus]))
            .mark_bar()
            .encode(
                x=alt.X(
                    "sum(energy):Q", title="fJ per MAC", scale=room, axis=alt.Axis(tickCount=4)
                ),
                y=shown,
                color=alt.Color(
                    "part:N", sort=parts, title=None, legend=alt.Legend(orient="bottom")
                ),
                order=alt.Order("rank:Q"),
            )
            .transform_calculate(rank=f"indexof({parts!r}, datum.part)")
        )
        text = (
            alt.Chart(values([row for row in totals if row["stimulus"] == stimulus]))
            .mark_text(align="left", dx=4)
            .encode(x="total:Q", y=shown, text="text:N")
        )
        panel = (bars + text).properties(title=stimulus, width=270, height=alt.Step(_BAR))
        panels.append(panel)
    return Figure(
        name="energy",
        title=f"Energy per MAC at {results.plan['clock_ns']:g} ns, by operand stream",
        caption="Beside a bar: the total, and in brackets the share of it that glitches"
        " cost. Internal: inside the switching cells; switching: charging nets and pins; clock:"
        " the flip-flops' clock pins; leakage: standing current over one clock period. Every net's"
        " toggles were counted, with gate delays.",
        description="Stacked horizontal bars. "
        + "; ".join(f"{r['unit']}, {r['stimulus']}: {r['total']:.0f} femtojoule" for r in totals),
        chart=alt.hconcat(*panels, spacing=14).resolve_scale(color="shared"),
    )
