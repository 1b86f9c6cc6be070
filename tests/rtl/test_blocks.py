"""Every building block against plain integer arithmetic, exhaustively where it is small."""

import math

import numpy as np
import pytest
from amaranth.hdl import Module
from gates import Gates

from hwmodel.errors import HwmodelError
from hwmodel.formats import parse_format
from hwmodel.formats.scalar import decode_scalar
from hwmodel.rtl.add import AddSigned
from hwmodel.rtl.adders import ADDERS, Adder, prefix_network
from hwmodel.rtl.align import Align, FixedAlign
from hwmodel.rtl.anticipate import AnticipateZeros
from hwmodel.rtl.block import Block, Hierarchy, inputs, outputs
from hwmodel.rtl.compress import Compress, dadda_heights
from hwmodel.rtl.decode import Decode, Numerics
from hwmodel.rtl.multiply import MULTIPLIERS, Multiply
from hwmodel.rtl.normalise import NORMALISERS, Normalise


def evaluate(block, **stimulus):
    return Gates(Hierarchy().convert(block), block.module_name).evaluate(stimulus)


def signed(codes, width):
    return np.where(codes >> (width - 1), codes - (1 << width), codes)


FORMATS = ["e4m3", "e5m2", "e3m4", "e2m5", "e2m1", "ue4m3", "e4m3nosub", "e0m7", "e3m2fn"]


@pytest.mark.parametrize("name", [*FORMATS, "int8", "uint8", "int4"])
def test_decode_of_every_code(name):
    fmt = parse_format(name)
    codes = np.arange(fmt.code_count)
    parts = evaluate(Decode(fmt), code=codes)
    scale = Numerics.of(fmt).scale
    none = np.zeros_like(codes)
    for code in codes:
        value = decode_scalar(fmt, int(code))
        nan = parts.get("nan", none)[code]
        infinity = parts.get("infinity", none)[code]
        assert nan == math.isnan(value)
        assert infinity == math.isinf(value)
        sign = -1.0 if parts.get("sign", none)[code] else 1.0
        if not (nan or infinity):
            exponent = int(parts.get("exponent", none)[code])
            decoded = sign * math.ldexp(int(parts["significand"][code]), exponent + scale)
            assert decoded == value
            assert math.copysign(1, decoded) == math.copysign(1, value) or value == decoded == 0
            assert parts["zero"][code] == (value == 0)


@pytest.mark.parametrize("kind", MULTIPLIERS)
@pytest.mark.parametrize(
    ("widths", "signs"),
    [
        ((8, 8), (True, True)),
        ((4, 4), (False, False)),
        ((3, 6), (True, False)),
        ((5, 2), (False, True)),
        ((7, 8), (False, False)),
    ],
)
def test_multiply_of_every_pair(kind, signs, widths):
    a, b = (x.ravel() for x in np.meshgrid(*(np.arange(1 << w) for w in widths)))
    got = evaluate(Multiply(widths, signs, kind, "plain"), a=a, b=b)["product"]
    x = signed(a, widths[0]) if signs[0] else a
    y = signed(b, widths[1]) if signs[1] else b
    np.testing.assert_array_equal(got, (x * y) % (1 << sum(widths)))


@pytest.mark.parametrize("style", ADDERS)
@pytest.mark.parametrize(("width", "has_carry"), [(1, True), (13, True), (6, False)])
def test_adder(style, width, has_carry):
    rng = np.random.default_rng(width)
    a, b = rng.integers(0, 1 << width, (2, 4000))
    carry = rng.integers(0, 2, 4000) * has_carry
    ports = {"a": a, "b": b} | ({"carry": carry} if has_carry else {})
    got = evaluate(Adder("add", width, style, has_carry), **ports)["total"]
    np.testing.assert_array_equal(got, (a + b + carry) % (1 << width))


@pytest.mark.parametrize("style", ADDERS)
def test_adder_with_known_bits(style):
    known, value = 0b1111_0110_0000, 0b1101_0010_0000
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 1 << 12, (2, 4000))
    got = evaluate(Adder("add", 12, style, known=known, known_value=value), a=a, b=b)["total"]
    np.testing.assert_array_equal(got, (a + ((b & ~known) | value)) % (1 << 12))


@pytest.mark.parametrize("style", ["sklansky", "koggestone", "brentkung"])
@pytest.mark.parametrize("width", [1, 2, 3, 8, 13, 32, 49])
def test_prefix_network_gathers_every_group(style, width):
    spans = [(i, i) for i in range(width)]
    for level in prefix_network(style, width):
        before = list(spans)
        for high, low in level:
            assert before[high][0] == before[low][1] + 1, "groups are neighbours"
            spans[high] = (before[low][0], before[high][1])
    assert spans == [(0, i) for i in range(width)]


@pytest.mark.parametrize("constant", [0, 0b1111_1000_1000, 0xFFF])
@pytest.mark.parametrize(
    "heights",
    [(1, 2, 3, 4, 5, 6, 7, 6, 5, 4, 3, 2), (3,) * 12, (1, 9, 0, 0, 13, 1, 0, 2, 0, 0, 1, 4)],
)
def test_compress_keeps_the_sum(heights, constant):
    rng = np.random.default_rng(2)
    columns = {f"column_{i}": rng.integers(0, 1 << h, 2000) for i, h in enumerate(heights) if h}
    block = Compress("tree", heights, constant)
    rows = evaluate(block, **columns)
    expected = constant + sum(
        np.bitwise_count(columns[f"column_{i}"].astype(np.uint64)).astype(np.int64) << i
        for i, height in enumerate(heights)
        if height
    )
    total = rows["a"] + rows.get("b", 0) + block.remaining_constant
    np.testing.assert_array_equal(total % 4096, expected % 4096)
    for i, two in enumerate(block.two_high):
        assert two or not (rows["b"] >> i & 1).any()


def test_dadda_heights():
    assert dadda_heights(13) == [9, 6, 4, 3, 2]
    assert dadda_heights(2) == []


def test_align_gathers_what_it_loses():
    product_bits, accumulator_bits, window = 6, 9, 12
    rng = np.random.default_rng(3)
    product = rng.integers(0, 1 << product_bits, 20000)
    accumulator = rng.integers(0, 1 << accumulator_bits, 20000)
    swap, amount = rng.integers(0, 2, 20000), rng.integers(0, 32, 20000)
    block = Align(product_bits, accumulator_bits, 5, window)
    got = evaluate(block, product=product, accumulator=accumulator, swap=swap, amount=amount)
    p, a = product << (window - product_bits), accumulator << (window - accumulator_bits)
    larger, other = np.where(swap, p, a), np.where(swap, a, p)
    distance = amount + swap
    np.testing.assert_array_equal(got["larger"], larger)
    np.testing.assert_array_equal(got["smaller"], other >> distance)
    np.testing.assert_array_equal(got["sticky"], other & ((1 << distance) - 1) != 0)


@pytest.mark.parametrize("one_hot", [0, 1, 2])
def test_fixed_align(one_hot):
    word, amount, sign = (
        x.ravel() for x in np.meshgrid(np.arange(16), np.arange(2, 7), np.arange(2))
    )
    block = FixedAlign(4, 3, 2, 8, one_hot)
    got = evaluate(block, significand=word, amount=amount, sign=sign)["field"]
    np.testing.assert_array_equal(got, ((word << amount) >> 2) ^ (255 * sign))


@pytest.mark.parametrize("style", NORMALISERS)
@pytest.mark.parametrize(("width", "subnormal"), [(11, False), (16, False), (13, True)])
def test_normalise(style, width, subnormal):
    rng = np.random.default_rng(4)
    total = rng.integers(1, 1 << width, 5000) >> rng.integers(0, width, 5000)
    total[total == 0] = 1
    anchor, fill = rng.integers(0 if subnormal else width, 32, 5000), rng.integers(0, 2, 5000)
    block = Normalise(width, 5, style, subnormal)
    ports = {"total": total, "fill": fill, "anchor": anchor}
    if style == "anticipate":  # may point one place too far to the left
        ports["indicator"] = np.minimum(
            (total >> 1) << rng.integers(0, 2, 5000), 2 ** (width - 1) - 1
        )
    got = evaluate(block, **ports)
    zeros = width - np.array([int(x).bit_length() for x in total])
    places = np.minimum(zeros, anchor) if subnormal else zeros
    filled = ((total << places) | (fill * ((1 << places) - 1))) % (1 << width)
    np.testing.assert_array_equal(got["normal"], filled)
    hidden = filled >> (width - 1)
    np.testing.assert_array_equal(got["exponent"] + got["step"], anchor - places + hidden)


class _Wire(Block):
    def __init__(self, width):
        super().__init__("wire", inputs(x=width) | outputs(y=width), "a wire")

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.y.eq(self.x)
        return m


def test_two_circuits_cannot_share_a_module_name():
    hierarchy = Hierarchy()
    hierarchy.add(_Wire(1))
    hierarchy.add(_Wire(1))
    with pytest.raises(HwmodelError, match="'wire'"):
        hierarchy.add(_Wire(2))


def test_anticipated_zeros_err_by_one_place_at_most():
    window = 5
    grid = np.meshgrid(np.arange(32), np.arange(32), np.arange(2), np.arange(2))
    larger, smaller, sticky, subtract = (x.ravel() for x in grid)
    ports = {"larger": larger, "smaller": smaller, "sticky": sticky, "subtract": subtract}
    indicator = evaluate(AnticipateZeros(window), **ports)["indicator"]
    total = evaluate(AddSigned(window, "plain"), **ports)["total"] >> 1
    length, wanted = ([int(x).bit_length() for x in word] for word in (indicator, total))
    errors = set(np.subtract(length, wanted)[np.asarray(wanted) > 0])
    assert errors == {0, 1}
