"""INT and ExMy multiply-accumulate units: RTL, co-simulation, cost and accuracy.

The way from a number format to a report: `formats`, `blocks`, `units`, `arithmetic` (the golden
model), `rtl`, `sim`, `technology` and `synthesis`, `accuracy`, `cost`, `reports`, `cli`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

    from hwmodel.arithmetic import Operation
    from hwmodel.blocks import BaseBlockFormat, Blocks
    from hwmodel.formats import Format
    from hwmodel.units import UnitSpec

__all__ = ["block", "format", "matmul", "operation", "unit"]
__version__ = "0.1.0"


def format(name: str) -> "Format":  # noqa: A001 - hwmodel.format("e4m3") is what users write
    """Number format of a short name such as ``e4m3``; see `hwmodel.formats.parse_format`."""
    from hwmodel.formats import parse_format  # here, so that `import hwmodel` is light

    return parse_format(name)


def block(name: str) -> "BaseBlockFormat":
    """Block format of a name such as ``mxfp4``; see `hwmodel.blocks.parse_block`."""
    from hwmodel.blocks import parse_block

    return parse_block(name)


def operation(name: str) -> "Operation":
    """Operation on codes of a name such as ``mul-e4m3-e4m3-fp16`` or ``fp32-to-e4m3``.

    ``operation.compute(a, b)`` takes arrays of codes; see `hwmodel.arithmetic.parse_operation`.
    """
    from hwmodel.arithmetic import parse_operation

    return parse_operation(name)


def unit(name: str) -> "UnitSpec":
    """Spec of a unit's name such as ``mac-e4m3-e4m3-fp32``; see `hwmodel.units.parse_unit`."""
    from hwmodel.units import parse_unit

    return parse_unit(name)


def matmul(
    a: "npt.ArrayLike | Blocks",
    b: "npt.ArrayLike | Blocks",
    spec: "UnitSpec",
    *,
    words: bool = False,
    random: "npt.ArrayLike | None" = None,
    random_bits: int | None = None,
) -> "npt.NDArray[Any]":
    """Matrix product of codes into a unit's accumulator; see `hwmodel.arithmetic.matmul`."""
    from hwmodel.arithmetic import matmul as product

    return product(a, b, spec, words=words, random=random, random_bits=random_bits)
