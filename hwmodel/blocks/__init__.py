"""Block formats: a few numbers that share a scale, such as MXFP4, NVFP4, MX9 and INT4 in groups.

May import `formats` and what lies below all rooms. `base` is what every block format does: cut an
array into blocks, scale, round, put together again; `record` is the format with one scale a block,
`two_level` and `ratios` those with a second, coarse one inside it. `parts` checks what they are
made of, `cut` cuts and joins, `coded` holds the codes. `scalar` is the definition of all, one block
at a time in exact arithmetic; `packing` puts codes into bytes; `catalogue` is the grammar of names.
"""

from hwmodel.blocks.base import BaseBlockFormat
from hwmodel.blocks.catalogue import BLOCK_NAMES, parse_block
from hwmodel.blocks.coded import Blocks
from hwmodel.blocks.ratios import PowerRatioFormat
from hwmodel.blocks.record import BlockFormat, ScaleRule
from hwmodel.blocks.two_level import TwoLevelFormat

__all__ = [
    "BLOCK_NAMES",
    "BaseBlockFormat",
    "BlockFormat",
    "Blocks",
    "PowerRatioFormat",
    "ScaleRule",
    "TwoLevelFormat",
    "parse_block",
]
