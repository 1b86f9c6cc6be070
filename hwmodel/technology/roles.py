"""Find the cells that synthesis asks for by what they do, never by their names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hwmodel.errors import HwmodelError
from hwmodel.technology.cells import Cell
from hwmodel.technology.logic import equivalent_inputs, parse_function, projections

__all__ = ["CellRole", "Roles", "find_roles"]


@dataclass(frozen=True)
class CellRole:
    """A cell that plays a part.

    Attributes
    ----------
    cell : str
        Name of the smallest cell of the library that does.
    pins : dict
        Its pin for each port of the part: a full adder has ports ``a b c sum carry``, a half
        adder ``a b sum carry``, a gate ``a`` (``b``) and ``y``, a flip-flop ``d clk`` and ``q``
        or ``qn``, a tie cell ``y``.
    """

    cell: str
    pins: Mapping[str, str]


@dataclass(frozen=True)
class Roles:
    """Cells by part; None where the library has no such cell."""

    nand2: CellRole
    flip_flop: CellRole
    inverter: CellRole
    buffer: CellRole | None
    full_adder: CellRole | None
    half_adder: CellRole | None
    tie_low: CellRole | None
    tie_high: CellRole | None


def _gate(cells: Iterable[Cell], function: str, ports: tuple[str, ...]) -> CellRole | None:
    """Return the smallest one-output cell that computes `function` of `ports`."""
    bits = projections(len(ports))
    wanted = parse_function(function, dict(zip(ports, bits, strict=True)), 1 << len(ports))
    for cell in cells:
        if len(cell.inputs) != len(ports) or len(cell.outputs) != 1:
            continue
        order = equivalent_inputs(cell.values[cell.outputs[0]], wanted, len(ports))
        if order is not None:
            pins = {port: cell.inputs[order[i]] for i, port in enumerate(ports)}
            return CellRole(cell.name, pins | {"y": cell.outputs[0]})
    return None


def _adder(cells: Iterable[Cell], ports: tuple[str, ...]) -> CellRole | None:
    """Return the smallest cell whose two outputs are sum and carry of two or three inputs."""
    count = len(ports)
    ones = [state.bit_count() for state in range(1 << count)]
    total = sum(1 << state for state, number in enumerate(ones) if number % 2)
    carry = sum(1 << state for state, number in enumerate(ones) if number >= 2)
    for cell in cells:
        if len(cell.inputs) != count or len(cell.outputs) != 2:
            continue
        by_table = {cell.values[pin]: pin for pin in cell.outputs}
        if set(by_table) == {total, carry}:
            # Both functions are symmetric, so any order of the inputs is right.
            pins = dict(zip(ports, cell.inputs, strict=True))
            return CellRole(cell.name, pins | {"sum": by_table[total], "carry": by_table[carry]})
    return None


def _flip_flop(cells: Iterable[Cell]) -> CellRole | None:
    """Return the smallest rising-edge D flip-flop, one without clear and preset if there is any.

    Ports ``d``, ``clk`` and ``q``; ``qn`` instead of ``q`` where the only output is inverted.
    """
    found: list[tuple[int, CellRole]] = []
    for cell in cells:
        flip_flop = cell.flip_flop
        if flip_flop is None or not flip_flop.rising:
            continue
        everything = (1 << cell.state_count) - 1
        stored = cell.table_of(flip_flop.next_state)
        data = {
            pin: inverted
            for pin in cell.inputs
            for inverted in (False, True)
            if stored == cell.values[pin] ^ (everything if inverted else 0)
        }
        if len(data) != 1:
            continue  # a scan or enable flip-flop: the next state depends on several pins
        ((pin, inverted_input),) = data.items()
        pins = {"d": pin, "clk": flip_flop.clock}
        for output in cell.outputs:
            inverted_output = cell.values[output] != cell.values[flip_flop.state]
            pins.setdefault("qn" if inverted_input ^ inverted_output else "q", output)
        found.append((len(cell.inputs), CellRole(cell.name, pins)))
    return min(found, key=lambda entry: entry[0])[1] if found else None


def _tie(cells: Iterable[Cell], value: int) -> CellRole | None:
    """Return the smallest cell without inputs that drives a constant."""
    for cell in cells:
        if not cell.inputs and len(cell.outputs) <= 2:
            for output in cell.outputs:
                if cell.values[output] == value:
                    return CellRole(cell.name, {"y": output})
    return None


def find_roles(cells: Mapping[str, Cell], source: str) -> Roles:
    """Find every part in a library.

    Raises
    ------
    HwmodelError
        The library lacks a NAND2, an inverter or a flip-flop, without which nothing can be built.
    """
    ordered = sorted(cells.values(), key=lambda cell: (cell.dont_use, cell.area, cell.name))
    gates = [cell for cell in ordered if cell.is_combinational]
    nand2 = _gate(gates, "!(a & b)", ("a", "b"))
    inverter = _gate(gates, "!a", ("a",))
    flip_flop = _flip_flop(ordered)
    for name, found in (("NAND2", nand2), ("inverter", inverter), ("flip-flop", flip_flop)):
        if found is None:
            raise HwmodelError(
                f"{source}: this cell library has no {name}; if it comes in several files, name all"
            )
    assert nand2 is not None
    assert inverter is not None
    assert flip_flop is not None
    return Roles(
        nand2=nand2,
        flip_flop=flip_flop,
        inverter=inverter,
        buffer=_gate(gates, "a", ("a",)),
        full_adder=_adder(gates, ("a", "b", "c")),
        half_adder=_adder(gates, ("a", "b")),
        tie_low=_tie(gates, 0),
        tie_high=_tie(gates, 1),
    )
