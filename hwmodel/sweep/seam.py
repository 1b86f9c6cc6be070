"""What `run` needs of those who measure points: processes of this host, or a Dask cluster."""

from typing import Any, Protocol

from hwmodel.sweep.libraries import PackedLiberty
from hwmodel.sweep.point import Task

__all__ = ["Measure", "Pending", "Places"]


class Measure(Protocol):
    """`hwmodel.sweep.point.measure_point`, or what a test puts in its place."""

    def __call__(
        self, task: Task, threads: int, store_root: str | None, packed: PackedLiberty | None
    ) -> dict[str, Any]:
        """Row of a point."""


class Pending(Protocol):
    """A future of `concurrent.futures` or of Dask."""

    def add_done_callback(self, fn: Any, /) -> Any:
        """Have a function called with the future once it is done."""

    def result(self) -> Any:
        """Row, or the error of the place that should have made it."""


class Places(Protocol):
    """Those who measure, each one point at a time, by name."""

    def free(self) -> list[str]:
        """Places that have nothing to do."""

    def submit(self, place: str, task: Task, others: int) -> Pending:
        """Have a free place measure a task, while `others` are measured or could be."""

    def returned(self, place: str, error: BaseException | None) -> str | None:
        """Take note that a place's task came back.

        Returns None unless the place was lost: then the reason why the task has failed, or an
        empty text if another place may try it.

        Raises
        ------
        HwmodelError
            There will be no places any more.
        """

    def look(self) -> None:
        """Called now and then: time-outs."""

    def close(self) -> None:
        """Stop whatever still runs."""
