"""``hwmodel report``: formats side by side."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwmodel.cli.options import chosen_library, library_options

if TYPE_CHECKING:
    from hwmodel.cost.results import Results

EXAMPLE = """\b
Examples:
  hwmodel report -o report
  hwmodel report -o report --formats int8,e4m3,e3m4 --clock 2.5
  hwmodel report -o report --library sky130hd --no-accuracy
  hwmodel report -o report --liberty cells.lib.gz --clock 4
"""


@click.command("report", epilog=EXAMPLE)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the report; made if need be.",
)
@click.option(
    "--formats", help="Formats to compare, with commas between; int8 and FP8 if not given."
)
@click.option(
    "--clock",
    "clock_ns",
    type=float,
    metavar="NS",
    help="Clock period that all must meet; 3 ns if not given, for another library one that asks"
    " the slow units to be sized.",
)
@click.option("--no-accuracy", is_flag=True, help="Leave out the networks.")
@click.option(
    "--photos",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Zip of labelled photographs for the CNN.",
)
@library_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_context
def command(
    context: click.Context,
    output: Path,
    formats: str | None,
    clock_ns: float | None,
    no_accuracy: bool,
    photos: Path | None,
    library: str | None,
    liberty: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Measure INT and FP units and write the report that compares them.

    Area and delay from synthesis, energy from switching, accuracy of two networks. Finished
    results are kept and used again. The cells are those of NanGate 45 nm unless a library is named
    by --library or --liberty. Writes report.html, report.md, results.json, tables/ and
    figures/. The exit status is 1 if something could not be measured (the report says what).
    """
    from hwmodel.cost.clock import CLOCK_FROM, common_clock
    from hwmodel.cost.collect import collect
    from hwmodel.cost.plan import (
        DEFAULT_CLOCK_NS,
        DEFAULT_FORMATS,
        DEFAULT_STIMULI,
        NETWORK_STIMULUS,
        make_plan,
        planned_units,
    )
    from hwmodel.cost.steps import RealSteps
    from hwmodel.reports import build_report
    from hwmodel.store import Store, check_writable

    names = [name for name in (formats or ",".join(DEFAULT_FORMATS)).split(",") if name]
    stimuli = DEFAULT_STIMULI if no_accuracy else (*DEFAULT_STIMULI, NETWORK_STIMULUS)
    files = tuple(str(file) for file in liberty)
    usual = not files and library in (None, "nangate45")
    # What cannot be is told before hours are spent: here, and by the library's files.
    plan = make_plan(
        names, DEFAULT_CLOCK_NS if clock_ns is None else clock_ns, stimuli, library, files
    )
    check_writable(output)
    if not usual:
        chosen_library(library, liberty)
    with _progress() as progress:
        if clock_ns is None and not usual:
            steps = RealSteps(plan.cells, Store())
            found = common_clock(planned_units(names), steps, progress)
            click.echo(f"common clock: {found:g} ns, {CLOCK_FROM}", err=True)
            plan = make_plan(names, found, stimuli, library, files, CLOCK_FROM)
        results = collect(plan, not no_accuracy, photos, progress)
        progress(1, 1, "writing the report")
        page = build_report(results, output)
    for note in results.notes:
        click.echo(note, err=True)
    for failure in results.failures:
        click.echo(f"{failure.point} ({failure.step}) failed: {failure.sentence}", err=True)
    if as_json:
        click.echo(json.dumps({"report": str(page), **results.to_dict()}))
    else:
        _summary(results)
        click.echo(f"report: {page}")
    if results.failures:
        context.exit(1)


@contextmanager
def _progress() -> Iterator[Callable[[int, int, str], None]]:
    """Progress on standard error: a bar on a terminal, else a line for each step."""
    if not sys.stderr.isatty():
        start, last = time.monotonic(), [""]

        def tell(done: int, total: int, text: str) -> None:
            # Details within a step come after a second colon; they would flood a log.
            step = ":".join(text.split(":")[:2])
            if step != last[0]:
                last[0] = step
                minutes = (time.monotonic() - start) / 60
                click.echo(f"[{done}/{total}, {minutes:.1f} min] {step}", err=True)

        yield tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        BarColumn(bar_width=24),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda done, total, text: bar.update(
            task, completed=done, total=total, description=text
        )


def _summary(results: "Results") -> None:
    """Print the main table for people."""
    from rich.console import Console
    from rich.table import Table as RichTable

    from hwmodel.reports.cells import table_with_cells
    from hwmodel.reports.content import main_table

    table = table_with_cells(main_table(results), results)
    title = f"INT against FP, {results.plan['clock_ns']:g} ns; cells {results.cells}"
    shown = RichTable(title=title, box=None)
    for column in table.shown:
        shown.add_column(column.label, justify="right" if column.numeric else "left")
    for row in table.rows:
        shown.add_row(*(column.text(row) for column in table.shown))
    Console(width=None if sys.stdout.isatty() else 150).print(shown)
