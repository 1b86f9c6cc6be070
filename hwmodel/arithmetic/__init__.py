"""The golden model: what a spec computes, code for code.

May import ``formats`` and ``units``. `scalar` holds the definition of a step in exact rational
arithmetic, `mac` the route over streams that is compared with it, and `matmul` whole matrices; the
RTL is compared with `mac`.
"""

from hwmodel.arithmetic.mac import simulate
from hwmodel.arithmetic.matmul import matmul
from hwmodel.arithmetic.scalar import step_scalar

__all__ = ["matmul", "simulate", "step_scalar"]
