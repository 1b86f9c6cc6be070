import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwmodel.errors import HwmodelError
from hwmodel.technology.logic import equivalent_inputs, parse_function, projections, variables

NAMES = ("A", "B1", "C_n")
SIZE = 8
VALUES = dict(zip(NAMES, projections(3), strict=True))

# An expression in Liberty's notation and the same in Python's.
leaves = st.sampled_from([(name, name) for name in NAMES] + [("0", "0"), ("1", "1")])
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(lambda e: (f"!({e[0]})", f"(1-({e[1]}))")),
        inner.map(lambda e: (f"({e[0]})'", f"(1-({e[1]}))")),
        st.tuples(inner, inner, st.sampled_from(["&", "*", " "])).map(
            lambda t: (f"({t[0][0]}){t[2]}({t[1][0]})", f"(({t[0][1]})&({t[1][1]}))")
        ),
        st.tuples(inner, inner, st.sampled_from(["|", "+"])).map(
            lambda t: (f"({t[0][0]}){t[2]}({t[1][0]})", f"(({t[0][1]})|({t[1][1]}))")
        ),
        st.tuples(inner, inner).map(
            lambda t: (f"({t[0][0]})^({t[1][0]})", f"(({t[0][1]})^({t[1][1]}))")
        ),
    ),
    max_leaves=8,
)


@given(expressions)
def test_truth_tables_agree_with_evaluating_every_state(pair):
    liberty, python = pair
    table = parse_function(liberty, VALUES, SIZE)
    for state in range(SIZE):
        bits = {name: state >> i & 1 for i, name in enumerate(NAMES)}
        assert table >> state & 1 == eval(python, {}, bits)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("A B1 + C_n", "(A & B1) | C_n"),
        ("A ^ B1 & C_n", "A ^ (B1 & C_n)"),
        ("A + B1 ^ C_n", "A | (B1 ^ C_n)"),
        ("!A & B1'", "(!A) & (!B1)"),
        ("A''", "A"),
    ],
)
def test_operators_bind_as_liberty_says(text, same):
    assert parse_function(text, VALUES, SIZE) == parse_function(same, VALUES, SIZE)


@pytest.mark.parametrize("text", ["", "A &", "(A", "A)", "A $ B1", "D", "A | | B1"])
def test_what_is_no_function_is_refused(text):
    with pytest.raises(HwmodelError, match="Liberty function"):
        parse_function(text, VALUES, SIZE)


def test_names_of_a_function():
    assert variables("!(A & B1') | IQ0") == {"A", "B1", "IQ0"}


def test_a_permutation_of_inputs_is_found_and_is_the_right_one():
    a, b, c = projections(3)
    found = equivalent_inputs(a & ~b | c, c & ~a | b, 3)
    assert found == (1, 2, 0)  # b stands for a of the wanted function, c for b, a for c
    assert equivalent_inputs(a & b & c, a | b | c, 3) is None
