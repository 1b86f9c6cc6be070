"""Measure the training units with the project's own tools and write the table.

Every synthesis and every simulation is kept in the store, so a collection that was interrupted
goes on where it was. Units are measured in processes of their own, for sizing and simulation are
compiled code that heeds no interruption.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import active_children, get_context
from pathlib import Path

from hwmodel.cost.steps import RealSteps
from hwmodel.errors import HwmodelError
from hwmodel.predict.data import Row, read_rows, write_rows
from hwmodel.store import Store
from hwmodel.units import UnitSpec, parse_unit

__all__ = ["STIMULUS", "Goal", "collect_rows", "measure_row"]

STIMULUS = "gaussian"
# A unit's name and a clock: in ns, or as a share of the delay of its smallest circuit.
Goal = tuple[str, float | None]
_PROCESSES = 2

Progress = Callable[[int, int, str], None]
"""Told how many design points are done, of how many, and which one was last."""


def measure_row(name: str, share: float | None, store: Store | None = None) -> Row:
    """Measure one design point: area, delay and energy under the Gaussian stream.

    Parameters
    ----------
    name
        The unit.
    share
        Clock as a share of the delay of the unit's smallest circuit; None for minimum area.
    store
        Where finished results are kept; the user's store if not given.

    Raises
    ------
    HwmodelError
        The unit cannot be measured.
    """
    steps = RealSteps(None, store if store is not None else Store())
    spec = parse_unit(name)
    measured, handle = steps.synthesize(spec, None, lambda _: None)
    if share is not None:
        clock = float(f"{share * measured.delay_ns:.3g}")
        measured, handle = steps.synthesize(spec, clock, lambda _: None)
    energy = steps.energy(spec, handle, STIMULUS)
    assert energy.low is not None
    assert energy.high is not None
    provenance = measured.provenance
    return Row(
        spec=measured.spec,
        library=measured.library,
        corner=measured.corner,
        clock_ns=measured.clock_ns,
        met=measured.met,
        area_um2=measured.area_um2,
        nand2=measured.nand2,
        delay_ns=measured.delay_ns,
        fj_per_mac=energy.fj_per_mac,
        fj_low=energy.low,
        fj_high=energy.high,
        clock_fj=energy.split["clock"],
        leakage_fj=energy.split["leakage"],
        energy_clock_ns=energy.clock_ns,
        stimulus=energy.stimulus,
        structure=measured.structure,
        recipe=measured.recipe,
        effort=provenance["synthesis"]["effort"],
        tools=" ".join(f"{key}={value}" for key, value in sorted(provenance["tools"].items())),
    )


def collect_rows(
    units: Sequence[UnitSpec],
    path: Path,
    shares: Sequence[float] = (),
    progress: Progress | None = None,
) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """Measure units at minimum area and at clocks, and write the table after every row.

    Parameters
    ----------
    units
        What to measure.
    path
        The table; rows of design points that were not measured now are kept.
    shares
        Clocks as shares of the delay of each unit's smallest circuit.
    progress
        Told after every design point.

    Returns
    -------
    rows, failures
        All rows of the table, and a sentence for each design point that could not be measured.
    """
    told = progress or (lambda *_: None)
    kept = {(row.spec, row.clock_ns): row for row in (read_rows(path) if path.exists() else ())}
    goals: list[Goal] = [(unit.name, None) for unit in units]
    goals += [(unit.name, share) for share in shares for unit in units]
    failures: list[str] = []
    executor = ProcessPoolExecutor(_PROCESSES, mp_context=get_context("spawn"))
    try:
        pending = {executor.submit(measure_row, *goal): goal for goal in goals}
        for done, future in enumerate(as_completed(pending), 1):
            name, share = pending[future]
            goal = "minimum area" if share is None else f"{share:g} of its slowest clock"
            try:
                row = future.result()
            except HwmodelError as error:
                failures.append(f"{name} at {goal}: {error}")
            else:
                kept[row.spec, row.clock_ns] = row
                write_rows(path, tuple(kept.values()))
            told(done, len(goals), f"{name} at {goal}")
    except BaseException:
        # Whoever interrupts does not wait for the units that are in the works.
        for process in active_children():
            process.terminate()
        executor.shutdown(wait=False, cancel_futures=True)
        raise
    executor.shutdown()
    return tuple(kept.values()), tuple(failures)
