"""What a sweep measures: formats x accumulators x lanes x clocks x libraries."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hwmodel.errors import HwmodelError, nearest_hint
from hwmodel.formats import FloatFormat, Format, Overflow, Specials, parse_format
from hwmodel.units import (
    ExactAccumulator,
    FloatAccumulator,
    IntAccumulator,
    UnitSpec,
    parse_accumulator,
)

__all__ = ["KEYS", "LeftOut", "PlannedPoint", "SweepPlan", "make_sweep", "read_sweep"]

# What a sweep is described by, in a file or as options.
KEYS = (
    *("formats", "accumulators", "clocks", "library", "liberty", "lanes"),
    *("stimulus", "vectors", "seed"),
)
_FILES = {".yaml": "YAML", ".yml": "YAML", ".toml": "TOML"}
_MINIMUM_AREA = "min"
_DEFAULT_VECTORS = 4096

T = TypeVar("T")


@dataclass(frozen=True)
class PlannedPoint:
    """One point: a unit, the files of its library (none: NanGate 45 nm), a clock.

    `clock_ns` is a period in ns, or None for minimum area.
    """

    spec: UnitSpec
    files: tuple[str, ...]
    clock_ns: float | None


@dataclass(frozen=True)
class LeftOut:
    """A combination of which no unit can be made, and why."""

    format: str
    accumulator: str
    lanes: int
    reason: str


@dataclass(frozen=True)
class SweepPlan:
    """What to measure; `make_sweep` and `read_sweep` make it from text.

    Attributes
    ----------
    formats : tuple of str
        Names of operand formats, each taken for both operands.
    accumulators : tuple of str
        Names of accumulators.
    clocks : tuple of float or None
        Clock periods in ns; None for minimum area.
    liberties : tuple of tuple of str
        Liberty files of each library; empty for NanGate 45 nm alone.
    lanes : tuple of int
        Products a cycle.
    stimulus : str
        Operand stream of the energies.
    vectors : int
        Products that are simulated for an energy.
    seed : int
        Of the operands.

    Raises
    ------
    HwmodelError
        A name is unknown, a number out of range, or a list empty.
    """

    formats: tuple[str, ...]
    accumulators: tuple[str, ...]
    clocks: tuple[float | None, ...] = (None,)
    liberties: tuple[tuple[str, ...], ...] = ()
    lanes: tuple[int, ...] = (1,)
    stimulus: str = "gaussian"
    vectors: int = _DEFAULT_VECTORS
    seed: int = 1

    def __post_init__(self) -> None:
        for what, entries, example in (
            ("formats", self.formats, "int8,e4m3"),
            ("accumulators", self.accumulators, "int32,exact,fp32"),
            ("clocks", self.clocks, "min,1,2"),
            ("lanes", self.lanes, "1"),
        ):
            if not entries:
                raise HwmodelError(f"a sweep needs {what}, for example {example}, but none came")
        for name in self.formats:
            parse_format(name)
        for name in self.accumulators:
            parse_accumulator(name)
        for clock in self.clocks:
            if clock is not None and not (math.isfinite(clock) and clock > 0):
                raise HwmodelError(
                    f"a clock is a positive period in ns, or 'min' for least area, but {clock!r}"
                    " came"
                )
        for count in self.lanes:
            if count < 1:
                raise HwmodelError(f"a unit has 1 lane or more, but {count} came")
        if self.seed < 0:
            raise HwmodelError(f"the seed of a sweep is a number from 0, but {self.seed} came")
        if self.vectors != _DEFAULT_VECTORS:
            from hwmodel.cost.energy import LEAST_VECTORS

            if self.vectors < LEAST_VECTORS:
                raise HwmodelError(
                    f"expected at least {LEAST_VECTORS} vectors for an energy, but {self.vectors}"
                    " came"
                )
        from hwmodel.sim.stimulus import check_name

        check_name(self.stimulus)

    def units(self) -> tuple[tuple[UnitSpec, ...], tuple[LeftOut, ...]]:
        """Units of the sweep, each once, and the combinations of which there is none."""
        found: dict[str, UnitSpec] = {}
        left_out = []
        for name in self.formats:
            operand = parse_format(name)
            for accumulator_name in self.accumulators:
                accumulator, overflow = parse_accumulator(accumulator_name)
                for count in self.lanes:
                    try:
                        spec = UnitSpec(operand, operand, accumulator, count, overflow=overflow)
                        _check_built(spec)
                    except HwmodelError as error:
                        left_out.append(LeftOut(name, accumulator_name, count, str(error)))
                    else:
                        found.setdefault(spec.name, spec)
        return tuple(found.values()), tuple(left_out)

    def points(self) -> tuple[PlannedPoint, ...]:
        """All points, those of one unit and library one after another.

        Raises
        ------
        HwmodelError
            None of the combinations can be.
        """
        units, left_out = self.units()
        if not units:
            raise HwmodelError(
                f"none of the {len(left_out)} combinations of this sweep can be built; the first,"
                f" {left_out[0].format} with {left_out[0].accumulator}: {left_out[0].reason}"
            )
        return tuple(
            PlannedPoint(spec, files, clock)
            for files in dict.fromkeys(self.liberties or ((),))
            for spec in units
            for clock in dict.fromkeys(self.clocks)
        )


def make_sweep(settings: Mapping[str, Any]) -> SweepPlan:
    """Plan of settings such as a file or the command line give them.

    Parameters
    ----------
    settings : mapping
        Any of `KEYS`. Lists may be lists, or texts with commas; a clock is a number of ns or
        ``min``; an entry of ``liberty`` is a file, or several with commas that make one library;
        ``library`` has names of libraries, with ``@CORNER`` for another corner.

    Raises
    ------
    HwmodelError
        An unknown key (the nearest known one is named), or a value that cannot be.
    """
    for key in settings:
        if key not in KEYS:
            raise HwmodelError(
                f"unknown key {key!r} of a sweep: expected {', '.join(KEYS)}"
                f"{nearest_hint(str(key), KEYS)}"
            )
    readers: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "formats": ("formats", lambda v: _several("formats", v, _text)),
        "accumulators": ("accumulators", lambda v: _several("accumulators", v, _text)),
        "clocks": ("clocks", lambda v: _several("clocks", v, _clock)),
        "lanes": ("lanes", lambda v: _several("lanes", v, _whole)),
        "stimulus": ("stimulus", lambda v: _text("stimulus", v)),
        "vectors": ("vectors", lambda v: _whole("vectors", v)),
        "seed": ("seed", lambda v: _whole("seed", v)),
    }
    given = {
        readers[key][0]: readers[key][1](value) for key, value in settings.items() if key in readers
    }
    named = _named_liberties(settings["library"]) if "library" in settings else ()
    files = _liberties(settings["liberty"]) if "liberty" in settings else ()
    return SweepPlan(**{"formats": (), "accumulators": (), **given}, liberties=(*named, *files))


def read_sweep(path: Path) -> dict[str, Any]:
    """Settings in a YAML or TOML file, for `make_sweep`.

    Liberty files are named relative to the file's folder.

    Raises
    ------
    HwmodelError
        No such file, or it is no YAML or TOML with keys at its top.
    """
    kind = _FILES.get(path.suffix.lower())
    if kind is None:
        raise HwmodelError(f"a sweep is described in a .yaml or .toml file, but {path} came")
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise HwmodelError(f"cannot read the sweep {path}: {reason}") from error
    settings = _parse(kind, text, path)
    if not isinstance(settings, dict):
        raise HwmodelError(
            f"{path}: expected the keys of a sweep ({', '.join(KEYS)}), found"
            f" {type(settings).__name__}"
        )
    if "liberty" in settings:
        beside = [
            tuple(str(path.parent / file) for file in files)
            for files in _liberties(settings["liberty"])
        ]
        settings = {**settings, "liberty": beside}
    return settings


def _is_usual(fmt: Format, widest: int = 16) -> bool:
    """Whether a format is one of those that all building blocks know."""
    if fmt.bits > widest or not isinstance(fmt, FloatFormat):
        return fmt.bits <= widest
    odd = (Specials.FNUZ, Specials.P3109)
    plain = fmt.signed and fmt.subnormals and fmt.exponent_bits >= 2 and fmt.mantissa_bits > 0
    return plain and fmt.specials not in odd and not fmt.is_wide


def _check_built(spec: UnitSpec) -> None:
    """Refuse a unit that only the golden model has.

    The check needs Amaranth, which takes longer to import than a stored sweep: units of the plain
    kinds, which are all built, do without. One that slips through fails as a point.
    """
    plain = isinstance(spec.accumulator, IntAccumulator | ExactAccumulator) or (
        isinstance(spec.accumulator, FloatAccumulator) and _is_usual(spec.accumulator.format, 32)
    )
    narrow = isinstance(spec.accumulator, IntAccumulator) and not (
        spec.least_width <= spec.accumulator.bits <= 64
    )
    saturating = spec.overflow is Overflow.SATURATE and isinstance(
        spec.accumulator, ExactAccumulator
    )
    if not plain or narrow or saturating or not (_is_usual(spec.a) and _is_usual(spec.b)):
        from hwmodel.rtl.built import check_built

        check_built(spec)


def _parse(kind: str, text: str, path: Path) -> Any:
    import tomllib

    import yaml  # type: ignore[import-untyped]

    try:
        return tomllib.loads(text) if kind == "TOML" else yaml.safe_load(text)
    except (tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise HwmodelError(f"{path} is no {kind}: {reason}") from error


def _several(what: str, value: Any, one: Callable[[str, Any], T]) -> tuple[T, ...]:
    """Entries of a list, of a text with commas, or a single one; each once."""
    if isinstance(value, str):
        value = [part for part in value.split(",") if part.strip()]
    entries = value if isinstance(value, list | tuple) else [value]
    return tuple(dict.fromkeys(one(what, entry) for entry in entries))


def _text(what: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise HwmodelError(f"{what} of a sweep: expected names, but {value!r} came")
    return value.strip()


def _clock(what: str, value: Any) -> float | None:
    if isinstance(value, str) and value.strip().lower() == _MINIMUM_AREA:
        return None
    try:
        if isinstance(value, bool) or value is None:
            raise TypeError
        return float(value)
    except (OverflowError, TypeError, ValueError):
        raise HwmodelError(
            f"{what} of a sweep: expected periods in ns, or 'min' for least area, but {value!r}"
            " came"
        ) from None


def _whole(what: str, value: Any) -> int:
    try:
        if isinstance(value, str):
            return int(value)
        if isinstance(value, bool) or int(value) != value:
            raise TypeError
        return int(value)
    except (OverflowError, TypeError, ValueError):
        raise HwmodelError(
            f"{what} of a sweep: expected a whole number, but {value!r} came"
        ) from None


def _named_liberties(value: Any) -> tuple[tuple[str, ...], ...]:
    """Files of libraries by name."""
    from hwmodel.technology.catalogue import library_files

    names = _several("library", value, _text)
    return tuple(tuple(map(str, library_files(name.replace("@", ",")))) for name in names)


def _liberties(value: Any) -> tuple[tuple[str, ...], ...]:
    """Each entry is a library; several files of one are a list or stand with commas between."""
    entries = value if isinstance(value, list | tuple) else [value]
    libraries = tuple(_several("liberty", entry, _text) for entry in entries)
    if () in libraries:
        raise HwmodelError(
            "liberty of a sweep: expected Liberty files, but an empty name came; leave it out for"
            " NanGate 45 nm"
        )
    return libraries
