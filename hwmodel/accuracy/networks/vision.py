"""Score EfficientNet-Lite0 on pictures: classes, and logits against those of FP32."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from hwmodel.accuracy.networks.efficientnet_lite import EfficientNetLite0
from hwmodel.accuracy.pictures import Pictures
from hwmodel.accuracy.quantize import layers_of

__all__ = ["Classifier"]

BATCH = 16
# Pictures of the layer-by-layer table.
LAYER_SAMPLE = 16


class Classifier:
    """EfficientNet-Lite0 in FP32, with what the evaluation asks of a network.

    Parameters
    ----------
    network : EfficientNetLite0
        The pretrained network.
    scored, calibration : Pictures
        Pictures to score and pictures to set static ranges on.
    """

    def __init__(self, network: EfficientNetLite0, scored: Pictures, calibration: Pictures) -> None:
        self.network = network
        self.scored = scored
        self.calibration = calibration

    @property
    def layers(self) -> dict[str, nn.Module]:
        """Layers that are quantised: all 49 convolutions (the first, too) and the classifier."""
        return layers_of(self.network)

    def _logits(self, inputs: npt.NDArray[np.float32]) -> Tensor:
        with torch.inference_mode():
            return torch.cat([self.network(part) for part in torch.from_numpy(inputs).split(BATCH)])

    def run_calibration(self) -> None:
        """Send the calibration pictures through the network."""
        self._logits(self.calibration.inputs)

    def run_layer_sample(self) -> None:
        """Send the data of the layer-by-layer table through: a few scored pictures."""
        self._logits(self.scored.inputs[:LAYER_SAMPLE])

    def outputs(self) -> dict[str, npt.NDArray[Any]]:
        """Return the logits of the network as it stands."""
        return {"logits": self._logits(self.scored.inputs).numpy()}

    def score(
        self, outputs: dict[str, npt.NDArray[Any]], reference: dict[str, npt.NDArray[Any]]
    ) -> dict[str, Any]:
        """Score what `outputs` returned against what it returned for the FP32 network.

        Returns
        -------
        dict
            hits: pictures put into their class, None without labels; agree: into FP32's class;
            kl: mean Kullback-Leibler divergence from FP32, nats; logit_signal, logit_error:
            energies of FP32's logits and of the difference, each picture's mean taken away.
        """
        ours, base = torch.from_numpy(outputs["logits"]), torch.from_numpy(reference["logits"])
        choice = ours.argmax(-1)
        labels = self.scored.labels
        log_ours, log_base = ours.log_softmax(-1).double(), base.log_softmax(-1).double()
        difference = (ours - base).double()
        difference -= difference.mean(-1, keepdim=True)
        centred = base.double() - base.double().mean(-1, keepdim=True)
        return {
            "hits": None if labels is None else int(np.sum(choice.numpy() == labels)),
            "agree": int((choice == base.argmax(-1)).sum()),
            "count": len(choice),
            "kl": float((log_base.exp() * (log_base - log_ours)).sum(-1).mean()),
            "logit_signal": float(centred.square().sum()),
            "logit_error": float(difference.square().sum()),
        }
