"""Area against delay of a unit, from the least area to the fastest clock that can be reached.

The fast end is found, not given: the search runs at a geometric ladder of clocks, from the delay
of the smallest netlist down, until a clock is not met. Every point is the winner of a search, so
its netlist was compared with the golden model, and its energy was measured on that netlist.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from hwmodel.cost.energy import LEAST_VECTORS, measure_energy
from hwmodel.errors import HwmodelError
from hwmodel.store import Store
from hwmodel.synthesis import SynthesisResult, synthesize
from hwmodel.technology import load_library, read_netlist, static_timing
from hwmodel.technology.library import CellLibrary
from hwmodel.units import UnitSpec

__all__ = ["FRONTIER_VECTORS", "Frontier", "FrontierPoint", "explore_frontier"]

# Products simulated for each point: fewer than for a figure that stands alone.
FRONTIER_VECTORS = 1024
# Each clock tried is this share of the one before; no more rungs than any unit can need.
_RUNG = 0.8
_MOST_RUNGS = 24

# Told before each step: what is done, steps done.
Told = Callable[[str, int], None]


@dataclass(frozen=True)
class FrontierPoint:
    """A netlist that no other one found beats in both area and delay.

    Attributes
    ----------
    delay_ns : float
        Minimum clock period by static timing.
    area_um2 : float
        Sum of the cells' areas.
    fj_per_mac : float
        Energy at the point's own minimum period.
    fj_low, fj_high : float
        95 % confidence interval of it.
    structure, recipe : str
        How it was made.
    macs_per_s_um2 : float
        Throughput per area: one MAC a period.
    hold_slack_ns : float or None
        Worst hold slack by static timing with an ideal clock.
    met_clocks_ns : tuple of float
        Clocks of the ladder that it meets.
    checked_vectors : int
        Steps in which its netlist was compared with the golden model.
    """

    delay_ns: float
    area_um2: float
    fj_per_mac: float
    fj_low: float
    fj_high: float
    structure: str
    recipe: str
    macs_per_s_um2: float
    hold_slack_ns: float | None
    met_clocks_ns: tuple[float, ...]
    checked_vectors: int


@dataclass(frozen=True)
class Frontier:
    """The points of a unit, smallest area first, with what they hold for.

    Attributes
    ----------
    spec, library, corner : str
        Unit and technology.
    stimulus : str
        Operand stream of the energies.
    vectors : int
        Products simulated for each.
    clocks_ns : tuple of float
        Clocks tried, longest first; the first is the delay of the smallest netlist.
    points : tuple of FrontierPoint
        Smallest area first, each faster than the one before.
    """

    spec: str
    library: str
    corner: str
    stimulus: str
    vectors: int
    clocks_ns: tuple[float, ...]
    points: tuple[FrontierPoint, ...]

    def at(self, clock_ns: float) -> FrontierPoint:
        """Return the smallest point that meets a clock.

        Raises
        ------
        HwmodelError
            No point does.
        """
        meeting = [point for point in self.points if point.delay_ns <= clock_ns]
        if not meeting:
            end = self.points[-1]
            raise HwmodelError(
                f"{clock_ns:g} ns is out of reach of {self.spec} in {self.library}: its frontier"
                f" ends at {end.delay_ns:.3f} ns ({end.area_um2:.1f} um2); choose a longer clock"
            )
        return min(meeting, key=lambda point: point.area_um2)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON can hold it."""
        return asdict(self)


def explore_frontier(
    spec: UnitSpec,
    library: CellLibrary | None = None,
    clock_ns: float | None = None,
    *,
    stimulus: str = "gaussian",
    vectors: int = FRONTIER_VECTORS,
    store: Store | None = None,
    progress: Told | None = None,
    workers: int = 2,
) -> Frontier:
    """Find the frontier of a unit and measure the energy of each of its points.

    Parameters
    ----------
    spec
        The unit.
    library
        Cells to use; NanGate 45 nm if not given.
    clock_ns
        A clock in ns to search at besides the ladder.
    stimulus
        Operand stream of the energies.
    vectors
        Products to simulate for each point.
    store
        Where finished work is kept; the user's store if not given.
    progress
        Told before each step: what it is, and how many are done.
    workers
        How many child processes run at a time.

    Raises
    ------
    HwmodelError
        A clock that is no positive number, or too few vectors.
    ToolError
        Yosys failed, or a netlist differs from the golden model.
    """
    if clock_ns is not None and not (math.isfinite(clock_ns) and clock_ns > 0):
        raise HwmodelError(f"a clock period is a positive number of ns, but {clock_ns!r} came")
    if vectors < LEAST_VECTORS:
        raise HwmodelError(
            f"expected at least {LEAST_VECTORS} vectors for an energy, but {vectors} came"
        )
    library = library if library is not None else load_library()
    store = store if store is not None else Store()
    if not library.has_power:
        raise HwmodelError(
            f"the points of a frontier have energies, but {library.name} has no internal-power"
            " tables; name a library characterised for power, or take area and delay alone:"
            f" hwmodel synth {spec.name} --clock NS"
        )
    tell = progress if progress is not None else (lambda what, done: None)
    tell("minimum area", 0)
    found = [synthesize(spec, library, store=store, workers=workers)]
    clocks = [found[0].delay_ns]
    while found[-1].met and len(clocks) <= _MOST_RUNGS:
        # From what was reached, not from what was asked: a netlist may be faster than asked.
        clocks.append(_rung(_RUNG * min(clocks[-1], found[-1].delay_ns)))
        tell(f"clock {clocks[-1]:g} ns", len(found))
        found.append(synthesize(spec, library, clocks[-1], store=store, workers=workers))
    if clock_ns is not None and clock_ns not in clocks:
        if clock_ns >= min(result.delay_ns for result in found):
            tell(f"clock {clock_ns:g} ns", len(found))
            found.append(synthesize(spec, library, clock_ns, store=store, workers=workers))
        clocks.append(clock_ns)
    clocks.sort(reverse=True)
    front: list[SynthesisResult] = []
    for result in sorted(found, key=lambda r: (r.area_um2, r.delay_ns)):
        if not front or result.delay_ns < front[-1].delay_ns:
            front.append(result)
    points = []
    for place, result in enumerate(front):
        tell(f"energy at {result.delay_ns:.3f} ns", len(found) + place)
        points.append(_point(spec, result, library, stimulus, vectors, tuple(clocks), store))
    return Frontier(
        spec=spec.name,
        library=library.name,
        corner=library.corner,
        stimulus=stimulus,
        vectors=vectors,
        clocks_ns=tuple(clocks),
        points=tuple(points),
    )


def _rung(clock_ns: float) -> float:
    """Three significant digits: the ladder can be read, and asked for again."""
    return float(f"{clock_ns:.3g}")


def _point(
    spec: UnitSpec,
    result: SynthesisResult,
    library: CellLibrary,
    stimulus: str,
    vectors: int,
    clocks: tuple[float, ...],
    store: Store,
) -> FrontierPoint:
    """Measure one netlist."""
    energy = measure_energy(
        spec, result, stimulus, result.delay_ns, vectors, library=library, store=store
    )
    timing = static_timing(read_netlist(result.netlist_json, library), library)
    return FrontierPoint(
        delay_ns=result.delay_ns,
        area_um2=result.area_um2,
        fj_per_mac=energy.fj_per_mac,
        fj_low=energy.interval[0],
        fj_high=energy.interval[1],
        structure=result.structure,
        recipe=result.recipe,
        macs_per_s_um2=1e9 / result.delay_ns / result.area_um2,
        hold_slack_ns=timing.hold_slack_ns,
        met_clocks_ns=tuple(clock for clock in clocks if result.delay_ns <= clock),
        checked_vectors=int(result.provenance["checked_vectors"]),
    )
