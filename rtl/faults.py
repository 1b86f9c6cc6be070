"""Faults to be planted: what a verification flow has to catch.

Each breaks one thing that designers of such units do get wrong. Blocks take the broken constant
or rule as a parameter; nothing else in the unit differs.
"""

import enum

__all__ = ["Fault"]


class Fault(enum.Enum):
    """One deliberate mistake in a unit."""

    WRONG_BIAS = "wrong-bias"
    """Products come out twice too large: an exponent bias is off by one."""
    DROPPED_STICKY = "dropped-sticky"
    """Bits that alignment shifts out are forgotten instead of gathered in the sticky bit."""
    TRUNCATED_ROUNDING = "truncated-rounding"
    """The sum is rounded toward zero."""
    MISSING_SUBNORMALS = "missing-subnormals"
    """Subnormal operands count as zeros."""
    ZERO_SIGN = "zero-sign"
    """x + (-x) keeps the sign of x."""
