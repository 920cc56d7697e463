# mypy: disable-error-code="untyped-decorator, no-any-return"
# (numba ships no types)
"""The tails of a feature: how many training rows lie up to a value, and how many from it on.

First they are learned, column by column; below are the compiled loops that look values up in them. The
loops' tables are: the kept values of each feature, one feature after another; where those of each begin; the
surprise on the left and on the right at and between them, one more per feature than values; the surprise of a
gap; whether a feature's skewness points left; whether whole rows are compared.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from riskloom.detectors.base import Floats
from riskloom.errors import DataInvalid, Fault, show

KEPT_WHOLE = 10_000
TAIL_ERROR = 0.001


def known_of(column: npt.NDArray[Any]) -> Floats:
    """The values of a feature that are there, sorted, without negative zeros."""
    try:
        values = np.asarray(column, np.float64)
    except (TypeError, ValueError) as cause:
        raise DataInvalid(Fault("X", "numbers", show(column.dtype))) from cause
    return np.sort(values[~np.isnan(values)]) + 0.0


def skewness_of(known: Floats) -> float:
    """The third standardised moment, 0 for constants; infinities count as the largest float32."""
    if not known.size or known[0] == known[-1]:
        return 0.0
    limit = float(np.finfo(np.float32).max)
    kept = np.clip(known, -limit, limit)
    off = kept - kept.mean()
    widest = np.abs(off).max()
    if widest == 0:
        return 0.0
    off /= widest  # no square or cube can overflow
    return float((off**3).mean() / (off**2).mean() ** 1.5)


def kept_of(known: Floats) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(values kept, rows below each, rows up to each) of sorted values."""
    value, below = np.unique(known, return_index=True)
    up_to = np.append(below[1:], known.size)[: value.size].astype(np.int64)
    places = _kept_places(below, up_to) if value.size > KEPT_WHOLE else np.arange(value.size)
    return value[places], below[places].astype(np.int64), up_to[places]


def _kept_places(below: npt.NDArray[np.int64], up_to: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Few places between which neither the count on the left nor that on the right changes much.

    Between two kept places the left count is taken as too low and the right one as too low, each by less than
    `TAIL_ERROR` of itself.
    """
    below_list, last, total = below.tolist(), below.size - 1, int(up_to[-1])
    places = [0]
    while places[-1] < last:
        left = int(up_to[places[-1]])
        by_left = left * (1 + TAIL_ERROR)
        by_right = (left + TAIL_ERROR * total) / (1 + TAIL_ERROR)  # total - b >= (total - left) / (1 + e)
        place = bisect_right(below_list, min(by_left, by_right)) - 1
        places.append(min(last, max(place, places[-1] + 1)))
    return np.array(places, np.int64)


@njit(cache=True, nogil=True)
def _both_sides(x: Floats, tables: tuple[Any, ...], sides: Floats) -> None:
    """Write the surprise of each value on the left and on the right; the search steps without branches."""
    value, start, left, right, gap = tables[:5]
    for j in range(x.shape[0]):
        wanted = x[j]
        if wanted != wanted:
            sides[0, j], sides[1, j] = gap[j], gap[j]
            continue
        place, size = start[j], start[j + 1] - start[j]
        while size > 1:
            half = size >> 1
            place += half * (value[place + half - 1] < wanted)
            size -= half
        if size == 1:
            place += value[place] < wanted
        sides[1, j] = right[place + j]
        met = place < start[j + 1] and value[place] == wanted
        sides[0, j] = left[place + j + met]


@njit(cache=True, nogil=True)
def _surprise(x: Floats, tables: tuple[Any, ...], sides: Floats) -> float:
    """The score of one row; `sides` is room for float64[2, F]."""
    to_left, by_row = tables[5:]
    _both_sides(x, tables, sides)
    lefts, rights, skewed, larger = 0.0, 0.0, 0.0, 0.0
    for j in range(x.shape[0]):
        a, b = sides[0, j], sides[1, j]
        lefts += a
        rights += b
        skewed += a if to_left[j] else b
        larger += max(a, b)
    if not by_row:
        return larger
    return max(lefts, rights, skewed)


@njit(cache=True, nogil=True)
def surprise_one(x: Floats, tables: tuple[Any, ...]) -> float:
    """The score of one row float64[F]."""
    return _surprise(x, tables, np.empty((2, x.shape[0])))


@njit(cache=True, nogil=True)
def surprise_rows(X: Floats, tables: tuple[Any, ...], out: Floats) -> None:
    """Fill `out` with the score of each row of X float64[n, F]."""
    sides = np.empty((2, X.shape[1]))
    for i in range(X.shape[0]):
        out[i] = _surprise(X[i], tables, sides)


@njit(cache=True, nogil=True)
def surprise_parts(x: Floats, tables: tuple[Any, ...]) -> Floats:
    """What each feature of one row float64[F] adds to its score: its surprise on the side that counts."""
    to_left, by_row = tables[5:]
    parts, sums = np.empty((4, x.shape[0])), np.zeros(3)
    _both_sides(x, tables, parts)
    for j in range(x.shape[0]):
        parts[2, j] = parts[0, j] if to_left[j] else parts[1, j]
        parts[3, j] = max(parts[0, j], parts[1, j])
        for side in range(3):
            sums[side] += parts[side, j]
    return parts[np.argmax(sums) if by_row else 3].copy()
