"""RTLIL and Verilog of a unit, the same bytes wherever and whenever they are made."""

from hwmodel.rtl.block import Hierarchy
from hwmodel.rtl.faults import Fault
from hwmodel.rtl.mac import create_unit
from hwmodel.rtl.structure import Structure
from hwmodel.rtl.verilog_text import readable
from hwmodel.units import UnitSpec
from hwmodel.yosys import run_yosys

__all__ = ["to_rtlil", "to_verilog"]


def to_rtlil(spec: UnitSpec, structure: Structure | None = None, fault: Fault | None = None) -> str:
    """RTLIL of a unit, one module a building block, the top one named ``spec.identifier``.

    Parameters
    ----------
    spec : UnitSpec
        What the unit does.
    structure : Structure, optional
        How it is built; by default the first of `structures_for`.
    fault : Fault, optional
        Build it with this mistake.
    """
    return Hierarchy().convert(create_unit(spec, structure, fault))


def to_verilog(
    spec: UnitSpec, structure: Structure | None = None, fault: Fault | None = None
) -> str:
    """Verilog of a unit; parameters as for `to_rtlil`.

    Raises
    ------
    ToolError
        Yosys is missing or fails.
    """
    hierarchy = Hierarchy()
    rtlil = hierarchy.convert(create_unit(spec, structure, fault))
    script = "read_rtlil unit.il\nproc\nopt_clean\nwrite_verilog -noattr unit.v\n"
    files, _log = run_yosys(script, files={"unit.il": rtlil}, outputs=("unit.v",))
    return readable(files["unit.v"], spec.identifier, hierarchy.summaries)
