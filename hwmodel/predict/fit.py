"""Fitted models: the gate count with the weight of every part corrected by measured rows.

A quantity is a sum over parts, ``y = sum_j v_j * x_j``, where ``x_j`` is what the plain gate count
says of part j. Non-negative least squares on relative errors minimises
``mean_i (1 - y_i(v) / y_i)^2 + pull * sum_j (v_j / scale - 1)^2`` over ``v >= 0``, with the scale
that suits the plain gate count best: no part has a negative price, and where rows cannot tell two
parts apart the gate count decides.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hwmodel.errors import HwmodelError
from hwmodel.predict.datapath import datapath_of
from hwmodel.predict.features import FLOAT, Features
from hwmodel.predict.gates import CELL_NAND2, LEVEL_GATES

__all__ = ["LEAST_ROWS", "Fit", "Parts", "area_parts", "delay_parts", "fit_sum", "switching_parts"]

# Fewer rows than this are no basis for weights, nor for an error.
LEAST_ROWS = 5
# Weak: a price twice that of the gate count costs as much as 0.3 % of error in every row. Choosing
# it in an inner cross-validation instead did not lower the mean square error of left-out units.
_PULL = 1e-5
# NAND2 equivalents that a changed flip-flop moves besides its clock; only the start of the fit.
_REGISTERED = CELL_NAND2["flip_flops"]

Floats = NDArray[np.float64]
Parts = dict[str, float]


@dataclass(frozen=True)
class Fit:
    """A fitted sum over parts.

    Attributes
    ----------
    weights : dict of str to float
        By part, in the quantity's unit for each unit of the plain gate model.
    rows : int
        Measured rows that it was fitted to.
    """

    weights: dict[str, float]
    rows: int

    def predict(self, parts: Parts) -> float:
        """Value for a unit of these parts, in the quantity's unit."""
        total = 0.0
        for name, size in parts.items():  # called by the ten thousand: quicker than a generator
            total += self.weights.get(name, 0.0) * size
        return total


@lru_cache(maxsize=4096)
def area_parts(features: Features) -> Parts:
    """NAND2 equivalents by part: the area is a sum of them."""
    return {name: CELL_NAND2[name] * count for name, count in features.cells.items()}


@lru_cache(maxsize=4096)
def delay_parts(features: Features) -> Parts:
    """NAND2 delays by part: the longest path is a sum of them."""
    return {name: LEVEL_GATES[name] * steps for name, steps in features.levels.items()}


@lru_cache(maxsize=4096)
def switching_parts(features: Features) -> Parts:
    """NAND2 equivalents that switch in a cycle, by part: what clock and leakage leave of energy.

    Both operands have to change for a product to do so: what hangs on it is taken to switch as
    often as the geometric mean of the two. What comes behind the adder has a share that follows
    the sum's own changes besides.
    """
    if features.family == FLOAT:
        return _float_parts(features)
    spec, toggles = features.spec, features.toggles
    products = 2.0 * math.sqrt(toggles.a / spec.a.bits * toggles.b / spec.b.bits)
    sums = 2.0 * toggles.accumulator / spec.accumulator_bits
    parts: Parts = {}
    for name, size in area_parts(features).items():
        if name == "flip_flops":
            parts[name] = _REGISTERED * (toggles.a + toggles.b + toggles.accumulator)
        elif name == "gating":
            parts[name] = CELL_NAND2[name] * (toggles.a + toggles.accumulator)
        else:
            parts[name] = size * products
            if name == "accumulate_adders":
                parts[f"{name} of sums"] = size * sums
    return parts


def _float_parts(features: Features) -> Parts:
    """Blocks of a unit with a floating-point accumulator, each with what makes it switch.

    What lies behind the aligner switches for three reasons: the addends move against each other,
    the sum itself changes, and a changed sign complements one addend.
    """
    size, toggles, words = area_parts(features), features.toggles, datapath_of(features.spec)
    behind = sum(
        size[name] for name in ("accumulate_adders", "normalise_muxes", "round_adders", "subnormal")
    )
    window = features.cells["accumulate_adders"]
    # A bit that changes half of the time counts as 1, the distance as if it had four such bits.
    moves, totals = words.amount / 2.0, 2.0 * words.total / window
    product = size["partial_products"] + size["product_adders"]
    exponents = size["product_exponents"] + size["exponent_adders"] + size["decode"]
    return {
        "flip_flops": _REGISTERED * (toggles.a + toggles.b + toggles.accumulator),
        "product": product * words.product / words.product_bits,
        "exponents": exponents * moves,
        "align by distance": size["align_muxes"] * moves,
        "align by addend": size["align_muxes"] * words.smaller / window,
        "sum by distance": behind * moves,
        "sum by total": behind * totals,
        "sum by sign": behind * words.subtract,
    }


def fit_sum(quantity: str, units: Sequence[Parts], values: Sequence[float]) -> Fit:
    """Fit the weights of one quantity to units of one family.

    Parameters
    ----------
    quantity
        Its name, for the error.
    units, values
        Parts of the measured units, and the quantity measured for each; all positive.

    Raises
    ------
    HwmodelError
        Too few rows.
    """
    from scipy.optimize import nnls

    if len(units) < LEAST_ROWS:
        raise HwmodelError(
            f"a model of {quantity} is fitted to {LEAST_ROWS} measured units or more, but"
            f" {len(units)} came; measure more with: hwmodel predict --collect -o FILE"
        )
    names = sorted({name for parts in units for name, size in parts.items() if size})
    sizes = np.array([[parts.get(name, 0.0) for name in names] for parts in units])
    relative: Floats = sizes / np.asarray(values, np.float64)[:, None]
    totals = relative.sum(axis=1)
    scale = float(totals.sum() / (totals**2).sum())
    # The pull, written as one more row for each weight.
    pull = math.sqrt(_PULL * len(units)) * np.eye(len(names))
    system = np.vstack([relative * scale, pull])
    target = np.concatenate([np.ones(len(units)), pull.sum(axis=1)])
    weights, _ = nnls(system, target)
    found = {name: float(scale * weight) for name, weight in zip(names, weights, strict=True)}
    return Fit(found, len(units))
