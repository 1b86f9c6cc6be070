"""What a unit costs, and what may be compared with what.

Design points are measured (synthesis, energy, co-simulation) into `Measurement` rows, rows of
like kind are put in relation (`Ratio`), and both are joined with accuracy into the `Results` that
a report prints. May import everything except ``reports`` and ``cli``, which import it.
"""

from hwmodel.cost.measurement import EnergyFigure, Measurement, Verification
from hwmodel.cost.ratios import Quantity, Ratio, make_ratio, ratios_of

__all__ = [
    "EnergyFigure",
    "Measurement",
    "Quantity",
    "Ratio",
    "Verification",
    "make_ratio",
    "ratios_of",
]
