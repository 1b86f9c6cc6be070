"""How far the FP32 kernels' sums lie from what the units' accumulators hold.

The scores of networks are computed by PyTorch's FP32 kernels on rounded operands. A unit adds
the same products in its own accumulator, one after another. Here a slice of a layer's matrix
product goes through the golden model, code for code, and the difference is measured: the bound on
the claim that the scores are those of the hardware's arithmetic.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.accuracy.metrics import sqnr_db
from hwmodel.arithmetic import simulate
from hwmodel.formats import Format
from hwmodel.units import UnitSpec, parse_unit

__all__ = ["accumulate", "accumulators_for", "compare_kernel"]


def accumulators_for(fmt: Format) -> tuple[str, ...]:
    """Accumulators to compare: the exact sum, and what the units of the report use."""
    exact = "int32" if fmt.name.startswith(("int", "uint")) else "exact"
    return (exact, "fp32")


def accumulate(
    spec: UnitSpec, a_codes: npt.NDArray[Any], b_codes: npt.NDArray[Any]
) -> npt.NDArray[np.float64]:
    """Value of a unit's accumulator after all products of each row.

    Parameters
    ----------
    spec : UnitSpec
        The unit.
    a_codes, b_codes : ndarray of unsigned int, shape (rows, products)
        Operand codes.
    """
    after = simulate(spec, a_codes, b_codes)
    return np.asarray(spec.decode_accumulator(after[..., -1]), dtype=np.float64)


def compare_kernel(
    fmt: Format,
    activations: npt.NDArray[np.float32],
    weights: npt.NDArray[np.float32],
    activation_scale: npt.NDArray[np.float32],
    weight_scales: npt.NDArray[np.float32],
) -> list[dict[str, Any]]:
    """Compare a slice of a layer's product, by an FP32 kernel and by golden units.

    Parameters
    ----------
    fmt : Format
        Of both operands.
    activations : ndarray, shape (tokens, products)
        A few tokens of the layer's input.
    weights : ndarray, shape (outputs, products)
        A few output channels.
    activation_scale : ndarray, broadcastable to (tokens, 1)
        Scale per tensor or per token.
    weight_scales : ndarray, shape (outputs, 1)
        Scale per output channel.

    Returns
    -------
    list of dict
        Per accumulator: spec, sums, products, kernel_sqnr_db (kernel's sums against the unit's;
        None where they are equal) and rounding_sqnr_db (the quantisation error of the same sums,
        beside which the former should be negligible).
    """
    import torch

    a = fmt.encode(activations / activation_scale)
    b = fmt.encode(weights / weight_scales)
    a_values = (fmt.decode(a).astype(np.float32) * activation_scale).astype(np.float32)
    b_values = (fmt.decode(b).astype(np.float32) * weight_scales).astype(np.float32)
    kernel = torch.nn.functional.linear(
        torch.from_numpy(a_values), torch.from_numpy(b_values)
    ).numpy()
    unrounded = activations.astype(np.float64) @ weights.astype(np.float64).T
    tokens, products = a.shape
    outputs = b.shape[0]
    # Row by row as an output-stationary unit sees them: all products of one output in turn.
    pairs_a = np.repeat(a, outputs, axis=0)
    pairs_b = np.tile(b, (tokens, 1))
    rescale = (np.broadcast_to(activation_scale, (tokens, 1)) * weight_scales.T).astype(np.float64)
    rows = []
    for accumulator in accumulators_for(fmt):
        spec = parse_unit(f"mac-{fmt.name}-{fmt.name}-{accumulator}")
        sums = accumulate(spec, pairs_a, pairs_b).reshape(tokens, outputs) * rescale
        difference = sqnr_db(sums, kernel)
        rows.append(
            {
                "spec": spec.name,
                "sums": int(sums.size),
                "products": int(products),
                "kernel_sqnr_db": difference if np.isfinite(difference) else None,
                "rounding_sqnr_db": sqnr_db(unrounded, sums),
            }
        )
    return rows
