import functools
import json
import math

import numpy as np
import pytest

from hwmodel.accuracy import evaluate
from hwmodel.accuracy.cases import Case, cases_for
from hwmodel.accuracy.recipes import Recipe, recipes_for
from hwmodel.errors import HwmodelError
from hwmodel.store import Store

torch = pytest.importorskip("torch", reason="PyTorch is not installed (hwmodel[accuracy])")


class TinyClassifier:
    """A classifier of points, with what the evaluation asks of a network."""

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        self.network = torch.nn.Sequential(
            torch.nn.Linear(6, 32), torch.nn.ReLU(), torch.nn.Linear(32, 4)
        )
        for parameter in self.network.parameters():
            parameter.requires_grad_(False)
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
        self.inputs = torch.randn(40, 6, generator=generator)
        self.scored_under = 0

    @property
    def layers(self):
        from hwmodel.accuracy.quantize import layers_of

        return layers_of(self.network)

    def run_calibration(self):
        self.network(self.inputs[:8])

    def run_layer_sample(self):
        self.network(self.inputs[8:])

    def outputs(self):
        return {"logits": self.network(self.inputs[8:]).numpy()}

    def score(self, outputs, reference):
        self.scored_under += 1
        ours, base = outputs["logits"], reference["logits"]
        agree = int(np.sum(ours.argmax(1) == base.argmax(1)))
        return {
            "hits": agree - 2,
            "agree": agree,
            "count": len(ours),
            "kl": 0.25,
            "logit_signal": float(np.sum(base**2)),
            "logit_error": float(np.sum((ours - base) ** 2)),
        }


@pytest.fixture
def network():
    return TinyClassifier()


@pytest.fixture
def evaluation(network, tmp_path, monkeypatch):
    """Return a maker of evaluations of the tiny network, whose store outlives each of them."""

    def make(recipes=None, opens=lambda: network, metric="top1"):
        case = Case(
            "tiny", "points", metric, {"data": 1}, {"data": 0}, {"calibration": "p"},
            functools.cache(opens),
        )  # fmt: skip
        monkeypatch.setattr(evaluate, "cases_for", lambda *_: [case])
        return evaluate.Evaluation(recipes=recipes, store=Store(tmp_path / "store"))

    return make


def cannot_open():
    raise AssertionError("a finished result opened the network")


def test_rows_have_fp32_first_and_every_recipe(evaluation):
    recipes = recipes_for(("int8", "e5m2"))
    rows = evaluation(recipes).scores()
    assert [(r["format"], r["granularity"]) for r in rows] == [
        ("fp32", "none"),
        ("int8", "tensor-static"),
        ("int8", "token-dynamic"),
        ("e5m2", "tensor-static"),
        ("e5m2", "token-dynamic"),
    ]
    assert rows[0]["logit_sqnr_db"] is None
    assert rows[0]["value"] == rows[0]["fp32_value"] == 30 / 32
    for row in rows[1:]:
        assert row["low"] <= row["value"] <= row["high"]
        assert row["fp32_value"] == 30 / 32
        assert row["n"] == 32
        assert row["provenance"]["obtained"] == "measured"
        assert row["provenance"]["tools"]["torch"] == torch.__version__
    sqnr = {(r["format"], r["granularity"]): r["logit_sqnr_db"] for r in rows}
    assert sqnr["int8", "token-dynamic"] > sqnr["int8", "tensor-static"] + 1
    assert sqnr["int8", "tensor-static"] > sqnr["e5m2", "tensor-static"] + 5
    json.dumps(rows)


def test_a_second_run_neither_opens_the_network_nor_scores(evaluation, network):
    first = evaluation()
    results = first.scores(), first.layer_sqnr(), first.outliers()
    scored = network.scored_under
    assert scored == 11
    second = evaluation(opens=cannot_open)
    assert (second.scores(), second.layer_sqnr(), second.outliers()) == results
    assert network.scored_under == scored


def test_a_killed_run_goes_on_where_it_was(evaluation, network):
    outputs, calls = network.outputs, []

    def interrupted():
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return outputs()

    network.outputs = interrupted
    with pytest.raises(KeyboardInterrupt):
        evaluation().scores()
    scored = network.scored_under
    assert scored == 3
    network.outputs = outputs
    assert len(evaluation().scores()) == 11
    assert network.scored_under == 11  # none of the three again
    for layer in network.layers.values():
        assert not layer._forward_pre_hooks


def test_a_damaged_reference_is_made_again(evaluation, tmp_path):
    evaluation([]).scores()
    (reference,) = (tmp_path / "store" / "accuracy-reference").rglob("*.npz")
    reference.write_bytes(reference.read_bytes()[:100])
    assert len(evaluation([Recipe("int8", "int8", "token-dynamic")]).scores()) == 2


def test_keys_depend_on_recipe_data_and_calibration(evaluation):
    mine = evaluation()
    (case,) = mine.cases
    other = Case(**{**case.__dict__, "calibration": {"data": 2}})
    static, dynamic = recipes_for(("int8",))
    keys = {
        mine._key(c, r, part="score")
        for c in (case, other)
        for r in (None, static, dynamic, Recipe("int8", "int8", "tensor-static", "mse"))
    }
    assert len(keys) == 6  # calibration matters to the two static recipes only


def test_layer_rows_cover_layers_and_recipes_and_outliers(evaluation):
    mine = evaluation(recipes_for(("int8", "e4m3")))
    rows = mine.layer_sqnr()
    assert len(rows) == 2 * 4
    assert {row["network"] for row in rows} == {"tiny"}
    assert all(math.isfinite(row["output_sqnr_db"]) for row in rows)
    more = evaluation(recipes_for(("int8", "e4m3", "e3m4"))).layer_sqnr()
    assert [row for row in more if row["format"] != "e3m4"] == rows
    assert [row["layer"] for row in mine.outliers()] == ["0", "2"]


def test_perplexity_rows_carry_the_paired_interval(evaluation, network):
    rng = np.random.default_rng(0)
    base = rng.gamma(2, 1.5, (2, 511))

    def score(outputs, reference):
        same = outputs["logits"] is reference["logits"]
        nll = base if same else base + rng.normal(0.1, 0.05, base.shape)
        return {
            "nll": nll.tolist(), "hits": 1, "agree": 900, "count": 1022, "kl": 0.1,
            "logit_signal": 10.0, "logit_error": 0.0 if same else 1.0,
        }  # fmt: skip

    network.score = score
    fp32, int8 = evaluation([Recipe("int8", "int8", "token-dynamic")], metric="perplexity").scores()
    assert fp32["low"] == fp32["high"] == pytest.approx(fp32["value"])
    assert int8["value"] / fp32["value"] == pytest.approx(math.exp(0.1), rel=0.01)
    assert fp32["value"] < int8["low"] < int8["value"] < int8["high"]
    assert int8["agreement"] == pytest.approx(900 / 1022)
    assert int8["logit_sqnr_db"] == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: recipes_for(("int9x",)), "int9x"),
        (lambda: Recipe("int8", "int8", "per-group"), "unknown granularity 'per-group'"),
        (lambda: Recipe("int8", "int8", "token-dynamic", "mse"), "choose tensor-static"),
        (lambda: Recipe("int8", "int8", "tensor-static", "best"), "unknown clip 'best'"),
        (lambda: cases_for(("resnet",), None, 1, None), "unknown network 'resnet'"),
    ],
)
def test_what_is_not_known_is_said(make, message):
    with pytest.raises(HwmodelError, match=message):
        make()


def test_names_of_recipes_tell_them_apart():
    names = [recipe.name for recipe in recipes_for(clips=("absmax", "mse"))]
    assert len(set(names)) == len(names) == 15
    mixed = Recipe("e4m3", "int8", "tensor-static")
    assert mixed.name == "w-e4m3-a-int8/tensor-static/absmax"


def test_without_torch_the_error_names_what_to_install(monkeypatch, own_cache):
    import importlib.util

    real = importlib.util.find_spec
    hidden = ("torch", "gguf")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name in hidden else real(name, *a)
    )
    with pytest.raises(HwmodelError, match=r"networks need torch, gguf, not installed here"):
        evaluate.evaluate_networks(["int8"])
