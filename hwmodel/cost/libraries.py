"""FP/INT ratios side by side across cell libraries, and which conclusions hold in all of them.

A ratio is formed inside one library (`hwmodel.cost.ratios`), so both sides always stand on the same
cells; only the finished ratios are put beside each other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hwmodel.cost.measurement import Measurement
from hwmodel.cost.ratios import ratios_of
from hwmodel.cost.results import Failure
from hwmodel.cost.spread import LibrarySpread, StimulusSpread, library_spreads, stimulus_spreads
from hwmodel.cost.steps import Steps
from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, parse_format
from hwmodel.units import parse_unit

__all__ = ["Across", "across_libraries"]

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Across:
    """What a comparison across libraries gave: rows and ratios by library, and what failed."""

    measurements: dict[str, tuple[Measurement, ...]]
    spreads: tuple[LibrarySpread, ...]
    failures: tuple[Failure, ...]

    @property
    def by_stimulus(self) -> tuple[StimulusSpread, ...]:
        """Ratios of energies over the operand streams, where there are several."""
        return stimulus_spreads(self.spreads)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        rows = {
            name: [row.to_dict() for row in measured]
            for name, measured in self.measurements.items()
        }
        return {
            "measurements": rows,
            "spreads": [spread.to_dict() for spread in self.spreads],
            "by_stimulus": [spread.to_dict() for spread in self.by_stimulus],
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
    ratios = {name: ratios_of(rows, floats, integers) for name, rows in measurements.items()}
    return Across(measurements, library_spreads(ratios), tuple(failures))


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
