"""Names of block formats: the published ones, and the grammar of all others."""

import re

from hwmodel.blocks.base import BaseBlockFormat
from hwmodel.blocks.ratios import PowerRatioFormat
from hwmodel.blocks.record import BlockFormat, ScaleRule
from hwmodel.blocks.two_level import TwoLevelFormat
from hwmodel.errors import HwmodelError, nearest_hint
from hwmodel.formats import FloatFormat, PowerFormat, Specials, parse_format

__all__ = ["BLOCK_NAMES", "block_name", "parse_block"]

_E8M0 = PowerFormat(8)


def _mx(element: str) -> BlockFormat:
    return BlockFormat(parse_format(element), 32, _E8M0, ScaleRule.FLOOR)


def _msfp(mantissa_bits: int) -> BlockFormat:
    element = FloatFormat(0, mantissa_bits, 0, Specials.FINITE)
    return BlockFormat(element, 16, _E8M0, ScaleRule.FLOOR)


def _nvfp4() -> BlockFormat:
    scale = parse_format("ue4m3")
    assert isinstance(scale, FloatFormat)
    return BlockFormat(parse_format("e2m1"), 16, scale, ScaleRule.ABSMAX, has_tensor_scale=True)


# OCP Microscaling Formats specification 1.0, table 1; NVIDIA's NVFP4 (arXiv 2509.25149); Microsoft
# floating point, Rouhani et al., Pushing the Limits of Narrow Precision Inferencing at Cloud Scale
# (NeurIPS 2020), whose elements are a sign and a mantissa: those of E0My with 2**E for the scale.
_PUBLISHED: dict[str, BlockFormat] = {
    "mxfp8e4m3": _mx("e4m3"),
    "mxfp8e5m2": _mx("e5m2"),
    "mxfp6e3m2": _mx("e3m2"),
    "mxfp6e2m3": _mx("e2m3"),
    "mxfp4": _mx("e2m1"),
    "mxint8": _mx("int8q6"),
    "nvfp4": _nvfp4(),
    **{f"msfp{bits}": _msfp(bits - 9) for bits in range(12, 17)},
}
_NAME_OF = {fmt: name for name, fmt in _PUBLISHED.items()}

BLOCK_NAMES: tuple[str, ...] = (
    *(*_PUBLISHED, "mx9", "mx6", "mx4", "int4g128fp16", "int8g32fp32"),
    *("int4g128pow2", "int4g128x8fp16"),  # ZeroQuant-FP's M1 and M2
)
"""Known names: all published formats, and examples of the grammar."""

_LONGEST_NAME = 1000  # characters, as of single numbers' formats
_ZEROQUANT = (
    "ZeroQuant-FP's M1, each scale a power of two, is called int4g128pow2, and its M2, 8 groups"
    " that share an FP16 scale and differ by powers of two, int4g128x8fp16"
)

_TWO_LEVEL = re.compile(r"mx(?P<bits>\d{1,4})", re.ASCII)
_GROUPS = re.compile(
    r"(?P<element>.+)g(?P<size>\d{1,9})(?:x(?P<count>\d{1,9}))?"
    r"(?P<scale>[a-z].*?)(?P<rule>floor|near|ceil)?(?P<tensor>t)?",
    re.ASCII,
)
_ZEROQUANT_NAMES = re.compile(r".*zero[-_]?quant.*|zq.*|(.*g\d+)?(x\d+)?_?m[12]", re.ASCII)


def parse_block(name: str) -> BaseBlockFormat:
    """Block format of a name.

    The published ones of `BLOCK_NAMES`; ``mx9`` and its kin of any width; and
    ``<element>g<size><scale>``, elements and scales as `hwmodel.formats.parse_format` reads them:
    ``int4g128fp16``, ``e2m1g16ue4m3``. Scales that are powers of two follow the rule of OCP
    (``floor``), others the largest magnitude (``near``); another rule stands behind the scale:
    ``e2m1g32e8m0ceil``, for which ``e2m1g32pow2`` is the short name, ``e2m1g32e8m0near``. A ``t``
    at the end adds an FP32 scale of the whole array.

    With a count of groups behind their size, so many share a scale and differ by powers of two:
    ``int4g128x8fp16``, groups of 128, of which 8 share an FP16 scale. This is M2 of ZeroQuant-FP
    (arXiv 2307.09782); ``int4g128pow2`` is its M1.

    ``pow2`` is E8M0 also with a rule behind it (``pow2near``); scales of two bits, which
    `parse_format` calls so, are ``pow2b1`` here.

    Raises
    ------
    HwmodelError
        The name is unknown (the nearest known ones are named) or the format cannot be.
    """
    if not isinstance(name, str):
        raise HwmodelError(f"a block format's name is a string such as 'mxfp4', but {name!r} came")
    if len(name) > _LONGEST_NAME:
        raise HwmodelError(
            f"a block format's name has at most {_LONGEST_NAME} characters, but {len(name)} came"
        )
    text = name.lower()
    if text in _PUBLISHED:
        return _PUBLISHED[text]
    if match := _TWO_LEVEL.fullmatch(text):
        return TwoLevelFormat(int(match["bits"]) - 2)
    if _ZEROQUANT_NAMES.fullmatch(text):
        raise HwmodelError(f"unknown block format {name!r}: {_ZEROQUANT}")
    if match := _GROUPS.fullmatch(text):
        return _sharing(match) if match["count"] else _in_groups(match)
    if _is_single(text):
        raise HwmodelError(
            f"{name!r} names no format of blocks but one of single numbers:"
            f" hwmodel.format({name!r}); blocks of them have names such as mxfp4, nvfp4 or"
            f" <element>g<size><scale>"
        )
    hint = nearest_hint(text, BLOCK_NAMES)
    raise HwmodelError(
        f"unknown block format {name!r}: expected a name such as mxfp4, nvfp4 or"
        f" <element>g<size><scale>{hint}"
    )


def _is_single(text: str) -> bool:
    try:
        parse_format(text)
    except HwmodelError:
        return False
    return True


def block_name(fmt: BlockFormat) -> str:
    """Name of a block format with one scale a block."""
    if fmt in _NAME_OF:
        return _NAME_OF[fmt]
    usual = ScaleRule.FLOOR if isinstance(fmt.scale, PowerFormat) else ScaleRule.ABSMAX
    scale = fmt.scale.name
    if fmt.scale == _E8M0 and fmt.rule is ScaleRule.CEIL:
        scale = "pow2"
    else:
        if scale == "pow2":  # two bits, and here the short name of eight
            scale = "pow2b1"
        scale += "" if fmt.rule is usual else fmt.rule.value
    return f"{fmt.element.name}g{fmt.size}{scale}{'t' if fmt.has_tensor_scale else ''}"


def _in_groups(match: "re.Match[str]") -> BlockFormat:
    element, size = parse_format(match["element"]), int(match["size"])
    tensor = bool(match["tensor"])
    if match["scale"] == "pow2":
        return BlockFormat(element, size, _E8M0, ScaleRule(match["rule"] or "ceil"), tensor)
    scale = parse_format(match["scale"])
    if not isinstance(scale, PowerFormat | FloatFormat):
        raise HwmodelError(
            f"the scale of {match[0]!r} is a power of two or a floating-point number, but"
            f" {match['scale']} came; for example e8m0 or fp16"
        )
    usual = ScaleRule.FLOOR if isinstance(scale, PowerFormat) else ScaleRule.ABSMAX
    rule = ScaleRule(match["rule"]) if match["rule"] else usual
    return BlockFormat(element, size, scale, rule, tensor)


def _sharing(match: "re.Match[str]") -> PowerRatioFormat:
    if match["tensor"] or match["rule"] not in (None, "near") or match["scale"] == "pow2":
        raise HwmodelError(
            f"the scale that groups share in {match[0]!r} is a floating-point number rounded to"
            " nearest, without another rule and without a scale of the whole array; for example"
            " int4g128x8fp16"
        )
    element, scale = parse_format(match["element"]), parse_format(match["scale"])
    return PowerRatioFormat(element, int(match["size"]), int(match["count"]), scale)  # type: ignore[arg-type]  # it checks
