# mypy: disable-error-code="no-untyped-def, no-any-return"
# (numba infers the types; every array here is int64, or its int32 view)
"""Which events stand behind a feature: the arrival numbers in its window."""

from __future__ import annotations

import numpy as np

from riskloom.features.compiled import compiled, folded
from riskloom.features.layout import (
    CLASSES,
    DELAY,
    END,
    ID,
    INFO,
    LONGS,
    OFFSET,
    RECORD,
    START,
    TIME,
    WIDTH,
)
from riskloom.features.look import is_too_late
from riskloom.features.memory import records_at, row_of
from riskloom.features.search import capacity, first_after
from riskloom.features.tell import fraud_count_at

ALL, LAST_ONLY, FRAUDS_ONLY = range(3)
"""Which events of a window stand behind a feature."""


@folded
def frauds_in(shorts, arrivals, counts, stride, low, high, found):
    """The newest known frauds at the positions [low, high), oldest first."""
    if high <= low:
        return np.int64(0)
    first = np.int64(shorts[counts + (low - 1) * stride])
    total = (np.int64(shorts[counts + (high - 1) * stride]) - first) & 0xFFFFFFFF
    skip = max(np.int64(0), total - np.int64(found.shape[0]))
    n = np.int64(0)
    for position in range(low, high):
        at = position * stride
        if shorts[counts + at] == shorts[counts + at - stride]:
            continue
        if skip > 0:
            skip -= 1
        elif n < found.shape[0]:
            found[n] = np.int64(shorts[arrivals + at]) & 0xFFFFFFFF
            n += 1
    return n


@compiled
def evidence(plan, arena, headers, pages, meta, event, entity, window, which, found):
    """Low 32 bits of the arrival numbers in a window, newest last, as many as fit `found`; the count.

    `which`: ALL of them, only the LAST, or the known FRAUDS.
    """
    identity = event[plan[entity, ID]]
    if is_too_late(plan, meta, event) or identity < 0:
        return np.int64(0)
    row = row_of(pages, entity - 1, identity)
    if row < 0 or headers[row, INFO] == 0:
        return np.int64(0)
    block = headers[row, OFFSET]
    size = capacity((headers[row, INFO] & (CLASSES - 1)) - 1)
    until = event[TIME] - plan[window, DELAY]
    high = first_after(arena, block, headers[row, START] + 1, headers[row, END], until)
    low = first_after(arena, block, headers[row, START] + 1, high, until - plan[window, WIDTH])
    n = min(high - low, np.int64(found.shape[0]))
    if which == LAST_ONLY:
        n = min(n, np.int64(1))
    shorts = arena.view(np.int32)
    arrivals = 2 * (records_at(plan, entity, block, size) + plan[entity, LONGS])
    stride = 2 * plan[entity, RECORD]
    if which == FRAUDS_ONLY:
        counts = 2 * records_at(plan, entity, block, size) + fraud_count_at(plan, entity)
        return frauds_in(shorts, arrivals, counts, stride, low, high, found)
    for i in range(n):
        found[i] = np.int64(shorts[arrivals + (high - n + i) * stride]) & 0xFFFFFFFF
    return n
