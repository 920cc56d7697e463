"""The arrays of a state: made, grown, pointed at, measured. Only compiled code changes their contents."""

from __future__ import annotations

import numpy as np

from riskloom.features import layout as at
from riskloom.features.compact import compact, compact_words
from riskloom.features.kernel import table_of
from riskloom.features.layout import Ints
from riskloom.features.plan import Plan
from riskloom.features.search import capacity

ARRAYS = ("arena", "headers", "pages", "meta")
FIRST_ARENA = at.SHARD_COUNT * 2 * at.SMALLEST + 64


class Store:
    """The four arrays, the buffers of one event, and the table of their addresses, rebuilt after growth."""

    def __init__(self, plan: Plan, reserve_bytes: int) -> None:
        self.plan = plan
        self.arena = _reserved(reserve_bytes // 8, FIRST_ARENA)
        self.headers: Ints = np.zeros((max(at.PAGE, len(self.arena) >> 9), at.HEADER_WIDTH), np.int64)
        self.pages: Ints = np.full((at.MAX_ENTITIES, 16), -1, np.int64)
        self.meta: Ints = np.zeros(at.META_SIZE, np.int64)
        self.meta[at.NOW] = at.NEVER
        self.meta[at.LAST_ARRIVAL] = -1
        table_words = 2 * at.SMALLEST
        self.arena[: at.SHARD_COUNT * table_words] = -1
        shards = self.meta[at.SHARDS :].reshape(at.SHARD_COUNT, 3)
        shards[:, at.TABLE] = np.arange(at.SHARD_COUNT) * table_words
        self.meta[at.TOP] = at.SHARD_COUNT * table_words
        self._open()

    def _open(self) -> None:
        self.event: Ints = np.zeros(self.plan.row_width, np.int64)
        windows = int(self.plan.table[0, at.WINDOWS])
        self.raw: Ints = np.zeros((max(1, len(self.plan.names) + windows), 4), np.int64)
        self.point()

    def point(self) -> None:
        """Rebuild the table of addresses."""
        self.table = table_of(
            self.plan.table, self.arena, self.headers, self.pages, self.meta, self.event, self.raw
        )

    def grow(self, need: int, event: Ints) -> None:
        """Give `take` what it asked for: half as much arena again, or headers and pages for these ids."""
        if need == at.NEED_ARENA:
            top = int(self.meta[at.TOP])
            arena = _reserved(len(self.arena) * 3 // 2, len(self.arena) * 9 // 8)
            arena[:top] = self.arena[:top]
            self.arena = arena
        else:
            entities = self.plan.table[1 : 1 + self.plan.table[0, at.ENTITIES]]
            page = int(event[entities[:, at.ID]].max()) >> at.PAGE_BITS
            have = self.pages.shape[1]
            if page >= have:
                pages: Ints = np.full((at.MAX_ENTITIES, page * 3 // 2 + 16), -1, np.int64)
                pages[:, :have] = self.pages
                self.pages = pages
            if self.meta[at.ROWS] + at.PAGE * len(entities) > len(self.headers):
                rows = 2 * len(self.headers) + at.PAGE * len(entities)
                headers: Ints = np.zeros((rows, at.HEADER_WIDTH), np.int64)
                headers[: len(self.headers)] = self.headers
                self.headers = headers
        self.point()

    def arrays(self) -> dict[str, Ints]:
        """Copies of the used parts, compacted: a state restored from them takes the least memory."""
        plan, rows = self.plan.table, int(self.meta[at.ROWS])
        headers, meta = self.headers[:rows].copy(), self.meta.copy()
        arena: Ints = np.zeros(compact_words(plan, headers, rows, meta), np.int64)
        compact(plan, self.arena, headers, rows, meta, arena)
        return {"arena": arena, "headers": headers, "pages": self.pages.copy(), "meta": meta}

    @classmethod
    def of_arrays(cls, plan: Plan, arrays: dict[str, Ints], reserve_bytes: int) -> Store:
        """The store that `arrays` described; the caller has checked that they are whole and for this plan."""
        made = cls.__new__(cls)
        made.plan = plan
        top, rows = len(arrays["arena"]), len(arrays["headers"])
        made.arena = _reserved(max(reserve_bytes // 8, top + top // 4), top + FIRST_ARENA)
        made.arena[:top] = arrays["arena"]
        made.headers = np.zeros((rows + max(at.PAGE, len(made.arena) >> 9), at.HEADER_WIDTH), np.int64)
        made.headers[:rows] = arrays["headers"]
        made.pages = np.ascontiguousarray(arrays["pages"]).copy()
        made.meta = arrays["meta"].copy()
        made._open()
        return made

    def entries(self) -> int:
        """The (event, entity) entries held in blocks, those not yet evicted included."""
        used = self.headers[: self.meta[at.ROWS]]
        used = used[used[:, at.INFO] > 0]
        return int((used[:, at.END] - used[:, at.START] - 1).sum())

    def memory(self) -> dict[str, int]:
        """Bytes by part: what is used, and what is only reserved address space."""
        shards = self.meta[at.SHARDS :].reshape(at.SHARD_COUNT, 3)
        tables = 16 * int(capacity.py_func(shards[:, at.TABLE_CLASS]).sum())  # type: ignore[attr-defined]
        return {
            "blocks": int(self.meta[at.TOP]) * 8 - tables,
            "newest_times": tables,
            "headers": int(self.meta[at.ROWS]) * at.HEADER_WIDTH * 8,
            "pages": self.pages.nbytes + self.meta.nbytes,
            "reserved": self.arena.nbytes - int(self.meta[at.TOP]) * 8,
        }


def _reserved(words: int, least: int) -> Ints:
    """An array whose pages cost nothing until they are written to: as large as the machine grants."""
    while True:
        try:
            return np.empty(max(words, least), np.int64)
        except MemoryError:
            if words <= least:
                raise
            words //= 2
