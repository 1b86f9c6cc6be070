"""Cycles of a unit's inputs, and what the golden model expects of the accumulator after each."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.arithmetic import simulate
from hwmodel.errors import NotBuiltYetError
from hwmodel.formats import Rounding
from hwmodel.units import UnitSpec

__all__ = ["Section", "Stimulus", "expected_accumulator", "idle", "joined", "streams"]

BoolArray = npt.NDArray[np.bool_]
CodeArray = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Section:
    """A named run of cycles, ``start`` to ``stop - 1``, that has one purpose."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class Stimulus:
    """What stands at the inputs of a unit, cycle by cycle.

    Parameters
    ----------
    a, b : ndarray of uint32, shape (T,)
        Operand codes.
    valid, clear, rst : ndarray of bool, shape (T,)
        Control inputs.
    sections : tuple of Section
        What the cycles are for; each section begins with a cleared or reset accumulator.
    """

    a: CodeArray
    b: CodeArray
    valid: BoolArray
    clear: BoolArray
    rst: BoolArray
    sections: tuple[Section, ...]

    def __len__(self) -> int:
        return len(self.a)

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """Cycles that begin with an empty accumulator, whatever was before."""
        return np.flatnonzero(self.clear | self.rst)

    def section_of(self, cycle: int) -> str:
        """Name of the section that a cycle belongs to."""
        return next((s.name for s in self.sections if s.start <= cycle < s.stop), "")

    def taken(self, cycles: npt.NDArray[np.int64], name: str) -> "Stimulus":
        """Only the given cycles, as one section."""
        return Stimulus(
            self.a[cycles],
            self.b[cycles],
            self.valid[cycles],
            self.clear[cycles],
            self.rst[cycles],
            (Section(name, 0, len(cycles)),),
        )

    def split(self, parts: int) -> list["Stimulus"]:
        """Up to `parts` pieces of similar length that each begin with an empty accumulator."""
        starts = self.starts
        wanted = np.arange(1, parts) * len(self) // parts
        cuts = starts[np.clip(np.searchsorted(starts, wanted), 0, len(starts) - 1)]
        bounds = np.unique(np.concatenate([[0], cuts, [len(self)]]))
        return [
            self.taken(np.arange(low, high), "part")
            for low, high in itertools.pairwise(bounds.tolist())
        ]

    def sampled(self, cycles: int, rng: np.random.Generator) -> "Stimulus":
        """At most about `cycles` cycles: whole stretches between clears, drawn at random.

        The order is kept, and so are the sections' names. A single stretch that is longer than
        `cycles` is left out.
        """
        if len(self) <= cycles:
            return self
        return joined([_sampled_section(self, s, cycles, rng) for s in self.sections])


def _sampled_section(
    stimulus: Stimulus, section: Section, cycles: int, rng: np.random.Generator
) -> Stimulus:
    size = section.stop - section.start
    starts = stimulus.starts
    starts = starts[(starts >= section.start) & (starts < section.stop)]
    lengths = np.diff(np.append(starts, section.stop))
    share = max(1, round(cycles * size / len(stimulus)))
    order = rng.permutation(len(starts))
    kept = np.sort(order[np.cumsum(lengths[order]) <= share])
    chosen = [np.arange(starts[i], starts[i] + lengths[i]) for i in kept]
    empty = np.zeros(0, np.int64)
    return stimulus.taken(np.concatenate(chosen) if chosen else empty, section.name)


def idle(cycles: int, rst: bool = False) -> Stimulus:
    """Cycles without `valid` or `clear`, in reset if `rst`."""
    codes, off = np.zeros(cycles, np.uint32), np.zeros(cycles, bool)
    return Stimulus(codes, codes, off, off, off | rst, (Section("idle", 0, cycles),))


def joined(parts: Iterable[Stimulus]) -> Stimulus:
    """One stimulus of several, in their order; parts without a cycle are left out."""
    parts = [part for part in parts if len(part)]
    sections: list[Section] = []
    offset = 0
    for part in parts:
        sections += [Section(s.name, s.start + offset, s.stop + offset) for s in part.sections]
        offset += len(part)
    return Stimulus(
        np.concatenate([part.a for part in parts]),
        np.concatenate([part.b for part in parts]),
        np.concatenate([part.valid for part in parts]),
        np.concatenate([part.clear for part in parts]),
        np.concatenate([part.rst for part in parts]),
        tuple(sections),
    )


def streams(name: str, operands: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]]) -> Stimulus:
    """Accumulations one after the other, each a pair of equally long code sequences.

    Each begins with `clear`: every other one in the cycle of its first operands, the rest in an
    own cycle before it, without `valid` and with operands that must leave no trace.
    """
    a: list[npt.NDArray[Any]] = []
    b: list[npt.NDArray[Any]] = []
    valid: list[BoolArray] = []
    clear: list[BoolArray] = []
    for number, (stream_a, stream_b) in enumerate(operands):
        codes_a, codes_b = np.asarray(stream_a), np.asarray(stream_b)
        if number % 2:  # the operands of the clearing cycle are those that will follow it
            codes_a = np.concatenate([codes_a[:1], codes_a])
            codes_b = np.concatenate([codes_b[:1], codes_b])
        first = np.arange(len(codes_a)) == 0
        a.append(codes_a)
        b.append(codes_b)
        clear.append(first)
        valid.append(~first if number % 2 else np.ones_like(first))
    cleared = np.concatenate(clear)
    return Stimulus(
        np.concatenate(a).astype(np.uint32),
        np.concatenate(b).astype(np.uint32),
        np.concatenate(valid),
        cleared,
        np.zeros_like(cleared),
        (Section(name, 0, len(cleared)),),
    )


def expected_accumulator(spec: UnitSpec, stimulus: Stimulus) -> npt.NDArray[Any]:
    """Accumulator code that the step of each cycle leaves, by the golden model.

    A reset counts as `clear` without `valid`. Between two clears the accumulator forgets nothing
    and after one it remembers nothing, so the stretches between them are independent streams: of
    similar length, they go through the golden model side by side.

    Returns
    -------
    ndarray, shape (T,)
        Unsigned codes; Python integers for an accumulator of more than 64 bits. A unit shows
        element t after ``hwmodel.rtl`` LATENCY clock edges.

    Raises
    ------
    NotBuiltYetError
        The unit rounds stochastically: a stimulus has no random numbers.
    """
    if spec.rounding is Rounding.STOCHASTIC:
        raise NotBuiltYetError(
            f"streams for units that round stochastically ({spec.name}) are not built yet; choose"
            " another rounding (simulate() takes random numbers)"
        )
    valid, clear = stimulus.valid & ~stimulus.rst, stimulus.clear | stimulus.rst
    starts = np.union1d(np.flatnonzero(clear), [0])
    lengths = np.diff(np.append(starts, len(stimulus)))
    sizes = np.ceil(np.log2(lengths)).astype(int)
    result: npt.NDArray[Any] | None = None
    for size in np.unique(sizes):
        chosen = sizes == size
        steps = np.arange(lengths[chosen].max())
        real = steps < lengths[chosen][:, None]
        cycles = np.where(real, starts[chosen][:, None] + steps, 0)
        codes = simulate(
            spec, stimulus.a[cycles], stimulus.b[cycles], valid[cycles] & real, clear[cycles] & real
        )
        if result is None:
            result = np.empty(len(stimulus), codes.dtype)
        result[cycles[real]] = codes[real]
    assert result is not None, "a stimulus has cycles"
    return result
