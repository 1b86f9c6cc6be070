"""Multiply-accumulate units: what all of them share, and the choice of the right one for a spec."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import ClockDomain, Module, Signal, Value

from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat
from hwmodel.rtl.block import Block, inputs, outputs
from hwmodel.rtl.built import check_built
from hwmodel.rtl.faults import Fault
from hwmodel.rtl.structure import Structure, check_structure, default_structure
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = ["LATENCY", "Mac", "Registers", "create_unit"]

LATENCY = 2
"""Clock edges from an operand at the inputs to the sum that holds its product at `acc`."""


@dataclass(frozen=True)
class Registers:
    """What a step works on.

    Parameters
    ----------
    a, b : Signal
        Operand codes; `a` is zero where `valid` is 0.
    valid, clear : Signal
        Control inputs of the step.
    accumulator : Signal
        Code from before the step, whether or not it is cleared.
    """

    a: Signal
    b: Signal
    valid: Signal
    clear: Signal
    accumulator: Signal

    def kept(self, m: Module, drop: Value | None = None) -> Signal:
        """What the step adds to: the accumulator, or zero where `clear` or `drop` is 1."""
        kept, keep = Signal(len(self.accumulator), name="kept"), Signal(name="keep")
        m.d.comb += [
            keep.eq(~self.clear if drop is None else ~(self.clear | drop)),
            kept.eq(self.accumulator & keep.replicate(len(kept))),
        ]
        return kept


class Mac(Block):
    """A multiply-accumulate unit: registered operands, one step, an accumulator register.

    Ports: ``clk``, ``rst``, ``a``, ``b``, ``valid``, ``clear``, ``acc``. The first rising edge
    takes in `a`, `b`, `valid` and `clear`; the second one the accumulator's next content. `rst`
    goes the same way: it acts like `clear` without `valid`, and `acc` is zero after the second
    edge.

    An operand pair without `valid` is taken in as a pair of zeros, which leaves the accumulator
    as it is and spares a multiplexer in front of the accumulator.
    """

    faults: frozenset[Fault] = frozenset()
    """Faults that can be planted in this kind of unit."""

    def __init__(self, spec: UnitSpec, structure: Structure, fault: Fault | None = None) -> None:
        self.spec = spec
        self.structure = structure
        self.fault = fault
        if fault is not None and fault not in self.faults:
            possible = ", ".join(sorted(f.value for f in self.faults)) or "none"
            raise HwmodelError(
                f"the fault {fault.value} has no place in {spec.name}; possible are: {possible}"
            )
        super().__init__(
            spec.identifier,
            {
                **inputs(clk=1, rst=1, a=spec.a.bits, b=spec.b.bits, valid=1, clear=1),
                **outputs(acc=spec.accumulator_bits),
            },
            f"{spec.name}: acc + a * b, structure {structure.name}",
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        domain = ClockDomain("sync", reset_less=True, local=True)
        m.domains += domain
        m.d.comb += domain.clk.eq(self.clk)

        a = Signal(len(self.a), name="a_q")
        b = Signal(len(self.b), name="b_q")
        valid, clear = Signal(name="valid_q"), Signal(name="clear_q")
        takes = Signal()
        m.d.comb += takes.eq(self.valid & ~self.rst)
        m.d.sync += [
            a.eq(self.a & takes.replicate(len(a))),
            b.eq(self.b),
            valid.eq(takes),
            clear.eq(self.clear | self.rst),
        ]
        accumulator = Signal(len(self.acc), name="acc_q")
        m.d.comb += self.acc.eq(accumulator)
        registers = Registers(a, b, valid, clear, accumulator)
        m.d.sync += accumulator.eq(self.step(m, platform, registers))
        return m

    def step(self, m: Module, platform: Any, registers: Registers) -> Value:
        """Next content of the accumulator, from the registers' contents now."""
        raise NotImplementedError


def create_unit(
    spec: UnitSpec, structure: Structure | None = None, fault: Fault | None = None
) -> Mac:
    """Build the unit of a spec as an Amaranth component.

    Parameters
    ----------
    spec : UnitSpec
        What the unit does.
    structure : Structure, optional
        How it is built; by default the first of `structures_for`.
    fault : Fault, optional
        Build it with this mistake.

    Raises
    ------
    NotBuiltYetError
        The spec asks for more than is built.
    HwmodelError
        The fault or the structure has no place in such a unit.
    """
    from hwmodel.rtl.mac_fixed import ExactMac, IntegerMac
    from hwmodel.rtl.mac_float import FloatMac

    check_built(spec)
    kind: type[Mac]
    if isinstance(spec.accumulator, FloatAccumulator):
        kind = FloatMac
    elif isinstance(spec.a, FloatFormat) or isinstance(spec.b, FloatFormat):
        kind = ExactMac
    else:
        kind = IntegerMac
    structure = structure or default_structure(spec)
    check_structure(spec, structure)
    return kind(spec, structure, fault)
