"""Sweeps on a Dask cluster: real workers, one of which is killed in mid-run."""

import os
import signal
import threading
import time
from collections import Counter

import dask
import fake_points
import pytest
from distributed import Client, LocalCluster

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


def worker_processes(cluster):
    with Client(cluster.scheduler_address, set_as_default=False) as client:
        return set(client.run(os.getpid).values())


def test_a_killed_worker_costs_no_point(cluster, fake):
    victims = []

    def kill_the_next(known):
        # The next that begins a point: it takes a while, so it is killed in the midst of it.
        while not (begun := set(fake.glob("run-*")) - known):
            time.sleep(0.01)
        victims.append(fake_points.worker_of(begun.pop()))
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
    clocks = (1.0, fake_points.KILLS_WORKER, 2.0)
    plan = make_sweep({"formats": "int2", "accumulators": "int8", "clocks": clocks})
    found = run_sweep(plan, scheduler=cluster.scheduler_address, measure=fake_points.measure)
    assert [row["status"] for row in found.rows] == ["met", "failed", "met"]
    assert "died one after another" in found.rows[1]["note"]
    # What the dead workers had begun ended with them.
    assert fake_points.wait_until(
        lambda: not any(map(fake_points.alive, fake_points.processes_at(fake_points.KILLS_WORKER)))
    )


def test_points_that_hang_die_or_raise_on_a_worker_fail_and_the_worker_goes_on(cluster, fake):
    odd = (fake_points.HANGS, fake_points.DIES, fake_points.DIES_ONCE, fake_points.RAISES)
    plan = make_sweep({"formats": "int2", "accumulators": "int8", "clocks": (1.0, *odd, 2.0)})
    workers = worker_processes(cluster)
    found = run_sweep(
        plan, scheduler=cluster.scheduler_address, measure=fake_points.measure, timeout_s=2.0
    )
    expected = ["met", "failed", "failed", "met", "failed", "met"]
    assert [row["status"] for row in found.rows] == expected
    notes = [row["note"] for row in found.rows]
    assert notes[1] == "not finished within 2 s and stopped; see --timeout"
    assert notes[2].startswith("the process that measured it died twice")
    assert notes[4] == "the worker failed: RuntimeError: made to fail"
    assert worker_processes(cluster) == workers
    assert fake_points.wait_until(
        lambda: not any(map(fake_points.alive, fake_points.processes_at(fake_points.HANGS)))
    )


@pytest.mark.slow
def test_a_worker_killed_in_a_real_point_changes_no_figure(cluster, fake, tmp_path):
    plan = make_sweep(
        {"formats": "int4,e2m1", "accumulators": "int12,exact", "clocks": "min,2", "vectors": 512}
    )
    victims = []

    def kill_one():
        fake_points.wait_until(lambda: list(fake.glob("run-*")), 120.0)
        time.sleep(1.5)  # into the synthesis
        victims.append(fake_points.worker_of(next(fake.glob("run-*"))))
        os.kill(victims[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    done = []
    found = run_sweep(
        plan,
        scheduler=cluster.scheduler_address,
        measure=fake_points.measure_truly,
        progress=lambda now: done.append((now.done, bool(victims))),
    )
    killer.join()
    # It was killed before any point was finished, and what it was at was begun again.
    assert (0, False) in done
    assert all(killed for count, killed in done if count)
    assert len(fake_points.runs()) == len(found.rows) + 1 == 7
    assert {row["status"] for row in found.rows} <= {"met", "missed"}
    local = run_sweep(plan, jobs=2, store=Store(tmp_path / "elsewhere"))
    assert local.stored == 0
    assert found.rows == local.rows


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
        DaskPlaces("tcp://127.0.0.1:9", fake_points.measure, 60.0)


def test_a_cluster_without_workers_is_given_up(fake):
    with LocalCluster(n_workers=0, dashboard_address=None, silence_logs=50) as empty:
        places = DaskPlaces(empty.scheduler_address, fake_points.measure, 60.0, no_worker_s=0.3)
        try:
            assert places.free() == []
            time.sleep(0.4)
            with pytest.raises(HwmodelError, match=r"has had no worker for 0\.3 s; start some"):
                places.look()
        finally:
            places.close()
