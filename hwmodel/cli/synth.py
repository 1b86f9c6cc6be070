"""``hwmodel synth``: area and delay of a unit in real cells."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwmodel.cli.options import chosen_library, library_options

if TYPE_CHECKING:
    from hwmodel.synthesis import SynthesisResult

EXAMPLE = """\b
Examples:
  hwmodel synth mac-int8-int8-int32               minimum area
  hwmodel synth mac-e4m3-e4m3-fp32 --clock 2.5    least area that meets 2.5 ns
  hwmodel synth mac-e4m3-e4m3-exact --liberty sky130_tt.lib.gz --netlist mac.v
"""


@click.command("synth", epilog=EXAMPLE)
@click.argument("spec")
@click.option("--clock", type=float, metavar="NS", help="Clock period to meet; else minimum area.")
@library_options
@click.option(
    "--netlist",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the mapped Verilog here.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def command(
    spec: str,
    clock: float | None,
    library: str | None,
    liberty: tuple[Path, ...],
    netlist: Path | None,
    as_json: bool,
) -> None:
    """Map a unit to real cells: the best of several structures and many recipes.

    SPEC is a unit such as mac-int8-int8-int32. Area is the sum of the cells' areas, delay the
    minimum clock period of the netlist by static timing with the library's wire-load model. Of
    netlists within 2 % of the least area energy decides, too: one hundredth of area is given for
    ten hundredths of energy.
    """
    from hwmodel.store import atomic_write, check_writable
    from hwmodel.synthesis import synthesize
    from hwmodel.units import parse_unit

    unit = parse_unit(spec)
    if netlist is not None:
        check_writable(netlist.parent)
    cells = chosen_library(library, liberty)
    with SynthesisProgress(unit.name) as progress:
        result = synthesize(unit, cells, clock, progress=progress.update)
    if netlist is not None:
        atomic_write(netlist, header(result) + result.netlist)
    if as_json:
        click.echo(json.dumps(result.to_dict()))
    else:
        _print(result)
    if not result.met:
        click.echo(
            f"hwmodel: {result.clock_ns:g} ns was not reached: the fastest of"
            f" {result.provenance['runs']} netlists tried needs {result.delay_ns:.3f} ns",
            err=True,
        )


def header(result: "SynthesisResult") -> str:
    """Comment that stands above a mapped netlist."""
    goal = result.provenance["goal"] + ("" if result.met else " (not reached: the fastest found)")
    versions = ", ".join(f"{tool} {version}" for tool, version in result.versions.items())
    lines = (
        f"{result.spec} mapped to {result.library}, {result.corner}",
        f"goal: {goal}",
        f"area {result.area_um2:.3f} um2 ({result.nand2:.0f} NAND2),"
        f" minimum period {result.delay_ns:.3f} ns",
        f"structure {result.structure}, recipe {result.recipe}",
        f"made by {versions}",
        "simulate it together with the library's Verilog models",
    )
    return "".join(f"// {line}\n" for line in lines)


def _print(result: "SynthesisResult") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{result.spec} in {result.library}", title_justify="left")
    table.add_column("quantity")
    table.add_column("value", justify="right")
    share = 100.0 / (result.provenance["blocks_total_um2"] or 1.0)
    rows: list[tuple[str, str]] = [
        ("area", f"{result.area_um2:.1f} um2"),
        ("", f"{result.nand2:.0f} NAND2"),
        ("minimum period", f"{result.delay_ns:.3f} ns"),
    ]
    if result.clock_ns is not None:
        rows.append(("clock", f"{result.clock_ns:g} ns, {'met' if result.met else 'NOT met'}"))
    rows += [("structure", result.structure), ("recipe", result.recipe)]
    compared = result.provenance["compared"]
    if compared:
        least = min(compared, key=lambda point: point["area_um2"])
        for label, point in ((f"least area of {len(compared)}", least), ("taken", compared[0])):
            figures = f"{point['area_um2']:.1f} um2, {point['fj_per_mac']:.0f} fJ/MAC"
            rows.append((label, figures))
    baseline = result.baseline
    if baseline is not None:
        figures = f"{baseline.area_um2:.1f} um2, {baseline.delay_ns:.3f} ns"
        rows.append(("plain operators, Yosys default", figures))
    for row in rows:
        table.add_row(*row)
    table.add_section()
    for block, area in result.blocks.items():
        table.add_row(f"  {block}", f"{area:.1f} um2  {area * share:4.1f} %")
    console = Console()
    console.print(table)
    console.print(f"blocks: {result.provenance['blocks']}", soft_wrap=True)
    console.print(f"effort: {result.provenance['effort']}", soft_wrap=True)
    console.print(f"corner: {result.corner}", soft_wrap=True)


class SynthesisProgress:
    """Progress of a search: a bar on standard error if that is a terminal, else a few lines."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> "SynthesisProgress":
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress

            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(f"synthesis of {self._name}", total=None)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, label: str, done: int, known: int) -> None:
        """One more run is done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=known, description=label)
        elif done % 10 == 0 or done == known:
            click.echo(f"synthesis of {self._name}: {done} of {known} runs", err=True)
