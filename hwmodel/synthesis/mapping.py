"""One run: a design mapped by one recipe, measured, and kept in the store."""

import gzip
import json
from dataclasses import dataclass
from typing import Any

from hwmodel.errors import HwmodelError, ToolError
from hwmodel.store import Store, content_key
from hwmodel.synthesis.flow import make_flow, unused_cells
from hwmodel.synthesis.polish import polish
from hwmodel.synthesis.recipes import DEFAULT_FLOW, Recipe
from hwmodel.synthesis.sizing import Sizer
from hwmodel.technology.library import CellLibrary
from hwmodel.technology.netlist import Netlist, read_netlist
from hwmodel.technology.timing import static_timing
from hwmodel.yosys import pyosys_version, run_yosys

__all__ = ["Mapped", "load_netlist", "map_blocks", "map_design", "size_mapped", "speed_for_free"]

# Part of every key: raise it when the meaning of a stored run changes.
_VERSION = 1
_SIZING_VERSION = 6
# Growing cells brings a netlist to half of its delay or so; slower ones are left as they are.
_HOPELESS = 3.0
_KIND = "mapping"
_BLOCKS = "blocks"
_SUFFIX = ".netlist.json.gz"


@dataclass(frozen=True)
class Mapped:
    """A mapped design, measured.

    Attributes
    ----------
    key : str
        Key of the run in the store.
    area_um2 : float
        Sum of the cells' areas.
    register_area_um2 : float
        Share of the flip-flops.
    delay_ns : float
        Minimum clock period: clock-to-output, logic, wire load and setup.
    cells : dict of str to int
        How many of each cell.
    """

    key: str
    area_um2: float
    register_area_um2: float
    delay_ns: float
    cells: dict[str, int]


def map_design(
    rtlil: str,
    top: str,
    recipe: Recipe,
    library: CellLibrary,
    store: Store,
    timeout_s: float = 300.0,
) -> Mapped:
    """Map a design, or fetch the finished run from the store.

    Parameters
    ----------
    rtlil
        The design.
    top
        Its top module.
    recipe
        How to map it.
    library
        Cells to map it to.
    store
        Where finished runs are kept.
    timeout_s
        Limit on the tool's run in seconds.

    Raises
    ------
    ToolError
        Yosys failed, ran out of time, or left something unmapped.
    HwmodelError
        The mapped netlist cannot be analysed (a loop, an undriven net).
    """
    key = _run_key(rtlil, top, recipe, library)
    found = store.load(_KIND, key)
    if found is not None and store.load_bytes(_KIND, key, _SUFFIX) is not None:
        return Mapped(key=key, **found)
    flow = make_flow(rtlil, top, recipe, library)
    outputs, log = run_yosys(
        flow.script, flow.files, flow.links, ("netlist.json", "stat.json"), timeout_s
    )
    design = json.loads(outputs["netlist.json"])
    raw = read_netlist(design, library, top)
    _cross_check(raw.area(library), json.loads(outputs["stat.json"]), log)
    if recipe.script != DEFAULT_FLOW:
        design = polish(design, top, library)
    return _keep(key, design, top, library, store)


def _run_key(
    rtlil: str, top: str, recipe: Recipe, library: CellLibrary, blocks: dict[str, str] | None = None
) -> str:
    return content_key(
        version=_VERSION,
        rtlil=rtlil,
        top=top,
        recipe=recipe.name,
        abc=recipe.abc_script(),
        library=library.sha256,
        pyosys=pyosys_version(),
        **({} if blocks is None else {"blocks": blocks}),
    )


def _keep(key: str, design: dict[str, Any], top: str, library: CellLibrary, store: Store) -> Mapped:
    """Measure a netlist and save it with its figures."""
    payload = _measure(read_netlist(design, library, top), library)
    text = json.dumps(design, separators=(",", ":"))
    store.save_bytes(_KIND, key, _SUFFIX, gzip.compress(text.encode(), 4, mtime=0))
    return Mapped(key=key, **store.save(_KIND, key, payload))


def size_mapped(
    mapped: Mapped, top: str, library: CellLibrary, store: Store, clock_ns: float | None
) -> Mapped:
    """Exchange cells of a mapped design for the goal, or fetch the finished run from the store.

    Parameters
    ----------
    mapped
        A finished run.
    top
        Its top module.
    library
        Its cells.
    store
        Where finished runs are kept.
    clock_ns
        Clock period aimed at; None for minimum area. A netlist far too slow is left as it is.
    """
    key = content_key(version=_SIZING_VERSION, mapped=mapped.key, clock=clock_ns)
    found = store.load(_KIND, key)
    if found is not None and store.load_bytes(_KIND, key, _SUFFIX) is not None:
        return Mapped(key=key, **found)
    unused = unused_cells(library)
    sizer = Sizer(load_netlist(mapped, store), top, library, unused)
    if clock_ns is None:
        sizer.shrink_all()
    elif mapped.delay_ns <= clock_ns * _HOPELESS:
        sizer.speed_up(clock_ns)
        sizer.shrink(clock_ns)
    return _keep(key, sizer.result(), top, library, store)


def speed_for_free(mapped: Mapped, top: str, library: CellLibrary, store: Store) -> Mapped:
    """Make a netlist of least area as fast as exchanges without cost in area can."""
    key = content_key(version=_SIZING_VERSION, mapped=mapped.key, free=True)
    found = store.load(_KIND, key)
    if found is not None and store.load_bytes(_KIND, key, _SUFFIX) is not None:
        return Mapped(key=key, **found)
    sizer = Sizer(load_netlist(mapped, store), top, library, unused_cells(library))
    sizer.speed_up(0.0, free_only=True)
    return _keep(key, sizer.result(), top, library, store)


def map_blocks(
    rtlil: str,
    top: str,
    blocks: dict[str, str],
    recipe: Recipe,
    library: CellLibrary,
    store: Store,
) -> dict[str, float]:
    """Area of each building block when none is flattened into another.

    Parameters
    ----------
    rtlil, top
        The design.
    blocks
        Module of each instance in the top module.
    recipe, library
        How and to what it is mapped.
    store
        Where finished runs are kept: clocks often share the winning structure and recipe.

    Returns
    -------
    dict
        um2 by block (instances that differ only in a last ``_a``/``_b`` together), ``registers``
        for all flip-flops and ``control`` for the gates between the blocks.
    """
    key = _run_key(rtlil, top, recipe, library, blocks)
    if (found := store.load(_BLOCKS, key)) is not None:
        return found
    kept = tuple(sorted(set(blocks.values())))
    flow = make_flow(rtlil, top, recipe, library, kept)
    outputs, _ = run_yosys(flow.script, flow.files, flow.links, ("netlist.json",))
    modules = json.loads(outputs["netlist.json"])["modules"]
    areas: dict[str, float] = {}
    registers = 0.0
    for module in kept:
        gates, flip_flops = _module_area(modules[module], library)
        registers += flip_flops * sum(name == module for name in blocks.values())
        for instance in (i for i, name in blocks.items() if name == module):
            block = instance.removesuffix("_a").removesuffix("_b")
            areas[block] = areas.get(block, 0.0) + gates
    control, flip_flops = _module_area(modules[top], library)
    order = {instance.removesuffix("_a").removesuffix("_b"): None for instance in blocks}
    found = {block: areas[block] for block in order}
    found |= {"control": control, "registers": registers + flip_flops}
    return store.save(_BLOCKS, key, found)


def _module_area(module: dict[str, Any], library: CellLibrary) -> tuple[float, float]:
    """Areas of the gates and of the flip-flops that stand directly in a module."""
    kinds = [library.cells.get(cell["type"]) for cell in module["cells"].values()]
    gates = sum(kind.area for kind in kinds if kind is not None and kind.flip_flop is None)
    flip_flops = sum(kind.area for kind in kinds if kind is not None and kind.flip_flop is not None)
    return gates, flip_flops


def load_netlist(mapped: Mapped, store: Store) -> dict[str, Any]:
    """Netlist of a run, as Yosys' ``write_json`` gives it.

    Raises
    ------
    HwmodelError
        The store lost it between the run and now.
    """
    packed = store.load_bytes(_KIND, mapped.key, _SUFFIX)
    if packed is None:
        raise HwmodelError(
            f"the netlist of run {mapped.key[:12]} has left the store at {store.root}; run again"
        )
    design: dict[str, Any] = json.loads(gzip.decompress(packed))
    return design


def _cross_check(area: float, statistics: dict[str, Any], log: str) -> None:
    """Compare our sum of cell areas with what Yosys itself counts."""
    theirs = float(statistics["design"]["area"])
    if abs(theirs - area) > 1e-6 * max(area, 1.0):
        raise ToolError(
            f"the cells' areas sum to {area:.3f} um2 but Yosys counts {theirs:.3f} um2; is the"
            " library read in another way than it was mapped with?"
        )


def _measure(netlist: Netlist, library: CellLibrary) -> dict[str, Any]:
    """Area and timing of a netlist, as JSON can hold them."""
    cells: dict[str, int] = {}
    for instance in netlist.instances:
        cells[instance.cell] = cells.get(instance.cell, 0) + 1
    registers = sum(
        library.cells[cell].area * count
        for cell, count in cells.items()
        if library.cells[cell].flip_flop is not None
    )
    return {
        "area_um2": sum(library.cells[cell].area * count for cell, count in cells.items()),
        "register_area_um2": registers,
        "delay_ns": static_timing(netlist, library).period_ns,
        "cells": dict(sorted(cells.items())),
    }
