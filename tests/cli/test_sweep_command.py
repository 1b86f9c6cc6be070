"""``hwmodel sweep``: files, exit status, what is said."""

import functools
import json
import signal
import subprocess
import sys
from pathlib import Path

import fake_points
import pandas as pd
import pytest
from click.testing import CliRunner

import hwmodel.sweep
from hwmodel.cli import main
from hwmodel.cli.sweep import command
from hwmodel.errors import HwmodelError
from hwmodel.technology import default_library

REQUIRED = [
    *("spec", "library", "clock_ns", "area_um2", "delay_ns", "fj_per_mac", "how", "status"),
]
ARGUMENTS = ("--formats", "int2,e2m1", "--accumulators", "int8,exact", "--clocks", "min,1")


@pytest.fixture
def fake(tmp_path, monkeypatch, own_cache):
    """The stand-in of `fake_points` in place of the measuring of points."""
    folder = tmp_path / "fake"
    folder.mkdir()
    monkeypatch.setenv("FAKE_POINTS", str(folder))
    stand_in = functools.partial(hwmodel.sweep.run_sweep, measure=fake_points.measure)
    monkeypatch.setattr(hwmodel.sweep, "run_sweep", stand_in)


def run(*arguments):
    return CliRunner().invoke(command, list(arguments), catch_exceptions=False)


def read(folder):
    packed = pd.read_parquet(folder / "results.parquet")
    return pd.read_csv(folder / "results.csv", dtype=packed.dtypes.to_dict()), packed


def test_tables_have_the_agreed_columns_and_say_the_same(fake, tmp_path):
    result = run(*ARGUMENTS, "-o", str(tmp_path / "out"))
    assert result.exit_code == 0
    table, packed = read(tmp_path / "out")
    assert list(table.columns[:8]) == list(packed.columns[:8]) == REQUIRED
    assert list(table.spec) == [
        *["mac-int2-int2-int8"] * 2,
        *["mac-int2-int2-exact"] * 2,
        *["mac-e2m1-e2m1-exact"] * 2,
    ]
    assert table.clock_ns.isna().tolist() == [True, False] * 3
    kinds = packed.dtypes[["clock_ns", "area_um2", "lanes"]]
    assert kinds.tolist() == ["float64", "float64", "int64"]
    pd.testing.assert_frame_equal(table, packed, check_exact=True)
    assert "left out e2m1 with int8: products" in result.stdout
    assert "[6/6, " in result.stderr
    assert " left] " in result.stderr


def test_json_has_rows_and_what_was_left_out(fake, tmp_path):
    entry = json.loads(run(*ARGUMENTS, "-o", str(tmp_path / "out"), "--json").stdout)
    assert [row["status"] for row in entry["rows"]] == ["met"] * 6
    assert entry["rows"][0]["clock_ns"] is None
    (left_out,) = entry["left_out"]
    assert (left_out["format"], left_out["accumulator"]) == ("e2m1", "int8")
    again = json.loads(run(*ARGUMENTS, "-o", str(tmp_path / "out"), "--json").stdout)
    assert (again["stored"], again["rows"]) == (6, entry["rows"])


def test_what_is_left_out_for_one_reason_stands_in_one_line(fake, tmp_path):
    result = run(*ARGUMENTS, "--lanes", "1,4", "-o", str(tmp_path))
    (line,) = [line for line in result.stdout.splitlines() if "4 lanes are not built" in line]
    assert line.startswith("left out int2 with int8 in 4 lanes, int2 with exact in 4 lanes, e2m1")


def test_a_failed_point_is_told_at_the_end_and_the_others_are_written(fake, tmp_path):
    clocks = f"1,{fake_points.RAISES:g}"
    result = run(
        *("--formats", "int2", "--accumulators", "int8", "--clocks", clocks),
        *("-o", str(tmp_path)),
    )
    assert result.exit_code == 1
    assert "int8 at 69 ns (stdcells.lib) failed: the worker failed: RuntimeError" in result.stderr
    table, packed = read(tmp_path)
    assert table.status.tolist() == packed.status.tolist() == ["met", "failed"]
    assert table.area_um2.isna().tolist() == [False, True]
    assert table.note.isna().tolist() == [True, False]


def test_the_status_of_a_failed_sweep_reaches_the_shell(fake, tmp_path, monkeypatch):
    def status(clock):
        named = ("--formats", "int2", "--accumulators", "int8", "--clocks", f"{clock:g}")
        monkeypatch.setattr(sys, "argv", ["hwmodel", "sweep", *named, "-o", str(tmp_path)])
        try:
            main()
        except SystemExit as end:
            return end.code
        return 0

    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert status(fake_points.RAISES) == 1
    assert status(1.0) == 0


def test_options_go_before_the_file(fake, tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text('formats = ["int2"]\naccumulators = ["int8"]\nclocks = [1, 2]\n')
    entry = json.loads(run(str(plan), "--clocks", "3", "-o", str(tmp_path), "--json").stdout)
    assert [(row["spec"], row["clock_ns"]) for row in entry["rows"]] == [("mac-int2-int2-int8", 3)]


def test_libraries_of_the_command_go_before_those_of_the_file(fake, tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text('formats = ["int2"]\naccumulators = ["int8"]\nliberty = ["absent.lib"]\n')
    arguments = [str(plan), "--library", "nangate45", "-o", str(tmp_path), "--json"]
    (row,) = json.loads(run(*arguments).stdout)["rows"]
    assert row["liberty"] == "stdcells.lib"
    with pytest.raises(HwmodelError, match=r"cannot read the Liberty file .*absent\.lib"):
        run(str(plan), "-o", str(tmp_path))


def test_a_table_that_cannot_be_written_is_one_clear_sentence(fake, tmp_path):
    (tmp_path / "out").write_text("a file, no folder")
    with pytest.raises(HwmodelError, match=r"cannot write into .*a file stands at"):
        run(*ARGUMENTS, "-o", str(tmp_path / "out"))
    # Said before anything is measured.
    assert not fake_points.runs()


def test_an_interrupted_sweep_says_what_is_kept_and_goes_on(fake, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_SECONDS", "0.5")
    script = tmp_path / "script.py"
    script.write_text(f"""
import functools, sys
sys.path.insert(0, {str(Path(fake_points.__file__).parent)!r})
import fake_points, hwmodel.sweep
from hwmodel.cli import main
hwmodel.sweep.run_sweep = functools.partial(
    hwmodel.sweep.run_sweep, measure=fake_points.measure
)
if __name__ == "__main__":
    main()
""")
    started = [sys.executable, str(script), "sweep", *ARGUMENTS, "-o", str(tmp_path / "out")]
    with subprocess.Popen(started, stderr=subprocess.PIPE, text=True) as process:
        while not (line := process.stderr.readline()).startswith("[2/6"):
            assert line, process.wait()
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "of 6 points are finished and kept; the same command goes on from there" in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "out").exists()
    done = subprocess.run(started, capture_output=True, text=True, check=True)
    assert " of 6 points are in the store" in done.stderr
    assert "0 of 6 points" not in done.stderr
    assert (tmp_path / "out" / "results.csv").is_file()


def test_from_the_command_to_the_table_with_the_real_tools(tmp_path, monkeypatch, own_cache):
    stand_in = functools.partial(hwmodel.sweep.run_sweep, measure=fake_points.measure_few)
    monkeypatch.setattr(hwmodel.sweep, "run_sweep", stand_in)
    cut = tmp_path / "cut.lib"
    text = default_library().read_text()
    cut.write_text(text[: text.rindex("cell (")])
    result = run(
        *("--formats", "int2", "--accumulators", "int4", "--clocks", "min,0.05"),
        *("--liberty", str(cut), "--liberty", str(default_library())),
        *("--vectors", "512", "--jobs", "2", "-o", str(tmp_path)),
    )
    # The library that is cut off is told of at the end; the other one is measured all the same.
    assert result.exit_code == 1
    assert result.stderr.count("the file is cut off, fetch it again") == 2
    table, packed = read(tmp_path)
    assert table.status.tolist() == ["failed", "failed", "met", "missed"]
    small, fast = table[table.how == "measured"].itertuples()
    assert small.area_um2 < fast.area_um2
    assert fast.delay_ns < small.delay_ns
    assert "the frontier ends at" in fast.note
    assert min(small.fj_per_mac, fast.fj_per_mac) > 0
    pd.testing.assert_frame_equal(table, packed, check_exact=True)
