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
    COUNTS,
    END,
    ENTITY_PAIRS,
    HINTS,
    INFO,
    KEEP,
    LANE0,
    LANES,
    LONG0,
    LONG_COLUMN,
    LONG_KIND,
    LONGS,
    NEWEST,
    NULL,
    OFFSET,
    PAIR0,
    RAW,
    RECORD,
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
    extremes_at,
    ids_at,
    move,
    records_at,
    release,
    summarise,
)
from riskloom.features.search import (
    capacity,
    find_key,
    first_after,
    first_after_near,
    guess_between,
    key_of,
    shard_of,
    spread_out,
)


@folded
def last_dead(arena, block, start, end, dead):
    """The sentinel's position once all events at or before `dead` are out."""
    while start + 1 < end and arena[block + start + 1] <= dead:
        start += 1
    return start


@folded
def open_block(plan, arena, headers, meta, entity, row, now):
    """A block of this entity with room for one more event: new, or evicted, slid down, grown or shrunk."""
    kind = entity - 1
    if headers[row, INFO] == 0:
        block = allocate(plan, arena, meta, kind, 0)
        begin = block - plan[entity, HINTS]
        for i in range(begin, begin + block_words(plan, entity, capacity(0))):
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
        elif n * 4 < size:
            while new_class > 0 and capacity(new_class) > 2 * n:
                new_class -= 1
        target = block if new_class == size_class else allocate(plan, arena, meta, kind, new_class)
        move(plan, arena, arena, entity, block, size, target, capacity(new_class), start, n)
        if new_class != size_class:
            release(plan, arena, meta, kind, size_class, block)
        start = np.int64(0)
        end = n
        headers[row, OFFSET] = target
        headers[row, INFO] = kind * CLASSES + new_class + 1
    headers[row, START] = start
    headers[row, END] = end


@compiled
def open_slot(plan, arena, entity, block, size, position, end):
    """Shift everything up by one from `position`; the writing adds the new value to the totals behind it."""
    for lane in range(plan[entity, LANES]):
        base = block + lane * size
        for i in range(end, position, -1):
            arena[base + i] = arena[base + i - 1]
    record = plan[entity, RECORD]
    records = records_at(plan, entity, block, size)
    for i in range(records + end * record - 1, records + position * record - 1, -1):
        arena[i + record] = arena[i]
    word = position >> 6
    below = (np.int64(1) << (position & 63)) - 1
    for pair in range(plan[entity, ENTITY_PAIRS]):
        base = bits_at(plan, entity, block, size, pair)
        for i in range(end >> 6, word, -1):
            arena[base + i] = (arena[base + i] << 1) | shifted_right(arena[base + i - 1], 63)
        arena[base + word] = (arena[base + word] & below) | ((arena[base + word] & ~below) << 1)


@folded
def write_longs(plan, arena, entity, place, behind, event):
    """The 64-bit words of the record at `place`. The totals of the records `behind` it grow by its values."""
    record = plan[entity, RECORD]
    for word in range(plan[entity, LONGS]):
        kind = plan[plan[entity, LONG0] + word, LONG_KIND]
        value = event[plan[plan[entity, LONG0] + word, LONG_COLUMN]]
        at = place + word
        if kind == RAW:
            arena[at] = value
        elif kind == TOTAL:
            if value == NULL:
                value = np.int64(0)
            arena[at] = arena[at - record] + value
            for i in range(behind):
                arena[at + (i + 1) * record] += value
        elif kind == SQUARE_LOW:
            low, high = square(np.int64(0) if value == NULL else value)
            arena[at], arena[at + 1] = add_wide(arena[at - record], arena[at + 1 - record], low, high)
            for i in range(at + record, at + (behind + 1) * record, record):
                arena[i], arena[i + 1] = add_wide(arena[i], arena[i + 1], low, high)


@folded
def write_shorts(plan, arena, shorts, entity, place, behind, event):
    """The 32-bit values of the record at `place`: arrival, ids, running counts."""
    stride = 2 * plan[entity, RECORD]
    at = 2 * (place + plan[entity, LONGS])
    shorts[at] = event[ARRIVAL]
    for pair in range(plan[entity, ENTITY_PAIRS]):
        at += 1
        shorts[at] = event[plan[plan[entity, PAIR0] + pair, 0]]
    for count in range(plan[entity, COUNTS]):
        at += 1
        shorts[at] = shorts[at - stride]
        if event[plan[plan[entity, COUNT0] + count, 0]] != NULL:
            shorts[at] += 1
            for i in range(behind):
                shorts[at + (i + 1) * stride] += 1


@folded
def write_bits(plan, arena, entity, block, size, position, newest):
    """For each pair, whether the event at `position` is the newest with its value."""
    bit = np.int64(1) << (position & 63)
    for pair in range(plan[entity, ENTITY_PAIRS]):
        word = bits_at(plan, entity, block, size, pair) + (position >> 6)
        if (newest >> pair) & 1:
            arena[word] |= bit
        else:
            arena[word] &= ~bit


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
            ids = ids_at(plan, entity, block, size, pair)
            bits = bits_at(plan, entity, block, size, pair)
            guess = guess_between(arena, block, start + 1, end, last)
            j = first_after_near(arena, block, start + 1, end, last, guess) - 1
            while j > start and arena[block + j] == last:
                is_newest = (arena[bits + (j >> 6)] >> (j & 63)) & 1
                if is_newest and shorts[ids + 2 * plan[entity, RECORD] * j] == value:
                    arena[bits + (j >> 6)] &= ~(np.int64(1) << (j & 63))
                    break
                j -= 1
        arena[i + 1] = time
        newest |= np.int64(1) << pair
    return newest


@folded
def extend_summaries(plan, arena, entity, block, size, position):
    """Take the value at the new end into its word's least and greatest."""
    for lane in range(1, plan[entity, LANES]):
        value = arena[block + lane * size + position]
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
        open_slot(plan, arena, entity, block, size, position, end)
    for lane in range(plan[entity, LANES]):
        arena[block + lane * size + position] = event[plan[plan[entity, LANE0] + lane, 0]]
    place = records_at(plan, entity, block, size) + position * plan[entity, RECORD]
    write_longs(plan, arena, entity, place, end - position, event)
    write_shorts(plan, arena, shorts, entity, place, end - position, event)
    write_bits(plan, arena, entity, block, size, position, newest)
    if position < end:
        summarise(plan, arena, entity, block, size, position >> 6, end + 1)
    else:
        extend_summaries(plan, arena, entity, block, size, position)
    headers[row, END] = end + 1
    headers[row, NEWEST] = arena[block + end]
