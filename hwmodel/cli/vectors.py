"""``hwmodel vectors``: conformance vectors of conversions, operations and units."""

import json
from pathlib import Path

import click

from hwmodel.cli.options import folder_option
from hwmodel.errors import HwmodelError

EXAMPLE = """\b
Examples:
  hwmodel vectors fp32-to-e4m3 -o vectors
  hwmodel vectors fp16-to-e5m2 -o vectors --rounding toward-zero --overflow nonfinite
  hwmodel vectors fma-fp16-fp16-fp16-fp16 -o vectors --overflow nonfinite
  hwmodel vectors mac-e4m3-e4m3-fp32 -o vectors --count 4096
  hwmodel vectors mac-e4m3-e4m3-chunk64_fp16_fp32 -o vectors
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
    help="Random vectors besides the directed ones; of a unit, cycles of all sorts besides those"
    " that its accumulator needs.",
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
    once to OUT; or a unit mac-A-B-ACCUMULATOR. All are of single numbers: there are no vectors of
    block formats such as mxfp4, but of their elements' formats. The files are NAME.jsonl (a header,
    then one object a vector), NAME.hex (for $readmemh) and read_NAME.py (a short reader). They are
    the same bytes whenever and wherever they are made.

    Vectors of a unit are clock cycles, each with the kinds of case that it is. After --count cycles
    of all sorts come, whatever that number is, those that show wrong accumulators: over both ends
    of an integer, ties and overflow of a float, whole chunks and groups with clears, resets and
    stalls in them. What more than about 2100 products are needed for (the ends of int32) is absent.
    """
    from hwmodel.sim.conformance import vectors_of, write_vectors

    try:
        vectors = vectors_of(spec, count, seed, rounding, overflow, every_midpoint)
    except HwmodelError as error:
        raise _of_blocks(spec) or error from None
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


def _of_blocks(spec: str) -> HwmodelError | None:
    """What is wrong with a spec that has a block format in it; None if it has none."""
    from hwmodel.blocks import parse_block

    for part in spec.split("-"):
        try:
            block = parse_block(part)
        except HwmodelError:
            continue
        element = getattr(block, "element", None)
        instead = f", for example {element.name}" if element is not None else ""
        return HwmodelError(
            f"vectors are of single numbers, but {part} in {spec} is a block format, whose numbers"
            f" share a scale; take the format of its elements{instead}"
        )
    return None
