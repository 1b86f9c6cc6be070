"""One point of a sweep: synthesis and energy of a unit in a library at a clock, as a plain row.

A point never raises for what tools or files do: a row whose status is ``failed`` says in a
sentence what happened, and the rest of the sweep goes on.
"""

import contextlib
import functools
import hashlib
import importlib.metadata
import importlib.util
import os
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwmodel.errors import HwmodelError
from hwmodel.store import Store, content_key
from hwmodel.sweep.libraries import Liberty, PackedLiberty, unpack
from hwmodel.units import UnitSpec, parse_unit

if TYPE_CHECKING:
    from hwmodel.synthesis import SynthesisResult
    from hwmodel.technology import CellLibrary

__all__ = ["COLUMNS", "Task", "failed_row", "measure_point", "tool_identity"]

# Column of the table and its type; the first eight are what scripts rely on.
COLUMNS = {
    "spec": str,
    "library": str,
    "clock_ns": float,
    "area_um2": float,
    "delay_ns": float,
    "fj_per_mac": float,
    "how": str,
    "status": str,
    "format": str,
    "accumulator": str,
    "lanes": int,
    "structure": str,
    "recipe": str,
    "corner": str,
    "nand2": float,
    "tmac_per_s_mm2": float,
    "energy_clock_ns": float,
    "fj_low": float,
    "fj_high": float,
    "glitch_share": float,
    "stimulus": str,
    "vectors": int,
    "seed": int,
    "liberty": str,
    "tools": str,
    "note": str,
}

# Raise when a row means something else than before.
_VERSION = 1
# Rooms whose source a row depends on, and packages that bring the tools.
_ROOMS = ("formats", "units", "arithmetic", "technology", "synthesis", "accuracy", "cost")
_OUTER_ROOMS = ("hwmodel.rtl", "hwmodel.sim")
_PACKAGES = ("hwmodel", "pyosys", "amaranth", "numpy", "numba")
# An error in a search ends all Yosys runs of its process, so a process measures one point at a
# time, however many threads a Dask worker has.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Task:
    """A point, with all that its figures depend on.

    Attributes
    ----------
    spec : str
        Name of the unit.
    liberty : Liberty
        Its library.
    clock_ns : float or None
        Clock period in ns; None for minimum area.
    stimulus, vectors, seed
        The operands of the energy.
    tools : str
        `tool_identity` of the host that asks; a worker that has another refuses.
    """

    spec: str
    liberty: Liberty
    clock_ns: float | None
    stimulus: str
    vectors: int
    seed: int
    tools: str

    @functools.cached_property
    def unit(self) -> UnitSpec:
        """The unit."""
        return parse_unit(self.spec)

    @functools.cached_property
    def key(self) -> str:
        """Key of its row in the store.

        RTLIL and recipes follow from the unit, the goal and the source code, whose hash is part
        of the tools' identity; the runs below (`hwmodel.synthesis.mapping`) are keyed by the
        RTLIL itself.
        """
        return content_key(
            version=_VERSION,
            spec=self.spec,
            library=self.liberty.sha256,
            clock_ns=self.clock_ns,
            stimulus=[self.stimulus, self.vectors, self.seed],
            tools=self.tools,
        )

    @property
    def label(self) -> str:
        """Unit, goal and library in words."""
        goal = "minimum area" if self.clock_ns is None else f"{self.clock_ns:g} ns"
        return f"{self.spec} at {goal} ({self.liberty.label})"


@functools.cache
def tool_identity() -> str:
    """Versions of the tools, and a hash of the source that figures depend on.

    Raises
    ------
    HwmodelError
        A package is missing.
    """
    versions = []
    for package in _PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            raise HwmodelError(
                f"expected the Python package {package}, found none in this environment; install"
                f" it with: pip install {package}"
            ) from None
    root = Path(__file__).parent.parent
    folders = [root / room for room in _ROOMS]
    for room in _OUTER_ROOMS:  # found without importing them: that takes longer than a stored sweep
        found = importlib.util.find_spec(room)
        assert found is not None
        folders += [Path(place) for place in found.submodule_search_locations or ()]
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return f"{', '.join(versions)}, source {digest.hexdigest()[:16]}"


def failed_row(task: Task, note: str) -> dict[str, Any]:
    """Row of a point of which there is nothing but the reason why."""
    return {
        **dict.fromkeys(COLUMNS),
        "spec": task.spec,
        "library": task.liberty.label,
        "clock_ns": task.clock_ns,
        "status": "failed",
        "format": task.unit.a.name,
        "accumulator": task.unit.accumulator.name,
        "lanes": task.unit.lanes,
        "stimulus": task.stimulus,
        "vectors": task.vectors,
        "seed": task.seed,
        "liberty": task.liberty.label,
        "tools": task.tools,
        "note": " ".join(note.split()),
    }


def measure_point(
    task: Task,
    threads: int = 1,
    store_root: str | None = None,
    packed: PackedLiberty | None = None,
) -> dict[str, Any]:
    """Measure a point.

    Parameters
    ----------
    task : Task
        The point.
    threads : int
        Tool runs at a time.
    store_root : str, optional
        Folder of the store of finished runs; this host's own if not given.
    packed : PackedLiberty, optional
        Content of the library's files, where the task comes from another host.

    Returns
    -------
    dict
        Value of each of `COLUMNS` that is known. ``status`` is ``met``, ``missed`` (``note`` names
        the end of the frontier) or ``failed`` (``note`` says why).
    """
    row = failed_row(task, "")
    try:
        if tool_identity() != task.tools:
            raise HwmodelError(
                f"the worker has other tools ({tool_identity()}) than the sweep ({task.tools});"
                " install the same versions on both"
            )
        store = Store(Path(store_root) if store_root else None)
        with _one_at_a_time, _tool_threads(threads):
            files = task.liberty.files if packed is None else unpack(task.liberty, packed)
            _measure(row, task, _library(files, task.liberty.sha256), store)
    except HwmodelError as error:
        row["note"] = " ".join(str(error).split())
    except Exception as error:
        # A mistake of ours: it is told, and other points may still be good.
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}, line {last.lineno}"
        row["note"] = f"unexpected {type(error).__name__} in {where}: {error}; please report it"
    return row


def _measure(row: dict[str, Any], task: Task, library: "CellLibrary", store: Store) -> None:
    from hwmodel.cost.energy import measure_energy
    from hwmodel.synthesis import synthesize

    row |= {"library": library.name, "corner": library.corner}
    result = synthesize(task.unit, library, task.clock_ns, store=store)
    period = result.delay_ns if task.clock_ns is None else max(task.clock_ns, result.delay_ns)
    row |= {
        "area_um2": result.area_um2,
        "delay_ns": result.delay_ns,
        "how": "measured",
        "structure": result.structure,
        "recipe": result.recipe,
        "nand2": result.nand2,
        # 1/ns is 1e9/s, and 1e6 um2 are 1 mm2.
        "tmac_per_s_mm2": 1e3 * task.unit.lanes / (period * result.area_um2),
    }
    energy = measure_energy(
        task.unit,
        result,
        task.stimulus,
        vectors=task.vectors,
        seed=task.seed,
        library=library,
        store=store,
    )
    row |= {
        "fj_per_mac": energy.fj_per_mac,
        "energy_clock_ns": energy.clock_ns,
        "fj_low": energy.interval[0],
        "fj_high": energy.interval[1],
        "glitch_share": energy.glitch_share,
        "status": "met" if result.met else "missed",
        "note": None if result.met else _frontier_end(result),
    }


def _frontier_end(result: "SynthesisResult") -> str:
    return (
        f"{result.clock_ns:g} ns was not reached: the frontier ends at {result.delay_ns:.3f} ns"
        f" with {result.area_um2:.1f} um2, the fastest of {result.provenance['runs']} netlists"
    )


def _library(files: tuple[str, ...], sha256: str) -> "CellLibrary":
    loaded = _loaded(files, sha256)
    if isinstance(loaded, str):
        raise HwmodelError(loaded)
    return loaded


@functools.lru_cache(maxsize=4)
def _loaded(files: tuple[str, ...], sha256: str) -> "CellLibrary | str":
    """Return the library, or why there is none: a bad file is read once, not once a point."""
    from hwmodel.technology import load_library

    try:
        library = load_library(files)
    except HwmodelError as error:
        return str(error)
    if library.sha256 != sha256:
        return f"the Liberty file {', '.join(files)} has changed since the sweep began; start again"
    return library


@contextlib.contextmanager
def _tool_threads(count: int) -> Iterator[None]:
    """Let searches run so many tools at a time (see `hwmodel.parallel.core_count`)."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = str(count)
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
