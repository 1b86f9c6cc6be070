"""The cocotb test: runs inside the simulator, feeds it stimulus and collects what comes out.

It decides nothing. The stimulus comes from a file and the responses go to one, and the process
that started the simulator compares them with the golden model.
"""

import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.handle import Immediate
from cocotb.triggers import Timer

__all__ = ["RESPONSES", "RUN_FOLDER", "STIMULUS", "exchange"]

RUN_FOLDER = "HWMODEL_BENCH_FOLDER"
"""Environment variable that names the folder of the two files."""
STIMULUS = "stimulus.txt"
"""First line: nanoseconds a batch takes. Then one batch a line, hexadecimal."""
RESPONSES = "responses.txt"
"""One batch a line, binary, as the simulator has it (unknown bits are X or Z)."""


@cocotb.test()
async def exchange(dut: Any) -> None:
    """Hand the harness one batch of cycles after the other."""
    folder = Path(os.environ[RUN_FOLDER])
    partial = folder / f"{RESPONSES}.partial"
    stimulus, response = dut.stimulus, dut.response
    parent = os.getppid()
    with (folder / STIMULUS).open() as lines, partial.open("w") as out:
        batch = Timer(int(next(lines)), "ns")
        for line in lines:
            if os.getppid() != parent:  # it was killed, and nobody waits for the responses
                return
            stimulus.set(Immediate(int(line, 16)))
            await batch
            out.write(f"{response.value}\n")
    partial.replace(folder / RESPONSES)
