"""Entry point: the table of commands and what an error looks like."""

import importlib
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import NoReturn

import click

from hwmodel.errors import HwmodelError
from hwmodel.yosys import stop_all

__all__ = ["COMMANDS", "main"]

# Seconds that an interrupted command waits for its threads to tidy up.
_GRACE_S = 3.0

# Name of each command and the module that holds it as `command`. Modules are imported when
# called, so that `hwmodel --help` does not wait for NumPy or PyTorch.
COMMANDS = {
    "format": ("hwmodel.cli.format", "Print the table of a number format."),
    "generate": ("hwmodel.cli.generate", "Write Verilog, sidecar and conformance vectors."),
    "vectors": ("hwmodel.cli.vectors", "Write conformance vectors of conversions and operations."),
    "cosim": ("hwmodel.cli.cosim", "Run a unit against the golden model in a simulator."),
    "libraries": ("hwmodel.cli.libraries", "List the cell libraries: here or how to get them."),
    "synth": ("hwmodel.cli.synth", "Map a unit to real cells: area and delay."),
    "frontier": ("hwmodel.cli.frontier", "Area, delay and energy from smallest to fastest."),
    "energy": ("hwmodel.cli.energy", "Energy per MAC from the switching of the mapped netlist."),
    "fpga": ("hwmodel.cli.fpga", "LUTs, carries and DSP blocks of a unit on an FPGA."),
    "export": ("hwmodel.cli.export", "Write what a place-and-route flow needs."),
    "predict": ("hwmodel.cli.predict", "Modelled area, delay and energy, without synthesis."),
    "sweep": ("hwmodel.cli.sweep", "Many design points in parallel, as a table."),
    "compare": ("hwmodel.cli.compare", "Put FP/INT ratios of several cell libraries side by side."),
    "accuracy": ("hwmodel.cli.accuracy", "Score real networks under the formats."),
    "report": ("hwmodel.cli.report", "Put formats side by side: the FP-versus-INT report."),
}


class LazyGroup(click.Group):
    """A command group that imports a command's module only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: hwmodel cosim mac-e4m3-e4m3-fp32",
)
@click.version_option(package_name="hwmodel")
def group() -> None:
    """Compare INT and ExMy multiply-accumulate units: RTL, co-simulation, cost and accuracy."""


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _end(status: int) -> NoReturn:
    """End the process soon, whatever worker threads are in the midst of.

    Python would wait for them without limit, and compiled code heeds no signal. They write results
    whole or not at all, so ending them loses only what was not finished.
    """
    deadline = time.monotonic() + _GRACE_S
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(max(0.0, deadline - time.monotonic()))
    sys.stdout.flush()
    sys.stderr.flush()
    if threading.active_count() > 1:
        stop_all(for_good=True)
        os._exit(status)
    sys.exit(status)


def main() -> None:
    """Run the command line; errors are one sentence on standard error and status 1."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        # What a command gives `Context.exit` comes back from here; else None does.
        status = group.main(standalone_mode=False)
        if status:
            sys.exit(status)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo(
            "hwmodel: interrupted; finished results are kept, nothing half-written is", err=True
        )
        _end(130)
    except HwmodelError as error:
        click.echo(f"hwmodel: {error}", err=True)
        _end(1)
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        click.echo(f"hwmodel: the system refused{where}: {error.strerror or error}", err=True)
        _end(1)
