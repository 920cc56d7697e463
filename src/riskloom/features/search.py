# mypy: disable-error-code="no-untyped-def, no-any-return"
# (numba infers the types; every array here is int64, or its int32 view)
"""Reading a block: positions by search, distinct values, extremes, and the table of newest times."""

from __future__ import annotations

import numpy as np

from riskloom.features.bits import popcount
from riskloom.features.compiled import compiled, folded, inlined
from riskloom.features.layout import NULL, SHARD_BITS, SHARDS, SMALLEST, TABLE, TABLE_CLASS


@compiled
def first_after(arena, base, low, high, time):
    """The first position in [low, high) whose time is > `time`, else `high`.

    Most bounds lie near the new end: gallop back from it, then halve without branches. Indices are unsigned
    where it counts: numba then drops its wrap-around test.
    """
    step = np.int64(16)
    while high - low > step:
        if arena[np.uint64(base + high - step)] <= time:
            low = high - step + 1
            break
        high -= step
        step <<= 2
    n = high - low
    while n > 1:
        half = n >> 1
        low += half if arena[np.uint64(base + low + half - 1)] <= time else np.int64(0)
        n -= half
    if n == 1 and arena[np.uint64(base + low)] <= time:
        low += 1
    return low


NEAR = 5
"""How many times are looked at around a guess."""


@folded
def first_after_near(arena, base, low, high, time, guess):
    """The same as `first_after`, sought near a guess: a few times from just before it, without branches.

    May read, not use, some words behind `high`.
    """
    begin = max(min(guess - 1, high - 1), low)
    n = np.int64(0)
    for i in range(NEAR):
        n += (arena[np.uint64(base + begin + i)] <= time) & (begin + i < high)
    if (n > 0 or begin == low) and (n < NEAR or begin + NEAR >= high):
        return begin + n
    return first_after_far(arena, base, low, high, time, begin)


@compiled
def first_after_far(arena, base, low, high, time, guess):
    """The same as `first_after`, sought from a guess in [low, high) outwards."""
    step = np.int64(8)
    if arena[np.uint64(base + guess)] <= time:
        low = guess + 1
        while low < high:
            probe = min(guess + step, high - 1)
            if arena[np.uint64(base + probe)] > time:
                high = probe
                break
            low = probe + 1
            step <<= 2
    else:
        high = guess
        while low < high:
            probe = max(guess - step, low)
            if arena[np.uint64(base + probe)] <= time:
                low = probe + 1
                break
            high = probe
            step <<= 2
    n = high - low
    while n > 1:
        half = n >> 1
        low += half if arena[np.uint64(base + low + half - 1)] <= time else np.int64(0)
        n -= half
    if n == 1 and arena[np.uint64(base + low)] <= time:
        low += 1
    return low


@inlined
def guess_between(arena, base, low, high, time):
    """Where in [low, high), which is not empty, a time would lie if the times there were evenly spread."""
    first = arena[base + low]
    whole = arena[base + high - 1] - first
    return low + np.int64((high - low) * (np.float64(time - first) / np.float64(max(whole, 1))))


@inlined
def key_of(row, pair, value):
    """The key of (entity, pair, value) in the table of newest times."""
    return (((row << 3) | pair) << 31) | value


@inlined
def spread_out(key):
    """The hash of a key: its top bits choose the shard, lower ones the slot."""
    return np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)


@inlined
def shard_of(hashed):
    """Where the shard's three scalars begin in `meta`."""
    return SHARDS + 3 * np.int64(hashed >> np.uint64(64 - SHARD_BITS))


@inlined
def capacity(size_class):
    """Events (and the sentinel) a block can hold, slots of a hash table: 4, 5, 6, 7, 8, 10, 12, 14, 16 ..."""
    return (SMALLEST + (size_class & 3)) << (size_class >> 2)


@inlined
def slot_in(hashed, size):
    """The first slot to try in a table: by the bits below the shard's, which all of the key moves."""
    share = (hashed << np.uint64(SHARD_BITS)) >> np.uint64(32)
    return np.int64((share * np.uint64(size)) >> np.uint64(32))


@compiled
def find_in(arena, table, size, key, hashed):
    """The arena index of the key's slot in one table, or of the empty slot (-1) where it would go."""
    i = table + 2 * slot_in(hashed, size)
    while arena[np.uint64(i)] != key and arena[np.uint64(i)] != -1:
        i += 2
        if i == table + 2 * size:
            i = table
    return i


@inlined
def find_key(arena, meta, key):
    """The arena index of the key's slot; the newest time lies behind it."""
    hashed = spread_out(key)
    shard = shard_of(hashed)
    return find_in(arena, meta[shard + TABLE], capacity(meta[shard + TABLE_CLASS]), key, hashed)


@compiled
def bits_between(arena, base, low, high):
    """The number of set bits at the positions [low, high)."""
    if high <= low:
        return np.int64(0)
    i = low >> 6
    j = (high - 1) >> 6
    first = np.int64(-1) << (low & 63)
    n = ((high - 1) & 63) + 1
    last = np.int64(-1) if n == 64 else (np.int64(1) << n) - 1
    if i == j:
        return popcount(arena[base + i] & first & last)
    total = popcount(arena[base + i] & first) + popcount(arena[base + j] & last)
    for word in range(i + 1, j):
        total += popcount(arena[base + word])
    return total


@compiled
def scan_distinct(shorts, base, stride, low, high, extra):
    """Distinct ids of [low, high) by a throw-away set: for windows that do not end at the block's end.

    `extra` is the current event's value, or negative. O(n).
    """
    size = 16
    while size < 2 * (high - low + 1):
        size <<= 1
    seen = np.full(size, -1, np.int32)
    total = np.int64(0)
    for position in range(low, high + 1):
        value = shorts[base + stride * position] if position < high else np.int32(extra)
        if value < 0:
            continue
        i = (np.int64(value) * 0x9E3779B1 >> 8) & (size - 1)
        while seen[i] != value and seen[i] != -1:
            i = (i + 1) & (size - 1)
        if seen[i] == -1:
            seen[i] = value
            total += 1
    return total


@compiled
def seen_between(shorts, base, stride, low, high, value):
    """Whether an id occurs at the positions [low, high). O(n)."""
    for position in range(high - 1, low - 1, -1):  # noqa: SIM110 (numba has no generator expressions)
        if shorts[base + stride * position] == value:
            return True
    return False


@compiled
def greatest_of(arena, low, high):
    """The greatest of arena[low:high], NULL when there is none: NULL is the least integer there is."""
    best = np.int64(NULL)
    for i in range(low, high):
        best = max(best, arena[np.uint64(i)])
    return best


@compiled
def least_of(arena, low, high):
    """The least of arena[low:high] that is not NULL. Less one, NULL becomes the greatest integer there is."""
    best = np.int64(NULL) - np.int64(1)
    for i in range(low, high):
        best = min(best, arena[np.uint64(i)] - 1)
    return best + 1


@inlined
def better_of(arena, best, low, high, want_max):
    """`best` or the least or greatest of arena[low:high], NULL when neither is there."""
    if want_max:
        return max(best, greatest_of(arena, low, high))
    return min(best - 1, least_of(arena, low, high) - 1) + 1


@compiled
def extreme(arena, base, summary, words, low, high, end, want_max):
    """The least or greatest value of [low, high), words of 64 from their summaries; NULL when none.

    The summary of the block's last word is of what lies before its end.
    """
    first = min((low + 63) & -64, high)
    best = better_of(arena, np.int64(NULL), base + low, base + first, want_max)
    if first < high:
        if want_max:
            summary += words
        stop = (high + 63) >> 6 if high == end else high >> 6
        best = better_of(arena, best, summary + (first >> 6), summary + stop, want_max)
        best = better_of(arena, best, base + (stop << 6), base + high, want_max)
    return best
