"""Blocks by way of float64 against the formats' own rounding of the quotients."""

import numpy as np
import pytest

from hwmodel.blocks.again import round_again
from hwmodel.blocks.grids import grid_for
from hwmodel.formats import parse_format
from hwmodel.formats.base import code_dtype

SIZE = 16


@pytest.mark.parametrize("name", ["e4m3", "e4m3fnuz", "e2m1", "e5m10", "int8", "int4sym", "e0m3"])
def test_some_blocks_are_rounded_and_the_others_left(name):
    fmt = parse_format(name)
    grid = grid_for(fmt, double=True)
    rng = np.random.default_rng(len(name))
    step = np.float32(0.75)
    ties = np.arange(-40, 41) * 2.0 ** (fmt.lsb_exponent - 1)  # some round to a zero of their sign
    spread = rng.standard_normal(700) * fmt.max_value / 3
    x = np.resize(np.hstack([ties, spread]), (70, SIZE)) * step
    x[50] = [-0.0, 0.0] * (SIZE // 2)
    numbers = x.astype(np.float32)
    blocks = np.flatnonzero(rng.random(70) < 0.8)
    blocks[-1] = 50
    steps = np.full(blocks.size, float(step))
    steps[3] = 0.0
    quotients = numbers[blocks] / float(step)
    quotients[3] = 0.0
    for dtype in (np.dtype(np.int32), code_dtype(fmt.bits)):
        out = np.full(x.size, 77, dtype)
        round_again(np.array(grid, np.int64), numbers.reshape(-1), SIZE, blocks, steps, out)
        if dtype == np.int32:
            expected = (fmt.quantize(quotients) * float(step)).astype(np.float32).view(np.int32)
        else:
            expected = fmt.encode(quotients)
        expected[3] = 0
        rows = out.reshape(-1, SIZE)
        np.testing.assert_array_equal(rows[blocks], expected)
        assert (np.delete(rows, blocks, axis=0) == 77).all()
