"""How often the registers of a unit change, from its golden model: the activity behind energy.

No netlist is needed for that: operands are drawn from the named stream and the golden model gives
the accumulator's codes. What happens between the registers, glitches above all, is left to the fit.
"""

import functools
import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwmodel.arithmetic import simulate
from hwmodel.sim.stimulus import operands
from hwmodel.units import UnitSpec

__all__ = ["Toggles", "toggles_of"]

_VECTORS, _SEED = 1024, 1


@dataclass(frozen=True)
class Toggles:
    """Bits that change in a cycle, on average.

    Attributes
    ----------
    a, b, accumulator : float
        Of the operand registers and of the accumulator.
    stuck : float
        Share of the steps that leave infinity or NaN in the accumulator: where sums overflow, it
        stays there, and the energy is that of a unit that rests.
    """

    a: float
    b: float
    accumulator: float
    stuck: float


@functools.lru_cache(maxsize=512)
def toggles_of(spec: UnitSpec, stimulus: str = "gaussian") -> Toggles:
    """Count what changes when the golden model runs a stream of 1024 operand pairs."""
    stream = operands(spec, stimulus, _VECTORS, _SEED)
    sums = simulate(spec, stream.a_codes, stream.b_codes, stream.valid, stream.clear)
    stuck = float(np.mean(~np.isfinite(spec.decode_accumulator(sums))))
    return Toggles(_changes(stream.a_codes), _changes(stream.b_codes), _changes(sums), stuck)


def _changes(codes: npt.NDArray[np.generic]) -> float:
    if codes.dtype == object:
        values = [int(code) for code in codes]
        flips = [(new ^ old).bit_count() for old, new in itertools.pairwise(values)]
        return sum(flips) / len(flips)
    words = codes.astype(np.uint64)
    return float(np.bitwise_count(words[1:] ^ words[:-1]).mean())
