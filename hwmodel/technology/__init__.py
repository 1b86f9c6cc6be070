"""Cell libraries, mapped netlists and how fast they are.

Liberty files become `CellLibrary` records in one set of units, Yosys' JSON netlists become
`Netlist`, and `static_timing` gives minimum period and critical path; ``catalogue`` knows libraries
by name. Knows nothing of formats, units or RTL. May import ``errors``, ``store`` and ``fetch``;
``synthesis``, ``sim``, ``cost``, ``export`` and ``cli`` may import it.
"""

from hwmodel.technology.catalogue import default_library
from hwmodel.technology.library import CellLibrary, load_library
from hwmodel.technology.netlist import Netlist, read_netlist
from hwmodel.technology.timing import TimingReport, static_timing

__all__ = [
    "CellLibrary",
    "Netlist",
    "TimingReport",
    "default_library",
    "load_library",
    "read_netlist",
    "static_timing",
]
