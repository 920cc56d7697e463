# mypy: disable-error-code="untyped-decorator, no-any-return"
# (numba ships no types)
"""Compiled walks down additive trees. One row and many rows run the same loop, and there is no other.

All kernels live in this file, because numba's cache does not see a change in a function of another file.

One rule decides at each node: *go right if z > threshold*, in float32. `z` is the row twice: first with
missing values at minus infinity, then with them at plus infinity. A node that sends missing values left names
its feature in the first half, one that sends them right names it in the second, so the walk never asks
whether a value is missing. A leaf has the threshold plus infinity and is its own child: a walk may take more
steps than the tree is deep.

Eight trees are walked at a time, so that the processor waits for eight loads at once; leaves are added one
after another in the order of the trees, in the width of `start`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]


@njit(cache=True, nogil=True)
def _both_ways(x: Array, z: Array) -> None:
    """Write the row into z twice in float32, missing values low in the first half and high in the second."""
    width = x.shape[0]
    for j in range(width):
        value = np.float32(x[j])
        if value != value:
            z[j] = np.float32(-np.inf)
            z[width + j] = np.float32(np.inf)
        else:
            z[j] = value
            z[width + j] = value


@njit(cache=True, nogil=True)
def _sum(
    z: Array, side: Array, threshold: Array, child: Array, value: Array, root: Array, depth: Array, start: Any
) -> Any:
    """Add the leaf that z reaches in each tree to `start`."""
    total = start
    trees = root.shape[0]
    k = 0
    while k + 8 <= trees:
        steps = 0
        for q in range(8):
            steps = max(steps, depth[k + q])
        a, b, c, d = root[k], root[k + 1], root[k + 2], root[k + 3]
        e, f, g, h = root[k + 4], root[k + 5], root[k + 6], root[k + 7]
        for _ in range(steps):
            a = child[a] + (z[side[a]] > threshold[a])
            b = child[b] + (z[side[b]] > threshold[b])
            c = child[c] + (z[side[c]] > threshold[c])
            d = child[d] + (z[side[d]] > threshold[d])
            e = child[e] + (z[side[e]] > threshold[e])
            f = child[f] + (z[side[f]] > threshold[f])
            g = child[g] + (z[side[g]] > threshold[g])
            h = child[h] + (z[side[h]] > threshold[h])
        total += value[a]
        total += value[b]
        total += value[c]
        total += value[d]
        total += value[e]
        total += value[f]
        total += value[g]
        total += value[h]
        k += 8
    while k < trees:
        a = root[k]
        for _ in range(depth[k]):
            a = child[a] + (z[side[a]] > threshold[a])
        total += value[a]
        k += 1
    return total


@njit(cache=True, nogil=True)
def sum_rows(
    X: Array,
    side: Array,
    threshold: Array,
    child: Array,
    value: Array,
    root: Array,
    depth: Array,
    start: Any,
    out: Array,
) -> None:
    """Fill `out` with the sum of the leaves of each row of X float64[n, F]."""
    z = np.empty(2 * X.shape[1], np.float32)
    for i in range(X.shape[0]):
        _both_ways(X[i], z)
        out[i] = _sum(z, side, threshold, child, value, root, depth, start)


@njit(cache=True, nogil=True)
def _isolation(total: float, normaliser: float) -> float:
    """Liu, Ting and Zhou's 2 ** -(mean path / usual path); one half when nothing was there to isolate."""
    if normaliser == 0.0:
        return 0.5
    return 2.0 ** (-(total / normaliser))


@njit(cache=True, nogil=True)
def isolation_one(
    x: Array,
    side: Array,
    threshold: Array,
    child: Array,
    value: Array,
    root: Array,
    depth: Array,
    normaliser: float,
) -> float:
    """The isolation score of one row float64[F]."""
    z = np.empty(2 * x.shape[0], np.float32)
    _both_ways(x, z)
    return _isolation(_sum(z, side, threshold, child, value, root, depth, 0.0), normaliser)


@njit(cache=True, nogil=True)
def isolation_rows(
    X: Array,
    side: Array,
    threshold: Array,
    child: Array,
    value: Array,
    root: Array,
    depth: Array,
    normaliser: float,
    out: Array,
) -> None:
    """Fill `out` with the isolation score of each row of X float64[n, F]."""
    z = np.empty(2 * X.shape[1], np.float32)
    for i in range(X.shape[0]):
        _both_ways(X[i], z)
        out[i] = _isolation(_sum(z, side, threshold, child, value, root, depth, 0.0), normaliser)
