"""FP/INT ratios side by side across cell libraries, and which conclusions hold in all of them.

A ratio is formed inside one library (`hwmodel.cost.ratios`), so both sides always stand on the same
cells; only the finished ratios are put beside each other.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hwmodel.cost.measurement import Measurement
from hwmodel.cost.ratios import Quantity, Ratio, ratios_of
from hwmodel.cost.results import Failure
from hwmodel.cost.steps import Steps
from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, parse_format
from hwmodel.units import parse_unit

__all__ = ["Across", "Spread", "across_libraries", "spreads_of"]

Progress = Callable[[str], None]

# Ratios nearer to 1 than this are called alike: recipes and structures are a finite choice, and
# two searches of equal effort differ by as much.
_ALIKE = 0.02


@dataclass(frozen=True)
class Spread:
    """One ratio in several libraries.

    Attributes
    ----------
    numerator, denominator : str
        Names of the units.
    quantity : Quantity
        What is compared.
    stimulus : str, optional
        Operand stream of an energy.
    ratios : dict of str to Ratio
        By name of the library.
    """

    numerator: str
    denominator: str
    quantity: Quantity
    stimulus: str | None
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
        """Whether all libraries agree on which side costs more; None of a single library."""
        return None if len(self.ratios) < 2 else len(self._sides()) == 1

    def _sides(self) -> dict[str, list[str]]:
        word = {Quantity.AREA: "larger", Quantity.DELAY: "slower"}.get(self.quantity, "dearer")
        other = {"larger": "smaller", "slower": "faster", "dearer": "cheaper"}[word]
        sides: dict[str, list[str]] = {}
        for library, ratio in self.ratios.items():
            alike = abs(ratio.value - 1.0) <= _ALIKE
            side = "alike" if alike else word if ratio.value > 1.0 else other
            sides.setdefault(side, []).append(library)
        return sides

    def sentence(self) -> str:
        """The conclusion in words: what holds, and where."""
        sides = self._sides()
        what = f"{self.quantity.value}" + (f" under {self.stimulus}" if self.stimulus else "")
        pair = f"{self.numerator} against {self.denominator} ({what})"
        span = f"{self.least:.2f} to {self.most:.2f} times"
        if len(self.ratios) == 1:
            ((side, (library,)),) = sides.items()
            return f"{pair}: {side} in {library} ({self.mean:.2f} times); no other library tried."
        if len(sides) == 1:
            (side,) = sides
            return f"{pair}: {side} in all {len(self.ratios)} libraries ({span})."
        parts = "; ".join(
            f"{side} {'only ' if len(where) == 1 else ''}in {', '.join(where)}"
            for side, where in sides.items()
        )
        return f"{pair}: depends on the library: {parts} ({span})."

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "numerator": self.numerator,
            "denominator": self.denominator,
            "quantity": self.quantity.value,
            "stimulus": self.stimulus,
            "ratios": {name: ratio.to_dict() for name, ratio in self.ratios.items()},
            "min": self.least,
            "max": self.most,
            "geometric_mean": self.mean,
            "holds_in_all": self.holds,
            "conclusion": self.sentence(),
        }


@dataclass(frozen=True)
class Across:
    """What a comparison across libraries gave: rows and ratios by library, and what failed."""

    measurements: dict[str, tuple[Measurement, ...]]
    spreads: tuple[Spread, ...]
    failures: tuple[Failure, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        rows = {
            name: [row.to_dict() for row in measured]
            for name, measured in self.measurements.items()
        }
        return {
            "measurements": rows,
            "spreads": [spread.to_dict() for spread in self.spreads],
            "failures": [failure.to_dict() for failure in self.failures],
        }


def across_libraries(
    libraries: dict[str, Steps],
    formats: Sequence[str],
    accumulators: Sequence[str] = ("exact",),
    stimuli: Sequence[str] = (),
    progress: Progress | None = None,
) -> Across:
    """Measure units at minimum area in several libraries and compare their ratios.

    Parameters
    ----------
    libraries : dict of str to Steps
        The measuring tools of each library, by its name.
    formats : sequence of str
        Operand formats, integers and floats; each is taken for both operands.
    accumulators : sequence of str
        Accumulators; one that a format cannot have (an integer one for floats) is left out for it.
    stimuli : sequence of str
        Operand streams of energies; none for area and delay alone.
    progress : callable, optional
        Told what is being done.

    Raises
    ------
    HwmodelError
        No library, no integer or no floating-point unit came.
    """
    tell = progress or (lambda _: None)
    integers, floats = _units(formats, accumulators)
    if not libraries or not integers or not floats:
        raise HwmodelError(
            "a comparison needs a library, an integer and a floating-point format with accumulators"
            " that they can have, for example nangate45 with int8,e4m3 and exact; got"
            f" {', '.join(libraries) or 'no library'} with {', '.join(formats) or 'no format'} and"
            f" {', '.join(accumulators) or 'no accumulator'}"
        )
    failures: list[Failure] = []
    measurements: dict[str, tuple[Measurement, ...]] = {}
    for library, steps in libraries.items():
        rows = []
        for name in (*integers, *floats):
            try:
                rows.append(_measure(steps, library, name, stimuli, failures, tell))
            except HwmodelError as error:
                failures.append(Failure(f"{name} in {library}", "synthesis", str(error)))
        measurements[library] = tuple(rows)
    return Across(measurements, spreads_of(measurements, floats, integers), tuple(failures))


def spreads_of(
    measurements: dict[str, tuple[Measurement, ...]],
    numerators: Iterable[str],
    denominators: Iterable[str],
) -> tuple[Spread, ...]:
    """Every ratio of two groups of units, gathered over the libraries that have it."""
    tops, bottoms = tuple(numerators), tuple(denominators)
    gathered: dict[tuple[str, str, Quantity, str | None], dict[str, Ratio]] = {}
    for library, rows in measurements.items():
        for ratio in ratios_of(rows, tops, bottoms):
            key = (ratio.numerator, ratio.denominator, ratio.quantity, ratio.stimulus)
            gathered.setdefault(key, {})[library] = ratio
    return tuple(Spread(*key, ratios) for key, ratios in gathered.items())


def _units(
    formats: Sequence[str], accumulators: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    integers: list[str] = []
    floats: list[str] = []
    for text in dict.fromkeys(formats):
        fmt = parse_format(text)
        for accumulator in dict.fromkeys(accumulators):
            try:
                unit = parse_unit(f"mac-{fmt.name}-{fmt.name}-{accumulator}")
            except HwmodelError:
                if len(accumulators) == 1:
                    raise
                continue
            (floats if isinstance(fmt, FloatFormat) else integers).append(unit.name)
    return tuple(integers), tuple(floats)


def _measure(
    steps: Steps,
    library: str,
    name: str,
    stimuli: Sequence[str],
    failures: list[Failure],
    tell: Progress,
) -> Measurement:
    unit = parse_unit(name)
    where = f"{name} in {library}"
    tell(where)
    row, handle = steps.synthesize(unit, None, lambda detail: tell(f"{where}: {detail}"))
    energies = []
    for stimulus in stimuli:
        tell(f"{where}: energy under {stimulus}")
        try:
            energies.append(steps.energy(unit, handle, stimulus))
        except HwmodelError as error:
            failures.append(Failure(where, f"energy under {stimulus}", str(error)))
    return replace(row, energies=tuple(energies))
