"""Simulation: units in a Verilog simulator against the golden model, and what they are fed with.

May import ``formats``, ``units``, ``arithmetic`` and ``rtl``; ``cost``, ``reports`` and the command
line import it. `streams` holds cycles of input, `corners` and `vectors` choose them, `simulator`
and `bench` run them through cocotb, `cosim` compares with the golden model; `delivery` writes what
a user takes away (Verilog, sidecar, vectors, testbench).
"""
