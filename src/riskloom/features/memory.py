# mypy: disable-error-code="no-untyped-def, no-any-return"
# (numba infers the types; every array here is int64, or its int32 view)
"""The arena: blocks and hash tables by size class with free lists, and where the parts of a block begin.

A block of capacity C begins with its `LANES`, arrays of C words (event times, then each value whose least
or greatest is asked for), which searches and scans run along. Then a record of `RECORD` words for each
event, one or two cache lines with all the rest: running totals, squares, other raw values; in 32 bits the
arrival number, an id for each pair, running counts of present values. Then one bit for each (event, pair)
that says "the newest with its value", and least and greatest of every 64 events. Before the block lie
`HINTS` words: where each window of the newest event was found, two in a word; any number there is safe.
"""

from __future__ import annotations

import numpy as np

from riskloom.features.bits import shifted_right
from riskloom.features.compiled import compiled, inlined
from riskloom.features.layout import (
    CLASSES,
    ENTITIES,
    ENTITY_PAIRS,
    FREE_BLOCKS,
    FREE_TABLES,
    HINTS,
    LANES,
    LONGS,
    NULL,
    PAGE,
    PAGE_BITS,
    RECORD,
    SCRAP,
    SCRAP_END,
    SPARE_TABLES,
    TABLE,
    TABLE_CLASS,
    TABLE_USED,
    TOP,
)
from riskloom.features.search import capacity, find_in, spread_out

SMALL_SCRAP = 64
"""A scrap with fewer words left is thrown away for a new one."""


@inlined
def block_words(plan, entity, size):
    """The arena words of a block of that capacity."""
    bitmaps = plan[entity, ENTITY_PAIRS] + 2 * (plan[entity, LANES] - 1)
    of_event = plan[entity, LANES] + plan[entity, RECORD]
    return plan[entity, HINTS] + size * of_event + ((size + 63) >> 6) * bitmaps


@inlined
def records_at(plan, entity, block, size):
    """Where the records begin."""
    return block + size * plan[entity, LANES]


@inlined
def bits_at(plan, entity, block, size, pair):
    """Where a pair's bits begin."""
    return block + size * (plan[entity, LANES] + plan[entity, RECORD]) + ((size + 63) >> 6) * pair


@inlined
def extremes_at(plan, entity, block, size, lane):
    """Where a lane's summaries begin (from lane 1 on): first the least, then the greatest of each 64."""
    return bits_at(plan, entity, block, size, plan[entity, ENTITY_PAIRS] + 2 * (lane - 1))


@inlined
def ids_at(plan, entity, block, size, pair):
    """Where a pair's ids begin, in 32-bit units; from one event to the next it is twice `RECORD`."""
    return 2 * (records_at(plan, entity, block, size) + plan[entity, LONGS]) + 1 + pair


@inlined
def row_of(pages, entity, identity):
    """The header row of an id, or -1 when its page was never used."""
    page = identity >> PAGE_BITS
    if page >= pages.shape[1] or pages[entity, page] < 0:
        return np.int64(-1)
    return (pages[entity, page] << PAGE_BITS) | (identity & (PAGE - 1))


@compiled
def new_scrap(plan, arena, meta, words):
    """Make a hash table or a block that nobody needs the scrap: the first found of at least `words`."""
    if meta[SPARE_TABLES] > 0:
        for size_class in range(CLASSES):
            head = FREE_TABLES + size_class
            if meta[head] > 0 and 2 * capacity(size_class) >= words:
                meta[SCRAP] = meta[head] - 1
                meta[SCRAP_END] = meta[SCRAP] + 2 * capacity(size_class)
                meta[head] = arena[meta[SCRAP]]
                meta[SPARE_TABLES] -= 1
                return
    for entity in range(1, 1 + plan[0, ENTITIES]):
        for size_class in range(CLASSES):
            head = FREE_BLOCKS + (entity - 1) * CLASSES + size_class
            if meta[head] > 0 and block_words(plan, entity, capacity(size_class)) >= words:
                meta[SCRAP] = meta[head] - 1
                meta[SCRAP_END] = meta[SCRAP] + block_words(plan, entity, capacity(size_class))
                meta[head] = arena[meta[SCRAP]]
                return


@compiled
def cut(plan, arena, meta, words):
    """A piece of the arena for a block: from the scrap while it lasts, else from the top (which has room)."""
    if meta[SCRAP_END] - meta[SCRAP] < min(words, SMALL_SCRAP):
        new_scrap(plan, arena, meta, words)
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
    hints = plan[1 + kind, HINTS]
    if meta[head] > 0:
        piece = meta[head] - 1
        meta[head] = arena[piece]
        return piece + hints
    return cut(plan, arena, meta, block_words(plan, 1 + kind, capacity(size_class))) + hints


@inlined
def release(plan, arena, meta, kind, size_class, block):
    """Give a block back to its free list."""
    piece = block - plan[1 + kind, HINTS]
    arena[piece] = meta[FREE_BLOCKS + kind * CLASSES + size_class]
    meta[FREE_BLOCKS + kind * CLASSES + size_class] = piece + 1


@inlined
def fullest(shard):
    """How full a shard's table may become, in 256ths: each a little other, lest all are renewed at once."""
    return 160 + (shard & 31)


@compiled
def renew_table(arena, meta, shard, dead, spare):
    """Move one shard to a table for its live keys and `spare` more; keys last seen by `dead` are forgotten.

    Returns False, having changed nothing, when the arena has no room. Only one of 256 shards moves at a time:
    a pause of a fraction of a millisecond instead of a whole rehash, and `fullest` keeps these pauses apart.
    The old table becomes room for blocks.
    """
    table = meta[shard + TABLE]
    size = capacity(meta[shard + TABLE_CLASS])
    live = np.int64(0)
    for i in range(table, table + 2 * size, 2):
        if arena[i] != -1 and arena[i + 1] > dead:
            live += 1
    size_class = np.int64(0)
    while capacity(size_class) * 11 < (live + spare) * 21:
        size_class += 1
    words = 2 * capacity(size_class)
    if meta[FREE_TABLES + size_class] > 0:
        fresh = meta[FREE_TABLES + size_class] - 1
        meta[FREE_TABLES + size_class] = arena[fresh]
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
            j = find_in(arena, fresh, capacity(size_class), arena[i], spread_out(arena[i]))
            arena[j] = arena[i]
            arena[j + 1] = arena[i + 1]
    head = FREE_TABLES + meta[shard + TABLE_CLASS]
    arena[table] = meta[head]
    meta[head] = table + 1
    meta[SPARE_TABLES] += 1
    meta[shard + TABLE] = fresh
    meta[shard + TABLE_CLASS] = size_class
    meta[shard + TABLE_USED] = live
    return True


@compiled
def summarise(plan, arena, entity, block, size, first, end):
    """Recompute the summaries of every 64 events from word `first` on."""
    for lane in range(1, plan[entity, LANES]):
        base = block + lane * size
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
def move(plan, arena, into, entity, source, size, target, new_size, start, n):
    """Copy the events [start, start + n) of one block to the front of another, or of the same one.

    The other lies in the arena `into`, which may be the same.
    """
    shorts = arena.view(np.int32)
    new_shorts = into.view(np.int32)
    hints = plan[entity, HINTS]
    for i in range(2 * hints):
        new_shorts[2 * (target - hints) + i] = max(shorts[2 * (source - hints) + i] - start, 0)
    for lane in range(plan[entity, LANES]):
        a = source + lane * size + start
        b = target + lane * new_size
        for i in range(n):
            into[b + i] = arena[a + i]
    record = plan[entity, RECORD]
    a = records_at(plan, entity, source, size) + start * record
    b = records_at(plan, entity, target, new_size)
    for i in range(n * record):
        into[b + i] = arena[a + i]
    shift = start & 63
    for pair in range(plan[entity, ENTITY_PAIRS]):
        a = bits_at(plan, entity, source, size, pair) + (start >> 6)
        b = bits_at(plan, entity, target, new_size, pair)
        for word in range((n + 63) >> 6):
            if shift == 0:
                into[b + word] = arena[a + word]
            else:
                into[b + word] = shifted_right(arena[a + word], shift) | (arena[a + word + 1] << (64 - shift))
    summarise(plan, into, entity, target, new_size, np.int64(0), n)
