"""Made-up measured rows that follow a known law, so that the fit can be judged."""

import math

import pytest

from hwmodel.predict.data import Row
from hwmodel.predict.features import features_of
from hwmodel.predict.fit import area_parts, delay_parts, switching_parts
from hwmodel.units import parse_unit

SPECS = (
    *(f"mac-int{n}-int{n}-int32" for n in (3, 4, 5, 6, 8, 10)),
    *("mac-int4-int8-int32", "mac-int4-int4-int16", "mac-int8-int8-exact"),
    *(f"mac-{f}-{f}-exact" for f in ("e2m1", "e3m1", "e2m3", "e3m2", "e4m3", "e5m2")),
)
CLOCK_FJ, LEAKAGE = 8.0, 0.02


def law_row(name, clock_ns=None, factor=1.0):
    """Row of a world in which the gate count is right; `factor` spoils its area."""
    unit = features_of(parse_unit(name))
    area = 0.5 * sum(area_parts(unit).values()) * factor
    delay = 0.04 * sum(delay_parts(unit).values())
    switching = 1.7 * sum(switching_parts(unit).values())
    if clock_ns is not None:
        hurry = max(math.log(delay / clock_ns), 0.0)
        sizes = area_parts(unit)
        area *= math.exp(0.7 * sizes["accumulate_adders"] / sum(sizes.values()) * hurry)
        steps = sum(math.log2(1 + step) for step in unit.levels.values())
        slope = 0.2 if "int" in name else 0.03 * steps / clock_ns
        switching *= math.exp(slope * hurry)
        delay = min(delay, clock_ns)
    period = delay if clock_ns is None else clock_ns
    clock = CLOCK_FJ * unit.cells["flip_flops"]
    leakage = LEAKAGE * area * period
    total = switching + clock + leakage
    return Row(
        spec=name,
        library="made up",
        corner="typical",
        clock_ns=clock_ns,
        met=True,
        area_um2=area,
        nand2=area / 0.8,
        delay_ns=delay,
        fj_per_mac=total,
        fj_low=0.99 * total,
        fj_high=1.01 * total,
        clock_fj=clock,
        leakage_fj=leakage,
        energy_clock_ns=period,
        stimulus="gaussian",
        structure="made-up",
        recipe="made-up",
        effort="none",
        tools="none=0",
    )


@pytest.fixture(scope="session", name="law_row")
def law_row_fixture():
    return law_row


@pytest.fixture(scope="session")
def law_rows():
    return tuple(law_row(name) for name in SPECS)
