import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwmodel.technology.cells import Table
from hwmodel.technology.tables import TableBank, interpolate, lookup

axes = st.lists(st.integers(0, 1000), min_size=1, max_size=7, unique=True).map(
    lambda steps: np.sort(np.array(steps)) / 64.0
)
small = st.integers(-8, 8).map(float)


@given(axes, axes, small, small, small, small, st.data())
def test_a_bilinear_function_is_met_everywhere_even_beyond_the_table(
    rows, columns, a, b, c, d, data
):
    def function(x, y):
        # An axis of one point means that the table does not depend on it.
        x = x if rows.size > 1 else rows[0]
        y = y if columns.size > 1 else columns[0]
        return a + b * x + c * y + d * x * y

    values = np.array([[function(x, y) for y in columns] for x in rows])
    point = st.floats(-20, 40, allow_nan=False)
    x, y = data.draw(point), data.draw(point)
    found = lookup(Table(rows, columns, values), x, y)
    assert found == pytest.approx(function(x, y), rel=1e-9, abs=1e-6)


@given(axes, axes, st.integers(0, 2**32 - 1))
def test_at_its_points_a_table_gives_its_values(rows, columns, seed):
    values = np.random.default_rng(seed).standard_normal((rows.size, columns.size))
    table = Table(rows, columns, values)
    for i, x in enumerate(rows):
        for j, y in enumerate(columns):
            assert lookup(table, x, y) == pytest.approx(values[i, j], abs=1e-12)


def test_tables_of_different_sizes_share_a_bank():
    one = Table(np.zeros(1), np.zeros(1), np.array([[3.0]]))
    two = Table(np.array([0.0, 1.0, 2.0]), np.array([0.0, 4.0]), np.arange(6.0).reshape(3, 2))
    bank = TableBank()
    assert (bank.number(one), bank.number(two), bank.number(one), bank.number(None)) == (
        0,
        1,
        0,
        -1,
    )
    arrays = bank.arrays()
    assert interpolate(arrays, 0, 5.0, 5.0) == 3.0
    assert interpolate(arrays, 1, 1.5, 2.0) == pytest.approx(3.5)
