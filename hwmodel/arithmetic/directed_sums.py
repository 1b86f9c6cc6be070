"""Sums rounded another way than to nearest even in every step, compiled.

The float adder rounds a sum that it holds exactly to nearest even of the accumulator's grid; what
that leaves tells whether the neighbour on its side is the result. `sums` says which products come
here: no sum may be large or rounded before. Zeros lose their sign as in `quick_sums`.
"""

from typing import Any

import numpy as np

from hwmodel.compiled import bits_of, float_of, fma, inner, jit
from hwmodel.formats import Rounding
from hwmodel.formats.kernels import ROUNDINGS

__all__ = ["add_products", "mend_zeros"]

_ZERO, _UP = ROUNDINGS[Rounding.TOWARD_ZERO], ROUNDINGS[Rounding.UP]
_AWAY = ROUNDINGS[Rounding.NEAREST_AWAY]  # what is left is to odd


@inner
def _neighbours(constants: Any, total: Any) -> Any:
    """A sum rounded to nearest, what that leaves of it, and the step to the neighbour there.

    Also the sum with a number added that makes its last bits count units of the last place.
    """
    adder = float_of((bits_of(total) & constants.field) + constants.lift, total)
    adder = adder if adder > constants.least else constants.least
    raised = total + adder
    near = raised - adder
    left = total - near
    unit = float_of(bits_of(adder) - constants.unit, total)
    return near, left, unit if left > 0.0 else -unit, raised


# No branches: vectors have none.


@inner
def _toward_zero(constants: Any, total: Any) -> Any:
    near, _, step, _ = _neighbours(constants, total)
    return near + (step if abs(near) > abs(total) else step - step)


@inner
def _up(constants: Any, total: Any) -> Any:
    near, left, step, _ = _neighbours(constants, total)
    return near + (step if left > 0.0 else step - step)


@inner
def _away(constants: Any, total: Any) -> Any:
    near, left, step, _ = _neighbours(constants, total)
    half = step - step if abs(near) > abs(total) else left
    return near + (step if half + half == step else step - step)


@inner
def _to_odd(constants: Any, total: Any) -> Any:
    near, left, step, raised = _neighbours(constants, total)
    even = float_of(bits_of(step) & ((bits_of(raised) & 1) - 1), total)  # the step, or zero
    return near + (even if left != 0.0 else step - step)


@inner
def _rounded(constants: Any, total: Any) -> Any:
    if constants.rounding == _ZERO:
        return _toward_zero(constants, total)
    if constants.rounding == _UP:
        return _up(constants, total)
    return _away(constants, total) if constants.rounding == _AWAY else _to_odd(constants, total)


@inner
def _is_vain(given_up: Any, rows: Any) -> Any:
    """Whether most rows so far met a sum that the type does not hold."""
    return rows >= 8 and 2 * given_up > rows


# The same loops for each: what is given a function is not kept on disk, and loops that ask for the
# rounding in every step make no vectors.


@jit
def _add_toward_zero(constants: Any, a: Any, b: Any, result: Any, first: int, void: Any) -> None:
    given_up = 0
    for i in range(a.shape[0]):
        if void[i] or _is_vain(given_up, i):
            void[i] = True
            continue
        acc, over = result[i, first : first + b.shape[1]], False
        for k in range(a.shape[1]):
            x, row = a[i, k], b[k]
            for j in range(acc.size):
                total = fma(x, row[j], acc[j])
                over |= not abs(total) < constants.large
                acc[j] = _toward_zero(constants, total)
        void[i] = over
        given_up += over


@jit
def _add_up(constants: Any, a: Any, b: Any, result: Any, first: int, void: Any) -> None:
    given_up = 0
    for i in range(a.shape[0]):
        if void[i] or _is_vain(given_up, i):
            void[i] = True
            continue
        acc, over = result[i, first : first + b.shape[1]], False
        for k in range(a.shape[1]):
            x, row = a[i, k], b[k]
            for j in range(acc.size):
                total = fma(x, row[j], acc[j])
                over |= not abs(total) < constants.large
                acc[j] = _up(constants, total)
        void[i] = over
        given_up += over


@jit
def _add_away(constants: Any, a: Any, b: Any, result: Any, first: int, void: Any) -> None:
    given_up = 0
    for i in range(a.shape[0]):
        if void[i] or _is_vain(given_up, i):
            void[i] = True
            continue
        acc, over = result[i, first : first + b.shape[1]], False
        for k in range(a.shape[1]):
            x, row = a[i, k], b[k]
            for j in range(acc.size):
                total = fma(x, row[j], acc[j])
                over |= not abs(total) < constants.large
                acc[j] = _away(constants, total)
        void[i] = over
        given_up += over


@jit
def _add_to_odd(constants: Any, a: Any, b: Any, result: Any, first: int, void: Any) -> None:
    given_up = 0
    for i in range(a.shape[0]):
        if void[i] or _is_vain(given_up, i):
            void[i] = True
            continue
        acc, over = result[i, first : first + b.shape[1]], False
        for k in range(a.shape[1]):
            x, row = a[i, k], b[k]
            for j in range(acc.size):
                total = fma(x, row[j], acc[j])
                over |= not abs(total) < constants.large
                acc[j] = _to_odd(constants, total)
        void[i] = over
        given_up += over


_LOOPS = {
    _ZERO: _add_toward_zero,
    _UP: _add_up,
    _AWAY: _add_away,
    ROUNDINGS[Rounding.TO_ODD]: _add_to_odd,
}


def add_products(constants: Any, a: Any, b: Any, result: Any, first: int, void: Any) -> None:
    """Add the products to the rows of `result`; names in `void` those that met a large sum.

    `b` are the result's columns from `first` on.
    """
    _LOOPS[constants.rounding](constants, a, b, result, first, void)


@jit
def mend_zeros(constants: Any, a: Any, b: Any, result: Any, first: int, which: Any) -> None:
    """Give the sums of some rows that are zero their signs."""
    for i in range(a.shape[0]):
        if not which[i]:
            continue
        acc = result[i, first : first + b.shape[1]]
        for j in np.flatnonzero(acc == 0.0):
            value = acc[j]
            value = value - value  # plus zero of the type
            value = -value if constants.negated else value
            for k in range(a.shape[1]):
                total = fma(a[i, k], b[k, j], value)
                value = _rounded(constants, total)
                value = float_of(
                    bits_of(abs(value)) | (bits_of(total) ^ bits_of(abs(total))), total
                )
            acc[j] = value
