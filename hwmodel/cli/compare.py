"""``hwmodel compare``: FP/INT ratios side by side across cell libraries."""

import csv
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hwmodel.cost.libraries import Across

EXAMPLE = """\b
Examples:
  hwmodel compare --libraries nangate45,osu018
  hwmodel compare --libraries nangate45 --liberty mine.lib.gz --formats int8,e4m3,e5m2
  hwmodel compare --libraries nangate45,sky130hd --stimulus gaussian -o across
"""


@click.command("compare", epilog=EXAMPLE)
@click.option(
    "--libraries",
    default="nangate45",
    show_default=True,
    metavar="NAMES",
    help="Libraries by name, with commas; NAME@CORNER for another corner.",
)
@click.option(
    "--liberty",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="A further library: one Liberty file; repeat it for several libraries.",
)
@click.option("--formats", default="int8,e4m3", show_default=True, metavar="NAMES")
@click.option("--accumulators", default="exact", show_default=True, metavar="NAMES")
@click.option("--stimulus", multiple=True, help="Measure energies, too, under this stream.")
@click.option("-o", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Write files.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def command(
    libraries: str,
    liberty: tuple[Path, ...],
    formats: str,
    accumulators: str,
    stimulus: tuple[str, ...],
    folder: Path | None,
    as_json: bool,
) -> None:
    """Compare the ratios of FP to INT units in several cell libraries.

    Every unit is mapped at minimum area in every library. The table gives each ratio by library
    with its spread; below it stands for each whether the conclusion holds in all of them.
    """
    from hwmodel.cost.libraries import across_libraries
    from hwmodel.cost.steps import RealSteps, Steps
    from hwmodel.sim.stimulus import check_name
    from hwmodel.store import Store, atomic_write
    from hwmodel.technology import load_library
    from hwmodel.technology.catalogue import library_files

    for name in stimulus:
        check_name(name)
    files: dict[str, tuple[str, ...]] = {}
    for name in _split(libraries):
        found = library_files(name.replace("@", ","), lambda line: click.echo(line, err=True))
        files[name] = tuple(str(path) for path in found)
    files |= {path.name.split(".lib")[0]: (str(path),) for path in liberty}
    for paths in files.values():
        load_library(paths)  # one that cannot serve is told before hours are spent
    steps: dict[str, Steps] = {name: RealSteps(paths, Store()) for name, paths in files.items()}
    told: list[str] = []

    def tell(text: str) -> None:
        what = text.split(": synthesis, run")[0]
        if what not in told or sys.stderr.isatty():
            told.append(what)
            click.echo(text, err=True)

    result = across_libraries(steps, _split(formats), _split(accumulators), stimulus, tell)
    if folder is not None:
        atomic_write(folder / "libraries.json", json.dumps(result.to_dict(), indent=1) + "\n")
        atomic_write(folder / "libraries.csv", _csv(result))
    if as_json:
        click.echo(json.dumps(result.to_dict()))
    else:
        _print(result)
    for failure in result.failures:
        click.echo(f"hwmodel: {failure.point}, {failure.step}: {failure.sentence}", err=True)
    if not result.spreads:
        sys.exit(1)


def _split(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _csv(result: "Across") -> str:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    head = ("numerator", "denominator", "quantity", "stimulus", *result.measurements)
    rows.writerow((*head, "min", "max", "geometric_mean", "holds_in_all"))
    for spread in result.spreads:
        cells = [
            f"{spread.ratios[name].value:.4f}" if name in spread.ratios else ""
            for name in result.measurements
        ]
        rows.writerow(
            (
                *(spread.numerator, spread.denominator, spread.quantity.value),
                spread.stimulus or "",
                *cells,
                *(f"{value:.4f}" for value in (spread.least, spread.most, spread.mean)),
                {True: "yes", False: "no", None: ""}[spread.holds],
            )
        )
    return out.getvalue()


def _print(result: "Across") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Each unit at its own minimum area", title_justify="left")
    for name in ("ratio", "of", *result.measurements, "min", "max", "mean"):
        table.add_column(name, justify="left" if name in ("ratio", "of") else "right")
    for spread in result.spreads:
        values = [
            f"{spread.ratios[name].value:.2f}" if name in spread.ratios else "-"
            for name in result.measurements
        ]
        span = [f"{value:.2f}" for value in (spread.least, spread.most, spread.mean)]
        pair = f"{spread.numerator} / {spread.denominator}"
        what = f"{spread.quantity.value} {spread.stimulus or ''}".strip()
        table.add_row(pair, what, *values, *span)
    Console().print(table)
    for spread in result.spreads:
        click.echo(spread.sentence())
