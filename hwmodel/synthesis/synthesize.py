"""From a spec to real cells: the package's front door."""

import importlib.metadata
import json
import math
import re
from dataclasses import asdict, replace

from hwmodel.errors import HwmodelError
from hwmodel.rtl import structures_for
from hwmodel.store import Store
from hwmodel.synthesis.designs import rtlil_of
from hwmodel.synthesis.keys import code_digest, design_digests, result_key, scripts_digest
from hwmodel.synthesis.mapping import load_netlist, map_blocks
from hwmodel.synthesis.near_ties import RULE
from hwmodel.synthesis.result import SynthesisResult, TriedPoint
from hwmodel.synthesis.search import Progress, Search, search
from hwmodel.synthesis.verify import check_netlist
from hwmodel.technology.library import CellLibrary, load_library
from hwmodel.technology.netlist import read_netlist
from hwmodel.units import UnitSpec
from hwmodel.yosys import pyosys_version, run_yosys

__all__ = ["block_modules", "synthesize"]

_KIND = "synthesis"


def synthesize(
    spec: UnitSpec,
    library: CellLibrary | None = None,
    clock_ns: float | None = None,
    *,
    store: Store | None = None,
    progress: Progress | None = None,
    workers: int = 2,
) -> SynthesisResult:
    """Map a unit to real cells: the best of all its structures and all recipes.

    Parameters
    ----------
    spec
        The unit.
    library
        Cells to use; NanGate 45 nm if not given.
    clock_ns
        Clock period in ns to meet with the least area; None for minimum area.
    store
        Where finished runs are kept; the user's store if not given.
    progress
        Told after every run: what, how many are done, how many are known so far.
    workers
        How many child processes run at a time.

    Returns
    -------
    SynthesisResult
        If no candidate meets the clock: the fastest one, with ``met`` False.

    Raises
    ------
    HwmodelError
        A clock that is no positive number, or a library that cannot be used.
    ToolError
        Yosys is missing or failed, or the netlist differs from the golden model.
    """
    if clock_ns is not None and not (math.isfinite(clock_ns) and clock_ns > 0):
        raise HwmodelError(f"a clock period is a positive number of ns, but {clock_ns!r} came")
    library = library if library is not None else load_library()
    store = store if store is not None else Store()
    versions = _versions(library)
    key = result_key(
        spec.name, clock_ns, design_digests(spec, store), scripts_digest(), versions, code_digest()
    )
    stored = store.load(_KIND, key)
    if stored is not None:
        return _from_store(stored)
    found = search(spec, library, clock_ns, store, progress, workers=workers)
    result = _finish(spec, library, clock_ns, store, found, versions)
    store.save(_KIND, key, _to_store(result))
    return result


def _finish(
    spec: UnitSpec,
    library: CellLibrary,
    clock_ns: float | None,
    store: Store,
    found: Search,
    versions: dict[str, str],
) -> SynthesisResult:
    """Check the winner, split its area, and write it down."""
    top, best = spec.identifier, found.best
    design = load_netlist(best.mapped, store)
    checked = check_netlist(spec, read_netlist(design, library, top), library)
    rtlil = rtlil_of(spec, best.structure, store)
    # The dearest script says no more about the shares of the blocks than the cheap one does.
    quick = replace(best.recipe, script="amap") if best.recipe.script == "deep" else best.recipe
    blocks = map_blocks(rtlil, top, block_modules(rtlil, top), quick, library, store)
    mapped = best.mapped
    total = sum(blocks.values())
    provenance = {
        "method": "measured",
        "goal": "minimum area" if clock_ns is None else f"minimum area at {clock_ns:g} ns",
        "area": "sum of cell areas of the mapped netlist; no placement",
        "delay": "static timing with the library's wire-load model"
        f" ({library.wire_load.name}), ideal clock, input to output of registers with setup",
        "effort": (
            f"{len(structures_for(spec))} structures through a cheap recipe, the best few through"
            " more, then cell sizing of the most promising;"
            f" {RULE}; the same policy for every unit"
        ),
        "compared": [
            {**asdict(candidate.point()), "fj_per_mac": energy}
            for candidate, energy in found.near_ties
        ],
        "runs": len(found.tried),
        "failed_runs": list(found.failures),
        "checked_vectors": checked,
        "register_area_um2": mapped.register_area_um2,
        "blocks": (
            f"from a run that keeps the blocks apart: they sum to {total:.1f} um2,"
            f" {total - mapped.area_um2:+.1f} um2 against the flat result"
        ),
        "blocks_total_um2": total,
        "baseline": "plain operators through Yosys' default flow (synth; abc), not polished",
    }
    text = json.dumps(design, separators=(",", ":"))
    return SynthesisResult(
        spec=spec.name,
        library=library.name,
        corner=library.corner,
        clock_ns=clock_ns,
        met=clock_ns is None or mapped.delay_ns <= clock_ns,
        area_um2=round(mapped.area_um2, 6),
        nand2=mapped.area_um2 / library.nand2_area,
        delay_ns=mapped.delay_ns,
        structure=best.structure.name,
        recipe=best.recipe.name,
        cells=mapped.cells,
        blocks=blocks,
        netlist=_verilog(text, top),
        netlist_json=text,
        points=(
            *([found.baseline.point(baseline=True)] if found.baseline else []),
            *(c.point() for c in found.tried),
        ),
        versions=versions,
        provenance=provenance,
    )


def block_modules(rtlil: str, top: str) -> dict[str, str]:
    """Module of each block that stands in the top module, by instance name."""
    defined = set(re.findall(r"^module \\(\S+)", rtlil, re.MULTILINE))
    body = rtlil[rtlil.index(f"module \\{top}\n") :]
    body = body[: body.index("\nend\n") + 1]
    cells = re.findall(r"^\s*cell \\(\S+) \\(\S+)", body, re.MULTILINE)
    return {instance: kind for kind, instance in cells if kind in defined}


def _verilog(netlist_json: str, top: str) -> str:
    script = (
        f"read_json netlist.json\nhierarchy -top {top}\nopt_clean -purge\nrename -enumerate\n"
        "write_verilog -noattr -noexpr netlist.v\n"
    )
    outputs, _ = run_yosys(script, {"netlist.json": netlist_json}, outputs=("netlist.v",))
    # The first lines name the tool's build; provenance stands in a header of its own.
    lines = outputs["netlist.v"].splitlines()
    body = next(i for i, line in enumerate(lines) if line.startswith("module "))
    return "\n".join(lines[body:]) + "\n"


def _versions(library: CellLibrary) -> dict[str, str]:
    return {
        "pyosys": pyosys_version(),
        "amaranth": importlib.metadata.version("amaranth"),
        "library_sha256": library.sha256,
    }


def _to_store(result: SynthesisResult) -> dict[str, object]:
    return {
        **result.to_dict(),
        "netlist": result.netlist,
        "netlist_json": result.netlist_json,
    }


def _from_store(stored: dict[str, object]) -> SynthesisResult:
    points = stored["points"]
    assert isinstance(points, list)
    entry = {**stored, "points": tuple(TriedPoint(**point) for point in points)}
    return SynthesisResult(**entry)  # type: ignore[arg-type]
