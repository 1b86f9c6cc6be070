"""The definition of single operations on codes: exact, then rounded once to the output's format.

IEEE 754-2019's rules hold for NaNs, infinities and signed zeros, whatever the formats. A number
is carried as a `Fraction`; as a float only where a fraction cannot say it: a signed zero, an
infinity, a NaN.
"""

import functools
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import numpy.typing as npt

from hwmodel.errors import HwmodelError, NotBuiltYetError
from hwmodel.formats import FloatFormat, Format, Overflow, Rounding, ScaledFormat
from hwmodel.formats import parse_format as _parse_format
from hwmodel.formats.carrier import as_integer
from hwmodel.formats.rounding import Request, choice
from hwmodel.formats.scalar import encode_scalar, exact_scalar

__all__ = [
    "Exact",
    "Operation",
    "add",
    "exact",
    "exact_product",
    "exact_sum",
    "exact_value",
    "fused_multiply_add",
    "multiply",
    "parse_operation",
]

Exact: TypeAlias = Fraction | float

_OPERANDS = {"convert": ("x",), "mul": ("a", "b"), "add": ("a", "b"), "fma": ("a", "b", "c")}
_ROUNDINGS = {rounding.value.replace("-", ""): rounding for rounding in Rounding}
_OVERFLOWS = {overflow.value: overflow for overflow in Overflow}
_EXPECTED = (
    "expected FROM-to-TO, mul-A-B-OUT, add-A-B-OUT or fma-A-B-C-OUT, for example fp32-to-e4m3 or"
    " mul-e4m3-e4m3-fp16"
)


@dataclass(frozen=True)
class Operation:
    """A conversion, product, sum or fused multiply-add of single codes, rounded once.

    Parameters
    ----------
    kind : str
        ``convert``, ``mul``, ``add`` or ``fma`` (a * b + c).
    inputs : tuple of Format
        Format of each operand.
    output : Format
        Format of the result.
    rounding : Rounding or str
        How the exact result is rounded. If stochastically, `apply` and `compute` take the random
        numbers.
    overflow : Overflow or str
        What becomes of a result beyond the output's range; any but an error.

    Raises
    ------
    HwmodelError
        The kind is unknown, the operands are too many or too few, or the output cannot follow
        the overflow rule.
    NotBuiltYetError
        A format carries a scale.
    """

    kind: str
    inputs: tuple[Format, ...]
    output: Format
    rounding: Rounding = Rounding.NEAREST_EVEN
    overflow: Overflow = Overflow.SATURATE

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", tuple(self.inputs))
        object.__setattr__(self, "rounding", choice(Rounding, self.rounding))
        object.__setattr__(self, "overflow", choice(Overflow, self.overflow))
        if self.kind not in _OPERANDS:
            raise HwmodelError(f"unknown operation {self.kind!r}: {_EXPECTED}")
        if len(self.inputs) != len(self.operands):
            raise HwmodelError(
                f"{self.kind} takes {len(self.operands)} operands, but {len(self.inputs)} came"
            )
        for fmt in (*self.inputs, self.output):
            if not isinstance(fmt, Format):
                raise HwmodelError(
                    f"operands and results have formats, but {fmt!r} came; hwmodel.format reads"
                    " their names, hwmodel.operation that of the whole"
                )
            if isinstance(fmt, ScaledFormat):
                raise NotBuiltYetError(
                    f"{fmt.name} carries a scale, which operations on codes do not take yet; name"
                    " the format without it, for example e4m3"
                )
        if self.overflow is Overflow.RAISE:
            raise HwmodelError(
                "an operation gives a code for every operand, so overflow 'raise' does not suit"
                " it; choose 'saturate' or 'nonfinite'"
            )
        self.output.check_overflow(self.overflow)

    @property
    def operands(self) -> tuple[str, ...]:
        """Names of the operands."""
        return _OPERANDS[self.kind]

    @property
    def name(self) -> str:
        """Readable name that `parse_operation` reads back; the usual rules are left out."""
        formats = [fmt.name for fmt in self.inputs]
        if self.kind == "convert":
            name = f"{formats[0]}-to-{self.output.name}"
        else:
            name = "-".join([self.kind, *formats, self.output.name])
        if self.rounding is not Rounding.NEAREST_EVEN:
            name += f"-{self.rounding.value.replace('-', '')}"
        if self.overflow is not Overflow.SATURATE:
            name += f"-{self.overflow.value}"
        return name

    def exact(self, *codes: int) -> Exact:
        """Result before it is rounded.

        Raises
        ------
        HwmodelError
            The number of codes is not that of the operands, or a code is out of range.
        """
        if len(codes) != len(self.inputs):
            raise HwmodelError(f"{self.name} takes {len(self.inputs)} codes, but {len(codes)} came")
        numbers = [as_integer(code, "a code") for code in codes]
        values = [exact_value(fmt, code) for fmt, code in zip(self.inputs, numbers, strict=True)]
        if self.kind == "convert":
            return values[0]
        if self.kind == "mul":
            return exact_product(values[0], values[1])
        if self.kind == "add":
            return exact_sum(values[0], values[1], self.rounding)
        return exact_sum(exact_product(values[0], values[1]), values[2], self.rounding)

    def accepts(self, *codes: int) -> bool:
        """Whether the output has a code for the result: NaN needs one, infinity cannot wrap."""
        result = self.exact(*codes)
        if isinstance(result, Fraction) or math.isfinite(result):
            return True
        if math.isnan(result):
            return self.output.has_nan
        return self.overflow is not Overflow.WRAP

    def compute(
        self,
        *codes: npt.ArrayLike,
        random: npt.ArrayLike | None = None,
        random_bits: int | None = None,
    ) -> npt.NDArray[Any]:
        """Codes of the results of whole arrays, those of `apply` for each element.

        Parameters
        ----------
        *codes : array_like of int
            Codes of each operand; they broadcast together.
        random, random_bits
            For stochastic rounding: a random number for each result, broadcast to them, and their
            width; as for `Format.encode`.

        Returns
        -------
        ndarray
            Codes of the output in the smallest unsigned dtype that holds them.

        Raises
        ------
        HwmodelError
            The number of arrays is not that of the operands, they do not broadcast, a code is out
            of range, the output has no code for a result, or random numbers are missing.
        """
        from hwmodel.arithmetic.elementwise import compute  # compiled code, when it is needed

        return compute(self, codes, random, random_bits)

    def apply(self, *codes: int, random: int | None = None, random_bits: int | None = None) -> int:
        """Code of the result.

        A conversion gives what `encode_scalar` gives. The other operations bring out one NaN,
        the canonical one, also where an overflow makes it; so do the units. For stochastic rounding
        `random` is a number of `random_bits` bits.

        Raises
        ------
        HwmodelError
            A code is out of range, the output has no code for the result, or a random number is
            missing.
        """
        request = Request.of(self.overflow, self.rounding, random, random_bits)
        number = int(request.random_for(())[0])
        code = encode_scalar(
            *(self.output, self.exact(*codes), self.overflow, self.rounding),
            *(number, request.random_bits),
        )
        output = self.output
        signed_nan = isinstance(output, FloatFormat) and output.has_signed_nan
        if self.kind == "convert" or not signed_nan:
            return code
        assert isinstance(output, FloatFormat)
        return output.nan_code if code & output.magnitude_mask == output.nan_code else code


def parse_operation(name: str) -> Operation:
    """Operation of a name such as ``fp32-to-e4m3`` or ``fma-fp16-fp16-fp32-fp32-towardzero``.

    Behind the formats may stand the rounding (without its hyphens) and the overflow rule.

    Raises
    ------
    HwmodelError
        The name does not follow the grammar, or there is no such operation.
    """
    if not isinstance(name, str):
        raise HwmodelError(f"an operation's name is a string, but {name!r} came; {_EXPECTED}")
    parts = name.split("-")
    count = len(_OPERANDS.get(parts[0], ())) + 1
    if len(parts) >= 3 and parts[1] == "to":
        kind, formats, rules = "convert", [parts[0], parts[2]], parts[3:]
    elif parts[0] in ("mul", "add", "fma") and len(parts) > count:
        kind, formats, rules = parts[0], parts[1 : count + 1], parts[count + 1 :]
    else:
        raise HwmodelError(f"unknown operation {name!r}: {_EXPECTED}")
    rounding, overflow = Rounding.NEAREST_EVEN, Overflow.SATURATE
    if rules and rules[0] in _ROUNDINGS:
        rounding = _ROUNDINGS[rules.pop(0)]
    if rules and rules[0] in _OVERFLOWS:
        overflow = _OVERFLOWS[rules.pop(0)]
    if rules:
        raise HwmodelError(
            f"unknown part {rules[0]!r} of the operation {name!r}: behind the formats may stand a"
            f" rounding ({', '.join(_ROUNDINGS)}) and then an overflow rule"
            f" ({', '.join(_OVERFLOWS)})"
        )
    *inputs, output = (_parse_format(text) for text in formats)
    return Operation(kind, tuple(inputs), output, rounding, overflow)


def multiply(
    formats: tuple[Format, Format],
    output: Format,
    a: int,
    b: int,
    *,
    overflow: Overflow = Overflow.SATURATE,
    rounding: Rounding = Rounding.NEAREST_EVEN,
) -> int:
    """Code of ``a * b``, rounded once.

    Parameters
    ----------
    formats : tuple of Format
        Formats of the operands.
    output : Format
        Format of the result.
    a, b : int
        Codes of the operands.
    overflow, rounding
        The rules.
    """
    return Operation("mul", formats, output, rounding, overflow).apply(a, b)


def add(
    formats: tuple[Format, Format],
    output: Format,
    a: int,
    b: int,
    *,
    overflow: Overflow = Overflow.SATURATE,
    rounding: Rounding = Rounding.NEAREST_EVEN,
) -> int:
    """Code of ``a + b``, rounded once; the parameters are those of `multiply`."""
    return Operation("add", formats, output, rounding, overflow).apply(a, b)


def fused_multiply_add(
    formats: tuple[Format, Format, Format],
    output: Format,
    a: int,
    b: int,
    c: int,
    *,
    overflow: Overflow = Overflow.SATURATE,
    rounding: Rounding = Rounding.NEAREST_EVEN,
) -> int:
    """Code of ``a * b + c``, rounded once; the parameters are those of `multiply`, and `c`."""
    return Operation("fma", formats, output, rounding, overflow).apply(a, b, c)


@functools.lru_cache(maxsize=1 << 17)
def exact(value: float) -> Exact:
    """A float as what sums and products are made of: a fraction where it is finite and not zero."""
    number = float(value)
    return Fraction(number) if math.isfinite(number) and number else number


def exact_value(fmt: Format, code: int) -> Exact:
    """Value of a code: a fraction where it is finite and not zero."""
    return exact_scalar(fmt, code)


def _negative(x: Exact) -> bool:
    return x < 0 if isinstance(x, Fraction) else math.copysign(1.0, x) < 0


def _sign(x: Exact) -> float:
    return -1.0 if _negative(x) else 1.0


def exact_product(x: Exact, y: Exact) -> Exact:
    """Product before it is rounded, by IEEE 754's rules where it is no fraction."""
    if isinstance(x, Fraction) and isinstance(y, Fraction):
        return x * y
    # Only signs matter now; a fraction itself may lie beyond float64 once it is a product.
    left, right = (_sign(v) if isinstance(v, Fraction) else v for v in (x, y))
    return left * right


def exact_sum(x: Exact, y: Exact, rounding: Rounding) -> Exact:
    """Sum before it is rounded; the direction of the rounding decides the sign of a zero."""
    for value, other in ((x, y), (y, x)):
        if isinstance(value, float) and not math.isfinite(value):
            if isinstance(other, float) and not math.isfinite(other):
                return value + other
            return value
    total = Fraction(x) + Fraction(y)
    if total:
        return total
    # IEEE 754-2019, section 6.3: -0 and -0 give -0, +0 and +0 give +0; every other sum that is
    # zero has the sign of the rounding's direction.
    if x == 0 and _negative(x) == _negative(y):
        return -0.0 if _negative(x) else 0.0
    return -0.0 if rounding is Rounding.DOWN else 0.0
