# mypy: disable-error-code="no-untyped-def, no-any-return"
# (numba infers the types)
"""Which ids the state still holds: the strings of the others can be forgotten and their ids given again.

An id that is in no block is safe to give again: what the table of newest times still says of it is older than
every window that can be asked for.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from riskloom.features import layout as at
from riskloom.features.compiled import compiled
from riskloom.features.dictionary import Dictionary
from riskloom.features.layout import CLASSES, END, INFO, OFFSET, RECORD, START
from riskloom.features.memory import ids_at
from riskloom.features.search import capacity
from riskloom.features.store import Store


@compiled
def mark_values(plan, arena, headers, rows, entity, pair, used):
    """Mark the ids that a pair holds in any of the blocks at `rows`."""
    shorts = arena.view(np.int32)
    for row in rows:
        size = capacity((headers[row, INFO] & (CLASSES - 1)) - 1)
        ids = ids_at(plan, entity, headers[row, OFFSET], size, pair)
        for i in range(headers[row, START] + 1, headers[row, END]):
            value = shorts[ids + 2 * plan[entity, RECORD] * i]
            if value >= 0:
                used[value] = True


def unused_ids(store: Store, dictionaries: list[Dictionary]) -> dict[int, npt.NDArray[np.bool_]]:
    """For each different dictionary (by `id()`), the ids that nothing in the state refers to.

    `dictionaries` are those of the id columns, in the order of an event's row. O(entries).
    """
    used = {id(d): np.zeros(d.end, np.bool_) for d in dictionaries}
    plan, headers = store.plan.table, store.headers
    for entity in range(1, 1 + int(plan[0, at.ENTITIES])):
        of = dictionaries[int(plan[entity, at.ID]) - at.VALUES]
        pages = np.flatnonzero(store.pages[entity - 1] >= 0)
        first = store.pages[entity - 1, pages] << at.PAGE_BITS
        rows = (first[:, None] + np.arange(at.PAGE)).ravel()
        ids = ((pages << at.PAGE_BITS)[:, None] + np.arange(at.PAGE)).ravel()
        held = headers[rows, at.INFO] > 0
        used[id(of)][ids[held]] = True
        for pair in range(int(plan[entity, at.ENTITY_PAIRS])):
            column = int(plan[int(plan[entity, at.PAIR0]) + pair, 0])
            values = dictionaries[column - at.VALUES]
            mark_values(plan, store.arena, headers, rows[held], entity, pair, used[id(values)])
    return {key: ~marks for key, marks in used.items()}
