"""Functions of bits as short programs of word operations, for many lanes at a time.

A program is a straight line of operations on words; each bit of a word is a lane of its own. What
occurs twice is computed once, and a negation costs nothing: a reference is twice the number of a
word, plus one where its complement is meant.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "AND",
    "AND_NOT",
    "COPY",
    "COUNT",
    "COUNT_AND",
    "COUNT_AND_NOT",
    "FALSE",
    "INVERTED",
    "OR",
    "TRUE",
    "XOR",
    "Program",
]

# Operations: result or slot, first operand, second operand.
AND, AND_NOT, OR, XOR, COPY, COUNT, COUNT_AND, COUNT_AND_NOT = range(8)
# Added to an operation whose result is stored complemented.
INVERTED = 8
# Word 0 stands for the constant.
FALSE, TRUE = 0, 1

Instruction = tuple[int, int, int, int]


class Program:
    """A program under construction.

    Parameters
    ----------
    inputs : int
        Words that are given; they are numbered from 1 on, results follow them.
    """

    def __init__(self, inputs: int) -> None:
        self.inputs = inputs
        self.code: list[Instruction] = []
        self.slots = 0
        self._known: dict[tuple[int, int, int], int] = {}
        self._next = inputs + 1

    def both(self, a: int, b: int) -> int:
        """Reference to ``a and b``."""
        a, b = min(a, b), max(a, b)
        if a == FALSE or a ^ b == 1:
            return FALSE
        if a in (TRUE, b):
            return b
        if a & 1 and b & 1:
            return self._result(OR, a ^ 1, b ^ 1) ^ 1
        if a & 1:
            return self._result(AND_NOT, b, a ^ 1)
        if b & 1:
            return self._result(AND_NOT, a, b ^ 1)
        return self._result(AND, a, b)

    def either(self, a: int, b: int) -> int:
        """Reference to ``a or b``."""
        return self.both(a ^ 1, b ^ 1) ^ 1

    def differ(self, a: int, b: int) -> int:
        """Reference to ``a xor b``."""
        sign = (a ^ b) & 1
        a, b = sorted((a & ~1, b & ~1))
        if a == b:
            return FALSE ^ sign
        if a == FALSE:
            return b ^ sign
        return self._result(XOR, a, b) ^ sign

    def choose(self, switch: int, low: int, high: int) -> int:
        """Reference to ``high if switch else low``."""
        if low == high:
            return low
        if low ^ high == 1:
            return self.differ(switch, low)
        if low == FALSE:
            return self.both(switch, high)
        if low == TRUE:
            return self.either(switch ^ 1, high)
        if high == FALSE:
            return self.both(switch ^ 1, low)
        if high == TRUE:
            return self.either(switch, low)
        return self.differ(low, self.both(switch, self.differ(low, high)))

    def function(self, on: int, care: int, variables: Sequence[int]) -> int:
        """Reference to a function of bits.

        Parameters
        ----------
        on, care : int
            Its truth table, bit s of which is the value in state s of the variables, the first of
            them being the lowest bit of the state; and the states in which the value matters.
        variables : sequence of int
            References to the variables.
        """
        if not on & care:
            return FALSE
        if not ~on & care:
            return TRUE
        switch, rest = variables[-1], variables[:-1]
        half = 1 << len(rest)
        whole = (1 << half) - 1
        low, high = on & whole, on >> half
        care_low, care_high = care & whole, care >> half
        care_both, care_any = care_low & care_high, care_low | care_high
        if not (low ^ high) & care_both:
            return self.function(low & care_low | high & ~care_low, care_any, rest)
        if not ~(low ^ high) & care_both:
            merged = low & care_low | ~high & whole & ~care_low
            return self.differ(switch, self.function(merged, care_any, rest))
        zero = self.function(low, care_low, rest)
        one = self.function(high, care_high, rest)
        if care_both == whole:
            # One side within the other saves an operation.
            if not low & ~high:
                return self.either(zero, self.both(switch, one))
            if not high & ~low:
                return self.both(zero, self.both(switch, one ^ 1) ^ 1)
        return self.choose(switch, zero, one)

    def count(self, a: int, b: int = TRUE) -> int:
        """Count the lanes in which both hold; the number of the slot. One of them must be plain."""
        slot = self.slots
        self.slots += 1
        a, b = (b, a) if a & 1 or a == FALSE else (a, b)
        if a & 1 or FALSE in (a, b):
            raise ValueError(f"nothing to count in references {a} and {b}")
        if b == TRUE:
            self.code.append((COUNT, slot, a >> 1, a >> 1))
        else:
            self.code.append((COUNT_AND_NOT if b & 1 else COUNT_AND, slot, a >> 1, b >> 1))
        return slot

    def store(self, value: int, word: int) -> None:
        """Put a value that is no constant into a given word."""
        source = value >> 1
        self.code.append((COPY + INVERTED * (value & 1), word, source, source))

    def finished(self) -> tuple[NDArray[np.int32], int]:
        """Return the instructions, and how many words of results they need at a time."""
        code = self._without_copies()
        last: dict[int, int] = {}
        for k, (_, _, a, b) in enumerate(code):
            last[a] = last[b] = k
        place: dict[int, int] = {}
        free: list[int] = []
        words = 0
        done = []
        for k, (operation, to, a, b) in enumerate(code):
            operands = [place.get(word, word) for word in (a, b)]
            if operation & 7 < COUNT and to > self.inputs:
                if not free:
                    free.append(words)
                    words += 1
                place[to] = self.inputs + 1 + free.pop()
                to = place[to]
            done.append((operation, to, *operands))
            for word in {a, b}:
                if word > self.inputs and last[word] == k:
                    free.append(place[word] - self.inputs - 1)
        return np.array(done, np.int32).reshape(-1, 4), words

    def _without_copies(self) -> list[Instruction]:
        """Let a result that is only stored be made where it is stored."""
        uses: dict[int, int] = {}
        made: dict[int, int] = {}
        for k, (operation, to, a, b) in enumerate(self.code):
            for word in {a, b}:
                uses[word] = uses.get(word, 0) + 1
            if operation < COPY:
                made[to] = k
        code: list[Instruction | None] = list(self.code)
        for k, (operation, to, a, _) in enumerate(self.code):
            if operation & 7 == COPY and a in made and uses[a] == 1:
                what, _, first, second = self.code[made[a]]
                code[made[a]] = (what + (operation & INVERTED), to, first, second)
                code[k] = None
        return [instruction for instruction in code if instruction is not None]

    def _result(self, operation: int, a: int, b: int) -> int:
        key = (operation, a >> 1, b >> 1)
        if key not in self._known:
            self._known[key] = self._next
            self.code.append((operation, self._next, a >> 1, b >> 1))
            self._next += 1
        return 2 * self._known[key]
