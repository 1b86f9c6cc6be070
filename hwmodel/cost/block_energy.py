"""Where in a unit the energy goes: shares of its building blocks.

The mapped netlist is flat, and its gates lost their names when ABC rebuilt the logic. So shares
come from a second netlist, of the same structure and recipe, in which the blocks are mapped one by
one and kept apart, as the split of the area does. It is not the netlist whose energy is reported:
logic is not shared or merged across blocks, so shares are stated and nothing is scaled with them.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np

from hwmodel.errors import HwmodelError
from hwmodel.rtl import structures_for
from hwmodel.sim.activity import simulate_gates
from hwmodel.sim.bit_words import words_of
from hwmodel.sim.feeding import check_outputs, counted_cycles, port_bits
from hwmodel.sim.gates import build_gates
from hwmodel.sim.stimulus import operands
from hwmodel.synthesis.flow import make_flow
from hwmodel.synthesis.recipes import (
    Recipe,
    deepened,
    hurried_recipes,
    hurried_screening,
    refining_recipes,
    screening_recipes,
    speed_recipes,
)
from hwmodel.synthesis.search import rtlil_of
from hwmodel.synthesis.synthesize import block_modules
from hwmodel.technology import CellLibrary, load_library, read_netlist, static_timing
from hwmodel.units import UnitSpec
from hwmodel.yosys import run_yosys

__all__ = ["BlockEnergy", "block_energy"]

BLOCK_VECTORS = 1024


class Described(Protocol):
    """What blocks need of a synthesis result: how it was made."""

    @property
    def structure(self) -> str:
        """Name of the structure."""

    @property
    def recipe(self) -> str:
        """Name of the recipe."""

    @property
    def clock_ns(self) -> float | None:
        """Clock period that was asked for."""


@dataclass(frozen=True)
class BlockEnergy:
    """Energy of a unit by building block, in a netlist that keeps the blocks apart.

    Attributes
    ----------
    spec, structure, recipe, stimulus : str
        What was measured.
    shares : dict of str to float
        Part of the dynamic energy (leakage apart) by block; ``control`` are the gates between the
        blocks, ``registers`` what flip-flops spend on data, ``clock`` what the clock takes inside
        them and on their clock pins.
    clock_by_block : dict of str to float
        The clock's part by the place of the flip-flops: a block, or ``registers`` of the unit.
    dynamic_fj_per_mac : float
        Energy in fJ of this netlist, of which the shares are parts; not the unit's figure.
    leakage_shares : dict of str to float
        Part of the leakage by block, by the states that its cells are in; flip-flops count as
        ``registers``.
    leakage_fj_per_mac : float
        Leakage in fJ in one clock period, of which those are parts.
    fj_per_mac : float
        Energy of this netlist as the whole simulation gives it: both together.
    clock_ns : float
        Clock period, to which the leakage is proportional.
    note : str
        What the shares hold for.
    """

    spec: str
    structure: str
    recipe: str
    stimulus: str
    shares: dict[str, float]
    clock_by_block: dict[str, float]
    dynamic_fj_per_mac: float
    leakage_shares: dict[str, float]
    leakage_fj_per_mac: float
    fj_per_mac: float
    clock_ns: float
    note: str

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON can hold it."""
        return asdict(self)


def _recipe(result: Described) -> Recipe:
    """Recipe of a result; a cheap script for the dearest one, as for the split of the area."""
    clock = result.clock_ns
    known = [*screening_recipes(clock), *refining_recipes(clock)]
    if clock is not None:
        known += [*speed_recipes(clock), *hurried_screening(clock), *hurried_recipes(clock)]
    for recipe in known:
        if recipe.name == result.recipe:
            return recipe
        if deepened(recipe).name == result.recipe:
            return replace(recipe, script="amap", delay_ps=None)
    raise HwmodelError(
        f"expected a recipe of the search at this clock target, got {result.recipe!r}; synthesise"
        " the unit again with this version"
    )


def _kept_apart(
    spec: UnitSpec, result: Described, recipe: Recipe, library: CellLibrary
) -> tuple[dict[str, Any], dict[str, str]]:
    """Flat netlist whose cells are named after their block, and the module of each block."""
    structures = {structure.name: structure for structure in structures_for(spec)}
    if result.structure not in structures:
        raise HwmodelError(
            f"expected a structure of {spec.name} out of {', '.join(structures)}; got"
            f" {result.structure!r}"
        )
    rtlil, top = rtlil_of(spec, structures[result.structure]), spec.identifier
    modules = block_modules(rtlil, top)
    kept = tuple(sorted(set(modules.values())))
    flow = make_flow(rtlil, top, recipe, library, kept)
    outputs, _ = run_yosys(flow.script, flow.files, flow.links, ("netlist.json",))
    liberty = "".join(f"read_liberty -lib -ignore_miss_func {name}\n" for name in flow.links)
    script = (
        f"{liberty}read_json apart.json\nhierarchy -top {top}\n"
        "setattr -mod -unset keep_hierarchy *\nflatten -noscopeinfo\n"
        f"select {top}\nwrite_json -selected netlist.json\n"
    )
    flat, _ = run_yosys(
        script, {"apart.json": outputs["netlist.json"]}, flow.links, ("netlist.json",)
    )
    return json.loads(flat["netlist.json"]), modules


def _block_of(instance: str, modules: Mapping[str, str]) -> str:
    """Block of a flattened cell, by the instance that its name begins with."""
    match = re.match(r"(?:\$flatten)?\\?([A-Za-z_]\w*)\.", instance)
    name = match.group(1) if match else ""
    return name.removesuffix("_a").removesuffix("_b") if name in modules else "control"


def block_energy(
    spec: UnitSpec,
    synthesis_result: Described,
    stimulus: str = "gaussian",
    vectors: int = BLOCK_VECTORS,
    seed: int = 1,
    library: CellLibrary | None = None,
) -> BlockEnergy:
    """Share of each building block in the dynamic energy, glitches included, and in the leakage.

    The clock is the target of the synthesis, or what this netlist needs if that is more.

    Parameters
    ----------
    spec : UnitSpec
        The unit.
    synthesis_result : SynthesisResult
        Whose structure and recipe are used.
    stimulus, vectors, seed
        As for `hwmodel.cost.energy.measure_energy`.
    library : CellLibrary, optional
        NanGate 45 nm if not given.

    Raises
    ------
    HwmodelError
        Structure or recipe are unknown, or the netlist differs from the golden model.
    """
    library = load_library() if library is None else library
    recipe = _recipe(synthesis_result)
    design, modules = _kept_apart(spec, synthesis_result, recipe, library)
    gates = build_gates(read_netlist(design, library, spec.identifier), library)
    stream = operands(spec, stimulus, vectors, seed)
    period = max(static_timing(gates.design, library).period_ns, synthesis_result.clock_ns or 0.0)
    window = counted_cycles(stream)
    activity = simulate_gates(gates, port_bits(gates, spec, stream), period, count=window)
    check_outputs(gates, spec, stream, words_of(activity.outputs))
    cycles = window.stop - window.start
    spent = activity.by_instance / cycles
    cells = [library.cells[i.cell] for i in gates.design.netlist.instances]
    pins = sum(cell.flip_flop is not None for cell in cells)
    total: dict[str, float] = {}
    clocks: dict[str, float] = {}
    leaks: dict[str, float] = {}
    leaked = activity.leakage_by_instance * period * 1e-3  # nW * ns = 1e-18 J
    for instance, cell, (internal, switching, clock), leak in zip(
        gates.design.netlist.instances, cells, np.asarray(spent), leaked, strict=True
    ):
        place = _block_of(instance.name, modules)
        if cell.flip_flop is not None:
            edges = float(clock) + gates.clock_charge / pins
            where = "registers" if place == "control" else place
            clocks[where] = clocks.get(where, 0.0) + edges
            total["clock"] = total.get("clock", 0.0) + edges
            place = "registers"
        leaks[place] = leaks.get(place, 0.0) + float(leak)
        total[place] = total.get(place, 0.0) + float(internal + switching)
    whole, leakage = sum(total.values()), sum(leaks.values())
    per_cycle = activity.energy(period)
    return BlockEnergy(
        spec=spec.name,
        structure=synthesis_result.structure,
        recipe=recipe.name,
        stimulus=stream.name,
        shares={name: value / whole for name, value in total.items()},
        clock_by_block={name: value / whole for name, value in clocks.items()},
        dynamic_fj_per_mac=whole,
        # A library may know no leakage.
        leakage_shares={name: value / (leakage or 1.0) for name, value in leaks.items()},
        leakage_fj_per_mac=leakage,
        fj_per_mac=float(per_cycle[window].mean()),
        clock_ns=period,
        note=(
            "shares of the energy of a netlist that keeps the blocks apart; the flat"
            " netlist of the unit merges logic across blocks, so it has other absolute figures"
        ),
    )
