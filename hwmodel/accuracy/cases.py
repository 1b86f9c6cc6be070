"""What is scored: a network, the data it is scored on and the data its ranges are set on.

A case is a description: nothing is fetched and PyTorch is not imported until it is opened, which
a finished result never does.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hwmodel.accuracy import pictures, text
from hwmodel.accuracy.pins import EFFICIENTNET_LITE0, FOOLBOX, GCOMPRIS, SMOLLM2
from hwmodel.errors import HwmodelError

__all__ = ["NETWORKS", "Case", "ScoredNetwork", "cases_for", "require_torch"]

Progress = Callable[[str], None]

NETWORKS = ("smollm2-135m", "efficientnet-lite0")
WINDOW_TOKENS = 512
CALIBRATION_WINDOWS = 2  # of each calibration text


class ScoredNetwork(Protocol):
    """What the evaluation asks of a loaded network with its data."""

    @property
    def layers(self) -> dict[str, Any]:
        """Layers to quantise, by name."""

    def run_calibration(self) -> None:
        """Send the calibration data through."""

    def run_layer_sample(self) -> None:
        """Send the data of the layer-by-layer table through."""

    def outputs(self) -> dict[str, npt.NDArray[Any]]:
        """Return what the network gives as it stands (quantised by a context around the call)."""

    def score(
        self, outputs: dict[str, npt.NDArray[Any]], reference: dict[str, npt.NDArray[Any]]
    ) -> dict[str, Any]:
        """Score outputs against those of FP32."""


@dataclass(frozen=True)
class Case:
    """A network on one set of data.

    Parameters
    ----------
    network, data : str
        Names, for rows and reports.
    metric : {"perplexity", "top1", "agreement"}
        The network's own metric; agreement with FP32 where there are no labels.
    identity : dict
        All that scores depend on besides the recipe and the versions of the tools.
    calibration : dict
        The part of it that static ranges depend on.
    notes : dict
        What the rows say of how the figures were obtained.
    open : callable
        Loads the network and the data.
    layer_sample : bool
        Whether this case also serves the layer-by-layer tables of the network.
    """

    network: str
    data: str
    metric: str
    identity: dict[str, Any]
    calibration: dict[str, Any]
    notes: dict[str, str]
    open: Callable[[], ScoredNetwork] = field(compare=False)
    layer_sample: bool = True


def cases_for(
    networks: tuple[str, ...],
    photos: Path | None,
    window_count: int,
    progress: Progress | None,
) -> list[Case]:
    """Cases of the named networks.

    Raises
    ------
    HwmodelError
        A network's name is unknown, or PyTorch is not installed where it is needed first.
    """
    cases: list[Case] = []
    for name in networks:
        if name == "smollm2-135m":
            cases.append(_language_case(window_count, progress))
        elif name == "efficientnet-lite0":
            cases += _vision_cases(photos, progress)
        else:
            raise HwmodelError(f"unknown network {name!r}, expected one of {', '.join(NETWORKS)}")
    return cases


def require_torch() -> None:
    """Raise a clear error where the packages of the accuracy part are not installed."""
    import importlib.util

    wanted = ("torch", "transformers", "safetensors", "gguf", "debian", "PIL")
    missing = [name for name in wanted if importlib.util.find_spec(name) is None]
    if missing:
        raise HwmodelError(
            f"networks need {', '.join(missing)}, not installed here; install the extra packages"
            " with: pip install 'hwmodel[accuracy]'"
        )
    try:
        import torch  # noqa: F401 - what counts is whether it can be imported
        from transformers import LlamaForCausalLM  # noqa: F401 - likewise
    except ImportError as error:
        raise HwmodelError(
            f"PyTorch or transformers is installed but cannot be imported ({error}); install them"
            " anew with what they need: pip install 'hwmodel[accuracy]'"
        ) from error


def _language_case(window_count: int, progress: Progress | None) -> Case:
    scored = text.TEXTS[text.SCORED_TEXT]
    calibration = [text.TEXTS[name] for name in text.CALIBRATION_TEXTS]

    def load() -> ScoredNetwork:
        require_torch()
        from hwmodel.accuracy.networks.language import LanguageModel
        from hwmodel.accuracy.networks.smollm2 import load_tokenizer

        encode = load_tokenizer(progress)

        def cut(name: str, count: int) -> npt.NDArray[np.int64]:
            return text.windows(encode, text.read_text(name, progress), count, WINDOW_TOKENS)

        calibrating = [cut(name, CALIBRATION_WINDOWS) for name in text.CALIBRATION_TEXTS]
        return LanguageModel(
            cut(text.SCORED_TEXT, window_count), np.concatenate(calibrating), progress
        )

    calibrated_on = {
        "texts": {entry.title: entry.pin.sha256 for entry in calibration},
        "windows": CALIBRATION_WINDOWS,
        "tokens": WINDOW_TOKENS,
    }
    return Case(
        network="smollm2-135m",
        data=f"{scored.title} ({scored.pin.name} {scored.pin.version})",
        metric="perplexity",
        identity={
            "network": SMOLLM2.sha256,
            "scored": scored.pin.sha256,
            "windows": window_count,
            "tokens": WINDOW_TOKENS,
        },
        calibration={"network": SMOLLM2.sha256, **calibrated_on},
        notes={
            "network": f"SmolLM2-135M-Instruct, {SMOLLM2.name} {SMOLLM2.version}, dequantised"
            " from Q4_1",
            "layers": "all 210 linear layers of the decoder; embedding and output head, norms"
            " and the products of attention in FP32",
            "scored": f"{window_count} windows of {WINDOW_TOKENS} tokens, spread evenly",
            "calibration": f"{CALIBRATION_WINDOWS} windows of {WINDOW_TOKENS} tokens each of "
            + " and ".join(entry.title for entry in calibration),
        },
        open=functools.cache(load),
    )


def _vision_cases(photos: Path | None, progress: Progress | None) -> list[Case]:
    @functools.cache
    def split() -> tuple[pictures.Pictures, pictures.Pictures]:
        return pictures.unlabelled_split(progress)

    @functools.cache
    def network() -> Any:
        require_torch()
        from hwmodel.accuracy.networks.efficientnet_lite import load_efficientnet_lite0

        return load_efficientnet_lite0(progress)

    def loader(scored: Callable[[], pictures.Pictures]) -> Callable[[], ScoredNetwork]:
        def load() -> ScoredNetwork:
            require_torch()
            from hwmodel.accuracy.networks.vision import Classifier

            return Classifier(network(), scored(), split()[1])

        return functools.cache(load)

    calibration = {
        "network": EFFICIENTNET_LITE0.sha256,
        "pictures": GCOMPRIS.sha256,
        "activities": pictures.ACTIVITIES,
        "stride": pictures.CALIBRATION_STRIDE,
    }
    common = {
        "network": f"EfficientNet-Lite0, {EFFICIENTNET_LITE0.name} {EFFICIENTNET_LITE0.version},"
        " batch norms folded",
        "layers": "all 49 convolutions (first and depthwise, too) and the classifier",
        "calibration": f"every {pictures.CALIBRATION_STRIDE}th photograph of {GCOMPRIS.name}"
        f" {GCOMPRIS.version}, none of them scored",
    }
    sets: list[tuple[str, str, str, Callable[[], pictures.Pictures]]] = [
        (
            f"labelled photographs in {FOOLBOX.name} {FOOLBOX.version}",
            "top1",
            FOOLBOX.sha256,
            functools.partial(pictures.labelled_sample, progress),
        ),
        (
            f"unlabelled photographs in {GCOMPRIS.name} {GCOMPRIS.version}",
            "agreement",
            GCOMPRIS.sha256,
            lambda: split()[0],
        ),
    ]
    if photos is not None:
        sets.append(
            (
                f"labelled photographs in {photos.name}",
                "top1",
                pictures.photos_identity(photos),
                functools.partial(pictures.photos_zip, photos),
            )
        )
    return [
        Case(
            network="efficientnet-lite0",
            data=data,
            metric=metric,
            identity={"network": EFFICIENTNET_LITE0.sha256, "scored": identity},
            calibration=calibration,
            notes={**common, "scored": data},
            open=loader(scored),
            layer_sample=metric == "agreement",
        )
        for data, metric, identity, scored in sets
    ]
