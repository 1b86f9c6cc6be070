"""Predicted cost: area, delay and energy of units that were not synthesised.

Nothing here is measured, and every figure says so: `how` is "modelled", with a bound from
cross-validation. `features` counts what a unit is made of, `activity` and `datapath` how often it
changes, `gates` adds that up without a fit; `fit` and `model` correct the gate count by measured
rows (`data`), `hurry` says what a clock costs, `validation` how well all that holds;
`alternatives` are published models; `collect` measures the rows of `family`. May import everything
below ``reports``; ``cli`` imports it.
"""

from hwmodel.predict.data import Row, read_rows, write_rows
from hwmodel.predict.predict import MODELS, Figure, Prediction, predict
from hwmodel.predict.validation import Summary, cross_validate, summaries

__all__ = [
    "MODELS",
    "Figure",
    "Prediction",
    "Row",
    "Summary",
    "cross_validate",
    "predict",
    "read_rows",
    "summaries",
    "write_rows",
]
