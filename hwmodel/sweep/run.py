"""Carry out a sweep: from the store what is there, the rest measured in parallel and kept."""

import math
import queue
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hwmodel.errors import HwmodelError
from hwmodel.parallel import core_count
from hwmodel.store import Store
from hwmodel.sweep.board import Board
from hwmodel.sweep.claims import Claims
from hwmodel.sweep.libraries import find_liberty
from hwmodel.sweep.limited import PointError
from hwmodel.sweep.plan import LeftOut, SweepPlan
from hwmodel.sweep.point import Task, failed_row, measure_point, tool_identity
from hwmodel.sweep.seam import Measure, Places

__all__ = ["POINT_TIMEOUT_S", "Progress", "SweepOutcome", "run_sweep"]

POINT_TIMEOUT_S = 3600.0
_KIND = "sweep"
# Seconds between looks at time-outs and lost workers.
_LOOK_S = 0.5
# Processes that may die at one point before it counts as failed.
_TRIES = 2


@dataclass(frozen=True)
class Progress:
    """What a sweep tells of itself after each point.

    Attributes
    ----------
    done, total : int
        Points finished, and all of them.
    stored : int
        How many of the finished ones came from the store.
    left_s : float or None
        Seconds that the others may take, from those measured so far.
    row : dict or None
        The point's row; None at the start.
    """

    done: int
    total: int
    stored: int
    left_s: float | None
    row: dict[str, Any] | None


@dataclass(frozen=True)
class SweepOutcome:
    """Rows of all points in the order of the plan, and what there is to say of them.

    Attributes
    ----------
    rows : tuple of dict
        See `hwmodel.sweep.point.COLUMNS`.
    left_out : tuple of LeftOut
        Combinations of which no unit can be made.
    stored : int
        Points that came from the store.
    warnings : tuple of str
        Sentences about the sweep as a whole.
    """

    rows: tuple[dict[str, Any], ...]
    left_out: tuple[LeftOut, ...]
    stored: int
    warnings: tuple[str, ...]

    def count(self, status: str) -> int:
        """Points of a status."""
        return sum(row["status"] == status for row in self.rows)


def run_sweep(
    plan: SweepPlan,
    *,
    jobs: int | None = None,
    scheduler: str | None = None,
    store: Store | None = None,
    timeout_s: float = POINT_TIMEOUT_S,
    progress: Callable[[Progress], None] | None = None,
    measure: Measure = measure_point,
) -> SweepOutcome:
    """Measure all points of a plan, or take them from the store.

    Parameters
    ----------
    plan : SweepPlan
        What to measure.
    jobs : int, optional
        Points at a time on this host; one for each core if not given.
    scheduler : str, optional
        Address of a Dask scheduler; its workers measure instead of this host.
    store : Store, optional
        Where finished rows are kept. Two sweeps may share it, and one that was killed goes on
        where it was.
    timeout_s : float
        Seconds after which a point is stopped and counts as failed, here or on a worker.
    progress : callable, optional
        Told after each point.
    measure : callable
        What measures a point.

    Raises
    ------
    HwmodelError
        The plan has no points, a Liberty file cannot be read, or the cluster went away. What a
        single point meets is in its row.
    """
    if jobs is not None and jobs < 1:
        raise HwmodelError(f"a sweep measures 1 point or more at a time, but {jobs} came")
    if not (math.isfinite(timeout_s) and timeout_s > 0):
        raise HwmodelError(
            f"a point is given up after a positive number of seconds, but {timeout_s!r} came"
        )
    store = store if store is not None else Store()
    tasks = _tasks(plan)
    run = _Run(tasks, store, progress or (lambda _: None), timeout_s)
    missing = run.fetch()
    if missing:
        jobs = jobs or core_count()
        places: Places
        if scheduler is None:
            from hwmodel.sweep.local import LocalPlaces

            width = min(jobs, len(missing))
            places = LocalPlaces(width, jobs, measure, str(store.root), timeout_s)
        else:
            from hwmodel.sweep.cluster import DaskPlaces

            places = DaskPlaces(scheduler, measure, timeout_s)
        run.measure(places, Board(missing))
    rows = tuple(run.rows[task.key] for task in tasks)
    return SweepOutcome(rows, plan.units()[1], run.stored, tuple(run.warnings))


def _tasks(plan: SweepPlan) -> tuple[Task, ...]:
    """All points with their libraries' hashes; one that two names lead to stands once."""
    tools = tool_identity()
    points = plan.points()
    libraries = {files: find_liberty(files) for files in {point.files for point in points}}
    tasks = [
        Task(
            point.spec.name,
            libraries[point.files],
            point.clock_ns,
            plan.stimulus,
            plan.vectors,
            plan.seed,
            tools,
        )
        for point in points
    ]
    first: dict[str, Task] = {}
    for task in tasks:
        first.setdefault(task.key, task)
    return tuple(first.values())


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


@dataclass
class _Run:
    tasks: tuple[Task, ...]
    store: Store
    progress: Callable[[Progress], None]
    # Seconds without any news after which a point that another sweep is at is measured here, too.
    patience_s: float
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    stored: int = 0
    warnings: list[str] = field(default_factory=list)
    # Tasks that another sweep is at.
    elsewhere: dict[str, Task] = field(default_factory=dict)
    # Seconds that points took: the first of their units, and those that followed.
    took: dict[bool, list[float]] = field(default_factory=lambda: {True: [], False: []})

    def __post_init__(self) -> None:
        self.claims = Claims(self.store, _KIND)
        self.last_s = time.monotonic()

    def fetch(self) -> list[Task]:
        """Take from the store what it has; the tasks that remain."""
        for task in self.tasks:
            self._fetch(task)
        self.progress(Progress(len(self.rows), len(self.tasks), self.stored, None, None))
        return [task for task in self.tasks if task.key not in self.rows]

    def _fetch(self, task: Task) -> bool:
        row = self.store.load(_KIND, task.key)
        if row is None:
            return False
        # The same text under another name is the same library, but not the same file.
        self.rows[task.key] = {**row, "liberty": task.liberty.label}
        self.stored += 1
        return True

    def measure(self, places: Places, board: Board) -> None:
        """Have all tasks of the board measured."""
        back: queue.SimpleQueue[tuple[Task, str, float, Any]] = queue.SimpleQueue()
        running = 0
        losses: dict[str, int] = {}
        try:
            while True:
                for place in places.free():
                    task = self._next(place, places, board, running)
                    if task is None:
                        break
                    future = places.submit(place, task, running + board.startable)
                    running += 1
                    began = time.monotonic()
                    future.add_done_callback(
                        lambda f, t=task, p=place, b=began: back.put((t, p, b, f))
                    )
                if not (running or self.elsewhere or any(board.counts())):
                    break
                try:
                    task, place, began, future = back.get(timeout=_LOOK_S)
                except queue.Empty:
                    places.look()
                    continue
                running -= 1
                error: BaseException | None = None
                row: dict[str, Any] = {}
                try:
                    row = future.result()
                except Exception as raised:
                    error = raised
                lost = places.returned(place, error)
                if lost == "" and losses.get(task.key, 0) + 1 < _TRIES:
                    losses[task.key] = losses.get(task.key, 0) + 1
                    board.put_back(task)
                    continue
                if lost is not None:
                    died = "the process that measured it died twice (out of memory, or killed)"
                    row = failed_row(task, lost or died)
                elif error is not None:
                    what = str(error) if isinstance(error, PointError) else _named(error)
                    row = failed_row(task, f"the worker failed: {what}")
                self.took[board.is_first(task)].append(time.monotonic() - began)
                self._keep(task, row)
                self.claims.release(task.key)
                board.done(task)
                self._tell(task, board, running, places)
        finally:
            places.close()
            self.claims.release_all()

    def _next(self, place: str, places: Places, board: Board, running: int) -> Task | None:
        """Task for a free place: one that no other sweep with the same store has, or is at."""
        while True:
            while (task := board.take(place)) is not None:
                if self._is_mine(task):
                    return task
                self.elsewhere[task.key] = task
            # Nothing else to do: what others were at may be finished, or they may have given up.
            for task in list(self.elsewhere.values()):
                if task.key not in self.rows and self._is_mine(task):
                    del self.elsewhere[task.key]
                    return task
            # A sweep that is halted holds its claims for ever.
            if self.elsewhere and time.monotonic() - self.last_s > self.patience_s:
                waiting = [task for task in self.elsewhere.values() if task.key not in self.rows]
                if waiting:
                    return self.elsewhere.pop(waiting[0].key)
            finished = [task for task in self.elsewhere.values() if task.key in self.rows]
            for task in finished:
                del self.elsewhere[task.key]
                board.done(task)
                self._tell(task, board, running, places)
            if not finished:
                return None

    def _is_mine(self, task: Task) -> bool:
        """Claim a task, unless another sweep has finished it (then its row is here) or is at it."""
        if not self.claims.take(task.key):
            # Looked at after the claim, for its holder saves first.
            self._fetch(task)
            return False
        if self._fetch(task):
            self.claims.release(task.key)
            return False
        return True

    def _keep(self, task: Task, row: dict[str, Any]) -> None:
        self.rows[task.key] = row
        if row["status"] == "failed":
            return
        try:
            self.store.save(_KIND, task.key, row)
        except HwmodelError as error:
            # The row is in the tables all the same; said once, for it will be so for each.
            if not self.warnings:
                self.warnings.append(f"rows are not kept for the next sweep: {error}")

    def _tell(self, task: Task, board: Board, running: int, places: Places) -> None:
        self.last_s = time.monotonic()
        left = self._left_s(board, running + len(places.free()))
        row = self.rows[task.key]
        self.progress(Progress(len(self.rows), len(self.tasks), self.stored, left, row))

    def _left_s(self, board: Board, width: int) -> float | None:
        """Seconds to go: what waits, at the means so far, over the places."""
        means = {kind: sum(took) / len(took) for kind, took in self.took.items() if took}
        if not means:
            return None
        # Without a sample of the others, what follows is taken to last as long as what leads.
        first, others = (means.get(kind, max(means.values())) for kind in (True, False))
        leading, following = board.counts()
        # Those now running are half done, on the average.
        running = len(self.tasks) - len(self.rows) - leading - following
        return (leading * first + (following + running / 2) * others) / max(1, width)
