import pytest

from hwmodel.errors import HwmodelError
from hwmodel.sweep import SweepPlan, make_sweep, read_sweep

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
    assert [entry.lanes for entry in plan.units()[1]] == [4096]
    assert {point.spec.lanes for point in plan.points()} == {1}


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
        ({"formats": "int8", "accumulators": "int32", "seed": -1}, "seed one from 0"),
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
