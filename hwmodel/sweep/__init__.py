"""Sweeps: many design points, in parallel, each measured once and kept.

`plan` says which points there are, `libraries` names Liberty files by their content, `point`
measures one point, `board` decides who measures which next, `run` drives processes (`local`) or a
Dask cluster (`cluster`, whose workers keep to a time limit by `limited` and `child`) through it,
`table` writes what came of it; `ending` is how a process ends with its tools. May import ``cost``
and all that it may import; the command line imports it.
"""

from hwmodel.sweep.plan import LeftOut, SweepPlan, make_sweep, read_sweep
from hwmodel.sweep.run import Progress, SweepOutcome, run_sweep
from hwmodel.sweep.table import to_frame, write_tables

__all__ = [
    "LeftOut",
    "Progress",
    "SweepOutcome",
    "SweepPlan",
    "make_sweep",
    "read_sweep",
    "run_sweep",
    "to_frame",
    "write_tables",
]
