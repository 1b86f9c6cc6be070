"""A stand-in for the measuring of points, importable by worker processes.

Each run leaves a file in the folder that FAKE_POINTS names: label, process, and the process that
started it (a Dask worker, where there is one). What happens depends on the clock.
"""

import gzip
import hashlib
import os
import signal
import time
import uuid
from pathlib import Path

from hwmodel.sweep.point import failed_row, measure_point

KILLS_WORKER, DIES, DIES_ONCE, HANGS, RAISES = 65.0, 66.0, 67.0, 68.0, 69.0


def folder():
    return Path(os.environ["FAKE_POINTS"])


def runs():
    """Labels of the runs so far, one for each."""
    return sorted(path.read_text().split("\n")[0] for path in folder().glob("run-*"))


def processes():
    return {int(path.read_text().split("\n")[1]) for path in folder().glob("run-*")}


def processes_at(clock_ns):
    """Processes that were at points of a clock."""
    notes = [path.read_text().split("\n") for path in folder().glob("run-*")]
    return {int(note[1]) for note in notes if f" at {clock_ns:g} ns " in note[0]}


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until(fulfilled, seconds=30.0):
    end = time.monotonic() + seconds
    while not fulfilled() and time.monotonic() < end:
        time.sleep(0.05)
    return fulfilled()


def end_soon(clock_ns):
    """Whether no process that was at a point of a clock is left."""
    return wait_until(lambda: not any(map(alive, processes_at(clock_ns))))


def worker_of(note):
    """Process that had the run of a note done."""
    return int(note.read_text().split("\n")[2])


def leave_note(task):
    note = folder() / f"run-{uuid.uuid4().hex}"
    unseen = note.with_name(note.name.replace("run", "new"))
    unseen.write_text(f"{task.label}\n{os.getpid()}\n{os.getppid()}")
    unseen.replace(note)


def measure(task, threads, store_root, packed):
    leave_note(task)
    if packed is not None:
        (content,) = (gzip.decompress(data) for _, data in packed)
        assert hashlib.sha256(content).hexdigest() == task.liberty.sha256
    if task.clock_ns == DIES or (task.clock_ns == DIES_ONCE and len(runs_of(task)) == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if task.clock_ns == KILLS_WORKER:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)
    if task.clock_ns == RAISES:
        raise RuntimeError("made to fail")
    time.sleep(600 if task.clock_ns == HANGS else float(os.environ.get("FAKE_SECONDS", "0")))
    return failed_row(task, "") | {
        "status": "met",
        "how": "measured",
        "library": "fake",
        "area_um2": 10.0 * task.unit.a.bits + (task.clock_ns or 0.1) / 3,
        "delay_ns": 0.1,
        "fj_per_mac": 1.5,
        "note": None,
        "recipe": f"{threads} threads",
    }


def measure_truly(task, threads, store_root, packed):
    """The real thing."""
    leave_note(task)
    return measure_point(task, threads, store_root, packed)


def measure_few(task, threads, store_root, packed):
    """The real thing, with one structure and one recipe: what is tested is the way through."""
    from hwmodel.synthesis import search

    if not hasattr(search, "all_structures"):
        search.all_structures, screening = search.structures_for, search.screening_recipes
        search.structures_for = lambda spec: search.all_structures(spec)[:1]
        search.screening_recipes = lambda clock_ns: screening(clock_ns)[-1:]
        search.refining_recipes = lambda clock_ns: ()
    return measure_point(task, threads, store_root, packed)


def runs_of(task):
    return [label for label in runs() if label == task.label]
