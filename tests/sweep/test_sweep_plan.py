import math

import pytest

from hwmodel.errors import HwmodelError
from hwmodel.rtl.built import check_built
from hwmodel.sweep import SweepPlan, make_sweep, read_sweep
from hwmodel.technology import default_library

YAML = """
formats: [int8, e4m3]
accumulators: int32, exact, fp32
clocks: [min, 2, 1.5]
liberty: [cells.lib, [a.lib, b.lib]]
vectors: 512
"""
TOML = """
formats = ["int8", "e4m3"]
accumulators = "int32, exact, fp32"
clocks = ["min", 2, 1.5]
liberty = ["cells.lib", ["a.lib", "b.lib"]]
vectors = 512
"""


def test_yaml_and_toml_say_the_same(tmp_path):
    plans = []
    for name, text in (("a.yaml", YAML), ("b.toml", TOML)):
        (tmp_path / name).write_text(text)
        plans.append(make_sweep(read_sweep(tmp_path / name)))
    assert plans[0] == plans[1]
    files = tuple(str(tmp_path / name) for name in ("a.lib", "b.lib"))
    assert plans[0] == SweepPlan(
        ("int8", "e4m3"),
        ("int32", "exact", "fp32"),
        (None, 2.0, 1.5),
        ((str(tmp_path / "cells.lib"),), files),
        vectors=512,
    )


def test_libraries_by_name_stand_before_those_of_files(tmp_path, monkeypatch):
    monkeypatch.setenv("HWMODEL_LIBRARIES", str(tmp_path))
    (tmp_path / "mine").mkdir()
    for name in ("a.lib", "b.lib"):
        (tmp_path / "mine" / name).write_text("")
    settings = {"formats": "int8", "accumulators": "int32", "library": "nangate45,mine"}
    plan = make_sweep({**settings, "liberty": ["x.lib"]})
    own = tuple(str(tmp_path / "mine" / name) for name in ("a.lib", "b.lib"))
    assert plan.liberties == ((str(default_library()),), own, ("x.lib",))
    assert len(plan.points()) == 3
    with pytest.raises(HwmodelError, match=r"name of a library .* but 'nangate44' came"):
        make_sweep({**settings, "library": ["nangate44"]})


def test_points_are_all_combinations_that_can_be():
    plan = make_sweep({"formats": "int8,e4m3", "accumulators": "int32,exact", "clocks": "min,2"})
    names = [(point.spec.name, point.clock_ns) for point in plan.points()]
    units = ("mac-int8-int8-int32", "mac-int8-int8-exact", "mac-e4m3-e4m3-exact")
    assert names == [(unit, clock) for unit in units for clock in (None, 2.0)]
    (left_out,) = plan.units()[1]
    assert (left_out.format, left_out.accumulator) == ("e4m3", "int32")
    assert "choose exact, fp32 or fp16" in left_out.reason


def test_lanes_that_are_not_built_are_left_out():
    plan = make_sweep({"formats": "int8", "accumulators": "int32", "lanes": "1,4096"})
    (left_out,) = plan.units()[1]
    assert left_out.lanes == 4096
    assert left_out.reason.startswith("units of 4096 lanes are not built yet; choose lanes=1")
    assert {point.spec.lanes for point in plan.points()} == {1}


def test_units_that_only_the_golden_model_has_are_left_out():
    plan = make_sweep(
        {"formats": "e2m1,e4m3fnuz", "accumulators": "exact,chunk64_fp16_fp32,align16w25_fp32"}
    )
    assert [point.spec.name for point in plan.points()] == ["mac-e2m1-e2m1-exact"]
    reasons = {(entry.format, entry.accumulator): entry.reason for entry in plan.units()[1]}
    assert len(reasons) == 5
    assert "not built yet; the golden model has it" in reasons["e2m1", "align16w25_fp32"]
    assert "RTL for e4m3fnuz is not built yet" in reasons["e4m3fnuz", "exact"]


def test_numbers_that_no_block_knows_are_left_out():
    plan = make_sweep(
        {"formats": "int8,fp32,int32,e1m6", "accumulators": "int8,int32,e5m0,exact,fp32"}
    )
    for point in plan.points():
        check_built(point.spec)
    assert {point.spec.name for point in plan.points()} == {
        *("mac-int8-int8-int32", "mac-int8-int8-exact", "mac-int8-int8-fp32"),
        *("mac-e1m6-e1m6-exact", "mac-e1m6-e1m6-fp32"),
    }


def test_every_plain_unit_of_a_sweep_has_rtl():
    # The plan does not ask for these, to save the import of what makes RTL.
    names = ("int2", "int8", "uint4", "e2m1", "e4m3", "e5m2", "e3m4", "e2m5", "fp16", "bf16")
    kinds = ("int40", "exact", "fp32", "fp16")
    plan = make_sweep({"formats": list(names), "accumulators": list(kinds)})
    units, left_out = plan.units()
    assert len(units) + len(left_out) == len(names) * len(kinds)
    for unit in units:
        check_built(unit)


def test_what_comes_twice_is_measured_once():
    plan = make_sweep(
        {"formats": "e4m3,float8_e4m3fn", "accumulators": "fp32,fp32", "clocks": "2,2.0"}
    )
    assert len(plan.points()) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"format": "int8"}, "unknown key 'format'.*nearest known ones are formats"),
        ({"formats": "int8"}, "a sweep needs accumulators, for example int32"),
        ({"formats": "int8", "accumulators": "int32", "clocks": ""}, "a sweep needs clocks"),
        ({"formats": "e4m9x", "accumulators": "fp32"}, "unknown format 'e4m9x'"),
        ({"formats": "e4m3", "accumulators": "fp33"}, "unknown accumulator 'fp33'"),
        ({"formats": [8], "accumulators": "fp32"}, "formats of a sweep: expected names, but 8"),
        ({"formats": "int8", "accumulators": "int32", "clocks": "fast"}, "'min' for least area"),
        ({"formats": "int8", "accumulators": "int32", "clocks": [True]}, "but True came"),
        ({"formats": "int8", "accumulators": "int32", "clocks": "-1"}, "positive period"),
        ({"formats": "int8", "accumulators": "int32", "clocks": "nan"}, "positive period"),
        ({"formats": "int8", "accumulators": "int32", "lanes": 1.5}, "expected a whole number"),
        ({"formats": "int8", "accumulators": "int32", "lanes": 0}, "1 lane or more"),
        ({"formats": "int8", "accumulators": "int32", "stimulus": "noise"}, "stimulus"),
        ({"formats": "int8", "accumulators": "int32", "seed": -1}, r"seed .* from 0, but -1"),
        ({"formats": "int8", "accumulators": "int32", "vectors": 10}, "at least 512 vectors"),
        ({"formats": "int8", "accumulators": "int32", "vectors": math.inf}, "but inf came"),
        ({"formats": "int8", "accumulators": "int32", "clocks": [10**400]}, "periods in ns"),
        ({"formats": "int8", "accumulators": "int32", "clocks": "0"}, "positive period"),
        ({"formats": "int8", "accumulators": "int32", "liberty": [""]}, "an empty name came"),
        ({"formats": "int8", "accumulators": "int32", "liberty": [[]]}, "an empty name came"),
        ({"formats": {"a": 1}, "accumulators": "int32"}, "expected names, but {'a': 1} came"),
        ({"formats": "int8", "accumulators": "int32", "clocks": [[1]]}, r"but \[1\] came"),
    ],
)
def test_settings_that_cannot_be_are_one_clear_sentence(settings, message):
    with pytest.raises(HwmodelError, match=message):
        make_sweep(settings)


def test_a_sweep_of_which_nothing_can_be_built_says_why():
    plan = make_sweep({"formats": "e4m3,e5m2", "accumulators": "int32"})
    with pytest.raises(HwmodelError, match=r"none of the 2 combinations.*with int32: products"):
        plan.points()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("plan.json", "{}", r"described in a \.yaml or \.toml file"),
        ("plan.yaml", "formats: [int8", r"plan\.yaml is no YAML: .* line 1"),
        ("plan.toml", "formats: int8", r"plan\.toml is no TOML: .*line 1"),
        ("plan.yaml", "- int8", "expected the keys of a sweep .* found list"),
        ("plan.yaml", "", "found NoneType"),
        ("plan.yaml", None, r"cannot read the sweep .*plan\.yaml: No such file"),
    ],
)
def test_files_that_describe_no_sweep_are_named(tmp_path, name, text, message):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(HwmodelError, match=message):
        read_sweep(tmp_path / name)
