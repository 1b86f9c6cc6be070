"""What the report measures: units, goals, clocks and operand streams."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, Format, parse_format
from hwmodel.units import UnitSpec, parse_unit

__all__ = [
    "DEFAULT_CLOCK_NS",
    "DEFAULT_FORMATS",
    "DesignPoint",
    "Plan",
    "make_plan",
    "planned_units",
]

DEFAULT_FORMATS = ("int8", "e5m2", "e4m3", "e3m4", "e2m5")
# The one clock that all units are compared at. NanGate 45 nm, typical: every unit of the default
# plan meets it, and the slowest of them have to be sized for it.
DEFAULT_CLOCK_NS = 3.0
INTEGER_ACCUMULATORS = ("int32", "exact")
FLOAT_ACCUMULATORS = ("exact", "fp32")
DEFAULT_STIMULI = ("gaussian", "uniform")
# Operands of a layer of a real network: where PyTorch and the network are at hand.
NETWORK_STIMULUS = "captured"


@dataclass(frozen=True)
class DesignPoint:
    """A unit and the clock target that it is synthesised for (None: minimum area), in ns."""

    spec: UnitSpec
    clock_ns: float | None

    @property
    def label(self) -> str:
        """Unit and goal in words."""
        goal = "minimum area" if self.clock_ns is None else f"{self.clock_ns:g} ns"
        return f"{self.spec.name} at {goal}"


@dataclass(frozen=True)
class Plan:
    """What to measure.

    Attributes
    ----------
    formats : tuple of str
        Names of the operand formats, the integers among them being the yardstick.
    points : tuple of DesignPoint
        Units at minimum area and at the common clock.
    clock_ns : float
        The common clock, ns.
    stimuli : tuple of str
        Operand streams of the energies.
    library : str, optional
        Name of the cell library, ``NAME`` or ``NAME,CORNER``.
    liberty : tuple of str
        Liberty files of the cells instead; with neither, the default library.
    clock_from : str
        Where the common clock comes from, for the report.
    """

    formats: tuple[str, ...]
    points: tuple[DesignPoint, ...]
    clock_ns: float
    stimuli: tuple[str, ...]
    library: str | None = None
    liberty: tuple[str, ...] = ()
    clock_from: str = ""

    @property
    def cells(self) -> str | tuple[str, ...] | None:
        """The library as `hwmodel.technology.load_library` takes it."""
        return self.library or self.liberty or None

    def units(self, of_integers: bool) -> tuple[str, ...]:
        """Names of the units with integer (or with floating-point) operands."""
        names = [
            point.spec.name
            for point in self.points
            if isinstance(point.spec.a, FloatFormat) != of_integers
        ]
        return tuple(dict.fromkeys(names))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "formats": list(self.formats),
            "units": list(dict.fromkeys(point.spec.name for point in self.points)),
            "clock_ns": self.clock_ns,
            "clock_from": self.clock_from,
            "stimuli": list(self.stimuli),
            "library": self.library,
            "liberty": list(self.liberty),
        }


def make_plan(
    formats: Sequence[str] = DEFAULT_FORMATS,
    clock_ns: float = DEFAULT_CLOCK_NS,
    stimuli: Sequence[str] = DEFAULT_STIMULI,
    library: str | None = None,
    liberty: Sequence[str] = (),
    clock_from: str = "",
) -> Plan:
    """Plan of a report over some formats: each unit at minimum area and at the common clock.

    The library is a name or Liberty files; see `Plan`.

    Raises
    ------
    HwmodelError
        A format is unknown, none came, or the clock is not positive.
    """
    if not (math.isfinite(clock_ns) and clock_ns > 0):
        raise HwmodelError(f"a clock is a positive period in ns, but {clock_ns!r} ns came")
    units = planned_units(formats)
    names = tuple(dict.fromkeys(unit.a.name for unit in units))
    points = tuple(DesignPoint(unit, clock) for unit in units for clock in (None, clock_ns))
    return Plan(names, points, clock_ns, tuple(stimuli), library, tuple(liberty), clock_from)


def planned_units(formats: Sequence[str]) -> tuple[UnitSpec, ...]:
    """Units that a report over some formats measures.

    Every format is taken for both operands, with every accumulator that a designer would give it:
    an integer of 32 bits or of the exact width; for floats an exact one or FP32.

    Raises
    ------
    HwmodelError
        A format is unknown, or none came.
    """
    if not formats:
        raise HwmodelError("a report compares one format or more, but none came; e.g. int8,e4m3")
    names = dict.fromkeys(parse_format(name).name for name in formats)
    return tuple(
        parse_unit(f"mac-{name}-{name}-{accumulator}")
        for name in names
        for accumulator in _accumulators(parse_format(name))
    )


def _accumulators(fmt: Format) -> tuple[str, ...]:
    return FLOAT_ACCUMULATORS if isinstance(fmt, FloatFormat) else INTEGER_ACCUMULATORS
