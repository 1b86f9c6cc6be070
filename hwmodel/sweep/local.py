"""Points measured by processes of this host.

Each place is a pool of one process, so that it is known which point a process was at when it
died. Processes are forked from one that has imported everything (a fork server): to start Python
and NumPy afresh for each would take longer than many a point. They end with the sweep, whatever
ends it, and take the tools that they run with them.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from hwmodel.sweep.ending import end_with_tools, terminated
from hwmodel.sweep.point import Task
from hwmodel.sweep.seam import Measure

__all__ = ["LocalPlaces"]

# Imported by the fork server, so that its children have them.
_PRELOAD = ["hwmodel.sweep.point", "hwmodel.synthesis", "hwmodel.cost.energy"]
# Seconds that a process has to end its tools.
_GRACE_S = 3.0


@dataclass
class _Slot:
    pool: ProcessPoolExecutor
    pid: "Future[int]"
    began: float | None = None
    overdue: bool = False


class LocalPlaces:
    """A number of processes.

    Parameters
    ----------
    jobs : int
        Points at a time.
    cores : int
        Tool runs at a time, of all points together.
    measure : Measure
        What a process calls for a point.
    store_root : str
        Folder of the store, which all processes share.
    timeout_s : float
        Seconds after which a point is given up.
    """

    def __init__(
        self, jobs: int, cores: int, measure: Measure, store_root: str, timeout_s: float
    ) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(_PRELOAD)
        self._slots: dict[str, _Slot | None] = {f"process {n + 1}": None for n in range(jobs)}
        self._cores = cores
        self._measure = measure
        self._store_root = store_root
        self._timeout_s = timeout_s

    def free(self) -> list[str]:
        return [name for name, slot in self._slots.items() if slot is None or slot.began is None]

    def submit(self, place: str, task: Task, others: int) -> "Future[dict[str, Any]]":
        slot = self._slots[place]
        if slot is None:
            pool = ProcessPoolExecutor(
                1, self._context, initializer=_begin, initargs=(dict(os.environ),)
            )
            slot = self._slots[place] = _Slot(pool, pool.submit(os.getpid))
        slot.began = time.monotonic()
        threads = max(1, self._cores // min(len(self._slots), others + 1))
        return slot.pool.submit(self._measure, task, threads, self._store_root, None)

    def returned(self, place: str, error: BaseException | None) -> str | None:
        slot = self._slots[place]
        assert slot is not None
        slot.began = None
        # One that was stopped may still have handed in what it was stopped in.
        if not isinstance(error, BrokenProcessPool) and not slot.overdue:
            return None
        slot.pool.shutdown(wait=False)
        self._slots[place] = None
        if slot.overdue:
            return f"not finished within {self._timeout_s:g} s and stopped; see --timeout"
        return ""

    def look(self) -> None:
        for slot in self._slots.values():
            if slot is None or slot.began is None or slot.overdue:
                continue
            if not slot.pid.done():
                slot.began = time.monotonic()  # a process that is still starting measures nothing
            elif time.monotonic() - slot.began > self._timeout_s and not slot.pid.exception():
                slot.overdue = True
                _stop(slot.pid.result())

    def close(self) -> None:
        slots = [slot for slot in self._slots.values() if slot is not None]
        for slot in slots:
            if slot.began is not None and slot.pid.done() and slot.pid.exception() is None:
                _stop(slot.pid.result())
        for slot in slots:
            slot.pool.shutdown(wait=slot.began is None, cancel_futures=True)


def _stop(pid: int) -> None:
    """Ask a process to end with its tools; end it if it does not."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)

    def insist() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    timer = threading.Timer(_GRACE_S, insist)
    timer.daemon = True
    timer.start()


def _begin(environment: dict[str, str]) -> None:
    """Prepare a process: the sweep's environment, and an end whenever the sweep ends."""
    # The fork server keeps the environment in which it was started, perhaps by an earlier sweep.
    os.environ.clear()
    os.environ.update(environment)
    # Ctrl-C reaches all processes of a terminal; the sweep decides what becomes of its own.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, terminated)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        end_with_tools()

    threading.Thread(target=watch, daemon=True).start()
