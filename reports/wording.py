"""Names and numbers as the report prints them: one place for digits and terms."""

from hwmodel.units import ExactAccumulator, parse_unit

__all__ = [
    "ACCURACY_TERMS",
    "GRANULARITY_TERMS",
    "NETWORK_TERMS",
    "NOTHING",
    "QUANTITY_DIGITS",
    "STIMULUS_TERMS",
    "accumulator_kind",
    "accumulator_term",
    "format_term",
    "number",
    "operands_and_accumulator",
    "percent",
    "unit_term",
]

# Stands where there is no figure.
NOTHING = "\N{EN DASH}"
# Decimals of each kind of figure: no more than the figure can carry.
QUANTITY_DIGITS = {
    "area_um2": 0,
    "nand2": 0,
    "delay_ns": 2,
    "energy_fj": 0,
    "ratio": 2,
    "sqnr_db": 1,
    "perplexity": 2,
    "share": 1,  # in percent
    "clock_ns": 2,
}
NETWORK_TERMS = {"smollm2-135m": "SmolLM2-135M", "efficientnet-lite0": "EfficientNet-Lite0"}
ACCURACY_TERMS = {
    "perplexity": "perplexity",
    "top1": "top-1 accuracy",
    "agreement": "agreement with FP32",
}
GRANULARITY_TERMS = {
    "tensor-static": "static, one scale per tensor",
    "token-dynamic": "dynamic, one scale per token",
}
STIMULUS_TERMS = {
    "gaussian": "Gaussian values",
    "uniform": "uniform codes",
    "captured": "captured layer",
}


def number(value: float | None, digits: int) -> str:
    """Return a figure with a fixed number of decimals and thousands set apart."""
    if value is None:
        return NOTHING
    return f"{value:,.{digits}f}"


def percent(share: float | None, digits: int = QUANTITY_DIGITS["share"]) -> str:
    """Share between 0 and 1 in percent, without the sign."""
    return number(None if share is None else 100 * share, digits)


def format_term(name: str) -> str:
    """Name of a format as prose has it: ``E4M3``, ``INT8``."""
    return name.upper() if name.isalnum() and len(name) <= 6 else name


def accumulator_term(spec: str) -> str:
    """Accumulator of a unit: ``INT32``, ``FP32``, ``exact, 50 bits``."""
    unit = parse_unit(spec)
    if isinstance(unit.accumulator, ExactAccumulator):
        return f"{unit.accumulator.name}, {unit.accumulator_bits} bits"
    return format_term(spec.split("-")[3])


def accumulator_kind(spec: str) -> str:
    """Kind of a unit's accumulator without its width: ``exact``, ``INT32``, ``FP32``."""
    return accumulator_term(spec).split(",")[0]


def operands_and_accumulator(spec: str) -> str:
    """Unit with the width of its accumulator: ``E4M3 → exact, 50 bits``."""
    return f"{unit_term(spec).split(' → ')[0]} → {accumulator_term(spec)}"


def unit_term(spec: str) -> str:
    """Short name of a unit on an axis: ``E4M3 → FP32``."""
    _, left, right, accumulator, *rest = spec.split("-")
    operands = format_term(left) if left == right else f"{format_term(left)}×{format_term(right)}"  # noqa: RUF001
    total = accumulator if accumulator.startswith("exact") else format_term(accumulator)
    return " ".join((f"{operands} → {total}", *rest))
