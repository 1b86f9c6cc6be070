"""What a synthesis gave: figures, netlist, everything tried, and how it was obtained."""

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["SynthesisResult", "TriedPoint", "pareto"]


@dataclass(frozen=True)
class TriedPoint:
    """One structure mapped by one recipe.

    `baseline` marks the yardstick that is no candidate: plain operators through Yosys' own flow.
    """

    structure: str
    recipe: str
    area_um2: float
    delay_ns: float
    baseline: bool = False


@dataclass(frozen=True)
class SynthesisResult:
    """The best netlist found for a unit and a goal.

    Attributes
    ----------
    spec : str
        Name of the unit.
    library, corner : str
        Cells and operating conditions.
    clock_ns : float or None
        Clock period asked for; None for minimum area.
    met : bool
        Whether `delay_ns` is within it; if not, this is the fastest netlist found.
    area_um2, nand2 : float
        Sum of the cells' areas, in um2 and in two-input NANDs of the library.
    delay_ns : float
        Minimum clock period: clock-to-output, logic, wire load and setup.
    structure, recipe : str
        What won.
    cells : dict of str to int
        Its cells.
    blocks : dict of str to float
        Area by building block in um2, from a run in which the blocks stay apart; their sum
        differs from `area_um2` by what flattening and sizing change (see ``provenance``).
    netlist : str
        Mapped Verilog.
    netlist_json : str
        The same as Yosys' JSON.
    points : tuple of TriedPoint
        Everything tried.
    versions : dict of str to str
        Tools and libraries with versions or hashes.
    provenance : dict
        How the figures were obtained.
    """

    spec: str
    library: str
    corner: str
    clock_ns: float | None
    met: bool
    area_um2: float
    nand2: float
    delay_ns: float
    structure: str
    recipe: str
    cells: dict[str, int]
    blocks: dict[str, float]
    netlist: str = field(repr=False)
    netlist_json: str = field(repr=False)
    points: tuple[TriedPoint, ...] = field(repr=False)
    versions: dict[str, str]
    provenance: dict[str, Any]

    @property
    def baseline(self) -> TriedPoint | None:
        """Plain operators through Yosys' own flow: what care is measured against."""
        return next((point for point in self.points if point.baseline), None)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the netlists, as JSON can hold it."""
        entry = asdict(self)
        del entry["netlist"], entry["netlist_json"]
        return entry


def pareto(points: tuple[TriedPoint, ...]) -> tuple[TriedPoint, ...]:
    """Points that no other beats in both area and delay, smallest area first."""
    front: list[TriedPoint] = []
    for point in sorted(points, key=lambda p: (p.area_um2, p.delay_ns)):
        if not front or point.delay_ns < front[-1].delay_ns:
            front.append(point)
    return tuple(front)
