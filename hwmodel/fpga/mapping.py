"""Map a unit to an FPGA family: every structure, the smallest kept and simulated."""

import dataclasses
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from hwmodel.errors import ToolError
from hwmodel.fpga.families import Family, family_named
from hwmodel.fpga.simulation import Check, simulate_mapped
from hwmodel.rtl import Structure, structures_for, to_rtlil
from hwmodel.store import Store, content_key
from hwmodel.units import UnitSpec
from hwmodel.yosys import pyosys_version, run_yosys, stop_all

__all__ = ["FpgaResult", "map_fpga"]

# Part of every key: raise it when the meaning of a stored run changes.
_VERSION = 1
_KIND = "fpga"
_WORKERS = 2
_TIMEOUT_S = 900.0

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class FpgaResult:
    """A unit on an FPGA family: counts of the smallest structure.

    Attributes
    ----------
    spec, family : str
        What was mapped, and to what.
    dsp : bool
        Whether multiplier blocks were allowed.
    structure : str
        The structure with the fewest look-up tables (those inside carry cells counted in).
    luts, carries, flip_flops, dsps, muxes, others : int
        Cells by kind; `luts` are look-up-table cells alone.
    logic_cells : int
        Look-up-table sites: `luts` and those that carry cells take.
    cells : dict of str to int
        How many of each cell.
    tried : dict of str to int
        Logic cells of every structure tried.
    failed : tuple of str
        Structures that the tool could not map, with why.
    checked_vectors : int
        Cycles in which the mapped netlist was compared with the golden model; all equal.
    unchecked : str
        Why the netlist was not simulated; empty where it was.
    versions : dict of str to str
        Tools.
    netlist : str
        Yosys' JSON of the mapped design, for nextpnr.
    """

    spec: str
    family: str
    dsp: bool
    structure: str
    luts: int
    carries: int
    flip_flops: int
    dsps: int
    muxes: int
    others: int
    logic_cells: int
    cells: dict[str, int]
    tried: dict[str, int]
    failed: tuple[str, ...]
    checked_vectors: int
    unchecked: str
    versions: dict[str, str]
    netlist: str

    def to_dict(self) -> dict[str, Any]:
        """Everything but the netlist, as JSON can hold it."""
        entry = dataclasses.asdict(self)
        del entry["netlist"]
        return entry | {"failed": list(self.failed), "method": "measured"}


def map_fpga(
    spec: UnitSpec,
    family: str,
    dsp: bool = True,
    store: Store | None = None,
    progress: Progress | None = None,
    structures: tuple[Structure, ...] | None = None,
) -> FpgaResult:
    """Map every structure of a unit and return the smallest.

    Parameters
    ----------
    spec : UnitSpec
        The unit.
    family : str
        ``ice40``, ``ecp5`` or ``xilinx``.
    dsp : bool
        Whether multiplier blocks may be used.
    store : Store, optional
        Where finished runs are kept; the user's store if not given.
    progress : callable, optional
        Told after each run: structure, runs done, runs in all.
    structures : tuple of Structure, optional
        What to try; all structures of the unit if not given.

    Raises
    ------
    HwmodelError
        No such family.
    ToolError
        Yosys failed on every structure, or the netlist differs from the golden model.
    """
    target = family_named(family)
    store = store if store is not None else Store()
    tell = progress or (lambda *_: None)
    tried: dict[str, dict[str, Any]] = {}
    failed: list[str] = []
    wanted = structures or structures_for(spec)
    with ThreadPoolExecutor(_WORKERS) as pool:
        runs = {
            structure.name: pool.submit(_mapped, spec, structure, target, dsp, store)
            for structure in wanted
        }
        try:
            for done, (name, run) in enumerate(runs.items(), 1):
                try:
                    tried[name] = run.result()
                except ToolError as error:
                    failed.append(f"{name}: {error}")
                tell(name, done, len(runs))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stop_all()
            raise
    if not tried:
        raise ToolError(f"no structure of {spec.name} could be mapped to {family}; {failed[0]}")
    best = min(tried, key=lambda name: _rank(tried[name]["cells"], target))
    cells, text = tried[best]["cells"], tried[best]["netlist"]
    counts = target.count(cells)
    check = _checked(spec, target, best, text, store)
    return FpgaResult(
        spec=spec.name,
        family=family,
        dsp=dsp,
        structure=best,
        luts=counts["lut"],
        carries=counts["carry"],
        flip_flops=counts["ff"],
        dsps=counts["dsp"],
        muxes=counts.get("mux", 0),
        others=counts["other"],
        logic_cells=_rank(cells, target)[0],
        cells=cells,
        tried={name: _rank(run["cells"], target)[0] for name, run in tried.items()},
        failed=tuple(failed),
        checked_vectors=check.vectors,
        unchecked=check.reason,
        versions={"pyosys": pyosys_version()},
        netlist=text,
    )


def _rank(cells: dict[str, int], family: Family) -> tuple[int, int, int]:
    """Smaller is better: logic cells, then carries, then flip-flops."""
    counts = family.count(cells)
    return (
        counts["lut"] + family.carry_luts * counts["carry"],
        counts["carry"],
        counts["ff"],
    )


def _mapped(
    spec: UnitSpec, structure: Structure, family: Family, dsp: bool, store: Store
) -> dict[str, Any]:
    """Run the family's flow on one structure, or fetch the finished run."""
    rtlil, top = to_rtlil(spec, structure), spec.identifier
    flow = f"{family.command} {family.with_dsp if dsp else family.without_dsp}".strip()
    key = content_key(version=_VERSION, rtlil=rtlil, flow=flow, pyosys=pyosys_version())
    found = store.load(_KIND, key)
    if found is not None:
        return found
    script = (
        f"read_rtlil design.il\nhierarchy -check -top {top}\n{flow} -top {top}\n"
        "delete */t:$scopeinfo\ntee -q -o stat.json stat -json\nwrite_json netlist.json\n"
    )
    outputs, _ = run_yosys(
        script, {"design.il": rtlil}, outputs=("stat.json", "netlist.json"), timeout_s=_TIMEOUT_S
    )
    cells = json.loads(outputs["stat.json"])["design"]["num_cells_by_type"]
    return store.save(_KIND, key, {"cells": cells, "netlist": outputs["netlist.json"]})


def _checked(spec: UnitSpec, family: Family, structure: str, netlist: str, store: Store) -> Check:
    key = content_key(version=_VERSION, check=True, spec=spec.name, netlist=netlist)
    found = store.load(_KIND, key)
    if found is not None:
        return Check(**found)
    check = simulate_mapped(spec, Structure.parse(structure), family.models, netlist)
    if check.vectors:
        store.save(_KIND, key, dataclasses.asdict(check))
    return check
