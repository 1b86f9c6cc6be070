"""Energy of several units under several stimuli: where the ranking turns.

What is multiplied decides as much as what multiplies: a table by stimulus shows whether one unit
is ahead under every stream or only under some.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hwmodel.cost.energy import DEFAULT_VECTORS, EnergyResult, Synthesised, measure_energy
from hwmodel.errors import HwmodelError
from hwmodel.sim.stimulus import check_name
from hwmodel.store import Store
from hwmodel.technology import CellLibrary
from hwmodel.units import parse_unit

__all__ = ["StimulusRatio", "energies_by_stimulus", "ratios_by_stimulus", "turning"]


@dataclass(frozen=True)
class StimulusRatio:
    """Energy of one unit over that of a reference unit under one stimulus.

    Attributes
    ----------
    stimulus, unit, reference : str
        Names.
    ratio : float
        Energy of `unit` over energy of `reference`.
    interval : tuple of float
        Bounds of it if both energies lie in their 95 % intervals; wider than a 95 % interval of
        the ratio.
    """

    stimulus: str
    unit: str
    reference: str
    ratio: float
    interval: tuple[float, float]


def energies_by_stimulus(
    units: Mapping[str, Synthesised],
    stimuli: Sequence[str],
    clock_ns: float | None = None,
    vectors: int = DEFAULT_VECTORS,
    seed: int = 1,
    library: CellLibrary | None = None,
    store: Store | None = None,
) -> dict[str, dict[str, EnergyResult]]:
    """Measure every unit under every stimulus.

    Parameters
    ----------
    units : mapping of str to SynthesisResult
        Synthesised unit by name.
    stimuli : sequence of str
        Names of operand streams; all are checked before anything is measured.
    clock_ns, vectors, seed, library, store
        As for `hwmodel.cost.energy.measure_energy`.

    Returns
    -------
    dict
        Result by stimulus and unit.

    Raises
    ------
    HwmodelError
        As `measure_energy`.
    """
    for stimulus in stimuli:
        check_name(stimulus)
    specs = {name: parse_unit(name) for name in units}
    return {
        stimulus: {
            name: measure_energy(
                specs[name], result, stimulus, clock_ns, vectors, seed, library, store
            )
            for name, result in units.items()
        }
        for stimulus in stimuli
    }


def ratios_by_stimulus(
    energies: Mapping[str, Mapping[str, EnergyResult]], reference: str
) -> tuple[StimulusRatio, ...]:
    """Energy of each other unit over that of `reference`, for each stimulus.

    Parameters
    ----------
    energies : mapping
        What `energies_by_stimulus` gave.
    reference : str
        Unit in the denominator, an integer one as a rule.

    Raises
    ------
    HwmodelError
        The reference was not measured.
    """
    ratios = []
    for stimulus, by_unit in energies.items():
        if reference not in by_unit:
            raise HwmodelError(
                f"expected the reference unit {reference} among those measured:"
                f" {', '.join(by_unit)}"
            )
        base = by_unit[reference]
        for unit, result in by_unit.items():
            if unit != reference:
                low = result.interval[0] / base.interval[1]
                high = result.interval[1] / base.interval[0]
                ratio = result.fj_per_mac / base.fj_per_mac
                ratios.append(StimulusRatio(stimulus, unit, reference, ratio, (low, high)))
    return tuple(ratios)


def turning(ratios: Sequence[StimulusRatio]) -> tuple[str, ...]:
    """Units that need surely more than the reference under one stimulus, surely less under another.

    Surely: the whole interval lies on one side of 1.
    """
    above = {r.unit for r in ratios if r.interval[0] > 1.0}
    below = {r.unit for r in ratios if r.interval[1] < 1.0}
    return tuple(dict.fromkeys(r.unit for r in ratios if r.unit in above & below))
