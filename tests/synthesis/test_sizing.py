import pytest

from hwmodel.synthesis.sizing import Sizer
from hwmodel.synthesis.variants import find_variants
from hwmodel.synthesis.verify import check_netlist
from hwmodel.technology.netlist import read_netlist
from hwmodel.technology.timing import static_timing
from tests.synthesis.conftest import SMALL

TOP = SMALL.identifier


def sizer_of(mapped_small, library):
    return Sizer(mapped_small[1], TOP, library)


def measured(sizer, library):
    netlist = read_netlist(sizer.result(), library)
    return static_timing(netlist, library).period_ns, netlist.area(library)


def test_starts_at_what_static_timing_says(mapped_small, library):
    sizer = sizer_of(mapped_small, library)
    mapped, _ = mapped_small
    assert sizer.period() == pytest.approx(mapped.delay_ns, abs=1e-9)
    assert sizer.area() == pytest.approx(mapped.area_um2)


def test_shrinking_without_a_clock_gives_the_smallest_cells(mapped_small, library):
    sizer = sizer_of(mapped_small, library)
    sizer.shrink_all()
    period, area = measured(sizer, library)
    assert area < mapped_small[0].area_um2
    assert (period, area) == pytest.approx((sizer.period(), sizer.area()), abs=1e-6)
    netlist = read_netlist(sizer.result(), library)
    assert not any(i.cell.endswith(("_X2", "_X4", "_X8")) for i in netlist.instances)


@pytest.mark.parametrize("stretch", [1.0, 1.15, 1.4])
def test_shrinking_keeps_the_clock_and_the_function(mapped_small, library, stretch):
    clock = mapped_small[0].delay_ns * stretch
    sizer = sizer_of(mapped_small, library)
    sizer.shrink(clock)
    period, area = measured(sizer, library)
    assert period <= clock + 1e-6
    assert period == pytest.approx(sizer.period(), abs=1e-6)
    assert area <= mapped_small[0].area_um2
    check_netlist(SMALL, read_netlist(sizer.result(), library), library)


def test_growing_makes_a_small_netlist_faster(mapped_small, library):
    sizer = sizer_of(mapped_small, library)
    sizer.shrink_all()
    slow, small = sizer.period(), sizer.area()
    sizer.speed_up(slow * 0.9)
    period, area = measured(sizer, library)
    assert period <= slow * 0.9 + 1e-6
    assert area > small
    check_netlist(SMALL, read_netlist(sizer.result(), library), library)


def test_free_moves_cost_no_area(mapped_small, library):
    sizer = sizer_of(mapped_small, library)
    sizer.shrink_all()
    slow, small = sizer.period(), sizer.area()
    sizer.speed_up(0.0, free_only=True)
    period, area = measured(sizer, library)
    assert period < slow
    assert area == pytest.approx(small)
    check_netlist(SMALL, read_netlist(sizer.result(), library), library)


def test_variants_are_other_drives_and_other_orders_of_equal_inputs(library):
    cells = list(library.cells.values())
    nand = {(v.cell, v.pins) for v in find_variants(library.cells["NAND2_X1"], cells)}
    assert ("NAND2_X4", ("A2", "A1", "ZN")) in nand
    assert {cell for cell, _ in nand} == {"NAND2_X1", "NAND2_X2", "NAND2_X4"}
    # !(A | (B1 & B2)): the Bs are equal, A is not one of them.
    orders = {v.pins for v in find_variants(library.cells["AOI21_X1"], cells)}
    assert orders == {("A", "B1", "B2", "ZN"), ("A", "B2", "B1", "ZN")}
    adder = find_variants(library.cells["FA_X1"], cells)
    assert len(adder) == 6
    assert all(v.pins[3:] == adder[0].pins[3:] for v in adder)
    assert find_variants(library.cells["DFF_X1"], cells)[1].cell == "DFF_X2"
