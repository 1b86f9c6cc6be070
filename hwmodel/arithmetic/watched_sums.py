"""Sums with a rounding a step that keep an eye on overflow and on the sign of zeros, compiled.

`sums` says which products come here.
"""

from typing import Any

from hwmodel.arithmetic.quick_sums import rounded
from hwmodel.compiled import bits_of, float_of, fma, inner, jit

__all__ = ["add_bounded", "add_rows", "add_saturating", "mend_zeros"]

# One sum in so many ends as zero: its sign is then found for itself, else for the whole row.
_ZEROS = 16


@inner
def _sum(constants: Any, acc: Any, x: Any, y: Any) -> Any:
    """Sum with a product rounded without a look at overflow, and whether the sum is large."""
    total = fma(x, y, acc)
    field, lift, least = constants.field, constants.lift, constants.least
    value = rounded(
        True, field, lift, least, constants.edge, constants.gap, constants.powers, total
    )
    # A zero has the sign of the sum: one instruction less than `copysign`.
    return float_of(bits_of(value) | (bits_of(total) ^ bits_of(abs(total))), total), not (
        abs(total) < constants.large
    )


@inner
def _bounded_sum(constants: Any, acc: Any, x: Any, y: Any) -> Any:
    """Sum with a product, overflow and the sign of a zero settled."""
    value, _ = _sum(constants, acc, x, y)
    value = constants.beyond if value > constants.limit else value
    return constants.beneath if value < constants.lower else value


@inner
def _add_row(constants: Any, a: Any, b: Any, acc: Any) -> Any:
    """Add the products of a row to `acc`; returns whether one took a sum to what is large."""
    over = False
    for k in range(a.size):
        x, row = a[k], b[k]
        for j in range(acc.size):
            acc[j], large = _sum(constants, acc[j], x, row[j])
            over |= large
    return over


@jit
def add_rows(
    constants: Any, a: Any, b: Any, result: Any, first: int, which: Any, large: Any
) -> None:
    """Add the products to some rows of `result`; names those that met a large sum in `large`."""
    for i in range(a.shape[0]):
        if which[i]:
            large[i] |= _add_row(constants, a[i], b, result[i, first : first + b.shape[1]])


@jit
def add_bounded(
    constants: Any,
    a: Any,
    b: Any,
    result: Any,
    first: int,
    which: Any,
    saturating: Any,
    infinite: Any,
) -> None:
    """Add the products to some rows of `result`; sums beyond the limit become what stands for them.

    Signs of zeros are lost. `saturating` and `infinite` are each True or None, and what is None is
    not compiled: the limit stands for larger sums, or infinity does and there is an `up`.
    """
    field, lift, least, limit = constants.field, constants.lift, constants.least, constants.limit
    low, up, down, beyond = constants.keep_sign, constants.up, constants.down, constants.beyond
    edge, gap, powers = constants.edge, constants.gap, constants.powers
    lower, beneath = constants.lower, constants.beneath
    for i in range(a.shape[0]):
        if not which[i]:
            continue
        acc = result[i, first : first + b.shape[1]]
        for k in range(a.shape[1]):
            x, row = a[i, k], b[k]
            for j in range(acc.size):
                total = fma(x, row[j], acc[j])
                value = rounded(low, field, lift, least, edge, gap, powers, total)
                if saturating is not None:
                    # An instruction each, and a NaN stays one.
                    value = limit if value > limit else value
                    acc[j] = lower if value < lower else value
                elif infinite is not None:
                    # Fewer instructions than two comparisons and what hangs on them.
                    acc[j] = value * up * down
                else:
                    value = beyond if value > limit else value
                    acc[j] = beneath if value < lower else value


@jit
def mend_zeros(constants: Any, a: Any, b: Any, result: Any, first: int, which: Any) -> None:
    """Give the sums of some rows that are zero their signs."""
    for i in range(a.shape[0]):
        if not which[i]:
            continue
        acc = result[i, first : first + b.shape[1]]
        zeros = 0
        for j in range(acc.size):
            zeros += acc[j] == 0.0
        if zeros * _ZEROS > acc.size:
            for j in range(acc.size):
                acc[j] = 0.0
            for k in range(a.shape[1]):
                for column in range(acc.size):
                    acc[column] = _bounded_sum(constants, acc[column], a[i, k], b[k, column])
            continue
        for j in range(acc.size):
            value = acc[j]
            if value != 0.0:
                continue
            value = value - value  # plus zero of the type
            for k in range(a.shape[1]):
                value = _bounded_sum(constants, value, a[i, k], b[k, j])
            acc[j] = value


@jit
def add_saturating(a: Any, b: Any, low: int, high: int, result: Any) -> None:
    """Write sums of products of integers that saturate at every step to `result`."""
    for i in range(a.shape[0]):
        acc = result[i]
        acc[:] = 0
        for k in range(a.shape[1]):
            x = a[i, k]
            row = b[k]
            for j in range(acc.size):
                acc[j] = min(max(acc[j] + x * row[j], low), high)
