"""Icarus Verilog with cocotb inside: compile, run, and what to say when either fails."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from hwmodel.errors import HwmodelError, ToolError

__all__ = ["LOG", "compile_verilog", "run_cocotb", "simulator_version"]

LOG = "simulation.log"
_RESULTS = "results.xml"
_LAST_LINES = 8
_POLL_S = 0.05


def simulator_version() -> str:
    """Name and version of the simulator and of cocotb.

    Raises
    ------
    HwmodelError
        Icarus Verilog is not installed.
    """
    import cocotb

    run = subprocess.run(
        [_program("iverilog"), "-V"], capture_output=True, text=True, errors="replace", check=False
    )
    match = re.search(r"Icarus Verilog version (\S+)", run.stdout)
    version = match[1] if match else "of unknown version"
    return f"Icarus Verilog {version}, cocotb {cocotb.__version__}"


def compile_verilog(sources: list[Path], top: str, output: Path, log: Path) -> None:
    """Compile Verilog files for `vvp`.

    Raises
    ------
    ToolError
        The compiler refused them.
    """
    command = [_program("iverilog"), "-g2012", "-s", top, "-o", str(output), *map(str, sources)]
    with log.open("w") as out:
        run = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, check=False
        )
    if run.returncode:
        raise ToolError(f"iverilog failed with status {run.returncode}: {_end(log)}")


def run_cocotb(
    compiled: Path,
    top: str,
    module: str,
    folders: Sequence[Path],
    folder_variable: str,
    poll: Callable[[], None] = lambda: None,
) -> None:
    """Run a cocotb test module on compiled Verilog, once a folder, all at the same time.

    Parameters
    ----------
    compiled : Path
        Output of `compile_verilog`.
    top : str
        The module that the test is given.
    module : str
        Name of the Python module that holds the test.
    folders : sequence of Path
        Folder of each run: its log (`LOG`) and results.xml go there.
    folder_variable : str
        Environment variable that tells the test its folder.
    poll : callable
        Called some times a second while the simulator runs.

    Raises
    ------
    ToolError
        A simulator died, or a test raised an error.
    """
    from cocotb_tools import config

    command = [_program("vvp"), "-m", config.lib_entry("vpi", "icarus"), str(compiled), "-none"]
    environment = _environment(top, module)
    with contextlib.ExitStack() as stack:
        processes = []
        try:
            for folder in folders:
                log = stack.enter_context((folder / LOG).open("w"))
                results = {"COCOTB_RESULTS_FILE": str(folder / _RESULTS)}
                process = subprocess.Popen(
                    command,
                    cwd=folder,
                    env=environment | results | {folder_variable: str(folder)},
                    stdin=subprocess.DEVNULL,  # at an interrupt vvp asks for commands: none come
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
                processes.append(stack.enter_context(process))
            while any(process.poll() is None for process in processes):
                poll()
                time.sleep(_POLL_S)
        except BaseException:
            for process in processes:
                _kill(process)
            raise
    for process, folder in zip(processes, folders, strict=True):
        _check(process.returncode, folder)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process whatever happens: impatient users press Ctrl-C twice."""
    while True:
        try:
            process.kill()
            return
        except KeyboardInterrupt:
            continue


def _check(status: int, folder: Path) -> None:
    log, results = folder / LOG, folder / _RESULTS
    if status:
        raise ToolError(f"the simulator (vvp) failed with status {status}: {_end(log)}")
    if not results.exists() or re.search("<(failure|error)", results.read_text()):
        raise ToolError(f"the test bench failed inside the simulator: {_end(log)}")


def _environment(top: str, module: str) -> dict[str, str]:
    """Environment of cocotb: this interpreter and its modules, and nothing of the caller's own."""
    import find_libpython
    from cocotb_tools import config

    library = os.environ.get("LIBPYTHON_LOC") or find_libpython.find_libpython()
    if library is None:
        raise HwmodelError(
            f"the simulator needs Python as a shared library, but {sys.executable} has none;"
            " install the library (Debian: apt-get install libpython3-dev) or set LIBPYTHON_LOC"
        )
    foreign = ("COCOTB_", "GPI_", "PYTEST_")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(foreign)}
    return kept | {
        "GPI_USERS": f"{library};{config.pygpi_entry_point()}",
        "PYGPI_PYTHON_BIN": sys.executable,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "COCOTB_TOPLEVEL": top,
        "COCOTB_TEST_MODULES": module,
        "COCOTB_ANSI_OUTPUT": "0",
        "TOPLEVEL_LANG": "verilog",
    }


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise HwmodelError(
            f"co-simulation needs Icarus Verilog, but there is no {name} on the PATH; install it"
            " (Debian and Ubuntu: apt-get install iverilog; macOS: brew install icarus-verilog)"
        )
    return path


def _end(log: Path) -> str:
    lines = [line.rstrip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return "\n  ".join([f"its last lines (all: {log})", *lines[-_LAST_LINES:]])
