import math

import numpy as np
import pytest

from hwmodel.accuracy.metrics import sqnr_db
from hwmodel.accuracy.recipes import DEFAULT_FORMATS, Recipe, recipes_for
from hwmodel.errors import HwmodelError
from hwmodel.formats import parse_format

torch = pytest.importorskip("torch", reason="PyTorch is not installed (hwmodel[accuracy])")

from hwmodel.accuracy import layers as layer_tools  # noqa: E402
from hwmodel.accuracy import quantize as q  # noqa: E402
from hwmodel.accuracy.exactness import compare_kernel  # noqa: E402


@pytest.fixture
def network():
    """Return a convolution, a linear layer on each position, and a head."""
    torch.manual_seed(0)

    class Tiny(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 8, 3)
            self.mix = torch.nn.Linear(8, 16)
            self.head = torch.nn.Linear(16, 5)

        def forward(self, x):
            y = torch.relu(self.conv(x)).flatten(2).transpose(1, 2)
            return self.head(torch.relu(self.mix(y)))

    return Tiny().eval().requires_grad_(False)


@pytest.fixture
def pictures():
    return torch.randn(4, 3, 6, 6, generator=torch.Generator().manual_seed(1))


def ranges_of(network, pictures, recipe):
    found = q.calibrate(q.layers_of(network), lambda: network(pictures))
    return {name: entry.range_for(recipe) for name, entry in found.items()}


def by_hand(network, pictures, recipe):
    """Return the quantised forward pass spelled out in float64 NumPy, one layer after another."""
    fmt = parse_format(recipe.weights)
    ranges = ranges_of(network, pictures, recipe)

    def rounded(x, absmax):
        scale = (np.asarray(absmax, np.float32) / np.float32(fmt.max_value)).astype(np.float32)
        codes = fmt.encode(np.asarray(x, np.float32) / scale)
        return fmt.decode(codes) * scale.astype(np.float64)

    def product(name, x, per_token_axes):
        layer = getattr(network, name)
        weight = layer.weight.numpy()
        flat = weight.reshape(len(weight), -1)
        w = rounded(flat, np.abs(flat).max(1, keepdims=True)).reshape(weight.shape)
        static = recipe.granularity == "tensor-static"
        absmax = ranges[name] if static else np.abs(x).max(per_token_axes, keepdims=True)
        return w, rounded(x, absmax), layer.bias.numpy().astype(np.float64)

    x = pictures.numpy()
    w, a, bias = product("conv", x, (1, 2, 3))
    views = np.lib.stride_tricks.sliding_window_view(a, (3, 3), axis=(2, 3))
    y = np.einsum("nchwij,ocij->nhwo", views, w) + bias
    y = np.maximum(y, 0).reshape(4, 16, 8)
    for name in ("mix", "head"):
        w, a, bias = product(name, y, -1)
        y = a @ w.T + bias
        y = np.maximum(y, 0) if name == "mix" else y
    return y


@pytest.mark.parametrize("recipe", recipes_for(), ids=lambda r: r.name)
def test_quantised_network_computes_what_the_recipe_spells_out(network, pictures, recipe):
    ranges = ranges_of(network, pictures, recipe)
    plain = network(pictures)
    with q.quantized(q.layers_of(network), recipe, ranges):
        found = network(pictures).numpy()
    assert sqnr_db(by_hand(network, pictures, recipe), found) > 60  # a code off shows at 50
    assert sqnr_db(plain, found) < 48  # and the formats are really in the way
    assert torch.equal(network(pictures), plain)  # put back as it was


def test_network_is_put_back_after_an_error(network, pictures):
    weights = {name: layer.weight.clone() for name, layer in q.layers_of(network).items()}
    recipe = Recipe("e4m3", "e4m3", "tensor-static")
    refused = pytest.raises(HwmodelError, match="needs the range of a calibration run")
    with refused, q.quantized(q.layers_of(network), recipe, {}):
        network(pictures)
    for name, layer in q.layers_of(network).items():
        assert torch.equal(layer.weight, weights[name])
        assert not layer._forward_pre_hooks


def test_dynamic_scales_are_one_for_each_token():
    tokens = torch.tensor([[1.0, 0.004], [100.0, 0.4]])
    layer = torch.nn.Linear(2, 1)
    recipe = Recipe("int8", "int8", "token-dynamic")
    found = q.quantize_input(tokens, layer, recipe, None)
    # Beside 1, 0.004 is half a step of 1/127 and rounds up to one; so does 0.4 beside 100.
    np.testing.assert_allclose(found, [[1.0, 1 / 127], [100.0, 100 / 127]], rtol=1e-6)
    static = q.quantize_input(tokens, layer, Recipe("int8", "int8", "tensor-static"), 100.0)
    np.testing.assert_allclose(static[0], [100 / 127, 0.0], rtol=1e-6)


def test_zero_tensors_and_zero_rows_pass_through():
    weight = torch.tensor([[0.0, 0.0], [1.0, -2.0]])
    for name in DEFAULT_FORMATS:
        found = q.quantize_weight(weight, parse_format(name))
        assert torch.isfinite(found).all()
        assert (found[0] == 0).all()
        assert found[1, 1] == -2.0  # the absolute maximum of a row is always on the grid


def test_calibration_keeps_the_largest_and_the_energy_over_batches():
    rng = np.random.default_rng(0)
    batches = [rng.standard_normal(5000).astype(np.float32) for _ in range(5)]
    batches[3][17] = -40.0
    entry = q.InputRange(np.zeros(0, np.float32), np.zeros(0, np.float32), 0, 0.0)
    for batch in batches:
        entry = entry.merged(batch, rng)
    everything = np.abs(np.concatenate(batches))
    np.testing.assert_array_equal(entry.largest, np.sort(everything)[-q.LARGEST :])
    assert entry.count == everything.size
    assert entry.energy == pytest.approx(float(np.sum(everything.astype(np.float64) ** 2)))
    assert entry.absmax_over_rms == pytest.approx(40 / math.sqrt(np.mean(everything**2)), rel=1e-5)
    assert entry.sample.size == q.SAMPLED
    # The sample stands for all batches alike.
    assert np.mean(entry.sample) == pytest.approx(np.mean(everything), abs=0.03)


@pytest.mark.parametrize("name", ["int8", "e4m3", "e2m5"])
def test_mse_range_is_the_best_of_those_tried(name):
    fmt, rng = parse_format(name), np.random.default_rng(3)
    values = rng.standard_t(3, 60_000).astype(np.float32)
    entry = q.InputRange(np.zeros(0, np.float32), np.zeros(0, np.float32), 0, 0.0)
    entry = entry.merged(values, rng)

    def error(limit):
        scale = np.float32(limit / fmt.max_value)
        return float(np.mean((fmt.quantize(values / scale) * scale - values) ** 2))

    chosen = entry.range_for(Recipe(name, name, "tensor-static", "mse"))
    best = min(error(share * entry.absmax) for share in q.SEARCH)
    assert error(chosen) <= best * 1.05  # chosen on a sample
    assert error(chosen) <= error(entry.absmax) * (1 + 1e-9)
    if name == "int8":
        assert error(chosen) < 0.85 * error(entry.absmax)


def test_layer_sqnr_sees_each_layer_with_its_fp32_input(network, pictures):
    layers = q.layers_of(network)
    ranges = q.calibrate(layers, lambda: network(pictures))
    recipes = recipes_for(("int8", "e5m2"))
    rows = layer_tools.measure_layers(layers, recipes, ranges, lambda: network(pictures))
    assert len(rows) == 3 * 4
    x = torch.relu(network.conv(pictures)).flatten(2).transpose(1, 2)
    w = network.mix.weight
    for recipe in recipes:
        (row,) = [
            r
            for r in rows
            if (r["layer"], r["format"], r["granularity"])
            == ("mix", recipe.weights, recipe.granularity)
        ]
        xq = q.quantize_input(x, network.mix, recipe, ranges["mix"].absmax)
        wq = q.quantize_weight(w, recipe.weight_format)
        expected = sqnr_db((x @ w.T).numpy(), (xq @ wq.T).numpy())
        assert row["output_sqnr_db"] == pytest.approx(expected, abs=0.01)
        assert row["input_sqnr_db"] == pytest.approx(sqnr_db(x, xq), abs=0.01)
        assert row["weight_sqnr_db"] == pytest.approx(sqnr_db(w, wq), abs=0.01)
    outliers = {row["layer"]: row for row in layer_tools.outlier_rows(layers, ranges)}
    assert outliers["conv"]["products"] == 27
    maxima = network.mix.weight.abs().amax(1)
    assert outliers["mix"]["weight_row_spread"] == pytest.approx(
        float(maxima.max() / maxima.median())
    )
    assert outliers["mix"]["input_absmax"] == pytest.approx(float(x.max()))
    assert outliers["mix"]["input_absmax_over_rms"] == pytest.approx(
        float(x.abs().max() / x.square().mean().sqrt()), rel=1e-5
    )


@pytest.mark.parametrize("name", DEFAULT_FORMATS)
def test_kernels_agree_with_the_golden_accumulators(name):
    fmt, rng = parse_format(name), np.random.default_rng(4)
    x = rng.standard_normal((3, 96)).astype(np.float32)
    w = rng.standard_normal((5, 96)).astype(np.float32)
    limit = np.full((1, 1), np.abs(x).max() / fmt.max_value, np.float32)
    rows = compare_kernel(fmt, x, w, limit, np.abs(w).max(1, keepdims=True) / fmt.max_value)
    assert [row["spec"].rsplit("-", 1)[1] for row in rows] == [
        "int32" if name == "int8" else "exact",
        "fp32",
    ]
    for row in rows:
        assert row["sums"] == 15
        assert row["kernel_sqnr_db"] is None or row["kernel_sqnr_db"] > 120
        assert 15 < row["rounding_sqnr_db"] < 60


def test_the_kernel_check_sees_other_arithmetic(monkeypatch):
    import hwmodel.accuracy.exactness as exactness

    fmt, rng = parse_format("e4m3"), np.random.default_rng(4)
    x, w = rng.standard_normal((2, 2, 512)).astype(np.float32)
    scale = np.full((1, 1), 4 / fmt.max_value, np.float32)
    monkeypatch.setattr(exactness, "accumulators_for", lambda _: ("bf16",))
    (row,) = exactness.compare_kernel(fmt, x, w, scale, np.repeat(scale, 2, 0))
    assert row["kernel_sqnr_db"] < 50
