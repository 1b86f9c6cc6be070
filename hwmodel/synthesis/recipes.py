"""Recipes: the ways in which a unit is turned into gates.

A recipe fixes every choice between RTL and mapped netlist: the coarse operators, the carry
structure of word-level adders, whether full adders become library cells or free logic, from which
flip-flop output the logic reads, and the ABC script with its delay target. The same policy applies
to every unit, integer or floating point (`screening_recipes` and `refining_recipes` do not see the
specification).

What the scripts teach, measured on NanGate 45 nm: the classic mappers (``map``, ``amap``) beat
ABC's default script in both area and delay; nothing is buffered or sized without a constraint
file; an inverter behind a flip-flop is free (the cell has both outputs) but ABC cannot know it, so
reading the complement output and removing the inverters afterwards saves 2-3 % of a small unit.
"""

import math
from dataclasses import dataclass, replace

__all__ = [
    "AREA_SCRIPTS",
    "DEFAULT_FLOW",
    "SPEED_SCRIPTS",
    "Recipe",
    "deepened",
    "hasty_recipes",
    "hurried_recipes",
    "hurried_screening",
    "refining_recipes",
    "screening_recipes",
    "speed_recipes",
]

# ABC command sequences that restructure and map; sizing comes after them (`Recipe.abc_script`).
# Minimum area: no delay target. (&deepsyn by steps, never by seconds: results must not depend on
# how busy the machine is.)
AREA_SCRIPTS: dict[str, tuple[str, ...]] = {
    "amap": ("strash", "dch -f", "amap -m"),
    "amap2": ("strash", "dch -f", "amap -m", "strash", "dch -f", "amap -m"),
    "deep": ("strash", "&get -n", "&deepsyn -I 1 -J 5", "&put", "dch -f", "amap -m"),
    "nf": (
        *("strash", "ifraig", "scorr", "dc2", "dc2", "strash"),
        *("&get -n", "&dch -f", "&nf", "&put"),
    ),
    "mapa": ("strash", "dch -f", "map -a -B 0.9 -D 100000"),
}
# Towards a delay target; {D} stands for it in picoseconds.
SPEED_SCRIPTS: dict[str, tuple[str, ...]] = {
    "map": ("strash", "dch", "map -B 0.9 -D {D}"),
    "fraig": ("strash", "ifraig", "scorr", "dc2", "dch", "map -B 0.9 -D {D}"),
    "mapa": ("strash", "dch", "map -a -B 0.9 -D {D}"),
    "amap": ("strash", "dch -f", "amap -m"),
    "balance": ("strash", "if -g", "strash", "dch", "map -B 0.9 -D {D}"),
}
# What Yosys does when nothing is asked of it: the yardstick, not a candidate.
DEFAULT_FLOW = "default"
# A delay that no path reaches: sizing then only shrinks.
_SLACK_PS = 100_000
# Delay targets lie on a grid: a point, and the ratio between neighbours.
_GRID_PS = 1000.0
_STEP = 1.2
_COARSE_STEP = 1.5


@dataclass(frozen=True)
class Recipe:
    """One way to turn RTL into gates.

    Attributes
    ----------
    script : str
        Name of the ABC script, or ``default`` for Yosys' own.
    delay_ps : int, optional
        ABC's delay target in picoseconds (register to register, without clock-to-output and
        setup); minimum area if not given.
    coarse : str
        What happens to word-level operators left in the RTL: ``alumacc``, ``booth``,
        ``booth-lowpower``, ``arith-tree`` or ``noalumacc``.
    adder : str
        Carry structure of word-level adders: ``ripple`` (full adders), ``default`` (Brent-Kung),
        ``sklansky``, ``kogge-stone`` or ``han-carlson``.
    adder_cells : bool
        Map full and half adders to the library's own cells instead of free logic.
    complement : bool
        Let the logic read the flip-flops' complement output where they have one.
    """

    script: str
    delay_ps: int | None = None
    coarse: str = "alumacc"
    adder: str = "default"
    adder_cells: bool = False
    complement: bool = False

    @property
    def name(self) -> str:
        """Short readable name, unique for the recipe."""
        parts = [self.script if self.delay_ps is None else f"{self.script}-{self.delay_ps}ps"]
        parts += [self.coarse] if self.coarse != "alumacc" else []
        parts += [self.adder] if self.adder != "default" else []
        parts += ["cells"] if self.adder_cells else []
        parts += ["qn"] if self.complement else []
        return "+".join(parts)

    def abc_script(self) -> str | None:
        """ABC commands, one a line; None for Yosys' own script."""
        if self.script == DEFAULT_FLOW:
            return None
        if self.delay_ps is None:
            commands = (*AREA_SCRIPTS[self.script], "topo", f"dnsize -D {_SLACK_PS}")
        else:
            commands = (
                *SPEED_SCRIPTS[self.script],
                *("topo", "buffer -c", "topo", "upsize -D {D}", "dnsize -D {D}"),
            )
        return "\n".join(commands).replace("{D}", str(self.delay_ps)) + "\n"


def screening_recipes(clock_ns: float | None) -> tuple[Recipe, ...]:
    """Recipes that every structure of a unit goes through: one cheap run each.

    None of them depends on the clock itself, so that all clocks of a unit share the runs.

    Parameters
    ----------
    clock_ns
        Clock period aimed at; None for minimum area.
    """
    free = Recipe("amap", complement=True)
    return (replace(free, adder="ripple", adder_cells=True),) if clock_ns is None else (free,)


def refining_recipes(clock_ns: float | None) -> tuple[Recipe, ...]:
    """Recipes for the few structures that did best in screening; the same for every unit.

    Parameters
    ----------
    clock_ns
        Clock period aimed at; None for minimum area.
    """
    free = Recipe("amap", complement=True)
    if clock_ns is None:
        return (free, replace(free, adder_cells=True))  # the same as at a lax clock
    return (replace(free, adder_cells=True), replace(free, script="amap2"))


def speed_recipes(clock_ns: float) -> tuple[Recipe, ...]:
    """Recipes for the best structures where netlists mapped for area had to grow much."""
    return (Recipe("mapa", _target(clock_ns, 0.65), adder="sklansky", complement=True),)


def hasty_recipes(clock_ns: float) -> tuple[Recipe, ...]:
    """Recipes for the best structures where `speed_recipes` miss the clock: larger and quicker."""
    return (Recipe("map", _target(clock_ns, 0.95), complement=True),)


def deepened(recipe: Recipe) -> Recipe:
    """Return the same recipe with the dearest area script, ten times as long: for finalists."""
    return replace(recipe, script="deep")


def hurried_screening(clock_ns: float) -> tuple[Recipe, ...]:
    """Recipes for every structure where the clock is out of the cheap ones' reach."""
    target = _target(clock_ns, 0.8, _COARSE_STEP)
    return (Recipe("map", target, adder="sklansky", complement=True),)


def hurried_recipes(clock_ns: float) -> tuple[Recipe, ...]:
    """Recipes for the best structures where the clock is out of the cheap ones' reach."""
    return tuple(
        Recipe(script, _target(clock_ns, share), adder=adder, complement=True)
        for script, share, adder in (
            ("map", 0.5, "sklansky"),
            ("map", 0.65, "default"),
            ("fraig", 0.65, "sklansky"),
            ("fraig", 0.8, "default"),
        )
    )


def _target(clock_ns: float, share: float, step: float = _STEP) -> int:
    """ABC's delay target in ps: a share of the clock, the rest being clock-to-output and setup.

    Rounded to a geometric grid, so that neighbouring clocks share their runs.
    """
    wanted = max(1000.0 * clock_ns * share, 1.0)
    return max(round(_GRID_PS * step ** round(math.log(wanted / _GRID_PS, step))), 1)
