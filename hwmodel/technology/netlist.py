"""A netlist of library cells, read from what Yosys' ``write_json`` writes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwmodel.errors import HwmodelError
from hwmodel.technology.library import CellLibrary

__all__ = ["CONSTANT_0", "CONSTANT_1", "Instance", "Netlist", "Port", "read_netlist"]

# The two constants are nets like any other, with the first two numbers.
CONSTANT_0 = 0
CONSTANT_1 = 1
_CONSTANTS: dict[int | str, int] = {"0": 0, "1": 1, "x": 0, "z": 0}  # undefined counts as 0


@dataclass(frozen=True)
class Port:
    """A port of the module: its nets, least significant bit first."""

    name: str
    direction: str
    bits: tuple[int, ...]


@dataclass(frozen=True)
class Instance:
    """One cell of the netlist: the net of each connected pin."""

    name: str
    cell: str
    pins: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class Netlist:
    """A flat netlist of library cells.

    Attributes
    ----------
    name : str
        Module name.
    ports : dict of str to Port
        Ports by name.
    instances : tuple of Instance
        Cells, in the order of the file.
    net_names : tuple of str
        Name of every net; nets 0 and 1 are the constants.
    """

    name: str
    ports: dict[str, Port]
    instances: tuple[Instance, ...]
    net_names: tuple[str, ...]

    @property
    def net_count(self) -> int:
        """Number of nets, the two constants included."""
        return len(self.net_names)

    def area(self, library: CellLibrary) -> float:
        """Sum of the cells' areas in um2."""
        return sum(library.cells[instance.cell].area for instance in self.instances)

    def sha256(self) -> str:
        """Hash of structure and names, for keys of stored results."""
        digest = hashlib.sha256(self.name.encode())
        for port in self.ports.values():
            digest.update(repr((port.name, port.direction, port.bits)).encode())
        for instance in self.instances:
            digest.update(
                repr((instance.name, instance.cell, sorted(instance.pins.items()))).encode()
            )
        return digest.hexdigest()


def _net_names(module: Mapping[str, Any]) -> dict[int, str]:
    """Best name of each bit: a port or a user's name before one that Yosys made up."""
    best: dict[int, tuple[bool, int, str]] = {}
    for name, net in module.get("netnames", {}).items():
        hidden = bool(net.get("hide_name", 0))
        for index, bit in enumerate(net["bits"]):
            if isinstance(bit, int):
                label = name if len(net["bits"]) == 1 else f"{name}[{index}]"
                key = (hidden, len(label), label)
                if bit not in best or key < best[bit]:
                    best[bit] = key
    return {bit: key[2] for bit, key in best.items()}


def _top(design: Mapping[str, Any], top: str | None) -> str:
    modules = {
        name: module
        for name, module in design.get("modules", {}).items()
        if not int(str(module.get("attributes", {}).get("blackbox", "0")) or "0", 2)
    }
    if top is not None:
        if top not in modules:
            raise HwmodelError(f"netlist: no module {top}; it has {', '.join(modules) or 'none'}")
        return top
    marked = [name for name, module in modules.items() if "top" in module.get("attributes", {})]
    candidates = marked or list(modules)
    if len(candidates) != 1:
        raise HwmodelError(
            f"netlist: expected one module, found {', '.join(candidates) or 'none'};"
            " flatten it first"
        )
    return candidates[0]


def read_netlist(
    source: Path | str | bytes | Mapping[str, Any], library: CellLibrary, top: str | None = None
) -> Netlist:
    """Read a mapped netlist.

    Parameters
    ----------
    source : Path, str, bytes or mapping
        The JSON of Yosys' ``write_json``: its path, its text, or what `json.loads` made of it.
    library : CellLibrary
        The library that it was mapped to.
    top : str, optional
        Module name, needed where the file holds several.

    Raises
    ------
    HwmodelError
        Not such a file, or a cell that is not of the library.
    """
    if isinstance(source, Path):
        try:
            source = source.read_bytes()
        except OSError as error:
            raise HwmodelError(f"cannot read the netlist {source!s}: {error.strerror}") from error
    if isinstance(source, str | bytes):
        try:
            source = json.loads(source)
        except ValueError as error:
            raise HwmodelError(f"the netlist is not JSON of Yosys' write_json ({error})") from error
    assert isinstance(source, Mapping)
    name = _top(source, top)
    module = source["modules"][name]
    labels = _net_names(module)
    numbers = dict(_CONSTANTS)
    names = ["1'b0", "1'b1"]

    def net(bit: int | str) -> int:
        if bit not in numbers:
            numbers[bit] = len(names)
            names.append(labels.get(int(bit), f"net{bit}"))
        return numbers[bit]

    ports = {
        port: Port(port, entry["direction"], tuple(net(bit) for bit in entry["bits"]))
        for port, entry in module["ports"].items()
    }
    instances = []
    for instance, entry in module["cells"].items():
        kind = entry["type"]
        if kind == "$scopeinfo":
            continue  # Yosys' note of where a flattened cell came from; no hardware
        cell = library.cells.get(kind)
        if cell is None:
            raise HwmodelError(
                f"netlist {name}: {kind} ({instance}) is no cell of {library.name}; expected a flat"
                " netlist mapped to this library"
            )
        pins = {}
        for pin, bits in entry["connections"].items():
            if pin not in cell.pins or len(bits) > 1:
                raise HwmodelError(f"netlist {name}: cell {kind} has no one-bit pin {pin}")
            if bits:
                pins[pin] = net(bits[0])
        missing = [pin for pin in cell.inputs if pin not in pins]
        if missing:
            raise HwmodelError(f"netlist {name}: pin {missing[0]} of {instance} is unconnected")
        instances.append(Instance(instance, kind, pins))
    return Netlist(name, ports, tuple(instances), tuple(names))
