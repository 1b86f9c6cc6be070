"""Which point is measured next, and where.

Points of one unit in one library share their mapping runs, through the store and within a process.
So the first point of a unit goes ahead alone; when it is done, the others follow in the same
place, and places that have nothing else to do help with them. Large units come first, so that no
long one is left for the end.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from hwmodel.sweep.point import Task
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = ["Board"]


@dataclass
class _Group:
    """Points of one unit in one library that wait; `place` is where the first one went."""

    waiting: deque[Task]
    place: str | None = None
    is_open: bool = False


class Board:
    """Tasks that wait, group by group."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        groups: dict[tuple[str, str], _Group] = {}
        for task in sorted(tasks, key=lambda t: _work(t.unit), reverse=True):
            groups.setdefault(_group_of(task), _Group(deque())).waiting.append(task)
        self._groups = groups

    @property
    def startable(self) -> int:
        """Tasks that could start now if there were places enough."""
        return sum(
            len(group.waiting) if group.is_open else bool(group.waiting and group.place is None)
            for group in self._groups.values()
        )

    def is_first(self, task: Task) -> bool:
        """Whether none of the task's unit was done before it."""
        return not self._groups[_group_of(task)].is_open

    def counts(self) -> tuple[int, int]:
        """Waiting tasks that are the first of their units, and the others."""
        first = sum(
            group.place is None and not group.is_open and bool(group.waiting)
            for group in self._groups.values()
        )
        return first, sum(len(group.waiting) for group in self._groups.values()) - first

    def take(self, place: str) -> Task | None:
        """Task for a place that is free; None if there is nothing that could start now."""
        groups = self._groups.values()
        ready = [group for group in groups if group.waiting and group.is_open]
        own = [group for group in ready if group.place == place]
        fresh = [group for group in groups if group.waiting and group.place is None]
        for candidates in (own, fresh, sorted(ready, key=lambda group: -len(group.waiting))):
            if candidates:
                candidates[0].place = candidates[0].place or place
                return candidates[0].waiting.popleft()
        return None

    def put_back(self, task: Task) -> None:
        """Let a task wait again: whoever measured it is gone."""
        group = self._groups[_group_of(task)]
        group.waiting.appendleft(task)
        if not group.is_open:
            group.place = None

    def done(self, task: Task) -> None:
        """Let the other points of the task's unit follow."""
        self._groups[_group_of(task)].is_open = True


def _group_of(task: Task) -> tuple[str, str]:
    return task.spec, task.liberty.sha256


def _work(unit: UnitSpec) -> tuple[bool, int]:
    """Order of size: sums that are rounded take longest, then wide ones."""
    rounded = isinstance(unit.accumulator, FloatAccumulator)
    return rounded, unit.lanes * unit.a.bits * unit.b.bits + unit.accumulator_bits
