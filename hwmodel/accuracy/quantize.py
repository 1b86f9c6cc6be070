"""Post-training quantisation of a PyTorch network through the formats of the hardware.

Weights and inputs of every chosen layer are rounded by `hwmodel.formats`, the arithmetic that the
golden model and the RTL are checked against, scaled back, and multiplied by PyTorch's FP32
kernels. How far those kernels' sums lie from the units' accumulators is measured in `exactness`.

Layers are changed in place by hooks, and put back when a context ends; the network itself (and
its FP32 weights) stays as it was.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from hwmodel.accuracy.recipes import Recipe
from hwmodel.errors import HwmodelError
from hwmodel.formats import Format

__all__ = [
    "InputRange",
    "calibrate",
    "input_scale",
    "layers_of",
    "quantize_input",
    "quantize_tensor",
    "quantize_weight",
    "quantized",
]

# Magnitudes kept of a layer's input to search the MSE-optimal range on: all of the largest, whose
# clipping decides, and a random sample that stands for the others.
LARGEST = 1024
SAMPLED = 8192
# Ranges tried, as shares of the absolute maximum (Kuzmin et al. 2208.09225 try 111 from 0.1 to
# 1.2; heavy tails ask for smaller shares, and more than 1 cannot help a symmetric grid).
SEARCH = np.geomspace(0.01, 1.0, 64)


def layers_of(network: nn.Module, prefix: str = "") -> dict[str, nn.Module]:
    """Linear and convolution layers of a network by name, those below `prefix` only."""
    return {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d) and name.startswith(prefix)
    }


def quantize_tensor(x: Tensor, fmt: Format, scale: Tensor) -> Tensor:
    """Round ``x / scale`` to the grid of `fmt`, saturating, and scale back (FP32).

    `scale` broadcasts against `x`.
    """
    scaled = (x / scale).contiguous()
    rounded = torch.from_numpy(np.ascontiguousarray(fmt.quantize(scaled.numpy())))
    return rounded.mul_(scale)


def _scale(absmax: Tensor, fmt: Format) -> Tensor:
    """Scale that puts `absmax` on the largest value; 1 where a tensor is all zero."""
    return torch.where(absmax > 0, absmax / fmt.max_value, torch.ones_like(absmax))


def weight_scale(weight: Tensor, fmt: Format) -> Tensor:
    """One scale per output channel (first dimension), from the absolute maximum."""
    absmax = weight.abs().amax(dim=tuple(range(1, weight.dim())), keepdim=True)
    return _scale(absmax, fmt)


def quantize_weight(weight: Tensor, fmt: Format) -> Tensor:
    """Weights rounded with one scale per output channel."""
    return quantize_tensor(weight, fmt, weight_scale(weight, fmt))


def input_scale(x: Tensor, module: nn.Module, recipe: Recipe, static: float | None) -> Tensor:
    """Scale of a layer's input under a recipe.

    Parameters
    ----------
    x : Tensor
        The input: ``(..., tokens, channels)`` of a linear layer, ``(n, c, h, w)`` of a convolution.
    module : Module
        The layer.
    recipe : Recipe
        Its activation format and granularity are used.
    static : float or None
        Range of the tensor from calibration, for static scales.

    Raises
    ------
    HwmodelError
        A static scale without a calibrated range.
    """
    fmt = recipe.activation_format
    if recipe.granularity == "tensor-static":
        if static is None:
            raise HwmodelError("a static scale needs the range of a calibration run; none came")
        return _scale(torch.tensor(static, dtype=torch.float32), fmt)
    axes = (1, 2, 3) if isinstance(module, nn.Conv2d) else (-1,)
    return _scale(x.abs().amax(dim=axes, keepdim=True), fmt)


def quantize_input(x: Tensor, module: nn.Module, recipe: Recipe, static: float | None) -> Tensor:
    """Round a layer's input as a recipe says."""
    return quantize_tensor(x, recipe.activation_format, input_scale(x, module, recipe, static))


@dataclass
class InputRange:
    """What calibration learns about the input of one layer: magnitudes only.

    Parameters
    ----------
    largest : ndarray
        The largest magnitudes met, all of them.
    sample : ndarray
        A random sample of all magnitudes; those above the least of the largest are left out.
    count : int
        Elements met in all.
    energy : float
        Sum of their squares.
    """

    largest: npt.NDArray[np.float32]
    sample: npt.NDArray[np.float32]
    count: int
    energy: float

    @property
    def absmax(self) -> float:
        """Largest magnitude met."""
        return float(self.largest.max(initial=0.0))

    @property
    def absmax_over_rms(self) -> float:
        """How far the largest magnitude stands out: absmax / rms."""
        rms = (self.energy / self.count) ** 0.5 if self.count else 0.0
        return self.absmax / rms if rms else 0.0

    def merged(self, x: npt.NDArray[np.float32], rng: np.random.Generator) -> "InputRange":
        """Return the range after meeting more values."""
        magnitude = np.abs(x).reshape(-1)
        # Only what exceeds the smallest of the largest so far can join them.
        floor = self.largest[0] if self.largest.size == LARGEST else np.float32(-1)
        above = magnitude[magnitude > floor]
        if above.size > LARGEST:
            above = np.partition(above, above.size - LARGEST)[above.size - LARGEST :]
        top = np.concatenate([self.largest, above])
        draw = magnitude[rng.integers(0, magnitude.size, SAMPLED)]
        top.sort()
        # Reservoir by shares: each batch is represented by its share of all elements.
        count = self.count + magnitude.size
        share = magnitude.size / count
        ours = self.sample[rng.random(self.sample.size) >= share] if self.count else self.sample
        theirs = draw[: max(0, SAMPLED - ours.size)]
        return InputRange(
            top[-LARGEST:],
            np.concatenate([ours, theirs]).astype(np.float32),
            count,
            self.energy + float(np.dot(magnitude, magnitude)),
        )

    def best_range(self, fmt: Format) -> float:
        """Range of least mean squared error of `fmt` on the values met (line search)."""
        if self.absmax == 0:
            return 0.0
        others = self.sample[self.sample <= self.largest[0]]
        weight = (self.count - self.largest.size) / max(1, others.size)
        errors = []
        for share in SEARCH:
            scale = np.float32(share * self.absmax / fmt.max_value)
            total = 0.0
            for values, times in ((self.largest, 1.0), (others, weight)):
                error = fmt.quantize(values / scale) * scale - values
                total += times * float(np.sum(np.square(error, dtype=np.float64)))
            errors.append(total)
        return float(SEARCH[int(np.argmin(errors))] * self.absmax)

    def range_for(self, recipe: Recipe) -> float:
        """Range of the activations under a recipe."""
        if recipe.clip == "mse":
            return self.best_range(recipe.activation_format)
        return self.absmax


def calibrate(
    layers: dict[str, nn.Module], run: Callable[[], None], seed: int = 0
) -> dict[str, InputRange]:
    """Watch the inputs of layers while `run` sends calibration data through the network.

    Returns
    -------
    dict
        The range of each layer's input, by the layer's name.
    """
    rng = np.random.default_rng(seed)
    empty: npt.NDArray[np.float32] = np.zeros(0, np.float32)
    ranges = {name: InputRange(empty, empty, 0, 0.0) for name in layers}

    def watch(name: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        def hook(_: nn.Module, inputs: tuple[Any, ...]) -> None:
            ranges[name] = ranges[name].merged(inputs[0].detach().numpy(), rng)

        return hook

    with contextlib.ExitStack() as stack:
        for name, module in layers.items():
            stack.callback(module.register_forward_pre_hook(watch(name)).remove)
        run()
    return ranges


@contextlib.contextmanager
def quantized(
    layers: dict[str, nn.Module],
    recipe: Recipe,
    ranges: dict[str, float],
    weights: dict[str, Tensor] | None = None,
) -> Iterator[None]:
    """Run a network with layers quantised as a recipe says, as long as the context lasts.

    Parameters
    ----------
    layers : dict
        Layers to quantise, by name.
    recipe : Recipe
        Formats and scales.
    ranges : dict
        Range of each layer's input, for static scales; may be empty otherwise.
    weights : dict, optional
        Already rounded weights to share between recipes; made here where absent.
    """
    rounded = weights if weights is not None else {}

    def round_input(name: str) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Any, ...]]:
        def hook(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
            return (quantize_input(inputs[0], module, recipe, ranges.get(name)), *inputs[1:])

        return hook

    with contextlib.ExitStack() as stack:
        for name, module in layers.items():
            original = module.weight.data
            if name not in rounded:
                rounded[name] = quantize_weight(original, recipe.weight_format)
            stack.callback(setattr, module.weight, "data", original)
            module.weight.data = rounded[name]
            stack.callback(module.register_forward_pre_hook(round_input(name)).remove)
        yield
