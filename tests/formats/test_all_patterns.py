"""Every float32 there is, against two independent oracles.

One oracle is the definition, in rational numbers: rounding never falls where its argument rises, so
a format is a flight of stairs over the bit patterns of float32, and only the edges of the stairs
need rational arithmetic. The other is ml_dtypes (NumPy's own cast for FP16), where it has the
format, else a textbook rounding: frexp, a division by the step, `numpy.rint`. Slow: a minute or two
a format, seconds for each further rounding.
"""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from rich.progress import track

from hwmodel.formats import Overflow, Rounding, parse_format
from hwmodel.formats.scalar import encode_scalar

ml_dtypes = pytest.importorskip("ml_dtypes")

CATALOGUE = [
    *("e5m2", "e4m3", "e4m3ieee", "e3m4ieee", "e4m3fnuz", "e5m2fnuz", "e4m3b11fnuz"),
    *("e3m4", "e2m5", "e3m2", "e2m3", "e2m1", "fp16", "bf16", "binary8p3", "binary8p4"),
]
PEERS = {
    "e5m2": "float8_e5m2",
    "e4m3": "float8_e4m3fn",
    "e4m3ieee": "float8_e4m3",
    "e3m4ieee": "float8_e3m4",
    "e4m3fnuz": "float8_e4m3fnuz",
    "e5m2fnuz": "float8_e5m2fnuz",
    "e4m3b11fnuz": "float8_e4m3b11fnuz",
    "bf16": "bfloat16",
}
CHUNK = 1 << 21
INFINITY = 0x7F800000
EXACT_RULES = [rounding for rounding in Rounding if rounding is not Rounding.STOCHASTIC]


def textbook(fmt, x):
    """Rounded to nearest even, beyond the largest value to infinity, NaN, or saturating."""
    x = x.astype(np.float64)
    exponent = np.maximum(np.frexp(x)[1] - 1, 1 - fmt.bias)
    step = np.ldexp(1.0, exponent - fmt.mantissa_bits)
    y = np.rint(x / step) * step
    beyond = np.abs(y) > fmt.max_value
    if fmt.has_infinity:
        instead = np.copysign(np.inf, x)
    elif fmt.has_nan:
        instead = np.nan
    else:
        instead = np.copysign(fmt.max_value, x)
    return np.where(beyond, instead, y)


def pattern_from(edge, inclusive):
    """First float32 pattern of a magnitude that is at least (else more than) a rational number."""
    if edge > Fraction(float(np.finfo(np.float32).max)):
        return INFINITY
    pattern = int(np.float32(float(edge)).view(np.uint32))
    while pattern and Fraction(float(np.uint32(pattern - 1).view(np.float32))) >= edge:
        pattern -= 1
    while Fraction(float(np.uint32(pattern).view(np.float32))) < edge:
        pattern += 1
    exact = Fraction(float(np.uint32(pattern).view(np.float32))) == edge
    return pattern if inclusive or not exact else pattern + 1


def stairs(fmt, rounding, negative):
    """Patterns of magnitudes from which on the next magnitude code is the result."""
    codes = np.arange(fmt.max_code + 1)
    values = [Fraction(float(v)) for v in fmt.decode(codes)]
    # Overflow begins where rounding would exceed the largest value, were there one value more.
    gap = values[-1] - values[-2]
    doubles = values[-1] in (Fraction(2) ** power for power in range(-60, 130))
    values.append(values[-1] + gap * (2 if doubles else 1))
    edges = []
    for code, (low, high) in enumerate(itertools.pairwise(values)):
        if rounding is Rounding.NEAREST_EVEN:
            edges.append(pattern_from((low + high) / 2, inclusive=code % 2 == 1))
        elif rounding is Rounding.NEAREST_AWAY:
            edges.append(pattern_from((low + high) / 2, inclusive=True))
        else:
            away = (
                (rounding is Rounding.UP and not negative)
                or (rounding is Rounding.DOWN and negative)
                or (rounding is Rounding.TO_ODD and code % 2 == 0)
            )
            edges.append(pattern_from(low if away else high, inclusive=not away))
    return np.array(edges)


def along(edges, results, start, stop):
    """Results of all patterns of a range, by counting the stairs below."""
    inside = edges[(edges > start) & (edges < stop)]
    marks = np.concatenate([[start], inside, [stop]])
    first = np.searchsorted(edges, start, side="right")
    return np.repeat(results[first : first + len(marks) - 1], np.diff(marks))


def same(got, expected):
    """Compare quickly, and in words where they differ."""
    if not np.array_equal(got, expected):
        np.testing.assert_array_equal(got, expected)


def results_of(fmt, negative, overflow):
    """Codes of the stairs, from the lowest to the one beyond the largest value."""
    magnitudes = np.arange(fmt.max_code + 2)
    over = fmt.max_code
    if overflow == "nonfinite":
        over = fmt.infinity_code if fmt.has_infinity else fmt.nan_code
    codes = np.where(magnitudes > fmt.max_code, over, magnitudes).astype(fmt.encode(0.0).dtype)
    if not negative:
        return codes
    minus = codes | 1 << (fmt.bits - 1)
    if not fmt.has_negative_zero:
        minus = np.where(codes == 0, 0, minus)
    if fmt.has_nan and not fmt.has_signed_nan:
        minus = np.where(codes == fmt.nan_code, codes, minus)
    return minus


def chunks(description):
    """Patterns of all magnitudes that are numbers or infinity, a range at a time, both signs."""
    for start in track(range(0, INFINITY + 1, CHUNK), description=f"{description}, all float32"):
        stop = min(start + CHUNK, INFINITY + 1)
        patterns = np.arange(start, stop, dtype=np.uint32)
        for negative in (False, True):
            signed = patterns | np.uint32(0x80000000 if negative else 0)
            yield start, stop, negative, signed.view(np.float32)


def test_the_textbook_is_one():
    fmt = parse_format("e2m1")
    assert textbook(fmt, np.array([0.25, 0.75, 2.5, 5.0, 9.0])).tolist() == [0, 1, 2, 4, 6]


@pytest.mark.parametrize("rounding", EXACT_RULES)
@pytest.mark.parametrize("name", ["e2m1", "e4m3fnuz", "e3m0", "e2m3"])
def test_the_stairs_are_the_definition(name, rounding):
    fmt = parse_format(name)
    for negative in (False, True):
        edges = stairs(fmt, rounding, negative)
        for edge in edges:
            start = max(0, int(edge) - 2)
            expected = along(edges, results_of(fmt, negative, "saturate"), start, start + 4)
            x = np.arange(start, start + 4, dtype=np.uint32).view(np.float32)
            scalar = [
                encode_scalar(fmt, float(-v if negative else v), Overflow.SATURATE, rounding)
                for v in x
            ]
            np.testing.assert_array_equal(expected, scalar)


@pytest.mark.slow
@pytest.mark.parametrize("rounding", EXACT_RULES)
@pytest.mark.parametrize("name", CATALOGUE)
def test_all_float32_patterns_by_definition(name, rounding):
    fmt = parse_format(name)
    edges = {negative: stairs(fmt, rounding, negative) for negative in (False, True)}
    codes = {negative: results_of(fmt, negative, "saturate") for negative in edges}
    # By their bits, so that the sign of a zero counts.
    bits = {sign: fmt.decode(c).astype(np.float32).view(np.uint32) for sign, c in codes.items()}
    for start, stop, negative, x in chunks(f"{name} {rounding.value}"):
        stair = edges[negative]
        same(fmt.encode(x, "saturate", rounding), along(stair, codes[negative], start, stop))
        got = fmt.quantize(x, "saturate", rounding).view(np.uint32)
        same(got, along(stair, bits[negative], start, stop))


@pytest.mark.slow
@pytest.mark.parametrize("name", CATALOGUE)
def test_all_float32_patterns_by_a_peer(name):
    fmt = parse_format(name)
    overflow = "nonfinite" if fmt.has_nonfinite else "saturate"
    peer = (
        np.dtype(np.float16 if name == "fp16" else getattr(ml_dtypes, PEERS[name]))
        if (name in PEERS or name == "fp16")
        else None
    )
    edges = stairs(fmt, Rounding.NEAREST_EVEN, negative=False)
    codes = {sign: results_of(fmt, sign, overflow) for sign in (False, True)}
    for start, stop, negative, x in chunks(name):
        got = fmt.encode(x, overflow)
        same(got, along(edges, codes[negative], start, stop))
        if peer is not None:
            with np.errstate(over="ignore"):
                same(got, x.astype(peer).view(got.dtype))
        else:
            np.testing.assert_array_equal(fmt.decode(got), textbook(fmt, x))
        np.testing.assert_array_equal(fmt.quantize(x, overflow), fmt.decode(got))
