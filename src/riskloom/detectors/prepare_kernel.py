# mypy: disable-error-code="untyped-decorator, no-any-return"
# (numba ships no types)
"""Compiled preparation. One row, many rows and the columns of training run the same few operations.

All kernels live in this file, because numba's cache does not see a change in a function of another file.

A program is three arrays, one row of the first two for each output:

- `plan` int64[G, 4]: the input it is made of, how (`CHAIN` or `TABLE`), and where its pairs begin and end;
- `edge` float64[G, 2]: what it is where the input is missing (NaN), and where a table lacks the value;
- `pair` float64[K, 2]: (shift, scale) of each link of a chain, a scale of 0 standing for the logarithm;
  (value, what it becomes) of each entry of a table, the values rising.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]
CHAIN, TABLE = 0, 1
LOG = 0.0
"""The scale of a link that is no division but the signed logarithm."""


@njit(cache=True, nogil=True)
def _link(value: float, shift: float, scale: float) -> float:
    """One link of a chain: (value - shift) / scale, or the logarithm of 1 + |value| with its sign."""
    if scale == 0.0:
        return math.copysign(math.log1p(abs(value)), value)
    return (value - shift) / scale


@njit(cache=True, nogil=True)
def _row(x: Array, plan: Array, edge: Array, pair: Array, out: Array) -> None:
    for j in range(plan.shape[0]):
        value = x[plan[j, 0]]
        begin, end = plan[j, 2], plan[j, 3]
        if plan[j, 1] == 0:  # NaN stays NaN along a chain, so no step asks for it
            for k in range(begin, end):
                value = _link(value, pair[k, 0], pair[k, 1])
            out[j] = value if value == value else edge[j, 0]
        elif value != value:
            out[j] = edge[j, 0]
        else:
            while begin < end:
                middle = (begin + end) >> 1
                if pair[middle, 0] < value:
                    begin = middle + 1
                else:
                    end = middle
            met = begin < plan[j, 3] and pair[begin, 0] == value
            out[j] = pair[begin, 1] if met else edge[j, 1]


@njit(cache=True, nogil=True)
def prepare_one(x: Array, plan: Array, edge: Array, pair: Array, out: Array) -> None:
    """Fill `out` float64[G] from one row float64[F]."""
    _row(x, plan, edge, pair, out)


@njit(cache=True, nogil=True)
def prepare_rows(X: Array, plan: Array, edge: Array, pair: Array, out: Array) -> None:
    """Fill `out` float64[n, G] from rows float64[n, F]."""
    for i in range(X.shape[0]):
        _row(X[i], plan, edge, pair, out[i])


@njit(cache=True, nogil=True)
def link_column(column: Array, shift: float, scale: float, out: Array) -> None:
    """Fill `out` float64[n] with one link of a chain for each value; NaN stays NaN."""
    for i in range(column.shape[0]):
        out[i] = _link(column[i], shift, scale)


@njit(cache=True, nogil=True)
def earlier_rates(ids: Array, labels: Array, known: Array, size: int, smoothing: float, out: Array) -> None:
    """Fill `out` float64[n] with the smoothed fraud rate of each row's value among the rows known before it.

    Parameters
    ----------
    ids
        int64[n]: the value of each row as a number below `size`.
    labels
        float64[n]: 0, 1, or NaN for rows that teach nothing.
    known
        int64[n]: the labels of how many rows, from the first, were known when a row came; never falling.
    """
    frauds, rows = np.zeros(size), np.zeros(size)
    all_frauds, all_rows, done = 0.0, 0.0, 0
    for i in range(ids.shape[0]):
        while done < known[i]:
            label = labels[done]
            if label == label:
                frauds[ids[done]] += label
                rows[ids[done]] += 1.0
                all_frauds += label
                all_rows += 1.0
            done += 1
        prior = all_frauds / all_rows if all_rows > 0.0 else 0.0
        out[i] = (frauds[ids[i]] + smoothing * prior) / (rows[ids[i]] + smoothing)
