# mypy: disable-error-code="no-untyped-def, no-any-return"
# (numba infers the types; every array here is int64, or its int32 view)
"""Taking in a fact: an earlier event turned out to be a fraud, or not to be one after all.

A block that label-aware features read keeps a running count of its known frauds, like any other count; a fact
moves that count by one from its event on. An event that is evicted, or was never taken in, changes nothing.
"""

from __future__ import annotations

import numpy as np

from riskloom.features.compiled import compiled, folded
from riskloom.features.layout import (
    ARRIVAL,
    CLASSES,
    COUNT_AT,
    END,
    ENTITIES,
    FEATURE0,
    FEATURE1,
    FRAUD_COUNT,
    ID,
    INFO,
    LONGS,
    OFFSET,
    OP,
    RECORD,
    START,
    TIME,
    WINDOW0,
    WINDOW1,
)
from riskloom.features.memory import records_at, row_of
from riskloom.features.search import capacity, first_after


@folded
def fraud_count_at(plan, entity):
    """Where in a record an entity keeps the running count of its known frauds, or -1."""
    for f in range(plan[plan[entity, WINDOW0], FEATURE0], plan[plan[entity, WINDOW1] - 1, FEATURE1]):
        if plan[f, OP] >= FRAUD_COUNT:
            return plan[f, COUNT_AT]
    return np.int64(-1)


@folded
def place_of(plan, arena, shorts, entity, block, size, start, end, event):
    """The position of an event in a block, by its time and arrival number, or -1."""
    arrivals = 2 * (records_at(plan, entity, block, size) + plan[entity, LONGS])
    stride = 2 * plan[entity, RECORD]
    position = first_after(arena, block, start + 1, end, event[TIME]) - 1
    while position > start and arena[block + position] == event[TIME]:
        if shorts[arrivals + position * stride] == np.int32(event[ARRIVAL] & 0xFFFFFFFF):
            return position
        position -= 1
    return np.int64(-1)


@compiled
def tell(plan, arena, headers, pages, event, fraud):
    """Whether `fraud` was news about the event anywhere: then every later count is moved by it."""
    shorts = arena.view(np.int32)
    news = False
    for entity in range(1, 1 + plan[0, ENTITIES]):
        at = fraud_count_at(plan, entity)
        identity = event[plan[entity, ID]]
        if at < 0 or identity < 0:
            continue
        row = row_of(pages, entity - 1, identity)
        if row < 0 or headers[row, INFO] == 0:
            continue
        block = headers[row, OFFSET]
        size = capacity((headers[row, INFO] & (CLASSES - 1)) - 1)
        end = headers[row, END]
        position = place_of(plan, arena, shorts, entity, block, size, headers[row, START], end, event)
        if position < 0:
            continue
        stride = 2 * plan[entity, RECORD]
        counts = 2 * records_at(plan, entity, block, size) + at
        known = shorts[counts + position * stride] - shorts[counts + (position - 1) * stride]
        if known == fraud:
            continue
        news = True
        for i in range(position, end):
            shorts[counts + i * stride] += fraud - known
    return news
