import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.arithmetic import simulate
from hwmodel.errors import HwmodelError
from hwmodel.sim.stimulus import ACCUMULATION_LENGTH, operands, stimulus_names
from hwmodel.units import parse_unit

UNITS = ["mac-int8-int8-int32", "mac-uint8-int8-int32", "mac-e4m3-e5m2-fp32", "mac-e2m5-e2m5-exact"]
MADE = ["uniform", "gaussian", "outliers", "relu", "sparse90"]


@settings(deadline=None)  # the first use of a format compiles its kernels
@given(st.sampled_from(UNITS), st.sampled_from(MADE), st.integers(0, 2**32))
def test_streams_are_finite_in_range_and_reproducible(name, kind, seed):
    spec = parse_unit(name)
    one, two = operands(spec, kind, 300, seed), operands(spec, kind, 300, seed)
    assert one.sha256() == two.sha256()
    assert one.sha256() != operands(spec, kind, 300, seed + 1).sha256()
    for fmt, codes in ((spec.a, one.a_codes), (spec.b, one.b_codes)):
        assert codes.shape == (300,)
        assert np.isfinite(fmt.decode(codes)).all()
    np.testing.assert_array_equal(np.flatnonzero(one.clear), np.arange(0, 300, ACCUMULATION_LENGTH))
    assert one.valid.all()


def test_uniform_meets_every_finite_code_and_no_other():
    spec = parse_unit("mac-e4m3-e4m3-fp32")
    stream = operands(spec, "uniform", 20_000, 1)
    finite = np.flatnonzero(np.isfinite(spec.a.decode(np.arange(256))))
    np.testing.assert_array_equal(np.unique(stream.a_codes), finite)
    assert finite.size == 254


@pytest.mark.parametrize("name", ["mac-int8-int8-int32", "mac-e5m2-e4m3-fp32"])
def test_gaussian_puts_four_sigma_at_the_largest_value(name):
    spec = parse_unit(name)
    stream = operands(spec, "gaussian", 50_000, 1)
    for fmt, codes in ((spec.a, stream.a_codes), (spec.b, stream.b_codes)):
        values = fmt.decode(codes)
        assert values.std() * 4 == pytest.approx(fmt.max_value, rel=0.03)
        assert abs(values.mean()) < 0.02 * fmt.max_value
        assert np.abs(values).max() <= fmt.max_value
    assert np.corrcoef(spec.a.decode(stream.a_codes), spec.b.decode(stream.b_codes))[0, 1] < 0.02


def test_outliers_use_the_range_far_less_than_gaussian():
    spec = parse_unit("mac-int8-int8-int32")
    heavy = spec.a.decode(operands(spec, "outliers", 4096, 1).a_codes)
    normal = spec.a.decode(operands(spec, "gaussian", 4096, 1).a_codes)
    assert np.abs(heavy).max() == spec.a.max_value
    assert np.abs(heavy).mean() < 0.5 * np.abs(normal).mean()


def test_captured_hands_on_the_layers_codes(monkeypatch):
    from hwmodel.accuracy import capture

    def stand_in(spec, count, seed=0, layer="smollm2", order="os"):
        text = f"layer {layer}, order {order}, seed {seed}"
        return np.arange(count) % 7, np.arange(count) % 5, text

    monkeypatch.setattr(capture, "captured_operands", stand_in)
    spec = parse_unit("mac-int8-int8-int32")
    assert "layer smollm2, order os, seed 3" in operands(spec, "captured", 70, 3).description
    for name, phrase in (
        ("captured-ws", "layer smollm2, order ws"),
        ("captured-efficientnet-ws", "layer efficientnet, order ws"),
        ("captured-os", "layer smollm2, order os"),
    ):
        assert phrase in operands(spec, name, 70, 3).description
    other = operands(spec, "captured-efficientnet", 70, 3)
    assert "layer efficientnet" in other.description
    np.testing.assert_array_equal(other.b_codes, np.arange(70) % 5)


def test_a_stream_with_nan_is_refused(monkeypatch):
    from hwmodel.accuracy import capture

    nan = np.full(10, 0x7F)
    monkeypatch.setattr(capture, "captured_operands", lambda *_, **__: (nan, nan, "broken"))
    with pytest.raises(HwmodelError, match="NaN or infinity in e4m3"):
        operands(parse_unit("mac-e4m3-e4m3-fp32"), "captured", 10, 1)


@pytest.mark.parametrize(
    ("name", "count"), [("normal", 10), ("", 10), ("uniform", 0), ("sparse", 9), ("sparse100", 9)]
)
def test_unknown_streams_and_empty_ones_are_refused(name, count):
    with pytest.raises(HwmodelError, match="expected a stimulus"):
        operands(parse_unit("mac-int8-int8-int32"), name, count, 1)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(("kind", "share"), [("relu", 0.5), ("sparse90", 0.9), ("sparse25", 0.25)])
def test_sparse_streams_have_their_share_of_zero_activations(unit, kind, share):
    spec = parse_unit(unit)
    sparse, dense = (operands(spec, name, 20_000, 1) for name in (kind, "gaussian"))
    values, before = spec.a.decode(sparse.a_codes), spec.a.decode(dense.a_codes)
    # The Gaussian stream has zeros of its own where small values round to 0.
    own = (before == 0).mean()
    assert (values == 0).mean() == pytest.approx(share + (1 - share) * own, abs=0.02)
    kept = values != 0
    np.testing.assert_array_equal(values[kept], before[kept])
    np.testing.assert_array_equal(sparse.b_codes, dense.b_codes)
    if kind == "relu":
        assert values.min() == 0


def test_lists_of_names():
    assert stimulus_names("uniform, relu,uniform") == ("uniform", "relu")
    assert {"gaussian", "captured-ws", "captured-os"} <= set(stimulus_names("all"))
    with pytest.raises(HwmodelError, match="'noise'"):
        stimulus_names("uniform,noise")


@pytest.mark.parametrize("name", ["gaussian", "outliers", "relu", "sparse50"])
@pytest.mark.parametrize("unit", ["mac-e5m2-e5m2-fp16", "mac-e4m3-e4m3-fp16", "mac-bf16-bf16-fp32"])
def test_drawn_sums_stay_within_a_floating_point_accumulator(unit, name):
    spec = parse_unit(unit)
    stream = operands(spec, name, 1024, 3)
    sums = simulate(spec, stream.a_codes, stream.b_codes, stream.valid, stream.clear)
    values = spec.decode_accumulator(sums)
    assert np.isfinite(values).all()
    # and they are not made much smaller than they need be
    assert np.abs(values).max() > spec.accumulator.format.max_value / 32 or "2^" not in (
        stream.description
    )


def test_uniform_codes_are_left_as_they_are():
    narrow, wide = parse_unit("mac-e5m2-e5m2-fp16"), parse_unit("mac-e5m2-e5m2-fp32")
    first, second = (operands(spec, "uniform", 256, 1) for spec in (narrow, wide))
    np.testing.assert_array_equal(first.a_codes, second.a_codes)
    first, second = (operands(spec, "gaussian", 256, 1) for spec in (narrow, wide))
    assert "scaled down" in first.description
    assert "scaled down" not in second.description
