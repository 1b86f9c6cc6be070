"""Units of all kinds, drawn at random, against the textbook in fractions (`unit_oracle`)."""

import random

import numpy as np
import pytest
from fraction_oracle import ROUNDINGS
from unit_oracle import (
    FP32,
    Aligned,
    Chunks,
    Integer,
    Unit,
    codes,
    dot,
    name_of,
    random_float,
    random_operand,
)

import hwmodel
from hwmodel.arithmetic import dot_scalar, matmul, simulate, step_scalar
from hwmodel.errors import HwmodelError
from hwmodel.formats.rounding import Request

# Why a unit that was drawn may be none.
REASONS = ("has no NaN", "becomes NaN where it overflows")


def integer_unit(rng):
    a, b = (Integer(rng.choice((rng.randint(2, 9), rng.randint(2, 32)))) for _ in range(2))
    width, saturates = rng.choice((rng.randint(2, 20), rng.randint(2, 140))), rng.random() < 0.5
    return Unit(a, b, width, saturates=saturates), f"int{width}{'sat' if saturates else ''}"


def exact_unit(rng):
    a, b = random_operand(rng), random_operand(rng)
    saturates = rng.random() < 0.3
    accumulator = f"exact{rng.choice((1, 2, 7))}{'sat' if saturates else ''}"
    field = hwmodel.unit(f"mac-{name_of(a)}-{name_of(b)}-{accumulator}").fixed_point
    return Unit(a, b, field.width, saturates=saturates, lsb=field.lsb_exponent), accumulator


def float_unit(rng):
    a, b = random_operand(rng), random_operand(rng)
    fmt = rng.choice((random_float(rng), random_float(rng), FP32))
    rounding = rng.choice((*ROUNDINGS[:-1], *["nearest-even"] * 3))
    saturates = rng.random() < 0.3 and fmt.nan is not None
    unit = Unit(a, b, fmt, rounding, saturates)
    return unit, ending(unit)


def aligned_unit(rng):
    a, b = (random_float(rng) for _ in range(2))
    plain, _ = float_unit(rng)
    fmt = plain.acc
    terms, kept = rng.choice((1, 2, 5, 9)), rng.choice((2, 5, 14, 30, 60))
    down = rng.random() < 0.3
    unit = Aligned(a, b, fmt, plain.rounding, plain.saturates, 0, 0, terms, kept, down)
    return unit, f"align{terms}w{kept}{'down' if down else ''}_{ending(unit)}"


def wide_unit(rng):
    """Operands and accumulator with exponents of up to 13 bits, which leave float64."""
    unit, _ = float_unit(rng)
    unit.a, unit.acc = random_float(rng, 13), random_float(rng, 13)
    return unit, ending(unit)


def ending(unit):
    """End of a float accumulator's name: the format, the overflow, the rounding."""
    name = f"{name_of(unit.acc)}{'sat' if unit.saturates else ''}"
    plain = unit.rounding == "nearest-even"
    return name if plain else f"{name}-{unit.rounding.replace('-', '')}"


def chunked_unit(rng):
    inner, name = rng.choice((integer_unit, exact_unit, float_unit, float_unit, aligned_unit))(rng)
    length = rng.choice((1, 3, 8))
    if name.startswith("int") and rng.random() < 0.5:
        outer = Unit(None, None, rng.randint(2, 100), saturates=rng.random() < 0.5)
        ends = f"int{outer.acc}{'sat' if outer.saturates else ''}"
    else:
        outer, ends = float_unit(rng)
        if not isinstance(inner.acc, int):
            outer.rounding = inner.rounding
        ends = ending(outer)
    unit = Chunks(length, inner, outer)
    unit.a, unit.b = inner.a, inner.b
    return unit, f"chunk{length}_{name.split('-')[0]}_{ends}"


def drawn(make, rng):
    """A unit that can be: what has no NaN takes no operand that has."""
    while True:
        unit, accumulator = make(rng)
        try:
            return unit, hwmodel.unit(f"mac-{name_of(unit.a)}-{name_of(unit.b)}-{accumulator}")
        except HwmodelError as error:
            assert any(part in str(error) for part in REASONS), error  # noqa: PT017


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("make", [integer_unit, exact_unit, float_unit, wide_unit])
def test_sums_in_any_accumulator(make, seed):
    rng = random.Random(f"{make.__name__} {seed}")
    for _ in range(20):
        unit, spec = drawn(make, rng)
        assert hwmodel.unit(spec.name) == spec
        rows, columns, length = (rng.choice(sizes) for sizes in ((1, 3), (1, 2), (0, 1, 9, 40)))
        share = rng.choice((0.0, 0.02))
        a, b = (
            np.array(codes(rng, fmt, size * length, share), np.uint32)
            for fmt, size in ((unit.a, rows), (unit.b, columns))
        )
        a, b = a.reshape(rows, length), b.reshape(length, columns)
        expected = np.zeros((rows, columns, length + 1), object)
        for i, j in np.ndindex(rows, columns):
            for k in range(length):
                before = expected[i, j, k]
                expected[i, j, k + 1] = unit.step(before, int(a[i, k]), int(b[k, j]))
            assert dot_scalar(spec, a[i].tolist(), b[:, j].tolist()) == expected[i, j, -1]
        assert matmul(a, b, spec).tolist() == expected[..., -1].tolist(), spec.name
        streams = simulate(spec, a[:, None], b.T[None])
        assert streams.tolist() == expected[..., 1:].tolist(), spec.name


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("make", [aligned_unit, chunked_unit])
def test_sums_of_groups_and_chunks(make, seed):
    rng = random.Random(f"{make.__name__} {seed}")
    for _ in range(20):
        unit, spec = drawn(make, rng)
        assert hwmodel.unit(spec.name) == spec
        rows, columns, length = (rng.choice(sizes) for sizes in ((1, 3), (1, 2), (0, 1, 10, 30)))
        share = rng.choice((0.0, 0.02))
        a, b = (
            np.array(codes(rng, fmt, size * length, share), np.uint32)
            for fmt, size in ((unit.a, rows), (unit.b, columns))
        )
        a, b = a.reshape(rows, length), b.reshape(columns, length)
        expected = [[dot(unit, x, y) for y in b.tolist()] for x in a.tolist()]
        assert [[dot_scalar(spec, x, y) for y in b.tolist()] for x in a.tolist()] == expected
        assert matmul(a, b.T, spec).tolist() == expected, spec.name
        if length:
            streams = simulate(spec, a[:, None], b[None])
            assert streams[..., -1].tolist() == expected, spec.name
            t = rng.randrange(length)  # in the midst the unit shows the sum so far
            x, y = a[0, : t + 1].tolist(), b[0, : t + 1].tolist()
            assert streams[0, 0, t] == dot(unit, x, y), spec.name


@pytest.mark.parametrize("seed", range(6))
def test_units_that_round_stochastically(seed):
    rng = random.Random(f"stochastic {seed}")
    for _ in range(20):
        unit, _ = float_unit(rng)
        unit.rounding, unit.random_bits = "stochastic", rng.choice((1, 3, 8, 23, 52))
        accumulator = f"{name_of(unit.acc)}{'sat' if unit.saturates else ''}-stochastic"
        try:
            spec = hwmodel.unit(f"mac-{name_of(unit.a)}-{name_of(unit.b)}-{accumulator}")
        except HwmodelError:
            continue
        a, b = codes(rng, unit.a, 30, 0.02), codes(rng, unit.b, 30, 0.02)
        numbers = [rng.randrange(2**unit.random_bits) for _ in range(30)]
        got = simulate(spec, a, b, random=numbers, random_bits=unit.random_bits).tolist()
        code = scalar = 0
        for t, (x, y, number) in enumerate(zip(a, b, numbers, strict=True)):
            code = unit.step(code, x, y, number)
            scalar = step_scalar(spec, scalar, x, y, random=number, random_bits=unit.random_bits)
            assert (scalar, got[t]) == (code, code), (spec.name, t)


def test_random_numbers_are_one_for_each_step():
    spec = hwmodel.unit("mac-int8-int8-e4m3-stochastic")
    ones, many = np.ones((2, 3, 50), int), np.random.default_rng(1).integers(0, 16, (2, 3, 50))
    got = simulate(spec, ones, ones, random=many, random_bits=4)
    alone = simulate(spec, ones[1, 2], ones[1, 2], random=many[1, 2], random_bits=4)
    assert got[1, 2].tolist() == alone.tolist()
    # Beyond 16 a unit in the last place is 2: one more carries in half of the cases.
    assert len(set(spec.decode_accumulator(got[..., -1]).reshape(-1).tolist())) > 1
    lazy = simulate(spec, ones, ones, random=0, random_bits=4)
    assert spec.decode_accumulator(lazy[..., -1]).max() == 16.0
    for numbers, part in (
        ({}, "takes its random numbers from you"),
        ({"random": 16, "random_bits": 4}, r"lie in 0\.\.15"),
        ({"random": many[0], "random_bits": 4}, None),
        ({"random": many[..., :7], "random_bits": 4}, "do not broadcast"),
        ({"random": 0.5, "random_bits": 4}, "are integers"),
    ):
        if part is None:
            simulate(spec, ones, ones, **numbers)
            continue
        with pytest.raises(HwmodelError, match=part):
            simulate(spec, ones, ones, **numbers)
    with pytest.raises(HwmodelError, match="for stochastic rounding, but nearest-even"):
        simulate(hwmodel.unit("mac-int8-int8-e4m3"), [1], [1], random=0, random_bits=4)


def test_matrix_products_by_chance_take_a_number_for_each_step():
    spec = hwmodel.unit("mac-e4m3-e4m3-e5m2-stochastic")
    rng = np.random.default_rng(5)
    a, b = rng.integers(0, 120, (2, 1, 3, 9)), rng.integers(0, 120, (4, 9, 5))
    numbers = rng.integers(0, 1 << 6, (2, 4, 3, 5, 9))
    got = matmul(a, b, spec, random=numbers, random_bits=6)
    assert got.shape == (2, 4, 3, 5)
    assert got.dtype == np.uint8
    for place in np.ndindex(*got.shape):
        i, j, row, column = place
        code = 0
        steps = (a[i, 0, row], b[j, :, column], numbers[place])
        for x, y, number in zip(*(part.tolist() for part in steps), strict=True):
            code = step_scalar(spec, code, x, y, random=number, random_bits=6)
        assert got[place] == code
    # One number for each step of every sum, and none at all.
    same = matmul(a, b, spec, random=numbers[0, 0, 0, 0], random_bits=6)
    assert same[0, 0, 0, 0] == got[0, 0, 0, 0]
    assert (
        matmul(a[..., :0], b[:, :0], spec, random=0, random_bits=6).tolist()
        == np.zeros(got.shape).astype(int).tolist()
    )
    with pytest.raises(HwmodelError, match=r"steps, \(\.\.\., M, N, K\), which is"):
        matmul(a, b, spec, random=numbers[..., :2], random_bits=6)
    with pytest.raises(HwmodelError, match="takes its random numbers from you"):
        matmul(a, b, spec)
    with pytest.raises(HwmodelError, match="for stochastic rounding, but nearest-even"):
        matmul(a, b, hwmodel.unit("mac-e4m3-e4m3-e5m2"), random=0, random_bits=6)


def test_an_integer_accumulator_narrower_than_a_product():
    # 127 * 127 = 16129 = 1 modulo 256, and 2 - 127 = 131; or once saturated 127 - 127.
    for name, expected in (("int8", [1, 2, 131]), ("int8sat", [127, 127, 0])):
        spec = hwmodel.unit(f"mac-int8-int8-{name}")
        assert simulate(spec, [127, 127, 127], [127, 127, 255]).tolist() == expected, name
        assert matmul([[127] * 3], [[127], [127], [255]], spec).tolist() == [[expected[-1]]]


def test_products_of_more_bits_than_float64_has():
    spec = hwmodel.unit("mac-int32-int32-fp32")
    # 2^59 + 2^35 + 43 is more than a tie of FP32's, but the nearest float64 is that tie.
    x, y = 1713876727, 336349037
    assert float(x * y) == 2.0**59 + 2.0**35
    expected = [[2.0**59 + 2.0**36]]
    assert spec.decode_accumulator(matmul([[x]], [[y]], spec)).tolist() == expected
    assert spec.decode_accumulator(simulate(spec, [[x]], [[y]])).tolist() == expected


@pytest.mark.parametrize(
    "accumulator",
    [
        *("e0m7", "e1m6-up", "e1m6fn", "e5m0", "e4m5nosub", "ue4m4", "fp32", "bf16-toodd"),
        *("align16w50_fp32", "align7w64down_bf16", "chunk16_exact16_fp32-down"),
        *("int12", "int20sat", "int70", "int70sat", "exact1sat"),
    ],
)
@pytest.mark.parametrize("operands", ["int8-int8", "int4-int7", "int32-int31", "e5m2fin-e5m2fin"])
def test_matrices_of_some_size_are_those_of_streams(operands, accumulator):
    try:
        spec = hwmodel.unit(f"mac-{operands}-{accumulator}")
    except HwmodelError:
        pytest.skip("no such unit")
    rng = np.random.default_rng(len(spec.name))
    a, b = rng.integers(0, spec.a.code_count, (4, 70)), rng.integers(0, spec.b.code_count, (70, 19))
    a[0] //= 3
    streams = simulate(spec, a[:, None], b.T[None])[..., -1]
    assert matmul(a, b, spec).tolist() == streams.tolist()
    assert matmul(a, b, spec)[1, 2] == dot_scalar(spec, a[1].tolist(), b[:, 2].tolist())


def test_exact_sums_have_ties_too():
    spec = hwmodel.unit("mac-e2m8-int13-e5m10b15fnuz")
    a, b = [503, 886], [8189, 8191]  # -5.89453125 - 5.84375 is halfway: 1502.5 / 128
    assert matmul([a], [[y] for y in b], spec)[0, 0] == dot_scalar(spec, a, b)
    assert spec.decode_accumulator(matmul([a], [[y] for y in b], spec)) == -1502 / 128


def test_sums_beyond_float64_in_a_wide_accumulator():
    spec = hwmodel.unit("mac-e12m3-e12m3-e13m2ieee")
    code = spec.a.max_code - 64  # about 2^2040
    got = int(matmul([[code] * 2], [[code], [code]], spec)[0, 0])
    fmt = spec.accumulator.format
    assert abs(fmt.fraction(got) / (2 * spec.a.fraction(code) ** 2) - 1) < 0.2
    assert simulate(spec, [code] * 2, [code] * 2)[-1] == got


def test_a_single_step_times_a_wide_operand():
    # Operands of so many bits together once sent their pieces round in circles.
    for name, a, b in (("int7-int25-int62", 1, 12394094), ("bf16-bf16-exact", 1, 0x1A7F)):
        spec = hwmodel.unit(f"mac-{name}")
        expected = dot_scalar(spec, [a], [b])
        assert matmul([[a]], [[b]], spec).tolist() == [[expected]]


def test_ties_without_a_mantissa_go_to_the_even_exponent():
    spec = hwmodel.unit("mac-int8-int8-e5m0")  # 2^0 has the code 15, 2^1 the code 16
    for product, code in ((3, 16), (6, 18), (12, 18), (24, 20)):
        assert simulate(spec, [product], [1]).tolist() == [code]
        assert matmul([[product]], [[1]], spec).tolist() == [[code]]


@pytest.mark.parametrize("seed", range(4))
def test_operations_that_round_stochastically(seed):
    rng = random.Random(f"operations {seed}")
    for _ in range(25):
        kind, count = rng.choice((("mul", 2), ("add", 2), ("fma", 3)))
        inputs = [random_operand(rng) for _ in range(count)]
        fmt, bits = rng.choice((random_float(rng), FP32)), rng.choice((1, 4, 9, 30, 52))
        names = "-".join(map(name_of, (*inputs, fmt)))
        operation = hwmodel.operation(f"{kind}-{names}-stochastic")
        operands = [np.array(codes(rng, part, 30, 0.0)) for part in inputs]
        numbers = [rng.randrange(2**bits) for _ in range(30)]
        got = operation.compute(*operands, random=numbers, random_bits=bits)
        for t in range(30):
            exact = operation.exact(*(int(operand[t]) for operand in operands))
            expected = fmt.encode(exact, "saturate", "stochastic", numbers[t], bits)
            row = [int(operand[t]) for operand in operands]
            assert got[t] == expected, operation.name
            assert operation.apply(*row, random=numbers[t], random_bits=bits) == expected


def test_random_numbers_of_operations_are_checked():
    operation = hwmodel.operation("fp32-to-e4m3-stochastic")
    one = int(hwmodel.format("fp32").encode([1.0625])[0])
    assert [operation.apply(one, random=r, random_bits=1) for r in (0, 1)] == [0x38, 0x39]
    got = operation.compute([[one] * 2] * 2, random=[0, 1], random_bits=1)
    assert got.tolist() == [[0x38, 0x39]] * 2
    for call in (operation.apply, operation.compute):
        with pytest.raises(HwmodelError, match="takes its random numbers from you"):
            call(one)
        with pytest.raises(HwmodelError, match=r"lie in 0\.\.1"):
            call(one, random=2, random_bits=1)
    with pytest.raises(HwmodelError, match="are for stochastic rounding"):
        hwmodel.operation("fp32-to-e4m3").apply(one, random=0, random_bits=1)
    assert Request.of("saturate", "stochastic", 3, 2).random_bits == 2
