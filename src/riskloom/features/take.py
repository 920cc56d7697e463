# mypy: disable-error-code="no-untyped-def, no-any-return"
# (numba infers the types; every array here is int64, or its int32 view)
"""Taking an event in: first everything that could fail, with nothing changed that shows; then the writing."""

from __future__ import annotations

import numpy as np

from riskloom.features.compiled import compiled, folded
from riskloom.features.layout import (
    ARRIVAL,
    ARRIVED,
    CLASSES,
    END,
    ENTITIES,
    ENTITY_PAIRS,
    FEATURES,
    HAND,
    ID,
    INFO,
    INTEGER_LIMIT,
    KEEP,
    KEEP_MOST,
    LAST_ARRIVAL,
    LONG0,
    LONG_COLUMN,
    NEED_ARENA,
    NEED_HEADERS,
    NEWEST,
    NOW,
    NULL,
    OFFSET,
    OVERFLOW,
    PAGE,
    PAGE_BITS,
    PAIR0,
    PAIRS,
    RECORD,
    ROWS,
    START,
    SUM_LIMIT,
    SUMS,
    TABLE_CLASS,
    TABLE_USED,
    TAKEN,
    TAKEN_IN,
    TIME,
    TOO_LATE,
    TOP,
    WINDOW0,
    WINDOW1,
)
from riskloom.features.look import is_too_late
from riskloom.features.memory import block_words, fullest, records_at, release, renew_table, row_of
from riskloom.features.search import capacity, first_after, key_of, shard_of, spread_out
from riskloom.features.windows import keep_hints
from riskloom.features.write import last_dead, open_block, write_event


@compiled
def range_fits(plan, arena, entity, block, base, start, end, time, dead, value):
    """Whether, with `value` entered at `time`, no run of kept events sums beyond SUM_LIMIT: exact, slow.

    `base` is where the total stands in the first record.
    """
    record = plan[entity, RECORD]
    start = last_dead(arena, block, start, end, dead)
    position = first_after(arena, block, start + 1, end, time)
    least = np.int64(0)
    greatest = np.int64(0)
    for i in range(start + 1, end):
        total = arena[base + i * record] - arena[base + start * record]
        if i < position:
            least = min(least, total)
            greatest = max(greatest, total)
        if i == position - 1 or i >= position:
            least = min(least, total + value)
            greatest = max(greatest, total + value)
    if position == start + 1:
        least = min(least, value)
        greatest = max(greatest, value)
    return greatest - least <= SUM_LIMIT


@folded
def totals_fit(plan, arena, headers, entity, row, event, now):
    """1: every running total stays small; 2: they fit, and must be centred anew; 0: a sum could overflow."""
    answer = np.int64(1)
    has_block = row >= 0 and headers[row, INFO] > 0
    for word in range(plan[entity, SUMS]):
        value = event[plan[plan[entity, LONG0] + word, LONG_COLUMN]]
        if value == NULL:
            continue
        if value >= INTEGER_LIMIT or value <= -INTEGER_LIMIT:
            return np.int64(0)
        if not has_block:
            continue
        block = headers[row, OFFSET]
        start = headers[row, START]
        end = headers[row, END]
        record = plan[entity, RECORD]
        base = records_at(plan, entity, block, capacity((headers[row, INFO] & (CLASSES - 1)) - 1)) + word
        small = abs(arena[base + (end - 1) * record] + value) <= SUM_LIMIT // 2
        if end - start > 1 and arena[block + end - 1] > event[TIME]:
            for i in range(first_after(arena, block, start + 1, end, event[TIME]) - 1, end):
                small &= abs(arena[base + i * record] + value) <= SUM_LIMIT // 2
        if not small:
            dead = now - plan[entity, KEEP]
            if not range_fits(plan, arena, entity, block, base, start, end, event[TIME], dead, value):
                return np.int64(0)
            answer = np.int64(2)
    return answer


@compiled
def centre_totals(plan, arena, headers, entity, row):
    """Shift the running totals until least and greatest lie equally far from zero; no difference changes."""
    start = headers[row, START]
    end = headers[row, END]
    size = capacity((headers[row, INFO] & (CLASSES - 1)) - 1)
    record = plan[entity, RECORD]
    for word in range(plan[entity, SUMS]):
        base = records_at(plan, entity, headers[row, OFFSET], size) + word
        origin = arena[base + start * record]
        least = np.int64(0)
        greatest = np.int64(0)
        for i in range(start + 1, end):
            least = min(least, arena[base + i * record] - origin)
            greatest = max(greatest, arena[base + i * record] - origin)
        shift = origin + least + ((greatest - least) >> 1)
        for i in range(start, end):
            arena[base + i * record] -= shift


@folded
def sums_fit(plan, arena, headers, pages, event, now):
    """Check every entity's totals; -1 when one could overflow, else a bit for each entity to centre anew."""
    to_centre = np.int64(0)
    for entity in range(1, 1 + plan[0, ENTITIES]):
        identity = event[plan[entity, ID]]
        if identity < 0:
            continue
        row = row_of(pages, entity - 1, identity)
        fits = totals_fit(plan, arena, headers, entity, row, event, now)
        if fits == 0:
            return np.int64(-1)
        if fits == 2:
            to_centre |= np.int64(1) << entity
    return to_centre


@folded
def make_room(plan, arena, headers, pages, meta, event, now):
    """Header pages, hash slots and arena for this event. Returns 0, or what must grow before a new call."""
    need = np.int64(0)
    for entity in range(1, 1 + plan[0, ENTITIES]):
        identity = event[plan[entity, ID]]
        if identity < 0:
            continue
        page = identity >> PAGE_BITS
        if page >= pages.shape[1]:
            return NEED_HEADERS
        if pages[entity - 1, page] < 0:
            if meta[ROWS] + PAGE > headers.shape[0]:
                return NEED_HEADERS
            pages[entity - 1, page] = meta[ROWS] >> PAGE_BITS
            meta[ROWS] += PAGE
        row = row_of(pages, entity - 1, identity)
        info = headers[row, INFO]
        if info == 0:
            need += block_words(plan, entity, capacity(0))
        elif headers[row, END] == capacity((info & (CLASSES - 1)) - 1):
            need += block_words(plan, entity, capacity(info & (CLASSES - 1)))
        for pair in range(plan[entity, ENTITY_PAIRS]):
            value = event[plan[plan[entity, PAIR0] + pair, 0]]
            if value < 0:
                continue
            shard = shard_of(spread_out(key_of(row, pair, value)))
            size = capacity(meta[shard + TABLE_CLASS])
            if (meta[shard + TABLE_USED] + plan[0, PAIRS]) * 256 > size * fullest(shard) and not renew_table(
                arena, meta, shard, now - plan[0, KEEP_MOST], plan[0, PAIRS]
            ):
                return NEED_ARENA
    if meta[TOP] + need + 8 > arena.shape[0]:
        return NEED_ARENA
    return TAKEN_IN


@folded
def free_idle(plan, arena, headers, meta, now):
    """A slow clock hand: frees the blocks of entities whose events are all dead.

    It moves on two headers for each entity of an event, so that it laps even a stream of nothing but
    strangers.
    """
    hand = meta[HAND]
    for _ in range(min(2 * plan[0, ENTITIES], meta[ROWS])):
        hand = hand + 1 if hand + 1 < meta[ROWS] else np.int64(0)
        info = headers[hand, INFO]
        if info == 0:
            continue
        kind = info // CLASSES
        if headers[hand, NEWEST] <= now - plan[1 + kind, KEEP]:
            release(plan, arena, meta, kind, (info & (CLASSES - 1)) - 1, headers[hand, OFFSET])
            headers[hand, INFO] = 0
    meta[HAND] = hand


@compiled
def take(plan, arena, headers, pages, meta, event, spots, looked):
    """Take the event in.

    Returns TAKEN_IN; TOO_LATE (time moves on, no later window sees it); OVERFLOW (nothing changed); or
    NEED_ARENA or NEED_HEADERS (nothing changed that shows: grow and call again).
    """
    now = max(meta[NOW], event[ARRIVED])
    if is_too_late(plan, meta, event):
        meta[NOW] = now
        return TOO_LATE
    to_centre = sums_fit(plan, arena, headers, pages, event, now)
    if to_centre < 0:
        return OVERFLOW
    need = make_room(plan, arena, headers, pages, meta, event, now)
    if need != TAKEN_IN:
        return need
    meta[NOW] = now
    meta[LAST_ARRIVAL] = max(meta[LAST_ARRIVAL], event[ARRIVAL])
    meta[TAKEN] += 1
    shorts = arena.view(np.int32)
    windows = plan[0, FEATURES]
    for entity in range(1, 1 + plan[0, ENTITIES]):
        identity = event[plan[entity, ID]]
        spot = windows
        windows += plan[entity, WINDOW1] - plan[entity, WINDOW0]
        if identity < 0:
            continue
        row = row_of(pages, entity - 1, identity)
        if looked and headers[row, INFO] > 0:
            keep_hints(plan, shorts, headers, entity, row, event, spots, spot)
        open_block(plan, arena, headers, meta, entity, row, now)
        write_event(plan, arena, shorts, headers, meta, entity, row, event)
        if (to_centre >> entity) & 1:
            centre_totals(plan, arena, headers, entity, row)
    free_idle(plan, arena, headers, meta, now)
    return TAKEN_IN
