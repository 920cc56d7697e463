# mypy: disable-error-code="no-untyped-def, no-any-return"
# (numba infers the types; every array here is int64, or its int32 view)
"""Reading a block: positions by search, distinct values, extremes, and the table of newest times."""

from __future__ import annotations

import numpy as np

from riskloom.features.bits import popcount
from riskloom.features.compiled import compiled, inlined
from riskloom.features.layout import NULL, SHARD_BITS, SHARDS, TABLE, TABLE_BITS


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
def slot_in(hashed, bits):
    """The first slot to try in a table of 2**bits."""
    return np.int64(hashed >> np.uint64(16)) & ((np.int64(1) << bits) - 1)


@compiled
def find_in(arena, table, bits, key, hashed):
    """The arena index of the key's slot in one table, or of the empty slot (-1) where it would go."""
    mask = (np.int64(1) << bits) - 1
    i = slot_in(hashed, bits)
    while arena[np.uint64(table + 2 * i)] != key and arena[np.uint64(table + 2 * i)] != -1:
        i = (i + 1) & mask
    return table + 2 * i


@inlined
def find_key(arena, meta, key):
    """The arena index of the key's slot; the newest time lies behind it."""
    hashed = spread_out(key)
    shard = shard_of(hashed)
    return find_in(arena, meta[shard + TABLE], meta[shard + TABLE_BITS], key, hashed)


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
def scan_distinct(shorts, base, low, high, extra):
    """Distinct values of [low, high) by a throw-away set: for windows that do not end at the block's end.

    `extra` is the current event's value, or negative. O(n).
    """
    size = 16
    while size < 2 * (high - low + 1):
        size <<= 1
    seen = np.full(size, -1, np.int32)
    total = np.int64(0)
    for position in range(low, high + 1):
        value = shorts[base + position] if position < high else np.int32(extra)
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
def seen_between(shorts, base, low, high, value):
    """Whether a value occurs at the positions [low, high). O(n)."""
    for position in range(high - 1, low - 1, -1):  # noqa: SIM110 (numba has no generator expressions)
        if shorts[base + position] == value:
            return True
    return False


@compiled
def extreme(arena, base, summary, words, low, high, want_max):
    """The least or greatest value of [low, high), whole words of 64 from their summaries; NULL when none."""
    best = np.int64(NULL)
    position = low
    summaries = summary + words if want_max else summary
    while position < high:
        if position & 63 == 0 and position + 64 <= high:
            value = arena[summaries + (position >> 6)]
            position += 64
        else:
            value = arena[base + position]
            position += 1
        if value != NULL and (best == NULL or (value > best if want_max else value < best)):
            best = value
    return best
