"""Error and outliers layer by layer: where in a network a format loses its bits."""

import contextlib
import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from hwmodel.accuracy.metrics import ErrorPower
from hwmodel.accuracy.quantize import InputRange, quantize_input, quantize_weight
from hwmodel.accuracy.recipes import Recipe

__all__ = ["measure_layers", "outlier_rows"]


def _without_bias(module: nn.Module, inputs: Tensor, weight: Tensor) -> Tensor:
    """Return the layer's products alone: `inputs` with `weight`, no bias."""
    kept, bias = module.weight.data, module.bias
    module.weight.data, module.bias = weight, None
    try:
        return module.forward(inputs)
    finally:
        module.weight.data, module.bias = kept, bias


def _energy(reference: Tensor, noisy: Tensor) -> ErrorPower:
    difference = (noisy - reference).double()
    return ErrorPower(float(reference.double().square().sum()), float(difference.square().sum()))


def measure_layers(
    layers: dict[str, nn.Module],
    recipes: Iterable[Recipe],
    ranges: dict[str, InputRange],
    run: Callable[[], None],
) -> list[dict[str, Any]]:
    """SQNR of every layer's output, input and weights under each recipe.

    Each layer sees its FP32 input (errors of earlier layers do not add up): the output SQNR is
    ``10 log10(sum y^2 / sum (y - q)^2)`` with ``y`` the layer's FP32 products without bias and
    ``q`` the same products of rounded weights and inputs.

    Parameters
    ----------
    layers : dict
        Layers by name.
    recipes : iterable of Recipe
        What to measure.
    ranges : dict
        Calibrated range of each layer's input.
    run : callable
        Sends data through the FP32 network.

    Returns
    -------
    list of dict
        Keys layer, format, granularity, clip, output_sqnr_db, input_sqnr_db, weight_sqnr_db.
    """
    wanted = list(recipes)
    outputs: dict[tuple[str, Recipe], ErrorPower] = {}
    inputs_power: dict[tuple[str, Recipe], ErrorPower] = {}
    weights_power: dict[tuple[str, str], ErrorPower] = {}

    def watch(name: str) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
        def hook(module: nn.Module, arguments: tuple[Any, ...], _: Any) -> None:
            x, weight = arguments[0].detach(), module.weight.data
            reference = _without_bias(module, x, weight)
            rounded: dict[str, Tensor] = {}
            for recipe in wanted:
                key = (name, recipe)
                if recipe.weights not in rounded:
                    rounded[recipe.weights] = quantize_weight(weight, recipe.weight_format)
                    power = _energy(weight, rounded[recipe.weights])
                    weights_power[name, recipe.weights] = power
                q = quantize_input(x, module, recipe, ranges[name].range_for(recipe))
                inputs_power[key] = inputs_power.get(key, ErrorPower()) + _energy(x, q)
                noisy = _without_bias(module, q, rounded[recipe.weights])
                outputs[key] = outputs.get(key, ErrorPower()) + _energy(reference, noisy)

        return hook

    with contextlib.ExitStack() as stack:
        for name, module in layers.items():
            stack.callback(module.register_forward_hook(watch(name)).remove)
        with torch.inference_mode():
            run()
    return [
        {
            "layer": name,
            "format": recipe.weights,
            "granularity": recipe.granularity,
            "clip": recipe.clip,
            "output_sqnr_db": _finite(power.sqnr_db),
            "input_sqnr_db": _finite(inputs_power[name, recipe].sqnr_db),
            "weight_sqnr_db": _finite(weights_power[name, recipe.weights].sqnr_db),
        }
        for (name, recipe), power in outputs.items()
    ]


def _finite(value: float) -> float | None:
    """JSON has no infinity: None stands for a tensor without error (or without signal)."""
    return value if math.isfinite(value) else None


def outlier_rows(
    layers: dict[str, nn.Module], ranges: dict[str, InputRange]
) -> list[dict[str, Any]]:
    """How far the largest magnitudes stand out, per layer.

    Returns
    -------
    list of dict
        Keys layer, kind, outputs, products (of one output), input_absmax, input_absmax_over_rms
        (over calibration data), weight_row_absmax_over_rms (largest over output channels) and
        weight_row_spread (largest over median absolute maximum of a channel: folded networks have
        dead channels, so the smallest says nothing).
    """
    rows = []
    for name, module in layers.items():
        flat = module.weight.data.flatten(1)
        absmax, rms = flat.abs().amax(1), flat.square().mean(1).sqrt()
        live = rms > 0
        middle = float(absmax.median())
        rows.append(
            {
                "layer": name,
                "kind": type(module).__name__,
                "outputs": flat.shape[0],
                "products": flat.shape[1],
                "input_absmax": ranges[name].absmax,
                "input_absmax_over_rms": ranges[name].absmax_over_rms,
                "weight_row_absmax_over_rms": float((absmax[live] / rms[live]).max())
                if bool(live.any())
                else None,
                "weight_row_spread": float(absmax.max()) / middle if middle > 0 else None,
            }
        )
    return rows
