"""The golden model's vectors played to a netlist of FPGA cells."""

import re
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from hwmodel.errors import ToolError, last_lines
from hwmodel.fpga.families import Family
from hwmodel.sim.simulator import compile_verilog
from hwmodel.sim.streams import expected_accumulator
from hwmodel.sim.testbench import expected_hex, stimulus_hex, testbench_verilog
from hwmodel.sim.vectors import conformance_stimulus
from hwmodel.units import UnitSpec

__all__ = ["check_mapped", "models_of"]

_CYCLES = 1024
_SEED = 1
_TIMEOUT_S = 300.0
_MODULE = re.compile(r"^module\s+(\w+).*?^endmodule", re.MULTILINE | re.DOTALL)


def check_mapped(spec: UnitSpec, family: Family, verilog: str, cells: set[str]) -> int:
    """Compare a mapped netlist with the golden model.

    Parameters
    ----------
    spec : UnitSpec
        What the netlist computes.
    family : Family
        Whose cells it is made of.
    verilog : str
        The netlist.
    cells : set of str
        Names of its cells.

    Returns
    -------
    int
        Cycles compared; 0 where Yosys has no simulation model of a cell.

    Raises
    ------
    ToolError
        The simulator is missing or failed, or a cycle differs.
    """
    models = models_of(family, cells)
    if models is None:
        return 0
    top = spec.identifier
    stimulus = conformance_stimulus(spec, _CYCLES, _SEED)
    texts = {
        "netlist.v": verilog,
        "models.v": models,
        "testbench.v": testbench_verilog(spec, len(stimulus)),
        f"{top}.stimulus.hex": stimulus_hex(spec, stimulus),
        f"{top}.expected.hex": expected_hex(spec, expected_accumulator(spec, stimulus)),
    }
    with tempfile.TemporaryDirectory(prefix="hwmodel-fpga-") as name:
        folder = Path(name)
        for file, text in texts.items():
            (folder / file).write_text(text)
        sources = [folder / file for file in texts if file.endswith(".v")]
        compile_verilog(sources, f"{top}_tb", folder / "design.vvp", folder / "iverilog.log")
        _play(folder, spec)
    return len(stimulus)


def models_of(family: Family, cells: set[str]) -> str | None:
    """Simulation models of some cells and of what these are made of; None if one has none."""
    package = find_spec("pyosys")
    assert package is not None
    assert package.origin is not None
    folder = Path(package.origin).parent / "share"
    known: dict[str, str] = {}
    texts = [(folder / file).read_text() for file in family.models]
    for text in texts:
        for match in _MODULE.finditer(text):
            known.setdefault(match[1], match[0])
    wanted, found = list(cells), {}
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        if name not in known:
            return None
        found[name] = known[name]
        words = set(re.findall(r"\w+", known[name]))
        wanted += [other for other in known if other in words and other not in found]
    # Macros that the models use stand before the first of them.
    head = texts[0].partition("\nmodule ")[0]
    head = "\n".join(line for line in head.splitlines() if not line.startswith("`include"))
    # Icarus takes no default values of ports, which iCE40's models have unless told otherwise.
    define = "`define NO_ICE40_DEFAULT_ASSIGNMENTS"
    return "\n".join([define, head, *found.values()]) + "\n"


def _play(folder: Path, spec: UnitSpec) -> None:
    try:
        done = subprocess.run(
            ["vvp", "-n", "design.vvp"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ToolError(
            f"the simulation of {spec.name} in FPGA cells did not end within {_TIMEOUT_S:g} s"
        ) from None
    if done.returncode or "PASS" not in done.stdout:
        last = last_lines(done.stdout + done.stderr)
        raise ToolError(f"the FPGA netlist of {spec.name} differs from the golden model:{last}")
