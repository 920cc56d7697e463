"""Where everything lies: the columns of the plan's table, of an event's row, and of the state's arrays.

All of it is int64. The plan (one table with rows of `PLAN_WIDTH`) is data: a new plan compiles nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from riskloom.domain.field import INTEGER_LIMIT, NULL

__all__ = ["INTEGER_LIMIT", "NULL"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

LAYOUT_VERSION = 2
"""Grows when a snapshot of an older program can no longer be read."""

# An event's row: these, then one place for each column, then one for each (latitude, longitude) pair.
TIME, ARRIVED, ARRIVAL, ENTRY, VALUES = range(5)
# ENTRY is NULL: nothing is known of an event when it arrives. Facts count in the lane of this column.
MISSING_ID = -1
UNSEEN_ID = 2**31 - 1
"""The id of a value no dictionary holds yet; nothing in the state has it."""

# Aggregates. Up to MAX they may include the current event.
(
    COUNT, SUM, MEAN, STD, MIN, MAX, DISTINCT, FIRST_SEEN, SINCE_LAST, LAST, TRAVEL_KM, TRAVEL_SPEED,
    FRAUD_COUNT, FRAUD_SHARE,
) = range(14)  # fmt: skip

# The plan: row 0 is the header, then the entities, then their features, windows, lanes, pairs; the places.
PLAN_WIDTH = 15
LATENESS, ENTITIES, FEATURES, PAIRS, PLACE0, PLACES, KEEP_MOST, WINDOWS = range(8)
(ID, KEEP, HINTS, LANES, RECORD, LONGS, SUMS, COUNTS, ENTITY_PAIRS) = range(9)
WINDOW0, WINDOW1, LANE0, LONG0, PAIR0, COUNT0 = range(9, 15)
WIDTH, DELAY, FEATURE0, FEATURE1, HINT, HAS_SUMS = range(6)
(OP, SUM_AT, SQUARE_AT, COUNT_AT, RAW_LANE, RAW_AT, RAW_STRIDE, PAIR, CURRENT, COLUMN, OUT, SCALE) = range(12)
LONG_KIND, LONG_COLUMN = range(2)
PLACE_LAT, PLACE_LON, PLACE_OUT = range(3)
RAW, TOTAL, SQUARE_LOW, SQUARE_HIGH = range(4)
"""What a 64-bit word of a record holds: the value, or a running total of it or of its square (two limbs)."""

MAX_ENTITIES = 16
MAX_PAIRS = 8
"""Columns whose values are told apart (distinct, first_seen), for one entity."""

# The state's scalars.
TOP, ROWS, NOW, HAND, LAST_ARRIVAL, TAKEN, SCRAP, SCRAP_END, SPARE_TABLES = range(9)
"""SCRAP to SCRAP_END: a spare hash table that new blocks are cut from. SPARE_TABLES: how many there are."""
CLASSES = 128
FREE_BLOCKS = 16
FREE_TABLES = FREE_BLOCKS + MAX_ENTITIES * CLASSES
SHARDS = FREE_TABLES + CLASSES
SHARD_BITS = 8
SHARD_COUNT = 1 << SHARD_BITS
TABLE, TABLE_CLASS, TABLE_USED = range(3)
META_SIZE = SHARDS + 3 * SHARD_COUNT

# An entity's header: its block, kind * CLASSES + size class + 1 (0: no block), sentinel, end, newest time.
OFFSET, INFO, START, END, NEWEST = range(5)
HEADER_WIDTH = 5
PAGE_BITS = 10
PAGE = 1 << PAGE_BITS
"""Ids lead to headers through pages of this many."""

SMALLEST = 4
"""Slots of a hash table, events of a block (a sentinel and three)."""

NEVER = -(2**62)
SUM_LIMIT = 2**61
"""No sum over a run of an entity's kept events may leave this."""

TAKEN_IN, NEED_ARENA, NEED_HEADERS, OVERFLOW, TOO_LATE = 0, 1, 2, 3, -1
"""What `take` answers."""
