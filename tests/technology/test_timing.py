import re
import shutil
import subprocess

import pytest
from tiny_netlists import mapped_mac, tiny

from hwmodel.errors import HwmodelError
from hwmodel.technology import default_library, load_library, read_netlist, static_timing
from hwmodel.technology.design import CLOCK_SLEW_NS, INPUT_SLEW_NS, OUTPUT_LOAD_FF
from hwmodel.technology.tables import lookup


@pytest.fixture(scope="module")
def library():
    return load_library()


def edge_of(name):
    return {"fall": 0, "rise": 1}[name]


def arc(library, cell, pin, related, kind="combinational"):
    return next(
        a
        for a in library.cells[cell].arcs
        if (a.pin, a.related, a.kind) == (pin, related, kind) and a.when is None
    )


def test_an_inverter_chain_by_hand(library):
    design = tiny(
        {"x": ("input", [2]), "y": ("output", [4])},
        {"u": ("INV_X1", {"A": 2, "ZN": 3}), "v": ("INV_X2", {"A": 3, "ZN": 4})},
    )
    report = static_timing(read_netlist(design, library), library, clock_ns=1.0)
    first, second = arc(library, "INV_X1", "ZN", "A"), arc(library, "INV_X2", "ZN", "A")
    pin = library.cells["INV_X2"].pins["A"]
    wire = library.wire_load.capacitance(1)
    found = []
    for out in ("fall", "rise"):  # of the first inverter; the second turns it round
        load = wire + (pin.rise_capacitance if out == "rise" else pin.fall_capacitance)
        delay = lookup(first.delay[edge_of(out)], INPUT_SLEW_NS, load)
        slew = lookup(first.transition[edge_of(out)], INPUT_SLEW_NS, load)
        delay += lookup(second.delay[1 - edge_of(out)], slew, wire + OUTPUT_LOAD_FF)
        found.append(delay)
    assert report.period_ns == pytest.approx(max(found))
    assert report.slack_ns == pytest.approx(1.0 - max(found))
    assert report.endpoint == "output y[0]"
    assert [point.cell for point in report.critical_path] == ["", "INV_X1", "INV_X2"]
    assert report.hold_slack_ns is None


def test_from_flip_flop_to_flip_flop_by_hand(library):
    # D -> FF -> INV -> FF: clock to output, one gate, setup.
    design = tiny(
        {"clk": ("input", [2]), "d": ("input", [3]), "y": ("output", [6])},
        {
            "f": ("DFF_X1", {"CK": 2, "D": 3, "Q": 4}),
            "u": ("INV_X1", {"A": 4, "ZN": 5}),
            "g": ("DFF_X1", {"CK": 2, "D": 5, "Q": 6}),
        },
    )
    report = static_timing(read_netlist(design, library), library)
    out = arc(library, "DFF_X1", "Q", "CK", "rising_edge")
    gate = arc(library, "INV_X1", "ZN", "A")
    setup = arc(library, "DFF_X1", "D", "CK", "setup_rising")
    hold = arc(library, "DFF_X1", "D", "CK", "hold_rising")
    wire = library.wire_load.capacitance(1)
    inverter, data = library.cells["INV_X1"].pins["A"], library.cells["DFF_X1"].pins["D"]
    periods, slacks = [], []
    for edge in (0, 1):
        load = wire + (inverter.fall_capacitance, inverter.rise_capacitance)[edge]
        time = lookup(out.delay[edge], CLOCK_SLEW_NS, load)
        slew = lookup(out.transition[edge], CLOCK_SLEW_NS, load)
        load = wire + (data.rise_capacitance, data.fall_capacitance)[edge]
        time += lookup(gate.delay[1 - edge], slew, load)
        slew = lookup(gate.transition[1 - edge], slew, load)
        periods.append(time + lookup(setup.delay[1 - edge], slew, CLOCK_SLEW_NS))
        slacks.append(time - lookup(hold.delay[1 - edge], slew, CLOCK_SLEW_NS))
    inputs = [-lookup(hold.delay[edge], INPUT_SLEW_NS, CLOCK_SLEW_NS) for edge in (0, 1)]
    assert report.period_ns == pytest.approx(max(periods))
    assert report.endpoint == "setup of g"
    assert report.hold_slack_ns == pytest.approx(min(slacks + inputs))


def test_slow_and_late_need_not_be_the_same_input(library):
    # The transition kept at a node is the slowest one, as graph-based analysis has it.
    lone = tiny(
        {"x": ("input", [2, 3]), "y": ("output", [4])},
        {"u": ("NAND2_X1", {"A1": 2, "A2": 3, "ZN": 4})},
    )
    report = static_timing(read_netlist(lone, library), library)
    load = library.wire_load.capacitance(1) + OUTPUT_LOAD_FF
    edge = edge_of(report.critical_path[-1].edge)
    arcs = [arc(library, "NAND2_X1", "ZN", pin) for pin in ("A1", "A2")]
    slews = [lookup(a.transition[edge], INPUT_SLEW_NS, load) for a in arcs]
    assert report.critical_path[-1].slew_ns == pytest.approx(max(slews))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"u": ("NAND2_X1", {"A1": 2, "A2": 4, "ZN": 4})}, "combinational loop through net y"),
        ({"u": ("INV_X1", {"A": 9, "ZN": 4})}, "nothing drives net net9"),
        (
            {"u": ("INV_X1", {"A": 2, "ZN": 4}), "v": ("BUF_X1", {"A": 2, "Z": 4})},
            "net y has two drivers",
        ),
        ({"u": ("DLH_X1", {"D": 2, "G": 2, "Q": 4})}, "is a latch"),
        ({"u": ("DFF_X1", {"D": 2, "CK": 2})}, "nothing drives net y"),
    ],
)
def test_netlists_that_have_no_timing_are_refused(library, cells, message):
    design = tiny({"x": ("input", [2]), "y": ("output", [4])}, cells)
    with pytest.raises(HwmodelError, match=message):
        static_timing(read_netlist(design, library), library)


SPEED = "strash\ndch\nmap -B 0.9 -D 500\ntopo\nbuffer -c\ntopo\nupsize -D 500\ndnsize -D 500\n"


@pytest.mark.skipif(not shutil.which("sta"), reason="OpenSTA is not installed (Debian: opensta)")
@pytest.mark.parametrize(
    ("width", "sum_width", "script"),
    [(8, 32, ""), (8, 32, SPEED), (4, 16, ""), (4, 12, SPEED.replace("500", "200"))],
    ids=["int8-area", "int8-speed", "int4-area", "int4-fastest"],
)
def test_opensta_agrees(library, tmp_path, width, sum_width, script):
    design, verilog = mapped_mac(width, sum_width, script)
    report = static_timing(read_netlist(design, library), library)
    # The analyser of Debian does not know signed ports.
    (tmp_path / "n.v").write_text(re.sub(r"\bsigned\b", "", verilog))
    (tmp_path / "run.tcl").write_text(
        f"read_liberty {default_library()}\nread_verilog n.v\nlink_design mac\n"
        "create_clock -name clk -period 10 [get_ports clk]\n"
        "set_input_delay 0 -clock clk [all_inputs]\nset_output_delay 0 -clock clk [all_outputs]\n"
        f"set_input_transition {INPUT_SLEW_NS} [all_inputs]\n"
        f"set_load {OUTPUT_LOAD_FF} [all_outputs]\n"
        "report_checks -path_delay max -digits 5\nreport_checks -path_delay min -digits 5\n"
    )
    log = subprocess.run(
        ["sta", "-exit", "run.tcl"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    ).stdout
    slacks = [float(value) for value in re.findall(r"([-\d.]+)\s+slack", log)]
    assert len(slacks) == 2, log
    assert report.period_ns == pytest.approx(10 - slacks[0], rel=0.01)
    assert report.hold_slack_ns == pytest.approx(slacks[1], abs=0.001)
