"""One ratio under several conditions (libraries, operand streams), and which conclusion holds.

A ratio is formed under one condition, so both sides always stand on the same cells and take the
same operands; only the finished ratios are put beside each other.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hwmodel.cost.ratios import Quantity, Ratio

__all__ = ["LibrarySpread", "StimulusSpread", "library_spreads", "stimulus_spreads"]

# Ratios nearer to 1 than this are called alike: recipes and structures are a finite choice, and
# two searches of equal effort differ by as much.
_ALIKE = 0.02
_WORDS = {Quantity.AREA: ("larger", "smaller"), Quantity.DELAY: ("slower", "faster")}
_OTHER_WORDS = ("dearer", "cheaper")


@dataclass(frozen=True)
class _Spread:
    """A ratio of two units in one quantity, by condition."""

    numerator: str
    denominator: str
    quantity: Quantity
    ratios: dict[str, Ratio]

    @property
    def least(self) -> float:
        """Smallest ratio."""
        return min(ratio.value for ratio in self.ratios.values())

    @property
    def most(self) -> float:
        """Largest ratio."""
        return max(ratio.value for ratio in self.ratios.values())

    @property
    def mean(self) -> float:
        """Geometric mean of the ratios."""
        logs = [math.log(ratio.value) for ratio in self.ratios.values()]
        return math.exp(sum(logs) / len(logs))

    @property
    def holds(self) -> bool | None:
        """Whether all conditions agree on which side costs more; None of a single one."""
        return None if len(self.ratios) < 2 else len(self._sides()) == 1

    @property
    def turns(self) -> bool:
        """Whether the numerator costs more under one condition and less under another."""
        return {*_WORDS.get(self.quantity, _OTHER_WORDS)} <= self._sides().keys()

    def _sides(self) -> dict[str, list[str]]:
        """Conditions by what holds under them.

        Alike are sides that differ by no more than two searches do, or whose ratio's interval
        holds 1.
        """
        more, less = _WORDS.get(self.quantity, _OTHER_WORDS)
        sides: dict[str, list[str]] = {}
        for condition, ratio in self.ratios.items():
            alike = abs(ratio.value - 1.0) <= _ALIKE
            if ratio.low is not None and ratio.high is not None:
                alike = alike or ratio.low <= 1.0 <= ratio.high
            side = "alike" if alike else more if ratio.value > 1.0 else less
            sides.setdefault(side, []).append(condition)
        return sides

    def _span(self) -> str:
        return f"({self.least:.2f} to {self.most:.2f} times)"

    def _parts(self, word: str) -> str:
        """What holds where, for conditions that differ; `word` is ``in`` or ``under``."""
        return "; ".join(
            f"{side} {'only ' if len(where) == 1 else ''}{word} {', '.join(where)}"
            for side, where in self._sides().items()
        )


@dataclass(frozen=True)
class LibrarySpread(_Spread):
    """One ratio in several libraries.

    Attributes
    ----------
    numerator, denominator : str
        Names of the units.
    quantity : Quantity
        What is compared.
    ratios : dict of str to Ratio
        By name of the library.
    stimulus : str, optional
        Operand stream of an energy.
    missing : tuple of str
        Libraries in which it could not be had.
    """

    stimulus: str | None = None
    missing: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Quantity and operand stream."""
        return self.quantity.value + (f" under {self.stimulus}" if self.stimulus else "")

    def sentence(self) -> str:
        """The conclusion in words: what holds, and where."""
        pair = f"{self.numerator} against {self.denominator} ({self.label})"
        sides = self._sides()
        if len(self.ratios) == 1:
            ((side, (library,)),) = sides.items()
            rest = f"not measured in {', '.join(self.missing)}" if self.missing else ""
            rest = rest or "no other library tried"
            return f"{pair}: {side} in {library} ({self.mean:.2f} times); {rest}."
        rest = f"; not measured in {', '.join(self.missing)}" if self.missing else ""
        if len(sides) == 1:
            (side,) = sides
            return f"{pair}: {side} in all {len(self.ratios)} libraries {self._span()}{rest}."
        parts = self._parts("in")
        return f"{pair}: depends on the library: {parts} {self._span()}{rest}."

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "numerator": self.numerator,
            "denominator": self.denominator,
            "quantity": self.quantity.value,
            "stimulus": self.stimulus,
            "ratios": {name: ratio.to_dict() for name, ratio in self.ratios.items()},
            "missing": list(self.missing),
            "min": self.least,
            "max": self.most,
            "geometric_mean": self.mean,
            "holds_in_all": self.holds,
            "conclusion": self.sentence(),
        }


@dataclass(frozen=True)
class StimulusSpread(_Spread):
    """A ratio of energies in one library under several operand streams.

    Attributes
    ----------
    numerator, denominator, quantity
        As of a `LibrarySpread`.
    ratios : dict of str to Ratio
        By name of the stream.
    library : str
        Name of the library.
    """

    library: str = ""

    def sentence(self) -> str:
        """The conclusion in words: what holds, and under which streams."""
        pair = f"{self.numerator} against {self.denominator} (energy in {self.library})"
        sides = self._sides()
        if len(sides) == 1:
            (side,) = sides
            return f"{pair}: {side} under all {len(self.ratios)} stimuli {self._span()}."
        verdict = "the ranking turns with" if self.turns else "depends on"
        return f"{pair}: {verdict} the stimulus: {self._parts('under')} {self._span()}."

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; the ratios themselves stand in the spreads over libraries."""
        return {
            "numerator": self.numerator,
            "denominator": self.denominator,
            "library": self.library,
            "ratios": {name: ratio.value for name, ratio in self.ratios.items()},
            "holds_under_all": self.holds,
            "turns": self.turns,
            "conclusion": self.sentence(),
        }


def library_spreads(ratios: Mapping[str, Iterable[Ratio]]) -> tuple[LibrarySpread, ...]:
    """Every ratio, gathered over the libraries that have it.

    Parameters
    ----------
    ratios : mapping of str to ratios
        Those of each library, by its name.
    """
    gathered: dict[tuple[str, str, Quantity, str | None], dict[str, Ratio]] = {}
    for library, found in ratios.items():
        for ratio in found:
            key = (ratio.numerator, ratio.denominator, ratio.quantity, ratio.stimulus)
            gathered.setdefault(key, {})[library] = ratio
    return tuple(
        LibrarySpread(*key[:3], of, key[3], tuple(name for name in ratios if name not in of))
        for key, of in gathered.items()
    )


def stimulus_spreads(spreads: Sequence[LibrarySpread]) -> tuple[StimulusSpread, ...]:
    """Ratios of energies of each pair and library over the streams, where there are several."""
    gathered: dict[tuple[str, str, str], dict[str, Ratio]] = {}
    for spread in spreads:
        for library, ratio in spread.ratios.items():
            if spread.stimulus is not None:
                key = (spread.numerator, spread.denominator, library)
                gathered.setdefault(key, {})[spread.stimulus] = ratio
    return tuple(
        StimulusSpread(key[0], key[1], Quantity.ENERGY, of, key[2])
        for key, of in gathered.items()
        if len(of) > 1
    )
