"""Arrays of single operations: the fast route of `operations`.

Results are formed in float64, products exactly and sums rounded to odd, so that the rounding to the
output is the only one that shows (see `steps`). Where float64 does not hold enough the definition
itself is applied, element by element.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.arithmetic.by_definition import SPARE
from hwmodel.arithmetic.operations import Operation
from hwmodel.arithmetic.steps import add_to_odd
from hwmodel.compiled import jit
from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, Format, IntFormat, Overflow, Rounding
from hwmodel.formats.base import code_dtype
from hwmodel.formats.rounding import Request

__all__ = ["compute", "fits_float64"]

_PRECISION = 53
# Operands of so few bits together are looked up, where there are so many times more of them.
_TABLE_BITS = 16
_WORTH_A_TABLE = 2


def compute(
    operation: Operation,
    codes: Sequence[npt.ArrayLike],
    random: npt.ArrayLike | None = None,
    random_bits: int | None = None,
) -> npt.NDArray[Any]:
    """Codes of the results; `Operation.compute` says more."""
    request = Request.of(operation.overflow, operation.rounding, random, random_bits)
    if len(codes) != len(operation.inputs):
        raise HwmodelError(
            f"{operation.name} takes {len(operation.inputs)} arrays of codes, but {len(codes)} came"
        )
    operands = [f.checked_codes(c) for f, c in zip(operation.inputs, codes, strict=True)]
    try:
        operands = list(np.broadcast_arrays(*operands))
    except ValueError as error:
        shapes = ", ".join(str(operand.shape) for operand in operands)
        raise HwmodelError(
            f"operands of {operation.name} have one shape, but {shapes} do not broadcast together"
        ) from error
    bits = sum(fmt.bits for fmt in operation.inputs)
    few = bits <= _TABLE_BITS and operands[0].size > _WORTH_A_TABLE << bits
    if few and request.random is None:
        table = _table(operation)
        if table is not None:
            place = operands[0].astype(np.uint16)
            for fmt, operand in zip(operation.inputs[1:], operands[1:], strict=True):
                place = (place << np.uint16(fmt.bits)) | operand.astype(np.uint16)
            return np.asarray(table[place])
    return _computed(operation, operands, request)


def _computed(
    operation: Operation, operands: list[npt.NDArray[Any]], request: Request
) -> npt.NDArray[Any]:
    if not fits_float64(operation, request.random_bits):
        return _defined(operation, operands, request)
    with np.errstate(invalid="ignore"):  # infinity times zero, infinity less infinity
        values = _values(operation, operands)
    rules: dict[str, Any] = {}
    if request.random is not None:
        rules = {"random": request.random, "random_bits": request.random_bits}
    result = operation.output.encode(values, operation.overflow, operation.rounding, **rules)
    output = operation.output
    # One NaN comes out, without a sign, also where an overflow makes it.
    if operation.kind != "convert" and isinstance(output, FloatFormat) and output.has_signed_nan:
        result[(result & result.dtype.type(output.magnitude_mask)) == output.nan_code] = (
            output.nan_code
        )
    return np.asarray(result)


def _defined(
    operation: Operation, operands: list[npt.NDArray[Any]], request: Request
) -> npt.NDArray[Any]:
    """The definition itself, element by element."""
    codes = np.empty(operands[0].shape, code_dtype(operation.output.bits))
    random = np.broadcast_to(request.random_for(codes.shape), codes.size).reshape(codes.shape)
    for index in np.ndindex(*codes.shape):
        rule: dict[str, int] = {}
        if request.random is not None:
            rule = {"random": int(random[index]), "random_bits": request.random_bits}
        codes[index] = operation.apply(*(int(operand[index]) for operand in operands), **rule)
    return codes


@functools.lru_cache(maxsize=32)
def _table(operation: Operation) -> npt.NDArray[Any] | None:
    """Results of all operands, the first one's code in the highest bits; None if some have none."""
    codes = np.arange(1 << sum(fmt.bits for fmt in operation.inputs))
    operands: list[npt.NDArray[Any]] = []
    for fmt in reversed(operation.inputs):
        operands.insert(0, codes & (fmt.code_count - 1))
        codes = codes >> fmt.bits
    try:
        return _computed(operation, operands, Request(operation.overflow, operation.rounding))
    except HwmodelError:
        return None


def _values(operation: Operation, operands: list[npt.NDArray[Any]]) -> npt.NDArray[np.float64]:
    values = [f.decode(c) for f, c in zip(operation.inputs, operands, strict=True)]
    if operation.kind == "convert":
        return values[0]
    if operation.kind == "mul":
        return np.asarray(values[0] * values[1])
    first = values[0] * values[1] if operation.kind == "fma" else values[0]
    total = np.empty(first.shape)
    down = operation.rounding is Rounding.DOWN
    _add(np.ravel(first), np.ravel(values[-1]), down, total.reshape(-1))
    return total


@jit
def _add(x: Any, y: Any, down: bool, total: Any) -> None:
    for i in range(x.size):
        total[i] = add_to_odd(x[i], y[i])
        if down and total[i] == 0.0 and (np.signbit(x[i]) or np.signbit(y[i])):
            total[i] = -0.0


def fits_float64(operation: Operation, random_bits: int = 0) -> bool:
    """Whether float64 brings the right code for all operands.

    Stochastic rounding looks at `random_bits` bits below the output's last place.
    """
    if any(isinstance(fmt, FloatFormat) and fmt.is_wide for fmt in operation.inputs):
        return False
    if operation.kind == "convert":
        return True
    spans = [_span(fmt) for fmt in operation.inputs]
    if operation.kind in ("mul", "fma"):
        (low_a, high_a, bits_a), (low_b, high_b, bits_b) = spans[:2]
        product = (low_a + low_b, high_a + high_b, bits_a + bits_b)
        if product[0] < -1074 or product[1] > 1023 or product[2] > _PRECISION:
            return False
        spans = [product, *spans[2:]]
    if operation.kind == "mul":
        return True
    lowest, highest = min(span[0] for span in spans), max(span[1] for span in spans) + 1
    if highest > 1023:
        return False
    if operation.overflow is Overflow.WRAP:  # what lies beyond the range counts, too
        return highest - lowest <= _PRECISION
    bits = _span(operation.output)[2]
    return bits + max(SPARE, random_bits + 1) <= _PRECISION


def _span(fmt: Format) -> tuple[int, int, int]:
    """Exponent of the last place, exponent above all values, and bits of a significand."""
    if isinstance(fmt, FloatFormat):
        return fmt.lsb_exponent, fmt.max_exponent + 2, fmt.mantissa_bits + 1
    # One more: the code that a symmetric integer format leaves out stands for a value as well.
    top = int(np.frexp(max(abs(fmt.max_value), abs(fmt.min_value)))[1]) + 1
    return fmt.lsb_exponent, top, fmt.bits if isinstance(fmt, IntFormat) else 1
