"""The Yosys script of a recipe, and the small maps that it uses."""

import gzip
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path

from hwmodel.store import atomic_write, cache_root
from hwmodel.synthesis.converted import converted_folder
from hwmodel.synthesis.recipes import DEFAULT_FLOW, Recipe
from hwmodel.technology.catalogue import kept_out
from hwmodel.technology.library import CellLibrary

__all__ = ["Flow", "dont_use_patterns", "make_flow", "unused_cells"]

_ADDERS = r"""
module hw_full_adder (input a, b, c, output sum, carry);
endmodule
module hw_half_adder (input a, b, output sum, carry);
endmodule
"""
# Word-level adder cells of Yosys ($fa, and $alu for the ripple structure) in full adders.
_WORDS_TO_ADDERS = r"""
(* techmap_celltype = "$fa" *)
module hw_map_fa (A, B, C, X, Y);
  parameter WIDTH = 1;
  (* force_downto *) input [WIDTH-1:0] A, B, C;
  (* force_downto *) output [WIDTH-1:0] X, Y;
  genvar i;
  generate for (i = 0; i < WIDTH; i = i + 1) begin : bit
    hw_full_adder adder (.a(A[i]), .b(B[i]), .c(C[i]), .sum(Y[i]), .carry(X[i]));
  end endgenerate
endmodule
"""
_RIPPLE = r"""
(* techmap_celltype = "$alu" *)
module hw_map_alu (A, B, CI, BI, X, Y, CO);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  (* force_downto *) input [A_WIDTH-1:0] A;
  (* force_downto *) input [B_WIDTH-1:0] B;
  (* force_downto *) output [Y_WIDTH-1:0] X, Y, CO;
  input CI, BI;
  (* force_downto *) wire [Y_WIDTH-1:0] wide_a, wide_b;
  \$pos #(.A_SIGNED(A_SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)) a_conv (.A(A), .Y(wide_a));
  \$pos #(.A_SIGNED(B_SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)) b_conv (.A(B), .Y(wide_b));
  (* force_downto *) wire [Y_WIDTH-1:0] term = BI ? ~wide_b : wide_b;
  (* force_downto *) wire [Y_WIDTH:0] carries;
  assign carries[0] = CI;
  genvar i;
  generate for (i = 0; i < Y_WIDTH; i = i + 1) begin : bit
    hw_full_adder adder (
      .a(wide_a[i]), .b(term[i]), .c(carries[i]), .sum(Y[i]), .carry(carries[i+1]));
  end endgenerate
  assign X = wide_a ^ term;
  assign CO = carries[Y_WIDTH:1];
endmodule
"""
# Adders with a constant or a doubled input are cheaper as logic; run until none is left, for one
# such adder makes constants for the next.
_CONSTANTS = r"""
module hw_full_adder (a, b, c, sum, carry);
  input a, b, c;
  output sum, carry;
  parameter _TECHMAP_CONSTMSK_a_ = 0;
  parameter _TECHMAP_CONSTMSK_b_ = 0;
  parameter _TECHMAP_CONSTMSK_c_ = 0;
  parameter _TECHMAP_BITS_CONNMAP_ = 1;
  parameter [_TECHMAP_BITS_CONNMAP_-1:0] _TECHMAP_CONNMAP_a_ = 0;
  parameter [_TECHMAP_BITS_CONNMAP_-1:0] _TECHMAP_CONNMAP_b_ = 0;
  parameter [_TECHMAP_BITS_CONNMAP_-1:0] _TECHMAP_CONNMAP_c_ = 0;
  wire _TECHMAP_FAIL_ = !(_TECHMAP_CONSTMSK_a_ | _TECHMAP_CONSTMSK_b_ | _TECHMAP_CONSTMSK_c_
    | (_TECHMAP_CONNMAP_a_ == _TECHMAP_CONNMAP_b_)
    | (_TECHMAP_CONNMAP_a_ == _TECHMAP_CONNMAP_c_)
    | (_TECHMAP_CONNMAP_b_ == _TECHMAP_CONNMAP_c_));
  assign sum = a ^ b ^ c;
  assign carry = (a & b) | (c & (a ^ b));
endmodule
"""
_ADDER_LOGIC = r"""
module hw_full_adder (a, b, c, sum, carry);
  input a, b, c;
  output sum, carry;
  wire half = a ^ b;
  assign sum = half ^ c;
  assign carry = (a & b) | (c & half);
endmodule
"""
_HALF_ADDER_LOGIC = r"""
module hw_half_adder (a, b, sum, carry);
  input a, b;
  output sum, carry;
  assign sum = a ^ b;
  assign carry = a & b;
endmodule
"""


@dataclass(frozen=True)
class Flow:
    """A script with the files that it reads, for `run_yosys`."""

    script: str
    files: dict[str, str]
    links: dict[str, Path]


def plain_file(path: Path) -> Path:
    """Path of an uncompressed copy of a Liberty file (ABC reads no .gz), or of the file itself."""
    raw = path.read_bytes()
    if raw[:2] != b"\x1f\x8b":
        return path
    text = gzip.decompress(raw)
    copy = cache_root() / "liberty" / f"{sha256(text).hexdigest()}.lib"
    if not copy.is_file():
        atomic_write(copy, text)
    return copy


def dont_use_patterns(library: CellLibrary) -> tuple[str, ...]:
    """Cells to keep out of synthesis: globs for libraries known to need them, and marked cells."""
    marked = tuple(sorted(cell.name for cell in library.cells.values() if cell.dont_use))
    return tuple(dict.fromkeys((*kept_out(library.name), *marked)))


def unused_cells(library: CellLibrary) -> frozenset[str]:
    """Names of the cells that the patterns keep out."""
    patterns = dont_use_patterns(library)
    return frozenset(
        name for name in library.cells if any(fnmatchcase(name, pattern) for pattern in patterns)
    )


def make_flow(
    rtlil: str,
    top: str,
    recipe: Recipe,
    library: CellLibrary,
    blocks: tuple[str, ...] = (),
) -> Flow:
    """Write the script that maps a design.

    Parameters
    ----------
    rtlil
        The design.
    top
        Name of its top module.
    recipe
        How to map it.
    library
        Cells to map it to.
    blocks
        Child modules of the top to keep as they are instead of flattening everything.

    Returns
    -------
    Flow
        A script that writes ``netlist.json`` (the mapped design) and ``stat.json``.
    """
    paths = tuple(plain_file(path).resolve() for path in library.paths)
    unused = " ".join(f"-dont_use {pattern}" for pattern in dont_use_patterns(library))
    converted = converted_folder(paths, library.sha256, unused)
    if converted is None:
        links = {f"cells{i}.lib": path for i, path in enumerate(paths)}
        names, lines = list(links), []
    else:
        links, names = {}, [str(path) for path in paths]
        lines = [f"libcache -scl -dir {converted}"]
    liberty = " ".join(f"-liberty {name}" for name in names)
    files = {
        "design.il": rtlil,
        "adders.v": _ADDERS,
        "words.v": _WORDS_TO_ADDERS,
        "constants.v": _CONSTANTS,
    }
    files["ripple.v"] = _RIPPLE
    files["half_adder.v"] = _HALF_ADDER_LOGIC
    files["full_adder.v"] = _full_adder_map(recipe, library)
    roles = library.roles
    drive = roles.buffer or roles.inverter
    files["constraints"] = f"set_driving_cell {drive.cell}\nset_load {_output_load(library):.4f}\n"
    # One reading of the library serves all commands of a run.
    lines += ["libcache -enable -all"]
    lines += [f"read_liberty -lib -ignore_miss_func {name}" for name in names]
    # The adders' own black boxes replace whatever the design says they are made of.
    lines += ["read_rtlil design.il", "read_verilog -lib -overwrite adders.v"]
    lines += [f"hierarchy -check -top {top}", "proc"]
    lines += [f"setattr -mod -set keep_hierarchy 1 {block}" for block in blocks]
    lines += ["flatten -noscopeinfo", "opt_expr", "opt_clean", "opt -nodffe -nosdff"]
    default = recipe.script == DEFAULT_FLOW
    if default:
        lines += ["techmap -map full_adder.v", "techmap -map half_adder.v"]
        lines += [f"synth -run coarse:check -top {top}"]
    else:
        lines += ["wreduce", "peepopt", "opt_clean", *_coarse(recipe), "opt -nodffe -nosdff"]
        lines += ["memory_map", "opt_clean"]
        if recipe.adder_cells:
            lines += ["techmap -map words.v"]
        if recipe.adder == "ripple":
            lines += ["techmap -map ripple.v"]
        # Constants run along a carry chain one adder a round.
        lines += ["opt", *(["techmap -map constants.v", "opt"] * 4)]
        choice = "" if recipe.adder in ("default", "ripple") else _prefix_map(recipe.adder)
        lines += ["techmap -map half_adder.v"]
        lines += [] if recipe.adder_cells else ["techmap -map full_adder.v"]
        lines += ["opt -fast", f"techmap -map +/techmap.v {choice}".rstrip(), "opt -fast"]
        lines += ["techmap -map full_adder.v", "simplemap", "opt_clean"]
    lines += [f"dfflibmap {liberty} {unused}".rstrip(), "opt_clean"]
    complement = _complement_map(library) if recipe.complement else ""
    if complement:
        files["complement.v"] = complement
        lines += ["techmap -max_iter 1 -map complement.v", "opt_clean"]
    script = recipe.abc_script()
    if script is None:
        lines += [f"abc {liberty} {unused}".rstrip()]
    else:
        files["map.abc"] = script
        lines += [f"abc {liberty} -constr constraints -script map.abc {unused}".rstrip()]
    lines += ["setundef -zero", *_tie_cells(library), "opt_clean -purge"]
    lines += ["check -mapped -assert", f"tee -q -o stat.json stat -json {liberty}"]
    lines += [f"select {top} {' '.join(blocks)}".rstrip(), "write_json -selected netlist.json"]
    return Flow("\n".join(lines) + "\n", files, links)


def _coarse(recipe: Recipe) -> list[str]:
    """Commands that choose the structure of the operators left in the RTL."""
    return {
        "alumacc": ["alumacc"],
        "booth": ["booth", "alumacc"],
        "booth-lowpower": ["booth -lowpower", "alumacc"],
        "arith-tree": ["alumacc", "arith_tree"],
        "noalumacc": [],
    }[recipe.coarse]


def _prefix_map(adder: str) -> str:
    return f"-map +/choices/{adder}.v"


def _full_adder_map(recipe: Recipe, library: CellLibrary) -> str:
    role = library.roles.full_adder
    if not recipe.adder_cells or role is None:
        return _ADDER_LOGIC
    pins = ", ".join(f".{pin}({port})" for port, pin in role.pins.items())
    return (
        "module hw_full_adder (a, b, c, sum, carry);\n  input a, b, c;\n  output sum, carry;\n"
        f"  {role.cell} _TECHMAP_REPLACE_ ({pins});\nendmodule\n"
    )


def _complement_map(library: CellLibrary) -> str:
    """Make logic read the complement output of every plain flip-flop that has both."""
    text = []
    for cell in library.cells.values():
        flip_flop = cell.flip_flop
        if flip_flop is None or len(cell.outputs) != 2:
            continue
        true = [pin for pin in cell.outputs if cell.pins[pin].function == flip_flop.state]
        inverse = [pin for pin in cell.outputs if cell.pins[pin].function == flip_flop.inverse]
        if len(true) != 1 or len(inverse) != 1:
            continue
        ports = ", ".join((*cell.inputs, *cell.outputs))
        inputs = ", ".join(f".{pin}({pin})" for pin in cell.inputs)
        text.append(
            f"module {cell.name} ({ports});\n  input {', '.join(cell.inputs)};\n"
            f"  output {', '.join(cell.outputs)};\n  wire stored;\n"
            f"  {cell.name} _TECHMAP_REPLACE_ ({inputs}, .{inverse[0]}(stored));\n"
            f"  \\$_NOT_ invert (.A(stored), .Y({true[0]}));\n"
            f"  assign {inverse[0]} = stored;\nendmodule\n"
        )
    return "".join(text)


def _tie_cells(library: CellLibrary) -> list[str]:
    low, high = library.roles.tie_low, library.roles.tie_high
    if low is None or high is None:
        return []
    return [
        f"hilomap -singleton -hicell {high.cell} {high.pins['y']}"
        f" -locell {low.cell} {low.pins['y']}"
    ]


def _output_load(library: CellLibrary) -> float:
    """Load in fF on every output in ABC's eyes: a few inputs of the library's own inverter."""
    role = library.roles.inverter
    return 3.0 * library.cells[role.cell].pins[role.pins["a"]].capacitance
