"""The plain gate count: features times textbook cells, fitted to nothing.

A cell's size is its transistors in static CMOS over the four of a NAND2 (Weste and Harris, CMOS
VLSI Design, 4th ed., chapters 1 and 11): 28 for the mirror full adder, 24 for a flip-flop of two
latches, 6 for an AND, 10 for an XOR, and 8 for a multiplexer out of NANDs less shared inverters.
A level is counted in delays of a NAND2 that drives a few others.
"""

from hwmodel.predict.features import Features

__all__ = ["CELL_NAND2", "LEVEL_GATES", "gate_count", "gate_levels"]

_AND, _XOR, _MUX, _ADDER, _FLIP_FLOP = 1.5, 2.5, 2.5, 7.0, 6.0

# NAND2 equivalents of a one-bit cell of each part of a unit.
CELL_NAND2 = {
    "flip_flops": _FLIP_FLOP,
    "gating": _AND,
    "partial_products": _AND,
    "product_adders": _ADDER,
    "decode": _AND,
    "product_exponents": _ADDER,
    "exponent_adders": _ADDER,
    "align_muxes": _MUX,
    "sign_xors": _XOR,
    "accumulate_adders": _ADDER,
    # A multiplexer, and the gates that find the leading one.
    "normalise_muxes": _MUX + 0.5,
    # A half adder: AND and XOR.
    "round_adders": _AND + _XOR,
    "subnormal": _XOR + _MUX,
    "special": _AND,
}
# Delays of a NAND2 for each step of the longest path.
LEVEL_GATES = {
    "product": 3.0,
    "decode": 1.0,
    "exponents": 2.0,
    "align": 2.0,
    "accumulate": 2.0,
    "widened": 2.0,
    "normalise": 4.0,
    "round": 1.0,
}


def gate_count(features: Features) -> float:
    """Size of a unit in NAND2 equivalents."""
    return sum(CELL_NAND2[name] * count for name, count in features.cells.items())


def gate_levels(features: Features) -> float:
    """Longest path of a unit, carries rippling, in delays of a NAND2."""
    return sum(LEVEL_GATES[name] * steps for name, steps in features.levels.items())
