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
  hwmodel compare --libraries nangate45,sky130hd --stimulus all -o across
  hwmodel compare --liberty seq.lib,simple.lib --no-energy
"""


@click.command("compare", epilog=EXAMPLE)
@click.option(
    "--libraries",
    metavar="NAMES",
    help="Libraries by name, with commas; NAME@CORNER for another corner.  [default: nangate45"
    " unless --liberty is given]",
)
@click.option(
    "--liberty",
    multiple=True,
    metavar="FILE",
    help="A further library: one Liberty file, or several with commas between that make one;"
    " repeat it for several libraries.",
)
@click.option("--formats", default="int8,e4m3", show_default=True, metavar="NAMES")
@click.option("--accumulators", default="exact", show_default=True, metavar="NAMES")
@click.option(
    "--stimulus",
    multiple=True,
    metavar="NAMES",
    help="Operand streams of the energies, with commas, or all; see: hwmodel energy --help."
    "  [default: gaussian]",
)
@click.option("--no-energy", is_flag=True, help="Area and delay alone.")
@click.option("-o", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Write files.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_context
def command(
    context: click.Context,
    libraries: str | None,
    liberty: tuple[str, ...],
    formats: str,
    accumulators: str,
    stimulus: tuple[str, ...],
    no_energy: bool,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Compare the ratios of FP to INT units in several cell libraries.

    Every unit is mapped at minimum area in every library. A table gives each ratio of area, delay
    and energy by library with its spread; below stands for each whether the conclusion holds in
    all of them, and with several operand streams whether it holds under all of these. -o writes
    libraries.md, .csv and .json. The exit status is 1 if something could not be measured.
    """
    from hwmodel.cost.libraries import across_libraries
    from hwmodel.cost.steps import RealSteps, Steps
    from hwmodel.reports.across import across_markdown
    from hwmodel.sim.stimulus import stimulus_names
    from hwmodel.store import Store, check_writable, write_together
    from hwmodel.technology import load_library

    if stimulus and no_energy:
        raise click.UsageError("give --stimulus or --no-energy, not both")
    stimuli = () if no_energy else stimulus_names(",".join(stimulus or ("gaussian",)))
    names = libraries if libraries is not None else "" if liberty else "nangate45"
    files = _files(_split(names), liberty)
    if folder is not None:
        check_writable(folder)
    for paths in files.values():
        load_library(paths)  # one that cannot serve is told before hours are spent
    steps: dict[str, Steps] = {name: RealSteps(paths, Store()) for name, paths in files.items()}
    told: list[str] = []

    def tell(text: str) -> None:
        what = text.split(": synthesis, run")[0]
        if what not in told or sys.stderr.isatty():
            told.append(what)
            click.echo(text, err=True)

    result = across_libraries(steps, _split(formats), _split(accumulators), stimuli, tell)
    if folder is not None:
        again = f"hwmodel compare --libraries {','.join(files)} --formats {formats}"
        again += f" --accumulators {accumulators}"
        again += f" --stimulus {','.join(stimuli)}" if stimuli else " --no-energy"
        texts = {
            "libraries.csv": _csv(result),
            "libraries.json": json.dumps(result.to_dict(), indent=1) + "\n",
            "libraries.md": across_markdown(result, again),
        }
        write_together(folder, texts)
    if as_json:
        click.echo(json.dumps(result.to_dict()))
    else:
        _print(result)
    for failure in result.failures:
        click.echo(f"hwmodel: {failure.point}, {failure.step}: {failure.sentence}", err=True)
    if result.failures:
        context.exit(1)


def _files(names: tuple[str, ...], liberty: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Liberty files of each library, by the name under which it is shown.

    Raises
    ------
    HwmodelError
        A name is unknown, or its library not on this machine.
    """
    from hwmodel.technology.catalogue import library_files

    files: dict[str, tuple[str, ...]] = {}
    for name in names:
        found = library_files(name.replace("@", ","), lambda line: click.echo(line, err=True))
        files[name] = tuple(str(path) for path in found)
    for entry in liberty:
        parts = _split(entry)
        name = Path(parts[0]).name.split(".lib")[0] if parts else entry
        # Two files of one name, in different folders: the whole path tells them apart.
        files[entry if name in files else name] = parts or (entry,)
    return files


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

    from hwmodel.reports.across import ENERGY_NOTE, pair_tables

    # A file or a pipe has no width to keep to: no figure is cut there.
    console = Console(
        width=None if sys.stdout.isatty() else 40 + 14 * len(result.measurements) + 24
    )
    for each in pair_tables(result):
        table = Table(title=f"{each.caption}, each at its own minimum area", title_justify="left")
        for column in each.shown:
            table.add_column(
                column.label,
                justify="right" if column.numeric else "left",
                overflow="fold",
                min_width=5,
            )
        for row in each.rows:
            table.add_row(*(column.text(row) for column in each.shown))
        console.print(table)
    for spread in result.spreads:
        click.echo(spread.sentence())
    for over_stimuli in result.by_stimulus:
        click.echo(over_stimuli.sentence())
    if any(spread.stimulus for spread in result.spreads):
        click.echo(ENERGY_NOTE)
