"""Simulation: units in a Verilog simulator against the golden model, and what they are fed with.

May import ``formats``, ``units``, ``arithmetic``, ``rtl``, ``technology``, ``accuracy`` (captured
operands only); ``synthesis``, ``cost``, ``reports`` and the command line import it. `streams` holds
cycles of input; `vectors` chooses them, with `corners`, `walks` and `steering`; `simulator`,
`harness` and `bench` run them through cocotb; `cosim` compares with the golden model, and `outcome`
says where they differ. `delivery` writes what a user takes away: Verilog, sidecar, vectors,
testbench. `stimulus` makes operands for energy, `gates` (with `gate_cells` and `gate_tables` for a
library's cells) and `activity` count the switching they cause (`feeding` puts the one into the
other); `zero_delay` does so without delays in the lanes of words (`lanes`, whose programs
`lane_code` puts together of what `lane_cells` writes for each cell). `dump` writes netlist and
events for others.
"""
