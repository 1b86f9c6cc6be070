"""Place, route and clock of a mapped unit by nextpnr, for families that have one on PyPI."""

import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hwmodel.errors import HwmodelError, ToolError, last_lines
from hwmodel.fpga.families import parse_family
from hwmodel.fpga.mapping import FpgaResult
from hwmodel.store import Store, content_key

__all__ = ["RoutedClock", "route"]

_VERSION = 1
_TIMEOUT_S = 900.0
# Clock that the router is asked for, above what units reach: it then does what it can.
_AIM_MHZ = 400


@dataclass(frozen=True)
class RoutedClock:
    """Fastest clock of a placed and routed unit.

    Attributes
    ----------
    family, part : str
        FPGA family and the router's options that choose the part.
    mhz : float
        Median over the seeds of the fastest clock between registers; paths to and from pins are
        left out.
    delay_ns : float
        Its period.
    per_seed_mhz : list of float
        What each seed of the placement gave.
    router : str
        Tool and version.
    """

    family: str
    part: str
    mhz: float
    delay_ns: float
    per_seed_mhz: list[float]
    router: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def route(result: FpgaResult, seeds: int = 3, store: Store | None = None) -> RoutedClock:
    """Place and route a mapped unit.

    Parameters
    ----------
    result : FpgaResult
        What `map_fpga` gave.
    seeds : int
        Placements tried; the median of their clocks is reported.
    store : Store, optional
        Where finished runs are kept.

    Raises
    ------
    HwmodelError
        There is no router for the family, or it is not installed.
    ToolError
        nextpnr failed.
    """
    family = parse_family(result.family)
    if family.router is None:
        raise HwmodelError(
            f"there is no free router for {family.title} in the Python registry; choose ice40 or"
            " ecp5, or leave out --timing"
        )
    if family.name == "ice40" and result.dsps:
        raise HwmodelError(
            f"{result.spec} uses {result.dsps} DSP block(s), which iCE40 parts with pins enough for"
            " a unit do not have; forbid them (--no-dsp) to see a routed clock"
        )
    if seeds < 1:
        raise HwmodelError(f"placements are tried with 1 seed or more, but {seeds} came")
    package = family.router.replace("_", "-")
    if importlib.util.find_spec(family.router) is None:
        raise HwmodelError(
            f"the router of {family.title} is not installed; install it with: pip install {package}"
        )
    store = store if store is not None else Store()
    router = f"{package} {version(package)}"
    mhz = []
    for seed in range(1, seeds + 1):
        key = content_key(
            version=_VERSION,
            netlist=result.netlist_json,
            device=family.device,
            seed=seed,
            router=router,
        )
        entry = store.load("fpga-route", key)
        if entry is None:
            entry = {"mhz": _route_once(result, family.router, family.device, seed)}
            entry = store.save("fpga-route", key, entry)
        mhz.append(entry["mhz"])
    median = statistics.median(mhz)
    part = " ".join(family.device)
    return RoutedClock(family.name, part, median, 1000.0 / median, mhz, router)


def _route_once(result: FpgaResult, package: str, device: tuple[str, ...], seed: int) -> float:
    name = package.removeprefix("yowasp_")
    program = f"import sys, {package} as p; sys.exit(p.run_{name}(sys.argv[1:]))"
    with tempfile.TemporaryDirectory(prefix="hwmodel-nextpnr-") as folder:
        (Path(folder) / "netlist.json").write_text(result.netlist_json)
        options = ["--json", "netlist.json", "--report", "report.json", "--seed", str(seed)]
        goal = ["--freq", str(_AIM_MHZ), "--timing-allow-fail", "-q"]
        try:
            done = subprocess.run(
                [sys.executable, "-c", program, *device, *options, *goal],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ToolError(
                f"nextpnr did not finish {result.spec} within {_TIMEOUT_S:g} s and was stopped"
            ) from None
        report = Path(folder) / "report.json"
        if done.returncode or not report.is_file():
            raise ToolError(
                f"nextpnr failed (status {done.returncode}) on {result.spec}; its last lines"
                f" are:{last_lines(done.stdout + done.stderr)}"
            )
        clocks = json.loads(report.read_text())["fmax"]
        return min(float(clock["achieved"]) for clock in clocks.values())
