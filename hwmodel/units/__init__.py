"""Unit specs: the one frozen description that everything about a unit follows from.

May import ``formats``; the golden model, the RTL, the tools and the report import it.
"""

from hwmodel.units.accumulators import (
    AlignedAccumulator,
    ChunkedAccumulator,
    ExactAccumulator,
    FixedPoint,
    FloatAccumulator,
    IntAccumulator,
)
from hwmodel.units.names import parse_accumulator, parse_unit
from hwmodel.units.spec import UnitSpec

__all__ = [
    "AlignedAccumulator",
    "ChunkedAccumulator",
    "ExactAccumulator",
    "FixedPoint",
    "FloatAccumulator",
    "IntAccumulator",
    "UnitSpec",
    "parse_accumulator",
    "parse_unit",
]
