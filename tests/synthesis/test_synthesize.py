import json
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from hwmodel.arithmetic import simulate
from hwmodel.errors import HwmodelError, ToolError
from hwmodel.rtl import structures_for
from hwmodel.store import Store
from hwmodel.synthesis import pareto, search, synthesize
from hwmodel.synthesis.near_ties import TOLERANCE
from hwmodel.synthesis.recipes import Recipe
from hwmodel.synthesis.result import TriedPoint
from hwmodel.technology import default_library
from hwmodel.units import parse_unit
from tests.synthesis.conftest import SMALL


@pytest.fixture
def short_policy(monkeypatch):
    """Two structures, three recipes: the search itself stays as it is."""
    everything = structures_for(SMALL)
    fused = next(s for s in everything if s.merge == "fused")
    plain = next(s for s in everything if (s.multiplier, s.adder) == ("plain", "plain"))
    monkeypatch.setattr(search, "structures_for", lambda spec: (fused, plain))
    area = Recipe("amap", adder="ripple", adder_cells=True, complement=True)
    monkeypatch.setattr(search, "screening_recipes", lambda clock: (area,))
    refine = {None: Recipe("amap2", adder="ripple", adder_cells=True)}
    monkeypatch.setattr(
        search, "refining_recipes", lambda clock: (refine.get(clock, Recipe("map", 400)),)
    )
    monkeypatch.setattr(search, "deepened", lambda recipe: replace(recipe, script="amap2"))
    monkeypatch.setattr(search, "speed_recipes", lambda clock: ())
    monkeypatch.setattr(search, "hasty_recipes", lambda clock: ())
    monkeypatch.setattr(search, "hurried_screening", lambda clock: (Recipe("map", 300),))
    monkeypatch.setattr(search, "hurried_recipes", lambda clock: ())


def test_minimum_area_beats_plain_operators_and_says_how(short_policy, library, store):
    seen = []
    result = synthesize(SMALL, library, store=store, progress=lambda *run: seen.append(run))
    assert result.met
    assert result.clock_ns is None
    least = min(p.area_um2 for p in result.points if not p.baseline)
    assert least - 1e-6 <= result.area_um2 <= (1 + TOLERANCE) * least
    assert result.area_um2 < result.baseline.area_um2
    assert result.nand2 == pytest.approx(result.area_um2 / 0.798)
    assert result.area_um2 == pytest.approx(
        sum(library.cells[cell].area * count for cell, count in result.cells.items())
    )
    assert result.blocks["registers"] == pytest.approx(result.provenance["register_area_um2"])
    assert result.versions["library_sha256"] == library.sha256
    assert [done for _, done, _ in seen] == list(range(1, len(seen) + 1))
    assert seen[-1][1] == seen[-1][2]
    json.dumps(result.to_dict())


def test_a_clock_costs_area_and_is_met(short_policy, library, store):
    small = synthesize(SMALL, library, store=store)
    fast = synthesize(SMALL, library, small.delay_ns * 0.7, store=store)
    assert fast.met
    assert fast.delay_ns <= small.delay_ns * 0.7
    assert fast.area_um2 >= small.area_um2


def test_an_unreachable_clock_gives_the_fastest_and_says_so(short_policy, library, store):
    result = synthesize(SMALL, library, 0.05, store=store)
    assert not result.met
    assert result.delay_ns == min(p.delay_ns for p in result.points if not p.baseline)


@pytest.mark.parametrize("clock", [0.0, -1.0, float("nan"), float("inf")])
def test_a_clock_that_is_none_is_refused(clock, library, store):
    with pytest.raises(HwmodelError, match="positive number of ns"):
        synthesize(SMALL, library, clock, store=store)


def test_a_finished_search_comes_from_the_store(short_policy, library, store, monkeypatch):
    first = synthesize(SMALL, library, store=store)
    monkeypatch.setattr(search, "map_design", lambda *_: pytest.fail("ran again"))
    assert synthesize(SMALL, library, store=store) == first


def test_an_interrupted_search_keeps_its_finished_runs(short_policy, library, tmp_path):
    store = Store(tmp_path)

    def interrupt(label, done, known):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthesize(SMALL, library, store=store, progress=interrupt)
    assert len(list((tmp_path / "mapping").rglob("*.json"))) >= 2
    assert not list(tmp_path.rglob(".*"))
    assert not (tmp_path / "synthesis").exists()


def test_a_run_that_the_tool_fails_is_left_out_and_noted(short_policy, library, store, monkeypatch):
    bad = Recipe("map", 400, coarse="booth-lowpower")  # Yosys has it for signed factors only
    unsigned = parse_unit("mac-uint4-uint4-int12")
    plain = next(s for s in structures_for(unsigned) if s.multiplier == "plain")
    monkeypatch.setattr(search, "structures_for", lambda spec: (plain,))
    monkeypatch.setattr(search, "refining_recipes", lambda clock: (bad,))
    result = synthesize(unsigned, library, store=store)
    assert bad.name not in {point.recipe for point in result.points}
    assert [note for note in result.provenance["failed_runs"] if bad.name in note]
    monkeypatch.setattr(search, "screening_recipes", lambda clock: (bad,))
    with pytest.raises(ToolError, match="only supported on signed"):
        synthesize(unsigned, library, 1.0, store=store)


def test_pareto_drops_points_that_another_beats():
    points = [TriedPoint("s", "r", area, delay) for area, delay in ((3, 1), (1, 3), (3, 2), (2, 3))]
    assert [(p.area_um2, p.delay_ns) for p in pareto(tuple(points))] == [(1, 3), (3, 1)]


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="needs Icarus Verilog")
def test_the_verilog_runs_in_icarus_with_the_librarys_models(short_policy, tmp_path, monkeypatch):
    from hwmodel.cli.synth import command

    monkeypatch.setenv("HWMODEL_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "mac.v"
    run = CliRunner().invoke(command, [SMALL.name, "--netlist", str(path), "--json"])
    assert run.exit_code == 0, run.output
    entry = json.loads(run.stdout)
    names = ("spec", "library", "area_um2", "nand2", "delay_ns", "structure", "recipe", "clock_ns")
    assert set(names) | {"met", "blocks", "versions"} <= set(entry)
    text = path.read_text()
    assert text.startswith(f"// {SMALL.name} mapped to NangateOpenCellLibrary")
    assert f"{entry['area_um2']:.3f} um2" in text
    rng = np.random.default_rng(7)
    steps = 200
    a, b = rng.integers(0, 16, steps), rng.integers(0, 16, steps)
    expected = simulate(SMALL, a, b)
    lines = "".join(
        f'    a = {x}; b = {y}; #5 clk = 1; #5 clk = 0; $display("%d", acc);\n'
        for x, y in zip(a, b, strict=True)
    )
    bench = f"""`timescale 1ns/1ps
module bench;
  reg clk = 0, rst = 1, valid = 0, clear = 0; reg [3:0] a = 0, b = 0; wire [11:0] acc;
  {SMALL.identifier} dut (.clk(clk), .rst(rst), .a(a), .b(b), .valid(valid), .clear(clear),
    .acc(acc));
  initial begin
    repeat (3) begin #5 clk = 1; #5 clk = 0; end
    rst = 0; valid = 1;
{lines}
  end
endmodule
"""
    (tmp_path / "bench.v").write_text(bench)
    models = default_library().with_suffix(".v")
    run = subprocess.run(
        ["iverilog", "-g2012", "-o", "bench.vvp", "bench.v", "mac.v", str(models)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    out = subprocess.run(
        ["vvp", "bench.vvp"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    got = [int(word) for word in re.findall(r"^\s*(\d+)\s*$", out, re.MULTILINE)]
    # acc after edge t holds the sum of the operands before edge t-1.
    assert got[1:] == [int(code) for code in expected[:-1]]


def test_the_command_states_a_clock_that_was_missed(short_policy, own_cache):
    from hwmodel.cli.synth import command

    run = CliRunner().invoke(command, [SMALL.name, "--clock", "0.05"])
    assert run.exit_code == 0, run.output
    assert "NOT met" in run.stdout
    assert "0.05 ns was not reached: the fastest of" in run.stderr
    assert "um2" in run.stdout


def test_a_broken_library_is_one_clear_error(tmp_path):
    from hwmodel.cli.synth import command

    broken = tmp_path / "cut.lib"
    broken.write_text(default_library().read_text()[:200_000].rpartition(";")[0] + ";")
    run = CliRunner().invoke(command, [SMALL.name, "--liberty", str(broken)])
    assert run.exit_code != 0
    assert isinstance(run.exception, HwmodelError)
    assert "closing braces are missing" in str(run.exception)


def test_a_library_without_flip_flops_is_one_clear_error(tmp_path):
    from hwmodel.cli.synth import command

    text = re.sub(r"\bff \((.*?)\) \{", r"not_ff (\1) {", default_library().read_text())
    path = tmp_path / "gates.lib"
    path.write_text(text)
    run = CliRunner().invoke(command, [SMALL.name, "--liberty", str(path)])
    assert isinstance(run.exception, HwmodelError)
    assert "no flip-flop" in str(run.exception)
