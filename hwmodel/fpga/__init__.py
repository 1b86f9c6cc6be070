"""FPGAs as a technology: a unit's LUTs, carries, flip-flops and DSP blocks, and its clock.

`families` names the parts, `mapping` counts cells by Yosys and keeps what it finds, `check` plays
the golden model's vectors to a mapped netlist, `timing` places and routes with nextpnr. May import
``units``, ``rtl``, ``sim``, ``store`` and ``yosys``; the command line imports it.
"""

from hwmodel.fpga.families import FAMILIES, Family, parse_family
from hwmodel.fpga.mapping import FpgaResult, map_fpga
from hwmodel.fpga.timing import RoutedClock, route

__all__ = [
    "FAMILIES",
    "Family",
    "FpgaResult",
    "RoutedClock",
    "map_fpga",
    "parse_family",
    "route",
]
