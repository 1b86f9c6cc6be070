"""How a unit is built: choices that change its area, delay and energy, but never its results."""

from dataclasses import dataclass

from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat
from hwmodel.rtl.adders import ADDERS
from hwmodel.rtl.built import check_built
from hwmodel.rtl.multiply import MULTIPLIERS
from hwmodel.rtl.normalise import NORMALISERS
from hwmodel.rtl.reach import Reach
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = ["Structure", "check_structure", "default_structure", "structures_for"]


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
        accumulator meet in one carry-save tree (integer operands, fixed-point accumulator).
    normaliser : str
        One of `hwmodel.rtl.normalise.NORMALISERS` for a floating-point accumulator, else
        ``none``.

    Raises
    ------
    HwmodelError
        A choice is unknown.
    """

    multiplier: str = "array"
    adder: str = "plain"
    merge: str = "separate"
    normaliser: str = "none"

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
        parts = [self.multiplier, self.adder, self.merge]
        return "-".join(parts if self.normaliser == "none" else [*parts, self.normaliser])

    @classmethod
    def parse(cls, name: str) -> "Structure":
        """Structure of a name such as ``array-ripple-fused`` or ``array-plain-separate-count``.

        Raises
        ------
        HwmodelError
            The name is no structure's.
        """
        parts = name.split("-")
        if len(parts) not in (3, 4):
            raise HwmodelError(
                "expected a structure's name such as array-ripple-fused or"
                f" array-plain-separate-count, but {name!r} came"
            )
        return cls(*parts)


_CHOICES = {
    "multiplier": MULTIPLIERS,
    "adder": ADDERS,
    "merge": ("separate", "fused"),
    "normaliser": ("none", *NORMALISERS),
}

# Each was the smallest or the quickest of its kind at some clock on NanGate 45 nm; what never was
# is left out (a plain operator for the significands, a cascade with a quick adder, ...).
_INTEGER = (
    *("array-plain-fused", "array-ripple-fused", "array-sklansky-fused", "array-brentkung-fused"),
    *("array-koggestone-fused", "booth-plain-fused", "booth-ripple-fused", "booth-sklansky-fused"),
    *("booth-plain-separate", "array-plain-separate", "plain-plain-separate"),
)
_EXACT = (
    *("array-plain-separate", "array-ripple-separate", "array-sklansky-separate"),
    *("array-brentkung-separate", "array-koggestone-separate", "plain-plain-separate"),
)
_FLOAT = (
    *("array-plain-separate-count", "array-ripple-separate-count"),
    *("array-plain-separate-cascade", "array-ripple-separate-cascade"),
    *("array-sklansky-separate-count", "array-plain-separate-anticipate"),
    *("array-sklansky-separate-anticipate", "array-koggestone-separate-anticipate"),
)


def structures_for(spec: UnitSpec) -> tuple[Structure, ...]:
    """Structures of a unit that are worth trying, the default one first.

    Raises
    ------
    NotBuiltYetError
        The unit has no RTL.
    """
    check_built(spec)
    if isinstance(spec.accumulator, FloatAccumulator):
        names = [
            name
            for name in _FLOAT
            # Where the shift must stop at the smallest exponent, a cascade cannot be built.
            if not (name.endswith("cascade") and Reach.of(spec).subnormal)
        ]
    elif isinstance(spec.a, FloatFormat) or isinstance(spec.b, FloatFormat):
        names = list(_EXACT)
    else:
        names = list(_INTEGER)
    return tuple(Structure.parse(name) for name in names)


def default_structure(spec: UnitSpec) -> Structure:
    """Structure of a unit for which none is asked."""
    return structures_for(spec)[0]


def check_structure(spec: UnitSpec, structure: Structure) -> None:
    """Refuse a structure that says something about parts that the unit does not have.

    Raises
    ------
    HwmodelError
        The structure is another kind of unit's.
    """
    rounds = isinstance(spec.accumulator, FloatAccumulator)
    floats = isinstance(spec.a, FloatFormat) or isinstance(spec.b, FloatFormat)
    if rounds == (structure.normaliser == "none") or (
        structure.merge == "fused" and (rounds or floats)
    ):
        known = ", ".join(s.name for s in structures_for(spec))
        raise HwmodelError(
            f"the structure {structure.name} does not suit {spec.name}; choose one of: {known}"
        )
