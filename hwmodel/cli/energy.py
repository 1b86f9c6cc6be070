"""``hwmodel energy``: energy per MAC from the switching of the mapped netlist."""

import json
from pathlib import Path

import click

from hwmodel.cli.options import chosen_library, library_options

EXAMPLE = """\b
Examples:
  hwmodel energy mac-int8-int8-int32
  hwmodel energy mac-e4m3-e4m3-fp32 --stimulus uniform --clock 2.5
"""


@click.command("energy", epilog=EXAMPLE)
@click.argument("spec")
@click.option(
    "--stimulus",
    default="gaussian",
    show_default=True,
    help="Operand stream: uniform, gaussian, outliers or captured.",
)
@click.option(
    "--clock", type=float, help="Clock target and period in ns.  [default: smallest area]"
)
@library_options
@click.option("--vectors", type=int, metavar="N", help="Products to simulate.  [default: 4096]")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the operands.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def command(
    spec: str,
    stimulus: str,
    clock: float | None,
    library: str | None,
    liberty: tuple[Path, ...],
    vectors: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Measure the energy of one multiply-accumulate of the unit SPEC.

    The unit is synthesised (or fetched, if it was before), its netlist simulated with the delays
    of its cells, and every toggle, glitches included, charged with the library's energy for it.
    The accumulator is compared with the golden model in the same run.
    """
    from hwmodel.cli.progress import progress_bar
    from hwmodel.cost.energy import DEFAULT_VECTORS, measure_energy
    from hwmodel.sim.stimulus import check_name
    from hwmodel.synthesis import synthesize
    from hwmodel.units import parse_unit

    unit = parse_unit(spec)
    check_name(stimulus)
    cells = chosen_library(library, liberty)
    with progress_bar(f"synthesis of {unit.name}") as tell:
        synthesised = synthesize(
            unit, cells, clock, progress=lambda _, done, known: tell(done, known)
        )
    count = DEFAULT_VECTORS if vectors is None else vectors
    result = measure_energy(
        unit, synthesised, stimulus, clock_ns=clock, vectors=count, seed=seed, library=cells
    )
    if as_json:
        click.echo(json.dumps(result.to_dict()))
        return
    low, high = result.interval
    click.echo(f"unit        {result.spec}  ({result.structure})")
    click.echo(f"library     {result.library}, {result.corner}, wire load {result.wire_load}")
    click.echo(f"stimulus    {result.stimulus}: {result.stimulus_description}")
    click.echo(f"clock       {result.clock_ns:.3f} ns")
    click.echo(f"energy      {result.fj_per_mac:.0f} fJ per MAC  (95 %: {low:.0f} to {high:.0f})")
    for name, value in result.split.items():
        click.echo(f"  {name:<10}{value:8.1f} fJ")
    click.echo(f"glitches    {100 * result.glitch_share:.1f} % of the energy")
    click.echo(
        f"toggles     {result.toggles_per_cycle:.1f} a cycle"
        f" ({result.functional_toggles_per_cycle:.1f} without glitches)"
    )
    click.echo(f"nets        {result.nets}, annotated {100 * result.nets_annotated:.1f} %")
    click.echo(
        f"checked     {result.outputs_checked} accumulator codes, all equal to the golden model"
    )
