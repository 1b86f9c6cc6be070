"""Simulate a mapped netlist with Yosys' models of the family's cells against the golden model."""

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hwmodel.errors import ToolError
from hwmodel.rtl import Structure
from hwmodel.sim.delivery import delivered_texts
from hwmodel.units import UnitSpec
from hwmodel.yosys import run_yosys

__all__ = ["CYCLES", "Check", "simulate_mapped"]

CYCLES = 512
"""Conformance vectors that a netlist is played."""
_TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Check:
    """How many cycles were compared (all equal), or why none was."""

    vectors: int
    reason: str = ""


def simulate_mapped(spec: UnitSpec, structure: Structure, models: str, netlist: str) -> Check:
    """Play conformance vectors to a mapped netlist in Icarus Verilog.

    Parameters
    ----------
    spec, structure
        The unit, and how it was built.
    models
        Verilog models of the family's cells, as Yosys names them.
    netlist
        Yosys' JSON of the mapped design.

    Raises
    ------
    ToolError
        The netlist computes something else than the golden model.
    """
    iverilog, vvp = shutil.which("iverilog"), shutil.which("vvp")
    if iverilog is None or vvp is None:
        return Check(0, "Icarus Verilog is not installed (apt-get install iverilog)")
    top = spec.identifier
    # Yosys reads its own models, includes and all, which Icarus does not for every family.
    script = (
        f"read_json netlist.json\nread_verilog -overwrite -D EQUIV -D ICE40_HX {models}\n"
        f"hierarchy -check -top {top}\nproc\nflatten -noscopeinfo\nopt_clean\n"
        "write_verilog -noattr mapped.v\n"
    )
    # Without the empty boxes of cells that Yosys' file also holds: the models take their places.
    alone = json.dumps({"modules": {top: json.loads(netlist)["modules"][top]}})
    try:
        outputs, _ = run_yosys(script, {"netlist.json": alone}, outputs=("mapped.v",))
    except ToolError as error:
        return Check(0, f"Yosys has no simulation model of a cell in use: {error}")
    texts = delivered_texts(spec, structure, CYCLES)
    texts[f"{top}.v"] = outputs["mapped.v"]
    with tempfile.TemporaryDirectory(prefix="hwmodel-fpga-") as name:
        folder = Path(name)
        for file, text in texts.items():
            (folder / file).write_text(text)
        compiled = _run([iverilog, "-g2012", "-o", "tb.vvp", f"{top}_tb.v", f"{top}.v"], folder)
        if compiled.returncode:
            return Check(0, f"Icarus Verilog cannot read the netlist: {_last(compiled.stdout)}")
        played = _run([vvp, "-n", "tb.vvp"], folder)
    if played.returncode or "PASS" not in played.stdout:
        raise ToolError(
            f"the FPGA netlist of {spec.name} ({structure.name}) differs from the golden model:"
            f" {_last(played.stdout)}; mapping is at fault, no result is given"
        )
    return Check(CYCLES)


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            timeout=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(
            f"{Path(command[0]).name} did not end within {_TIMEOUT_S:g} s and was stopped"
        ) from error


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-3:]) or "it said nothing"
