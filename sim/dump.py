"""A mapped netlist and what happens in it as files that other power tools read: Verilog and VCD.

Both use the same plain names: ports keep theirs, other nets are ``n`` and instances ``u`` with
their number, for names that synthesis made up need escapes that tools treat differently.
"""

from collections.abc import Iterator

import numpy as np

from hwmodel.sim.activity import EventLog
from hwmodel.sim.gates import QUANTUM_NS, GateNetlist
from hwmodel.technology import Netlist

__all__ = ["change_dump", "verilog"]

# Femtoseconds, the unit of time of a dump, in a quantum of the simulator.
_FS = round(QUANTUM_NS * 1e6)
_FIRST, _LAST = 33, 126


def _names(netlist: Netlist) -> list[str]:
    """Plain name of each net."""
    names = ["1'b0", "1'b1", *(f"n{net}" for net in range(2, netlist.net_count))]
    for direction in ("output", "input"):
        for port in netlist.ports.values():
            if port.direction == direction:
                for place, net in reversed(list(enumerate(port.bits))):
                    if net > 1:
                        names[net] = port.name if len(port.bits) == 1 else f"{port.name}[{place}]"
    return names


def verilog(netlist: Netlist) -> str:
    """Structural Verilog of a netlist: instances, and an assignment where ports share a net."""
    names = _names(netlist)
    lines = [f"module {netlist.name} ({', '.join(netlist.ports)});"]
    taken = set()
    assigned = []
    for port in netlist.ports.values():
        width = len(port.bits)
        lines.append(f"  {port.direction} {f'[{width - 1}:0] ' if width > 1 else ''}{port.name};")
        for place, net in enumerate(port.bits):
            name = port.name if width == 1 else f"{port.name}[{place}]"
            taken.add(net)
            if names[net] != name:
                assigned.append(f"  assign {name} = {names[net]};")
    lines += [f"  wire {names[net]};" for net in range(2, netlist.net_count) if net not in taken]
    for number, instance in enumerate(netlist.instances):
        pins = ", ".join(f".{pin}({names[net]})" for pin, net in instance.pins.items())
        lines.append(f"  {instance.cell} u{number} ({pins});")
    return "\n".join([*lines, *assigned, "endmodule", ""])


def change_dump(gates: GateNetlist, log: EventLog) -> Iterator[str]:
    """Lines of a value-change dump of a recorded run, in a scope named after the module.

    Parameters
    ----------
    gates : GateNetlist
        The netlist.
    log : EventLog
        What `hwmodel.sim.activity.record_events` gave.
    """
    netlist = gates.design.netlist
    (clock,) = gates.design.clock_nets
    value = log.begin[: netlist.net_count].copy()
    value[1] = 1
    variables = [(port.name, port.bits) for port in netlist.ports.values()]
    ports = {net for _, bits in variables for net in bits}
    names = _names(netlist)
    variables += [(names[net], (net,)) for net in range(2, netlist.net_count) if net not in ports]
    keys = [_key(number) for number in range(len(variables))]
    showing: dict[int, list[int]] = {}
    for number, (_, bits) in enumerate(variables):
        for net in bits:
            showing.setdefault(net, []).append(number)

    def shown(number: int) -> str:
        bits = variables[number][1]
        if len(bits) == 1:
            return f"{value[bits[0]]}{keys[number]}"
        return f"b{''.join(str(value[net]) for net in reversed(bits))} {keys[number]}"

    yield f"$timescale 1fs $end\n$scope module {netlist.name} $end"
    for (name, bits), key in zip(variables, keys, strict=True):
        width = len(bits)
        extent = f" [{width - 1}:0]" if width > 1 else ""
        yield f"$var wire {width} {key} {name}{extent} $end"
    yield "$upscope $end\n$enddefinitions $end\n#0\n$dumpvars"
    yield from map(shown, range(len(variables)))
    yield "$end"
    period = round(log.clock_ns / QUANTUM_NS)
    edges = np.arange(2 * log.cycles)
    moments = np.concatenate([(edges // 2) * period + edges % 2 * (period // 2), log.time])
    changes = np.concatenate([2 * clock + 1 - edges % 2, 2 * log.net + log.value])
    now = 0
    # The clock's edges come first among what happens at one time.
    for k in np.argsort(moments, kind="stable"):
        net, new = divmod(int(changes[k]), 2)
        if moments[k] != now:
            now = int(moments[k])
            yield f"#{now * _FS}"
        value[net] = new
        for number in showing.get(net, ()):
            yield shown(number)
    yield f"#{log.cycles * period * _FS}"


def _key(number: int) -> str:
    """Short identifier of a variable."""
    digits = ""
    while True:
        number, digit = divmod(number, _LAST - _FIRST + 1)
        digits += chr(_FIRST + digit)
        if not number:
            return digits
        number -= 1
