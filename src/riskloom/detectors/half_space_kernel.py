# mypy: disable-error-code="untyped-decorator, no-any-return"
# (numba ships no types)
"""Compiled walks down half-space trees, to score and to learn. One row and many rows run the same loop.

All trees are full: the children of node i are 2 i + 1 and 2 i + 2, and a row goes right if its value is
above the node's threshold. The nodes of one tree follow those of the other.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from riskloom.detectors.standardise import LARGEST

Array = npt.NDArray[Any]


LIMIT = 10
"""A node with at most one in so many of the rows is not looked into further."""


@njit(cache=True, nogil=True)
def _fill(x: Array, fill: Array, z: Array) -> None:
    """Write the row into z, with missing values filled and none beyond float32."""
    for j in range(x.shape[0]):
        value = x[j]
        if value != value:
            value = fill[j]
        z[j] = min(max(value, -LARGEST), LARGEST)


@njit(cache=True, nogil=True)
def _surprise(z: Array, fill: Array, cut: Array, by: Array, mass: Array, seen: Array, trees: int) -> float:
    """Minus the logarithm of how dense the profile is around z; its sum over trees is of whole numbers."""
    inner, rows = cut.shape[0] // trees, seen[1]
    total = 0
    for tree in range(trees):
        node, level = 0, 0
        begin, first = tree * inner, tree * (2 * inner + 1)
        here = mass[first]
        while node < inner and LIMIT * here > rows:
            node = 2 * node + 1 + (z[by[begin + node]] > cut[begin + node])
            level += 1
            here = mass[first + node]
        total += here << level
    return math.log2(trees * rows / (1.0 + total))


@njit(cache=True, nogil=True)
def surprise_one(x: Array, fill: Array, cut: Array, by: Array, mass: Array, seen: Array, trees: int) -> float:
    """The score of one row float64[F]."""
    z = np.empty(x.shape[0])
    _fill(x, fill, z)
    return _surprise(z, fill, cut, by, mass, seen, trees)


@njit(cache=True, nogil=True)
def surprise_rows(
    X: Array, fill: Array, cut: Array, by: Array, mass: Array, seen: Array, trees: int, out: Array
) -> None:
    """Fill `out` with the score of each row of X float64[n, F]."""
    z = np.empty(X.shape[1])
    for i in range(X.shape[0]):
        _fill(X[i], fill, z)
        out[i] = _surprise(z, fill, cut, by, mass, seen, trees)


@njit(cache=True, nogil=True)
def learn_rows(
    X: Array,
    fill: Array,
    cut: Array,
    by: Array,
    mass: Array,
    latest: Array,
    seen: Array,
    trees: int,
    window: int,
) -> None:
    """Count each row of X float64[n, F] into `latest`; a full window becomes the profile `mass`."""
    inner = cut.shape[0] // trees
    z = np.empty(X.shape[1])
    for i in range(X.shape[0]):
        _fill(X[i], fill, z)
        for tree in range(trees):
            node = 0
            begin, first = tree * inner, tree * (2 * inner + 1)
            latest[first] += 1
            while node < inner:
                node = 2 * node + 1 + (z[by[begin + node]] > cut[begin + node])
                latest[first + node] += 1
        seen[0] += 1
        if seen[0] == window:
            mass[:] = latest
            latest[:] = 0
            seen[0], seen[1] = 0, window
