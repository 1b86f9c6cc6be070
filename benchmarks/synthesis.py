"""Time and result of our search against the plain use of the same tools, in one run.

    python benchmarks/synthesis.py            # a few minutes
    python benchmarks/synthesis.py --quick    # one small unit

The plain use is one child process a point that runs ``synth; dfflibmap; abc -liberty`` on the
operators as the language writes them. It takes no clock, so its one netlist stands for all of
them. Ours is timed with an empty store, from the store, and at one further clock.
"""

import argparse
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hwmodel.store import Store
from hwmodel.synthesis import SynthesisResult, synthesize
from hwmodel.synthesis.mapping import Mapped, map_design
from hwmodel.synthesis.recipes import DEFAULT_FLOW, Recipe
from hwmodel.synthesis.search import operator_structure, rtlil_of
from hwmodel.technology import load_library
from hwmodel.technology.library import CellLibrary
from hwmodel.units import parse_unit
from hwmodel.yosys import pyosys_version

T = TypeVar("T")

UNITS = ("mac-int8-int8-int32", "mac-e4m3-e4m3-exact", "mac-e4m3-e4m3-fp32")
QUICK = ("mac-int4-int4-int12",)
CLOCKS = (None, 3.0)
FURTHER = 2.0
RESULTS = Path(__file__).parent / "results" / "synthesis.md"


def _cpu() -> float:
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def _timed(work: Callable[[], T]) -> tuple[T, float, float]:
    """Result, wall time and processor time in s."""
    wall, processor = time.perf_counter(), _cpu()
    result = work()
    return result, time.perf_counter() - wall, _cpu() - processor


def _plain(name: str, library: CellLibrary, folder: Path) -> Mapped:
    spec = parse_unit(name)
    rtlil = rtlil_of(spec, operator_structure(spec))
    return map_design(rtlil, spec.identifier, Recipe(DEFAULT_FLOW), library, Store(folder))


def _unit(name: str, library: CellLibrary, folder: Path) -> list[str]:
    store = Store(folder / "ours")
    spec = parse_unit(name)

    def points(*clocks: float | None) -> list[SynthesisResult]:
        return [synthesize(spec, library, clock, store=store) for clock in clocks]

    plain, *times = _timed(lambda: _plain(name, library, folder / "plain"))
    figures = f"{plain.area_um2:.0f} / {plain.delay_ns:.2f}"
    lines = [f"| {name} | plain tools | 1 | {times[0]:.2f} | {times[1]:.2f} | {figures} |"]
    for what, clocks in (
        ("from nothing", CLOCKS),
        ("from the store", CLOCKS),
        ("a further clock", (FURTHER,)),
    ):
        found, *times = _timed(lambda clocks=clocks: points(*clocks))  # type: ignore[misc]
        figures = ", ".join(f"{r.area_um2:.0f} / {r.delay_ns:.2f}" for r in found)
        lines.append(
            f"| {name} | ours, {what} | {len(found)} | {times[0]:.2f} | {times[1]:.2f}"
            f" | {figures} |"
        )
    return lines


def main() -> None:
    """Measure, print, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small unit, nothing written")
    quick = parser.parse_args().quick
    library = load_library()
    lines = [
        "# Synthesis: our search against the plain use of the same tools",
        "",
        f"pyosys {pyosys_version()}, {library.name} {library.corner},"
        f" {platform.machine()}, two child processes at a time. Goals: minimum area, then"
        f" {CLOCKS[1]:g} ns; the further clock is {FURTHER:g} ns. Wall times hold for the load that"
        " the machine had, processor times less so. The first rows include compiling the sizer"
        " where numba has not kept it.",
        "",
        "| unit | flow | points | wall [s] | processor [s] | area [um2] / delay [ns] |",
        "|---|---|---:|---:|---:|---|",
    ]
    with tempfile.TemporaryDirectory() as name:
        for unit in QUICK if quick else UNITS:
            lines += _unit(unit, library, Path(name) / unit)
    text = "\n".join(lines) + "\n"
    print(text)
    if not quick:
        RESULTS.write_text(text)


if __name__ == "__main__":
    main()
