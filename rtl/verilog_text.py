"""Making Yosys' Verilog easier to read: the same circuit, told with fewer words."""

import itertools
import re

__all__ = ["readable"]

_LEAST_REPEATS = 3
_HEADER = re.compile(r"\A/\*.*?\*/\s*", re.DOTALL)
_MODULE = re.compile(r"^module .*?^endmodule\n", re.DOTALL | re.MULTILINE)
# A port as Yosys declares it: twice, its direction and its kind.
_PORT = re.compile(
    r"^  (input|output)((?: \[\d+:\d+\])?) (\S+);\n  (wire|reg)\2 \3;\n", re.MULTILINE
)
# A second name of a signal, declared for the connection to a block.
_COPY = re.compile(r"^  assign (\S+)  ?= (\S+) ?;\n", re.MULTILINE)
_BRACES = re.compile(r"\{ ([^{}]+) \}")


def readable(verilog: str, top: str, summaries: dict[str, str]) -> str:
    """Verilog with the top module first and a line before each module that says what it is.

    Parameters
    ----------
    verilog : str
        Output of Yosys' ``write_verilog -noattr``.
    top : str
        Name of the top module.
    summaries : dict of str
        What each module is, by its name.
    """
    modules = {_name(text): text for text in _MODULE.findall(_HEADER.sub("", verilog))}
    names = [top, *(name for name in modules if name != top)]
    return "\n".join(_described(name, summaries) + _module(modules[name]) for name in names)


def _name(module: str) -> str:
    return module.removeprefix("module ").split("(", 1)[0].strip()


def _described(name: str, summaries: dict[str, str]) -> str:
    return f"// {summaries[name]}\n" if name in summaries else ""


def _module(text: str) -> str:
    ports = set(re.findall(r"^  (?:input|output)\b.* (\S+);$", text, re.MULTILINE))
    text = _PORT.sub(lambda m: f"  {m[1]} {m[4]}{m[2]} {m[3]};\n", text)
    for copy, original in _COPY.findall(text):
        if len(_whole(copy).findall(text)) != 2:  # its declaration and this assignment
            continue
        declaration = rf"^  wire(?: \[\d+:\d+\])? {re.escape(copy)} ?;\n"
        assignment = rf"^  assign {re.escape(copy)}  ?= .*\n"
        text, count = re.subn(declaration, "", text, flags=re.MULTILINE)
        if not count:  # a port
            continue
        text = re.sub(assignment, "", text, flags=re.MULTILINE)
        if copy.endswith("_q") and original.isidentifier() and original not in ports:
            text = _whole(original).sub(copy, text)  # a register is called what it is
    return _BRACES.sub(_repeats, text)


def _whole(name: str) -> re.Pattern[str]:
    """Pattern of a name that is not part of another one, nor a port's in an instance."""
    return re.compile(rf"(?<![\w$.\\]){re.escape(name)}(?![\w$])")


def _repeats(match: re.Match[str]) -> str:
    """Write three or more equal neighbours of a concatenation as a repetition."""
    items = match[1].split(", ")
    parts = []
    for item, group in itertools.groupby(items):
        count = len(list(group))
        same = [f"{{{count}{{{item}}}}}"] if count >= _LEAST_REPEATS else [item] * count
        parts += same
    return parts[0] if len(parts) == 1 else f"{{ {', '.join(parts)} }}"
