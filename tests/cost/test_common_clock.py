"""The common clock of a library that has no usual one."""

import pytest
from test_measurement import measurement

from hwmodel.cost.clock import common_clock
from hwmodel.cost.plan import planned_units
from hwmodel.errors import HwmodelError

UNITS = planned_units(("int4", "e2m1"))


class MadeUp:
    """Synthesis that takes known delays; of units without one there is no circuit."""

    def __init__(self, *delays):
        self.delays = dict(zip((unit.name for unit in UNITS), delays, strict=False))

    def synthesize(self, spec, clock_ns, detail):
        assert clock_ns is None
        detail("run 1 of 1")
        if spec.name not in self.delays:
            raise HwmodelError(f"no circuit of {spec.name}")
        return measurement(spec.name, clock_ns=None, delay_ns=self.delays[spec.name]), None


def test_the_slowest_unit_sets_it_and_it_can_be_read():
    told = []
    clock = common_clock(UNITS, MadeUp(2.0, 30.137, 1.0, 4.0), lambda *now: told.append(now))
    assert clock == 12.0
    assert common_clock(UNITS, MadeUp(0.3, 0.3137), lambda *_: None) == 0.13
    assert told[0] == (0, 4, "common clock: mac-int4-int4-int32")
    assert told[-1] == (3, 4, "common clock: mac-e2m1-e2m1-fp32: run 1 of 1")


def test_units_that_cannot_be_made_are_left_to_the_report():
    assert common_clock(UNITS, MadeUp(2.0), lambda *_: None) == 0.8
    with pytest.raises(HwmodelError, match="no circuit of mac-e2m1-e2m1-fp32"):
        common_clock(UNITS, MadeUp(), lambda *_: None)
