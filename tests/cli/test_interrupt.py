"""An interrupted command ends at once, whatever its worker threads are in the midst of."""

import signal
import subprocess
import sys
import time

import pytest

BUSY = """
import importlib, threading, time
import click
from hwmodel.errors import HwmodelError

@click.command()
@click.option("--fail", is_flag=True)
def command(fail):
    threading.Thread(target=time.sleep, args=(300,)).start()
    print("busy", flush=True)
    if fail:
        raise HwmodelError("the tool broke")
    time.sleep(300)

entry = importlib.import_module("hwmodel.cli.main")
entry.COMMANDS["busy"] = (__name__, "")
entry.main()
"""


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUSY, "busy", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_command_with_busy_threads(number):
    with start() as process:
        assert process.stdout.readline() == "busy\n"
        began = time.monotonic()
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; finished results are kept" in errors
    assert "Traceback" not in errors
    assert time.monotonic() - began < 30


def test_an_error_ends_a_command_with_busy_threads():
    with start("--fail") as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "hwmodel: the tool broke" in errors


def test_nothing_starts_once_the_program_is_ending(own_cache):
    # In a process of its own: there is no way back.
    code = (
        "from hwmodel.yosys import run_yosys, stop_all\n"
        "stop_all(for_good=True)\n"
        "run_yosys('exec -- sleep 1\\n')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "the program is ending" in done.stderr
