"""Rows are made of what the measuring tools said, and a table that exists is added to."""

from concurrent.futures import Future

import pytest

from hwmodel.cost.measurement import EnergyFigure, Measurement
from hwmodel.errors import HwmodelError
from hwmodel.predict import collect as room
from hwmodel.predict import read_rows
from hwmodel.predict.family import training_family
from hwmodel.units import parse_unit

UNIT = "mac-int4-int4-int16"


class MadeUpSteps:
    """Stands in for synthesis and simulation: 2 ns at minimum area, bigger at a clock."""

    def __init__(self, liberty, store):
        pass

    def synthesize(self, spec, clock_ns, detail):
        if spec.name == "mac-int3-int3-int16":
            raise HwmodelError("the tool broke")
        row = Measurement(
            spec=spec.name,
            library="made up",
            corner="typical",
            clock_ns=clock_ns,
            area_um2=100.0 if clock_ns is None else 120.0,
            nand2=125.0,
            delay_ns=2.0 if clock_ns is None else clock_ns,
            met=True,
            structure="array",
            recipe="deep",
            blocks={},
            provenance={"tools": {"b": "2", "a": "1"}, "synthesis": {"effort": "all of it"}},
        )
        return row, clock_ns

    def energy(self, spec, handle, stimulus):
        return EnergyFigure(
            stimulus=stimulus,
            clock_ns=2.0 if handle is None else handle,
            fj_per_mac=50.0,
            low=49.0,
            high=51.0,
            split={"internal": 20.0, "switching": 18.0, "clock": 10.0, "leakage": 2.0},
            glitch_share=0.1,
            nets_annotated=1.0,
            vectors=4096,
            outputs_checked=4096,
            provenance={},
        )


class Here:
    """An executor that works at once, in this process."""

    def __init__(self, *_, **__):
        pass

    def submit(self, task, *arguments):
        future = Future()
        try:
            future.set_result(task(*arguments))
        except HwmodelError as error:
            future.set_exception(error)
        return future

    def shutdown(self, **_):
        pass


@pytest.fixture(autouse=True)
def made_up_tools(monkeypatch, tmp_path):
    monkeypatch.setenv("HWMODEL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(room, "RealSteps", MadeUpSteps)
    monkeypatch.setattr(room, "ProcessPoolExecutor", Here)


def test_a_row_says_what_was_measured():
    row = room.measure_row(UNIT, None)
    assert (row.area_um2, row.delay_ns, row.fj_per_mac) == (100.0, 2.0, 50.0)
    assert (row.clock_fj, row.leakage_fj) == (10.0, 2.0)
    assert row.tools == "a=1 b=2"
    assert row.effort == "all of it"


def test_a_clock_is_a_share_of_the_slowest():
    assert room.measure_row(UNIT, 0.6).clock_ns == pytest.approx(1.2)


def test_a_table_grows_and_a_failure_does_not_stop_it(tmp_path):
    path = tmp_path / "rows.csv"
    told = []
    units = [parse_unit("mac-int3-int3-int16"), parse_unit(UNIT)]
    rows, failures = room.collect_rows(units, path, progress=lambda *what: told.append(what))
    assert [row.spec for row in rows] == [UNIT]
    assert len(failures) == 1
    assert "the tool broke" in failures[0]
    assert [done for done, _, _ in told] == [1, 2]
    room.collect_rows([parse_unit(UNIT)], path, shares=(0.5,))
    assert [row.clock_ns for row in read_rows(path)] == [None, 1.0]


def test_the_training_family_spans_all_kinds():
    family = training_family()
    assert len({unit.name for unit in family}) == len(family) >= 50
    kinds = {type(unit.accumulator).__name__ for unit in family[:12]}
    assert kinds == {"IntAccumulator", "ExactAccumulator", "FloatAccumulator"}
