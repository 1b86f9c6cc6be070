"""A format written out: its parameters and every code with its value."""

from dataclasses import asdict, dataclass

from hwmodel.formats.base import Format
from hwmodel.formats.floating import FloatFormat
from hwmodel.formats.scalar import decode_scalar

__all__ = ["Row", "facts", "rows"]


@dataclass(frozen=True)
class Row:
    """One code of a format.

    Parameters
    ----------
    code : int
        The bit pattern.
    fields : str
        The pattern in binary, its fields separated by blanks (sign, exponent, mantissa).
    value : float
        What it stands for.
    kind : str
        zero, subnormal, normal, integer, infinity or NaN.
    """

    code: int
    fields: str
    value: float
    kind: str

    def to_dict(self) -> dict[str, object]:
        """The row as plain values; a non-finite value as text, which JSON has no number for."""
        row = asdict(self)
        if self.kind in ("infinity", "NaN"):
            row["value"] = str(self.value)
        return row


def rows(fmt: Format, codes: range) -> list[Row]:
    """Rows of the table of a format, in the order of `codes`."""
    return [Row(code, _fields(fmt, code), decode_scalar(fmt, code), _kind(fmt, code))
            for code in codes]  # fmt: skip


def facts(fmt: Format) -> dict[str, object]:
    """What distinguishes a format: widths, bias, special codes, extreme values."""
    result: dict[str, object] = {"name": fmt.name, "bits": fmt.bits}
    if isinstance(fmt, FloatFormat):
        result |= {
            "exponent_bits": fmt.exponent_bits,
            "mantissa_bits": fmt.mantissa_bits,
            "bias": fmt.bias,
            "signed": fmt.signed,
            "subnormals": fmt.subnormals,
            "specials": {
                "ieee": "infinities and NaNs (IEEE 754)",
                "fn": "one NaN a sign, no infinity (fn)",
                "fin": "none: all codes are finite",
            }[fmt.specials.value],
            "max": fmt.max_value,
            "min_normal": fmt.min_normal,
            "min_subnormal": fmt.min_subnormal,
        }
        if fmt.has_infinity:
            result["infinity_code"] = f"0x{fmt.infinity_code:x}"
        if fmt.has_nan:
            result["nan_code"] = f"0x{fmt.nan_code:x}"
    else:
        result |= {"min": fmt.min_value, "max": fmt.max_value}
    return result


def _fields(fmt: Format, code: int) -> str:
    text = f"{code:0{fmt.bits}b}"
    if not isinstance(fmt, FloatFormat):
        return text
    sign, rest = text[: int(fmt.signed)], text[int(fmt.signed) :]
    parts = (sign, rest[: fmt.exponent_bits], rest[fmt.exponent_bits :])
    return " ".join(part for part in parts if part)


def _kind(fmt: Format, code: int) -> str:
    value = decode_scalar(fmt, code)
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "infinity"
    if value == 0:
        return "zero"
    if not isinstance(fmt, FloatFormat):
        return "integer"
    return "normal" if abs(value) >= fmt.min_normal and fmt.exponent_bits else "subnormal"
