"""How a unit is built: choices that change its area, delay and energy, but never its results."""

from dataclasses import dataclass, fields

from hwmodel.rtl.adders import ADDERS
from hwmodel.rtl.multiply import MULTIPLIERS
from hwmodel.rtl.normalise import NORMALISERS

from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = ["Structure", "default_structure", "structures_for"]

MERGES = ("separate", "fused")


@dataclass(frozen=True)
class Structure:
    """Implementation choices of a unit.

    Parameters
    ----------
    multiplier : str
        One of `hwmodel.rtl.multiply.MULTIPLIERS`.
    adder : str
        Style of the wide adders, one of `hwmodel.rtl.adders.ADDERS`.
    merge : str
        ``separate``: the product is formed, then added; ``fused``: partial products and
        accumulator meet in one carry-save tree (fixed-point accumulators of integer products).
    normaliser : str
        One of `hwmodel.rtl.normalise.NORMALISERS` (floating-point accumulators).
    """

    multiplier: str = "array"
    adder: str = "plain"
    merge: str = "separate"
    normaliser: str = "count"

    def __post_init__(self) -> None:
        for field, choices in _CHOICES.items():
            if getattr(self, field) not in choices:
                raise HwmodelError(
                    f"the {field} of a structure is one of {', '.join(choices)}, but"
                    f" {getattr(self, field)!r} came"
                )

    @property
    def name(self) -> str:
        """Readable name that `parse` reads back."""
        return "-".join(getattr(self, field.name) for field in fields(self))

    @classmethod
    def parse(cls, name: str) -> "Structure":
        """Structure of a name such as ``array-ripple-fused-count``.

        Raises
        ------
        HwmodelError
            The name is no structure's.
        """
        parts = name.split("-")
        if len(parts) != len(_CHOICES):
            raise HwmodelError(
                f"expected a structure's name of {len(_CHOICES)} parts such as"
                f" {cls().name!r}, but {name!r} came"
            )
        return cls(*parts)


_CHOICES = {
    "multiplier": MULTIPLIERS,
    "adder": ADDERS,
    "merge": MERGES,
    "normaliser": NORMALISERS,
}


def structures_for(spec: UnitSpec) -> tuple[Structure, ...]:
    """Structures of a unit that are worth trying, the default one first."""
    if isinstance(spec.accumulator, FloatAccumulator):
        return tuple(
            Structure(multiplier, adder, "separate", normaliser)
            for multiplier in ("array", "plain")
            for adder in ("plain", "ripple", "sklansky")
            for normaliser in ("count", "cascade")
        )
    if isinstance(spec.a, FloatFormat) or isinstance(spec.b, FloatFormat):
        return tuple(
            Structure(multiplier, adder)
            for multiplier in ("array", "plain")
            for adder in ("plain", "ripple", "sklansky", "brentkung")
        )
    fused = [
        Structure(multiplier, adder, "fused")
        for multiplier in ("array", "booth")
        for adder in ("plain", "ripple", "sklansky", "brentkung")
    ]
    separate = [
        Structure("plain", "plain"),
        Structure("booth", "plain"),
        Structure("array", "plain"),
    ]
    return tuple(fused + separate)


def default_structure(spec: UnitSpec) -> Structure:
    """Structure of a unit for which none is asked."""
    return structures_for(spec)[0]
