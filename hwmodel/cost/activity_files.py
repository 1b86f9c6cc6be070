"""The activity behind an energy figure as files, for other power tools to read."""

from pathlib import Path

from hwmodel.cost.energy import Synthesised, period_for
from hwmodel.errors import HwmodelError
from hwmodel.sim.activity import record_events, simulate_gates
from hwmodel.sim.bit_words import words_of
from hwmodel.sim.dump import change_dump, verilog
from hwmodel.sim.feeding import check_outputs, port_bits
from hwmodel.sim.gates import build_gates
from hwmodel.sim.stimulus import operands
from hwmodel.store import atomic_write
from hwmodel.technology import CellLibrary, load_library, read_netlist
from hwmodel.units import UnitSpec

__all__ = ["DUMP_VECTORS", "write_activity"]

DUMP_VECTORS = 1024


def write_activity(
    spec: UnitSpec,
    synthesis_result: Synthesised,
    path: Path,
    stimulus: str = "gaussian",
    clock_ns: float | None = None,
    vectors: int = DUMP_VECTORS,
    seed: int = 1,
    library: CellLibrary | None = None,
) -> Path:
    """Simulate a unit with delays; write every event as VCD, and beside it the netlist's Verilog.

    Parameters
    ----------
    path : Path
        The VCD; its scope is the module. The netlist, with the same names of nets, gets the same
        name with the suffix ``.v``.
    spec, synthesis_result, stimulus, clock_ns, vectors, seed, library
        As for `hwmodel.cost.energy.measure_energy`.

    Returns
    -------
    Path
        The netlist.

    Raises
    ------
    HwmodelError
        As `measure_energy`; or a file cannot be written.
    """
    netlist_path = path.with_suffix(".v")
    if netlist_path == path:
        raise HwmodelError(
            f"expected a name such as activity.vcd for the change dump, got {path}: the netlist is"
            " written beside it with the suffix .v"
        )
    library = load_library() if library is None else library
    clock_ns = period_for(spec, synthesis_result, clock_ns)
    netlist = read_netlist(synthesis_result.netlist_json, library)
    gates = build_gates(netlist, library)
    stream = operands(spec, stimulus, vectors, seed)
    bits = port_bits(gates, spec, stream)
    check_outputs(gates, spec, stream, words_of(simulate_gates(gates, bits, clock_ns).outputs))
    log = record_events(gates, bits, clock_ns)
    atomic_write(netlist_path, verilog(netlist))
    atomic_write(path, "\n".join(change_dump(gates, log)) + "\n")
    return netlist_path
