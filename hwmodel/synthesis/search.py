"""Best of structures and recipes for a unit and a goal.

The same rounds for every unit: each structure goes through a cheap screening recipe, the best few
through others, and of the netlists that miss the clock only the most promising are grown to it.
Of netlists of nearly the least area, energy decides (`near_ties`).
Every run is kept in the store, so an interrupted search goes on where it was, several processes
may share one, and the clocks of a unit share what does not depend on the clock.
"""

import math
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import Concatenate, ParamSpec

from hwmodel.errors import HwmodelError, ToolError
from hwmodel.parallel import core_count
from hwmodel.rtl import Structure, structures_for
from hwmodel.store import Store
from hwmodel.synthesis.designs import rtlil_of
from hwmodel.synthesis.mapping import Mapped, map_design, size_mapped, speed_for_free
from hwmodel.synthesis.near_ties import MOST_COMPARED, TOLERANCE, price, quick_energy
from hwmodel.synthesis.recipes import (
    DEFAULT_FLOW,
    Recipe,
    deepened,
    hasty_recipes,
    hurried_recipes,
    hurried_screening,
    refining_recipes,
    screening_recipes,
    speed_recipes,
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

# Structures that go on to the second round.
FINALISTS = 2
# Candidates within this factor of the least area that go through the dearest script, and how many.
_NEAR, _DEEP = 1.02, 3
# Mapping a structure for speed costs at least so much of its area, mostly more: where a netlist was
# found that is smaller, that is not tried, on the best structures and then on the next ones.
_STRAINED = (1.1, 1.15)
# Netlists slower than the clock by this factor are tried after all others.
_HOPELESS = 2.5
# Netlists grown towards a clock at a time; those slower by the factor never get there.
_GROWN, _REACH = 5, 2.1
# Share of its area that a netlist may keep at most when it is sized, and one that was mapped for
# speed and has time to spare: those that stay larger than the best are not sized.
_SHRINKS, _SLIMS = 0.98, 0.85
# Netlists that may miss the clock in spite of growing before the rest is given up.
_MISSES = 2
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

    @property
    def figures(self) -> tuple[float, float]:
        """Area and delay: equal ones are taken for the same netlist."""
        return (round(self.mapped.area_um2, 3), round(self.mapped.delay_ns, 6))

    def promise(self, clock_ns: float | None) -> tuple[float, ...]:
        """Smaller is better: area once grown to the clock, guessed before that is done."""
        mapped = self.mapped
        if clock_ns is None:
            return self.rank(None)
        late = max(mapped.delay_ns / clock_ns, 1.0)
        return (float(late > _HOPELESS), self.estimate(clock_ns), mapped.delay_ns)

    def estimate(self, clock_ns: float) -> float:
        """Area in um2 once grown to the clock, guessed: more by the share that it is late."""
        return self.mapped.area_um2 * max(self.mapped.delay_ns / clock_ns, 1.0)

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
        Runs that a tool did not finish and energies that could not be told, and why.
    near_ties : tuple of (Candidate, float)
        Netlists of nearly the least area with the energy in fJ per MAC that decided, the winner
        first; empty where there was no choice.
    """

    best: Candidate
    baseline: Candidate | None
    tried: tuple[Candidate, ...]
    failures: tuple[str, ...]
    near_ties: tuple[tuple[Candidate, float], ...] = ()


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
    *,
    workers: int = 2,
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
    workers
        How many child processes run at a time.

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
    baseline = (operator_structure(spec), Recipe(DEFAULT_FLOW))
    with _Pool(spec, library, clock_ns, store, progress, workers) as pool:
        yardstick, *screened = pool.run(
            [baseline, *((s, r) for s in structures for r in screening_recipes(clock_ns))]
        )
        tried = [candidate for candidate in screened if candidate is not None]
        if not tried:
            raise pool.errors[0]
        if clock_ns is None:
            _least_area(pool, tried)
        else:
            _least_area_at(pool, tried, structures, clock_ns)
        near_ties = _near_ties(pool, tried, clock_ns)
        best = near_ties[0][0] if near_ties else _ranked(tried, clock_ns)[0]
        if clock_ns is None:
            best = pool.finish(best, speed_for_free)
            tried.append(best)
    failures = tuple(str(error) for error in pool.errors)
    return Search(best, yardstick, tuple(tried), failures, near_ties)


def _ranked(tried: list[Candidate], clock_ns: float | None) -> list[Candidate]:
    """Best first."""
    return sorted(tried, key=lambda c: c.rank(clock_ns))


def _near_ties(
    pool: "_Pool", tried: list[Candidate], clock_ns: float | None
) -> tuple[tuple[Candidate, float], ...]:
    """Candidates that reach the goal with nearly the least area, and their energies; best first."""
    meeting = [c for c in tried if clock_ns is None or c.mapped.delay_ns <= clock_ns]
    # The same netlist comes from several recipes.
    distinct: dict[tuple[float, float], Candidate] = {}
    for candidate in _ranked(meeting, clock_ns):
        distinct.setdefault(candidate.figures, candidate)
    least = min((c.mapped.area_um2 for c in meeting), default=0.0)
    near = [c for c in distinct.values() if c.mapped.area_um2 <= (1 + TOLERANCE) * least]
    if len(near) < 2:
        return ()
    energies = pool.energies(near[:MOST_COMPARED])
    return tuple(sorted(energies, key=lambda pair: price(pair[0].mapped.area_um2, pair[1])))


def _best_structures(tried: list[Candidate], clock_ns: float | None, count: int) -> list[Structure]:
    ranked = sorted(tried, key=lambda c: c.promise(clock_ns))
    return list(dict.fromkeys(c.structure for c in ranked))[:count]


def _least_area(pool: "_Pool", tried: list[Candidate]) -> None:
    """Go on from the screened candidates to the least area; adds to `tried`."""
    finalists = _best_structures(tried, None, FINALISTS + 1)
    tried += pool.tries([(s, r) for s in finalists for r in refining_recipes(None)])
    ranked = _ranked(tried, None)
    near = [c for c in ranked if c.mapped.area_um2 <= _NEAR * ranked[0].mapped.area_um2]
    tried += pool.tries([(c.structure, deepened(c.recipe)) for c in near[:_DEEP]])


def _least_area_at(
    pool: "_Pool", tried: list[Candidate], structures: tuple[Structure, ...], clock: float
) -> None:
    """Go on from the screened candidates to the least area at a clock; adds to `tried`.

    Netlists mapped for area and grown come first: their mapping serves all clocks. Where they had
    to grow much, the structures that may still win are mapped for speed; where nothing meets the
    clock yet, with ever more haste.
    """
    _refine(pool, tried, clock)
    _size(pool, tried, clock)
    screened = {c.structure: c.mapped.area_um2 for c in reversed(tried)}
    order = _best_structures(tried, clock, len(structures))
    quick: list[Candidate] = []
    for strained in _STRAINED:
        found = _area_at(tried, clock)
        few = [s for s in order if screened[s] * strained < found][:FINALISTS]
        order = [s for s in order if s not in few]
        made = pool.tries([(s, r) for s in few for r in speed_recipes(clock)])
        quick += made
        tried += made
        _size(pool, tried, clock)
    # Where those miss the clock, and the winner is larger, there is a quicker script.
    found = _area_at(tried, clock)
    met = {c.structure for c in tried if c.mapped.delay_ns <= clock}
    missed = [c for c in quick if c.structure not in met and c.mapped.area_um2 < found]
    few = _best_structures(missed, clock, FINALISTS)
    tried += pool.tries([(s, r) for s in few for r in hasty_recipes(clock)])
    _size(pool, tried, clock)
    if _area_at(tried, clock) == math.inf:
        tried += pool.tries([(s, r) for s in structures for r in hurried_screening(clock)])
        finalists = _best_structures(tried, clock, FINALISTS)
        tried += pool.tries([(s, r) for s in finalists for r in hurried_recipes(clock)])
        _size(pool, tried, clock)
    if _area_at(tried, clock) == math.inf:
        # Out of reach: see how far the fastest few can go.
        for last in _ranked(tried, clock)[:FINALISTS]:
            aim = max(clock, _STRETCH * last.mapped.delay_ns)
            tried.append(pool.finish(last, size_mapped, aim))


def _refine(pool: "_Pool", tried: list[Candidate], clock: float) -> None:
    """Put the best structures through more recipes; what helps none is tried on one only."""
    finalists = _best_structures(tried, clock, FINALISTS)
    plain = next(c for c in tried if c.structure == finalists[0])
    made = pool.tries([(finalists[0], r) for r in refining_recipes(clock)])
    tried += made
    helpful = [
        c.recipe
        for c in made
        if c.mapped.area_um2 < plain.mapped.area_um2 or c.estimate(clock) < plain.estimate(clock)
    ]
    tried += pool.tries([(s, r) for s in finalists[1:] for r in helpful])


def _area_at(tried: list[Candidate], clock: float) -> float:
    """Least area that meets the clock; infinite if none does."""
    return min((c.mapped.area_um2 for c in tried if c.mapped.delay_ns <= clock), default=math.inf)


def _size(pool: "_Pool", tried: list[Candidate], clock: float) -> None:
    """Shrink the netlists that meet the clock and grow the most promising of those that miss it.

    Those that cannot win are left as they are.
    """
    grown = misses = 0
    for candidate in sorted(tried, key=lambda c: c.promise(clock)):
        mapped = candidate.mapped
        if mapped.delay_ns > clock * _REACH or candidate.figures in pool.sized:
            continue
        late = mapped.delay_ns > clock
        # Those that follow promise less still.
        if late and (grown == _GROWN or misses == _MISSES):
            continue
        hurried = not late and candidate.recipe.delay_ps is not None
        if mapped.area_um2 * (_SLIMS if hurried else _SHRINKS) > _area_at(tried, clock):
            continue
        tried.append(pool.finish(candidate, size_mapped, clock))
        pool.sized |= {candidate.figures, tried[-1].figures}
        grown += late
        misses += tried[-1].mapped.delay_ns > clock


class _Pool:
    """Worker threads around child processes; an error or Ctrl-C ends them all."""

    def __init__(
        self,
        spec: UnitSpec,
        library: CellLibrary,
        clock_ns: float | None,
        store: Store,
        progress: Progress | None,
        workers: int,
    ) -> None:
        self._spec = spec
        self._library = library
        self._clock_ns = clock_ns
        self._store = store
        self._progress = progress
        self._executor = ThreadPoolExecutor(min(workers, core_count()))
        self._done = self._known = 0
        # Area and delay of netlists that were sized: the same ones come from several recipes.
        self.sized: set[tuple[float, float]] = set()
        self._stopped = False
        self.errors: list[HwmodelError] = []

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

    def tries(self, tries: list[tuple[Structure, Recipe]]) -> list[Candidate]:
        """Run them; only those that the tool finished."""
        return [candidate for candidate in self.run(tries) if candidate is not None]

    def finish(
        self,
        candidate: Candidate,
        step: Callable[Concatenate[Mapped, str, CellLibrary, Store, P], Mapped],
        *args: P.args,
        **named: P.kwargs,
    ) -> Candidate:
        """Take a candidate a step further, in a worker: the main thread stays interruptible."""
        top = self._spec.identifier
        mapped = self._executor.submit(
            step, candidate.mapped, top, self._library, self._store, *args, **named
        ).result()
        return replace(candidate, mapped=mapped)

    def energies(self, candidates: list[Candidate]) -> tuple[tuple[Candidate, float], ...]:
        """Energy of each; none at all where the library has none or a netlist's cannot be told."""
        if not self._library.has_power:
            return ()
        try:
            futures = [self._executor.submit(self._energy, c.mapped) for c in candidates]
            energies = [future.result() for future in futures]
        except HwmodelError as error:
            self.errors.append(error)
            return ()
        return tuple(zip(candidates, energies, strict=True))

    def _energy(self, mapped: Mapped) -> float:
        return quick_energy(self._spec, mapped, self._library, self._store, self._clock_ns)

    def _one(self, structure: Structure, recipe: Recipe) -> Candidate:
        top = self._spec.identifier
        try:
            rtlil = rtlil_of(self._spec, structure, self._store)
            mapped = map_design(rtlil, top, recipe, self._library, self._store)
            # Towards a clock, sizing waits until the best are known.
            if recipe.script != DEFAULT_FLOW and self._clock_ns is None and not self._stopped:
                mapped = size_mapped(mapped, top, self._library, self._store, None)
        except HwmodelError as error:
            raise type(error)(
                f"{self._spec.name}, structure {structure.name}, recipe {recipe.name}: {error}"
            ) from error
        return Candidate(structure, recipe, mapped)
