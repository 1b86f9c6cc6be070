"""The clock at which the units of a report are compared, where the library has no usual one."""

import functools
from collections.abc import Callable, Sequence

from hwmodel.cost.steps import Steps
from hwmodel.errors import HwmodelError
from hwmodel.units import UnitSpec

__all__ = ["CLOCK_FROM", "common_clock"]

# What the default clock is to the default plan in NanGate 45 nm: there, too, the slow units have
# to be sized for it, and none misses it.
_SHARE = 0.4
CLOCK_FROM = f"{_SHARE:g} of the minimum period of the slowest unit at minimum area"


Told = Callable[[int, int, str], None]


def common_clock(units: Sequence[UnitSpec], steps: Steps, tell: Told) -> float:
    """Clock in ns that asks of the slow units of a library to be sized.

    Parameters
    ----------
    units : sequence of UnitSpec
        All units that are to meet it.
    steps : Steps
        The measuring tools. What they find is stored, so that the report takes it up.
    tell : callable
        Told how many units are done, of how many, and which one is being synthesised.

    Raises
    ------
    HwmodelError
        No unit could be synthesised; one that could not is left to the report to tell.
    """
    delays: list[float] = []
    failed: HwmodelError | None = None
    for done, unit in enumerate(units):
        told = functools.partial(_detail, tell, done, len(units), f"common clock: {unit.name}")
        told("")
        try:
            row, _ = steps.synthesize(unit, None, told)
        except HwmodelError as error:
            failed = error
        else:
            delays.append(row.delay_ns)
    if not delays:
        raise failed or HwmodelError("a common clock is that of one unit or more, but none came")
    # Two digits: the clock can be read, and asked for again.
    return float(f"{_SHARE * max(delays):.2g}")


def _detail(tell: Told, done: int, total: int, what: str, detail: str) -> None:
    tell(done, total, f"{what}: {detail}" if detail else what)
