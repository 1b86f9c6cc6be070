"""Small repairs to a mapped netlist that ABC cannot make, for it does not see flip-flops.

Works on the JSON that Yosys writes (one flat module). Two rules, both exact:

1. A flip-flop has both outputs, so an inverter behind it is free: the inverter's readers move to
   the other output.
2. A flip-flop may as well store the inverse: where the gate before it is cheaper inverted (AND2
   and NAND2, an inverter and nothing), the gate is exchanged and the outputs change places. Only
   for flip-flops without set and reset; the power-up value is unknown either way.
"""

from collections import defaultdict
from typing import Any

from hwmodel.technology.cells import Cell
from hwmodel.technology.library import CellLibrary

__all__ = ["polish"]

Bit = int | str
Netlist = dict[str, Any]


class _Editor:
    """One module with its drivers and readers; edits keep both up to date."""

    def __init__(self, module: Netlist, library: CellLibrary) -> None:
        self.cells: dict[str, Netlist] = module["cells"]
        self.library = library
        self.driver: dict[Bit, tuple[str, str]] = {}
        self.readers: dict[Bit, set[tuple[str, str]]] = defaultdict(set)
        self.port_bits = {
            bit
            for port in module["ports"].values()
            if port["direction"] == "output"
            for bit in port["bits"]
        }
        for name in self.cells:
            kind = self.kind(name)
            for pin, bits in self.cells[name]["connections"].items():
                for bit in bits:
                    if pin in kind.outputs:
                        self.driver[bit] = (name, pin)
                    else:
                        self.readers[bit].add((name, pin))

    def kind(self, name: str) -> Cell:
        return self.library.cells[self.cells[name]["type"]]

    def net(self, name: str, pin: str) -> Bit | None:
        bits = self.cells[name]["connections"].get(pin)
        return bits[0] if bits else None

    def remove(self, name: str) -> None:
        kind = self.kind(name)
        for pin, bits in self.cells.pop(name)["connections"].items():
            for bit in bits:
                if pin in kind.outputs:
                    self.driver.pop(bit, None)
                else:
                    self.readers[bit].discard((name, pin))

    def drive(self, name: str, pin: str, bit: Bit | None) -> None:
        """Connect an output pin to a net (None: leave it open)."""
        self.cells[name]["connections"][pin] = [] if bit is None else [bit]
        if bit is not None:
            self.driver[bit] = (name, pin)

    def move_readers(self, source: Bit, target: Bit) -> None:
        for name, pin in self.readers.pop(source, set()):
            self.cells[name]["connections"][pin] = [target]
            self.readers[target].add((name, pin))


def polish(netlist: Netlist, top: str, library: CellLibrary) -> Netlist:
    """Apply the rules until none applies.

    Parameters
    ----------
    netlist
        What Yosys' ``write_json`` gives: one flat mapped module.
    top
        Its name.
    library
        The cells it uses.

    Returns
    -------
    dict
        A new netlist with the same function.
    """
    module = netlist["modules"][top]
    # Only what the editor changes is copied: lists of bits it replaces as a whole.
    cells = {
        name: {**cell, "connections": dict(cell["connections"])}
        for name, cell in module["cells"].items()
    }
    result = {**netlist, "modules": {**netlist["modules"], top: {**module, "cells": cells}}}
    editor = _Editor(result["modules"][top], library)
    pairs = _complement_pins(library)
    inverses = _inverse_gates(library)
    changed = True
    while changed:
        changed = _free_inverters(editor, pairs)
        changed |= _stored_inverse(editor, pairs, inverses)
    return result


def _complement_pins(library: CellLibrary) -> dict[str, dict[str, str]]:
    """Give for each flip-flop with both outputs the other output of each."""
    found = {}
    for cell in library.cells.values():
        if cell.flip_flop is None or len(cell.outputs) != 2:
            continue
        functions = {cell.pins[pin].function: pin for pin in cell.outputs}
        true = functions.get(cell.flip_flop.state)
        inverse = functions.get(cell.flip_flop.inverse)
        if true and inverse:
            found[cell.name] = {true: inverse, inverse: true}
    return found


def _inverse_gates(library: CellLibrary) -> dict[str, tuple[str, dict[str, str]]]:
    """For each gate the smallest gate of the inverse function, and how the pins correspond.

    Only gates whose pins keep their order under one of the permutations that `Cell.values` shows
    equal are found: input i of one is input i of the other.
    """
    gates = sorted(
        (cell for cell in library.cells.values() if _is_gate(cell)), key=lambda c: (c.area, c.name)
    )
    by_function: dict[tuple[int, int], Cell] = {}
    for cell in gates:
        by_function.setdefault((len(cell.inputs), cell.values[cell.outputs[0]]), cell)
    found = {}
    for cell in gates:
        everything = (1 << cell.state_count) - 1
        table = everything ^ cell.values[cell.outputs[0]]
        other = by_function.get((len(cell.inputs), table))
        if other is not None and other.area < cell.area:
            pins = dict(zip(cell.inputs, other.inputs, strict=True))
            found[cell.name] = (other.name, pins | {cell.outputs[0]: other.outputs[0]})
    return found


def _is_gate(cell: Cell) -> bool:
    return (
        cell.is_combinational
        and not cell.dont_use
        and len(cell.outputs) == 1
        and 1 <= len(cell.inputs) <= 6
    )


def _is_inverter(cell: Cell) -> bool:
    return _is_gate(cell) and len(cell.inputs) == 1 and cell.values[cell.outputs[0]] == 0b01


def _free_inverters(editor: _Editor, pairs: dict[str, dict[str, str]]) -> bool:
    """Rule 1 on every inverter; True if any was removed."""
    changed = False
    for name in list(editor.cells):
        kind = editor.kind(name)
        if not _is_inverter(kind):
            continue
        source = editor.net(name, kind.inputs[0])
        target = editor.net(name, kind.outputs[0])
        if source is None or target is None or source not in editor.driver:
            continue
        flip_flop, pin = editor.driver[source]
        other = pairs.get(editor.cells[flip_flop]["type"], {}).get(pin)
        if other is None:
            continue
        existing = editor.net(flip_flop, other)
        if existing is not None and existing in editor.port_bits and target in editor.port_bits:
            continue  # two output ports with names of their own: one driver each
        editor.remove(name)
        if existing is None:
            editor.drive(flip_flop, other, target)
        elif target in editor.port_bits:
            editor.move_readers(existing, target)
            editor.driver.pop(existing, None)
            editor.drive(flip_flop, other, target)
        else:
            editor.move_readers(target, existing)
        changed = True
        # An output that nobody reads any more is left open.
        if not editor.readers[source] and source not in editor.port_bits:
            editor.driver.pop(source, None)
            editor.drive(flip_flop, pin, None)
    return changed


def _stored_inverse(
    editor: _Editor,
    pairs: dict[str, dict[str, str]],
    inverses: dict[str, tuple[str, dict[str, str]]],
) -> bool:
    """Rule 2 on every flip-flop; True if any was changed."""
    changed = False
    for name in list(editor.cells):
        kind = editor.kind(name)
        flip_flop = kind.flip_flop
        if kind.name not in pairs or flip_flop is None or flip_flop.clear or flip_flop.preset:
            continue
        data = [pin for pin in kind.inputs if pin != flip_flop.clock]
        if len(data) != 1:
            continue  # scan flip-flops and the like
        bit = editor.net(name, data[0])
        if bit is None or bit not in editor.driver or bit in editor.port_bits:
            continue
        if editor.readers[bit] != {(name, data[0])}:
            continue
        gate, _ = editor.driver[bit]
        gate_kind = editor.kind(gate)
        if _is_inverter(gate_kind):
            source = editor.net(gate, gate_kind.inputs[0])
            assert source is not None
            editor.remove(gate)
            editor.readers[bit].discard((name, data[0]))
            editor.cells[name]["connections"][data[0]] = [source]
            editor.readers[source].add((name, data[0]))
        elif gate_kind.name in inverses:
            other, pins = inverses[gate_kind.name]
            _exchange(editor, gate, other, pins)
        else:
            continue
        first, second = kind.outputs
        old_first, old_second = editor.net(name, first), editor.net(name, second)
        editor.drive(name, first, old_second)
        editor.drive(name, second, old_first)
        changed = True
    return changed


def _exchange(editor: _Editor, name: str, other: str, pins: dict[str, str]) -> None:
    """Replace a gate by another, pin by pin."""
    cell = editor.cells[name]
    bits = {pin: editor.net(name, pin) for pin in cell["connections"]}
    editor.remove(name)
    kind = editor.library.cells[other]
    editor.cells[name] = {
        **cell,
        "type": other,
        "port_directions": {
            **dict.fromkeys(kind.inputs, "input"),
            **dict.fromkeys(kind.outputs, "output"),
        },
        "connections": {pins[pin]: [bit] for pin, bit in bits.items()},
    }
    for pin, bit in bits.items():
        if bit is None:
            continue
        if pins[pin] in kind.outputs:
            editor.driver[bit] = (name, pins[pin])
        else:
            editor.readers[bit].add((name, pins[pin]))
