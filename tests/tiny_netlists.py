"""Netlists for tests: written by hand, or a plain MAC mapped by Yosys once for each run."""

import functools
import json
from collections.abc import Mapping
from typing import Any

from hwmodel.technology import default_library
from hwmodel.yosys import run_yosys

# A multiply-accumulate unit as the language writes it, with the ports and timing of our units.
MAC = """
module mac(input clk, input rst, input signed [W-1:0] a, input signed [W-1:0] b,
           input valid, input clear, output reg signed [N-1:0] acc);
  parameter W = 4; parameter N = 16;
  reg signed [W-1:0] ar, br; reg v, c;
  wire signed [N-1:0] base = c ? 0 : acc;
  always @(posedge clk)
    if (rst) begin ar <= 0; br <= 0; v <= 0; c <= 0; acc <= 0; end
    else begin
      ar <= a; br <= b; v <= valid; c <= clear;
      if (v) acc <= base + ar * br; else if (c) acc <= 0;
    end
endmodule
"""


def tiny(
    ports: Mapping[str, tuple[str, list[Any]]], cells: Mapping[str, tuple[str, Mapping[str, Any]]]
) -> dict[str, Any]:
    """What ``write_json`` would write: port -> (direction, bits), cell -> (type, pin -> bit)."""
    return {
        "modules": {
            "tiny": {
                "ports": {
                    name: {"direction": direction, "bits": bits}
                    for name, (direction, bits) in ports.items()
                },
                "cells": {
                    name: {"type": kind, "connections": {pin: [bit] for pin, bit in pins.items()}}
                    for name, (kind, pins) in cells.items()
                },
                "netnames": {
                    name: {"bits": bits, "hide_name": 0} for name, (_, bits) in ports.items()
                },
            }
        }
    }


@functools.lru_cache
def mapped_mac(width: int = 4, sum_width: int = 16, script: str = "") -> tuple[dict[str, Any], str]:
    """`MAC` mapped to NanGate 45 nm: JSON and Verilog of one and the same netlist."""
    area = "strash\ndch -f\namap -m\ntopo\nbuffer -c\ntopo\ndnsize\n"
    lines = [
        "read_verilog mac.v",
        f"chparam -set W {width} -set N {sum_width} mac",
        "synth -flatten -top mac",
        "dfflibmap -liberty cells.lib",
        "abc -liberty cells.lib -script abc.script -constr abc.constr",
        "setundef -zero",
        "hilomap -hicell LOGIC1_X1 Z -locell LOGIC0_X1 Z",
        "opt_clean -purge",
        "rename -enumerate -pattern g%",
        "rename -top mac",
        "write_json netlist.json",
        "write_verilog -noattr -noexpr -nohex netlist.v",
    ]
    outputs, _ = run_yosys(
        "\n".join(lines),
        {
            "mac.v": MAC,
            "abc.script": script or area,
            "abc.constr": "set_driving_cell BUF_X2\nset_load 5\n",
        },
        {"cells.lib": default_library()},
        ("netlist.json", "netlist.v"),
    )
    return json.loads(outputs["netlist.json"]), outputs["netlist.v"]
