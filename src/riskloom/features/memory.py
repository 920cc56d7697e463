# mypy: disable-error-code="no-untyped-def, no-any-return"
# (numba infers the types; every array here is int64, or its int32 view)
"""The arena: blocks and hash tables by size class with free lists, and where the lanes of a block begin.

A block of capacity C holds, lane behind lane: `LANES` 64-bit lanes (time first, then running totals, squares,
raw values), `SHORTS` 32-bit lanes (arrival number, then an id for each pair, then running counts of present
values), one bit for each (event, pair) that says "the newest with its value", and least and greatest of every
64 events.
"""

from __future__ import annotations

import numpy as np

from riskloom.features.bits import shifted_right
from riskloom.features.compiled import compiled, inlined
from riskloom.features.layout import (
    CLASSES,
    ENTITY_PAIRS,
    EXTREME0,
    EXTREMES,
    FREE_BLOCKS,
    FREE_TABLES,
    LANES,
    NULL,
    PAGE,
    PAGE_BITS,
    SCRAP,
    SCRAP_END,
    SHORTS,
    SMALLEST_TABLE_BITS,
    SPARE_TABLES,
    TABLE,
    TABLE_BITS,
    TABLE_SIZES,
    TABLE_USED,
    TOP,
)
from riskloom.features.search import find_in, spread_out

SMALL_SCRAP = 64
"""A scrap with fewer words left is thrown away for a new one."""


@inlined
def capacity(size_class):
    """Events (and the sentinel) a block can hold: 4, 6, 8, 12, 16, 24 ..."""
    return (np.int64(4) << (size_class >> 1)) + ((np.int64(2) << (size_class >> 1)) * (size_class & 1))


@inlined
def block_words(plan, entity, size):
    """The arena words of a block of that capacity."""
    bitmaps = plan[entity, ENTITY_PAIRS] + 2 * plan[entity, EXTREMES]
    return size * plan[entity, LANES] + (size >> 1) * plan[entity, SHORTS] + ((size + 63) >> 6) * bitmaps


@inlined
def shorts_at(plan, entity, block, size, lane):
    """Where a 32-bit lane begins, in 32-bit units."""
    return 2 * (block + size * plan[entity, LANES]) + size * lane


@inlined
def bits_at(plan, entity, block, size, pair):
    """Where a pair's bits begin."""
    return block + size * plan[entity, LANES] + (size >> 1) * plan[entity, SHORTS] + ((size + 63) >> 6) * pair


@inlined
def extremes_at(plan, entity, block, size, lane):
    """Where a lane's summaries begin: first the least, then the greatest of each 64."""
    return (
        block
        + size * plan[entity, LANES]
        + (size >> 1) * plan[entity, SHORTS]
        + ((size + 63) >> 6) * (plan[entity, ENTITY_PAIRS] + 2 * lane)
    )


@inlined
def row_of(pages, entity, identity):
    """The header row of an id, or -1 when its page was never used."""
    page = identity >> PAGE_BITS
    if page >= pages.shape[1] or pages[entity, page] < 0:
        return np.int64(-1)
    return (pages[entity, page] << PAGE_BITS) | (identity & (PAGE - 1))


@compiled
def new_scrap(arena, meta, words):
    """Make a spare hash table of at least `words` the scrap, if there is one."""
    for bits in range(SMALLEST_TABLE_BITS, TABLE_SIZES):
        head = FREE_TABLES + bits
        if meta[head] > 0 and np.int64(2) << bits >= words:
            meta[SCRAP] = meta[head] - 1
            meta[SCRAP_END] = meta[SCRAP] + (np.int64(2) << bits)
            meta[head] = arena[meta[SCRAP]]
            meta[SPARE_TABLES] -= 1
            return


@compiled
def cut(arena, meta, words):
    """A piece of the arena for a block: from the scrap while it lasts, else from the top (which has room)."""
    if meta[SPARE_TABLES] > 0 and meta[SCRAP_END] - meta[SCRAP] < min(words, SMALL_SCRAP):
        new_scrap(arena, meta, words)
    if meta[SCRAP_END] - meta[SCRAP] >= words:
        piece = meta[SCRAP]
        meta[SCRAP] += words
        return piece
    piece = meta[TOP]
    meta[TOP] += words
    return piece


@compiled
def allocate(plan, arena, meta, kind, size_class):
    """A block, from the free list of its class or cut anew; the caller has made sure of the room."""
    head = FREE_BLOCKS + kind * CLASSES + size_class
    if meta[head] > 0:
        block = meta[head] - 1
        meta[head] = arena[block]
        return block
    return cut(arena, meta, block_words(plan, 1 + kind, capacity(size_class)))


@inlined
def release(arena, meta, kind, size_class, block):
    """Give a block back to its free list."""
    arena[block] = meta[FREE_BLOCKS + kind * CLASSES + size_class]
    meta[FREE_BLOCKS + kind * CLASSES + size_class] = block + 1


@compiled
def renew_table(arena, meta, shard, dead, spare):
    """Move one shard to a table for its live keys and `spare` more; keys last seen by `dead` are forgotten.

    Returns False, having changed nothing, when the arena has no room. Only one of 256 shards moves at a time:
    a pause of a fraction of a millisecond instead of a whole rehash. The old table becomes room for blocks.
    """
    table = meta[shard + TABLE]
    size = np.int64(1) << meta[shard + TABLE_BITS]
    live = np.int64(0)
    for i in range(table, table + 2 * size, 2):
        if arena[i] != -1 and arena[i + 1] > dead:
            live += 1
    bits = np.int64(SMALLEST_TABLE_BITS)
    while (np.int64(1) << bits) < 2 * (live + spare):
        bits += 1
    words = np.int64(2) << bits
    if meta[FREE_TABLES + bits] > 0:
        fresh = meta[FREE_TABLES + bits] - 1
        meta[FREE_TABLES + bits] = arena[fresh]
        meta[SPARE_TABLES] -= 1
    elif meta[TOP] + words <= arena.shape[0]:
        fresh = meta[TOP]
        meta[TOP] += words
    else:
        return False
    for i in range(fresh, fresh + words):
        arena[i] = -1
    for i in range(table, table + 2 * size, 2):
        if arena[i] != -1 and arena[i + 1] > dead:
            j = find_in(arena, fresh, bits, arena[i], spread_out(arena[i]))
            arena[j] = arena[i]
            arena[j + 1] = arena[i + 1]
    head = FREE_TABLES + meta[shard + TABLE_BITS]
    arena[table] = meta[head]
    meta[head] = table + 1
    meta[SPARE_TABLES] += 1
    meta[shard + TABLE] = fresh
    meta[shard + TABLE_BITS] = bits
    meta[shard + TABLE_USED] = live
    return True


@compiled
def summarise(plan, arena, entity, block, size, first, end):
    """Recompute the summaries of every 64 events from word `first` on."""
    for lane in range(plan[entity, EXTREMES]):
        base = block + plan[plan[entity, EXTREME0] + lane, 0] * size
        least_at = extremes_at(plan, entity, block, size, lane)
        greatest_at = least_at + ((size + 63) >> 6)
        for word in range(first, (end + 63) >> 6):
            least = np.int64(NULL)
            greatest = np.int64(NULL)
            for i in range(word << 6, min((word + 1) << 6, end)):
                value = arena[base + i]
                if value != NULL:
                    if least == NULL or value < least:
                        least = value
                    if greatest == NULL or value > greatest:
                        greatest = value
            arena[least_at + word] = least
            arena[greatest_at + word] = greatest


@compiled
def move(plan, arena, shorts, entity, source, size, target, new_size, start, n):
    """Copy the events [start, start + n) of one block to the front of another, or of the same one."""
    for lane in range(plan[entity, LANES]):
        a = source + lane * size + start
        b = target + lane * new_size
        for i in range(n):
            arena[b + i] = arena[a + i]
    for lane in range(plan[entity, SHORTS]):
        a = shorts_at(plan, entity, source, size, lane) + start
        b = shorts_at(plan, entity, target, new_size, lane)
        for i in range(n):
            shorts[b + i] = shorts[a + i]
    shift = start & 63
    for pair in range(plan[entity, ENTITY_PAIRS]):
        a = bits_at(plan, entity, source, size, pair) + (start >> 6)
        b = bits_at(plan, entity, target, new_size, pair)
        for word in range((n + 63) >> 6):
            if shift == 0:
                arena[b + word] = arena[a + word]
            else:
                arena[b + word] = shifted_right(arena[a + word], shift) | (
                    arena[a + word + 1] << (64 - shift)
                )
    summarise(plan, arena, entity, target, new_size, np.int64(0), n)
