"""The golden model: what a spec computes, code for code.

May import ``formats`` and ``units``. `scalar` holds the definition of a step in exact rational
arithmetic, `combined` that of accumulators that take many products at once, `mac` the route over
streams that is compared with them, and `matmul` whole matrices; the RTL is compared with `mac`.
`operations` defines single products and sums, `elementwise` takes arrays of them; `cases` finds
operands that tell implementations apart, by results in the output that `targets` names.
"""

from hwmodel.arithmetic.combined import dot_scalar
from hwmodel.arithmetic.mac import simulate
from hwmodel.arithmetic.matmul import matmul
from hwmodel.arithmetic.operations import Operation, parse_operation
from hwmodel.arithmetic.scalar import step_scalar

__all__ = ["Operation", "dot_scalar", "matmul", "parse_operation", "simulate", "step_scalar"]
