"""``hwmodel frontier``: area, delay and energy of a unit from the smallest to the fastest."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwmodel.cli.options import chosen_library, library_options

if TYPE_CHECKING:
    from hwmodel.cost.frontier import Frontier

EXAMPLE = """\b
Examples:
  hwmodel frontier mac-int8-int8-int32
  hwmodel frontier mac-e4m3-e4m3-fp32 --clock 2.5     name the point at 2.5 ns
  hwmodel frontier mac-e4m3-e4m3-exact --liberty sky130_tt.lib.gz --chart curve.svg --json
"""


@click.command("frontier", epilog=EXAMPLE)
@click.argument("spec")
@click.option("--clock", type=float, metavar="NS", help="Name the smallest point at this clock.")
@library_options
@click.option(
    "--stimulus", default="gaussian", show_default=True, help="Operand stream of the energies."
)
@click.option("--vectors", type=int, metavar="N", help="Products a point.  [default: 1024]")
@click.option("--workers", type=int, default=2, show_default=True, help="Runs at a time.")
@click.option(
    "--chart",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Picture of area against delay: .svg, .png or .html.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def command(
    spec: str,
    clock: float | None,
    library: str | None,
    liberty: tuple[Path, ...],
    stimulus: str,
    vectors: int | None,
    workers: int,
    chart: Path | None,
    as_json: bool,
) -> None:
    """Find the area-delay frontier of the unit SPEC, with the energy of each point.

    Structures and recipes are searched at a ladder of clocks, from the delay of the smallest
    netlist down to the first clock that none meets. Every point has a netlist that was compared
    with the golden model; its energy holds at the point's own minimum period.
    """
    from hwmodel.cost.frontier import FRONTIER_VECTORS, explore_frontier
    from hwmodel.errors import HwmodelError
    from hwmodel.sim.stimulus import check_name
    from hwmodel.store import atomic_write, check_writable
    from hwmodel.units import parse_unit

    if chart is not None and chart.suffix not in (".svg", ".png", ".html"):
        raise HwmodelError(
            f"a chart is a file named .svg, .png or .html, but {chart} came; give it another name"
        )
    if workers < 1:
        raise HwmodelError(f"the number of workers is 1 or more, but {workers} came")
    unit = parse_unit(spec)
    check_name(stimulus)
    if chart is not None:
        check_writable(chart.parent)
    found = explore_frontier(
        unit,
        chosen_library(library, liberty),
        clock,
        stimulus=stimulus,
        vectors=FRONTIER_VECTORS if vectors is None else vectors,
        progress=lambda what, done: click.echo(
            f"frontier of {unit.name}: {what} ({done} steps done)", err=True
        ),
        workers=workers,
    )
    named = found.at(clock) if clock is not None else None
    if chart is not None:
        from hwmodel.reports.frontier_figure import frontier_picture

        atomic_write(chart, frontier_picture(found, chart.suffix))
    if as_json:
        entry = found.to_dict()
        if named is not None:
            entry["at_clock"] = {"clock_ns": clock, "point": found.points.index(named)}
        click.echo(json.dumps(entry))
        return
    _print(found)
    if named is not None:
        click.echo(
            f"at {clock:g} ns: {named.area_um2:.1f} um2, {named.delay_ns:.3f} ns,"
            f" {named.fj_per_mac:.0f} fJ per MAC, {named.structure}, {named.recipe}"
        )


def _print(found: "Frontier") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{found.spec} in {found.library}", title_justify="left")
    for column in ("delay ns", "area um2", "fJ/MAC", "MAC/s/um2", "hold ns"):
        table.add_column(column, justify="right")
    table.add_column("structure, recipe")
    for point in found.points:
        hold = "" if point.hold_slack_ns is None else f"{point.hold_slack_ns:.3f}"
        table.add_row(
            f"{point.delay_ns:.3f}",
            f"{point.area_um2:.1f}",
            f"{point.fj_per_mac:.0f}",
            f"{point.macs_per_s_um2:.3g}",
            hold,
            f"{point.structure}, {point.recipe}",
        )
    console = Console()
    console.print(table)
    console.print(
        f"energy: {found.stimulus} operands, {found.vectors} products, each point at its own"
        " minimum period",
        soft_wrap=True,
    )
    tried = ", ".join(f"{clock:g}" for clock in found.clocks_ns)
    console.print(f"searched at minimum area and at (ns): {tried}", soft_wrap=True)
    console.print(f"corner: {found.corner}", soft_wrap=True)
