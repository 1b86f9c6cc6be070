"""What becomes of a network's tensors: formats, scale granularity and range setting.

May be imported from anywhere; imports formats and errors only (no PyTorch).
"""

from dataclasses import dataclass
from typing import Literal

from hwmodel.errors import HwmodelError
from hwmodel.formats import Format, parse_format

__all__ = ["CLIPS", "DEFAULT_FORMATS", "GRANULARITIES", "Recipe", "recipes_for"]

Granularity = Literal["tensor-static", "token-dynamic"]
Clip = Literal["absmax", "mse"]

DEFAULT_FORMATS = ("int8", "e4m3", "e3m4", "e5m2", "e2m5")
GRANULARITIES: tuple[Granularity, ...] = ("tensor-static", "token-dynamic")
CLIPS: tuple[Clip, ...] = ("absmax", "mse")


@dataclass(frozen=True)
class Recipe:
    """Post-training quantisation of every weighted layer of a network.

    Weights have one scale per output channel, ``absmax / max_value`` of the format: for INT8
    that is absmax / 127, and E5M2 is scaled like the others (Shen et al., 2309.14592, cast it
    without a scale). Activations have one scale per tensor, fixed on calibration data
    (``tensor-static``), or one per token, taken from the token itself (``token-dynamic``); in a
    CNN the tokens are the pictures of the batch. Nothing else is changed: biases, norms, soft
    maxima and the products of attention stay FP32.

    Parameters
    ----------
    weights, activations : str
        Names of formats.
    granularity : {"tensor-static", "token-dynamic"}
        Of the scales of activations.
    clip : {"absmax", "mse"}
        Range of static scales: the largest magnitude met in calibration, or the range of least
        mean squared error on it. Dynamic scales always use the absolute maximum.
    """

    weights: str
    activations: str
    granularity: Granularity
    clip: Clip = "absmax"

    def __post_init__(self) -> None:
        parse_format(self.weights)
        parse_format(self.activations)
        if self.granularity not in GRANULARITIES:
            raise HwmodelError(
                f"unknown granularity {self.granularity!r}, expected one of"
                f" {', '.join(GRANULARITIES)}"
            )
        if self.clip not in CLIPS:
            raise HwmodelError(f"unknown clip {self.clip!r}, expected one of {', '.join(CLIPS)}")
        if self.clip != "absmax" and self.granularity != "tensor-static":
            raise HwmodelError(
                f"clip {self.clip!r} sets a range on calibration data, which {self.granularity}"
                " scales do not use; choose tensor-static"
            )

    @property
    def weight_format(self) -> Format:
        """Format of the weights."""
        return parse_format(self.weights)

    @property
    def activation_format(self) -> Format:
        """Format of the activations."""
        return parse_format(self.activations)

    @property
    def name(self) -> str:
        """Short name, for example ``e4m3/tensor-static/absmax``."""
        formats = self.weights
        if self.activations != self.weights:
            formats = f"w-{self.weights}-a-{self.activations}"
        return f"{formats}/{self.granularity}/{self.clip}"


def recipes_for(
    formats: tuple[str, ...] = DEFAULT_FORMATS,
    granularities: tuple[Granularity, ...] = GRANULARITIES,
    clips: tuple[Clip, ...] = ("absmax",),
) -> list[Recipe]:
    """Every recipe with the same format for weights and activations.

    Raises
    ------
    HwmodelError
        A format's name is unknown.
    """
    return [
        Recipe(parse_format(name).name, parse_format(name).name, granularity, clip)
        for name in formats
        for granularity in granularities
        for clip in (clips if granularity == "tensor-static" else ("absmax",))
    ]
