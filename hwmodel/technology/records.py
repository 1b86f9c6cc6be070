"""Groups of a Liberty file made into records, in our units."""

import functools

import numpy as np

from hwmodel.errors import HwmodelError
from hwmodel.technology.cells import (
    Cell,
    FlipFlop,
    Floats,
    Leakage,
    Pin,
    PowerGroup,
    Table,
    TimingArc,
)
from hwmodel.technology.liberty import Group, split_numbers
from hwmodel.technology.logic import variables

__all__ = ["TableReader", "Units", "read_cell"]

_PREFIX = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0}
_DELAY = ("cell_fall", "cell_rise")
_TRANSITION = ("fall_transition", "rise_transition")
_CONSTRAINT = ("fall_constraint", "rise_constraint")
_CAPACITANCES = ("total_output_net_capacitance", "equal_or_opposite_output_net_capacitance")


class Units:
    """Factors from the units of one Liberty file to ours.

    Raises
    ------
    HwmodelError
        The file states no units, or some that cannot be read.
    """

    def __init__(self, library: Group, source: str) -> None:
        try:
            number, unit = library.lists["capacitive_load_unit"][0]
            farad = float(number) * _PREFIX[unit.lower().removesuffix("f")]
            volt = self._scale(library, "voltage_unit", "v", "1V")
            self.time = self._scale(library, "time_unit", "s", "1ns") * 1e9
            self.leakage = self._scale(library, "leakage_power_unit", "w", "1nW") * 1e9
        except (KeyError, ValueError, IndexError) as error:
            raise HwmodelError(
                f"{source}: cannot read the units of this library ({error})"
            ) from error
        self.capacitance = farad * 1e15
        # Liberty: internal-power tables are in capacitive_load_unit * voltage_unit^2.
        self.energy = farad * volt * volt * 1e15
        self.voltage = volt
        self.stated = f"{self.time:g} ns, {self.capacitance:g} fF, {volt:g} V, {self.leakage:g} nW"

    def difference(self, other: "Units") -> str:
        """The first unit in which two files differ, in words; empty where none does."""
        for name, ours, theirs, unit in (
            ("time", self.time, other.time, "ns"),
            ("capacitance", self.capacitance, other.capacitance, "fF"),
            ("voltage", self.voltage, other.voltage, "V"),
            ("leakage", self.leakage, other.leakage, "nW"),
        ):
            if ours != theirs:
                return f"{name}: {theirs:g} {unit} against {ours:g} {unit}"
        return ""

    @staticmethod
    def _scale(library: Group, attribute: str, symbol: str, default: str) -> float:
        text = library.attributes.get(attribute, default).strip().lower()
        digits = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
        return float(digits or "1") * _PREFIX[text[len(digits) :].strip().removesuffix(symbol)]


class TableReader:
    """Reads tables of one file: axes from the table or its template, in one order of axes."""

    def __init__(self, library: Group, units: Units) -> None:
        self.units = units
        kinds = ("lu_table_template", "power_lut_template")
        self.templates = {group.name: group for group in library.groups if group.kind in kinds}
        self._axes: dict[tuple[tuple[str, ...], float], Floats] = {}

    def _axis(self, words: tuple[str, ...], factor: float) -> Floats:
        key = (words, factor)
        if key not in self._axes:
            self._axes[key] = np.array(split_numbers(words)) * factor
        return self._axes[key]

    def read(self, group: Group, factor: float) -> Table:
        """One table; `factor` takes its values to our unit."""
        template = self.templates.get(group.name)
        axes: list[tuple[str, Floats]] = []
        for number in (1, 2, 3):
            variable = template.attributes.get(f"variable_{number}") if template else None
            if variable is None:
                break
            words = group.lists.get(f"index_{number}") or (
                template.lists.get(f"index_{number}") if template else None
            )
            if not words:
                raise HwmodelError(
                    f"Liberty: table {group.kind} ({group.name}) has no index_{number}"
                )
            scale = self.units.capacitance if variable in _CAPACITANCES else self.units.time
            axes.append((variable, self._axis(words[-1], scale)))
        words = group.lists.get("values")
        if not words:
            raise HwmodelError(f"Liberty: table {group.kind} ({group.name}) has no values")
        values = np.array(split_numbers(words[-1])) * factor
        if values.size != int(np.prod([axis.size for _, axis in axes])):
            raise HwmodelError(
                f"Liberty: table {group.kind} ({group.name}) has {values.size} values for axes of"
                f" {' x '.join(str(axis.size) for _, axis in axes) or '1'} points"
            )
        if len(axes) > 2:
            raise HwmodelError(f"Liberty: table {group.kind} ({group.name}) has three axes")
        zero = np.zeros(1)
        if not axes:
            return Table(zero, zero, values.reshape(1, 1))
        columns_first = axes[0][0] in _CAPACITANCES or axes[0][0] == "related_pin_transition"
        if len(axes) == 1:
            axis = axes[0][1]
            if columns_first:
                return Table(zero, axis, values.reshape(1, -1))
            return Table(axis, zero, values.reshape(-1, 1))
        values = values.reshape(axes[0][1].size, axes[1][1].size)
        if columns_first:
            return Table(axes[1][1], axes[0][1], np.ascontiguousarray(values.T))
        return Table(axes[0][1], axes[1][1], values)

    def pair(
        self, group: Group, names: tuple[str, str], factor: float
    ) -> tuple[Table | None, Table | None]:
        """Tables of the falling and the rising edge."""
        found: list[Table | None] = [None, None]
        for inner in group.groups:
            if inner.kind in names:
                found[names.index(inner.kind)] = self.read(inner, factor)
        return found[0], found[1]


def _read_tables(
    cell: Group, reader: TableReader
) -> tuple[tuple[TimingArc, ...], tuple[PowerGroup, ...]]:
    arcs: list[TimingArc] = []
    power: list[PowerGroup] = []
    time, energy = reader.units.time, reader.units.energy
    for pin in cell.all("pin"):
        for group in pin.all("timing"):
            kind = group.attributes.get("timing_type", "combinational")
            constraint = kind.startswith(("setup", "hold"))
            if kind.startswith(("min_pulse", "recovery", "removal", "three_state", "non_seq")):
                continue
            names = _CONSTRAINT if constraint else _DELAY
            delay = reader.pair(group, names, time)
            transition = (None, None) if constraint else reader.pair(group, _TRANSITION, time)
            for related in group.attributes.get("related_pin", "").split():
                arcs.append(
                    TimingArc(
                        pin.name,
                        related,
                        kind,
                        group.attributes.get("timing_sense", "non_unate"),
                        group.attributes.get("when"),
                        delay,
                        transition,
                    )
                )
        for group in pin.all("internal_power"):
            tables = reader.pair(group, ("fall_power", "rise_power"), energy)
            if tables == (None, None) and group.all("power"):
                both = reader.read(group.all("power")[0], energy)
                tables = (both, both)
            related_pins: list[str | None] = list(group.attributes.get("related_pin", "").split())
            for source in related_pins or [None]:
                power.append(
                    PowerGroup(
                        pin.name,
                        source,
                        group.attributes.get("when"),
                        group.attributes.get("related_pg_pin", ""),
                        tables,
                    )
                )
    return tuple(arcs), tuple(power)


def _read_pin(group: Group, units: Units, library: Group) -> Pin:
    direction = group.attributes.get("direction", "")
    fallback = library.number(f"default_{direction}_pin_cap", 0.0)
    capacitance = group.number("capacitance", fallback)
    return Pin(
        name=group.name,
        direction=direction,
        capacitance=capacitance * units.capacitance,
        rise_capacitance=group.number("rise_capacitance", capacitance) * units.capacitance,
        fall_capacitance=group.number("fall_capacitance", capacitance) * units.capacitance,
        function=group.attributes.get("function"),
        three_state=group.attributes.get("three_state"),
        clock=group.attributes.get("clock", "false").lower() == "true",
    )


def _read_flip_flop(group: Group) -> FlipFlop | None:
    clock = group.attributes.get("clocked_on", "")
    names = variables(clock)
    if len(names) != 1 or "next_state" not in group.attributes or len(group.names) < 2:
        return None  # clocked by a function of several pins: counts as "other state"
    return FlipFlop(
        state=group.names[0],
        inverse=group.names[1],
        clock=next(iter(names)),
        rising="!" not in clock and "'" not in clock,
        next_state=group.attributes["next_state"],
        clear=group.attributes.get("clear"),
        preset=group.attributes.get("preset"),
    )


def _read_leakage(cell: Group, units: Units, library: Group) -> tuple[Leakage, ...]:
    found = [
        Leakage(
            group.number("value", 0.0) * units.leakage,
            group.attributes.get("when"),
            group.attributes.get("related_pg_pin", ""),
        )
        for group in cell.all("leakage_power")
    ]
    fallback = cell.number("cell_leakage_power", library.number("default_cell_leakage_power", 0.0))
    if all(entry.when is not None for entry in found):
        found.append(Leakage(fallback * units.leakage, None, ""))
    return tuple(sorted(found, key=lambda entry: entry.when is None))


def read_cell(cell: Group, units: Units, library: Group, reader: TableReader) -> Cell:
    """One cell; its tables are read when first asked for."""
    flip_flops = cell.all("ff")
    flip_flop = _read_flip_flop(flip_flops[0]) if len(flip_flops) == 1 else None
    state_groups = ("ff", "latch", "statetable", "ff_bank", "latch_bank")
    has_state = any(group.kind in state_groups for group in cell.groups)
    return Cell(
        name=cell.name,
        area=cell.number("area", 0.0),
        pins=tuple(_read_pin(pin, units, library) for pin in cell.all("pin")),
        flip_flop=flip_flop,
        latch=has_state and flip_flop is None,
        dont_use=cell.attributes.get("dont_use", "false").lower() == "true",
        leakage=_read_leakage(cell, units, library),
        read_tables=functools.partial(_read_tables, cell, reader),
    )
