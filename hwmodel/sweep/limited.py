"""A point measured on a Dask worker within a time limit.

Python cannot stop a thread, and a worker that is ended takes its other work with it. So each
thread of a worker has a process of its own, which measures one point after another and is ended
and replaced where one takes too long or dies.
"""

import contextlib
import multiprocessing
import os
import subprocess
import sys
import threading
import weakref
from multiprocessing.connection import Connection
from typing import Any

from hwmodel.errors import ToolError
from hwmodel.sweep.libraries import PackedLiberty
from hwmodel.sweep.point import Task, failed_row
from hwmodel.sweep.seam import Measure

__all__ = ["PointError", "measure_limited"]

# Processes that may die at one point before it counts as failed.
_TRIES = 2
# Seconds that a process has to import the package, and to end its tools.
_START_S = 300.0
_GRACE_S = 5.0

_of_thread = threading.local()


class PointError(Exception):
    """What the measuring of a point raised: its type and text."""


def measure_limited(
    measure: Measure,
    timeout_s: float,
    task: Task,
    threads: int,
    packed: PackedLiberty | None,
) -> dict[str, Any]:
    """Measure a point in a process of its own; a failed row where it does not end in time.

    Parameters
    ----------
    measure : Measure
        What the process calls.
    timeout_s : float
        Seconds after which it is stopped. The start of a process does not count.
    task, threads, packed
        As `hwmodel.sweep.point.measure_point`; the store is this host's own.

    Raises
    ------
    PointError
        The measuring raised something, which a point never does by itself.
    ToolError
        The process could not be started.
    """
    for _ in range(_TRIES):
        child = getattr(_of_thread, "child", None)
        if child is None or not child.alive:
            child = _of_thread.child = _Child()
        try:
            good, answer = child.ask((measure, (task, threads, None, packed)), timeout_s)
        except (EOFError, OSError):
            child.stop()
            continue
        if good is None:
            child.stop()
            return failed_row(
                task, f"not finished within {timeout_s:g} s and stopped; see --timeout"
            )
        if not good:
            raise PointError(answer)
        row: dict[str, Any] = answer
        return row
    return failed_row(
        task, "the process that measured it died twice (out of memory, or killed) on the worker"
    )


class _Child:
    """A process that measures points (`hwmodel.sweep.child`)."""

    def __init__(self) -> None:
        self._connection, theirs = multiprocessing.Pipe()
        # Modules that this worker can import, whatever way it came to them.
        path = os.pathsep.join(entry for entry in sys.path if entry)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hwmodel.sweep.child", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            pass_fds=(theirs.fileno(),),
        )
        theirs.close()
        # Also where the thread ends that it worked for, or the worker does.
        self._finish = weakref.finalize(self, _end, self._connection, self._process)
        try:
            started = self._connection.poll(_START_S) and self._connection.recv()
        except (EOFError, OSError):
            started = False
        if not started:
            self.stop()
            raise ToolError(
                "the worker could not start a process that measures points (python -m"
                " hwmodel.sweep.child); see its log"
            )

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def ask(self, request: Any, timeout_s: float) -> tuple[bool | None, Any]:
        """Whether the answer is a result, and the answer; None if it did not come in time."""
        self._connection.send(request)
        if not self._connection.poll(timeout_s):
            return None, None
        answer: tuple[bool, Any] = self._connection.recv()
        return answer

    def stop(self) -> None:
        """End the process with its tools."""
        self._finish()


def _end(connection: Connection, process: "subprocess.Popen[bytes]") -> None:
    # Closed, for it tells the process whatever that is in the midst of.
    with contextlib.suppress(OSError):
        connection.close()
    try:
        process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
