# mypy: disable-error-code="no-untyped-def, no-any-return"
# (numba infers the types; every array here is int64, or its int32 view)
"""Which events stand behind a feature: the arrival numbers in its window."""

from __future__ import annotations

import numpy as np

from riskloom.features.compiled import compiled
from riskloom.features.layout import CLASSES, DELAY, END, ID, INFO, OFFSET, START, TIME, WIDTH
from riskloom.features.look import is_too_late
from riskloom.features.memory import capacity, row_of, shorts_at
from riskloom.features.search import first_after


@compiled
def evidence(plan, arena, headers, pages, meta, event, entity, window, only_last, found):
    """Low 32 bits of the arrival numbers in a window, newest last, as many as fit `found`; the count."""
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
    if only_last:
        n = min(n, np.int64(1))
    shorts = arena.view(np.int32)
    lane = shorts_at(plan, entity, block, size, 0)
    for i in range(n):
        found[i] = np.int64(shorts[lane + high - n + i]) & 0xFFFFFFFF
    return n
