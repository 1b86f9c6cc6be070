"""Block formats that no other test names, against the definition."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hwmodel.blocks import parse_block
from hwmodel.blocks.coded import widths
from hwmodel.blocks.scalar import decode_block, encode_block, tensor_scale_of
from hwmodel.errors import HwmodelError

INTEGERS = st.tuples(
    st.sampled_from(["int2", "int3", "int5", "int8", "int12", "int16"]),
    st.sampled_from(["", "sym"]),
    st.sampled_from(["", "q3", "qn2"]),
)
FLOATS = st.tuples(
    st.sampled_from(["e0m3", "e1m2", "e2m0", "e3m2", "e4m3", "e5m5", "e6m1"]),
    st.sampled_from(["", "b0", "b17", "bn9"]),
    st.sampled_from(["", "fin", "ieee", "fn", "fnuz", "p3109"]),
    st.sampled_from(["", "nosub"]),
)
SCALES = st.one_of(
    st.sampled_from(["e8m0", "pow2b1", "pow3", "pow5", "pow10", "pow8b100", "pow4b0"]),
    st.sampled_from(["fp16", "bf16", "fp32", "tf32", "ue4m3"]),
    st.tuples(
        st.sampled_from(["e", "ue"]),
        st.sampled_from(["1m7", "2m0", "4m0", "5m3", "8m10", "9m2"]),
        st.sampled_from(["", "b0", "b17", "b120"]),
        st.sampled_from(["", "ieee", "fn", "fin"]),
    ).map("".join),
)
NAMES = st.tuples(
    st.one_of(INTEGERS, FLOATS).map("".join),
    st.sampled_from(["g1", "g2", "g3", "g8", "g17"]),
    st.sampled_from(["", "", "x2", "x5"]),
    SCALES,
    st.sampled_from(["", "", "near", "ceil", "floor"]),
    st.sampled_from(["", "", "t"]),
).map("".join)


def known(name):
    try:
        return parse_block(name)
    except HwmodelError:
        return None


FORMATS = NAMES.map(known).filter(lambda fmt: fmt is not None)


def numbers(seed, dtype):
    rng = np.random.default_rng(seed)
    spread = rng.choice([1, 6, 30, 140])
    x = rng.normal(size=(3, rng.choice([5, 24]))) * 2.0 ** rng.integers(-spread, spread, (3, 1))
    if rng.random() < 0.3:
        x *= 2.0 ** rng.integers(-20, 20, x.shape)
    x[rng.random(x.shape) < 0.1] = rng.choice([0.0, -0.0, 1e-310, 1e300])
    x[0] *= rng.choice([0.0, -0.0, 1.0])
    if rng.random() < 0.1:
        x[1, 2] = rng.choice([np.nan, np.inf])
    with np.errstate(over="ignore", under="ignore"):
        return x.astype(dtype)


def same(got, expected):
    np.testing.assert_array_equal(got, expected)
    number = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(expected[number]))


@settings(deadline=None, max_examples=150)
@given(FORMATS, st.integers(0, 1 << 30), st.sampled_from([np.float16, np.float32, np.float64]))
def test_random_formats_follow_the_definition(fmt, seed, dtype):
    assert parse_block(fmt.name) == fmt
    x = numbers(seed, dtype)
    assume(np.isfinite(x).all() or fmt.scale.has_nan)
    blocks = fmt.encode(x)
    tensor = tensor_scale_of(fmt, x.ravel().tolist())
    assert blocks.tensor_scale == tensor
    places = np.cumsum([0, *widths(fmt)])[:-1].tolist()
    expected = np.empty(x.shape)
    for row, number in np.ndindex(blocks.element_codes.shape[:2]):
        part = slice(number * fmt.size, (number + 1) * fmt.size)
        code, elements = encode_block(fmt, x[row, part].tolist(), tensor)
        fields = np.atleast_1d(blocks.scale_codes[row, number]).tolist()
        assert code == sum(a << place for a, place in zip(fields, places, strict=True))
        assert blocks.element_codes[row, number].tolist() == elements
        values = decode_block(fmt, code, elements, tensor)
        expected[row, part] = values[: x[row, part].size]
    again = fmt.unpack(blocks.pack(), x.shape)
    assert again.element_codes.dtype == blocks.element_codes.dtype
    assert again.scale_codes.dtype == blocks.scale_codes.dtype
    same(fmt.decode(again), expected)
    with np.errstate(over="ignore", under="ignore"):
        narrow = expected.astype(dtype)
    if (np.isinf(narrow) & np.isfinite(expected)).any():
        return  # refused, as other tests show
    same(fmt.quantize(x), narrow)
