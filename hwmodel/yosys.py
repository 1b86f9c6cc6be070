"""Run Yosys scripts, one child process each.

May be imported from anywhere that makes or maps hardware; imports ``errors`` and ``store`` only.

libyosys keeps global state, aborts on some errors and cannot be interrupted, so every script gets
a process of its own. The child and whatever it starts (ABC) form a process group that ends with
the run: at a time-out, at Ctrl-C, or when the tool fails.
"""

import contextlib
import importlib.metadata
import importlib.util
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from hwmodel.errors import HwmodelError, ToolError, last_lines
from hwmodel.store import atomic_write, cache_root

__all__ = ["pyosys_version", "run_yosys", "stop_all"]

# What the child executes. Each line of the script is one command. An error of Python's own, such as
# a library that cannot be loaded, is a line of the log like the tool's.
_CHILD = """\
import sys
sys.excepthook = lambda kind, error, trace: print(f"{kind.__name__}: {error}")
from pyosys import libyosys
design = libyosys.Design()
with open(sys.argv[1]) as script:
    for line in script:
        if line.strip():
            libyosys.run_pass(line.strip(), design)
print("hwmodel: script complete")
"""
_COMPLETE = "hwmodel: script complete"
_SAFE_FOLDER = re.compile(r"[A-Za-z0-9_./-]+")

# Children now running, so that an interrupted search can end those of its worker threads.
_running: set[int] = set()
_running_lock = threading.Lock()
_ended = threading.Event()


def pyosys_version() -> str:
    """Version of the installed pyosys.

    Raises
    ------
    ToolError
        pyosys is not installed.
    """
    try:
        return importlib.metadata.version("pyosys")
    except importlib.metadata.PackageNotFoundError:
        raise ToolError(
            "expected Yosys as the Python package pyosys, found none in this environment;"
            " install it with: pip install pyosys==0.70"
        ) from None


def run_yosys(
    script: str,
    files: dict[str, str] | None = None,
    links: dict[str, Path] | None = None,
    outputs: tuple[str, ...] = (),
    timeout_s: float = 300.0,
) -> tuple[dict[str, str], str]:
    """Run a Yosys script in a folder of its own and return what it wrote.

    Parameters
    ----------
    script
        Yosys commands, one a line.
    files
        Texts to put into the folder first, by file name (letters, digits, ``_``, ``.``).
    links
        Files that the script reads where they are, by the name under which it sees them.
    outputs
        Names of files that the script must write.
    timeout_s
        Wall-clock limit in seconds.

    Returns
    -------
    tuple
        The output files' texts by name, and the log.

    Raises
    ------
    ToolError
        pyosys is missing, a command failed, the time ran out, or an output is missing.
    """
    pyosys_version()
    # ABC splits its script at blanks, ';' and '>': the folder's own name must hold none of them.
    base = tempfile.gettempdir()
    with tempfile.TemporaryDirectory(
        prefix="hwmodel-yosys-", dir=base if _SAFE_FOLDER.fullmatch(base) else "/tmp"
    ) as name:
        folder = Path(name)
        for file_name, text in (files or {}).items():
            (folder / file_name).write_text(text)
        for file_name, target in (links or {}).items():
            (folder / file_name).symlink_to(target)
        (folder / "script.ys").write_text(script)
        status = _execute(folder, timeout_s)
        log = (folder / "log.txt").read_text(errors="replace")
        if status is None:
            raise _failure(f"Yosys did not finish within {timeout_s:g} s and was stopped", log)
        if status != 0 or _COMPLETE not in log:
            how = f"killed by signal {-status}" if status < 0 else f"status {status}"
            raise _failure(f"Yosys failed ({how})", log)
        missing = [output for output in outputs if not (folder / output).is_file()]
        if missing:
            raise _failure(f"Yosys ended without writing {', '.join(missing)}", log)
        return {output: (folder / output).read_text() for output in outputs}, log


def _execute(folder: Path, timeout_s: float) -> int | None:
    """Run the child to its end; its exit status, or None if the time ran out."""
    # TMPDIR makes ABC's own folders vanish with ours even when the process is killed.
    environment = {**os.environ, "TMPDIR": str(folder)}
    with (folder / "log.txt").open("wb") as log:
        # One step for `stop_all`: a child is known from the moment that it runs.
        with _running_lock:
            if _ended.is_set():
                raise ToolError("Yosys was not started, for the program is ending")
            process = subprocess.Popen(
                [sys.executable, "-c", _CHILD, "script.ys"],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            _running.add(process.pid)
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            # Also after a normal end: ABC may outlive a Yosys that aborted.
            _kill_group(process.pid)
            process.wait()
            with _running_lock:
                _running.discard(process.pid)


def stop_all(for_good: bool = False) -> None:
    """End every child that is running, with all that it started.

    Parameters
    ----------
    for_good
        Let none start any more: the process is about to end.
    """
    with _running_lock:
        if for_good:
            _ended.set()
        for pid in _running:
            _kill_group(pid)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _failure(what: str, log: str) -> ToolError:
    """Make the error: what happened, the tool's own last lines, and where the log was kept."""
    try:
        handle, name = tempfile.mkstemp(prefix="yosys-", suffix=".log", dir=_log_folder())
        os.close(handle)
        atomic_write(Path(name), log)
        kept = f"its log is kept in {name}"
    except (OSError, HwmodelError) as error:
        # The disk may be what the tool failed of; the tool's own words say more than ours.
        kept = f"its log could not be kept ({getattr(error, 'strerror', None) or error})"
    lines = [line for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if "ERROR" in line or line.startswith("Error")]
    # What went wrong may stand long before the end.
    first = "".join(f"\n  {line}" for line in errors[:2])
    last = last_lines(log)
    return ToolError(f"{what}; {kept}, and its last lines are:{first}{last}")


def _log_folder() -> Path:
    folder = cache_root() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
