"""Operand streams under which energy is measured, by name.

Energy per MAC depends on what is multiplied, so every figure names its stream. Floating streams
are made as real tensors are: draw values, scale them so that a stated magnitude meets the format's
largest value, quantise. Codes that stand for NaN or an infinity never occur.
"""

import copy
import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwmodel.errors import HwmodelError
from hwmodel.formats import Format
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = ["ACCUMULATION_LENGTH", "STIMULI", "Stimulus", "check_name", "operands", "stimulus_names"]

# Products that are summed before the accumulator starts anew.
ACCUMULATION_LENGTH = 64
# Magnitude of the Gaussian stream that meets the format's largest value, in standard deviations.
_CLIP_SIGMA = 4.0
# Degrees of freedom of the heavy-tailed stream.
_STUDENT_DOF = 3
# Operands are scaled down no further where sums leave the accumulator.
_MOST_HALVINGS = 200

STIMULI = (
    *("uniform", "gaussian", "outliers", "relu", "sparse50", "sparse90"),
    *("captured", "captured-ws", "captured-os"),
)
_CAPTURED = "captured"
_CAPTURED_LAYER = "smollm2"
# Orders in which a dataflow feeds captured operands; `captured` alone is the second.
_ORDERS = ("ws", "os")


@dataclass(frozen=True, eq=False)
class Stimulus:
    """One stream of T operand pairs.

    Attributes
    ----------
    name : str
        Name in `STIMULI`.
    a_codes, b_codes : array of unsigned int, shape (T,)
        Operand codes.
    valid, clear : array of bool, shape (T,)
        Control inputs.
    description : str
        What the operands are, in one sentence.
    """

    name: str
    a_codes: NDArray[Any]
    b_codes: NDArray[Any]
    valid: NDArray[np.bool_]
    clear: NDArray[np.bool_]
    description: str

    def sha256(self) -> str:
        """Hash of all that the unit sees."""
        digest = hashlib.sha256()
        for array in (self.a_codes, self.b_codes, self.valid, self.clear):
            digest.update(np.ascontiguousarray(array, np.uint32).tobytes())
        return digest.hexdigest()


def operands(spec: UnitSpec, name: str, count: int, seed: int) -> Stimulus:
    """Operand stream of a unit.

    Parameters
    ----------
    spec : UnitSpec
        The unit; the streams of both operands are independent.
    name : str
        ``uniform``: each finite code equally often. ``gaussian``: normal values, 4 standard
        deviations at the largest value of the format, clipped there. ``outliers``: Student-t
        values with 3 degrees of freedom, the largest of the stream at the largest value of the
        format. ``relu``: as ``gaussian``, but operand a, the activation, is 0 where it would be
        negative. ``sparse50`` and any ``sparseNN``: as ``gaussian``, but NN % of the activations,
        at random, are 0. ``captured``: activations (a) and weights (b) of a layer of a real
        network; ``captured-LAYER`` those of another one of `hwmodel.accuracy.capture.LAYERS`.
        With ``-ws`` at its end in the order of a weight-stationary dataflow (one weight held while
        activations stream), with ``-os`` or nothing in that of an output-stationary one (all
        products of an output in turn, both operands new in every cycle).
        Streams that are drawn, but for ``uniform``, are scaled down by a power of two where their
        sums would leave a floating-point accumulator, as scales of a real layer are chosen.
    count : int
        Number of operand pairs, one a clock cycle; the accumulator is cleared every
        `ACCUMULATION_LENGTH`.
    seed : int
        Of the random numbers.

    Raises
    ------
    HwmodelError
        An unknown name, no operands, or ``captured`` where the network cannot be had.
    """
    check_name(name)
    if count < 1:
        raise HwmodelError(f"expected a stimulus of at least 1 operand pair, got {count}")
    if name.startswith(_CAPTURED):
        from hwmodel.accuracy.capture import captured_operands

        layer, order = _captured_parts(name)
        a, b, text = captured_operands(spec, count, seed, layer, order=order)
    else:
        a, b, text = _made(spec, name, count, seed)
        text += f"; independent, in random order (seed {seed})"
    a, b = _finite(spec.a, np.asarray(a)), _finite(spec.b, np.asarray(b))
    clear = np.arange(count) % ACCUMULATION_LENGTH == 0
    return Stimulus(
        name,
        a,
        b,
        np.ones(count, bool),
        clear,
        f"{text}; {count} pairs, accumulator cleared every {ACCUMULATION_LENGTH} products",
    )


def _made(
    spec: UnitSpec, name: str, count: int, seed: int
) -> tuple[NDArray[Any], NDArray[Any], str]:
    """Operands of a stream that is drawn, and what they are."""
    streams = np.random.default_rng(seed).spawn(3)
    sparse = _sparsity(name)
    base = "gaussian" if sparse is not None or name == "relu" else name
    make = {"uniform": _uniform, "gaussian": _gaussian, "outliers": _outliers}[base]
    text = {
        "uniform": "codes drawn uniformly from the finite ones",
        "gaussian": f"normal values, {_CLIP_SIGMA:g} sigma at the format's maximum (clipped)",
        "outliers": (
            f"Student-t values ({_STUDENT_DOF} degrees of freedom), largest of the stream at"
            " the format's maximum"
        ),
    }[base]
    dropped = None
    if name == "relu":
        # Of an unsigned format the codes hold magnitudes: half of them would be negative.
        dropped = streams[2].random(count) < 0.5
        text += "; activations (a) 0 where they would be negative"
    elif sparse is not None:
        dropped = streams[2].random(count) < sparse / 100
        text += f"; {sparse} % of the activations (a) 0"

    def draw(halvings: int) -> tuple[NDArray[Any], NDArray[Any]]:
        rng_a, rng_b = copy.deepcopy(streams[:2])
        a = make(spec.a, count, rng_a, 0.5 ** (halvings - halvings // 2))
        if dropped is not None:
            negative = name == "relu" and spec.a.min_value < 0
            zero = spec.a.decode(a) < 0 if negative else dropped
            a = np.where(zero, spec.a.encode(np.zeros(1))[0], a)
        return a, make(spec.b, count, rng_b, 0.5 ** (halvings // 2))

    a, b = draw(0)
    halvings = 0
    while base != "uniform" and halvings < _MOST_HALVINGS:
        missing = _overflow_bits(spec, a, b)
        if not missing:
            break
        halvings += missing
        a, b = draw(halvings)
    if halvings:
        text += (
            f"; scaled down by 2^{halvings} in all, for else sums would leave"
            f" {spec.accumulator.name}"
        )
    return a, b, text


def _overflow_bits(spec: UnitSpec, a: NDArray[Any], b: NDArray[Any]) -> int:
    """By how many powers of two the sums exceed a floating-point accumulator; 0 if they do not.

    There an infinity or NaN would stay, and the energy be that of a unit at rest.
    """
    if not isinstance(spec.register, FloatAccumulator):
        return 0
    products = spec.a.decode(a) * spec.b.decode(b)
    filled = -(-products.size // ACCUMULATION_LENGTH) * ACCUMULATION_LENGTH
    rows = np.pad(products, (0, filled - products.size)).reshape(-1, ACCUMULATION_LENGTH)
    peak = float(np.abs(np.cumsum(rows, axis=1)).max(initial=0.0))
    largest = spec.register.format.max_value
    return int(np.frexp(peak / largest)[1]) if peak > largest else 0


def check_name(name: str) -> None:
    """Refuse a name that `operands` does not know.

    Raises
    ------
    HwmodelError
        It is not one of `STIMULI` (nor ``sparseNN``, nor ``captured-`` and a layer).
    """
    if name not in STIMULI and _sparsity(name) is None and not name.startswith(f"{_CAPTURED}-"):
        raise HwmodelError(f"expected a stimulus out of {', '.join(STIMULI)}; got {name!r}")


def stimulus_names(text: str) -> tuple[str, ...]:
    """Names in a list with commas; ``all`` is every one of `STIMULI`, each order of captured once.

    Raises
    ------
    HwmodelError
        One of them is unknown.
    """
    if text == "all":
        return tuple(name for name in STIMULI if name != _CAPTURED)
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    for name in names:
        check_name(name)
    return names


def _sparsity(name: str) -> int | None:
    """Per cent of zeros that a name such as ``sparse90`` asks for."""
    digits = name.removeprefix("sparse")
    fits = digits != name and digits.isdecimal() and len(digits) <= 2
    return int(digits) if fits else None


def _captured_parts(name: str) -> tuple[str, str]:
    """Layer and order of a name such as ``captured-smollm2-ws``."""
    parts = name.split("-")[1:]
    order = parts.pop() if parts and parts[-1] in _ORDERS else "os"
    return "-".join(parts) or _CAPTURED_LAYER, order


def _finite(fmt: Format, codes: NDArray[Any]) -> NDArray[Any]:
    if not np.isfinite(fmt.decode(codes)).all():
        raise HwmodelError(
            f"operand streams hold finite values; NaN or infinity in {fmt.name} came"
        )
    return codes


def _uniform(fmt: Format, count: int, rng: np.random.Generator, share: float) -> NDArray[Any]:
    codes = np.arange(fmt.code_count)
    codes = codes[np.isfinite(fmt.decode(codes))]
    return codes[rng.integers(0, codes.size, count)]


def _scaled(fmt: Format, values: NDArray[np.float64], limit: float, share: float) -> NDArray[Any]:
    """Codes of values, of which `limit` meets a share of the largest; magnitudes if unsigned."""
    if fmt.min_value >= 0:
        values = np.abs(values)
    return fmt.encode(np.clip(values, -limit, limit) * (fmt.max_value * share / limit))


def _gaussian(fmt: Format, count: int, rng: np.random.Generator, share: float) -> NDArray[Any]:
    return _scaled(fmt, rng.standard_normal(count), _CLIP_SIGMA, share)


def _outliers(fmt: Format, count: int, rng: np.random.Generator, share: float) -> NDArray[Any]:
    values = rng.standard_t(_STUDENT_DOF, count)
    return _scaled(fmt, values, float(np.abs(values).max()), share)
