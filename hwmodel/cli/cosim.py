"""``hwmodel cosim``: a unit's Verilog in a simulator, against the golden model."""

import json
from typing import TYPE_CHECKING, Any

import click

from hwmodel.errors import HwmodelError

if TYPE_CHECKING:
    from hwmodel.sim.cosim import CosimResult, Mismatch

EXAMPLE = """\b
Examples:
  hwmodel cosim mac-e4m3-e4m3-fp32
  hwmodel cosim mac-int8-int8-int32 --structure all --quick
  hwmodel cosim mac-e5m2-e5m2-fp16 --fault dropped-sticky     watch it being caught
"""

_PRINTED = 5  # mismatches; --json has up to ten

_FAULTS = (
    *("wrong-bias", "dropped-sticky", "truncated-rounding", "missing-subnormals"),
    "zero-sign",
)


@click.command("cosim", epilog=EXAMPLE)
@click.argument("spec")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@click.option(
    "--random",
    "random_steps",
    type=click.IntRange(min=1),
    default=20_000,
    show_default=True,
    help="Cycles of random streams with clears, stalls and resets.",
)
@click.option("--structure", help="How the unit is built; `all` for every structure in turn.")
@click.option("--quick", is_flag=True, help="A sample of the operand pairs and corners only.")
@click.option("--fault", type=click.Choice(_FAULTS), help="Plant a mistake, to see it caught.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def command(
    spec: str,
    seed: int,
    random_steps: int,
    structure: str | None,
    quick: bool,
    fault: str | None,
    as_json: bool,
) -> None:
    """Run a unit in Icarus Verilog, through cocotb, against the golden model.

    SPEC is mac-A-B-ACCUMULATOR, for example mac-e4m3-e4m3-fp32. All pairs of 8-bit operands,
    corners of the accumulator (rounding, cancellation, overflow, special values) and random
    streams are run, and the accumulator is compared after every clock edge. The exit status is 1
    if it differs anywhere.
    """
    from hwmodel.cli.progress import progress_bar
    from hwmodel.rtl import Fault, Structure, structures_for
    from hwmodel.sim.cosim import run_cosim
    from hwmodel.sim.vectors import FULL, QUICK
    from hwmodel.units import parse_unit

    unit = parse_unit(spec)
    structures: tuple[Structure, ...] = structures_for(unit)
    if structure != "all":
        structures = (Structure.parse(structure) if structure else structures[0],)
    results = []
    for choice in structures:
        with progress_bar(f"{unit.name} {choice.name}") as progress:
            result = run_cosim(
                unit,
                choice,
                seed=seed,
                random_steps=random_steps,
                effort=QUICK if quick else FULL,
                fault=Fault(fault) if fault else None,
                progress=progress,
            )
        results.append(result)
        if not as_json:
            _print(result)
    summary = _summary(results, structure)
    if as_json:
        click.echo(json.dumps(summary))
    if summary["mismatches"]:
        raise HwmodelError(
            f"{unit.name} differs from the golden model in {summary['mismatches']} of"
            f" {summary['vectors']} vectors; Verilog, stimulus and responses are kept in"
            f" {', '.join(str(result.log) for result in results if result.log)}"
        )


def _summary(results: "list[CosimResult]", structure: str | None) -> dict[str, Any]:
    runs = [result.to_dict() for result in results]
    if len(runs) == 1 and structure != "all":
        return runs[0]
    vectors = sum(result.vectors for result in results)
    seconds = sum(result.vectors / result.vectors_per_s for result in results)
    return {
        "spec": runs[0]["spec"],
        "structure": "all",
        "vectors": vectors,
        "mismatches": sum(result.mismatches for result in results),
        "seed": results[0].seed,
        "vectors_per_s": round(vectors / seconds, 1),
        "simulator": results[0].simulator,
        "runs": runs,
    }


def _print(result: "CosimResult") -> None:
    planted = f", planted fault {result.fault.value}" if result.fault else ""
    click.echo(f"{result.spec.name}, structure {result.structure.name}{planted}")
    click.echo(f"  {result.simulator}")
    for name, (vectors, wrong) in result.sections.items():
        click.echo(f"  {name:<18} {vectors:>9,} vectors {wrong:>9,} mismatches")
    click.echo(
        f"  {'all':<18} {result.vectors:>9,} vectors {result.mismatches:>9,} mismatches"
        f"   seed {result.seed}, {result.vectors_per_s:,.0f} vectors/s, {result.seconds:.1f} s"
    )
    if result.first:
        click.echo("  first mismatches (one an accumulation), code = value:")
    for mismatch in result.first[:_PRINTED]:
        _print_mismatch(result, mismatch)


def _print_mismatch(result: "CosimResult", mismatch: "Mismatch") -> None:
    spec = result.spec
    widths = {"a": spec.a.bits, "b": spec.b.bits}

    def both(name: str) -> str:
        code: int | None = getattr(mismatch, name)
        if code is None:
            return "unknown bits (X)"
        digits = (widths.get(name, spec.accumulator_bits) + 3) // 4
        return f"0x{code:0{digits}x} = {mismatch.values[name]:.17g}"

    inputs = " ".join(f"{n}={int(getattr(mismatch, n))}" for n in ("valid", "clear", "rst"))
    click.echo(f"    cycle {mismatch.cycle} ({mismatch.section}): {inputs}")
    for label, name in (
        ("a", "a"),
        ("b", "b"),
        ("acc before", "before"),
        ("expected", "expected"),
        ("got", "got"),
    ):
        click.echo(f"      {label:<10}  {both(name)}")
