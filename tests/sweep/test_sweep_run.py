"""Sweeps by processes of this host: nothing lost, nothing done twice, the rest goes on."""

import functools
import gzip
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import fake_points
import pytest
from fake_points import alive, wait_until

from hwmodel.errors import HwmodelError
from hwmodel.store import Store
from hwmodel.sweep import make_sweep, run_sweep
from hwmodel.sweep.claims import Claims
from hwmodel.sweep.run import _tasks

HERE = Path(fake_points.__file__).parent
SETTINGS = {"formats": "int2,int3,e2m1", "accumulators": "int8,exact", "clocks": "min,1,2,3"}
POINTS = 5 * 4  # e2m1 has no sum of integers

# A sweep in a process of its own, for tests that kill it or run it twice.
SCRIPT = f"""
import json, sys
sys.path.insert(0, {str(HERE)!r})
import fake_points
from hwmodel.sweep import make_sweep, run_sweep

if __name__ == "__main__":
    tell = lambda now: print(now.done, flush=True)
    found = run_sweep(
        make_sweep({SETTINGS!r}), jobs=2, measure=fake_points.measure, progress=tell
    )
    print(json.dumps([found.stored, found.rows]))
"""

sweep = functools.partial(run_sweep, measure=fake_points.measure)


@pytest.fixture
def script(tmp_path, fake, monkeypatch):
    """Start a sweep of `SETTINGS` in a process of its own."""
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    monkeypatch.setenv("FAKE_SECONDS", "0.2")
    started = []

    def start():
        started.append(
            subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE, text=True)
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_every_point_is_measured_once_and_then_comes_from_the_store(fake):
    told = []
    plan = make_sweep(SETTINGS)
    first = sweep(plan, jobs=2, progress=told.append)
    assert [(row["spec"], row["clock_ns"]) for row in first.rows] == [
        (point.spec.name, point.clock_ns) for point in plan.points()
    ]
    assert len(first.rows) == POINTS == first.count("met")
    assert (first.stored, len(first.left_out)) == (0, 1)
    assert set(Counter(fake_points.runs()).values()) == {1}
    assert [now.done for now in told] == list(range(POINTS + 1))
    assert told[-1].left_s == 0
    assert all(now.left_s is not None for now in told[1:])
    again = sweep(plan, jobs=2)
    assert (again.rows, again.stored) == (first.rows, POINTS)
    assert len(fake_points.runs()) == POINTS


def test_a_process_that_dies_is_replaced_and_its_point_tried_once_more(fake):
    clocks = (fake_points.DIES, fake_points.DIES_ONCE, 1.0)
    plan = make_sweep({"formats": "int2,int3", "accumulators": "int8", "clocks": clocks})
    found = sweep(plan, jobs=2)
    by_clock = {row["clock_ns"]: row for row in found.rows if row["format"] == "int2"}
    assert by_clock[fake_points.DIES]["status"] == "failed"
    assert "died twice" in by_clock[fake_points.DIES]["note"]
    assert by_clock[fake_points.DIES_ONCE]["status"] == by_clock[1.0]["status"] == "met"
    assert (found.count("met"), found.count("failed")) == (4, 2)
    counts = Counter(label.split(" at ")[1].split(" ")[0] for label in fake_points.runs())
    assert counts == {"66": 4, "67": 4, "1": 2}
    # What failed is no result: it is tried again.
    again = sweep(plan, jobs=2)
    assert (again.stored, again.count("failed")) == (4, 2)


def test_a_point_that_takes_too_long_is_stopped_and_the_rest_goes_on(fake):
    clocks = (fake_points.HANGS, 1.0, 2.0)
    plan = make_sweep({"formats": "int2", "accumulators": "int8", "clocks": clocks})
    found = sweep(plan, jobs=1, timeout_s=1.5)
    assert [row["status"] for row in found.rows] == ["failed", "met", "met"]
    assert "not finished within 1.5 s" in found.rows[0]["note"]
    assert wait_until(lambda: not any(map(alive, fake_points.processes() - {os.getpid()})))


def test_an_error_of_the_worker_is_told_and_the_rest_goes_on(fake):
    clocks = (fake_points.RAISES, 1.0)
    plan = make_sweep({"formats": "int2", "accumulators": "int8", "clocks": clocks})
    failed, met = sweep(plan, jobs=1).rows
    assert (failed["status"], met["status"]) == ("failed", "met")
    assert failed["note"] == "the worker failed: RuntimeError: made to fail"


def test_a_killed_sweep_goes_on_where_it_was(script, fake):
    process = script()
    while process.stdout.readline() != "5\n":
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    # Its workers end with it, whatever they are in the midst of.
    assert wait_until(lambda: not any(map(alive, fake_points.processes())))
    entries = list((Store().root / "sweep").glob("*/*.json"))
    assert 5 <= len(entries) < POINTS
    before = len(fake_points.runs())
    assert before <= len(entries) + 3  # the two that ran, and one that came back unread
    found = sweep(make_sweep(SETTINGS), jobs=2)
    assert found.count("met") == POINTS
    assert found.stored == len(entries)
    assert len(fake_points.runs()) - before == POINTS - len(entries)


def test_two_sweeps_may_share_a_store(script, fake):
    first, second = script(), script()
    results = [json.loads(p.communicate(timeout=120)[0].splitlines()[-1]) for p in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0)
    (stored, rows), (other_stored, other_rows) = results
    assert rows == other_rows
    assert [row["status"] for row in rows] == ["met"] * POINTS
    # No point was measured twice: what one was at, the other left to it.
    assert set(Counter(fake_points.runs()).values()) == {1}
    assert stored + other_stored == POINTS
    assert sweep(make_sweep(SETTINGS)).stored == POINTS


def test_a_point_that_another_sweep_gave_up_is_taken_over(fake):
    plan = make_sweep({"formats": "int2", "accumulators": "int8", "clocks": "1"})
    (task,) = _tasks(plan)
    other = Claims(Store(), "sweep")
    assert other.take(task.key)
    assert not Claims(Store(), "sweep").take(task.key)
    timer = threading.Timer(1.0, other.release_all)
    timer.start()
    assert sweep(plan, jobs=1).count("met") == 1
    assert not timer.is_alive()


def test_a_halted_sweep_is_not_waited_for_without_end(fake):
    plan = make_sweep({"formats": "int2", "accumulators": "int8", "clocks": "1,2"})
    other = Claims(Store(), "sweep")
    assert all(other.take(task.key) for task in _tasks(plan))
    assert sweep(plan, jobs=1, timeout_s=1.5).count("met") == 2
    other.release_all()


def test_a_damaged_entry_is_measured_again_and_said_once(fake, capfd):
    plan = make_sweep({"formats": "int2", "accumulators": "int8", "clocks": "1,2"})
    first = sweep(plan, jobs=1)
    entry = sorted((Store().root / "sweep").glob("*/*.json"))[0]
    entry.write_text(entry.read_text()[:-40])
    capfd.readouterr()
    again = sweep(plan, jobs=1)
    assert capfd.readouterr().err.count("is damaged") == 1
    assert (again.rows, again.stored) == (first.rows, 1)
    assert len(fake_points.runs()) == 3
    assert sweep(plan, jobs=1).stored == 2


def test_a_full_disk_costs_no_row(fake, monkeypatch):
    def full(*_):
        raise HwmodelError("cannot write it: No space left on device")

    plan = make_sweep({"formats": "int2", "accumulators": "int8", "clocks": "1,2,3"})
    with monkeypatch.context() as patch:
        patch.setattr(Store, "save", full)
        found = sweep(plan, jobs=1)
    assert found.count("met") == 3
    (warning,) = found.warnings
    assert "not kept for the next sweep: cannot write it: No space left" in warning
    assert sweep(plan, jobs=1).stored == 0


def test_tool_runs_share_the_cores(fake):
    one = make_sweep({"formats": "int2", "accumulators": "int8", "clocks": "1"})
    assert sweep(one, jobs=3).rows[0]["recipe"] == "3 threads"
    many = make_sweep({"formats": "int3,int4,int5,int6", "accumulators": "int12", "clocks": "1"})
    assert sweep(many, jobs=2).rows[0]["recipe"] == "1 threads"


def test_an_absent_library_is_told_before_anything_is_measured(fake):
    plan = make_sweep({"formats": "int2", "accumulators": "int8", "liberty": ["absent.lib"]})
    with pytest.raises(HwmodelError, match=r"cannot read the Liberty file absent\.lib: No such"):
        sweep(plan)
    assert not fake_points.runs()


def test_no_jobs_are_no_sweep(fake):
    plan = make_sweep({"formats": "int2", "accumulators": "int8"})
    with pytest.raises(HwmodelError, match="1 point or more at a time, but 0 came"):
        sweep(plan, jobs=0)
    assert os.environ["FAKE_POINTS"]


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_a_time_limit_that_is_none_is_refused(fake, seconds):
    plan = make_sweep({"formats": "int2", "accumulators": "int8"})
    with pytest.raises(HwmodelError, match="positive number of seconds"):
        sweep(plan, timeout_s=seconds)
    assert not fake_points.runs()


def test_a_library_of_two_names_is_measured_once_under_the_first(fake, tmp_path):
    text = b"library (tiny) {}"
    (tmp_path / "first.lib").write_bytes(text)
    (tmp_path / "second.lib.gz").write_bytes(gzip.compress(text))
    names = [str(tmp_path / name) for name in ("first.lib", "second.lib.gz")]
    plan = make_sweep({"formats": "int2", "accumulators": "int8", "liberty": names})
    assert [row["liberty"] for row in sweep(plan, jobs=1).rows] == ["first.lib"]
