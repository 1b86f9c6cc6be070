"""What changes inside a unit with a floating-point accumulator, counted without a netlist.

The golden model gives the sums; the words between the registers follow from operands and sums by
the same rules as in the RTL: which addend is larger, how far the other one is shifted, their sum.
Counted is what settles in each cycle; glitches on the way there are not.
"""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwmodel.arithmetic import simulate
from hwmodel.rtl.decode import Numerics
from hwmodel.rtl.mac_float import Window
from hwmodel.rtl.reach import Reach
from hwmodel.sim.stimulus import operands
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = ["Datapath", "datapath_of"]

_VECTORS, _SEED = 1024, 1


@dataclass(frozen=True)
class Datapath:
    """Bits that change in a cycle, on average, by word.

    Attributes
    ----------
    product_bits : int
        Width of the product of the significands.
    product : float
        That product.
    amount : float
        Distance of alignment.
    smaller : float
        Shifted word that enters the adder, complemented where it is subtracted.
    total : float
        Magnitude of the sum.
    subtract : float
        Whether the signs differ.
    """

    product_bits: int
    product: float
    amount: float
    smaller: float
    total: float
    subtract: float


@functools.lru_cache(maxsize=512)
def datapath_of(spec: UnitSpec, stimulus: str = "gaussian") -> Datapath:
    """Follow a stream of 1024 operand pairs through the words of a unit."""
    assert isinstance(spec.accumulator, FloatAccumulator)
    fmt = spec.accumulator.format
    stream = operands(spec, stimulus, _VECTORS, _SEED)
    sums = simulate(spec, stream.a_codes, stream.b_codes, stream.valid, stream.clear)
    window = Window.of(spec, Reach.of(spec))
    a, b = Numerics.of(spec.a), Numerics.of(spec.b)
    sign_a, exponent_a, significand_a = _decoded(spec.a.decode(stream.a_codes), a)
    sign_b, exponent_b, significand_b = _decoded(spec.b.decode(stream.b_codes), b)
    product_bits = a.significand_bits + b.significand_bits
    flips: dict[str, int] = {}
    before: dict[str, int] | None = None
    code, top = 0, 1 << (fmt.bits - 1)
    for i in range(_VECTORS):
        if stream.clear[i]:
            code = 0
        field = (code & (top - 1)) >> fmt.mantissa_bits
        significand = (code & ((1 << fmt.mantissa_bits) - 1)) | (field > 0) << fmt.mantissa_bits
        product = significand_a[i] * significand_b[i]
        distance = exponent_a[i] + exponent_b[i] + window.offset - max(field, 1)
        # Both with their top bit at the left end of the window.
        left = product << (window.bits - product_bits)
        right = significand << (window.bits - fmt.mantissa_bits - 1)
        larger, smaller = (left, right) if distance > 0 else (right, left)
        shifted = smaller >> min(abs(distance), window.bits)
        subtract = int(sign_a[i] ^ sign_b[i] ^ bool(code & top))
        total = abs(larger - shifted) if subtract else larger + shifted
        words = {
            "product": product,
            "amount": abs(distance),
            "smaller": shifted ^ (((1 << window.bits) - 1) * subtract),
            "total": total,
            "subtract": subtract,
        }
        if before is not None:
            for name, word in words.items():
                flips[name] = flips.get(name, 0) + (word ^ before[name]).bit_count()
        before = words
        code = int(sums[i])
    return Datapath(product_bits, **{name: n / (_VECTORS - 1) for name, n in flips.items()})


def _decoded(
    values: NDArray[np.float64], numerics: Numerics
) -> tuple[list[bool], list[int], list[int]]:
    """Sign, exponent field and significand of finite values."""
    _, powers = np.frexp(values)
    exponents = powers - numerics.significand_bits - numerics.scale
    exponents = np.clip(exponents, numerics.exponent_min, numerics.exponent_max)
    significands = np.ldexp(np.abs(values), -(exponents + numerics.scale))
    return (
        np.signbit(values).tolist(),
        exponents.tolist(),
        [int(word) for word in significands],
    )
