"""Programs of word operations compute and count what the truth tables say."""

import numpy as np
import pytest

from hwmodel.sim import logic_programs
from hwmodel.sim.bit_words import bits_of, words_of, words_of_codes
from hwmodel.sim.logic_programs import COUNT, INVERTED, TRUE, Program

STATES = np.arange(1 << 4)
# Words of the four variables: every state in a lane of its own.
VARIABLES = [int(sum(int(s >> v & 1) << s for s in range(16))) for v in range(4)]
ALL = (1 << 16) - 1


def run(program, given):
    """Words and counts that a finished program leaves behind."""
    code, words = program.finished()
    memory = [0, *given, *[0] * words]
    counts = {}
    for operation, to, a, b in code.tolist():
        x, y, what = memory[a], memory[b], operation & (INVERTED - 1)
        if what < COUNT:
            value = [x & y, x & ~y, x | y, x ^ y, x][what]
            memory[to] = (value ^ (ALL if operation & INVERTED else 0)) & ALL
        else:
            counts[to] = [x, x & y, x & ~y][what - COUNT].bit_count()
    return memory, counts


@pytest.mark.parametrize("seed", range(40))
def test_any_function_where_it_matters(seed):
    rng = np.random.default_rng(seed)
    on = rng.random(16) < rng.choice([0.1, 0.5, 0.9])
    care = rng.random(16) < rng.choice([0.5, 1.0])
    program = Program(6)
    tables = [int(np.packbits(flags, bitorder="little").view("<u2")[0]) for flags in (on, care)]
    value = program.function(*tables, [2, 4, 6, 8])
    if value <= TRUE:
        assert (on[care] == bool(value)).all()
        return
    program.store(value, 5)
    program.store(value ^ 1, 6)
    slots = [program.count(2, value), program.count(4, value ^ 1)]
    memory, counts = run(program, [*VARIABLES, 0, 0])
    got = memory[5] >> STATES & 1
    np.testing.assert_array_equal(got[care], on[care])
    assert memory[6] == memory[5] ^ ALL
    assert counts[slots[0]] == (VARIABLES[0] & memory[5]).bit_count()
    assert counts[slots[1]] == (VARIABLES[1] & memory[6]).bit_count()


def test_what_occurs_twice_is_made_once_and_what_is_stored_needs_no_copy():
    program = Program(3)
    first = program.both(2, 4)
    assert program.either(3, 5) ^ 1 == first
    program.store(first ^ 1, 3)
    code, words = program.finished()
    assert code.tolist() == [[logic_programs.AND + INVERTED, 3, 1, 2]]
    assert words == 0
    with pytest.raises(ValueError, match="nothing to count"):
        program.count(3)


@pytest.mark.parametrize("width", [1, 19, 64, 67, 130])
def test_words_of_bits_and_of_codes(width):
    bits = np.random.default_rng(width).integers(0, 2, (7, width)).astype(np.uint8)
    words = words_of(bits)
    assert words.shape == (7, -(-width // 64))
    np.testing.assert_array_equal(bits_of(words, width), bits)
    codes = [sum(int(bit) << place for place, bit in enumerate(row)) for row in bits]
    dtype = np.uint64 if width <= 64 else object
    np.testing.assert_array_equal(words_of_codes(np.array(codes, dtype), width), words)
