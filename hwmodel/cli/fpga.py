"""``hwmodel fpga``: LUTs, carries, flip-flops and DSP blocks of a unit, and its clock."""

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hwmodel.fpga import FpgaResult

EXAMPLE = """\b
Examples:
  hwmodel fpga mac-int8-int8-int32
  hwmodel fpga mac-e4m3-e4m3-exact --family ice40 --no-dsp --timing
  hwmodel fpga mac-e4m3-e4m3-fp32 --family xilinx --json
"""


@click.command("fpga", epilog=EXAMPLE)
@click.argument("spec")
@click.option(
    "--family", default="ecp5", show_default=True, help="FPGA family: ice40, ecp5 or xilinx."
)
@click.option("--no-dsp", is_flag=True, help="Forbid DSP blocks: logic cells only.")
@click.option("--timing", is_flag=True, help="Place and route with nextpnr (ice40 and ecp5).")
@click.option(
    "--seeds",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Placements whose median clock is reported.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def command(spec: str, family: str, no_dsp: bool, timing: bool, seeds: int, as_json: bool) -> None:
    """Map a unit to an FPGA: the best of its structures by the logic cells it takes.

    SPEC is a unit such as mac-int8-int8-int32. The mapped netlist is compared with the golden
    model, as far as Yosys has models of the family's cells.
    """
    from hwmodel.cli.progress import progress_bar
    from hwmodel.fpga import map_fpga, parse_family, route
    from hwmodel.units import parse_unit

    unit, chosen = parse_unit(spec), parse_family(family)
    with progress_bar(f"{unit.name} on {chosen.title}") as tell:
        result = map_fpga(unit, chosen, not no_dsp, progress=tell)
    clock = route(result, seeds) if timing else None
    if as_json:
        entry = result.to_dict() | {"clock": clock.to_dict() if clock else None}
        click.echo(json.dumps(entry))
        return
    _print(result, chosen.title)
    if clock:
        spread = f"{min(clock.per_seed_mhz):.0f} to {max(clock.per_seed_mhz):.0f}"
        click.echo(
            f"clock       {clock.mhz:.1f} MHz, {clock.delay_ns:.2f} ns (median of"
            f" {len(clock.per_seed_mhz)} placements, {spread} MHz; {clock.router}, {clock.part})"
        )


def _print(result: "FpgaResult", title: str) -> None:
    dsp = "allowed" if result.dsp_allowed else "forbidden"
    click.echo(f"unit        {result.spec}  ({result.structure})")
    click.echo(f"family      {title}, DSP blocks {dsp}")
    click.echo(f"LUTs        {result.luts}")
    click.echo(f"carries     {result.carries}")
    click.echo(f"flip-flops  {result.flip_flops}")
    click.echo(f"DSP blocks  {result.dsps}")
    click.echo(f"wide muxes  {result.muxes}")
    if result.checked_vectors:
        click.echo(f"checked     {result.checked_vectors} cycles equal to the golden model")
    else:
        click.echo("checked     not: Yosys has no simulation model of one of the cells")
    click.echo(f"made by     {result.provenance['method']}, pyosys {result.provenance['pyosys']}")
