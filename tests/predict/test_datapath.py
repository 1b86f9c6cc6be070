"""Words between the registers of a float accumulator, followed by hand and against the values."""

from types import SimpleNamespace

import numpy as np
import pytest

from hwmodel.predict import datapath as room
from hwmodel.predict.datapath import datapath_of
from hwmodel.rtl.decode import Numerics
from hwmodel.units import parse_unit


def test_two_steps_followed_by_hand(monkeypatch):
    """0 + 1 * 1, then 1 + 3 * -1, in a window of 27 places for products of 8 bits."""
    stream = SimpleNamespace(
        a_codes=np.array([1, 3], np.uint8),
        b_codes=np.array([1, 15], np.uint8),
        valid=np.ones(2, bool),
        clear=np.array([True, False]),
    )
    monkeypatch.setattr(room, "operands", lambda *_: stream)
    monkeypatch.setattr(room, "_VECTORS", 2)
    datapath_of.cache_clear()
    words = datapath_of(parse_unit("mac-int4-int4-fp32"))
    datapath_of.cache_clear()
    assert words.product_bits == 8
    assert words.product == 1  # 01 and 11
    # The product's top bit weighs 2^7, the exponent field 134: 133 over that of 0, 7 over 1.0.
    assert words.amount == (133 ^ 7).bit_count()
    assert words.subtract == 1
    assert words.smaller == 26  # nothing, then the complement of a single bit
    assert words.total == 2  # 1, then 3 - 1


@pytest.mark.parametrize("name", ["e4m3", "e2m1", "e5m2", "int8"])
def test_decoded_parts_are_the_value(name):
    fmt = parse_unit(f"mac-{name}-{name}-fp32").a
    values = fmt.decode(np.arange(1 << fmt.bits, dtype=np.uint8))
    values = values[np.isfinite(values)]
    numerics = Numerics.of(fmt)
    sign, exponent, significand = room._decoded(values, numerics)
    signed = np.where(sign, -1.0, 1.0) * np.array(significand)
    assert (np.ldexp(signed, np.array(exponent) + numerics.scale) == values).all()
    assert max(significand) < 1 << numerics.significand_bits


def test_wide_exponents_move_the_alignment_more():
    narrow, wide = (datapath_of(parse_unit(f"mac-{n}-{n}-fp32")) for n in ("int4", "e4m3"))
    assert wide.amount > 2 * narrow.amount
