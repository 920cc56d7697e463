# mypy: disable-error-code="untyped-decorator, no-any-return"
# (numba ships no types)
"""The compiled pass of a row through an autoencoder and back. One row and many rows run the same loop.

Everything is in one table: six lines of one number for each of F features (fill, lower, upper, center and
scale of the `Standard`, and the usual residual), then layer by layer the weights, the outputs of one input
side by side, and the biases. `sizes` holds F, the widths of the hidden layers, and F.

The hyperbolic tangent is a quotient of polynomials and three doublings: nothing but sums, products and
quotients, within 1e-15 of the library's, the same bits on every machine, and several at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]

LINES = 6
FARTHEST = 1e6
"""A scaled value beyond counts as that."""


@njit(cache=True, nogil=True)
def _scale(x: Array, table: Array, z: Array) -> None:
    """Write the scaled row into z."""
    width = x.shape[0]
    for j in range(width):
        value = table[j] if x[j] != x[j] else x[j]
        value = min(max(value, table[width + j]), table[2 * width + j])
        value = (value - table[3 * width + j]) * table[4 * width + j]
        z[j] = min(max(value, -FARTHEST), FARTHEST)


@njit(cache=True, nogil=True)
def _layer(a: Array, inputs: int, b: Array, outputs: int, weight: Array) -> None:
    """Write one layer's outputs into b, four inputs at a time: each output sums its inputs in order.

    `weight` is the layer's alone: an index that counts from 0 is known not to be negative, so that the inner
    loops need no check and are several times as fast.
    """
    for k in range(outputs):
        b[k] = weight[inputs * outputs + k]
    j, at = 0, 0
    while j + 4 <= inputs:
        c, d, e, f = a[j], a[j + 1], a[j + 2], a[j + 3]
        for k in range(outputs):
            total = b[k] + c * weight[at + k]
            total += d * weight[at + outputs + k]
            total += e * weight[at + 2 * outputs + k]
            b[k] = total + f * weight[at + 3 * outputs + k]
        at += 4 * outputs
        j += 4
    while j < inputs:
        c = a[j]
        for k in range(outputs):
            b[k] += c * weight[at + k]
        at += outputs
        j += 1


@njit(cache=True, nogil=True)
def _bend(values: Array, size: int, tanh: bool) -> None:
    """Put the activation of each value in its place: the hyperbolic tangent, or what is above 0."""
    for k in range(size):
        if tanh:
            y = min(max(values[k], -20.0), 20.0) * 0.125
            s = y * y
            over = y * (34459425.0 + s * (4729725.0 + s * (135135.0 + s * (990.0 + s))))
            under = 34459425.0 + s * (16216200.0 + s * (945945.0 + s * (13860.0 + s * 45.0)))
            t = over / under
            t = 2.0 * t / (1.0 + t * t)
            t = 2.0 * t / (1.0 + t * t)
            values[k] = 2.0 * t / (1.0 + t * t)
        else:
            values[k] = max(values[k], 0.0)


@njit(cache=True, nogil=True)
def _errors(x: Array, table: Array, sizes: Array, tanh: bool, room: Array) -> float:
    """The score of one row; `room` float64[4, the widest] ends with each feature's part in line 3."""
    width, last = x.shape[0], sizes.shape[0] - 2
    z, a, b, parts = room[0], room[1], room[2], room[3]
    _scale(x, table, z)
    for j in range(width):
        a[j] = z[j]
    at = LINES * width
    for layer in range(last + 1):
        inputs, outputs = sizes[layer], sizes[layer + 1]
        behind = at + (inputs + 1) * outputs
        _layer(a, inputs, b, outputs, table[at:behind])
        at = behind
        if layer < last:
            _bend(b, outputs, tanh)
        a, b = b, a
    share = 1.0 / width
    for j in range(width):
        off = (z[j] - a[j]) * table[5 * width + j]
        parts[j] = 0.0 if x[j] != x[j] else off * off * share
    total = 0.0
    for j in range(width):
        total += parts[j]
    return total


@njit(cache=True, nogil=True)
def _room(sizes: Array) -> Array:
    widest = 0
    for size in sizes:
        widest = max(widest, size)
    return np.empty((4, widest))


@njit(cache=True, nogil=True)
def error_one(x: Array, table: Array, sizes: Array, tanh: bool) -> float:
    """The score of one row float64[F]."""
    return _errors(x, table, sizes, tanh, _room(sizes))


@njit(cache=True, nogil=True)
def error_rows(X: Array, table: Array, sizes: Array, tanh: bool, out: Array) -> None:
    """Fill `out` with the score of each row of X float64[n, F]."""
    room = _room(sizes)
    for i in range(X.shape[0]):
        out[i] = _errors(X[i], table, sizes, tanh, room)


@njit(cache=True, nogil=True)
def error_parts(x: Array, table: Array, sizes: Array, tanh: bool) -> Array:
    """What each feature of one row float64[F] adds to its score."""
    room = _room(sizes)
    _errors(x, table, sizes, tanh, room)
    return room[3, : x.shape[0]].copy()
