"""Imports between the rooms point one way."""

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

BELOW_ALL = {"errors", "store", "compiled", "lanes", "parallel"}
# What each room may import, besides itself and what is below all.
MAY_IMPORT = {
    "errors": set(),
    "store": set(),
    "compiled": set(),
    "lanes": {"compiled"},
    "parallel": set(),
    "yosys": set(),
    "formats": set(),
    "blocks": {"formats"},
    "units": {"formats"},
    "arithmetic": {"formats", "blocks", "units"},
    "rtl": {"formats", "units", "yosys"},
    "fetch": set(),
    "technology": {"fetch"},
    "accuracy": {"formats", "units", "arithmetic", "fetch"},
    "sim": {"formats", "units", "arithmetic", "rtl", "technology", "accuracy"},
    "synthesis": {"formats", "units", "arithmetic", "rtl", "technology", "yosys", "sim"},
    "cost": {
        *("formats", "units", "arithmetic", "rtl", "technology", "yosys"),
        *("sim", "synthesis", "accuracy"),
    },
    "fpga": {"units", "rtl", "sim", "yosys"},
    "sweep": {
        *("formats", "units", "arithmetic", "rtl", "technology", "yosys"),
        *("sim", "synthesis", "accuracy", "cost"),
    },
    "predict": {
        *("formats", "units", "arithmetic", "rtl", "technology", "yosys"),
        *("sim", "synthesis", "accuracy", "cost"),
    },
    "reports": {"formats", "units", "cost"},
}


def sources(room):
    folder = (
        REPOSITORY / room if room in ("rtl", "sim", "reports") else REPOSITORY / "hwmodel" / room
    )
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


def imported_rooms(path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "hwmodel" and len(parts) > 1:
                yield parts[1]


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_lies_before_it(room):
    allowed = MAY_IMPORT[room] | BELOW_ALL | {room}
    files = sources(room)
    assert files
    for path in files:
        # Names that are no room (hwmodel.__version__) are not imports of one.
        wrong = {name for name in imported_rooms(path) if name in {*MAY_IMPORT, "cli"}} - allowed
        assert not wrong, f"{path.name} of {room} imports {sorted(wrong)}"


def test_every_room_is_known():
    rooms = {path.name for path in (REPOSITORY / "hwmodel").iterdir() if path.is_dir()}
    assert rooms - {"__pycache__", "cli"} <= set(MAY_IMPORT)


def test_no_source_is_longer_than_a_reader_bears():
    for room in MAY_IMPORT:
        for path in sources(room):
            assert len(path.read_text().splitlines()) <= 450, path.name
