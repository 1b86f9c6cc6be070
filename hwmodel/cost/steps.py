"""The measuring steps of a design point: synthesis, energy, co-simulation.

Each step keeps its finished results in the store, so that a plan can be taken up where it was
left. `Steps` is the seam at which tests put made-up tools.
"""

import functools
import hashlib
import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from hwmodel.cost.measurement import EnergyFigure, Measurement, Verification
from hwmodel.errors import HwmodelError
from hwmodel.store import Store, content_key
from hwmodel.units import UnitSpec

if TYPE_CHECKING:
    from hwmodel.synthesis import SynthesisResult
    from hwmodel.technology import CellLibrary

__all__ = ["Detail", "RealSteps", "Steps"]

Detail = Callable[[str], None]

# Raise when the co-simulation or the golden model changes what a stored verdict means.
_COSIM_VERSION = 1


class Steps(Protocol):
    """What it takes to measure design points."""

    def synthesize(
        self, spec: UnitSpec, clock_ns: float | None, detail: Detail
    ) -> tuple[Measurement, Any]:
        """Area and delay; with a handle that the energy step takes."""

    def energy(self, spec: UnitSpec, handle: Any, stimulus: str) -> EnergyFigure:
        """Energy per MAC of a synthesised unit."""

    def cosimulate(self, spec: UnitSpec, structure: str, detail: Detail) -> Verification:
        """Co-simulation of the RTL of a unit."""


@dataclass(frozen=True)
class RealSteps:
    """The project's own tools.

    Parameters
    ----------
    liberty : str or tuple of str, optional
        Liberty file (or files) of the cells, or the name of a library; the default library if not
        given.
    store : Store
        Where finished results are kept.
    """

    liberty: str | tuple[str, ...] | None
    store: Store

    @functools.cached_property
    def library(self) -> "CellLibrary":
        """Cells that are used."""
        from hwmodel.technology import load_library

        return load_library(self.liberty or None)

    def synthesize(
        self, spec: UnitSpec, clock_ns: float | None, detail: Detail
    ) -> "tuple[Measurement, SynthesisResult]":
        """Map a unit; see `hwmodel.synthesis.synthesize`."""
        from hwmodel.synthesis import synthesize

        def told(what: str, done: int, known: int) -> None:
            detail(f"synthesis, run {done} of {known}")

        result = synthesize(spec, self.library, clock_ns, store=self.store, progress=told)
        yardstick = result.baseline
        row = Measurement(
            spec=result.spec,
            library=result.library,
            corner=result.corner,
            clock_ns=result.clock_ns,
            area_um2=result.area_um2,
            nand2=result.nand2,
            delay_ns=result.delay_ns,
            met=result.met,
            structure=result.structure,
            recipe=result.recipe,
            blocks=result.blocks,
            provenance={
                "tools": result.versions,
                "synthesis": result.provenance,
                "default_flow": None
                if yardstick is None
                else {"area_um2": yardstick.area_um2, "delay_ns": yardstick.delay_ns},
            },
        )
        return row, result

    def energy(self, spec: UnitSpec, handle: "SynthesisResult", stimulus: str) -> EnergyFigure:
        """Simulate the mapped netlist; see `hwmodel.cost.energy.measure_energy`."""
        from hwmodel.cost.energy import measure_energy

        result = measure_energy(spec, handle, stimulus, library=self.library, store=self.store)
        return EnergyFigure(
            # Two names of one stream share what is stored; the row has the name that was asked for.
            stimulus=stimulus,
            clock_ns=result.clock_ns,
            fj_per_mac=result.fj_per_mac,
            low=result.interval[0],
            high=result.interval[1],
            split=result.split,
            glitch_share=result.glitch_share,
            nets_annotated=result.nets_annotated,
            vectors=result.vectors,
            outputs_checked=result.outputs_checked,
            provenance={
                **result.provenance,
                "stimulus": result.stimulus_description,
                "wire_load": result.wire_load,
                "nets": result.nets,
                "toggles_per_cycle": result.toggles_per_cycle,
            },
        )

    def cosimulate(self, spec: UnitSpec, structure: str, detail: Detail) -> Verification:
        """Run the unit's Verilog against the golden model, or remember that it was done.

        Raises
        ------
        HwmodelError
            A step differs from the golden model: such a unit has no cost.
        """
        from hwmodel.rtl import Structure, to_rtlil
        from hwmodel.sim.cosim import run_cosim
        from hwmodel.sim.simulator import simulator_version

        chosen = Structure.parse(structure)
        key = content_key(
            version=_COSIM_VERSION,
            rtlil=hashlib.sha256(to_rtlil(spec, chosen).encode()).hexdigest(),
            spec=spec.name,
            simulator=simulator_version(),
            tools=importlib.metadata.version("pyosys"),
        )
        entry = self.store.load("cosimulation", key)
        if entry is None:

            def told(done: int, whole: int) -> None:
                detail(f"co-simulation, cycle {done:,} of {whole:,}")

            result = run_cosim(spec, chosen, progress=told)
            if result.mismatches:
                raise HwmodelError(
                    f"{spec.name} ({structure}) differs from the golden model in"
                    f" {result.mismatches} of {result.vectors} cycles; see: hwmodel cosim"
                    f" {spec.name}"
                )
            verdict = Verification(result.vectors, result.mismatches, result.seed, result.simulator)
            entry = self.store.save("cosimulation", key, verdict.to_dict())
        return Verification.from_dict(entry)
