"""What formats do to real networks and to known distributions.

Post-training quantisation of pretrained networks through `hwmodel.formats` (`evaluate`), SQNR by
layer (`layers`), expected error on distributions by integration (`analytic`), and operands of a
real layer for the energy stimulus (`capture`).

May import ``formats``, ``units``, ``arithmetic``, ``store`` and ``errors``. May be imported by
``sim.stimulus`` (captured operands only), ``cost``, ``reports`` and the command line. PyTorch is
imported inside functions, only when a network has to run: importing this package and its analytic
part, and reading finished scores, need none.
"""

from hwmodel.accuracy.analytic import analytic_sqnr, outlier_mixture_mse
from hwmodel.accuracy.evaluate import Evaluation, evaluate_networks
from hwmodel.accuracy.recipes import Recipe, recipes_for

__all__ = [
    "Evaluation",
    "Recipe",
    "analytic_sqnr",
    "evaluate_networks",
    "outlier_mixture_mse",
    "recipes_for",
]
