"""From a Vega-Lite chart to pictures: one theme, inline SVG for pages, SVG and PNG files."""

import functools
import html
import io
import re
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

__all__ = [
    "FORMAT_COLOURS",
    "INK",
    "PALETTE",
    "Figure",
    "accumulator_scale",
    "format_scale",
    "values",
]

# Stands for the colour of text and lines until the picture's place is known: the page's own text
# colour inline (light or dark), near-black in files.
INK = "#010203"
_INK_IN_FILES = "#1c1f23"
# Told apart by colour-blind readers; each has a contrast of 3 and more against a white and a
# near-black page.
PALETTE = (
    *("#4a86c5", "#e0566a", "#2f9448", "#b98a0e", "#bb4f93", "#2b9aab"),
    *("#8a8f98", "#b0673a", "#7b68c8", "#7c9a2d", "#bf74a7", "#5b7f95"),
)
FORMAT_COLOURS = {
    "INT8": "#4a86c5",
    "E5M2": "#e0566a",
    "E4M3": "#2f9448",
    "E3M4": "#b98a0e",
    "E2M5": "#bb4f93",
}
_FONT = "Arial, Helvetica, sans-serif"


@dataclass(frozen=True)
class Figure:
    """A chart with what a reader is told about it.

    Attributes
    ----------
    name : str
        File name without suffix, and the figure's anchor.
    title : str
        What the figure shows, in a line.
    caption : str
        How it reads, what its terms mean and where its limits are.
    description : str
        The picture in words, for those who do not see it.
    chart : altair chart
        The picture.
    """

    name: str
    title: str
    caption: str
    description: str
    chart: Any

    def inline_svg(self) -> str:
        """SVG for a page: takes the page's text colour, scales to its width, needs no script."""
        return _inline(self._svg, self)

    def file_svg(self) -> str:
        """SVG that stands alone, dark on white."""
        svg = self._svg.replace(INK, _INK_IN_FILES)
        head, rest = svg.split(">", 1)
        background = '<rect width="100%" height="100%" fill="#ffffff"/>'
        return f"{head}>{_heading(self)}{background}{rest}\n"

    def png(self, scale: float = 2.0) -> bytes:
        """Picture as PNG on white."""
        picture: bytes = vl_convert.svg_to_png(self.file_svg(), scale=scale)
        return picture

    @functools.cached_property
    def _svg(self) -> str:
        buffer = io.StringIO()
        _themed(self.chart).save(buffer, format="svg")
        return buffer.getvalue()


def values(rows: list[dict[str, Any]]) -> alt.InlineData:
    """Rows as data inside the chart."""
    return alt.InlineData(values=rows)


def format_scale(formats: list[str]) -> alt.Scale:
    """One colour for each format, the same in every figure."""
    spare = [colour for colour in PALETTE if colour not in FORMAT_COLOURS.values()]
    others = [name for name in formats if name not in FORMAT_COLOURS]
    colours = FORMAT_COLOURS | {
        name: spare[index % len(spare)] for index, name in enumerate(others)
    }
    return alt.Scale(domain=formats, range=[colours[name] for name in formats])


def accumulator_scale(kinds: list[str]) -> alt.Scale:
    """One shape for each kind of accumulator, in the order of their coming."""
    domain = list(dict.fromkeys(kinds))
    shapes = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
    return alt.Scale(domain=domain, range=[shapes[i % len(shapes)] for i in range(len(domain))])


def _themed(chart: Any) -> Any:
    axis = {
        "labelColor": INK,
        "titleColor": INK,
        "domainColor": INK,
        "tickColor": INK,
        "gridColor": INK,
        "gridOpacity": 0.13,
        "domainOpacity": 0.5,
        "tickOpacity": 0.5,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelLimit": 300,
    }
    return (
        chart.configure(font=_FONT, background="transparent", padding=8)
        .configure_view(stroke=None)
        .configure_axis(**axis)
        .configure_legend(
            labelColor=INK,
            titleColor=INK,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            symbolStrokeWidth=2,
            symbolOpacity=1,
            symbolBaseFillColor=INK,
            symbolBaseStrokeColor=INK,
            labelLimit=260,
        )
        .configure_header(labelColor=INK, titleColor=INK, labelFontSize=13, titleFontSize=12)
        .configure_title(color=INK, fontSize=13, anchor="start", fontWeight="bold")
        .configure_text(color=INK, fontSize=11)
        .configure_rule(color=INK)
        .configure_range(category=list(PALETTE))
    )


def _heading(figure: Figure) -> str:
    return (
        f"<title>{html.escape(figure.title)}</title><desc>{html.escape(figure.description)}</desc>"
    )


def _inline(svg: str, figure: Figure) -> str:
    svg = svg.replace(INK, "currentColor")
    # Identifiers of clip paths are the same in every picture, but have to differ within a page.
    svg = re.sub(r'id="(clip|gradient)', rf'id="{figure.name}-\1', svg)
    svg = re.sub(r"url\(#(clip|gradient)", rf"url(#{figure.name}-\1", svg)
    svg = re.sub(r"\son\w+=\"[^\"]*\"", "", svg)
    # Axes and marks speak for themselves in a tooltip; the picture as a whole is one image.
    svg = re.sub(
        r'(<path aria-label="([^"]*)" role="graphics-symbol"[^>]*?)/>',
        r"\1><title>\2</title></path>",
        svg,
    )
    match = re.search(r'width="([\d.]+)" height="([\d.]+)" viewBox="([^"]+)"', svg)
    assert match is not None
    width, _, box = match.groups()
    _, rest = svg.split(">", 1)
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="{box}"'
        f' aria-labelledby="{figure.name}-title {figure.name}-desc"'
        f' style="width:100%;max-width:{width}px;min-width:min({width}px,34rem)">'
    )
    title = f'<title id="{figure.name}-title">{html.escape(figure.title)}</title>'
    text = f'<desc id="{figure.name}-desc">{html.escape(figure.description)}</desc>'
    return f"{opening}{title}{text}{rest}"
