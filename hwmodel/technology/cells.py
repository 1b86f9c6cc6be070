"""Records of a cell library: tables, pins, timing arcs, power groups, cells.

All in one set of units: time ns, capacitance fF, energy fJ, leakage nW, area um2.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hwmodel.technology.logic import parse_function, projections

__all__ = ["Cell", "FlipFlop", "Leakage", "Pin", "PowerGroup", "Table", "TimingArc"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Table:
    """A non-linear table with two axes.

    Attributes
    ----------
    rows : array of shape (m,)
        Transition time of the input in ns (setup and hold: of the data pin). One entry: the table
        does not depend on it.
    columns : array of shape (n,)
        Load in fF (setup and hold: transition time of the clock pin in ns).
    values : array of shape (m, n)
        Delay, transition time or constraint in ns; energy in fJ.
    """

    rows: Floats
    columns: Floats
    values: Floats


@dataclass(frozen=True)
class Pin:
    """A signal pin; capacitances in fF (of an output: what it adds to its own net)."""

    name: str
    direction: str
    capacitance: float
    rise_capacitance: float
    fall_capacitance: float
    function: str | None
    three_state: str | None
    clock: bool


@dataclass(frozen=True)
class FlipFlop:
    """The ``ff`` group: names of the state and its inverse, clock pin and edge, next state."""

    state: str
    inverse: str
    clock: str
    rising: bool
    next_state: str
    clear: str | None
    preset: str | None


@dataclass(frozen=True, eq=False)
class TimingArc:
    """One ``timing`` group; tables by the edge of `pin`, None where the edge cannot occur.

    `kind` is Liberty's ``timing_type`` (``combinational`` where the file says nothing), `sense`
    its ``timing_sense``. Constraint arcs (``setup_rising``, ``hold_rising``) hold their tables in
    `delay`, indexed like every table by edge: 0 fall, 1 rise.
    """

    pin: str
    related: str
    kind: str
    sense: str
    when: str | None
    delay: tuple[Table | None, Table | None]
    transition: tuple[Table | None, Table | None]


@dataclass(frozen=True, eq=False)
class PowerGroup:
    """One ``internal_power`` group; energy tables by the edge of `pin`, 0 fall, 1 rise.

    `related` is None for energy spent when an input pin toggles, whatever the outputs do.
    """

    pin: str
    related: str | None
    when: str | None
    rail: str
    energy: tuple[Table | None, Table | None]


@dataclass(frozen=True)
class Leakage:
    """Leakage power in nW while `when` holds (None: otherwise)."""

    power: float
    when: str | None
    rail: str


class Cell:
    """A cell of the library.

    Parameters
    ----------
    name : str
        Name in the library.
    area : float
        um2.
    pins : tuple of Pin
        Signal pins in the order of the file.
    flip_flop : FlipFlop, optional
        Set for an edge-triggered cell.
    latch : bool
        A latch, clock gate or other cell with state that is no flip-flop.
    dont_use : bool
        Marked by the library as not for synthesis.
    leakage : tuple of Leakage
        By state; the entry without condition, if any, last.
    read_tables : callable
        Gives the timing arcs and the power groups; called at first use, for reading the tables of
        all cells takes most of the loading time and a netlist uses a few.
    """

    def __init__(
        self,
        name: str,
        area: float,
        pins: tuple[Pin, ...],
        flip_flop: FlipFlop | None,
        latch: bool,
        dont_use: bool,
        leakage: tuple[Leakage, ...],
        read_tables: Callable[[], tuple[tuple[TimingArc, ...], tuple[PowerGroup, ...]]],
    ) -> None:
        self.name = name
        self.area = area
        self.pins = {pin.name: pin for pin in pins}
        self.inputs = tuple(pin.name for pin in pins if pin.direction == "input")
        self.outputs = tuple(pin.name for pin in pins if pin.direction == "output")
        self.flip_flop = flip_flop
        self.latch = latch
        self.dont_use = dont_use
        self.leakage = leakage
        self._read_tables = read_tables

    def __repr__(self) -> str:
        return f"Cell({self.name})"

    @property
    def is_combinational(self) -> bool:
        """Every output is a function of the inputs alone, and always driven."""
        return (
            self.flip_flop is None
            and not self.latch
            and bool(self.outputs)
            and all(
                self.pins[pin].function is not None and self.pins[pin].three_state is None
                for pin in self.outputs
            )
        )

    @cached_property
    def state_count(self) -> int:
        """Number of states: 2^inputs, twice that for a flip-flop (its own state is the top bit)."""
        return 1 << (len(self.inputs) + (self.flip_flop is not None))

    @cached_property
    def values(self) -> dict[str, int]:
        """Truth table of every pin (and of a flip-flop's internal state) over the states."""
        bits = projections(len(self.inputs) + (self.flip_flop is not None))
        known = dict(zip(self.inputs, bits, strict=False))
        if self.flip_flop is not None:
            everything = (1 << self.state_count) - 1
            known[self.flip_flop.state] = bits[-1]
            known[self.flip_flop.inverse] = everything ^ bits[-1]
        for pin in self.outputs:
            function = self.pins[pin].function
            if function is not None and pin not in known and not self.latch:
                known[pin] = parse_function(function, known, self.state_count)
        return known

    def table_of(self, text: str) -> int:
        """Truth table of a condition over this cell's pins."""
        return parse_function(text, self.values, self.state_count)

    @cached_property
    def _tables(self) -> tuple[tuple[TimingArc, ...], tuple[PowerGroup, ...]]:
        return self._read_tables()

    @property
    def arcs(self) -> tuple[TimingArc, ...]:
        """Timing arcs in the order of the file."""
        return self._tables[0]

    @property
    def power(self) -> tuple[PowerGroup, ...]:
        """Internal-power groups in the order of the file."""
        return self._tables[1]
