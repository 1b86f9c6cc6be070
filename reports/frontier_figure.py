"""Picture of a frontier: area against delay, each point labelled with its energy."""

import html
from typing import TYPE_CHECKING

import altair as alt

from hwmodel.reports.charts import PALETTE, Figure, values

if TYPE_CHECKING:
    from hwmodel.cost.frontier import Frontier

__all__ = ["frontier_figure", "frontier_picture"]


def frontier_figure(frontier: "Frontier") -> Figure:
    """Draw a frontier as a line through its points."""
    rows = [
        {
            "delay": point.delay_ns,
            "area": point.area_um2,
            "energy": f"{point.fj_per_mac:.0f} fJ",
            "structure": point.structure,
        }
        for point in frontier.points
    ]
    base = alt.Chart(values(rows)).encode(
        x=alt.X("delay:Q", title="minimum period [ns]", scale=alt.Scale(zero=False)),
        y=alt.Y("area:Q", title="cell area [µm²]", scale=alt.Scale(zero=False)),
    )
    # Between two points nothing is promised: a step keeps to what was found.
    line = base.mark_line(interpolate="step-after", color=PALETTE[0])
    points = base.mark_point(filled=True, size=60, color=PALETTE[0])
    labels = base.mark_text(align="left", dx=6, dy=-8).encode(text="energy:N")
    ends = frontier.points[0], frontier.points[-1]
    return Figure(
        name="frontier",
        title=f"Area against delay of {frontier.spec} in {frontier.library}",
        caption=(
            "Each point is a netlist compared with the golden model; the label is its energy per"
            f" MAC under {frontier.stimulus} operands at its own minimum period."
            f" {frontier.corner}."
        ),
        description=(
            f"{len(rows)} points from {ends[0].area_um2:.1f} um2 at {ends[0].delay_ns:.3f} ns to"
            f" {ends[1].area_um2:.1f} um2 at {ends[1].delay_ns:.3f} ns."
        ),
        chart=(line + points + labels).properties(width=520, height=320),
    )


def frontier_picture(frontier: "Frontier", suffix: str) -> bytes:
    """File of the picture: ``.svg``, ``.png`` or ``.html``."""
    figure = frontier_figure(frontier)
    if suffix == ".png":
        return figure.png()
    if suffix == ".svg":
        return figure.file_svg().encode()
    page = (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8">'
        f"<title>{html.escape(figure.title)}</title>\n<h1>{html.escape(figure.title)}</h1>\n"
        f"{figure.file_svg()}<p>{html.escape(figure.caption)}</p>\n</html>\n"
    )
    return page.encode()
