"""Score SmolLM2 on windows of text: log-likelihoods, and logits against those of FP32."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from hwmodel.accuracy.networks.smollm2 import load_smollm2
from hwmodel.accuracy.quantize import layers_of

__all__ = ["LanguageModel"]

# Everything with weights but the embedding and the output head, which share one table.
PREFIX = "model.layers."


class LanguageModel:
    """SmolLM2 in FP32, with what the evaluation asks of a network.

    Parameters
    ----------
    scored, calibration : ndarray of int64, shape (windows, tokens)
        Token ids; each window is a sequence for itself.
    progress : callable, optional
        Told what is loaded.
    """

    def __init__(
        self,
        scored: npt.NDArray[np.int64],
        calibration: npt.NDArray[np.int64],
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self.network: Any = load_smollm2(progress)
        self.scored = torch.from_numpy(scored)
        self.calibration = torch.from_numpy(calibration)

    @property
    def layers(self) -> dict[str, nn.Module]:
        """Layers that are quantised: all 210 linears of the decoder."""
        return layers_of(self.network, PREFIX)

    def _hidden(self, window: Tensor) -> Tensor:
        """Input of the output head, shape (tokens, channels)."""
        hidden: Tensor = self.network.model(window[None], use_cache=False).last_hidden_state[0]
        return hidden

    def run_calibration(self) -> None:
        """Send the calibration windows through the network."""
        with torch.inference_mode():
            for window in self.calibration:
                self._hidden(window)

    def run_layer_sample(self) -> None:
        """Send the data of the layer-by-layer table through: the first scored window."""
        with torch.inference_mode():
            self._hidden(self.scored[0])

    def outputs(self) -> dict[str, npt.NDArray[Any]]:
        """Return the hidden states of the network as it stands, in front of the output head."""
        with torch.inference_mode():
            return {"hidden": torch.stack([self._hidden(w) for w in self.scored]).numpy()}

    def score(
        self, outputs: dict[str, npt.NDArray[Any]], reference: dict[str, npt.NDArray[Any]]
    ) -> dict[str, Any]:
        """Score what `outputs` returned against what it returned for the FP32 network.

        Returns
        -------
        dict
            nll: per window and predicted token, nats; hits: predicted tokens that are the next
            one; agree: those that are FP32's; kl: mean Kullback-Leibler divergence from FP32,
            nats; logit_signal, logit_error: energies of FP32's logits and of the difference,
            each position's mean over the vocabulary taken away (a common shift changes nothing).
        """
        nll, hits, agree, kl, signal, error, count = [], 0, 0, 0.0, 0.0, 0.0, 0
        with torch.inference_mode():
            for window, mine, theirs in zip(
                self.scored, outputs["hidden"], reference["hidden"], strict=True
            ):
                ours = self._logits(torch.from_numpy(mine))
                base = self._logits(torch.from_numpy(theirs))
                # The last position predicts a token outside the window.
                target = window[1:]
                log_ours, log_base = ours.log_softmax(-1), base.log_softmax(-1)
                nll.append((-log_ours.gather(-1, target[:, None])[:, 0]).tolist())
                choice = ours.argmax(-1)
                hits += int((choice == target).sum())
                agree += int((choice == base.argmax(-1)).sum())
                kl += float((log_base.exp() * (log_base - log_ours)).sum().double())
                signal += float((base - base.mean(-1, keepdim=True)).square().sum().double())
                difference = ours - base
                difference -= difference.mean(-1, keepdim=True)
                error += float(difference.square().sum().double())
                count += len(target)
        return {
            "nll": nll,
            "hits": hits,
            "agree": agree,
            "count": count,
            "kl": kl / count,
            "logit_signal": signal,
            "logit_error": error,
        }

    def _logits(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.network.lm_head(hidden[:-1])
        return logits
