"""Operands of a real layer: the streams that a unit in an accelerator would see.

The first use runs the network once and keeps a slice of the layer (some rows of its input, all its
weights) in the store; after that no PyTorch is needed.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.accuracy.cases import Case, cases_for, require_torch
from hwmodel.errors import HwmodelError
from hwmodel.formats import Format
from hwmodel.store import Store, content_key
from hwmodel.units import UnitSpec

__all__ = ["LAYERS", "LayerSlice", "captured_operands", "layer_slice"]

Progress = Callable[[str], None]

# Raise when what is captured changes.
CAPTURE_VERSION = 1
ROWS = 64

# Name of a stimulus: network and layer. A middle block of each, and a dense product in both.
LAYERS = {
    "smollm2": ("smollm2-135m", "model.layers.15.mlp.down_proj"),
    "efficientnet": ("efficientnet-lite0", "blocks.8.project"),
}


@dataclass(frozen=True)
class LayerSlice:
    """Part of a layer as a matrix product.

    Parameters
    ----------
    description : str
        Network, layer and data.
    inputs : ndarray of float32, shape (rows, products)
        Rows of the layer's FP32 input: tokens, or positions of a convolution (im2col).
    weights : ndarray of float32, shape (outputs, products)
        All weights.
    input_range : float
        Absolute maximum of the whole input on calibration data.
    """

    description: str
    inputs: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    input_range: float

    def input_scale(self, fmt: Format) -> float:
        """Scale of the activations: one for the tensor, static."""
        return self.input_range / fmt.max_value if self.input_range > 0 else 1.0

    def weight_scales(self, fmt: Format) -> npt.NDArray[np.float32]:
        """Scales of the weights, one per output, shape (outputs, 1)."""
        absmax = np.abs(self.weights).max(axis=1, keepdims=True)
        return np.where(absmax > 0, absmax / fmt.max_value, 1.0).astype(np.float32)


def layer_slice(
    layer: str = "smollm2", progress: Progress | None = None, store: Store | None = None
) -> LayerSlice:
    """Return a slice of a named layer, from the store or by running the network.

    Raises
    ------
    HwmodelError
        The name is unknown; or the slice is not in the store and PyTorch or the network cannot
        be had.
    """
    if layer not in LAYERS:
        raise HwmodelError(f"unknown captured layer {layer!r}, expected one of {', '.join(LAYERS)}")
    network_name, layer_name = LAYERS[layer]
    (case,) = [c for c in cases_for((network_name,), None, 1, progress) if c.layer_sample]
    store = store or Store()
    # Not of the tools' versions: a stimulus has to be had without them, and says which made it.
    key = content_key(
        version=CAPTURE_VERSION, calibration=case.calibration, layer=layer_name, rows=ROWS
    )
    found = _stored(store, key)
    return found if found is not None else _capture(case, layer_name, store, key, progress)


def _stored(store: Store, key: str) -> LayerSlice | None:
    entry = store.load("captured", key)
    raw = store.load_bytes("captured", key, ".npz")
    if entry is None or raw is None:
        return None
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as file:
            inputs, weights = file["inputs"], file["weights"]
    except (ValueError, OSError, EOFError, KeyError):
        return None
    return LayerSlice(entry["description"], inputs, weights, entry["input_range"])


def _capture(
    case: Case, layer_name: str, store: Store, key: str, progress: Progress | None
) -> LayerSlice:
    try:
        require_torch()
    except HwmodelError as error:
        raise HwmodelError(
            f"operands of {case.network} are not captured yet, and {error}"
        ) from None
    import torch

    network = case.open()
    if layer_name not in network.layers:
        raise HwmodelError(f"{case.network} has no layer {layer_name}")
    module = network.layers[layer_name]
    seen: list[Any] = []
    handle = module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    if progress:
        progress(f"capturing the input of {layer_name} of {case.network}")
    try:
        network.run_calibration()
    finally:
        handle.remove()
    absmax = max(float(x.abs().max()) for x in seen)
    matrix = torch.cat([_rows_of(module, x) for x in seen]).numpy()
    chosen = np.sort(np.random.default_rng(0).choice(len(matrix), ROWS, replace=False))
    description = (
        f"{case.notes['network']}, layer {layer_name}: {ROWS} rows of its input on"
        f" {case.notes['calibration']} (torch {torch.__version__})"
    )
    weights = module.weight.detach().flatten(1).numpy().astype(np.float32)
    inputs = np.ascontiguousarray(matrix[chosen], dtype=np.float32)
    file = io.BytesIO()
    np.savez(file, inputs=inputs, weights=weights)
    store.save_bytes("captured", key, ".npz", file.getvalue())
    store.save("captured", key, {"description": description, "input_range": absmax})
    return LayerSlice(description, inputs, weights, absmax)


def _rows_of(module: Any, x: Any) -> Any:
    """Input of a layer as a matrix whose rows are multiplied by rows of weights (im2col)."""
    import torch

    if isinstance(module, torch.nn.Linear):
        return x.flatten(0, -2)
    if module.groups != 1:
        raise HwmodelError("a grouped convolution is no single matrix product; name a dense layer")
    padded = module.pad(x) if hasattr(module, "pad") else x
    columns = torch.nn.functional.unfold(padded, module.kernel_size, stride=module.stride)
    return columns.transpose(1, 2).flatten(0, 1)


def captured_operands(
    spec: UnitSpec,
    count: int,
    seed: int = 0,
    layer: str = "smollm2",
    progress: Progress | None = None,
    order: str = "os",
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], str]:
    """Operand codes of a real layer in the order that a dataflow feeds them to one MAC.

    Operand a is the activation (one static scale per tensor, from the absolute maximum on
    calibration data), b the weight (one scale per output channel).

    Output-stationary: all products of one output in turn, then those of another row and output,
    drawn at random; both operands change in every cycle. Weight-stationary: one weight, drawn at
    random, is held while the activations that it meets in all captured rows stream past, then
    another. The unit adds up what it sees in both cases; in an array with stationary weights the
    sum would come from the neighbour instead, so the accumulator's share is not that of an array.

    Parameters
    ----------
    spec : UnitSpec
        Its operand formats are used.
    count : int
        Operand pairs.
    seed : int
        Of the choice of rows and outputs.
    layer : str
        One of `LAYERS`.
    progress : callable, optional
        Told what is fetched and run the first time.
    order : str
        ``os`` (output-stationary) or ``ws`` (weight-stationary).

    Returns
    -------
    a_codes, b_codes : ndarray of unsigned int, shape (count,)
        Codes.
    description : str
        Network, layer, data and scales, for provenance.

    Raises
    ------
    HwmodelError
        As `layer_slice`.
    """
    part = layer_slice(layer, progress)
    if order not in ("os", "ws"):
        raise HwmodelError(f"expected the order os or ws of captured operands, got {order!r}")
    rows, products = part.inputs.shape
    turns = -(-count // (products if order == "os" else rows))
    rng = np.random.default_rng(seed)
    first = rng.integers(0, rows if order == "os" else products, turns)
    outputs = rng.integers(0, len(part.weights), turns)
    scales = part.weight_scales(spec.b)
    if order == "os":
        values = part.inputs[first]
        weights = part.weights[outputs]
        text = f"{products} products of an output in turn, outputs at random"
    else:
        values = part.inputs[:, first].T
        weights = np.repeat(part.weights[outputs, first][:, None], rows, axis=1)
        text = f"each weight held while {rows} activations stream, weights at random"
    a = spec.a.encode(values / np.float32(part.input_scale(spec.a)))
    b = spec.b.encode(weights / scales[outputs])
    description = (
        f"{part.description}; activations {spec.a.name} with one static scale, weights"
        f" {spec.b.name} with one per output; {text} (seed {seed})"
    )
    return a.reshape(-1)[:count], b.reshape(-1)[:count], description
