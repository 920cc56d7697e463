# mypy: disable-error-code="no-untyped-def, no-any-return"
# (numba infers the types; every array here is int64, or its int32 view)
"""Reading the state: the integers and the float of every feature for one event. Writes nothing but them."""

from __future__ import annotations

import math

import numpy as np

from riskloom.features.bits import add_wide, square, subtract_wide
from riskloom.features.compiled import compiled, folded, inlined
from riskloom.features.finish import distance_km, finish_one, finish_travel
from riskloom.features.layout import (
    ARRIVED,
    CLASSES,
    COLUMN,
    COUNT,
    COUNT_AT,
    CURRENT,
    DELAY,
    DISTINCT,
    END,
    ENTITIES,
    FEATURE0,
    FEATURE1,
    FEATURES,
    FIRST_SEEN,
    FRAUD_COUNT,
    FRAUD_SHARE,
    ID,
    INFO,
    LAST,
    LATENESS,
    MAX,
    MEAN,
    NOW,
    NULL,
    OFFSET,
    OP,
    OUT,
    PAIR,
    PLACE0,
    PLACE_LAT,
    PLACE_LON,
    PLACE_OUT,
    PLACES,
    RAW_AT,
    RAW_LANE,
    RAW_STRIDE,
    RECORD,
    SCALE,
    SINCE_LAST,
    SQUARE_AT,
    STD,
    SUM,
    SUM_AT,
    TIME,
    WIDTH,
    WINDOW0,
    WINDOW1,
)
from riskloom.features.memory import bits_at, extremes_at, ids_at, records_at, row_of
from riskloom.features.search import (
    bits_between,
    capacity,
    extreme,
    find_key,
    key_of,
    scan_distinct,
    seen_between,
)
from riskloom.features.windows import find_windows


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
def fill_total(plan, f, op, arena, shorts, low, high, event, raw, o):
    """sum, mean and std: differences of running totals in two records, one before the window and its last.

    They are the same when it is empty, and every difference is 0. Running counts may wrap. Returns the float.
    """
    value = event[plan[f, COLUMN]]
    use = plan[f, CURRENT] == 1 and value != NULL
    scale = plan[f, SCALE]
    total = arena[np.uint64(high + plan[f, SUM_AT])] - arena[np.uint64(low + plan[f, SUM_AT])]
    if use:
        total += value
    if op == SUM:
        raw[o, 0] = total
        return finish_one(SUM, scale, total, 0, 0, 0)
    at = plan[f, COUNT_AT]
    count = (
        np.int64(shorts[np.uint64(2 * high + at)]) - np.int64(shorts[np.uint64(2 * low + at)])
    ) & 0xFFFFFFFF
    if use:
        count += 1
    if count == 0:
        total = np.int64(NULL)
    raw[o, 0] = total
    raw[o, 1] = count
    if op == MEAN:
        return finish_one(MEAN, scale, total, count, 0, 0)
    above = high + plan[f, SQUARE_AT]
    below = low + plan[f, SQUARE_AT]
    q, q_high = subtract_wide(
        arena[np.uint64(above)],
        arena[np.uint64(above + 1)],
        arena[np.uint64(below)],
        arena[np.uint64(below + 1)],
    )
    if use:
        v, v_high = square(value)
        q, q_high = add_wide(q, q_high, v, v_high)
    raw[o, 2] = q
    raw[o, 3] = q_high
    return finish_one(STD, scale, total, count, q, q_high)


@inlined
def extreme_of(plan, f, op, arena, entity, block, size, low, high, end, event):
    """min or max of a window, or NULL."""
    best = np.int64(NULL)
    if high > low:
        summary = extremes_at(plan, entity, block, size, plan[f, RAW_LANE])
        base = block + plan[f, RAW_LANE] * size
        best = extreme(arena, base, summary, (size + 63) >> 6, low, high, end, op == MAX)
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
        base = ids_at(plan, entity, block, size, pair)
        return scan_distinct(shorts, base, 2 * plan[entity, RECORD], low, high, value)
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
    base = ids_at(plan, entity, block, size, pair)
    seen = seen_between(shorts, base, 2 * plan[entity, RECORD], low, high, value)
    return np.int64(0) if seen else np.int64(1)


@inlined
def last_of(plan, f, arena, block, size, high):
    """What the newest event of a window, which has one, held."""
    base = block + plan[f, RAW_LANE] * size + plan[f, RAW_AT]
    return arena[base + (high - 1) * plan[f, RAW_STRIDE]]


@inlined
def fill_frauds(plan, f, op, shorts, low, high, events, raw, o):
    """Known frauds in a window of so many events, or their share; `low` and `high` as in `fill_total`."""
    at = plan[f, COUNT_AT]
    frauds = (
        np.int64(shorts[np.uint64(2 * high + at)]) - np.int64(shorts[np.uint64(2 * low + at)])
    ) & 0xFFFFFFFF
    if op == FRAUD_SHARE and events == 0:
        frauds = np.int64(NULL)
    raw[o, 0] = frauds
    raw[o, 1] = events
    return finish_one(op, 1, frauds, events, 0, 0)


@folded
def look_entity(plan, arena, shorts, headers, meta, entity, row, event, raw, spot, out):
    """The features of one entity, from the positions that `find_windows` put into `raw` from `spot` on."""
    time = event[TIME]
    block = np.int64(0)
    size = np.int64(0)
    end = np.int64(0)
    if row >= 0 and headers[row, INFO] > 0:
        block = headers[row, OFFSET]
        size = capacity((headers[row, INFO] & (CLASSES - 1)) - 1)
        end = headers[row, END]
    record = plan[entity, RECORD]
    records = records_at(plan, entity, block, size) - record
    there = np.int64(NULL)
    here = np.int64(NULL)
    km = 0.0
    for window in range(plan[entity, WINDOW0], plan[entity, WINDOW1]):
        low = raw[spot, 0]
        high = raw[spot, 1]
        spot += 1
        until = time - plan[window, DELAY]
        since = until - plan[window, WIDTH]
        before = max(records + low * record, np.int64(0))
        last = max(records + high * record, np.int64(0))
        for f in range(plan[window, FEATURE0], plan[window, FEATURE1]):
            op = plan[f, OP]
            o = plan[f, OUT]
            if op == COUNT:
                value = high - low + plan[f, CURRENT]
                raw[o, 0] = value
                out[o] = finish_one(COUNT, 1, value, 0, 0, 0)
            elif op <= STD:
                out[o] = fill_total(plan, f, op, arena, shorts, before, last, event, raw, o)
            elif op <= MAX:
                value = extreme_of(plan, f, op, arena, entity, block, size, low, high, end, event)
                raw[o, 0] = value
                out[o] = finish_one(MAX, plan[f, SCALE], value, 0, 0, 0)
            elif op == DISTINCT:
                value = distinct_of(
                    plan, f, arena, shorts, meta, entity, row, block, size, low, high, end, since, event
                )
                raw[o, 0] = value
                out[o] = finish_one(DISTINCT, 1, value, 0, 0, 0)
            elif op == FIRST_SEEN:
                value = first_seen_of(
                    plan, f, arena, shorts, meta, entity, row, block, size, low, high, since, until, event
                )
                raw[o, 0] = value
                out[o] = finish_one(FIRST_SEEN, 1, value, 0, 0, 0)
            elif op >= FRAUD_COUNT:
                out[o] = fill_frauds(plan, f, op, shorts, before, last, high - low, raw, o)
            elif high == low:
                raw[o, 0] = NULL
                out[o] = math.nan
            elif op == SINCE_LAST:
                value = time - arena[block + high - 1]
                raw[o, 0] = value
                out[o] = finish_one(SINCE_LAST, 1, value, 0, 0, 0)
            elif op == LAST:
                value = last_of(plan, f, arena, block, size, high)
                raw[o, 0] = value
                out[o] = finish_one(LAST, plan[f, SCALE], value, 0, 0, 0)
            else:
                place = last_of(plan, f, arena, block, size, high)
                now = event[plan[f, COLUMN]]
                raw[o, 0] = NULL if now == NULL else place
                raw[o, 1] = now
                raw[o, 2] = time - arena[block + high - 1]
                if place == NULL or now == NULL:
                    out[o] = math.nan
                else:
                    if place != there or now != here:  # two features of one pair share the distance
                        there, here, km = place, now, distance_km(place, now)
                    out[o] = finish_travel(op, km, raw[o, 2])


@compiled
def look(plan, arena, headers, pages, meta, event, raw, out):
    """The integers of every feature into raw (null is NULL in the first), its float into out.

    True when too late. raw is [features + windows, 4]: the rows behind the features are scratch.
    """
    late = is_too_late(plan, meta, event)
    shorts = arena.view(np.int32)
    join_places(plan, event)
    spot = plan[0, FEATURES]
    for entity in range(1, 1 + plan[0, ENTITIES]):
        identity = event[plan[entity, ID]]
        if not late and identity >= 0:
            row = row_of(pages, entity - 1, identity)
            find_windows(plan, arena, shorts, headers, entity, row, event, raw, spot)
        spot += plan[entity, WINDOW1] - plan[entity, WINDOW0]
    spot = plan[0, FEATURES]
    for entity in range(1, 1 + plan[0, ENTITIES]):
        identity = event[plan[entity, ID]]
        if late or identity < 0:
            for window in range(plan[entity, WINDOW0], plan[entity, WINDOW1]):
                for f in range(plan[window, FEATURE0], plan[window, FEATURE1]):
                    raw[plan[f, OUT], 0] = NULL
                    out[plan[f, OUT]] = math.nan
        else:
            row = row_of(pages, entity - 1, identity)
            look_entity(plan, arena, shorts, headers, meta, entity, row, event, raw, spot, out)
        spot += plan[entity, WINDOW1] - plan[entity, WINDOW0]
    return late
