"""Formats with nothing between zero and the smallest normal number, by every rule."""

import numpy as np
import pytest
from general_route import same_bits

from hwmodel.errors import HwmodelError
from hwmodel.formats import Overflow, Rounding, directed, flushing, parse_format
from hwmodel.formats.plan import plan_for
from hwmodel.formats.rounding import Request
from hwmodel.formats.scalar import decode_scalar, encode_scalar

FORMATS = [
    *("e5m10nosub", "e4m3nosub", "ue4m9nosub", "e8m7ieeenosub", "e8m7fnuznosub", "e11m4nosub"),
    *("e5m0", "ue4m0fn", "e8m0fin", "e8m0fnuz", "ue8m0p3109", "e9m0", "e12m0b128p3109"),
    *("e8m7fnuz", "ue8m8p3109"),
]
# Where float32 ends: other routes.
FAR = ["e1m14b128ieee", "e6m3b120nosub", "e4m3bn100nosub"]


def numbers(fmt, seed):
    """float32 around the smallest normal number, its half, the ends and anywhere."""
    rng = np.random.default_rng(seed)
    exponents = rng.integers(-149, 128, 150)
    least = np.ldexp([0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0], np.clip(fmt.min_exponent, -140, 120))
    with np.errstate(over="ignore"):
        x = np.concatenate([rng.normal(size=150) * 2.0**exponents, least]).astype(np.float32)
    bits = x.view(np.int32)
    bits = np.concatenate([bits, bits + 1, bits - 1, [0x7F800000, 0x7F7FFFFF, 0, 1, 1 << 22]])
    bits = bits.astype(np.int32)
    x = np.concatenate([bits, bits | np.int32(-(2**31))]).view(np.float32)
    return x if fmt.has_nan else x[~np.isnan(x)]


def agree(fmt, x, overflow, rounding, **chances):
    random = chances.get("random", np.zeros(x.size, np.int64))
    expected = [
        encode_scalar(fmt, float(v), overflow, rounding, int(r), chances.get("random_bits", 0))
        for v, r in zip(x, random, strict=True)
    ]
    np.testing.assert_array_equal(fmt.encode(x, overflow, rounding, **chances), expected)
    if getattr(fmt, "max_exponent", 0) > 127:  # float32 may have no such value
        kept = np.abs(x) < 2.0**126
        x, expected = x[kept], np.array(expected)[kept]
        chances = {name: v[kept] if name == "random" else v for name, v in chances.items()}
    values = np.array([decode_scalar(fmt, int(code)) for code in expected]).astype(x.dtype)
    same_bits(fmt.quantize(x, overflow, rounding, **chances), values)


@pytest.mark.parametrize("overflow", [Overflow.SATURATE, Overflow.NONFINITE])
@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("name", [*FORMATS, *FAR])
def test_it_follows_the_definition(name, rounding, overflow):
    fmt = parse_format(name)
    try:
        fmt.check_overflow(overflow)
    except HwmodelError:
        pytest.skip("it has no such code")
    x = numbers(fmt, 1)
    # With float32's own subnormals, which some routes cannot take, and without.
    for some in (x, x[(x == 0) | (np.abs(x) >= np.finfo(np.float32).smallest_normal)]):
        for random_bits in (1, 8, 24, 30) if rounding is Rounding.STOCHASTIC else (0,):
            chances = {}
            if random_bits:
                random = np.random.default_rng(2).integers(0, 1 << random_bits, some.size)
                chances = {"random": random, "random_bits": random_bits}
            agree(fmt, some, overflow, rounding, **chances)


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("name", FORMATS)
def test_there_is_a_quick_route(name, rounding):
    fmt = parse_format(name)
    random = np.zeros(1, np.int64)
    some = {"random": random, "random_bits": 8} if rounding is Rounding.STOCHASTIC else {}
    request = Request.of("saturate", rounding, **some)
    easy, _ = flushing.eased(fmt, np.ones(3, np.float32), request, random)
    if rounding is Rounding.NEAREST_EVEN:
        assert plan_for(easy, Overflow.SATURATE) is not None
    else:
        assert directed.direction_for(easy, Overflow.SATURATE, rounding) is not None


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("overflow", [Overflow.SATURATE, Overflow.NAN])
@pytest.mark.parametrize("name", ["e8m0", "pow4", "pow6b40", "pow7b127", "pow5b0"])
def test_powers_of_two_follow_the_definition(name, overflow, rounding):
    fmt = parse_format(name)
    rng = np.random.default_rng(3)
    fields = rng.integers(0, 512, 200) << 23
    bits = np.concatenate([fields, fields + 1, fields - 1, fields | 1 << 22, [0, 1, 1 << 22]])
    bits = np.concatenate([bits, rng.integers(0, 1 << 32, 200)]).astype(np.uint32)
    x = bits.view(np.float32)
    for random_bits in (1, 8, 23, 30, 40) if rounding is Rounding.STOCHASTIC else (0,):
        chances = {}
        if random_bits:
            random = rng.integers(0, 1 << random_bits, x.size)
            chances = {"random": random, "random_bits": random_bits}
        agree(fmt, x, overflow, rounding, **chances)


@pytest.mark.parametrize("random_bits", [1, 8, 13, 14, 20])
@pytest.mark.parametrize("name", ["fp16", "e4m3", "e4m3nosub", "int8", "e5m0"])
def test_chance_has_its_bits_of_float64(name, random_bits):
    """Cut to float32 where that loses none of them, else not."""
    fmt = parse_format(name)
    rng = np.random.default_rng(4)
    x = rng.normal(size=500) * 2.0 ** rng.integers(-30, 20, 500)
    x[:100] = x[:100].astype(np.float32) * (1 + 1e-9)
    random = rng.integers(0, 1 << random_bits, x.size)
    agree(fmt, x, Overflow.SATURATE, Rounding.STOCHASTIC, random=random, random_bits=random_bits)
