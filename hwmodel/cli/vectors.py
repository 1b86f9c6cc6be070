"""``hwmodel vectors``: conformance vectors of conversions, operations and units."""

import json
from pathlib import Path

import click

from hwmodel.cli.options import folder_option

EXAMPLE = """\b
Examples:
  hwmodel vectors fp32-to-e4m3 -o vectors
  hwmodel vectors fp16-to-e5m2 -o vectors --rounding toward-zero --overflow nonfinite
  hwmodel vectors fma-fp16-fp16-fp16-fp16 -o vectors --overflow nonfinite
  hwmodel vectors mac-e4m3-e4m3-fp32 -o vectors --count 4096
  hwmodel vectors fp32-to-fp16 -o vectors --every-midpoint    every tie of FP16
"""


@click.command("vectors", epilog=EXAMPLE)
@click.argument("spec")
@folder_option
@click.option("--rounding", help="Rounding of the result; nearest-even if neither this nor SPEC.")
@click.option(
    "--overflow",
    help="What a result beyond the range becomes; saturate if neither this nor SPEC.",
)
@click.option(
    "--count",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    help="Random vectors besides the directed ones; of a unit, all cycles.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of the drawing."
)
@click.option(
    "--every-midpoint",
    is_flag=True,
    help="Bring each midpoint of an output of 11 to 16 bits, too; takes a minute or more.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def command(
    spec: str,
    folder: Path,
    rounding: str | None,
    overflow: str | None,
    count: int,
    seed: int,
    every_midpoint: bool,
    as_json: bool,
) -> None:
    """Write vectors that show whether another implementation computes the same codes.

    SPEC is a conversion FROM-to-TO; an operation mul-A-B-OUT, add-A-B-OUT or fma-A-B-C-OUT, rounded
    once to OUT; or a unit mac-A-B-ACCUMULATOR. The files are NAME.jsonl (a header, then one object
    a vector), NAME.hex (for $readmemh) and read_NAME.py (a short reader). They are the same bytes
    whenever and wherever they are made.
    """
    from hwmodel.sim.conformance import vectors_of, write_vectors

    vectors = vectors_of(spec, count, seed, rounding, overflow, every_midpoint)
    files = write_vectors(vectors, folder)
    if as_json:
        names = [file.name for file in files]
        record = {
            "spec": vectors.name,
            "vectors": len(vectors.vectors),
            "seed": seed,
            "folder": str(folder),
            "files": names,
        }
        click.echo(json.dumps(record))
        return
    for file in files:
        click.echo(file)
