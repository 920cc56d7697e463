# mypy: disable-error-code="no-untyped-def, no-any-return"
# (numba infers the types; every array here is int64)
"""A state's blocks and tables side by side: without free lists and scraps, each block just large enough."""

from __future__ import annotations

import numpy as np

from riskloom.features.compiled import compiled, inlined
from riskloom.features.layout import (
    CLASSES,
    END,
    FREE_BLOCKS,
    HINTS,
    INFO,
    OFFSET,
    SCRAP,
    SCRAP_END,
    SHARD_COUNT,
    SHARDS,
    SPARE_TABLES,
    START,
    TABLE,
    TABLE_CLASS,
    TOP,
)
from riskloom.features.memory import block_words, move
from riskloom.features.search import capacity


@inlined
def fitting(n):
    """The class of the smallest block with room for one more than n events, the sentinel among them."""
    size_class = np.int64(0)
    while capacity(size_class) <= n:
        size_class += 1
    return size_class


@compiled
def compact_words(plan, headers, rows, meta):
    """The words that `compact` fills."""
    words = np.int64(0)
    for shard in range(SHARD_COUNT):
        words += 2 * capacity(meta[SHARDS + 3 * shard + TABLE_CLASS])
    for row in range(rows):
        if headers[row, INFO] > 0:
            entity = 1 + headers[row, INFO] // CLASSES
            words += block_words(plan, entity, capacity(fitting(headers[row, END] - headers[row, START])))
    return words


@compiled
def compact(plan, arena, headers, rows, meta, packed):
    """Move everything into `packed`, zeros of `compact_words`; rewrites the copies `headers` and `meta`."""
    top = np.int64(0)
    for shard in range(SHARDS, SHARDS + 3 * SHARD_COUNT, 3):
        words = 2 * capacity(meta[shard + TABLE_CLASS])
        packed[top : top + words] = arena[meta[shard + TABLE] : meta[shard + TABLE] + words]
        meta[shard + TABLE] = top
        top += words
    for row in range(rows):
        if headers[row, INFO] == 0:
            continue
        kind = headers[row, INFO] // CLASSES
        entity = 1 + kind
        start = headers[row, START]
        n = headers[row, END] - start
        size = capacity((headers[row, INFO] & (CLASSES - 1)) - 1)
        size_class = fitting(n)
        block = top + plan[entity, HINTS]
        move(plan, arena, packed, entity, headers[row, OFFSET], size, block, capacity(size_class), start, n)
        headers[row, OFFSET] = block
        headers[row, INFO] = kind * CLASSES + size_class + 1
        headers[row, START] = 0
        headers[row, END] = n
        top += block_words(plan, entity, capacity(size_class))
    meta[FREE_BLOCKS:SHARDS] = 0
    meta[SCRAP] = 0
    meta[SCRAP_END] = 0
    meta[SPARE_TABLES] = 0
    meta[TOP] = top
