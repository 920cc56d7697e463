# mypy: disable-error-code="no-untyped-def, no-any-return"
# (numba infers the types; every array here is int64, or its int32 view)
"""Reading the state: the integers of every feature for one event. Writes nothing but its answer."""

from __future__ import annotations

import numpy as np

from riskloom.features.bits import add_wide, prefetch, square, subtract_wide
from riskloom.features.compiled import compiled, folded, inlined
from riskloom.features.layout import (
    ARRIVED,
    CLASSES,
    COLUMN,
    COUNT,
    COUNT_LANE,
    CURRENT,
    DELAY,
    DISTINCT,
    END,
    ENTITIES,
    ENTITY_PAIRS,
    EXTREME,
    FEATURE0,
    FEATURE1,
    FIRST_SEEN,
    HEADER_WIDTH,
    ID,
    INFO,
    LANES,
    LATENESS,
    MAX,
    NOW,
    NULL,
    OFFSET,
    OP,
    OUT,
    PAIR,
    PAIR0,
    PLACE0,
    PLACE_LAT,
    PLACE_LON,
    PLACE_OUT,
    PLACES,
    RAW_LANE,
    SHORTS,
    SINCE_LAST,
    SQUARE_LANE,
    START,
    STD,
    SUM,
    SUM_LANE,
    TABLE,
    TABLE_BITS,
    TIME,
    TRAVEL_KM,
    WIDTH,
    WINDOW0,
    WINDOW1,
)
from riskloom.features.memory import bits_at, capacity, extremes_at, row_of, shorts_at
from riskloom.features.search import (
    bits_between,
    extreme,
    find_key,
    first_after,
    key_of,
    scan_distinct,
    seen_between,
    shard_of,
    slot_in,
    spread_out,
)


@inlined
def is_too_late(plan, meta, event):
    """Whether the event's time lies more than `max_lateness` before the newest arrival (its own included)."""
    return event[TIME] < max(meta[NOW], event[ARRIVED]) - plan[0, LATENESS]


@inlined
def join_places(plan, event):
    """Pack each (latitude, longitude) pair into one integer that keeps both; NULL when one is missing."""
    for p in range(plan[0, PLACE0], plan[0, PLACE0] + plan[0, PLACES]):
        lat = event[plan[p, PLACE_LAT]]
        lon = event[plan[p, PLACE_LON]]
        place = np.int64(NULL)
        if lat != NULL and lon != NULL:
            place = (lat + 90_000_000) << 32 | (lon + 180_000_000)
        event[plan[p, PLACE_OUT]] = place


@inlined
def count_between(shorts, base, low, high):
    """The difference of a running count, which may have wrapped."""
    return (np.int64(shorts[base + high - 1]) - np.int64(shorts[base + low - 1])) & 0xFFFFFFFF


@inlined
def fill_total(plan, f, op, arena, shorts, entity, block, size, low, high, event, raw):
    """sum, mean and std: differences of running totals."""
    o = plan[f, OUT]
    n = high - low
    value = event[plan[f, COLUMN]]
    use = plan[f, CURRENT] == 1 and value != NULL
    lane = block + plan[f, SUM_LANE] * size
    total = np.int64(0)
    if n > 0:
        total = arena[np.uint64(lane + high - 1)] - arena[np.uint64(lane + low - 1)]
    raw[o, 0] = total + value if use else total
    if op == SUM:
        return
    count = np.int64(0)
    if n > 0:
        count = count_between(shorts, shorts_at(plan, entity, block, size, plan[f, COUNT_LANE]), low, high)
    if use:
        count += 1
    raw[o, 1] = count
    if count == 0:
        raw[o, 0] = NULL
    elif op == STD:
        q = np.int64(0)
        q_high = np.int64(0)
        if n > 0:
            lane = block + plan[f, SQUARE_LANE] * size
            above = lane + size
            q, q_high = subtract_wide(
                arena[np.uint64(lane + high - 1)],
                arena[np.uint64(above + high - 1)],
                arena[np.uint64(lane + low - 1)],
                arena[np.uint64(above + low - 1)],
            )
        if use:
            v, v_high = square(value)
            q, q_high = add_wide(q, q_high, v, v_high)
        raw[o, 2] = q
        raw[o, 3] = q_high


@inlined
def extreme_of(plan, f, op, arena, entity, block, size, low, high, event):
    """min or max of a window, or NULL."""
    best = np.int64(NULL)
    if high > low:
        summary = extremes_at(plan, entity, block, size, plan[f, EXTREME])
        base = block + plan[f, RAW_LANE] * size
        best = extreme(arena, base, summary, (size + 63) >> 6, low, high, op == MAX)
    value = event[plan[f, COLUMN]]
    if plan[f, CURRENT] == 1 and value != NULL:
        better = value > best if op == MAX else value < best
        if best == NULL or better:
            best = value
    return best


@inlined
def distinct_of(plan, f, arena, shorts, meta, entity, row, block, size, low, high, end, since, event):
    """Distinct values of a window: bits when it ends at the block's end, else a scan."""
    pair = plan[f, PAIR]
    value = event[plan[f, COLUMN]] if plan[f, CURRENT] == 1 else np.int64(-1)
    if high < end:
        return scan_distinct(shorts, shorts_at(plan, entity, block, size, 1 + pair), low, high, value)
    total = bits_between(arena, bits_at(plan, entity, block, size, pair), low, high)
    if value >= 0:
        total += 1
        if high > low:
            i = find_key(arena, meta, key_of(row, pair, value))
            if arena[i] != -1 and arena[i + 1] > since:
                total -= 1
    return total


@inlined
def first_seen_of(plan, f, arena, shorts, meta, entity, row, block, size, low, high, since, until, event):
    """1 when the window does not hold the event's value, 0 when it does, NULL when the value is missing."""
    value = event[plan[f, COLUMN]]
    if value < 0:
        return np.int64(NULL)
    if high == low:
        return np.int64(1)
    pair = plan[f, PAIR]
    i = find_key(arena, meta, key_of(row, pair, value))
    newest = arena[i + 1]
    if arena[i] == -1 or newest <= since:
        return np.int64(1)
    if newest <= until:
        return np.int64(0)
    seen = seen_between(shorts, shorts_at(plan, entity, block, size, 1 + pair), low, high, value)
    return np.int64(0) if seen else np.int64(1)


@inlined
def fill_last(plan, f, op, arena, block, size, high, event, raw):
    """last and travel: what the newest event of the window held."""
    o = plan[f, OUT]
    raw[o, 0] = arena[block + plan[f, RAW_LANE] * size + high - 1]
    if op >= TRAVEL_KM:
        raw[o, 1] = event[plan[f, COLUMN]]
        raw[o, 2] = event[TIME] - arena[block + high - 1]
        if raw[o, 1] == NULL:
            raw[o, 0] = NULL


@folded
def look_entity(plan, arena, shorts, headers, meta, entity, row, event, raw):
    """The features of one entity. By delay and width of window: each search starts where the last ended."""
    time = event[TIME]
    block = np.int64(0)
    size = np.int64(0)
    start = np.int64(-1)
    end = np.int64(0)
    if row >= 0 and headers[row, INFO] > 0:
        block = headers[row, OFFSET]
        size = capacity((headers[row, INFO] & (CLASSES - 1)) - 1)
        start = headers[row, START]
        end = headers[row, END]
    high = end
    top = end
    delay = np.int64(-1)
    for window in range(plan[entity, WINDOW0], plan[entity, WINDOW1]):
        if plan[window, DELAY] != delay:
            delay = plan[window, DELAY]
            high = end
            if end - start > 1 and arena[block + end - 1] > time - delay:
                high = first_after(arena, block, start + 1, end, time - delay)
            top = high
        until = time - delay
        since = until - plan[window, WIDTH]
        low = first_after(arena, block, start + 1, top, since)
        top = low
        for f in range(plan[window, FEATURE0], plan[window, FEATURE1]):
            op = plan[f, OP]
            o = plan[f, OUT]
            if op == COUNT:
                raw[o, 0] = high - low + plan[f, CURRENT]
            elif op <= STD:
                fill_total(plan, f, op, arena, shorts, entity, block, size, low, high, event, raw)
            elif op <= MAX:
                raw[o, 0] = extreme_of(plan, f, op, arena, entity, block, size, low, high, event)
            elif op == DISTINCT:
                raw[o, 0] = distinct_of(
                    plan, f, arena, shorts, meta, entity, row, block, size, low, high, end, since, event
                )
            elif op == FIRST_SEEN:
                raw[o, 0] = first_seen_of(
                    plan, f, arena, shorts, meta, entity, row, block, size, low, high, since, until, event
                )
            elif high == low:
                raw[o, 0] = NULL
            elif op == SINCE_LAST:
                raw[o, 0] = time - arena[block + high - 1]
            else:
                fill_last(plan, f, op, arena, block, size, high, event, raw)


@compiled
def look(plan, arena, headers, pages, meta, event, raw):
    """The integers of every feature into raw [features, 4]; null is NULL in the first. True when too late."""
    late = is_too_late(plan, meta, event)
    shorts = arena.view(np.int32)
    join_places(plan, event)
    for entity in range(1, 1 + plan[0, ENTITIES]):
        identity = event[plan[entity, ID]]
        if late or identity < 0:
            for window in range(plan[entity, WINDOW0], plan[entity, WINDOW1]):
                for f in range(plan[window, FEATURE0], plan[window, FEATURE1]):
                    raw[plan[f, OUT], 0] = NULL
            continue
        row = row_of(pages, entity - 1, identity)
        look_entity(plan, arena, shorts, headers, meta, entity, row, event, raw)
    return late


@compiled
def warm(plan, arena, headers, pages, meta, event, deep):
    """Ask for the cache lines of an event to come: first headers, later the blocks' ends and hash slots."""
    for entity in range(1, 1 + plan[0, ENTITIES]):
        identity = event[plan[entity, ID]]
        if identity < 0:
            continue
        row = row_of(pages, entity - 1, identity)
        if row < 0:
            continue
        if not deep:
            prefetch(headers.ravel(), row * HEADER_WIDTH)
        elif headers[row, INFO] > 0:
            size = capacity((headers[row, INFO] & (CLASSES - 1)) - 1)
            newest = headers[row, OFFSET] + headers[row, END] - 1
            for lane in range(plan[entity, LANES]):
                prefetch(arena, newest + lane * size)
            prefetch(arena, newest - 8)
            position = headers[row, END] - 1
            for lane in range(plan[entity, SHORTS]):
                prefetch(arena, (shorts_at(plan, entity, headers[row, OFFSET], size, lane) + position) >> 1)
            for pair in range(plan[entity, ENTITY_PAIRS]):
                value = event[plan[plan[entity, PAIR0] + pair, 0]]
                if value >= 0:
                    hashed = spread_out(key_of(row, pair, value))
                    shard = shard_of(hashed)
                    prefetch(arena, meta[shard + TABLE] + 2 * slot_in(hashed, meta[shard + TABLE_BITS]))
