"""``hwmodel sweep``: many design points at once, as a table."""

import contextlib
import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwmodel.cli.options import folder_option

if TYPE_CHECKING:
    from hwmodel.sweep import Progress, SweepOutcome

EXAMPLE = """\b
Examples:
  hwmodel sweep --formats int8,e4m3 --accumulators int32,exact,fp32 --clocks min,2,3 -o out
  hwmodel sweep plan.yaml -o out                       the same keys in a file
  hwmodel sweep plan.toml --clocks 1.5 -o out          options go before the file
  hwmodel sweep plan.yaml --liberty a.lib --liberty b.lib.gz -o out
  hwmodel sweep plan.yaml --library nangate45,osu018 -o out
  hwmodel sweep plan.yaml --scheduler tcp://host:8786 -o out
\b
A file, in YAML (TOML has the same keys):
  formats: [int8, e4m3]
  accumulators: [int32, exact, fp32]
  clocks: [min, 2, 3]
  library: [nangate45]
  liberty: [sky130_tt.lib.gz]      # beside the file
  stimulus: gaussian
"""


@click.command("sweep", epilog=EXAMPLE)
@click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[FILE]")
@click.option("--formats", help="Operand formats, with commas between.")
@click.option("--accumulators", help="Accumulators: int32, exact, fp32 and so on.")
@click.option("--clocks", help="Periods in ns; min for least area.  [default: min]")
@click.option("--lanes", help="Products a cycle; units of 1 are built so far.  [default: 1]")
@click.option(
    "--library",
    metavar="NAMES",
    help="Cell libraries by name, with commas, instead of NanGate 45 nm; NAME@CORNER for another"
    " corner; see: hwmodel libraries.",
)
@click.option(
    "--liberty",
    multiple=True,
    metavar="FILE",
    help="Cell library (plain or .gz) instead of NanGate 45 nm. Each is a library of its own;"
    " files with commas between make one.",
)
@click.option("--stimulus", help="Operand stream of the energies.  [default: gaussian]")
@click.option("--vectors", type=int, help="Products to simulate.  [default: 4096]")
@click.option("--seed", type=int, help="Of the operands.  [default: 1]")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Points, or tool runs of one, at a time.  [default: one for each core]",
)
@click.option(
    "--scheduler", metavar="ADDRESS", help="Dask scheduler (tcp://...) whose workers measure."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="Seconds after which a point is given up, here or on a worker.  [default: 3600]",
)
@folder_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_context
def command(
    context: click.Context,
    file: Path | None,
    folder: Path,
    jobs: int | None,
    scheduler: str | None,
    timeout: float | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Measure formats x accumulators x lanes x clocks x libraries.

    Writes results.csv and results.parquet into DIR: area, delay and energy of each point. Finished
    points are kept at once; a sweep that was stopped in any way goes on where it was, and two may
    run at the same time. Combinations of which there is no unit are left out and counted. The exit
    status is 1 if a point failed; the others are written all the same.
    """
    from hwmodel.store import check_writable
    from hwmodel.sweep import make_sweep, read_sweep, run_sweep, write_tables
    from hwmodel.sweep.run import POINT_TIMEOUT_S

    settings = read_sweep(file) if file is not None else {}
    given = {key: value for key, value in options.items() if value not in (None, ())}
    if {"library", "liberty"} & given.keys():
        # Both say which libraries; those of the command line go before those of the file.
        settings = {key: v for key, v in settings.items() if key not in ("library", "liberty")}
    settings |= given
    plan = make_sweep(settings)
    check_writable(folder)
    began = time.monotonic()
    with _progress() as progress:
        outcome = run_sweep(
            plan,
            jobs=jobs,
            scheduler=scheduler,
            timeout_s=POINT_TIMEOUT_S if timeout is None else timeout,
            progress=progress,
        )
    for warning in outcome.warnings:
        click.echo(f"hwmodel: {warning}", err=True)
    for row in outcome.rows:
        if row["status"] != "met":
            click.echo(f"{_label(row)} {row['status']}: {row['note']}", err=True)
    files = write_tables(outcome.rows, folder)
    if as_json:
        click.echo(json.dumps(_as_json(outcome, files)))
    else:
        _print(outcome, time.monotonic() - began)
        click.echo(f"tables: {', '.join(map(str, files))}")
    if outcome.count("failed"):
        context.exit(1)


def _label(row: dict[str, Any]) -> str:
    goal = "minimum area" if row["clock_ns"] is None else f"{row['clock_ns']:g} ns"
    return f"{row['spec']} at {goal} ({row['liberty']})"


def _as_json(outcome: "SweepOutcome", files: tuple[Path, Path]) -> dict[str, Any]:
    return {
        "rows": list(outcome.rows),
        "left_out": [dataclasses.asdict(entry) for entry in outcome.left_out],
        "stored": outcome.stored,
        "warnings": list(outcome.warnings),
        "files": [str(file) for file in files],
    }


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"


@contextlib.contextmanager
def _progress() -> Iterator[Callable[["Progress"], None]]:
    """Progress on standard error: a bar on a terminal, else a line for each point.

    An interrupted sweep says how much is kept.
    """
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    began = time.monotonic()
    latest: list[Progress] = []
    columns = (
        BarColumn(bar_width=24),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    console = Console(stderr=True)
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("starting", total=None)

        def tell(now: "Progress") -> None:
            latest[:] = [now]
            left = "" if now.left_s is None else f"about {_duration(now.left_s)} left"
            bar.update(task, completed=now.done, total=now.total, description=left)
            if console.is_terminal:
                return
            if now.row is None:
                click.echo(f"{now.stored} of {now.total} points are in the store", err=True)
            else:
                spent = _duration(time.monotonic() - began)
                times = ", ".join(filter(None, (spent, left)))
                text = f"{_label(now.row)}: {now.row['status']}"
                click.echo(f"[{now.done}/{now.total}, {times}] {text}", err=True)

        try:
            yield tell
        except KeyboardInterrupt:
            bar.stop()
            for last in latest:
                click.echo(
                    f"hwmodel: {last.done} of {last.total} points are finished and kept; the same"
                    " command goes on from there",
                    err=True,
                )
            raise


def _print(outcome: "SweepOutcome", seconds: float) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("points", "met", "missed", "failed", "from the store", "combinations left out"):
        table.add_column(name, justify="right")
    counts = (len(outcome.rows), *(outcome.count(s) for s in ("met", "missed", "failed")))
    table.add_row(*(str(n) for n in (*counts, outcome.stored, len(outcome.left_out))))
    console.print(table)
    # One line for each reason: that units of several lanes are not built is the same for all.
    reasons: dict[str, list[str]] = {}
    for entry in outcome.left_out:
        lanes = f" in {entry.lanes} lanes" if entry.lanes != 1 else ""
        text = f"{entry.format} with {entry.accumulator}{lanes}"
        reasons.setdefault(entry.reason, []).append(text)
    for reason, left_out in reasons.items():
        text = f"left out {', '.join(left_out)}: {reason}"
        console.print(text, soft_wrap=True, markup=False, highlight=False)
    console.print(f"{_duration(seconds)} minutes", soft_wrap=True, highlight=False)
