"""A format written out: its parameters and every code with its value."""

from dataclasses import asdict, dataclass

from hwmodel.formats.base import Format, Specials
from hwmodel.formats.floating import FloatFormat
from hwmodel.formats.names import ml_dtypes_name
from hwmodel.formats.power import PowerFormat
from hwmodel.formats.scalar import decode_scalar
from hwmodel.formats.scaled import ScaledFormat

__all__ = ["Row", "facts", "rows"]


_SPECIALS = {
    Specials.IEEE: "infinities and NaNs (IEEE 754)",
    Specials.FN: "one NaN a sign, no infinity (fn)",
    Specials.FNUZ: "one NaN, no infinity, no negative zero (fnuz)",
    Specials.P3109: "one NaN, infinities, no negative zero (IEEE P3109)",
    Specials.FINITE: "none: all codes are finite",
}


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
        zero, subnormal, normal, integer, fixed point, power of two, infinity or NaN.
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
            "specials": _SPECIALS[fmt.specials],
            "max": fmt.max_value,
            "min_normal": fmt.min_normal,
            "min_subnormal": fmt.min_subnormal,
        }
        if fmt.has_infinity:
            result["infinity_code"] = f"0x{fmt.infinity_code:x}"
    else:
        result |= {"min": fmt.min_value, "max": fmt.max_value}
    if isinstance(fmt, FloatFormat | PowerFormat) and fmt.has_nan:
        result["nan_code"] = f"0x{fmt.nan_code:x}"
    if isinstance(fmt, PowerFormat):
        result["bias"] = fmt.bias
    if isinstance(fmt, ScaledFormat):
        result |= {"base": fmt.base.name, "scale": fmt.scale}
    if theirs := ml_dtypes_name(fmt):
        result["ml_dtypes"] = theirs
    return result


def _fields(fmt: Format, code: int) -> str:
    text = f"{code:0{fmt.bits}b}"
    base = fmt.base if isinstance(fmt, ScaledFormat) else fmt
    if not isinstance(base, FloatFormat):
        return text
    sign, rest = text[: int(base.signed)], text[int(base.signed) :]
    parts = (sign, rest[: base.exponent_bits], rest[base.exponent_bits :])
    return " ".join(part for part in parts if part)


def _kind(fmt: Format, code: int) -> str:
    if isinstance(fmt, ScaledFormat):
        kind = _kind(fmt.base, code)
        return "fixed point" if kind == "integer" else kind
    value = decode_scalar(fmt, code)
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "infinity"
    if value == 0:
        return "zero"
    if isinstance(fmt, PowerFormat):
        return "power of two"
    if not isinstance(fmt, FloatFormat):
        return "integer"
    return "normal" if abs(value) >= fmt.min_normal and fmt.exponent_bits else "subnormal"
