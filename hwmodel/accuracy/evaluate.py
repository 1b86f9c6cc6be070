"""Score networks under recipes, keep every finished score, and turn scores into rows.

Each (network, data, recipe) is one entry of the store, saved as soon as it is finished: a second
run takes seconds and needs neither PyTorch nor the network, a killed one goes on where it was.
"""

import contextlib
import functools
import importlib.metadata
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hwmodel.accuracy import metrics
from hwmodel.accuracy.capture import CAPTURE_VERSION, LAYERS, layer_slice
from hwmodel.accuracy.cases import NETWORKS, Case, cases_for, require_torch
from hwmodel.accuracy.recipes import DEFAULT_FORMATS, Recipe, recipes_for
from hwmodel.formats import parse_format
from hwmodel.store import Store, content_key

if TYPE_CHECKING:
    from hwmodel.accuracy.quantize import InputRange

__all__ = ["Evaluation", "evaluate_networks"]

Progress = Callable[[str], None]

# Raise when the code behind stored scores changes what they mean.
SCORE_VERSION = 1
WINDOW_COUNT = 6
MAX_THREADS = 4
KERNEL_SLICE = 8  # rows and outputs of the slice that goes through the golden model


def evaluate_networks(
    formats: Sequence[str] = DEFAULT_FORMATS,
    recipes: Sequence[Recipe] | None = None,
    networks: Sequence[str] = NETWORKS,
    photos: Path | None = None,
    window_count: int = WINDOW_COUNT,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Score pretrained networks under post-training quantisation; see `Evaluation.scores`."""
    return Evaluation(formats, recipes, networks, photos, window_count, progress).scores()


@contextlib.contextmanager
def _threads() -> Iterator[None]:
    """At most `MAX_THREADS` threads of PyTorch (OMP_NUM_THREADS and the machine may say fewer)."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(min(MAX_THREADS, before))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@functools.cache
def tool_versions() -> dict[str, str]:
    """Versions that scores depend on; empty strings for what is not installed."""
    found = {}
    for name in ("torch", "transformers", "tokenizers", "gguf", "pillow", "numpy"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = ""
    return found


class Evaluation:
    """Networks, recipes and data of one question, with everything measured on them.

    Parameters
    ----------
    formats : sequence of str
        Formats to quantise weights and activations to.
    recipes : sequence of Recipe, optional
        In place of every granularity with every one of `formats`.
    networks : sequence of str
        Of `hwmodel.accuracy.cases.NETWORKS`.
    photos : Path, optional
        A zip of labelled photographs for the CNN (see `hwmodel.accuracy.pictures.photos_zip`).
    window_count : int
        Windows of 512 tokens that the language model is scored on.
    progress : callable, optional
        Told in a line what is fetched and computed.
    store : Store, optional
        Where finished results are kept; the user's cache if not given.

    Raises
    ------
    HwmodelError
        A format or a network is unknown.
    """

    def __init__(
        self,
        formats: Sequence[str] = DEFAULT_FORMATS,
        recipes: Sequence[Recipe] | None = None,
        networks: Sequence[str] = NETWORKS,
        photos: Path | None = None,
        window_count: int = WINDOW_COUNT,
        progress: Progress | None = None,
        store: Store | None = None,
    ) -> None:
        self.recipes = list(recipes) if recipes is not None else recipes_for(tuple(formats))
        self.progress: Progress = progress or (lambda _: None)
        self.store = store or Store()
        self.cases = cases_for(tuple(networks), photos, window_count, self.progress)

    # ---- what is measured -------------------------------------------------------------------

    def scores(self) -> list[dict[str, Any]]:
        """Score every network, FP32 first, then under every recipe.

        Returns
        -------
        list of dict
            One row per (network, data, recipe), anything in it JSON can hold. Keys: network,
            data, n (tokens or pictures), format, granularity, clip, metric (``perplexity``,
            ``top1`` or ``agreement``), value, low, high (95 %), fp32_value, agreement (with
            FP32's most likely token or class), agreement_low, agreement_high, logit_sqnr_db,
            kl (mean, nats, of FP32 against it), provenance. Perplexities carry the interval of
            the difference from FP32 on the same tokens (`metrics.paired_perplexity`), shares
            the Wilson interval. ``None`` stands for an infinite SQNR (FP32 itself).

        Raises
        ------
        HwmodelError
            PyTorch is not installed, or a download fails, and the score is not in the store.
        """
        rows = []
        for case in self.cases:
            baseline = self._score(case, None)
            rows.append(_row(case, None, baseline, baseline))
            for recipe in self.recipes:
                rows.append(_row(case, recipe, self._score(case, recipe), baseline))
        return rows

    def layer_sqnr(self) -> list[dict[str, Any]]:
        """SQNR of every layer by itself under every recipe; see `layers.measure_layers`.

        Each row has network and data beside the keys told there.
        """
        rows = []
        for case in self.cases:
            if not case.layer_sample:
                continue
            keys = {recipe: self._key(case, recipe, part="layers") for recipe in self.recipes}
            stored = {recipe: self.store.load("layer-sqnr", key) for recipe, key in keys.items()}
            missing = [recipe for recipe, entry in stored.items() if entry is None]
            if missing:
                stored |= self._measure_layers(case, missing, keys)
            for recipe in self.recipes:
                entry = stored[recipe]
                assert entry is not None
                heading = {"network": case.network, "data": case.data}
                rows += [{**heading, **row} for row in entry["rows"]]
        return rows

    def outliers(self) -> list[dict[str, Any]]:
        """How far the largest inputs and weights of each layer stand out (calibration data)."""
        rows = []
        for case in self.cases:
            if not case.layer_sample:
                continue
            key = self._key(case, None, part="outliers, by median")
            entry = self.store.load("outliers", key)
            if entry is None:
                from hwmodel.accuracy.layers import outlier_rows

                ranges = self._ranges(case)
                entry = {"rows": outlier_rows(case.open().layers, ranges)}
                entry = self.store.save("outliers", key, entry)
            rows += [{"network": case.network, **row} for row in entry["rows"]]
        return rows

    def kernel_check(self) -> list[dict[str, Any]]:
        """Compare FP32 kernels with golden units on a slice of a layer of each network.

        Returns
        -------
        list of dict
            Keys network, layer, format and those of `exactness.compare_kernel`.
        """
        rows = []
        formats = dict.fromkeys(recipe.weights for recipe in self.recipes)
        networks = dict.fromkeys(case.network for case in self.cases)
        for layer, (network, layer_name) in LAYERS.items():
            if network not in networks:
                continue
            for name in formats:
                key = content_key(
                    part="kernel",
                    version=SCORE_VERSION,
                    capture=CAPTURE_VERSION,
                    tools=tool_versions(),
                    layer=layer_name,
                    format=name,
                    size=KERNEL_SLICE,
                )
                entry = self.store.load("kernel-check", key)
                if entry is None:
                    entry = self.store.save("kernel-check", key, self._kernel(layer, name))
                heading = {"network": network, "layer": layer_name, "format": name}
                rows += [{**heading, **row} for row in entry["rows"]]
        return rows

    def _kernel(self, layer: str, name: str) -> dict[str, Any]:
        require_torch()
        from hwmodel.accuracy.exactness import compare_kernel

        part = layer_slice(layer, self.progress, self.store)
        fmt = parse_format(name)
        inputs, weights = part.inputs[:KERNEL_SLICE], part.weights[:KERNEL_SLICE]
        scale: npt.NDArray[np.float32] = np.full((1, 1), part.input_scale(fmt), np.float32)
        scales = part.weight_scales(fmt)[:KERNEL_SLICE]
        return {"rows": compare_kernel(fmt, inputs, weights, scale, scales)}

    # ---- scores, one at a time --------------------------------------------------------------

    def _key(self, case: Case, recipe: Recipe | None, part: str) -> str:
        return content_key(
            part=part,
            version=SCORE_VERSION,
            tools=tool_versions(),
            case=case.identity,
            # Dynamic scales do not look at calibration data.
            calibration=case.calibration
            if recipe is not None and recipe.granularity == "tensor-static"
            else None,
            recipe=None if recipe is None else asdict(recipe),
        )

    def _score(self, case: Case, recipe: Recipe | None) -> dict[str, Any]:
        key = self._key(case, recipe, part="score")
        entry = self.store.load("accuracy", key)
        if entry is not None:
            return entry
        require_torch()
        from hwmodel.accuracy.quantize import quantized

        label = "fp32" if recipe is None else recipe.name
        with _threads():
            reference = self._reference(case)
            network = case.open()
            self.progress(f"scoring {case.network}, {label}, on {case.data}")
            outputs = reference
            if recipe is not None:
                ranges = {}
                if recipe.granularity == "tensor-static":
                    ranges = {n: found.range_for(recipe) for n, found in self._ranges(case).items()}
                with quantized(network.layers, recipe, ranges):
                    outputs = network.outputs()
            entry = network.score(outputs, reference)
        return self.store.save("accuracy", key, entry)

    def _reference(self, case: Case) -> dict[str, Any]:
        key = self._key(case, None, part="reference")
        raw = self.store.load_bytes("accuracy-reference", key, ".npz")
        arrays = _read_npz(raw)
        if arrays is None:
            network = case.open()
            self.progress(f"running {case.network} in FP32 on {case.data}")
            arrays = network.outputs()
            self.store.save_bytes("accuracy-reference", key, ".npz", _write_npz(arrays))
        return arrays

    def _ranges(self, case: Case) -> "dict[str, InputRange]":
        """Ranges of the layers' inputs on calibration data."""
        require_torch()
        from hwmodel.accuracy.quantize import InputRange, calibrate

        key = content_key(
            part="ranges", version=SCORE_VERSION, tools=tool_versions(), case=case.calibration
        )
        arrays = _read_npz(self.store.load_bytes("calibration", key, ".npz"))
        if arrays is None:
            network = case.open()
            self.progress(f"calibrating {case.network} on {case.notes['calibration']}")
            with _threads():
                ranges = calibrate(network.layers, network.run_calibration)
            arrays = {}
            for name, entry in ranges.items():
                arrays[f"{name}/largest"], arrays[f"{name}/sample"] = entry.largest, entry.sample
                arrays[f"{name}/sums"] = np.array([entry.count, entry.energy])
            self.store.save_bytes("calibration", key, ".npz", _write_npz(arrays))
        names = [name.removesuffix("/sums") for name in arrays if name.endswith("/sums")]
        return {
            name: InputRange(
                arrays[f"{name}/largest"],
                arrays[f"{name}/sample"],
                int(arrays[f"{name}/sums"][0]),
                float(arrays[f"{name}/sums"][1]),
            )
            for name in names
        }

    def _measure_layers(
        self, case: Case, recipes: list[Recipe], keys: dict[Recipe, str]
    ) -> dict[Recipe, dict[str, Any] | None]:
        from hwmodel.accuracy.layers import measure_layers

        ranges = self._ranges(case)
        network = case.open()
        self.progress(f"measuring {len(network.layers)} layers of {case.network}")
        with _threads():
            rows = measure_layers(network.layers, recipes, ranges, network.run_layer_sample)
        found: dict[Recipe, dict[str, Any] | None] = {}
        for recipe in recipes:
            wanted = (recipe.weights, recipe.granularity, recipe.clip)
            mine = [r for r in rows if (r["format"], r["granularity"], r["clip"]) == wanted]
            found[recipe] = self.store.save("layer-sqnr", keys[recipe], {"rows": mine})
        return found


def _write_npz(arrays: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _read_npz(raw: bytes | None) -> dict[str, Any] | None:
    """Arrays of a stored file; None where it is absent or damaged (its zip has checksums)."""
    if raw is None:
        return None
    import zipfile

    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile):
        return None


def _row(
    case: Case, recipe: Recipe | None, entry: dict[str, Any], baseline: dict[str, Any]
) -> dict[str, Any]:
    agreement = metrics.proportion(entry["agree"], entry["count"])
    if case.metric == "perplexity":
        figure = metrics.paired_perplexity(entry["nll"], baseline["nll"])
        fp32 = metrics.perplexity(baseline["nll"])
    elif case.metric == "top1":
        figure = metrics.proportion(entry["hits"], entry["count"])
        fp32 = baseline["hits"] / baseline["count"]
    else:
        figure, fp32 = agreement, 1.0
    power = metrics.ErrorPower(entry["logit_signal"], entry["logit_error"])
    return {
        "network": case.network,
        "data": case.data,
        "n": entry["count"],
        "format": "fp32" if recipe is None else recipe.weights,
        "activation_format": "fp32" if recipe is None else recipe.activations,
        "granularity": "none" if recipe is None else recipe.granularity,
        "clip": "none" if recipe is None else recipe.clip,
        "metric": case.metric,
        "value": figure.value,
        "low": figure.low,
        "high": figure.high,
        "fp32_value": fp32,
        "agreement": agreement.value,
        "agreement_low": agreement.low,
        "agreement_high": agreement.high,
        "logit_sqnr_db": power.sqnr_db if power.error > 0 else None,
        "kl": entry["kl"],
        "provenance": {"obtained": "measured", **case.notes, "tools": tool_versions()},
    }
