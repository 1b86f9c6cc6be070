"""Which cells may stand for one another: other drives, and other orders of equal inputs.

A variant of a cell is a cell of the library with the same function under some assignment of its
pins. Exchanging symmetric inputs costs no area and is worth a tenth of the delay of an adder tree:
the late signal goes to the fast pin.
"""

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from hwmodel.technology.cells import Cell
from hwmodel.technology.design import CellModel, Floats, Ints, LibraryModels

__all__ = ["Variant", "VariantTables", "find_variants", "tables_of"]

# Cells with more inputs keep their pin order: 5! orders and more are not worth the time.
_MOST_PERMUTED = 4
# How many drives up and down one move may go.
_STEPS = 2
_IN_PIN, _IN_EDGE, _OUT_PIN, _OUT_EDGE, _DELAY, _SLEW = range(6)


@dataclass(frozen=True)
class Variant:
    """A cell, and its pin in the part of each pin (inputs, then outputs) of the original.

    `order` says it in numbers: input i of the original is played by input ``order[i]``.
    """

    cell: str
    pins: tuple[str, ...]
    order: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class VariantTables:
    """Numbers of the variants of one cell, first axis the variant.

    Attributes
    ----------
    area : array of shape (v,)
        um2.
    capacitance : array of shape (v, inputs, 2)
        fF by input of the original and edge.
    arcs : array of shape (v, n, 2)
        Delay and transition table for each row of the original's timing model.
    setup : array of shape (v, m)
        Setup table for each row of the original's model.
    neighbours : array of shape (v, n)
        Variants one step away: the next drives up and down in the same order of pins, and two
        inputs exchanged; -1 fills up.
    """

    area: Floats
    capacitance: Floats
    arcs: Ints
    setup: Ints
    neighbours: Ints


def find_variants(cell: Cell, candidates: list[Cell]) -> tuple[Variant, ...]:
    """Variants of a cell among candidates; the cell itself comes first."""
    straight = tuple(range(len(cell.inputs)))
    own = Variant(cell.name, cell.inputs + cell.outputs, straight)
    found = [own]
    for other in candidates:
        if len(other.inputs) != len(cell.inputs) or len(other.outputs) != len(cell.outputs):
            continue
        if (other.flip_flop is None) != (cell.flip_flop is None):
            continue
        if other.flip_flop is None and not other.is_combinational:
            continue
        if cell.flip_flop is not None:
            # Registers: the same cell in another drive, pin for pin.
            same = (
                other.flip_flop == cell.flip_flop
                and other.inputs == cell.inputs
                and other.outputs == cell.outputs
                and all(other.values[pin] == cell.values[pin] for pin in cell.outputs)
            )
            if same and other is not cell:
                found.append(Variant(other.name, own.pins, straight))
            continue
        for order in _orders(len(cell.inputs)):
            pins = _assignment(cell, other, order)
            if pins is not None:
                variant = Variant(other.name, pins, order)
                if variant != own:
                    found.append(variant)
    return tuple(found)


def _orders(count: int) -> list[tuple[int, ...]]:
    if count > _MOST_PERMUTED:
        return [tuple(range(count))]
    return list(permutations(range(count)))


def _assignment(cell: Cell, other: Cell, order: tuple[int, ...]) -> tuple[str, ...] | None:
    """Pins of `other` that play the original's, if input i is played by its input order[i]."""
    count = len(cell.inputs)
    by_table: dict[int, str] = {}
    for pin in other.outputs:
        table = 0
        for state in range(1 << count):
            source = sum((state >> i & 1) << order[i] for i in range(count))
            table |= (other.values[pin] >> source & 1) << state
        by_table[table] = pin
    outputs = [by_table.get(cell.values[pin]) for pin in cell.outputs]
    known = [pin for pin in outputs if pin is not None]
    if len(known) != len(cell.outputs) or len(set(known)) != len(known):
        return None
    return (*(other.inputs[i] for i in order), *known)


def tables_of(
    models: LibraryModels, variants: tuple[Variant, ...]
) -> tuple[tuple[Variant, ...], VariantTables]:
    """Align the timing models of variants with that of the first; drops those that do not fit."""
    first = models.model(variants[0].cell)
    kept: list[Variant] = []
    arcs: list[Ints] = []
    setups: list[Ints] = []
    for variant in variants:
        model = models.model(variant.cell)
        position = {model.pins.index(pin): i for i, pin in enumerate(variant.pins)}
        rows = _aligned(first, model, position)
        setup = _aligned_setup(first, model, position)
        if rows is not None and setup is not None:
            kept.append(variant)
            arcs.append(rows)
            setups.append(setup)
    cells = models.library.cells
    inputs = len(cells[variants[0].cell].inputs)
    capacitance = np.zeros((len(kept), inputs, 2))
    for v, variant in enumerate(kept):
        for i in range(inputs):
            pin = cells[variant.cell].pins[variant.pins[i]]
            capacitance[v, i] = pin.fall_capacitance, pin.rise_capacitance
    area = np.array([cells[variant.cell].area for variant in kept])
    neighbours = _neighbours(kept, area)
    return tuple(kept), VariantTables(
        area, capacitance, np.array(arcs), np.array(setups), neighbours
    )


def _neighbours(variants: list[Variant], area: Floats) -> Ints:
    found = []
    for here, variant in enumerate(variants):
        same_order = sorted(
            (i for i, other in enumerate(variants) if other.order == variant.order),
            key=lambda i: (area[i], variants[i].cell),
        )
        place = same_order.index(here)
        steps = same_order[max(0, place - _STEPS) : place] + same_order[place + 1 :][:_STEPS]
        for i, other in enumerate(variants):
            moved = sum(x != y for x, y in zip(variant.order, other.order, strict=True))
            if other.cell == variant.cell and moved == 2:
                steps.append(i)
        found.append(steps)
    widest = max(map(len, found))
    return np.array([steps + [-1] * (widest - len(steps)) for steps in found], np.int64).reshape(
        len(found), widest
    )


def _aligned(first: CellModel, model: CellModel, position: dict[int, int]) -> Ints | None:
    """Tables of `model` in the order of the rows of `first`, or None if the rows differ."""
    by_key: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for row in model.arcs.tolist():
        key = (position[row[_IN_PIN]], row[_IN_EDGE], position[row[_OUT_PIN]], row[_OUT_EDGE])
        by_key.setdefault(key, []).append((row[_DELAY], row[_SLEW]))
    if len(model.arcs) != len(first.arcs):
        return None
    found = []
    for row in first.arcs.tolist():
        rest = by_key.get(tuple(row[:4]))
        if not rest:
            return None
        found.append(rest.pop(0))
    return np.array(found, np.int64).reshape(-1, 2)


def _aligned_setup(first: CellModel, model: CellModel, position: dict[int, int]) -> Ints | None:
    by_key = {(position[pin], edge): table for pin, edge, table in model.setup.tolist()}
    found = [by_key.get((pin, edge)) for pin, edge, _ in first.setup.tolist()]
    if None in found or len(model.setup) != len(first.setup):
        return None
    return np.array(found, np.int64)
