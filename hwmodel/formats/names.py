"""Short names of formats: parsing, printing, and what to say of an unknown one."""

import difflib
import re

from hwmodel.errors import HwmodelError
from hwmodel.formats.base import Format, Specials
from hwmodel.formats.floating import FloatFormat, default_bias, default_specials
from hwmodel.formats.integer import IntFormat

__all__ = ["KNOWN_NAMES", "float_name", "parse_format"]

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
    "float8_e4m3fn": "e4m3",
    "float8_e4m3": "e4m3ieee",
    "float8_e3m4": "e3m4ieee",
    "float6_e3m2fn": "e3m2",
    "float6_e2m3fn": "e2m3",
    "float4_e2m1fn": "e2m1",
}

KNOWN_NAMES = (
    *("int8", "int8sym", "uint8", "int4", "int16", "e5m2", "e4m3", "e3m4", "e2m5", "e3m2"),
    *("e2m3", "e2m1"),
    *_ALIASES,
    *_ML_DTYPES,
)

_INTEGER = re.compile(r"(?P<unsigned>u?)int(?P<bits>\d+)(?P<symmetric>sym)?")
_FLOAT = re.compile(
    r"(?P<unsigned>u?)e(?P<exponent>\d+)m(?P<mantissa>\d+)"
    r"(?:b(?P<negative>n?)(?P<bias>\d+))?(?P<specials>ieee|fn|fin)?(?P<flush>nosub)?"
)


def parse_format(name: str) -> Format:
    """Format of a short name.

    ``int8``, ``uint8``, ``int8sym``; ``e4m3`` and any other ``eXmY``, followed by what differs
    from the plain name's meaning: the bias (``b8``, or ``bn2`` for -2), the special codes
    (``ieee``, ``fn`` for one NaN, ``fin`` for none), ``nosub`` for no subnormals; a leading ``u``
    for unsigned; ``fp32``, ``fp16``, ``bf16``, ``tf32``; and ml_dtypes' names.

    Raises
    ------
    HwmodelError
        The name is unknown (the nearest known ones are named) or the format cannot be.
    """
    if not isinstance(name, str):
        raise HwmodelError(f"a format's name is a string such as 'e4m3', but {name!r} came")
    text = _ML_DTYPES.get(name.lower(), name.lower())
    if text in _ALIASES:
        return _ALIASES[text]
    if match := _INTEGER.fullmatch(text):
        return IntFormat(
            int(match["bits"]), signed=not match["unsigned"], symmetric=bool(match["symmetric"])
        )
    if match := _FLOAT.fullmatch(text):
        exponent, mantissa = int(match["exponent"]), int(match["mantissa"])
        bias = default_bias(min(exponent, 64))
        if match["bias"]:
            bias = int(match["bias"]) * (-1 if match["negative"] else 1)
        specials = default_specials(exponent, mantissa)
        if match["specials"]:
            specials = Specials(match["specials"])
        return FloatFormat(
            exponent,
            mantissa,
            bias,
            specials,
            signed=not match["unsigned"],
            subnormals=not match["flush"],
        )
    near = difflib.get_close_matches(text, KNOWN_NAMES, n=3, cutoff=0.4)
    hint = f"; the nearest known ones are {', '.join(near)}" if near else ""
    raise HwmodelError(
        f"unknown format {name!r}: expected intN, uintN or eXmY (int8, e4m3, e5m2, fp16){hint}"
    )


def float_name(fmt: FloatFormat) -> str:
    """Short name of a floating-point format, spelling out what differs from the plain ExMy."""
    if fmt in _ALIAS_OF:
        return _ALIAS_OF[fmt]
    name = f"{'' if fmt.signed else 'u'}e{fmt.exponent_bits}m{fmt.mantissa_bits}"
    if fmt.bias != default_bias(fmt.exponent_bits):
        name += f"b{'n' if fmt.bias < 0 else ''}{abs(fmt.bias)}"
    if fmt.specials is not default_specials(fmt.exponent_bits, fmt.mantissa_bits):
        name += fmt.specials.value
    return name if fmt.subnormals else name + "nosub"
