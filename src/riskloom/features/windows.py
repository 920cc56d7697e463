# mypy: disable-error-code="no-untyped-def, no-any-return"
# (numba infers the types; every array here is int64, or its int32 view)
"""Where the windows of an event begin and end: found from where they lay for the entity's event before it."""

from __future__ import annotations

import numpy as np

from riskloom.features.bits import prefetch
from riskloom.features.compiled import folded
from riskloom.features.layout import (
    CLASSES,
    DELAY,
    END,
    HAS_SUMS,
    HINT,
    HINTS,
    INFO,
    OFFSET,
    RECORD,
    START,
    TIME,
    WIDTH,
    WINDOW0,
    WINDOW1,
)
from riskloom.features.memory import records_at
from riskloom.features.search import NEAR, capacity, first_after_near


@folded
def find_windows(plan, arena, shorts, headers, entity, row, event, spots, spot):
    """The positions [low, high) of each window of an entity, into `spots` from `spot` on.

    Each is sought from where it was for the entity's last event: it has moved by an event or two since.
    """
    if row < 0 or headers[row, INFO] == 0:
        for window in range(plan[entity, WINDOW1] - plan[entity, WINDOW0]):
            spots[spot + window, 0] = 0
            spots[spot + window, 1] = 0
        return
    time = event[TIME]
    block = headers[row, OFFSET]
    start = headers[row, START]
    end = headers[row, END]
    hints = 2 * (block - plan[entity, HINTS])
    for window in range(plan[entity, WINDOW0], plan[entity, WINDOW1]):
        hint = hints + plan[window, HINT]
        until = time - plan[window, DELAY]
        high = end
        if end - start > 1 and arena[block + end - 1] > until:
            guess = np.int64(shorts[hint + 1]) if plan[window, DELAY] > 0 else end
            high = first_after_near(arena, block, start + 1, end, until, guess)
        since = until - plan[window, WIDTH]
        spots[spot, 0] = first_after_near(arena, block, start + 1, high, since, np.int64(shorts[hint]))
        spots[spot, 1] = high
        spot += 1


@folded
def keep_hints(plan, shorts, headers, entity, row, event, spots, spot):
    """Where the windows of the event were found is where those of the entity's next event are sought."""
    block = headers[row, OFFSET]
    hints = 2 * (block - plan[entity, HINTS])
    for window in range(plan[entity, WINDOW0], plan[entity, WINDOW1]):
        hint = hints + plan[window, HINT]
        shorts[hint] = spots[spot, 0]
        if plan[window, DELAY] > 0:
            shorts[hint + 1] = spots[spot, 1]
        spot += 1


@folded
def warm_windows(plan, arena, shorts, headers, entity, row):
    """Ask for what lies where each window of an entity begins, by its hints."""
    block = headers[row, OFFSET]
    size = capacity((headers[row, INFO] & (CLASSES - 1)) - 1)
    hints = 2 * (block - plan[entity, HINTS])
    record = plan[entity, RECORD]
    records = records_at(plan, entity, block, size)
    for window in range(plan[entity, WINDOW0], plan[entity, WINDOW1]):
        low = min(max(np.int64(shorts[hints + plan[window, HINT]]), 1), headers[row, END])
        prefetch(arena, block + low - 1)
        prefetch(arena, block + low + NEAR - 2)
        if plan[window, HAS_SUMS]:
            below = records + (low - 1) * record
            prefetch(arena, below)
            prefetch(arena, below + record)
            prefetch(arena, below + 2 * record - 1)
