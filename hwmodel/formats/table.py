"""A format written out: its parameters and every code with its value."""

from dataclasses import asdict, dataclass

from hwmodel.errors import HwmodelError
from hwmodel.formats.base import Format, Specials
from hwmodel.formats.floating import FloatFormat
from hwmodel.formats.names import ml_dtypes_name
from hwmodel.formats.power import PowerFormat
from hwmodel.formats.scalar import decode_scalar, significand_of
from hwmodel.formats.scaled import ScaledFormat
from hwmodel.formats.wide import to_float

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
    value : float or str
        What it stands for; where float64 does not hold it, its parts as text (``11 * 2^4093``).
    kind : str
        zero, subnormal, normal, integer, fixed point, power of two, infinity or NaN.
    """

    code: int
    fields: str
    value: float | str
    kind: str

    def to_dict(self) -> dict[str, object]:
        """The row as plain values; a non-finite value as text, which JSON has no number for."""
        row = asdict(self)
        if self.kind in ("infinity", "NaN"):
            row["value"] = str(self.value)
        return row


def rows(fmt: Format, codes: range) -> list[Row]:
    """Rows of the table of a format, in the order of `codes`."""
    return [Row(code, _fields(fmt, code), value_text(fmt, code), _kind(fmt, code))
            for code in codes]  # fmt: skip


def value_text(fmt: Format, code: int) -> float | str:
    """Value of a code: a float, or text such as ``11 * 2^4093`` where float64 does not hold it.

    The text's first number is an odd integer.
    """
    if isinstance(fmt, FloatFormat) and fmt.is_wide and _float_kind(fmt, code).endswith("normal"):
        whole, exponent = significand_of(fmt, code & fmt.magnitude_mask)
        try:
            to_float(fmt, whole, exponent)
        except HwmodelError:
            places = (whole & -whole).bit_length() - 1
            sign = "" if code <= fmt.magnitude_mask else "-"
            return f"{sign}{whole >> places} * 2^{exponent + places}"
    return decode_scalar(fmt, code)


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
            "max": value_text(fmt, fmt.max_code),
        }
        normal = 1 << fmt.mantissa_bits
        if normal <= fmt.max_code and fmt.exponent_bits:
            result["min_normal"] = value_text(fmt, normal)
        result["min_subnormal"] = value_text(fmt, 1 if fmt.subnormals else normal)

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
    if isinstance(fmt, FloatFormat):
        return _float_kind(fmt, code)
    value = decode_scalar(fmt, code)
    if value != value:
        return "NaN"
    if value == 0:
        return "zero"
    return "power of two" if isinstance(fmt, PowerFormat) else "integer"


def _float_kind(fmt: FloatFormat, code: int) -> str:
    magnitude = code & fmt.magnitude_mask
    if magnitude > fmt.max_code or (fmt.has_nan and code == fmt.nan_code):
        infinite = fmt.has_infinity and magnitude == fmt.infinity_code
        return "infinity" if infinite else "NaN"
    if fmt.exponent_bits and magnitude >> fmt.mantissa_bits:
        return "normal"
    return "subnormal" if magnitude and fmt.subnormals else "zero"
