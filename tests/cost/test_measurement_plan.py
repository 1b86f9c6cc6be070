"""Carrying out a plan: failures do not stop the rest, finished results stay."""

from dataclasses import dataclass, field

import pytest
from test_measurement import energy, measurement

from hwmodel.cost.collect import collect
from hwmodel.cost.measurement import Verification
from hwmodel.cost.plan import DEFAULT_FORMATS, make_plan
from hwmodel.cost.results import Results
from hwmodel.errors import HwmodelError


@dataclass
class MadeUpSteps:
    """Tools that fail where they are told to."""

    failing: tuple[str, str] = ("", "")
    unmet: str = ""
    called: list[tuple[str, str]] = field(default_factory=list)

    def _call(self, step, spec):
        self.called.append((step, spec.name))
        if self.failing == (step, spec.name):
            raise HwmodelError(f"{step} of {spec.name} went wrong")

    def synthesize(self, spec, clock_ns, detail):
        self._call("synthesis", spec)
        detail("run 1 of 1")
        met = clock_ns is None or spec.name != self.unmet
        row = measurement(spec.name, clock_ns=clock_ns, met=met, energies=(), verification=None)
        return row, spec.name

    def energy(self, spec, handle, stimulus):
        self._call("energy", spec)
        assert handle == spec.name
        return energy(stimulus=stimulus)

    def cosimulate(self, spec, structure, detail):
        self._call("cosimulation", spec)
        return Verification(1000, 0, 1, "made up")


def small_plan():
    return make_plan(("int8", "e4m3"), 3.0, ("gaussian", "uniform"))


def test_default_plan_has_int8_and_four_fp8_formats_with_their_accumulators():
    plan = make_plan()
    assert plan.formats == DEFAULT_FORMATS
    assert plan.units(of_integers=True) == ("mac-int8-int8-int32", "mac-int8-int8-exact")
    assert len(plan.units(of_integers=False)) == 8
    assert {point.clock_ns for point in plan.points} == {None, plan.clock_ns}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(((),), "none came"), ((("int8",), 0.0), "positive"), ((("e0m0",),), "e0m0")],
)
def test_impossible_plans_are_refused(arguments, said):
    with pytest.raises(HwmodelError, match=said):
        make_plan(*arguments)


def test_everything_is_measured_once():
    steps = MadeUpSteps()
    results = collect(small_plan(), accuracy=False, steps=steps)
    assert len(results.measurements) == len(small_plan().points) == 8
    assert not results.failures
    assert all(len(row.energies) == 2 and row.verification for row in results.measurements)
    # Both goals came to the same structure: one co-simulation serves them.
    assert len([name for step, name in steps.called if step == "cosimulation"]) == 4
    assert results.ratios
    assert {row["format"] for row in results.analytic} == {"int8", "e4m3"}


def test_results_survive_json():
    import json

    results = collect(small_plan(), accuracy=False, steps=MadeUpSteps())
    again = Results.from_dict(json.loads(json.dumps(results.to_dict())))
    assert again.to_dict() == results.to_dict()
    with pytest.raises(HwmodelError, match="layout"):
        Results.from_dict({"layout": 0})


@pytest.mark.parametrize(
    ("step", "rows", "failures"),
    [("synthesis", 6, 2), ("cosimulation", 6, 2), ("energy", 8, 4)],
)
def test_a_failing_point_does_not_stop_the_rest(step, rows, failures):
    steps = MadeUpSteps(failing=(step, "mac-e4m3-e4m3-fp32"))
    results = collect(small_plan(), accuracy=False, steps=steps)
    # A unit that is wrong or has no netlist has no row; one without energy keeps its area.
    assert len(results.measurements) == rows
    assert len(results.failures) == failures
    assert all("mac-e4m3-e4m3-fp32" in failure.point for failure in results.failures)
    assert "went wrong" in results.failures[0].sentence


def test_a_missed_clock_is_told_and_gives_no_ratio():
    results = collect(small_plan(), False, steps=MadeUpSteps(unmet="mac-e4m3-e4m3-fp32"))
    assert [failure.point for failure in results.failures] == ["mac-e4m3-e4m3-fp32 at 3 ns"]
    clocked = [r for r in results.ratios if r.clock_ns == 3.0 and r.numerator.endswith("fp32")]
    assert all(r.goal.startswith("each") for r in clocked)


def test_progress_runs_from_nothing_to_all():
    told = []
    collect(small_plan(), False, progress=lambda *step: told.append(step), steps=MadeUpSteps())
    done = [step[0] for step in told]
    assert done == sorted(done)
    assert done[0] == 0
    assert max(done) < told[0][1] == told[-1][1]


def test_an_interruption_is_passed_on():
    class Interrupted(MadeUpSteps):
        def energy(self, spec, handle, stimulus):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect(small_plan(), False, steps=Interrupted())


def test_without_pytorch_the_rest_is_measured(monkeypatch, own_cache):
    def missing():
        raise HwmodelError("networks need torch, not installed here; install the extra packages")

    monkeypatch.setattr("hwmodel.accuracy.cases.require_torch", missing)
    monkeypatch.setattr("hwmodel.accuracy.evaluate.require_torch", missing)
    plan = make_plan(("int8", "e4m3"), 3.0, ("gaussian", "captured"))
    results = collect(plan, accuracy=True, steps=MadeUpSteps())
    assert not results.failures
    assert not results.scores
    assert len(results.measurements) == 8
    assert "not installed" in results.notes[0]
    assert all(row.energy("captured") is None for row in results.measurements)
