"""Simulation: units in a Verilog simulator against the golden model, and what they are fed with.

May import ``formats``, ``units``, ``arithmetic``, ``rtl`` and ``technology``; ``cost``, ``reports``
and the command line import it. `streams` holds cycles of input; `vectors` chooses them, with
`corners`, `walks` and `steering`; `simulator`, `harness` and `bench` run them through cocotb; `cosim`
compares with the golden model, and `outcome` says where they differ. `delivery` writes what a user
takes away: Verilog, sidecar, vectors, testbench.
`gates` (with `gate_cells`) turns a mapped netlist into arrays and `activity` simulates it with the
delays and energies of its cells; `stimulus` makes the operand streams of energy by name.
"""
