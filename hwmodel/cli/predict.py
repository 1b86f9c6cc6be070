"""``hwmodel predict``: modelled area, delay and energy of a unit, without synthesis."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hwmodel.predict import Prediction

EXAMPLE = """\b
Examples:
  hwmodel predict mac-e4m2-e4m2-bf16
  hwmodel predict mac-int9-int9-int32 --json
  hwmodel predict mac-e4m3-e4m3-fp32 --model vanbaalen
  hwmodel predict --validate                    cross-validated errors
  hwmodel predict --collect -o rows.csv         measure the training units (minutes)
  hwmodel predict mac-e4m2-e4m2-bf16 --rows rows.csv
"""
_UNITS = {"area_um2": "um2", "delay_ns": "ns", "fj_per_mac": "fJ per MAC"}
_LABELS = {"area_um2": "area", "delay_ns": "minimum period", "fj_per_mac": "energy"}


@click.command("predict", epilog=EXAMPLE)
@click.argument("spec", required=False)
@click.option("--clock", type=float, metavar="NS", help="Clock period; else minimum area.")
@click.option(
    "--model",
    default="fitted",
    show_default=True,
    metavar="NAME",
    help="fitted, gates (plain count), or a published count: vanbaalen, chen.",
)
@click.option("--validate", is_flag=True, help="Print the cross-validated errors instead.")
@click.option(
    "--collect",
    is_flag=True,
    help="Measure the training units into the table named by -o; an interrupted run goes on.",
)
@click.option(
    "-o",
    "output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Table (CSV) that --collect writes.",
)
@click.option(
    "--share",
    "shares",
    type=click.FloatRange(0.0, 1.0, min_open=True),
    multiple=True,
    metavar="X",
    help="--collect: measure at this share of each unit's slowest clock, too; may be repeated.",
)
@click.option(
    "--rows",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Measured rows to fit to, instead of the packaged ones.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def command(
    spec: str | None,
    clock: float | None,
    model: str,
    validate: bool,
    collect: bool,
    output: Path | None,
    shares: tuple[float, ...],
    rows: Path | None,
    as_json: bool,
) -> None:
    """Predict what the unit SPEC costs from its spec alone.

    Figures are modelled, not measured: each comes with the bound within which 9 of 10 units lay
    that cross-validation left out. Energy holds for Gaussian operands.
    """
    if validate + collect + (spec is not None) != 1:
        raise click.UsageError(
            "give one of: a unit such as mac-e4m2-e4m2-bf16, --validate, --collect"
        )
    if collect != (output is not None):
        raise click.UsageError("--collect and -o FILE belong together")
    if shares and not collect:
        raise click.UsageError("--share belongs to --collect")
    if (validate or collect) and (clock is not None or model != "fitted"):
        raise click.UsageError("--clock and --model belong to the prediction of a unit")
    if output is not None:
        _collect(output, shares)
    elif validate:
        _validate(rows, as_json)
    else:
        from hwmodel.predict import predict, read_rows
        from hwmodel.units import parse_unit

        assert spec is not None
        table = read_rows(rows) if rows is not None else None
        prediction = predict(parse_unit(spec), clock, model, table)
        if as_json:
            click.echo(json.dumps(prediction.to_dict()))
        else:
            _print(prediction)


def _print(prediction: "Prediction") -> None:
    goal = "minimum area" if prediction.clock_ns is None else f"{prediction.clock_ns:g} ns"
    mark = f" [{prediction.mark}]" if prediction.mark else ""
    click.echo(f"unit        {prediction.spec}, {goal}: MODELLED, not measured")
    click.echo(f"model       {prediction.model}: {prediction.source}{mark}")
    click.echo(
        f"for         {prediction.library}, {prediction.corner}; {prediction.stimulus} operands"
    )
    for quantity, figure in prediction.figures.items():
        label = f"{_LABELS[quantity]:<16}"
        if figure is None:
            click.echo(f"  {label}not modelled")
            continue
        if figure.given:
            click.echo(f"  {label}{figure.value:.3g} {_UNITS[quantity]}  asked for")
            continue
        text = f"  {label}~{figure.value:.3g} {_UNITS[quantity]}"
        if figure.error is not None:
            text += f"  ({figure.low:.3g} to {figure.high:.3g}, bound {100 * figure.error:.0f} %)"
        else:
            text += "  (no bound known)"
        click.echo(f"{text}  modelled")
    click.echo(f"bound       90 % of units; from {prediction.bound_from}")
    for note in prediction.notes:
        click.echo(f"note        {note}")


def _validate(rows: Path | None, as_json: bool) -> None:
    import dataclasses

    from hwmodel.predict import cross_validate, read_rows, summaries
    from hwmodel.predict.features import FIXED, FLOAT

    table = read_rows() if rows is None else read_rows(rows)
    residuals = [
        residual
        for left_out in ("unit", "format")
        for family in (FIXED, FLOAT)
        for residual in cross_validate(family, table, left_out)
    ]
    lines = summaries(residuals)
    if as_json:
        entry = {
            "how": "modelled, against measured rows that were left out",
            "measured_rows": len(table),
            "errors": [dataclasses.asdict(line) for line in lines],
        }
        click.echo(json.dumps(entry))
        return
    from rich.console import Console
    from rich.table import Table

    title = f"fitted model: relative error of left-out units, {len(table)} measured rows"
    shown = Table(title=title, title_justify="left")
    for name in ("family", "goal", "left out", "quantity"):
        shown.add_column(name)
    for name in ("rows", "median", "worst"):
        shown.add_column(name, justify="right")
    shown.add_column("worst unit")
    for line in lines:
        shown.add_row(
            *(line.family, line.goal, line.left_out, _LABELS[line.quantity], str(line.rows)),
            *(f"{100 * line.median:.1f} %", f"{100 * line.worst:.1f} %", line.worst_spec),
        )
    Console(width=140).print(shown)


def _collect(output: Path, shares: tuple[float, ...]) -> None:
    from hwmodel.errors import HwmodelError
    from hwmodel.predict.collect import collect_rows
    from hwmodel.predict.family import training_family

    def told(done: int, total: int, what: str) -> None:
        click.echo(f"measured {done} of {total}: {what}", err=True)

    rows, failures = collect_rows(training_family(), output, shares, told)
    click.echo(f"wrote {output}: {len(rows)} measured rows")
    if failures:
        raise HwmodelError(
            f"{len(failures)} design points could not be measured and are left out, the first:"
            f" {failures[0]}"
        )
