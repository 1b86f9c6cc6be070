"""FPGAs as a technology: look-up tables, carries, flip-flops and multiplier blocks of a unit.

`map_fpga` maps every structure of a unit by Yosys' flow for the family and keeps the smallest;
`route` places and routes it by nextpnr for a clock frequency. May import ``formats``, ``units``,
``arithmetic``, ``rtl``, ``sim`` (its testbench) and ``yosys``; ``cli`` may import it.
"""

from hwmodel.fpga.families import FAMILIES, Family
from hwmodel.fpga.mapping import FpgaResult, map_fpga
from hwmodel.fpga.routing import FpgaTiming, route

__all__ = ["FAMILIES", "Family", "FpgaResult", "FpgaTiming", "map_fpga", "route"]
