# mypy: disable-error-code="no-untyped-def, no-any-return"
# (numba infers the types; every array here is int64, or its int32 view)
"""Writing one event into one entity's block: room, the lanes, the newest bits, the summaries."""

from __future__ import annotations

import numpy as np

from riskloom.features.bits import add_wide, shifted_right, square
from riskloom.features.compiled import compiled, folded
from riskloom.features.layout import (
    ARRIVAL,
    CLASSES,
    COUNT0,
    END,
    ENTITY_PAIRS,
    EXTREME0,
    EXTREMES,
    INFO,
    KEEP,
    LANE0,
    LANE_COLUMN,
    LANE_KIND,
    LANES,
    NEWEST,
    NULL,
    OFFSET,
    PAIR0,
    RAW,
    SHORTS,
    SQUARE_LOW,
    START,
    TABLE_USED,
    TIME,
    TOTAL,
)
from riskloom.features.memory import (
    allocate,
    bits_at,
    block_words,
    capacity,
    extremes_at,
    move,
    release,
    shorts_at,
    summarise,
)
from riskloom.features.search import find_key, first_after, key_of, shard_of, spread_out


@folded
def last_dead(arena, block, start, end, dead):
    """The sentinel's position once all events at or before `dead` are out."""
    while start + 1 < end and arena[block + start + 1] <= dead:
        start += 1
    return start


@folded
def open_block(plan, arena, shorts, headers, meta, entity, row, now):
    """A block of this entity with room for one more event: new, or evicted, slid down, grown or shrunk."""
    kind = entity - 1
    if headers[row, INFO] == 0:
        block = allocate(plan, arena, meta, kind, 0)
        for i in range(block, block + block_words(plan, entity, capacity(0))):
            arena[i] = 0
        headers[row, OFFSET] = block
        headers[row, INFO] = kind * CLASSES + 1
        headers[row, START] = 0
        headers[row, END] = 1
        return
    block = headers[row, OFFSET]
    size_class = (headers[row, INFO] & (CLASSES - 1)) - 1
    size = capacity(size_class)
    end = headers[row, END]
    start = last_dead(arena, block, headers[row, START], end, now - plan[entity, KEEP])
    if end == size:
        n = end - start
        new_class = size_class
        if n * 4 > size * 3:
            new_class += 1
        elif n * 4 < size and size_class > 0:
            new_class -= 1
        target = block if new_class == size_class else allocate(plan, arena, meta, kind, new_class)
        move(plan, arena, shorts, entity, block, size, target, capacity(new_class), start, n)
        if new_class != size_class:
            release(arena, meta, kind, size_class, block)
        start = np.int64(0)
        end = n
        headers[row, OFFSET] = target
        headers[row, INFO] = kind * CLASSES + new_class + 1
    headers[row, START] = start
    headers[row, END] = end


@compiled
def open_slot(plan, arena, shorts, entity, block, size, position, end):
    """Shift every lane up by one from `position`; the writing adds the new value to the totals behind it."""
    for lane in range(plan[entity, LANES]):
        base = block + lane * size
        for i in range(end, position, -1):
            arena[base + i] = arena[base + i - 1]
    for lane in range(plan[entity, SHORTS]):
        base = shorts_at(plan, entity, block, size, lane)
        for i in range(end, position, -1):
            shorts[base + i] = shorts[base + i - 1]
    word = position >> 6
    below = (np.int64(1) << (position & 63)) - 1
    for pair in range(plan[entity, ENTITY_PAIRS]):
        base = bits_at(plan, entity, block, size, pair)
        for i in range(end >> 6, word, -1):
            arena[base + i] = (arena[base + i] << 1) | shifted_right(arena[base + i - 1], 63)
        arena[base + word] = (arena[base + word] & below) | ((arena[base + word] & ~below) << 1)


@folded
def write_lanes(plan, arena, entity, block, size, position, end, event):
    """The 64-bit lanes at `position`; `end` is the end without the event. Totals behind it grow by it."""
    for lane in range(plan[entity, LANES]):
        kind = plan[plan[entity, LANE0] + lane, LANE_KIND]
        value = event[plan[plan[entity, LANE0] + lane, LANE_COLUMN]]
        base = block + lane * size
        if kind == RAW:
            arena[base + position] = value
        elif kind == TOTAL:
            if value == NULL:
                value = np.int64(0)
            arena[base + position] = arena[base + position - 1] + value
            for i in range(position + 1, end + 1):
                arena[base + i] += value
        elif kind == SQUARE_LOW:
            low, high = square(np.int64(0) if value == NULL else value)
            above = base + size
            arena[base + position], arena[above + position] = add_wide(
                arena[base + position - 1], arena[above + position - 1], low, high
            )
            for i in range(position + 1, end + 1):
                arena[base + i], arena[above + i] = add_wide(arena[base + i], arena[above + i], low, high)


@folded
def write_shorts(plan, arena, shorts, entity, block, size, position, end, event, newest):
    """The 32-bit lanes at `position` (arrival, ids, running counts) and the newest bits."""
    shorts[shorts_at(plan, entity, block, size, 0) + position] = event[ARRIVAL]
    pairs = plan[entity, ENTITY_PAIRS]
    for pair in range(pairs):
        value = event[plan[plan[entity, PAIR0] + pair, 0]]
        shorts[shorts_at(plan, entity, block, size, 1 + pair) + position] = value
        word = bits_at(plan, entity, block, size, pair) + (position >> 6)
        bit = np.int64(1) << (position & 63)
        if (newest >> pair) & 1:
            arena[word] |= bit
        else:
            arena[word] &= ~bit
    for lane in range(1 + pairs, plan[entity, SHORTS]):
        base = shorts_at(plan, entity, block, size, lane)
        if event[plan[plan[entity, COUNT0] + lane - 1 - pairs, 0]] == NULL:
            shorts[base + position] = shorts[base + position - 1]
        else:
            shorts[base + position] = shorts[base + position - 1] + 1
            for i in range(position + 1, end + 1):
                shorts[base + i] += 1


@folded
def mark_newest(plan, arena, shorts, headers, meta, entity, row, event):
    """Enter the event's values into the table of newest times.

    Returns bit q set when the event is the newest with its value in pair q; the event that was loses its bit.
    """
    time = event[TIME]
    block = headers[row, OFFSET]
    size = capacity((headers[row, INFO] & (CLASSES - 1)) - 1)
    start = headers[row, START]
    end = headers[row, END]
    newest = np.int64(0)
    for pair in range(plan[entity, ENTITY_PAIRS]):
        value = event[plan[plan[entity, PAIR0] + pair, 0]]
        if value < 0:
            continue
        key = key_of(row, pair, value)
        i = find_key(arena, meta, key)
        if arena[i] == -1:
            arena[i] = key
            meta[shard_of(spread_out(key)) + TABLE_USED] += 1
        elif arena[i + 1] > time:
            continue
        else:
            last = arena[i + 1]
            ids = shorts_at(plan, entity, block, size, 1 + pair)
            bits = bits_at(plan, entity, block, size, pair)
            j = first_after(arena, block, start + 1, end, last) - 1
            while j > start and arena[block + j] == last:
                if shorts[ids + j] == value and (arena[bits + (j >> 6)] >> (j & 63)) & 1:
                    arena[bits + (j >> 6)] &= ~(np.int64(1) << (j & 63))
                    break
                j -= 1
        arena[i + 1] = time
        newest |= np.int64(1) << pair
    return newest


@folded
def extend_summaries(plan, arena, entity, block, size, position):
    """Take the value at the new end into its word's least and greatest."""
    for lane in range(plan[entity, EXTREMES]):
        value = arena[block + plan[plan[entity, EXTREME0] + lane, 0] * size + position]
        least = extremes_at(plan, entity, block, size, lane) + (position >> 6)
        greatest = least + ((size + 63) >> 6)
        if position & 63 == 0:
            arena[least] = value
            arena[greatest] = value
        elif value != NULL:
            if arena[least] == NULL or value < arena[least]:
                arena[least] = value
            if arena[greatest] == NULL or value > arena[greatest]:
                arena[greatest] = value


@folded
def write_event(plan, arena, shorts, headers, meta, entity, row, event):
    """The event into the block that `open_block` made ready."""
    block = headers[row, OFFSET]
    size = capacity((headers[row, INFO] & (CLASSES - 1)) - 1)
    start = headers[row, START]
    end = headers[row, END]
    position = end
    if end - start > 1 and arena[block + end - 1] > event[TIME]:
        position = first_after(arena, block, start + 1, end, event[TIME])
    newest = mark_newest(plan, arena, shorts, headers, meta, entity, row, event)
    if position < end:
        open_slot(plan, arena, shorts, entity, block, size, position, end)
    write_lanes(plan, arena, entity, block, size, position, end, event)
    write_shorts(plan, arena, shorts, entity, block, size, position, end, event, newest)
    if position < end:
        summarise(plan, arena, entity, block, size, position >> 6, end + 1)
    else:
        extend_summaries(plan, arena, entity, block, size, position)
    headers[row, END] = end + 1
    headers[row, NEWEST] = arena[block + end]
