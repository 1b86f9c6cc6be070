"""Cost ratios that others published, each with how we know it.

These are quoted, never measured here, and never enter a table of measured ratios.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

__all__ = ["MARKS", "PUBLISHED_RATIOS", "PublishedRatio"]

# How a quoted figure is known.
MARKS = {
    "P": "read in a primary source (paper, abstract, or the authors' code and result files)",
    "S": "read in somebody's notes on the source, not in the source itself",
    "M": "remembered and not verified",
    "C": "computed here from figures of the source",
}


@dataclass(frozen=True)
class PublishedRatio:
    """A ratio FP8 over INT8 as a source reports it.

    Attributes
    ----------
    source : str
        Authors and year.
    reference : str
        Where it was published.
    unit, accumulator, level : str
        What was compared, and by which kind of work.
    quantity : str
        In what.
    figure : str
        The ratio as reported.
    marks : str
        Keys of `MARKS`: how the figure is known.
    """

    source: str
    reference: str
    unit: str
    accumulator: str
    level: str
    quantity: str
    figure: str
    marks: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dataclasses.asdict(self)


PUBLISHED_RATIOS = (
    PublishedRatio(
        "van Baalen et al. 2023",
        "arXiv 2303.17951",
        "single MAC",
        "FP16 [M] against fixed point",
        "gate count, analytical",
        "area proxy",
        "1.53",
        "S",
    ),
    PublishedRatio(
        "van Baalen et al. 2023",
        "arXiv 2303.17951",
        "single MAC",
        "FP32 against fixed point",
        "gate count, analytical",
        "area proxy",
        "2.83",
        "S",
    ),
    PublishedRatio(
        "Rouhani et al. 2023, via van Baalen et al.",
        "arXiv 2303.17951",
        "dot product",
        "fused",
        "synthesis",
        "performance",
        "about 1.4",
        "S",
    ),
    PublishedRatio(
        "Natesh et al. 2025",
        "arXiv 2504.09072",
        "single MAC",
        "not known to us",
        "ASAP7, post-layout",
        "power",
        "3.54",
        "S",
    ),
    PublishedRatio(
        "Chen et al. 2025 (MX formats)",
        "arXiv 2510.25602",
        "32-lane matrix unit",
        "fused, FP32",
        "gate model, analytical",
        "area; energy",
        "1.27; 1.59",
        "PC",
    ),
    PublishedRatio(
        "Crafton et al. 2025",
        "DOI 10.1109/DAC63849.2025.11132989",
        "dot products at equal SQNR",
        "swept",
        "5 nm synthesis",
        "TOPS/W, MXINT8 over FP8",
        "2.2",
        "P",
    ),
    PublishedRatio(
        "FormatScope 2026",
        "SiHeonOh/FormatScope",
        "dot product of 32",
        "fused, FP32 against INT32",
        "SKY130 synthesis",
        "area (24-bit window)",
        "1.11 to 1.13",
        "PC",
    ),
    PublishedRatio(
        "FormatScope 2026",
        "SiHeonOh/FormatScope",
        "dot product of 32",
        "fused, FP32 against INT32",
        "SKY130 synthesis",
        "area (32-bit window); delay",
        "1.31; 3.3",
        "PC",
    ),
    PublishedRatio(
        "FormatScope 2026",
        "SiHeonOh/FormatScope",
        "32 multipliers only",
        "none",
        "SKY130 synthesis",
        "area",
        "0.235",
        "PC",
    ),
    PublishedRatio(
        "Damsgaard et al. 2025",
        "IEEE TCAD",
        "array of MACs",
        "exact",
        "FPGA",
        "resources",
        "1.2 to 2.8; 1.6 to 4.0 with conversion back",
        "S",
    ),
    PublishedRatio(
        "Johnson 2018",
        "arXiv 1811.01721",
        "8-bit log MAC against INT8",
        "Kulisch against INT32",
        "28 nm synthesis",
        "area; power",
        "1.12; 0.96",
        "S",
    ),
)
