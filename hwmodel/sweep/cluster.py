"""Points measured by the workers of a Dask cluster, on this host or others.

A worker needs this package in the same version, and nothing else of this host: library files go
with the work, and rows come back whole. Each worker keeps finished tool runs in its own store;
the rows are kept here. A lost worker's points are given to another by Dask. A worker measures one
point at a time, in a process that is ended where the point takes too long (`limited`): start
workers with one thread each (``dask worker --nthreads 1 --nworkers N tcp://...``).
"""

import threading
import time
import uuid
from typing import Any

from hwmodel.errors import HwmodelError
from hwmodel.sweep.libraries import Liberty, PackedLiberty, pack
from hwmodel.sweep.limited import measure_limited
from hwmodel.sweep.point import Task
from hwmodel.sweep.seam import Measure, Pending

__all__ = ["DaskPlaces"]

_CONNECT_S = 20.0
# Seconds without any worker after which a sweep gives up.
_NO_WORKER_S = 60.0


class DaskPlaces:
    """The workers of a cluster.

    Parameters
    ----------
    address : str
        Of the scheduler, for example ``tcp://host:8786``.
    measure : Measure
        What a worker calls for a point.
    timeout_s : float
        Seconds after which a worker gives a point up.
    no_worker_s : float
        Seconds without any worker after which the sweep ends.

    Raises
    ------
    HwmodelError
        No scheduler answers there.
    """

    def __init__(
        self,
        address: str,
        measure: Measure,
        timeout_s: float,
        no_worker_s: float = _NO_WORKER_S,
    ) -> None:
        from distributed import Client

        try:
            self._client = Client(address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise HwmodelError(
                f"no Dask scheduler answers at {address or repr(address)}"
                f" ({' '.join(str(error).split())}); start one with: dask scheduler, and name it as"
                " tcp://HOST:8786"
            ) from error
        self._address = address
        self._measure = measure
        self._timeout_s = timeout_s
        self._no_worker_s = no_worker_s
        self._seen = time.monotonic()
        self._busy: dict[str, int] = {}
        self._threads: dict[str, int] = {}
        self._libraries: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._closing = False

    def free(self) -> list[str]:
        self._threads = self._client.nthreads() if self._alive() else {}
        if self._threads:
            self._seen = time.monotonic()
        return [place for place in self._threads if not self._busy.get(place)]

    def submit(self, place: str, task: Task, others: int) -> Pending:
        packed = self._library(task.liberty)
        self._busy[place] = self._busy.get(place, 0) + 1
        future: Pending = self._client.submit(
            measure_limited,
            self._measure,
            self._timeout_s,
            task,
            self._threads.get(place, 1),
            packed,
            # A name of its own: Dask would hand out an older row of the same name.
            key=f"{task.spec}-{task.key[:12]}-{uuid.uuid4().hex[:8]}",
            workers=[place],
            allow_other_workers=True,
            pure=False,
        )
        return future

    def _library(self, liberty: Liberty) -> Any:
        """Content of a library, as a task: sent once, and again to whoever replaces its holder."""
        if liberty.sha256 not in self._libraries:
            try:
                content = pack(liberty)
            except OSError as error:
                raise HwmodelError(
                    f"cannot read the Liberty file {error.filename}: {error.strerror}"
                ) from error
            self._libraries[liberty.sha256] = self._client.submit(
                _content, content, key=f"liberty-{liberty.sha256[:12]}-{uuid.uuid4().hex[:8]}"
            )
        return self._libraries[liberty.sha256]

    def returned(self, place: str, error: BaseException | None) -> str | None:
        from concurrent.futures import CancelledError

        from distributed import KilledWorker

        self._busy[place] -= 1
        if isinstance(error, KilledWorker):
            return (
                "the workers that measured it died one after another (out of memory, or killed):"
                f" {' '.join(str(error).split())}"
            )
        # Dask gives lost points to others by itself; only a lost scheduler takes them back.
        if isinstance(error, CancelledError) or not self._alive():
            raise HwmodelError(
                f"the Dask scheduler at {self._address} went away; finished points are kept: start"
                " it again and give the same command"
            )
        return None

    def look(self) -> None:
        if not self._alive():
            raise HwmodelError(
                f"the Dask scheduler at {self._address} went away; finished points are kept: start"
                " it again and give the same command"
            )
        if self._client.nthreads():
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > self._no_worker_s:
            raise HwmodelError(
                f"the Dask scheduler at {self._address} has had no worker for"
                f" {self._no_worker_s:g} s; start some with: dask worker --nthreads 1"
                f" {self._address}"
            )

    def _alive(self) -> bool:
        return bool(self._client.status == "running")

    def close(self) -> None:
        # Cancels what this client asked for and nobody else wants.
        self._client.close(timeout=5)


def _content(content: PackedLiberty) -> PackedLiberty:
    return content
