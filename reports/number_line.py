"""A picture of a format: where its values lie on the number line."""

from typing import Any

import altair as alt

from hwmodel.errors import HwmodelError
from hwmodel.formats import Format
from hwmodel.formats.table import facts, rows
from hwmodel.reports.charts import Figure, values

__all__ = ["number_line"]

_MOST_BITS = 8  # more than 256 values run together
_FINITE = ("zero", "subnormal", "normal", "integer", "fixed point", "power of two")


def number_line(fmt: Format) -> Figure:
    """Every finite value of a format as a stroke: to scale, and the positive ones by magnitude.

    Parameters
    ----------
    fmt : Format
        A format of at most 8 bits.

    Raises
    ------
    HwmodelError
        The format has too many values for a picture, or float64 does not hold one of them.
    """
    if fmt.bits > _MOST_BITS:
        raise HwmodelError(
            f"a number line shows formats of at most {_MOST_BITS} bits, but {fmt.name} has"
            f" {fmt.bits}"
        )
    fmt.values()  # an error where float64 does not hold one
    table = [row for row in rows(fmt, range(fmt.code_count)) if row.kind in _FINITE]
    marks = [{"value": row.value, "kind": row.kind, "code": f"0x{row.code:02x}"} for row in table]
    positive = [mark for mark in marks if float(str(mark["value"])) > 0]
    kinds = list(dict.fromkeys(str(mark["kind"]) for mark in marks))
    panels = [
        _strip(marks, alt.Scale(), "value, to scale", kinds),
        _strip(positive, alt.Scale(type="log", base=2), "positive values, by magnitude", kinds),
    ]
    extent = facts(fmt)
    return Figure(
        name=f"number-line-{fmt.name}",
        title=f"The {len(marks)} finite codes of {fmt.name}",
        caption="Every stroke is a value: above to scale, below the positive ones by powers of two."
        " Subnormal numbers are evenly spaced, normal ones as many in each power of two.",
        description=f"Values from {fmt.min_value:g} to {extent['max']:g}; {len(positive)} of them"
        " are positive.",
        chart=alt.vconcat(*panels, spacing=24).properties(
            title=f"{fmt.name}: {fmt.min_value:g} to {fmt.max_value:g}"
        ),
    )


def _strip(marks: list[dict[str, Any]], scale: alt.Scale, title: str, kinds: list[str]) -> Any:
    return (
        alt.Chart(values(marks))
        .mark_tick(thickness=1.2, opacity=0.85)
        .encode(
            x=alt.X("value:Q", scale=scale, title=title),
            color=alt.Color("kind:N", scale=alt.Scale(domain=kinds), title=None),
        )
        .properties(width=640, height=44)
    )
