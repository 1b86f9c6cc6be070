"""Conformance vectors of an operation or a unit as files, for tools that do not run this package.

`vectors_of` makes them and `write_vectors` writes ``NAME.jsonl`` (a header, then one object a
vector), ``NAME.hex`` (for ``$readmemh``) and ``read_NAME.py`` (a reader to begin with). The bytes
depend on the spec, the number, the seed and the version of this package, and on nothing else.
"""

import contextlib
import dataclasses
import functools
import json
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hwmodel import __version__
from hwmodel.arithmetic.cases import KINDS, operation_cases
from hwmodel.arithmetic.operations import Operation, parse_operation
from hwmodel.errors import HwmodelError, NotBuiltYetError
from hwmodel.formats import FloatFormat, Format, Overflow, Rounding
from hwmodel.formats.base import MAX_TABLE_BITS
from hwmodel.formats.rounding import choice
from hwmodel.formats.table import value_text
from hwmodel.sim.describe import accumulator_words, format_words
from hwmodel.sim.kinds import UNIT_KINDS, unit_kinds
from hwmodel.sim.streams import expected_accumulator
from hwmodel.sim.vectors import unit_stimulus
from hwmodel.store import write_together
from hwmodel.units import FloatAccumulator, IntAccumulator, UnitSpec, parse_unit

__all__ = ["Field", "Vector", "Vectors", "vectors_of", "write_vectors"]

SHORTEST_STREAM = 64
"""Fewest cycles of a unit that hold some of everything."""
_WIDTH = 96

_READER = '''\
"""Print the first conformance vectors of {name}; begin your own reader with this one."""

import json
from pathlib import Path

path = Path(__file__).with_name("{name}.jsonl")
with path.open(encoding="utf-8") as file:
    header = json.loads(next(file))
    print(header["spec"], "rounding", header["rounding"], "overflow", header["overflow"])
    for line, _ in zip(file, range(10)):
        vector = json.loads(line)
        inputs = {{name: int(code, 16) for name, code in vector["inputs"].items()}}
        expected = int(vector["expected"], 16)
        print(vector["kind"], inputs, "->", expected, vector["values"])
'''


@dataclass(frozen=True)
class Field:
    """An input or the expected output of a vector.

    Parameters
    ----------
    name : str
        Its name.
    bits : int
        Its width.
    format : str
        Name of what its codes stand for; ``bit`` for a control input, ``fixed point`` for the sum
        of an exact accumulator.
    meaning : str, optional
        The same in words, for who does not know the name.
    number : dict, optional
        Of an accumulator's code: kind (float, integer or exact), signed, width of the number,
        exponent of the weight of its last bit, and the bit that stands for NaN and infinities.
    """

    name: str
    bits: int
    format: str
    meaning: str = ""
    number: dict[str, object] | None = None

    def hex(self, code: int) -> str:
        """A code as a hexadecimal number of the field's width."""
        return f"0x{code:0{(self.bits + 3) // 4}x}"

    def to_dict(self) -> dict[str, object]:
        """All that is known of it, for the header."""
        return {key: value for key, value in dataclasses.asdict(self).items() if value}


@dataclass(frozen=True)
class Vector:
    """Codes of the inputs, the expected code, what all stand for, and the kinds of case.

    `kind` says most, `also` are the others that it is of.
    """

    kind: str
    inputs: tuple[int, ...]
    expected: int
    values: tuple[str, ...]
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vectors:
    """Vectors of one operation or unit.

    Parameters
    ----------
    name : str
        Name of the operation or unit, which reads back.
    rounding, overflow : str
        The rules.
    seed : int
        Seed of what was drawn.
    inputs : tuple of Field
        The inputs.
    expected : Field
        The output.
    kinds : dict
        Each kind of case and what it means.
    sequential : bool
        Whether a vector is a clock cycle that follows the one before it.
    vectors : tuple of Vector
        The vectors.
    accumulator : str
        Of a unit: how it sums.
    """

    name: str
    rounding: str
    overflow: str
    seed: int
    inputs: tuple[Field, ...]
    expected: Field
    kinds: dict[str, str]
    sequential: bool
    vectors: tuple[Vector, ...]
    accumulator: str = ""


def vectors_of(
    name: str,
    count: int = 1000,
    seed: int = 1,
    rounding: Rounding | str | None = None,
    overflow: Overflow | str | None = None,
    every_midpoint: bool = False,
) -> Vectors:
    """Vectors of a conversion, an operation or a unit.

    Parameters
    ----------
    name : str
        ``FROM-to-TO``, ``mul-A-B-OUT``, ``add-A-B-OUT``, ``fma-A-B-C-OUT`` or a unit ``mac-...``.
    count : int
        Random vectors besides the directed ones. Of a unit: cycles of some of everything, besides
        those that its accumulator needs (ties, both ends of an integer, whole chunks and groups),
        which all come whatever the number is.
    seed : int
        Seed of what is drawn.
    rounding, overflow : optional
        The rules, in place of what the name says; not for a unit, whose name says all.
    every_midpoint : bool
        Whether an output of 11 to 16 bits has a vector for each midpoint of neighbours; a narrower
        one always has. Not for a unit.

    Raises
    ------
    HwmodelError
        The name is unknown, or rules and numbers do not suit it.
    """
    if count < 0 or seed < 0:
        raise HwmodelError(
            f"the number of vectors and the seed are not negative, but {count} and {seed} came"
        )
    if name.lower().startswith("mac-"):
        if every_midpoint:
            raise HwmodelError(
                f"every midpoint is for conversions and operations, but {name} is a unit; leave it"
                " out"
            )
        if rounding is not None or overflow is not None:
            raise HwmodelError(
                f"the name of a unit says how it rounds and overflows; leave out the rounding and"
                f" the overflow for {name}"
            )
        spec = parse_unit(name)
        for fmt in (spec.a, spec.b):
            if fmt.bits > MAX_TABLE_BITS or (isinstance(fmt, FloatFormat) and fmt.is_wide):
                raise NotBuiltYetError(
                    f"vectors of units are built for operands of at most {MAX_TABLE_BITS} bits"
                    f" within float64, but {spec.name} takes {fmt.name}; vectors of operations"
                    " (fma-fp32-fp32-fp32-fp32) and arrays of codes (hwmodel.matmul) have it"
                )
        return _unit_vectors(spec, count, seed)
    operation = parse_operation(name)
    operation = dataclasses.replace(
        operation,
        overflow=choice(Overflow, overflow or operation.overflow),
        rounding=choice(Rounding, operation.rounding if rounding is None else rounding),
    )
    return _operation_vectors(operation, count, seed, every_midpoint)


def write_vectors(vectors: Vectors, folder: Path) -> list[Path]:
    """Write the files of vectors into a folder, all or none, and return their paths.

    Raises
    ------
    HwmodelError
        The folder cannot be written.
    """
    texts = {
        f"{vectors.name}.jsonl": "".join(f"{json.dumps(line)}\n" for line in _records(vectors)),
        f"{vectors.name}.hex": _hex_text(vectors),
        f"read_{vectors.name}.py": _READER.format(name=vectors.name),
    }
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        return write_together(folder, texts)
    except HwmodelError:
        for path in made:  # the innermost first; one that holds something stays
            with contextlib.suppress(OSError):
                path.rmdir()
        raise


def _operation_vectors(
    operation: Operation, count: int, seed: int, every_midpoint: bool
) -> Vectors:
    formats = (*operation.inputs, operation.output)
    fields = [
        Field(name, fmt.bits, fmt.name)
        for name, fmt in zip((*operation.operands, "expected"), formats, strict=True)
    ]
    cases = operation_cases(operation, count, seed, every_midpoint)
    return Vectors(
        operation.name,
        operation.rounding.value,
        operation.overflow.value,
        seed,
        tuple(fields[:-1]),
        fields[-1],
        KINDS,
        False,
        tuple(
            Vector(
                case.kind,
                case.inputs,
                case.expected,
                tuple(map(_value_text, formats, (*case.inputs, case.expected))),
            )
            for case in cases
        ),
    )


@functools.lru_cache(maxsize=1 << 17)
def _value_text(fmt: Format, code: int) -> str:
    """Value of a code; Python and C read it back to the same double, if it is one."""
    return str(value_text(fmt, code))


def _unit_vectors(spec: UnitSpec, cycles: int, seed: int) -> Vectors:
    if cycles < SHORTEST_STREAM:
        raise HwmodelError(
            f"the stream of a unit has {SHORTEST_STREAM} cycles or more, but {cycles} came"
        )
    if spec.rounding is Rounding.STOCHASTIC:
        raise NotBuiltYetError(
            f"vectors of units that round stochastically ({spec.name}) are not built yet; choose"
            " another rounding"
        )
    stimulus = unit_stimulus(spec, cycles, seed)
    sums = expected_accumulator(spec, stimulus)
    vectors = []
    for t, kinds in enumerate(unit_kinds(spec, stimulus, sums)):
        rst, valid, clear = (
            int(bits[t]) for bits in (stimulus.rst, stimulus.valid, stimulus.clear)
        )
        a, b, acc = int(stimulus.a[t]), int(stimulus.b[t]), int(sums[t])
        values = (*map(str, (rst, valid, clear)), _value_text(spec.a, a), _value_text(spec.b, b))
        texts = (*values, _sum_text(spec, acc))
        vectors.append(Vector(kinds[0], (rst, valid, clear, a, b), acc, texts, kinds[1:]))
    assert spec.overflow is not None
    return Vectors(
        spec.name,
        spec.rounding.value,
        spec.overflow.value,
        seed,
        (
            Field("rst", 1, "bit", "reset: counts as clear, and no product is added"),
            Field("valid", 1, "bit", "1: the product of a and b is added; 0: it is not"),
            Field("clear", 1, "bit", "1: the accumulator is set to zero before that"),
            Field("a", spec.a.bits, spec.a.name, format_words(spec.a)),
            Field("b", spec.b.bits, spec.b.name, format_words(spec.b)),
        ),
        _sum_field(spec),
        UNIT_KINDS,
        True,
        tuple(vectors),
        accumulator_words(spec),
    )


def _sum_field(spec: UnitSpec) -> Field:
    """What the accumulator's code is, for who knows nothing of the unit's name."""
    bits, register = spec.accumulator_bits, spec.register
    if isinstance(register, FloatAccumulator):
        number: dict[str, object] = {"kind": "float", "signed": True, "width": bits}
        return Field("expected", bits, register.format.name, format_words(register.format), number)
    field = spec.fixed_point
    whole = isinstance(register, IntAccumulator)
    number = {
        "kind": "integer" if whole else "exact",
        "signed": True,
        "width": field.width,
        "lsb_exponent": field.lsb_exponent,
        "nonfinite_bit": field.width if spec.has_nonfinite_flag else None,
    }
    words = accumulator_words(dataclasses.replace(spec, accumulator=register))
    return Field("expected", bits, register.name if whole else "fixed point", words, number)


def _sum_text(spec: UnitSpec, code: int) -> str:
    """Value of an accumulator; a fixed-point one as an integer times its last bit's weight."""
    if isinstance(spec.register, FloatAccumulator):
        return _value_text(spec.register.format, code)
    field = spec.fixed_point
    flag, integer = divmod(code, 1 << field.width)
    if flag:
        return "nan"
    integer -= (integer >> (field.width - 1)) << field.width
    return f"{integer} * 2^{field.lsb_exponent}" if field.lsb_exponent else str(integer)


def _records(vectors: Vectors) -> Iterator[dict[str, object]]:
    """Header and vectors as the lines of the file hold them."""
    counts = Counter(kind for vector in vectors.vectors for kind in (vector.kind, *vector.also))
    yield {
        "spec": vectors.name,
        "rounding": vectors.rounding,
        "overflow": vectors.overflow,
        "seed": vectors.seed,
        "count": len(vectors.vectors),
        "hwmodel": __version__,
        "sequential": vectors.sequential,
        **({"accumulator": vectors.accumulator} if vectors.accumulator else {}),
        "inputs": [field.to_dict() for field in vectors.inputs],
        "expected": vectors.expected.to_dict(),
        "kinds": {
            kind: {"count": counts[kind], "meaning": meaning}
            for kind, meaning in vectors.kinds.items()
            if counts[kind]
        },
    }
    names = [field.name for field in vectors.inputs]
    for vector in vectors.vectors:
        codes = zip(vectors.inputs, vector.inputs, strict=True)
        yield {
            "kind": vector.kind,
            **({"also": list(vector.also)} if vector.also else {}),
            "inputs": {field.name: field.hex(code) for field, code in codes},
            "expected": vectors.expected.hex(vector.expected),
            "values": dict(zip([*names, "expected"], vector.values, strict=True)),
        }


def _hex_text(vectors: Vectors) -> str:
    """One number a vector, the first input at its top and the expected code at its bottom."""
    fields = (*vectors.inputs, vectors.expected)
    bits = sum(field.bits for field in fields)
    top, lines = bits, []
    lines += textwrap.wrap(
        f"Conformance vectors of {vectors.name}: rounding {vectors.rounding}, overflow"
        f" {vectors.overflow}, seed {vectors.seed}, by hwmodel {__version__}.",
        _WIDTH,
    )
    if vectors.sequential:
        lines += textwrap.wrap(
            "One clock cycle a line; expected is the accumulator that the step leaves.", _WIDTH
        )
    lines.append(f"{bits} bits a line:")
    for field in fields:
        top -= field.bits
        place = f"[{top + field.bits - 1}:{top}]"
        lines.append(f"  {place:<9} {field.name} ({field.format})")
    if vectors.accumulator:
        lines += textwrap.wrap(f"Sums: {vectors.accumulator}.", _WIDTH, subsequent_indent="  ")
    for field in fields:
        if field.meaning:
            words = f"{field.name}: {field.meaning}."
            lines += textwrap.wrap(words, _WIDTH, subsequent_indent="  ")
    names = ", ".join(field.name for field in fields)
    lines += [
        "In Verilog:",
        f"  reg [{bits - 1}:0] vectors [0:{len(vectors.vectors) - 1}];",
        *(f"  reg [{field.bits - 1}:0] {field.name};" for field in fields),
        f'  initial $readmemh("{vectors.name}.hex", vectors);',
        f"  {{{names}}} = vectors[i];  // for each i, in a procedure",
    ]
    digits = (bits + 3) // 4
    text = [f"// {line}" for line in lines]
    for vector in vectors.vectors:
        word = 0
        for field, code in zip(fields, (*vector.inputs, vector.expected), strict=True):
            word = word << field.bits | code
        text.append(f"{word:0{digits}x}")
    return "\n".join(text) + "\n"
