# mypy: disable-error-code="untyped-decorator, no-any-return"
# (numba ships no types)
"""Compiled walks down additive trees. One row and many rows run the same loop, and there is no other.

All kernels live in this file, because numba's cache does not see a change in a function of another file.

One rule decides at each node: *go right unless z <= threshold*. `z` is the row in the width of the
thresholds, twice: first with missing values at minus infinity, then with them as NaN, which is at or below
nothing. A node that sends missing values left names its feature in the first half, one that sends them right
names it in the second, so the walk never asks whether a value is missing. Where some nodes take zero for
missing, two more such halves follow for them. Then comes a zero: leaves look at it with the threshold plus
infinity and are their own children, so that a walk may take more steps than the tree is deep.

Each node that asks for categories has a place of its own behind that, where 1 says *right* and 0 *left*. A
category is a slot: 0 is a missing value, 1 a code that no node lists, 2 + code the others. For each slot the
answers of all nodes that ask about the feature lie together as bits, in `words`; the row copies those of its
slot, and the walk itself knows nothing of categories.

Eight trees are walked at a time, so that the processor waits for eight loads at once; leaves are added one
after another in the order of the trees, in the width of `start`.

The tuples `look`, `sets` and `walk` are made by `Trees`; `sets` is None where no node asks for categories,
and the loops for it are then not compiled.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]
Look = tuple[Any, ...]
"""(near_zero, views, places, side[N], threshold[N]); z has so many places."""
Sets = tuple[Any, ...]
"""(least, feature[K], slots[K], blocks[K], begin[K], words): of K features the answers, 64 to a block."""
Walk = tuple[Any, ...]
"""(child[N], value[N], root[T], depth[T])"""


@njit(cache=True, nogil=True)
def _write(x: Array, near_zero: float, views: int, z: Array) -> None:
    """Write the row into z as nodes look at it; what is at most `near_zero` away from zero is zero."""
    width = x.shape[0]
    for j in range(width):
        z[width + j] = x[j]
        if abs(z[width + j]) <= near_zero:
            z[width + j] = 0
        value = z[width + j]
        z[j] = value if value == value else -np.inf
    if views == 4:
        for j in range(width):
            value = z[width + j]
            there = value != 0 and value == value
            z[2 * width + j] = value if there else -np.inf
            z[3 * width + j] = value if there else np.nan
    z[views * width] = 0


@njit(cache=True, nogil=True)
def _write_sets(z: Array, x: Array, place: int, sets: Sets) -> None:
    """Write what the nodes that ask for categories answer into z from `place` on."""
    least, feature, slots, blocks, begin, words = sets
    for k in range(feature.shape[0]):
        code = z[x.shape[0] + feature[k]]
        if code != code:
            slot = np.int64(0)
        elif code < least or code >= slots[k] - 2:
            slot = np.int64(1)
        else:
            slot = np.int64(code) + 2
        at = begin[k] + slot * blocks[k]
        for block in range(blocks[k]):
            word = words[at + block]
            for bit in range(64):
                z[place + bit] = (word >> np.uint64(bit)) & np.uint64(1)
            place += 64


@njit(cache=True, nogil=True)
def _view(x: Array, look: Look, sets: Sets | None, z: Array) -> None:
    """Write all of z."""
    _write(x, look[0], look[1], z)
    if sets is not None:
        _write_sets(z, x, look[1] * x.shape[0] + 1, sets)


@njit(cache=True, nogil=True)
def _sum(z: Array, side: Array, threshold: Array, walk: Walk, start: Any) -> Any:
    """Add the leaf that z reaches in each tree to `start`."""
    child, value, root, depth = walk
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
            a = child[a] + (not z[side[a]] <= threshold[a])
            b = child[b] + (not z[side[b]] <= threshold[b])
            c = child[c] + (not z[side[c]] <= threshold[c])
            d = child[d] + (not z[side[d]] <= threshold[d])
            e = child[e] + (not z[side[e]] <= threshold[e])
            f = child[f] + (not z[side[f]] <= threshold[f])
            g = child[g] + (not z[side[g]] <= threshold[g])
            h = child[h] + (not z[side[h]] <= threshold[h])
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
            a = child[a] + (not z[side[a]] <= threshold[a])
        total += value[a]
        k += 1
    return total


@njit(cache=True, nogil=True)
def margin_one(x: Array, look: Look, sets: Sets | None, walk: Walk, start: Any) -> Any:
    """`start` plus the leaves that one row float64[F] reaches."""
    _, _, places, side, threshold = look
    z = np.empty(places, threshold.dtype)
    _view(x, look, sets, z)
    return _sum(z, side, threshold, walk, start)


@njit(cache=True, nogil=True)
def margin_rows(X: Array, look: Look, sets: Sets | None, walk: Walk, start: Any, out: Array) -> None:
    """Fill `out` with `start` plus the leaves of each row of X float64[n, F]."""
    _, _, places, side, threshold = look
    z = np.empty(places, threshold.dtype)
    for i in range(X.shape[0]):
        _view(X[i], look, sets, z)
        out[i] = _sum(z, side, threshold, walk, start)


@njit(cache=True, nogil=True)
def turns_rows(X: Array, look: Look, sets: Sets | None, out: Array) -> None:
    """Fill `out` uint8[n, N] with 1 where a node would send the row right, whether it gets there or not."""
    _, _, places, side, threshold = look
    z = np.empty(places, threshold.dtype)
    for i in range(X.shape[0]):
        _view(X[i], look, sets, z)
        for k in range(side.shape[0]):
            out[i, k] = not z[side[k]] <= threshold[k]


@njit(cache=True, nogil=True)
def _isolation(total: float, normaliser: float) -> float:
    """Liu, Ting and Zhou's 2 ** -(mean path / usual path); one half when nothing was there to isolate."""
    if normaliser == 0.0:
        return 0.5
    return 2.0 ** (-(total / normaliser))


@njit(cache=True, nogil=True)
def isolation_one(x: Array, look: Look, walk: Walk, normaliser: float) -> float:
    """The isolation score of one row float64[F]."""
    _, _, places, side, threshold = look
    z = np.empty(places, threshold.dtype)
    _view(x, look, None, z)
    return _isolation(_sum(z, side, threshold, walk, 0.0), normaliser)


@njit(cache=True, nogil=True)
def isolation_rows(X: Array, look: Look, walk: Walk, normaliser: float, out: Array) -> None:
    """Fill `out` with the isolation score of each row of X float64[n, F]."""
    _, _, places, side, threshold = look
    z = np.empty(places, threshold.dtype)
    for i in range(X.shape[0]):
        _view(X[i], look, None, z)
        out[i] = _isolation(_sum(z, side, threshold, walk, 0.0), normaliser)
