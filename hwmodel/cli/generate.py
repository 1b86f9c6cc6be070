"""``hwmodel generate``: a unit's Verilog, sidecar, conformance vectors and testbench."""

import json
from pathlib import Path

import click

from hwmodel.cli.options import folder_option

EXAMPLE = """\b
Example:
  hwmodel generate mac-e4m3-e4m3-fp32 -o unit
  cd unit
  iverilog -g2012 -o tb.vvp mac_e4m3_e4m3_fp32_tb.v mac_e4m3_e4m3_fp32.v && vvp tb.vvp
"""


@click.command("generate", epilog=EXAMPLE)
@click.argument("spec")
@folder_option
@click.option("--structure", help="How the unit is built; by default the first that is tried.")
@click.option(
    "--vectors",
    type=click.IntRange(min=64),
    default=4096,
    show_default=True,
    help="Conformance vectors (cycles).",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def command(spec: str, folder: Path, structure: str | None, vectors: int, as_json: bool) -> None:
    """Write synthesizable Verilog of a unit, and what one needs to use and to check it.

    SPEC is mac-A-B-ACCUMULATOR, for example mac-int8-int8-int32. For a top module TOP the files
    are TOP.v (the unit), TOP.json (ports, timing, formats, hashes), TOP.vectors.jsonl and
    TOP.*.hex (stimulus and expected codes), and TOP_tb.v (a self-checking testbench for any
    Verilog simulator). They are the same bytes whenever and wherever they are made.
    """
    from hwmodel.rtl import Structure, structures_for
    from hwmodel.sim.delivery import deliver
    from hwmodel.units import parse_unit

    unit = parse_unit(spec)
    choice = Structure.parse(structure) if structure else structures_for(unit)[0]
    files = deliver(unit, folder, choice, vectors)
    if as_json:
        names = [file.name for file in files]
        click.echo(
            json.dumps(
                {
                    "spec": unit.name,
                    "top": unit.identifier,
                    "structure": choice.name,
                    "folder": str(folder),
                    "files": names,
                }
            )
        )
        return
    for file in files:
        click.echo(file)
    top = unit.identifier
    click.echo(
        f"check: cd {folder} && iverilog -g2012 -o {top}_tb.vvp {top}_tb.v {top}.v"
        f" && vvp {top}_tb.vvp",
        err=True,
    )
