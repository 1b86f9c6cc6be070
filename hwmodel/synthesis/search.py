"""Best of structures and recipes for a unit and a goal.

Two rounds, the same for every unit: each structure goes through the cheap screening recipes, then
the best few through all the others. Every run is kept in the store, so an interrupted search goes
on where it was, and several processes may share one.
"""

import functools
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import ParamSpec

from hwmodel.errors import HwmodelError, ToolError
from hwmodel.parallel import core_count
from hwmodel.rtl import Structure, structures_for, to_rtlil
from hwmodel.store import Store
from hwmodel.synthesis.mapping import Mapped, map_design, size_mapped, speed_for_free
from hwmodel.synthesis.recipes import (
    DEFAULT_FLOW,
    Recipe,
    refining_recipes,
    screening_recipes,
)
from hwmodel.synthesis.result import TriedPoint
from hwmodel.technology.library import CellLibrary
from hwmodel.units import UnitSpec
from hwmodel.yosys import stop_all

__all__ = [
    "FINALISTS",
    "Candidate",
    "Progress",
    "Search",
    "operator_structure",
    "rtlil_of",
    "search",
]

# Told after each run: what was run, runs done, runs known so far.
Progress = Callable[[str, int, int], None]

P = ParamSpec("P")

_WORKERS = 2
# Structures that go on to the second round.
FINALISTS = 2
# Share of its period that a netlist is asked to reach where the clock itself is out of reach.
_STRETCH = 0.9


@dataclass(frozen=True)
class Candidate:
    """A structure mapped by a recipe, and what came of it."""

    structure: Structure
    recipe: Recipe
    mapped: Mapped

    def rank(self, clock_ns: float | None) -> tuple[float, ...]:
        """Smaller is better: area, among those that meet the clock; else how fast."""
        mapped = self.mapped
        if clock_ns is None:
            return (mapped.area_um2, mapped.delay_ns)
        if mapped.delay_ns <= clock_ns:
            return (0.0, mapped.area_um2, mapped.delay_ns)
        return (1.0, mapped.delay_ns, mapped.area_um2)

    def point(self, baseline: bool = False) -> TriedPoint:
        """Its figures."""
        return TriedPoint(
            self.structure.name,
            self.recipe.name,
            self.mapped.area_um2,
            self.mapped.delay_ns,
            baseline,
        )


@dataclass(frozen=True)
class Search:
    """What a search found.

    Attributes
    ----------
    best : Candidate
        The winner.
    baseline : Candidate or None
        Plain operators through Yosys' own flow, unless that failed.
    tried : tuple of Candidate
        All candidates, in the order of the policy.
    failures : tuple of str
        Runs that a tool did not finish, and why.
    """

    best: Candidate
    baseline: Candidate | None
    tried: tuple[Candidate, ...]
    failures: tuple[str, ...]


@functools.lru_cache(maxsize=256)
def rtlil_of(spec: UnitSpec, structure: Structure) -> str:
    """RTLIL of a unit; made once a process, for Amaranth takes as long as mapping."""
    return to_rtlil(spec, structure)


def operator_structure(spec: UnitSpec) -> Structure:
    """Return the structure that leaves most to the synthesis tool: plain ``*`` and ``+``."""
    first = structures_for(spec)[0]
    return replace(first, multiplier="plain", adder="plain", merge="separate")


def search(
    spec: UnitSpec,
    library: CellLibrary,
    clock_ns: float | None,
    store: Store,
    progress: Progress | None = None,
) -> Search:
    """Find the best netlist for a goal.

    Parameters
    ----------
    spec
        The unit.
    library
        Cells to use.
    clock_ns
        Clock period aimed at; None for minimum area.
    store
        Where finished runs are kept.
    progress
        Told after every run.

    Returns
    -------
    Search
        The winner and all that was tried. A run that a tool fails is left out and noted.

    Raises
    ------
    ToolError
        Every run of a round failed; the first one's error.
    HwmodelError
        The unit cannot be built, or the library cannot be used.
    """
    structures = structures_for(spec)
    first = [(s, r) for s in structures for r in screening_recipes(clock_ns)]
    baseline = (operator_structure(spec), Recipe(DEFAULT_FLOW))
    with _Pool(spec, library, clock_ns, store, progress) as pool:
        yardstick, *screened = pool.run([baseline, *first])
        tried = [candidate for candidate in screened if candidate is not None]
        if not tried:
            raise pool.errors[0]
        ranked = sorted(tried, key=lambda c: c.rank(clock_ns))
        finalists = list(dict.fromkeys(c.structure for c in ranked))[:FINALISTS]
        second = pool.run([(s, r) for s in finalists for r in refining_recipes(clock_ns)])
        tried += [candidate for candidate in second if candidate is not None]
        best = min(tried, key=lambda c: c.rank(clock_ns))
        if clock_ns is None:
            best = pool.finish(best, speed_for_free, best.mapped, spec.identifier, library, store)
            tried.append(best)
        elif best.mapped.delay_ns > clock_ns:
            # Out of reach: see how far the fastest few can go.
            for last in sorted(tried, key=lambda c: c.rank(clock_ns))[:FINALISTS]:
                aim = max(clock_ns, _STRETCH * last.mapped.delay_ns)
                tried.append(
                    pool.finish(
                        last, size_mapped, last.mapped, spec.identifier, library, aim, store
                    )
                )
            best = min(tried, key=lambda c: c.rank(clock_ns))
    return Search(best, yardstick, tuple(tried), tuple(str(error) for error in pool.errors))


class _Pool:
    """Worker threads around child processes; an error or Ctrl-C ends them all."""

    def __init__(
        self,
        spec: UnitSpec,
        library: CellLibrary,
        clock_ns: float | None,
        store: Store,
        progress: Progress | None,
    ) -> None:
        self._spec = spec
        self._library = library
        self._clock_ns = clock_ns
        self._store = store
        self._progress = progress
        self._executor = ThreadPoolExecutor(min(_WORKERS, core_count()))
        self._done = self._known = 0
        self._stopped = False
        self.errors: list[ToolError] = []

    def __enter__(self) -> "_Pool":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # Interrupted: compiled sizing heeds no signal, so it is not waited for. What it finishes
        # is stored as ever; the command line ends the process if it takes long.
        self._stopped = kind is not None
        self._executor.shutdown(wait=kind is None, cancel_futures=True)
        if kind is not None:
            stop_all()

    def run(self, tries: list[tuple[Structure, Recipe]]) -> list[Candidate | None]:
        """Run them, two at a time; results in the order of the tries, None where a tool failed."""
        self._known += len(tries)
        futures: dict[Future[Candidate], int] = {
            self._executor.submit(self._one, structure, recipe): place
            for place, (structure, recipe) in enumerate(tries)
        }
        results: dict[int, Candidate | None] = {}
        for future in as_completed(futures):
            place = futures[future]
            try:
                results[place] = future.result()
            except ToolError as error:
                results[place] = None
                self.errors.append(error)
            self._done += 1
            if self._progress is not None:
                structure, recipe = tries[place]
                self._progress(f"{structure.name} {recipe.name}", self._done, self._known)
        return [results[place] for place in range(len(tries))]

    def finish(
        self, candidate: Candidate, step: Callable[P, Mapped], *args: P.args, **named: P.kwargs
    ) -> Candidate:
        """Take a candidate a step further, in a worker: the main thread stays interruptible."""
        mapped = self._executor.submit(step, *args, **named).result()
        return replace(candidate, mapped=mapped)

    def _one(self, structure: Structure, recipe: Recipe) -> Candidate:
        top = self._spec.identifier
        try:
            rtlil = rtlil_of(self._spec, structure)
            mapped = map_design(rtlil, top, recipe, self._library, self._store)
            if recipe.script != DEFAULT_FLOW and not self._stopped:
                mapped = size_mapped(mapped, top, self._library, self._clock_ns, self._store)
        except HwmodelError as error:
            raise type(error)(
                f"{self._spec.name}, structure {structure.name}, recipe {recipe.name}: {error}"
            ) from error
        return Candidate(structure, recipe, mapped)
