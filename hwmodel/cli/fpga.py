"""``hwmodel fpga``: a unit on an FPGA family."""

import json

import click

EXAMPLE = """\b
Examples:
  hwmodel fpga mac-int8-int8-int32 --family ice40
  hwmodel fpga mac-e4m3-e4m3-exact --family ecp5 --no-dsp --timing
"""


@click.command("fpga", epilog=EXAMPLE)
@click.argument("spec")
@click.option(
    "--family",
    default="ice40",
    show_default=True,
    help="ice40 (LUT4), ecp5 (LUT4) or xilinx (7 series, LUT6).",
)
@click.option("--dsp/--no-dsp", default=True, help="Whether multiplier blocks may be used.")
@click.option("--timing", is_flag=True, help="Place and route by nextpnr: clock frequency, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def command(spec: str, family: str, dsp: bool, timing: bool, as_json: bool) -> None:
    """Count look-up tables, carries, flip-flops and multiplier blocks of the unit SPEC.

    Every structure of the unit is mapped by Yosys; the one with the fewest look-up tables counts.
    Its netlist is simulated against the golden model with Yosys' models of the cells.
    """
    from hwmodel.cli.progress import progress_bar
    from hwmodel.fpga import map_fpga, route
    from hwmodel.units import parse_unit

    unit = parse_unit(spec)
    with progress_bar(f"mapping {unit.name} to {family}") as tell:
        result = map_fpga(unit, family, dsp, progress=lambda _, done, known: tell(done, known))
    speed = None
    if timing:
        with progress_bar(f"routing {unit.name}") as tell:
            speed = route(result, tell=tell)
    if as_json:
        entry = result.to_dict() | {"timing": speed.to_dict() if speed else None}
        click.echo(json.dumps(entry))
        return
    click.echo(f"unit        {result.spec}  ({result.structure}, of {len(result.tried)} tried)")
    click.echo(f"family      {result.family}, {'with' if dsp else 'without'} multiplier blocks")
    click.echo(f"LUTs        {result.luts}  ({result.logic_cells} sites with those of carries)")
    click.echo(f"carries     {result.carries}")
    click.echo(f"flip-flops  {result.flip_flops}")
    click.echo(f"DSPs        {result.dsps}")
    if result.muxes or result.others:
        click.echo(f"other       {result.muxes} wide muxes, {result.others} further cells")
    if result.unchecked:
        click.echo(f"checked     not simulated: {result.unchecked}")
    else:
        click.echo(f"checked     {result.checked_vectors} cycles, all equal to the golden model")
    if speed is not None:
        click.echo(
            f"clock       {speed.mhz:.1f} MHz on {speed.device} (median of {len(speed.seeds)}"
            f" seeds, {speed.least:.1f} to {speed.most:.1f})"
        )
    for failure in result.failed:
        click.echo(f"hwmodel: not mapped: {failure}", err=True)
