"""``hwmodel energy``: energy per MAC from the switching of the mapped netlist."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwmodel.cli.options import chosen_library, library_options

if TYPE_CHECKING:
    from hwmodel.cost.block_energy import BlockEnergy
    from hwmodel.cost.energy import EnergyResult
    from hwmodel.cost.fast_energy import FastEnergy

EXAMPLE = """\b
Examples:
  hwmodel energy mac-int8-int8-int32
  hwmodel energy mac-e4m3-e4m3-fp32 --stimulus uniform --clock 2.5
  hwmodel energy mac-int8-int8-int32 --stimulus gaussian,relu,sparse90,captured-ws
  hwmodel energy mac-int8-int8-int32 --fast
  hwmodel energy mac-int8-int8-int32 --blocks
  hwmodel energy mac-int8-int8-int32 --vcd activity.vcd
"""


@click.command("energy", epilog=EXAMPLE)
@click.argument("spec")
@click.option(
    "--stimulus",
    default="gaussian",
    show_default=True,
    help="Operand stream: uniform, gaussian, outliers, relu, sparseNN (per cent of zeros),"
    " captured-ws or captured-os; several with commas, or all, for a table.",
)
@click.option(
    "--clock", type=float, help="Clock target and period in ns.  [default: smallest area]"
)
@library_options
@click.option(
    "--vectors",
    type=int,
    metavar="N",
    help="Products to simulate.  [default: 4096; 262144 with --fast]",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of the operands."
)
@click.option(
    "--fast",
    is_flag=True,
    help="No delays: many more products, glitches left out; their share is measured in a short"
    " run and stated.",
)
@click.option(
    "--blocks",
    is_flag=True,
    help="Shares of the building blocks instead, in a netlist that keeps them apart.",
)
@click.option(
    "--vcd",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write every event to a value-change dump instead, and beside it the netlist as Verilog"
    " (suffix .v), for another power tool.  [default: 1024 products]",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="One JSON object on standard output; a list of them for several stimuli.",
)
def command(
    spec: str,
    stimulus: str,
    clock: float | None,
    library: str | None,
    liberty: tuple[Path, ...],
    vectors: int | None,
    seed: int,
    fast: bool,
    blocks: bool,
    vcd: Path | None,
    as_json: bool,
) -> None:
    """Measure the energy of one multiply-accumulate of the unit SPEC.

    The unit is synthesised (or fetched, if it was before), its netlist simulated with the delays
    of its cells, and every toggle, glitches included, charged with the library's energy for it.
    The accumulator is compared with the golden model in the same run.
    """
    from hwmodel.cli.progress import progress_bar
    from hwmodel.cost.activity_files import DUMP_VECTORS, write_activity
    from hwmodel.cost.block_energy import BLOCK_VECTORS, block_energy
    from hwmodel.cost.energy import DEFAULT_VECTORS, LEAST_VECTORS, measure_energy
    from hwmodel.cost.fast_energy import FAST_VECTORS, estimate_energy
    from hwmodel.errors import HwmodelError
    from hwmodel.sim.stimulus import stimulus_names
    from hwmodel.synthesis import synthesize
    from hwmodel.units import parse_unit

    unit = parse_unit(spec)
    names = stimulus_names(stimulus)
    if blocks and (fast or len(names) > 1):
        raise click.UsageError("--blocks goes with one stimulus and without --fast")
    if vectors is not None and vectors < LEAST_VECTORS:
        raise HwmodelError(
            f"expected at least {LEAST_VECTORS} vectors for an energy, but {vectors} came"
        )
    if vcd and (fast or blocks or as_json or len(names) > 1):
        raise click.UsageError("--vcd goes with one stimulus and without --fast, --blocks, --json")
    cells = chosen_library(library, liberty)
    if not cells.has_power:
        raise HwmodelError(
            f"the cell library {cells.name} has no internal-power tables; energy needs a library"
            " characterised for power"
        )
    with progress_bar(f"synthesis of {unit.name}") as tell:
        synthesised = synthesize(
            unit, cells, clock, progress=lambda _, done, known: tell(done, known)
        )
    if vcd:
        products = DUMP_VECTORS if vectors is None else vectors
        netlist = write_activity(unit, synthesised, vcd, names[0], clock, products, seed, cells)
        click.echo(f"wrote {vcd}: {products} products of the stimulus {names[0]}, with delays")
        click.echo(f"wrote {netlist}: the netlist, with the same names")
        return
    if blocks:
        products = BLOCK_VECTORS if vectors is None else vectors
        found = block_energy(unit, synthesised, names[0], products, seed, cells)
        click.echo(json.dumps(found.to_dict()) if as_json else _blocks_text(found))
        return
    count = vectors if vectors is not None else FAST_VECTORS if fast else DEFAULT_VECTORS
    results: list[EnergyResult | FastEnergy] = []
    with progress_bar(f"energy of {unit.name}") as tell:
        for done, name in enumerate(names):
            tell(done, len(names))
            measure = estimate_energy if fast else measure_energy
            result = measure(unit, synthesised, name, clock, count, seed, cells)
            # Two names of one stream share what is stored: shown is the one that was asked for.
            results.append(dataclasses.replace(result, stimulus=name))
    if as_json:
        entries = [result.to_dict() for result in results]
        several = len(entries) > 1 or "," in stimulus or stimulus == "all"
        click.echo(json.dumps(entries if several else entries[0]))
    elif len(results) > 1:
        _print_table(results)
    else:
        _print(results[0])


def _print(result: "EnergyResult | FastEnergy") -> None:
    from hwmodel.cost.fast_energy import FastEnergy

    low, high = result.interval
    click.echo(f"unit        {result.spec}  ({result.structure})")
    click.echo(f"library     {result.library}, {result.corner}, wire load {result.wire_load}")
    click.echo(f"stimulus    {result.stimulus}: {result.stimulus_description}")
    click.echo(f"clock       {result.clock_ns:.3f} ns")
    energy, note = _figure(result)
    click.echo(f"energy      {energy:.0f} fJ per MAC{note}  (95 %: {low:.0f} to {high:.0f})")
    for name, value in result.split.items():
        click.echo(f"  {name:<10}{value:8.1f} fJ")
    share = 100 * result.glitch_share
    if isinstance(result, FastEnergy):
        click.echo(
            f"glitches    left out above; {share:.1f} % of the energy in an event-driven run of"
            f" {result.glitch_vectors} products"
        )
        click.echo(
            f"corrected   {result.corrected_fj_per_mac:.0f} fJ per MAC"
            " (modelled with that share of glitches)"
        )
        click.echo(f"toggles     {result.toggles_per_cycle:.1f} a cycle without glitches")
    else:
        click.echo(f"glitches    {share:.1f} % of the energy")
        click.echo(
            f"toggles     {result.toggles_per_cycle:.1f} a cycle"
            f" ({result.functional_toggles_per_cycle:.1f} without glitches)"
        )
        click.echo(f"nets        {result.nets}, annotated {100 * result.nets_annotated:.1f} %")
    click.echo(
        f"checked     {result.outputs_checked} accumulator codes, all equal to the golden model"
    )
    rests = result.provenance.get("nonfinite_share", 0.0)
    if rests:
        click.echo(
            f"note        in {100 * rests:.0f} % of the steps the sum was infinite or NaN, under"
            " which the accumulator rests"
        )


def _blocks_text(found: "BlockEnergy") -> str:
    """Shares as lines of text."""
    lines = [f"unit        {found.spec}  ({found.structure}, {found.recipe})"]
    lines.append(f"clock       {found.clock_ns:.3f} ns")
    lines.append(f"{'':<12}{'dynamic':>10}{'leakage':>10}")
    for name in dict.fromkeys([*found.shares, *found.leakage_shares]):
        share, leakage = (part.get(name, 0.0) for part in (found.shares, found.leakage_shares))
        lines.append(f"  {name:<10}{100 * share:8.1f} %{100 * leakage:8.1f} %")
    dynamic, leakage = found.dynamic_fj_per_mac, found.leakage_fj_per_mac
    lines.append(f"  {'together':<10}{dynamic:7.1f} fJ{leakage:7.1f} fJ")
    return "\n".join([*lines, f"note        {found.note}"])


def _figure(result: "EnergyResult | FastEnergy") -> tuple[float, str]:
    """Energy to show, and what has to be said of it."""
    from hwmodel.cost.fast_energy import FastEnergy

    if isinstance(result, FastEnergy):
        return result.zero_delay_fj_per_mac, " without glitches"
    return result.fj_per_mac, ""


def _print_table(results: "Sequence[EnergyResult | FastEnergy]") -> None:
    from rich.console import Console
    from rich.table import Table

    first = results[0]
    _, note = _figure(first)
    table = Table(
        title=f"{first.spec} in {first.library} at {first.clock_ns:.3f} ns", title_justify="left"
    )
    for name in ("stimulus", f"fJ per MAC{note}", "95 % interval", "glitches in all"):
        table.add_column(name, justify="left" if name == "stimulus" else "right")
    for result in results:
        low, high = result.interval
        table.add_row(
            result.stimulus,
            f"{_figure(result)[0]:.0f}",
            f"{low:.0f} to {high:.0f}",
            f"{100 * result.glitch_share:.1f} %",
        )
    Console().print(table)
    for result in results:
        click.echo(f"{result.stimulus}: {result.stimulus_description}")
