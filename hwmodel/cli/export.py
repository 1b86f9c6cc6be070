"""``hwmodel export``: what a place-and-route flow needs of a unit."""

import json
from pathlib import Path

import click

from hwmodel.cli.options import chosen_library, folder_option

EXAMPLE = """\b
Examples:
  hwmodel export mac-int8-int8-int32 -o pnr --flow openroad --clock 3
  hwmodel export mac-e4m3-e4m3-exact -o pnr --flow librelane --library sky130hd --clock 25
"""
# Platform of OpenROAD-flow-scripts and process kit of LibreLane for each library by name.
PLATFORMS = {
    "nangate45": ("nangate45", None),
    "sky130hd": ("sky130hd", "sky130A"),
    "asap7": ("asap7", None),
    "ihp-sg13g2": ("ihp-sg13g2", "ihp-sg13g2"),
    "gf180": ("gf180", "gf180mcuD"),
}


@click.command("export", epilog=EXAMPLE)
@click.argument("spec")
@folder_option
@click.option("--flow", type=click.Choice(["openroad", "librelane"]), required=True)
@click.option("--clock", type=float, metavar="NS", help="Clock period; else the netlist's own.")
@click.option("--library", default="nangate45", show_default=True, metavar="NAME[,CORNER]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def command(
    spec: str, folder: Path, flow: str, clock: float | None, library: str, as_json: bool
) -> None:
    """Write mapped netlist, RTL, SDC and configuration of the unit SPEC for a flow.

    OpenROAD-flow-scripts takes the mapped netlist as it is; LibreLane synthesises the RTL itself.
    """
    from hwmodel.errors import HwmodelError
    from hwmodel.rtl import Structure, to_verilog
    from hwmodel.store import check_writable, write_together
    from hwmodel.synthesis import synthesize
    from hwmodel.units import parse_unit

    unit, name = parse_unit(spec), library.partition(",")[0]
    platform = PLATFORMS.get(name, (None, None))[flow == "librelane"]
    if platform is None:
        known = ", ".join(key for key, both in PLATFORMS.items() if both[flow == "librelane"])
        raise HwmodelError(f"{flow} has no platform for {name}; choose a library among {known}")
    check_writable(folder)
    result = synthesize(unit, chosen_library(library, ()), clock)
    texts = flow_texts(
        unit.identifier,
        result.netlist,
        to_verilog(unit, Structure.parse(result.structure)),
        clock if clock is not None else result.delay_ns,
        flow,
        platform,
    )
    # The configuration comes last: a flow is started by it, and then finds all that it names.
    write_together(folder, texts)
    if not result.met:
        click.echo(
            f"hwmodel: {clock:g} ns was not reached, the netlist needs {result.delay_ns:.3f} ns;"
            " the flow will find the same unless it does better",
            err=True,
        )
    if as_json:
        click.echo(json.dumps({"spec": unit.name, "flow": flow, "files": list(texts)}))
    else:
        for file in texts:
            click.echo(folder / file)


def flow_texts(
    top: str, netlist: str, rtl: str, clock_ns: float, flow: str, platform: str
) -> dict[str, str]:
    """Contents of the files by name; `clock_ns` in ns (ASAP7's own time unit is the ps)."""
    period = clock_ns * (1000.0 if platform == "asap7" else 1.0)
    sdc = (
        f"current_design {top}\ncreate_clock -name clk -period {period:.4f} [get_ports clk]\n"
        f"set_input_delay {0.2 * period:.4f} -clock clk"
        " [all_inputs -no_clocks]\n"
        f"set_output_delay {0.2 * period:.4f} -clock clk [all_outputs]\n"
    )
    readme = f"{top} for {flow}, {platform}, {clock_ns:g} ns. Not run by hwmodel.\n"
    texts = {f"{top}.rtl.v": rtl, f"{top}.mapped.v": netlist, f"{top}.sdc": sdc}
    if flow == "openroad":
        here = "$(dir $(lastword $(MAKEFILE_LIST)))"
        how = "make DESIGN_CONFIG=THIS_FOLDER/config.mk   (in flow/ of OpenROAD-flow-scripts)"
        texts["README"] = f"{readme}\n  {how}\n"
        texts["config.mk"] = (
            f"export DESIGN_NAME = {top}\nexport PLATFORM = {platform}\n"
            f"export VERILOG_FILES = {here}{top}.mapped.v\n"
            "export SYNTH_NETLIST_FILES = $(VERILOG_FILES)\n"
            f"export SDC_FILE = {here}{top}.sdc\nexport CORE_UTILIZATION = 60\n"
        )
    else:
        texts["README"] = f"{readme}\n  librelane --pdk {platform} config.json\n"
        config = {
            "DESIGN_NAME": top,
            "VERILOG_FILES": [f"dir::{top}.rtl.v"],
            "CLOCK_PORT": "clk",
            "CLOCK_PERIOD": round(clock_ns, 4),
            "PNR_SDC_FILE": f"dir::{top}.sdc",
            "SIGNOFF_SDC_FILE": f"dir::{top}.sdc",
        }
        texts["config.json"] = json.dumps(config, indent=2) + "\n"
    return texts
