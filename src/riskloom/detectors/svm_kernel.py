# mypy: disable-error-code="untyped-decorator, no-any-return"
# (numba ships no types)
"""The compiled sum over a kernel machine's points of support. One row and many rows run the same loop."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from riskloom.detectors.base import Floats
from riskloom.detectors.standardise import LARGEST

LANES = 32


def blocks_of(points: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """(float64[m, F] as [block, feature, lane], their weights), filled up with such as weigh nothing."""
    count, width = points.shape
    blocks = -(-count // LANES)
    filled, weights = np.zeros((blocks * LANES, width)), np.zeros(blocks * LANES)
    filled[:count], weights[:count] = points, weight
    return np.ascontiguousarray(filled.reshape(blocks, LANES, width).transpose(0, 2, 1)), weights


@njit(cache=True, nogil=True)
def _outside(x: Floats, tables: tuple[Any, ...]) -> float:
    """The score of one row; lanes are summed side by side, each in the order of the features."""
    fill, center, scale, blocks, weight, gamma, offset = tables
    width = x.shape[0]
    z = np.empty(width)
    for j in range(width):
        value = x[j]
        if value != value:
            value = fill[j]
        value = min(max(value, -LARGEST), LARGEST)
        z[j] = (value - center[j]) / scale[j]
    total = 0.0
    far = np.empty(LANES)
    for b in range(blocks.shape[0]):
        far[:] = 0.0
        for j in range(width):
            for q in range(LANES):
                off = z[j] - blocks[b, j, q]
                far[q] += off * off
        for q in range(LANES):
            total += weight[b * LANES + q] * math.exp(-gamma * far[q])
    return offset - total


@njit(cache=True, nogil=True)
def outside_one(x: Floats, tables: tuple[Any, ...]) -> float:
    """The score of one row float64[F]."""
    return _outside(x, tables)


@njit(cache=True, nogil=True)
def outside_rows(X: Floats, tables: tuple[Any, ...], out: Floats) -> None:
    """Fill `out` with the score of each row of X float64[n, F]."""
    for i in range(X.shape[0]):
        out[i] = _outside(X[i], tables)
