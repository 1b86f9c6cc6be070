"""Short names of formats: parsing, printing, and what to say of an unknown one."""

import re

from hwmodel.errors import HwmodelError, nearest_hint
from hwmodel.formats.base import Format, Specials
from hwmodel.formats.floating import FloatFormat, default_bias, default_specials
from hwmodel.formats.integer import IntFormat
from hwmodel.formats.power import PowerFormat
from hwmodel.formats.scaled import ScaledFormat, fixed_point, with_maximum

__all__ = ["KNOWN_NAMES", "float_name", "is_called", "ml_dtypes_name", "parse_format"]

# Formats that everybody calls by a name other than ExMy.
_ALIASES = {
    "fp32": FloatFormat(8, 23, 127, Specials.IEEE),
    "tf32": FloatFormat(8, 10, 127, Specials.IEEE),
    "bf16": FloatFormat(8, 7, 127, Specials.IEEE),
    "fp16": FloatFormat(5, 10, 15, Specials.IEEE),
}
_ALIAS_OF = {fmt: name for name, fmt in _ALIASES.items()}

# Names that ml_dtypes and NumPy give to the same formats.
_ML_DTYPES = {
    "float32": "fp32",
    "float16": "fp16",
    "bfloat16": "bf16",
    "float8_e5m2": "e5m2",
    "float8_e5m2fnuz": "e5m2fnuz",
    "float8_e4m3fn": "e4m3",
    "float8_e4m3": "e4m3ieee",
    "float8_e4m3fnuz": "e4m3fnuz",
    "float8_e4m3b11fnuz": "e4m3b11fnuz",
    "float8_e3m4": "e3m4ieee",
    "float8_e8m0fnu": "e8m0",
    "float6_e3m2fn": "e3m2",
    "float6_e2m3fn": "e2m3",
    "float4_e2m1fn": "e2m1",
}
_ML_NAME_OF = {ours: theirs for theirs, ours in _ML_DTYPES.items()}

KNOWN_NAMES = (
    *("int8", "int8sym", "uint8", "int4", "int16", "e5m2", "e4m3", "e3m4", "e2m5", "e3m2"),
    *("e2m3", "e2m1", "ue4m3", "e8m0", "binary8p3", "binary8p4", "binary8p5"),
    *_ALIASES,
    *_ML_DTYPES,
)

_LONGEST_NAME = 1000  # characters: numbers of so many digits Python still reads

_INTEGER = re.compile(r"(?P<unsigned>u?)int(?P<bits>\d+)(?P<symmetric>sym)?", re.ASCII)
_FLOAT = re.compile(
    r"(?P<unsigned>u?)e(?P<exponent>\d+)m(?P<mantissa>\d+)"
    r"(?:b(?P<negative>n?)(?P<bias>\d+))?(?P<specials>ieee|fnuz|fn|fin|p3109)?(?P<flush>nosub)?",
    re.ASCII,
)
_POWER = re.compile(r"(?:pow(?P<bits>\d+)|e8m0)(?:b(?P<bias>\d+))?", re.ASCII)
# IEEE P3109's names: width, precision, signed or unsigned, extended (infinities) or finite.
_P3109 = re.compile(
    r"binary(?P<bits>\d+)p(?P<precision>\d+)(?P<sign>[su]?)(?P<domain>[ef]?)", re.ASCII
)
# How names of block formats begin, which have a room of their own.
_BLOCK = re.compile(r"(mx|nv|ms)(fp|int)?\d|(int|e)\d+\w*g\d", re.ASCII)
_SCALED = re.compile(
    r"(?P<base>.+?)(?:c(?P<maximum>[0-9.]+(?:e[+-]?\d+)?)|q(?P<negative>n?)(?P<fraction>\d+))",
    re.ASCII,
)


def parse_format(name: str) -> Format:
    """Format of a short name.

    ``int8``, ``uint8``, ``int8sym``; ``e4m3`` and any other ``eXmY``, followed by what differs
    from the plain name's meaning: the bias (``b8``, or ``bn2`` for -2), the special codes
    (``ieee``, ``fn`` for one NaN a sign, ``fnuz`` for one NaN in place of the negative zero,
    ``p3109`` for that and infinities, ``fin`` for none), ``nosub`` for no subnormals; a leading
    ``u`` for unsigned; ``fp32``, ``fp16``, ``bf16``, ``tf32``; ``e8m0``, the powers of two of the
    OCP microscaling formats; ``binary8p3`` and its kin of IEEE P3109; ml_dtypes' names. A base
    with ``c2.5`` behind it is scaled to the largest value 2.5, one with ``q6`` has six places
    behind the binary point.

    Raises
    ------
    HwmodelError
        The name is unknown (the nearest known ones are named) or the format cannot be.
    """
    if not isinstance(name, str):
        raise HwmodelError(f"a format's name is a string such as 'e4m3', but {name!r} came")
    if len(name) > _LONGEST_NAME:
        raise HwmodelError(
            f"a format's name has at most {_LONGEST_NAME} characters, but {len(name)} came"
        )
    text = _ML_DTYPES.get(name.lower(), name.lower())
    if text in _ALIASES:
        return _ALIASES[text]
    if match := _INTEGER.fullmatch(text):
        return IntFormat(
            int(match["bits"]), signed=not match["unsigned"], symmetric=bool(match["symmetric"])
        )
    if match := _POWER.fullmatch(text):
        width = int(match["bits"] or 8)
        return PowerFormat(width, int(match["bias"])) if match["bias"] else PowerFormat(width)
    if match := _FLOAT.fullmatch(text):
        return _float_of(match)
    if match := _P3109.fullmatch(text):
        return _p3109_of(match)
    if (match := _SCALED.fullmatch(text)) and (base := _base_of(match["base"])):
        return _scaled_of(base, match)
    if _BLOCK.match(text):
        raise HwmodelError(
            f"{name!r} names no format of single numbers; blocks that share a scale have formats of"
            f" their own: hwmodel.block({name!r})"
        )
    raise HwmodelError(
        f"unknown format {name!r}: expected intN, uintN or eXmY (int8, e4m3, e5m2, fp16)"
        f"{nearest_hint(text, KNOWN_NAMES)}"
    )


def ml_dtypes_name(fmt: Format) -> str | None:
    """Name that ml_dtypes or NumPy gives to a format, or None where neither has it."""
    if isinstance(fmt, IntFormat) and not fmt.symmetric:
        return fmt.name if fmt.bits in (2, 4, 8, 16, 32) else None
    return _ML_NAME_OF.get(fmt.name)


def is_called(fmt: Format, dtype_name: str) -> bool:
    """Whether a dtype of ml_dtypes has the codes of a format, whose scale does not matter."""
    base = fmt.base if isinstance(fmt, ScaledFormat) else fmt
    if match := _INTEGER.fullmatch(dtype_name):
        of_dtype = (int(match["bits"]), not match["unsigned"])
        return isinstance(base, IntFormat) and (base.bits, base.signed) == of_dtype
    return dtype_name in _ML_DTYPES and parse_format(dtype_name) == base


def _float_of(match: "re.Match[str]") -> FloatFormat:
    exponent, mantissa = int(match["exponent"]), int(match["mantissa"])
    specials = default_specials(exponent, mantissa)
    if match["specials"]:
        specials = Specials(match["specials"])
    bias = default_bias(min(exponent, 64), specials)
    if match["bias"]:
        bias = int(match["bias"]) * (-1 if match["negative"] else 1)
    return FloatFormat(
        exponent,
        mantissa,
        bias,
        specials,
        signed=not match["unsigned"],
        subnormals=not match["flush"],
    )


def _p3109_of(match: "re.Match[str]") -> FloatFormat:
    bits, precision = int(match["bits"]), int(match["precision"])
    signed, extended = match["sign"] != "u", match["domain"] != "f"
    exponent = bits - precision + (not signed)
    if not 1 <= precision <= bits - signed or bits > 16:
        raise HwmodelError(
            f"binary{bits}p{precision} has no exponent field or no precision; a signed format of"
            f" {bits} bits (16 at most) has p1 to p{bits - 1}"
        )
    specials = Specials.P3109 if extended else Specials.FNUZ if signed else Specials.FN
    bias = default_bias(exponent, Specials.P3109)
    return FloatFormat(exponent, precision - 1, bias, specials, signed=signed)


def _base_of(text: str) -> IntFormat | FloatFormat | None:
    grammars = (_INTEGER, _POWER, _FLOAT, _P3109)
    if text not in {*_ALIASES, *_ML_DTYPES} and not any(g.fullmatch(text) for g in grammars):
        return None
    base = parse_format(text)
    if not isinstance(base, IntFormat | FloatFormat):
        raise HwmodelError(
            f"{text} has no scale of its own: its values are powers of two; choose another bias"
            " (e8m0b100)"
        )
    return base


def _scaled_of(base: IntFormat | FloatFormat, match: "re.Match[str]") -> ScaledFormat:
    if match["maximum"]:
        try:
            return with_maximum(base, float(match["maximum"]))
        except ValueError:
            raise HwmodelError(
                f"the largest value {match['maximum']!r} of {match[0]!r} is no number"
            ) from None
    fraction = int(match["fraction"]) * (-1 if match["negative"] else 1)
    return fixed_point(base, fraction)


def float_name(fmt: FloatFormat) -> str:
    """Short name of a floating-point format, spelling out what differs from the plain ExMy."""
    if fmt in _ALIAS_OF:
        return _ALIAS_OF[fmt]
    name = f"{'' if fmt.signed else 'u'}e{fmt.exponent_bits}m{fmt.mantissa_bits}"
    if fmt.bias != default_bias(fmt.exponent_bits, fmt.specials):
        name += f"b{'n' if fmt.bias < 0 else ''}{abs(fmt.bias)}"
    # Plain e8m0, with any bias, is the name of powers of two, which have no sign.
    usual = default_specials(fmt.exponent_bits, fmt.mantissa_bits)
    if fmt.specials is not usual or name.startswith("e8m0"):
        name += fmt.specials.value
    return name if fmt.subnormals else name + "nosub"
