import functools

import numpy as np
import pytest

from hwmodel.accuracy import capture, evaluate
from hwmodel.accuracy.cases import Case
from hwmodel.errors import HwmodelError
from hwmodel.store import Store
from hwmodel.units import parse_unit

torch = pytest.importorskip("torch", reason="PyTorch is not installed (hwmodel[accuracy])")

pytestmark = pytest.mark.usefixtures("own_cache")


class OneLayer:
    """A network of one named layer that sees the same input in every calibration run."""

    def __init__(self, layer, inputs):
        self.layer, self.inputs = layer.requires_grad_(False), inputs

    @property
    def layers(self):
        return {"here": self.layer}

    def run_calibration(self):
        self.layer(self.inputs)


@pytest.fixture
def captured(monkeypatch):
    """Return a function that makes a layer the one that is captured as ``smollm2``."""

    def make(layer, inputs):
        def opens():
            return OneLayer(layer, inputs)

        case = Case(
            "tiny", "data", "top1", {}, {"data": str(tuple(inputs.shape))},
            {"network": "Tiny", "calibration": "noise"}, functools.cache(opens),
        )  # fmt: skip
        monkeypatch.setattr(capture, "cases_for", lambda *_: [case])
        monkeypatch.setattr(capture, "LAYERS", {"smollm2": ("tiny", "here")})

    return make


def test_operands_are_the_products_of_one_output_in_turn(captured):
    torch.manual_seed(0)
    layer, inputs = torch.nn.Linear(24, 10), torch.randn(3, 40, 24)
    captured(layer, inputs)
    spec = parse_unit("mac-e4m3-e4m3-fp32")
    a, b, description = capture.captured_operands(spec, 24 * 50 + 7, seed=3)
    assert a.shape == b.shape == (24 * 50 + 7,)
    assert "layer here" in description
    assert "24 products of an output in turn" in description
    # Each run of 24 is a row of the input beside a row of the weights.
    fmt = spec.a
    scale = float(inputs.abs().max()) / fmt.max_value
    rows = {tuple(r) for r in fmt.encode((inputs.flatten(0, 1) / scale).numpy())}
    w = layer.weight.numpy()
    weights = {tuple(r) for r in fmt.encode(w / (np.abs(w).max(1, keepdims=True) / fmt.max_value))}
    for i in range(50):
        assert tuple(a[24 * i : 24 * i + 24]) in rows
        assert tuple(b[24 * i : 24 * i + 24]) in weights
    again = capture.captured_operands(spec, 24 * 50 + 7, seed=3)
    np.testing.assert_array_equal(again[0], a)
    other = capture.captured_operands(spec, 24 * 50 + 7, seed=4)
    assert not np.array_equal(other[0], a)


def test_a_held_weight_meets_the_activations_of_all_rows(captured):
    torch.manual_seed(0)
    layer, inputs = torch.nn.Linear(24, 10), torch.randn(3, 40, 24)
    captured(layer, inputs)
    spec = parse_unit("mac-int8-int8-int32")
    rows = capture.ROWS
    a, b, description = capture.captured_operands(spec, rows * 20 + 7, seed=3, order="ws")
    assert a.shape == b.shape == (rows * 20 + 7,)
    assert f"each weight held while {rows} activations stream" in description
    scale = float(inputs.abs().max()) / spec.a.max_value
    codes = spec.a.encode((inputs.flatten(0, 1) / scale).numpy())
    w = layer.weight.numpy()
    weights = spec.b.encode(w / (np.abs(w).max(1, keepdims=True) / spec.b.max_value))
    for turn in range(20):
        held = np.unique(b[rows * turn : rows * (turn + 1)])
        assert held.size == 1
        seen = a[rows * turn : rows * (turn + 1)]
        # One column of the input, of which some rows were captured, and a weight of that column.
        columns = [k for k in range(24) if np.isin(seen, codes[:, k]).all()]
        assert any(held[0] in weights[:, k] for k in columns)
    with pytest.raises(HwmodelError, match="order os or ws"):
        capture.captured_operands(spec, 10, order="row")


def test_a_convolution_is_captured_as_a_matrix_product(captured):
    torch.manual_seed(0)
    layer, inputs = torch.nn.Conv2d(3, 5, 3, stride=2, bias=False), torch.randn(2, 3, 17, 17)
    captured(layer, inputs)
    part = capture.layer_slice()
    assert part.inputs.shape == (64, 27)
    assert part.weights.shape == (5, 27)
    products = part.inputs @ part.weights.T
    outputs = layer(inputs).permute(0, 2, 3, 1).reshape(-1, 5).numpy()
    for row in products:
        assert np.abs(outputs - row).max(1).min() < 1e-5


def test_depthwise_convolution_is_refused(captured):
    captured(torch.nn.Conv2d(4, 4, 3, groups=4), torch.randn(1, 4, 20, 20))
    with pytest.raises(HwmodelError, match="name a dense layer"):
        capture.layer_slice()


def test_second_time_needs_neither_torch_nor_network(captured, monkeypatch):
    captured(torch.nn.Linear(8, 4), torch.randn(100, 8))
    spec = parse_unit("mac-int8-int8-int32")
    first = capture.captured_operands(spec, 100)

    def missing():
        raise HwmodelError("networks need torch")

    monkeypatch.setattr(capture, "require_torch", missing)
    second = capture.captured_operands(spec, 100)
    np.testing.assert_array_equal(first[0], second[0])
    monkeypatch.setenv("HWMODEL_CACHE", "/nonexistent")
    with pytest.raises(HwmodelError, match="not captured yet, and networks need torch"):
        capture.captured_operands(spec, 100)


def test_unknown_layer():
    with pytest.raises(HwmodelError, match="unknown captured layer 'attention', expected one of"):
        capture.captured_operands(parse_unit("mac-int8-int8-int32"), 10, layer="attention")


def test_kernel_check_compares_the_captured_slice(captured, monkeypatch, tmp_path):
    torch.manual_seed(0)
    captured(torch.nn.Linear(48, 12), torch.randn(100, 48))
    (case,) = capture.cases_for()
    monkeypatch.setattr(evaluate, "cases_for", lambda *_: [case])
    monkeypatch.setattr(evaluate, "LAYERS", {"smollm2": ("tiny", "here")})
    rows = evaluate.Evaluation(["int8", "e4m3"], store=Store(tmp_path)).kernel_check()
    assert [row["spec"] for row in rows] == [
        "mac-int8-int8-int32",
        "mac-int8-int8-fp32",
        "mac-e4m3-e4m3-exact",
        "mac-e4m3-e4m3-fp32",
    ]
    for row in rows:
        assert (row["sums"], row["products"]) == (64, 48)
        assert row["kernel_sqnr_db"] is None or row["kernel_sqnr_db"] > 120
