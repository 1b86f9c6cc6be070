"""Clock frequency of a mapped unit after placement and routing by nextpnr."""

import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hwmodel.errors import HwmodelError, ToolError
from hwmodel.fpga.families import family_named
from hwmodel.fpga.mapping import FpgaResult
from hwmodel.store import Store, content_key

__all__ = ["SEEDS", "FpgaTiming", "route"]

SEEDS = (1, 2, 3)
"""Seeds of the placements; their median is the figure."""
_VERSION = 1
_KIND = "fpga-routing"
_TIMEOUT_S = 900.0
# Asked for, so that the placer works for speed; whether it is met does not matter.
_GOAL_MHZ = 500
# nextpnr comes as a function of a Python package; a process of its own can be stopped.
_CHILD = """\
import importlib, sys
package = importlib.import_module(sys.argv[1])
run = getattr(package, "run_" + sys.argv[1].removeprefix("yowasp_"))
sys.exit(run(sys.argv[2:]))
"""


@dataclass(frozen=True)
class FpgaTiming:
    """Clock frequency after routing.

    Attributes
    ----------
    device : str
        The device, as nextpnr is told it.
    mhz : float
        Median of the seeds' highest clock frequencies.
    least, most : float
        Their extremes.
    seeds : tuple of int
        Seeds of the placements.
    tool : str
        Package and version.
    """

    device: str
    mhz: float
    least: float
    most: float
    seeds: tuple[int, ...]
    tool: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self) | {"seeds": list(self.seeds), "method": "measured"}


def route(
    result: FpgaResult,
    seeds: tuple[int, ...] = SEEDS,
    store: Store | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> FpgaTiming:
    """Place and route a mapped unit with several seeds.

    Parameters
    ----------
    result : FpgaResult
        What `map_fpga` gave.
    seeds : tuple of int
        Seeds of the placement; the median counts.
    store : Store, optional
        Where finished runs are kept; the user's store if not given.
    tell : callable, optional
        Told after each seed: done, in all.

    Raises
    ------
    HwmodelError
        nextpnr has no support for the family, or is not installed.
    ToolError
        nextpnr failed, for example because the unit does not fit.
    """
    family = family_named(result.family)
    if not family.package:
        raise HwmodelError(
            f"no placer and router for {family.words} comes from a package registry; take ice40 or"
            " ecp5 for timing, counts alone for this family"
        )
    distribution = family.package.replace("_", "-")
    if importlib.util.find_spec(family.package) is None:
        raise HwmodelError(
            f"timing of {family.words} needs nextpnr as the Python package {distribution}, which is"
            f" not installed: pip install {distribution}"
        )
    store = store if store is not None else Store()
    tool = f"{distribution} {version(distribution)}"
    found = []
    for done, seed in enumerate(seeds, 1):
        key = content_key(
            version=_VERSION, netlist=result.netlist, device=family.device, seed=seed, tool=tool
        )
        entry = store.load(_KIND, key)
        if entry is None:
            mhz = _route_once(family.package, family.device, result, seed)
            entry = store.save(_KIND, key, {"mhz": mhz})
        found.append(float(entry["mhz"]))
        if tell is not None:
            tell(done, len(seeds))
    device = " ".join(word.strip("-") for word in family.device[:3] if word != "--package")
    return FpgaTiming(device, statistics.median(found), min(found), max(found), seeds, tool)


def _route_once(package: str, device: tuple[str, ...], result: FpgaResult, seed: int) -> float:
    with tempfile.TemporaryDirectory(prefix="hwmodel-nextpnr-") as name:
        folder = Path(name)
        (folder / "netlist.json").write_text(result.netlist)
        arguments = [*device, "--json", "netlist.json", "--report", "report.json", "--quiet"]
        arguments += ["--seed", str(seed), "--freq", str(_GOAL_MHZ), "--timing-allow-fail"]
        try:
            run = subprocess.run(
                [sys.executable, "-c", _CHILD, package, *arguments],
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
                f"nextpnr did not route {result.spec} within {_TIMEOUT_S:g} s and was stopped"
            ) from error
        report = folder / "report.json"
        if run.returncode or not report.is_file():
            last = " / ".join(run.stdout.strip().splitlines()[-3:])
            raise ToolError(f"nextpnr could not route {result.spec} on {' '.join(device)}: {last}")
        clocks = json.loads(report.read_text()).get("fmax", {})
    if not clocks:
        raise ToolError(f"nextpnr found no path between registers in {result.spec}")
    return min(float(clock["achieved"]) for clock in clocks.values())
