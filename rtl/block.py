"""The building block: a component with a module name, and the hierarchy that blocks make up."""

import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwmodel.errors import HwmodelError

__all__ = ["Block", "Hierarchy", "inputs", "outputs"]

# A port's declaration in RTLIL: its place in the list of ports, then its name.
_PORT = re.compile(r"(wire width \d+ (?:input|output) )\d+ ( ?\\)(\w+)$")


def inputs(**widths: int) -> dict[str, wiring.Member]:
    """Input ports of a block, by name and width in bits."""
    return {name: In(width) for name, width in widths.items()}


def outputs(**widths: int) -> dict[str, wiring.Member]:
    """Output ports of a block, by name and width in bits."""
    return {name: Out(width) for name, width in widths.items()}


class Block(wiring.Component):
    """A building block that becomes a module of its own, under a name that says what it is.

    Two blocks of the same module name are the same circuit and share one module. Ports of width
    0 are left out.

    Parameters
    ----------
    module_name : str
        Name of the module in RTLIL and Verilog: letters, digits and underscores.
    ports : Mapping[str, Member]
        Ports, made by `inputs` and `outputs`, in the order in which they shall be declared.
    summary : str
        One line for the reader of the Verilog.
    """

    # A block that only lends its name and ports to an instance is never elaborated itself.
    _MustUse__silence = True

    def __init__(self, module_name: str, ports: Mapping[str, wiring.Member], summary: str) -> None:
        self.module_name = module_name
        self.summary = summary
        super().__init__({name: port for name, port in ports.items() if port.shape != 0})

    def place(self, m: Module, platform: Any, name: str, block: "Block") -> Any:
        """Put `block` into this one as `name`; returns an object with its ports as attributes.

        For a `Hierarchy` the block becomes an instance of its own module, otherwise (simulation
        in Amaranth) a plain submodule.
        """
        if not isinstance(platform, Hierarchy):
            m.submodules[name] = block
            return block
        platform.add(block)
        wires = {}
        arguments = {}
        for port, member in block.signature.members.items():
            wires[port] = Signal(member.shape, name=f"{name}_{port}")
            arguments[f"{'i' if member.flow is In else 'o'}_{port}"] = wires[port]
        m.submodules[name] = Instance(block.module_name, **arguments)
        return SimpleNamespace(**wires)


class Hierarchy:
    """Collects the blocks under a top block and writes each as a module of its own.

    Given to Amaranth as the platform: Amaranth alone would name modules after their place in the
    hierarchy, fold constants into their ports, and repeat equal ones.
    """

    def __init__(self) -> None:
        self._blocks: dict[str, Block] = {}
        self._pending: list[Block] = []

    def add(self, block: Block) -> None:
        """Ask for the module of `block`.

        Raises
        ------
        HwmodelError
            Another block has taken the name for a different circuit.
        """
        known = self._blocks.get(block.module_name)
        if known is None:
            self._blocks[block.module_name] = block
            self._pending.append(block)
        elif type(known) is not type(block) or known.signature != block.signature:
            raise HwmodelError(
                f"two different blocks want to be module {block.module_name!r}:"
                f" {known.summary!r} and {block.summary!r}; give one another name"
            )

    def convert(self, top: Block) -> str:
        """RTLIL of `top` and of all blocks below it, leaves first."""
        self.add(top)
        modules = []
        while self._pending:
            block = self._pending.pop()
            text = rtlil.convert(block, name=block.module_name, platform=self, emit_src=False)
            modules.append(_tidy(text, list(block.signature.members), is_top=block is top))
        return "\n".join(reversed(modules))

    @property
    def summaries(self) -> dict[str, str]:
        """What each module is, by module name."""
        return {name: block.summary for name, block in self._blocks.items()}


def _tidy(text: str, ports: list[str], is_top: bool) -> str:
    """Take out of Amaranth's RTLIL what does not belong to the circuit, and order the ports.

    Power-up values go too: registers of an ASIC have none, the unit starts with a reset.
    """
    drop = ["attribute \\generator", "attribute \\init"] + ([] if is_top else ["attribute \\top"])
    lines = [
        _PORT.sub(lambda match: f"{match[1]}{ports.index(match[3]) + 1} {match[2]}{match[3]}", line)
        for line in text.splitlines()
        if line.strip() and not line.strip().startswith(tuple(drop))
    ]
    return "\n".join(lines) + "\n"
