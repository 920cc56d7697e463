# mypy: disable-error-code="no-untyped-def, no-any-return"
# (numba infers the types; every array here is int64, or its int32 view)
"""Asking for the memory that an event will need before it is its turn: a miss costs as much as all the rest.

Nothing here reads what it asks for; what is not there yet, or no longer, is asked for in vain.
"""

from __future__ import annotations

import numpy as np

from riskloom.features.bits import prefetch
from riskloom.features.compiled import compiled, folded, inlined
from riskloom.features.layout import (
    CLASSES,
    END,
    ENTITIES,
    ENTITY_PAIRS,
    HEADER_WIDTH,
    HINTS,
    ID,
    INFO,
    LANES,
    OFFSET,
    PAIR0,
    RECORD,
    START,
    TABLE,
    TABLE_CLASS,
)
from riskloom.features.memory import bits_at, records_at, row_of
from riskloom.features.search import capacity, key_of, shard_of, slot_in, spread_out
from riskloom.features.windows import warm_windows


@inlined
def warm_header(headers, row):
    """Ask for an entity's header."""
    prefetch(headers.ravel(), row * HEADER_WIDTH)
    prefetch(headers.ravel(), row * HEADER_WIDTH + HEADER_WIDTH - 1)


@folded
def warm_block(plan, arena, headers, meta, entity, row, event):
    """Ask for the hints and the ends of an entity's block, and for its slots in the table of newest times."""
    block = headers[row, OFFSET]
    size = capacity((headers[row, INFO] & (CLASSES - 1)) - 1)
    newest = headers[row, END] - 1
    prefetch(arena, block - plan[entity, HINTS])
    prefetch(arena, block + headers[row, START] + 1)
    for lane in range(plan[entity, LANES]):
        prefetch(arena, block + lane * size + newest)
    prefetch(arena, block + newest - 8)
    record = plan[entity, RECORD]
    place = records_at(plan, entity, block, size) + newest * record
    for word in range(0, 2 * record + 7, 8):
        prefetch(arena, place + word)
    bits = bits_at(plan, entity, block, size, np.int64(0)) + (newest >> 6)
    for pair in range(plan[entity, ENTITY_PAIRS]):
        prefetch(arena, bits + pair * ((size + 63) >> 6))
        value = event[plan[plan[entity, PAIR0] + pair, 0]]
        if value >= 0:
            hashed = spread_out(key_of(row, pair, value))
            shard = shard_of(hashed)
            slot = slot_in(hashed, capacity(meta[shard + TABLE_CLASS]))
            prefetch(arena, meta[shard + TABLE] + 2 * slot)


@compiled
def warm(plan, arena, shorts, headers, pages, meta, event, step):
    """Ask for the memory of an event to come, in three steps: each needs what the one before asked for."""
    for entity in range(1, 1 + plan[0, ENTITIES]):
        identity = event[plan[entity, ID]]
        if identity < 0:
            continue
        row = row_of(pages, entity - 1, identity)
        if row < 0:
            continue
        if step == 0:
            warm_header(headers, row)
        elif headers[row, INFO] > 0:
            if step == 1:
                warm_block(plan, arena, headers, meta, entity, row, event)
            else:
                warm_windows(plan, arena, shorts, headers, entity, row)
