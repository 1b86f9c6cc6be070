import importlib.metadata
import re
import threading
import time
from pathlib import Path

import pytest

from hwmodel import yosys as runner
from hwmodel.errors import ToolError
from hwmodel.yosys import run_yosys, stop_all

VERILOG = "module m(input a, output y); assign y = !a; endmodule\n"


def sleepers(mark):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def left_over(mark, patience_s=10.0):
    """Processes that are still there after a while: a killed one takes the kernel a moment."""
    end = time.monotonic() + patience_s
    while sleepers(mark) and time.monotonic() < end:
        time.sleep(0.05)
    return sleepers(mark)


def test_a_script_reads_its_files_and_gives_what_it_wrote(own_cache):
    outputs, log = run_yosys(
        "read_verilog m.v\nprep\nwrite_rtlil m.il\n", {"m.v": VERILOG}, outputs=("m.il",)
    )
    assert "module \\m" in outputs["m.il"]
    assert "Executing Verilog-2005 frontend" in log


def test_a_failing_command_shows_the_tools_words_and_keeps_its_log(own_cache):
    with pytest.raises(ToolError, match="No such command: foo") as error:
        run_yosys("read_verilog m.v\nfoo\n", {"m.v": VERILOG})
    kept = Path(re.search(r"log is kept in (\S+),", str(error.value)).group(1))
    assert kept.is_relative_to(own_cache)
    assert "Executing Verilog-2005 frontend" in kept.read_text()


def test_a_tool_that_cannot_be_loaded_says_so_without_a_traceback(own_cache, tmp_path, monkeypatch):
    (tmp_path / "pyosys").mkdir()
    (tmp_path / "pyosys" / "__init__.py").write_text("")
    (tmp_path / "pyosys" / "libyosys.py").write_text("raise ImportError('libfoo.so is missing')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"Yosys failed .*\n  ImportError: libfoo\.so is missing"):
        run_yosys("read_verilog m.v\n", {"m.v": VERILOG})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("import os; os.abort()", r"Yosys failed \(killed by signal 6\).*\n  \(it said nothing\)"),
        ("import time; time.sleep(600)", r"did not finish within 2 s and was stopped"),
    ],
)
def test_a_tool_that_crashes_or_hangs_is_one_sentence(
    own_cache, tmp_path, monkeypatch, body, message
):
    (tmp_path / "pyosys").mkdir()
    (tmp_path / "pyosys" / "__init__.py").write_text("")
    (tmp_path / "pyosys" / "libyosys.py").write_text(body)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ToolError, match=message):
        run_yosys("read_verilog m.v\n", {"m.v": VERILOG}, timeout_s=2.0)


def test_a_log_that_cannot_be_kept_hides_no_error(own_cache):
    (own_cache / "logs").parent.mkdir(parents=True, exist_ok=True)
    (own_cache / "logs").write_text("a file")
    with pytest.raises(ToolError, match=r"could not be kept \(File exists\).*(?s:.*)command: foo"):
        run_yosys("foo\n")


def test_a_missing_output_is_an_error(own_cache):
    with pytest.raises(ToolError, match=r"without writing never\.json"):
        run_yosys("read_verilog m.v\n", {"m.v": VERILOG}, outputs=("never.json",))


def test_time_out_ends_the_tool_and_all_that_it_started(own_cache):
    with pytest.raises(ToolError, match=r"did not finish within 1\.5 s"):
        run_yosys("exec -- sleep 613.1\n", timeout_s=1.5)
    assert not left_over("613.1")


def test_stop_all_ends_runs_of_other_threads(own_cache):
    errors = []

    def work():
        try:
            run_yosys("exec -- sleep 614.1\n", timeout_s=100)
        except ToolError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while not sleepers("614.1"):
        time.sleep(0.05)
    stop_all()
    thread.join(30)
    assert not thread.is_alive()
    assert not left_over("614.1")
    assert "killed by signal 9" in str(errors[0])


def test_folders_with_odd_names_do_not_reach_abc(own_cache, tmp_path, monkeypatch):
    odd = tmp_path / "a b>c"
    odd.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(odd))
    outputs, _ = run_yosys(
        "read_verilog m.v\nsynth\nabc -g NAND\nwrite_rtlil m.il\n",
        {"m.v": VERILOG},
        outputs=("m.il",),
    )
    assert "$_NOT_" in outputs["m.il"]
    assert not list(odd.iterdir())


def test_missing_pyosys_says_how_to_get_it(monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(runner.importlib.metadata, "version", absent)
    with pytest.raises(ToolError, match="pip install pyosys"):
        run_yosys("help\n")
