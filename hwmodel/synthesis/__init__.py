"""Synthesis: a spec mapped to real cells, the best of its structures and of many recipes.

May import ``formats``, ``units``, ``arithmetic`` (to check netlists), ``technology``, ``rtl``,
``yosys`` and ``sim`` (energies of near ties); ``cost`` and the command line import it. `recipes`
and `flow` say how a netlist is made, `polish` and `sizing` improve it, `mapping` measures and keeps
one run, `designs` and `converted` keep what runs share, `search` finds the best, with `near_ties`
between nearly equal ones, `synthesize` is the front door.
"""

from hwmodel.synthesis.result import SynthesisResult, TriedPoint, pareto
from hwmodel.synthesis.synthesize import synthesize

__all__ = ["SynthesisResult", "TriedPoint", "pareto", "synthesize"]
