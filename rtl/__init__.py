"""The units in hardware: Amaranth components, one building block a file.

May import ``errors``, ``store``, ``yosys``, ``formats`` and ``units``; ``sim``, ``synthesis`` and
everything after them may import it. Blocks (`decode`, `multiply`, `compress`, `adders`, `align`,
`exponents`, `add`, `normalise`, `round`, `accumulate`) are combinational; the units made of them
(`mac`) hold the registers. `structure` lists the choices of how to build a unit, `convert` writes
it out.
"""

from hwmodel.rtl.convert import to_rtlil, to_verilog
from hwmodel.rtl.faults import Fault
from hwmodel.rtl.mac import LATENCY, create_unit
from hwmodel.rtl.structure import Structure, structures_for

__all__ = [
    "LATENCY",
    "Fault",
    "Structure",
    "create_unit",
    "structures_for",
    "to_rtlil",
    "to_verilog",
]
