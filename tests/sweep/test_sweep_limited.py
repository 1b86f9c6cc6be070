"""A point in a process of its own: its end, whatever comes, is a row or an error's text."""

import os
import threading

import fake_points
import pytest

from hwmodel.sweep import make_sweep
from hwmodel.sweep.limited import PointError, measure_limited
from hwmodel.sweep.run import _tasks


def measure(clock_ns, timeout_s=60.0):
    (task,) = _tasks(make_sweep({"formats": "int2", "accumulators": "int8", "clocks": [clock_ns]}))
    return measure_limited(fake_points.measure, timeout_s, task, 1, None)


def test_one_process_of_a_thread_measures_until_it_is_stopped(fake):
    found = []

    def work():
        # In a thread of its own, as a worker does: its process is not that of other tests.
        found.append(measure(1.0)["status"])
        with pytest.raises(PointError, match="RuntimeError: made to fail"):
            measure(fake_points.RAISES)
        found.append(measure(fake_points.HANGS, 0.5)["note"])
        found.append(measure(2.0)["status"])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(120.0)
    assert found == ["met", "not finished within 0.5 s and stopped; see --timeout", "met"]
    # One process until it was stopped, and another one after that; none of them this one.
    first = fake_points.processes_at(1.0)
    assert first == fake_points.processes_at(fake_points.RAISES)
    assert first == fake_points.processes_at(fake_points.HANGS)
    assert not first & (fake_points.processes_at(2.0) | {os.getpid()})
    assert fake_points.end_soon(fake_points.HANGS)
    # The thread is gone, and its process with it.
    assert fake_points.end_soon(2.0)
