"""Every float32 there is, against two independent oracles.

One oracle is ml_dtypes (NumPy's own cast for FP16), where it has the format; the other is the
textbook rounding below, which shares nothing with the package: frexp, a division by the step,
`numpy.rint`, and a search in the list of values for the code. Slow: minutes a format.
"""

import numpy as np
import pytest
from rich.progress import track

from hwmodel.formats import FloatFormat, parse_format

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
CHUNK = 1 << 24


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


def code_table(fmt):
    """Finite values in order, with a code of each (that of the positive zero for zero)."""
    values = fmt.values()
    finite = np.flatnonzero(np.isfinite(values) & ~((values == 0) & np.signbit(values)))
    order = finite[np.argsort(values[finite], kind="stable")]
    return values[order], order


def test_the_textbook_is_one():
    fmt = parse_format("e2m1")
    assert textbook(fmt, np.array([0.25, 0.75, 2.5, 5.0, 9.0])).tolist() == [0, 1, 2, 4, 6]


@pytest.mark.slow
@pytest.mark.parametrize("name", CATALOGUE)
def test_all_float32_patterns(name):
    fmt = parse_format(name)
    assert isinstance(fmt, FloatFormat)
    overflow = "nonfinite" if fmt.has_nonfinite else "saturate"
    peer = (
        np.dtype(np.float16 if name == "fp16" else getattr(ml_dtypes, PEERS[name]))
        if (name in PEERS or name == "fp16")
        else None
    )
    values, codes = code_table(fmt)
    for start in track(range(0, 1 << 32, CHUNK), description=f"{name}, all float32"):
        bits = np.arange(start, start + CHUNK, dtype=np.uint64).astype(np.uint32)
        x = bits.view(np.float32)
        x = x[~np.isnan(x)]
        if not x.size:
            continue
        got = fmt.encode(x, overflow)
        if peer is not None:
            with np.errstate(over="ignore"):
                expected = x.astype(peer).view(f"u{peer.itemsize}")
            np.testing.assert_array_equal(got, expected)
        y = textbook(fmt, x)
        finite = np.isfinite(y)
        expected = codes[np.searchsorted(values, y[finite])]
        if fmt.has_negative_zero:
            minus = (y[finite] == 0) & np.signbit(x[finite])
            expected = np.where(minus, 1 << (fmt.bits - 1), expected)
        np.testing.assert_array_equal(got[finite], expected)
        np.testing.assert_array_equal(
            fmt.decode(got[~finite]), np.where(np.isnan(y[~finite]), np.nan, y[~finite])
        )
        np.testing.assert_array_equal(fmt.quantize(x, overflow), fmt.decode(got))
