"""A cell library at one corner, and how to load one."""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwmodel.errors import HwmodelError
from hwmodel.technology.catalogue import default_library, library_files
from hwmodel.technology.cells import Cell, Floats
from hwmodel.technology.liberty import Group, read_liberty
from hwmodel.technology.records import TableReader, Units, read_cell
from hwmodel.technology.roles import Roles, find_roles

__all__ = ["CellLibrary", "WireLoad", "load_library"]


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
    file_units : str
        Units that the files state, for listings; records are in ours whatever these are.
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
    file_units: str

    @property
    def has_power(self) -> bool:
        """Whether its simplest gate has internal-power tables: energies need them."""
        return any(
            entry.energy != (None, None) for entry in self.cells[self.roles.nand2.cell].power
        )

    @property
    def nand2_area(self) -> float:
        """Area in um2 of the smallest two-input NAND: the unit of NAND2 equivalents."""
        return self.cells[self.roles.nand2.cell].area


def _read_wire_load(library: Group, units: Units) -> WireLoad:
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
    all_units: list[Units] = []
    voltages: list[float] = []
    first: Group | None = None
    first_units: Units | None = None
    wire_load = _NO_WIRE_LOAD
    for path, _, _ in paths:
        library, digest = read_liberty(path)
        digests.append(digest)
        names.append(library.name)
        units = Units(library, str(path))
        all_units.append(units)
        voltages.append(library.number("nom_voltage", 0.0) * units.voltage)
        reader = TableReader(library, units)
        for group in library.all("cell"):
            cells[group.name] = read_cell(group, units, library, reader)
        if wire_load is _NO_WIRE_LOAD:
            wire_load = _read_wire_load(library, units)
        if first is None or first_units is None:
            first, first_units = library, units
    assert first is not None
    assert first_units is not None
    _check_alike([path for path, _, _ in paths], all_units, voltages)
    source = ", ".join(str(path) for path, _, _ in paths)
    if not cells:
        raise HwmodelError(f"{source}: this Liberty file holds no cells")
    voltage = voltages[0]
    if voltage <= 0:
        raise HwmodelError(f"{source}: this Liberty file states no supply voltage (nom_voltage)")
    if not any(cell.area > 0 for cell in cells.values()):
        raise HwmodelError(
            f"{source}: no cell of this Liberty file has an area; expected `area : ...` in each"
        )
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
        file_units=first_units.stated,
    )


def _is_name(text: str) -> bool:
    """Whether a string names a library rather than a file."""
    is_path = "/" in text or "\\" in text or text.endswith((".lib", ".gz"))
    return not is_path and not Path(text).is_file()


def _check_alike(paths: Sequence[Path], units: Sequence[Units], volts: Sequence[float]) -> None:
    """Refuse files that cannot be mapped to together: other units, or another supply."""
    for path, unit, volt in zip(paths[1:], units[1:], volts[1:], strict=True):
        if difference := units[0].difference(unit):
            raise HwmodelError(
                f"{path} and {paths[0]} disagree in units ({difference}), and the mapper reads the"
                " files of a library as if they agreed; name files of one release, or convert one"
            )
        if volt != volts[0]:
            raise HwmodelError(
                f"{path} is for {volt:g} V and {paths[0]} for {volts[0]:g} V (nom_voltage): files"
                " named together are one library at one corner; name those of one corner"
            )


def load_library(path: Path | str | Sequence[Path | str] | None = None) -> CellLibrary:
    """Load a cell library.

    Parameters
    ----------
    path : path or sequence of paths, optional
        A Liberty file (plain or .gz), or several that belong together; or the name of a library,
        ``NAME`` or ``NAME,CORNER``, as a string; NanGate 45 nm if not given.

    Raises
    ------
    HwmodelError
        No such file or name, a damaged file, files that disagree, or a library without cells,
        areas, flip-flop or NAND2.
    """
    if path is None:
        path = default_library()
    several = [path] if isinstance(path, str | Path) else list(path)
    if len(several) == 1 and isinstance(several[0], str) and _is_name(several[0]):
        several = list(library_files(several[0]))
    keys = []
    for entry in several:
        resolved = Path(entry).resolve()
        try:
            status = resolved.stat()
        except OSError as error:
            raise HwmodelError(f"cannot read the Liberty file {entry}: {error.strerror}") from error
        keys.append((resolved, status.st_mtime_ns, status.st_size))
    return _load(tuple(keys))
