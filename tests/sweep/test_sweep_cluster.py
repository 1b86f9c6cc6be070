"""Sweeps on a Dask cluster: real workers, one of which is killed in mid-run."""

import os
import signal
import threading
import time
from collections import Counter

import dask
import fake_points
import pytest
from distributed import LocalCluster

from hwmodel.errors import HwmodelError
from hwmodel.store import Store
from hwmodel.sweep import make_sweep, run_sweep
from hwmodel.sweep.cluster import DaskPlaces

SETTINGS = {"formats": "int2,int3,e2m1", "accumulators": "int8,exact", "clocks": "min,1,2"}
POINTS = 5 * 3


@pytest.fixture
def cluster(fake, monkeypatch):
    monkeypatch.setenv("FAKE_SECONDS", "0.3")
    # Two workers that die at a point are enough (Dask tries four), for each takes a while to start.
    dask_settings = {"distributed.scheduler.allowed-failures": 1}
    with (
        dask.config.set(dask_settings),
        LocalCluster(
            n_workers=2,
            processes=True,
            threads_per_worker=1,
            dashboard_address=None,
            silence_logs=50,
        ) as running,
    ):
        running.wait_for_workers(2, timeout=60)
        yield running


def test_a_killed_worker_costs_no_point(cluster, fake):
    victims = []

    def kill_the_next(known):
        # The next that begins a point: it takes a while, so it is killed in the midst of it.
        while not (begun := set(fake.glob("run-*")) - known):
            time.sleep(0.01)
        victims.append(int(begun.pop().read_text().split("\n")[1]))
        os.kill(victims[0], signal.SIGKILL)

    def tell(now):
        if now.done == 4:
            known = set(fake.glob("run-*"))
            threading.Thread(target=kill_the_next, args=(known,), daemon=True).start()

    plan = make_sweep(SETTINGS)
    found = run_sweep(
        plan, scheduler=cluster.scheduler_address, measure=fake_points.measure, progress=tell
    )
    assert [row["status"] for row in found.rows] == ["met"] * POINTS
    assert [(row["spec"], row["clock_ns"]) for row in found.rows] == [
        (point.spec.name, point.clock_ns) for point in plan.points()
    ]
    assert victims
    # The point that died with its worker was begun again, and no finished one was.
    counts = Counter(fake_points.runs())
    assert len(counts) == POINTS
    assert sorted(counts.values()) == [1] * (POINTS - 1) + [2]
    # The rows are in the store on this side: the next sweep needs no cluster.
    again = run_sweep(plan, measure=fake_points.measure)
    assert (again.stored, again.rows) == (POINTS, found.rows)
    assert len(list((Store().root / "sweep").glob("*/*.json"))) == POINTS


def test_a_point_that_kills_worker_after_worker_fails_and_the_rest_goes_on(cluster, fake):
    plan = make_sweep(
        {"formats": "int2", "accumulators": "int8", "clocks": (1.0, fake_points.DIES, 2.0)}
    )
    found = run_sweep(plan, scheduler=cluster.scheduler_address, measure=fake_points.measure)
    assert [row["status"] for row in found.rows] == ["met", "failed", "met"]
    assert "died one after another" in found.rows[1]["note"]


def test_a_scheduler_that_goes_away_is_told_and_finished_points_stay(cluster, fake):
    plan = make_sweep(SETTINGS)

    def close(now):
        if now.done == 3:
            threading.Thread(target=cluster.close).start()

    with pytest.raises(HwmodelError, match="went away; finished points are kept"):
        run_sweep(
            plan, scheduler=cluster.scheduler_address, measure=fake_points.measure, progress=close
        )
    kept = len(list((Store().root / "sweep").glob("*/*.json")))
    assert 3 <= kept < POINTS
    assert run_sweep(plan, measure=fake_points.measure).stored == kept


def test_no_scheduler_is_one_clear_sentence(fake, monkeypatch):
    monkeypatch.setattr("hwmodel.sweep.cluster._CONNECT_S", 0.5)
    with pytest.raises(HwmodelError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        DaskPlaces("tcp://127.0.0.1:9", fake_points.measure)


def test_a_cluster_without_workers_is_given_up(fake):
    with LocalCluster(n_workers=0, dashboard_address=None, silence_logs=50) as empty:
        places = DaskPlaces(empty.scheduler_address, fake_points.measure, no_worker_s=0.3)
        try:
            assert places.free() == []
            time.sleep(0.4)
            with pytest.raises(HwmodelError, match=r"has had no worker for 0\.3 s; start some"):
                places.look()
        finally:
            places.close()
