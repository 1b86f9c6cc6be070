"""Boolean functions of cells: from Liberty's text to a truth table.

Liberty writes NOT as ``!A`` or ``A'``, AND as ``&``, ``*`` or a space, XOR as ``^``, OR as ``|``
or ``+``, binding in that order. A function of n inputs is kept as its truth table, 2^n bits in
one Python integer: bit s is the value for the state s, in which input i has the value of bit i.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import permutations

from hwmodel.errors import HwmodelError

__all__ = ["equivalent_inputs", "parse_function", "projections", "variables"]

_TOKEN = re.compile(r"\s*(?:([A-Za-z_][\w.\[\]]*)|([01])|([!~'()&*^|+]))")


def projections(count: int) -> list[int]:
    """Truth tables of the inputs themselves: entry i is the function "input i" of `count`."""
    size = 1 << count
    return [sum(1 << state for state in range(size) if state >> i & 1) for i in range(count)]


def _tokens(text: str) -> list[str]:
    tokens = []
    position = 0
    stripped = text.rstrip()
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None:
            raise HwmodelError(f"Liberty function {text!r}: cannot read {stripped[position:]!r}")
        tokens.append(match.group().strip())
        position = match.end()
    return tokens


def variables(text: str) -> set[str]:
    """Names that stand in a function."""
    return {token for token in _tokens(text) if token[0].isalpha() or token[0] == "_"}


def parse_function(text: str, values: Mapping[str, int], size: int) -> int:
    """Truth table of a Liberty function.

    Parameters
    ----------
    text : str
        The function.
    values : mapping
        Truth table of each name that may stand in it.
    size : int
        Number of states (bits of every truth table).

    Raises
    ------
    HwmodelError
        The text is no function, or names an unknown pin.
    """
    tokens = _tokens(text)
    everything = (1 << size) - 1
    position = 0

    def peek() -> str:
        return tokens[position] if position < len(tokens) else ""

    def primary() -> int:
        nonlocal position
        token = peek()
        position += 1
        if token in ("!", "~"):
            return everything ^ primary()
        if token == "(":
            result = disjunction()
            if peek() != ")":
                raise HwmodelError(f"Liberty function {text!r}: a closing bracket is missing")
            position += 1
        elif token in ("0", "1"):
            result = everything if token == "1" else 0
        elif token in values:
            result = values[token]
        else:
            raise HwmodelError(f"Liberty function {text!r}: unknown pin {token!r}")
        while peek() == "'":
            position += 1
            result ^= everything
        return result

    def conjunction() -> int:
        nonlocal position
        result = primary()
        while (token := peek()) and token not in (")", "^", "|", "+"):
            position += token in ("&", "*")
            result &= primary()
        return result

    def exclusive() -> int:
        nonlocal position
        result = conjunction()
        while peek() == "^":
            position += 1
            result ^= conjunction()
        return result

    def disjunction() -> int:
        nonlocal position
        result = exclusive()
        while peek() in ("|", "+"):
            position += 1
            result |= exclusive()
        return result

    result = disjunction()
    if position != len(tokens):
        raise HwmodelError(f"Liberty function {text!r}: cannot read {tokens[position]!r}")
    return result


def equivalent_inputs(table: int, wanted: int, count: int) -> Sequence[int] | None:
    """Order of inputs under which `table` is `wanted`: a permutation, or None.

    Entry i of the answer is the input of `table` that plays the part of input i of `wanted`.
    """
    for order in permutations(range(count)):
        permuted = 0
        for state in range(1 << count):
            source = sum((state >> i & 1) << order[i] for i in range(count))
            permuted |= (table >> source & 1) << state
        if permuted == wanted:
            return order
    return None
