"""A unit mapped to an FPGA family: the best of its structures by the logic cells it takes."""

import functools
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from hwmodel.errors import HwmodelError, ToolError
from hwmodel.fpga.check import check_mapped
from hwmodel.fpga.families import Family, parse_family
from hwmodel.rtl import Structure, structures_for, to_rtlil
from hwmodel.store import Store, content_key
from hwmodel.units import UnitSpec
from hwmodel.yosys import pyosys_version, run_yosys, stop_all

__all__ = ["FpgaResult", "map_fpga"]

Progress = Callable[[int, int], None]

# Raise when a stored run would mean something else.
_VERSION = 1
_WORKERS = 2
# Cells that take part in no circuit.
_NO_CELLS = ("$scopeinfo",)


@dataclass(frozen=True)
class FpgaResult:
    """A unit in the cells of an FPGA family.

    Attributes
    ----------
    spec, family, structure : str
        What was mapped, to what, and the circuit that took the fewest LUTs and carries.
    dsp_allowed : bool
        Whether DSP blocks were allowed.
    luts, carries, flip_flops, dsps, muxes : int
        Cells by kind: look-up tables of any size, carry cells as the family counts them,
        flip-flops, DSP blocks, and wide multiplexers.
    cells : dict of str to int
        All cells by name.
    tried : dict of str to list of int
        LUTs, carries and DSP blocks of each structure.
    checked_vectors : int
        Cycles in which the mapped netlist was compared with the golden model, with the vendor's
        cells as Yosys models them; 0 where it has no model of a cell.
    netlist_json : str
        Netlist as Yosys' JSON, which nextpnr reads.
    provenance : dict
        How the figures were obtained.
    """

    spec: str
    family: str
    structure: str
    dsp_allowed: bool
    luts: int
    carries: int
    flip_flops: int
    dsps: int
    muxes: int
    cells: dict[str, int]
    tried: dict[str, list[int]]
    checked_vectors: int
    netlist_json: str = field(repr=False)
    provenance: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Everything but the netlist, as JSON can hold it."""
        entry = asdict(self)
        del entry["netlist_json"]
        return entry


def map_fpga(
    spec: UnitSpec,
    family: Family | str = "ecp5",
    dsp: bool = True,
    *,
    structures: tuple[Structure, ...] | None = None,
    store: Store | None = None,
    progress: Progress | None = None,
) -> FpgaResult:
    """Map a unit to an FPGA family: every structure, and of those the one that takes least.

    Fewest LUTs and carry cells together win: both take logic cells. DSP blocks are not counted
    against them, so that a circuit with one wins where one is allowed and saves LUTs.

    Parameters
    ----------
    spec : UnitSpec
        The unit.
    family : Family or str
        The family or its name.
    dsp : bool
        Whether DSP blocks may be used.
    structures : tuple of Structure, optional
        Circuits to try; all of the unit's if not given.
    store : Store, optional
        Where finished runs are kept.
    progress : callable, optional
        Told how many runs are done, of how many.

    Raises
    ------
    HwmodelError
        There is no such family, or the unit has no RTL.
    ToolError
        Yosys is missing or failed, or the netlist differs from the golden model.
    """
    family = parse_family(family) if isinstance(family, str) else family
    store = store if store is not None else Store()
    structures = structures or structures_for(spec)
    key = content_key(
        version=_VERSION,
        spec=spec.name,
        family=asdict(family),
        dsp=dsp,
        rtlil={s.name: to_rtlil(spec, s) for s in structures},
        pyosys=pyosys_version(),
    )
    stored = store.load("fpga", key)
    if stored is not None:
        return FpgaResult(**stored)
    runs = _run_all(spec, structures, family, dsp, store, progress)
    best = min(runs, key=lambda name: (_weight(family, runs[name]["cells"]), name))
    cells = runs[best]["cells"]
    netlist, verilog = runs[best]["netlist"], runs[best]["verilog"]
    kinds = (family.luts, family.carries, family.dsps)
    result = FpgaResult(
        spec=spec.name,
        family=family.name,
        structure=best,
        dsp_allowed=dsp,
        luts=_count(cells, family.luts),
        carries=_count(cells, family.carries),
        flip_flops=_count(cells, family.flip_flops),
        dsps=_count(cells, family.dsps),
        muxes=_count(cells, family.muxes),
        cells=cells,
        tried={name: [_count(run["cells"], kind) for kind in kinds] for name, run in runs.items()},
        checked_vectors=check_mapped(spec, family, verilog, set(cells)),
        netlist_json=netlist,
        provenance={
            "how": "measured",
            "method": f"Yosys {family.synthesis} {family.dsp if dsp else family.no_dsp}".strip(),
            "counted": "cells after mapping; packing into slices is the router's",
            "pyosys": pyosys_version(),
        },
    )
    return FpgaResult(**store.save("fpga", key, asdict(result)))


def _run_all(
    spec: UnitSpec,
    structures: tuple[Structure, ...],
    family: Family,
    dsp: bool,
    store: Store,
    progress: Progress | None,
) -> dict[str, dict[str, Any]]:
    run = functools.partial(_run, spec, family=family, dsp=dsp, store=store)
    runs, errors = {}, []
    with ThreadPoolExecutor(_WORKERS) as pool:
        futures = {structure.name: pool.submit(run, structure) for structure in structures}
        try:
            for done, (name, future) in enumerate(futures.items(), 1):
                try:
                    runs[name] = future.result()
                except ToolError as error:
                    errors.append(error)
                if progress is not None:
                    progress(done, len(futures))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stop_all()
            raise
    if not runs:
        raise errors[0]
    return runs


def _run(
    spec: UnitSpec, structure: Structure, family: Family, dsp: bool, store: Store
) -> dict[str, Any]:
    """Cells and netlists of one structure, from the store if they are there."""
    rtlil = to_rtlil(spec, structure)
    command = f"{family.synthesis} {family.dsp if dsp else family.no_dsp}"
    key = content_key(
        version=_VERSION, rtlil=rtlil, command=command, pyosys=pyosys_version(), top=spec.identifier
    )
    stored = store.load("fpga-mapping", key)
    if stored is not None:
        return stored
    script = (
        f"read_rtlil design.il\n{command} -top {spec.identifier}\n"
        "tee -q -o stat.json stat -json\nwrite_json netlist.json\nwrite_verilog -noattr netlist.v\n"
    )
    outputs, _ = run_yosys(
        script, {"design.il": rtlil}, outputs=("stat.json", "netlist.json", "netlist.v")
    )
    counts = json.loads(outputs["stat.json"])["design"]["num_cells_by_type"]
    cells = {name: int(count) for name, count in counts.items() if name not in _NO_CELLS}
    unknown = [name for name in cells if name.startswith("$")]
    if unknown:
        raise HwmodelError(
            f"{spec.name} on {family.title}: Yosys left {', '.join(unknown)} unmapped; choose"
            " another family, or report this unit"
        )
    entry = {"cells": cells, "netlist": outputs["netlist.json"], "verilog": outputs["netlist.v"]}
    return store.save("fpga-mapping", key, entry)


def _count(cells: dict[str, int], prefixes: tuple[str, ...]) -> int:
    return sum(count for name, count in cells.items() if name.startswith(prefixes))


def _weight(family: Family, cells: dict[str, int]) -> int:
    return _count(cells, family.luts) + _count(cells, family.carries)
