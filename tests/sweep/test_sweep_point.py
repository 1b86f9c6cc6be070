"""One point: what its row says, and that nothing a tool or a file does is more than a row."""

import dataclasses
import gzip
import importlib.metadata
import json
import os
import re
from types import SimpleNamespace

import pytest
from tiny_netlists import mapped_mac

import hwmodel.synthesis
import hwmodel.yosys
from hwmodel.store import Store
from hwmodel.sweep.libraries import find_liberty, pack
from hwmodel.sweep.point import COLUMNS, Task, measure_point, tool_identity
from hwmodel.technology import default_library, read_netlist, static_timing

SPEC = "mac-int4-int4-int16"


@pytest.fixture(scope="module")
def cells():
    return default_library().read_text()


@pytest.fixture
def synthesised(monkeypatch):
    """Stand in for the search of synthesis; netlist and figures are real."""
    design, _ = mapped_mac(4, 16)

    def stand_in(spec, library, clock_ns, store):
        netlist = read_netlist(json.dumps(design), library)
        delay = static_timing(netlist, library).period_ns
        return SimpleNamespace(
            netlist_json=json.dumps(design),
            area_um2=netlist.area(library),
            nand2=netlist.area(library) / library.nand2_area,
            delay_ns=delay,
            clock_ns=clock_ns,
            met=clock_ns is None or delay <= clock_ns,
            structure="plain",
            recipe="amap",
            provenance={"runs": 7},
        )

    monkeypatch.setattr(hwmodel.synthesis, "synthesize", stand_in)


def task_of(*files, clock_ns=3.0, spec=SPEC):
    liberty = find_liberty(tuple(map(str, files)))
    return Task(spec, liberty, clock_ns, "gaussian", 512, 1, tool_identity())


def measure(task, tmp_path, **named):
    row = measure_point(task, 1, str(tmp_path / "store"), **named)
    assert set(row) == set(COLUMNS)
    assert json.loads(json.dumps(row)) == row
    return row


def write(tmp_path, text, name="cells.lib"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_row_has_figures_and_what_they_hold_for(synthesised, tmp_path):
    row = measure(task_of(), tmp_path)
    assert (row["spec"], row["status"], row["how"], row["note"]) == (SPEC, "met", "measured", None)
    assert (row["format"], row["accumulator"], row["lanes"]) == ("int4", "int16", 1)
    assert row["library"] == "NangateOpenCellLibrary"
    assert 0 < row["fj_low"] < row["fj_per_mac"] < row["fj_high"]
    assert 0 < row["delay_ns"] < row["clock_ns"] == row["energy_clock_ns"] == 3.0
    # One a cycle of 3 ns, over the area.
    assert row["tmac_per_s_mm2"] == pytest.approx(1e-12 / 3e-9 / (row["area_um2"] * 1e-6))
    assert f"pyosys {importlib.metadata.version('pyosys')}" in row["tools"]


def test_minimum_area_runs_at_its_own_period(synthesised, tmp_path):
    row = measure(task_of(clock_ns=None), tmp_path)
    assert (row["status"], row["clock_ns"]) == ("met", None)
    assert row["energy_clock_ns"] == row["delay_ns"]


def test_a_clock_out_of_reach_names_the_end_of_the_frontier(synthesised, tmp_path):
    row = measure(task_of(clock_ns=0.1), tmp_path)
    assert row["status"] == "missed"
    assert row["note"] == (
        f"0.1 ns was not reached: the frontier ends at {row['delay_ns']:.3f} ns with"
        f" {row['area_um2']:.1f} um2, the fastest of 7 netlists"
    )
    assert row["energy_clock_ns"] == row["delay_ns"] > 0.1


def test_libraries_that_disagree_in_units_give_the_same_figures(synthesised, tmp_path, cells):
    units = (("1ns", "1000ps"), ("1nW", "1000pW"), ("(1,ff)", "(0.001,pf)"))
    other = cells
    for ours, theirs in units:
        assert ours in other
        other = other.replace(ours, theirs)
    one = measure(task_of(), tmp_path)
    two = measure(task_of(write(tmp_path, other)), tmp_path)
    for name in ("area_um2", "delay_ns", "fj_per_mac", "fj_low", "fj_high"):
        assert two[name] == pytest.approx(one[name], rel=1e-9)


def test_gzip_is_the_same_library(synthesised, tmp_path, cells):
    packed = write(tmp_path, gzip.compress(cells.encode(), 1), "cells.lib.gz")
    task = task_of(packed)
    assert task.key == task_of().key
    assert measure(task, tmp_path)["status"] == "met"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: text.rindex("cell (")], "the file is cut off"),
        (lambda text: gzip.compress(text.encode(), 1)[:-9], "cannot read the Liberty file"),
        (lambda text: re.sub(r"\bff ?\(", "latch (", text), "has no flip-flop"),
        (lambda text: "<html>not found</html>", "is not a Liberty file"),
    ],
)
def test_a_library_that_cannot_serve_is_a_failed_row(synthesised, tmp_path, cells, change, message):
    row = measure(task_of(write(tmp_path, change(cells))), tmp_path)
    assert (row["status"], row["how"], row["area_um2"]) == ("failed", None, None)
    assert message in row["note"]
    assert row["library"] == "cells.lib"


def test_without_power_tables_area_and_delay_remain(synthesised, tmp_path, cells):
    powerless = write(tmp_path, cells.replace("internal_power", "other_power"))
    row = measure(task_of(powerless), tmp_path)
    assert (row["status"], row["fj_per_mac"], row["how"]) == ("failed", None, "measured")
    assert row["area_um2"] > 0 < row["delay_ns"]
    assert "has no internal-power tables" in row["note"]


def test_a_library_that_changes_during_a_sweep_is_refused(synthesised, tmp_path, cells):
    path = write(tmp_path, cells)
    task = task_of(path)
    path.write_text(cells + "/* edited */\n")
    assert "has changed since the sweep began" in measure(task, tmp_path)["note"]


def test_a_library_travels_with_the_work(synthesised, tmp_path, cells, own_cache):
    path = write(tmp_path, cells)
    task = task_of(path)
    content = pack(task.liberty)
    path.unlink()
    assert measure(task, tmp_path, packed=content)["status"] == "met"
    (kept,) = (own_cache / "liberty" / task.liberty.sha256).iterdir()
    assert gzip.decompress(kept.read_bytes()).decode() == cells


def test_a_worker_with_other_tools_refuses(synthesised, tmp_path):
    task = dataclasses.replace(task_of(), tools="hwmodel 0.0.1")
    row = measure(task, tmp_path)
    assert row["status"] == "failed"
    assert "the worker has other tools" in row["note"]


def test_a_missing_tool_is_a_failed_row(tmp_path, monkeypatch):
    task = task_of(spec="mac-int2-int2-int8")
    version = importlib.metadata.version

    def without(name):
        if name == "pyosys":
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", without)
    row = measure(task, tmp_path)
    assert row["status"] == "failed"
    assert "install it with: pip install pyosys" in row["note"]


@pytest.mark.parametrize(
    ("child", "message"),
    [
        ("import os; os.abort()", "Yosys failed (killed by signal 6)"),
        ("import time; time.sleep(60)", "Yosys did not finish within"),
    ],
)
def test_a_tool_that_crashes_or_hangs_is_a_failed_row(
    tmp_path, own_cache, monkeypatch, child, message
):
    execute = hwmodel.yosys._execute
    monkeypatch.setattr(hwmodel.yosys, "_CHILD", child)
    monkeypatch.setattr(hwmodel.yosys, "_execute", lambda folder, _: execute(folder, 0.2))
    if "abort" in child:
        monkeypatch.setattr(hwmodel.yosys, "_execute", execute)
    row = measure(task_of(spec="mac-int2-int2-int8"), tmp_path)
    assert (row["status"], row["area_um2"]) == ("failed", None)
    assert message in row["note"]
    assert "mac-int2-int2-int8" in row["note"]


def test_a_full_disk_is_a_failed_row(synthesised, tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    row = measure(task_of(), tmp_path)
    assert row["status"] == "failed"
    assert "No space left on device; free some space" in row["note"]


def test_a_mistake_of_ours_is_told_as_one(tmp_path, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr(hwmodel.synthesis, "synthesize", broken)
    note = measure(task_of(), tmp_path)["note"]
    assert note.startswith("unexpected ZeroDivisionError in test_sweep_point.py, line")
    assert note.endswith("by nought; please report it")


def test_the_key_holds_all_that_figures_depend_on(tmp_path, cells):
    task = task_of()
    others = [
        dataclasses.replace(task, **change)
        for change in (
            {"spec": "mac-int4-int4-int17"},
            {"clock_ns": None},
            {"stimulus": "uniform"},
            {"vectors": 513},
            {"seed": 2},
            {"tools": "other"},
            {"liberty": find_liberty((str(write(tmp_path, cells + "\n")),))},
        )
    ]
    assert len({task.key, *(other.key for other in others)}) == 1 + len(others)


def test_a_damaged_netlist_in_the_store_counts_as_none(tmp_path, capsys):
    store = Store(tmp_path)
    store.save_bytes("mapping", "ab", ".netlist.json.gz", gzip.compress(b"{}")[:-3])
    for _ in range(2):
        assert store.load_bytes("mapping", "ab", ".netlist.json.gz") is None
    assert capsys.readouterr().err.count("is damaged") == 1
    store.save_bytes("mapping", "ab", ".netlist.json.gz", gzip.compress(b"{}"))
    assert store.load_bytes("mapping", "ab", ".netlist.json.gz") == gzip.compress(b"{}")
