# mypy: disable-error-code="no-untyped-def, no-any-return"
# (numba infers the types)
"""The doors of the kernel: one event through a table of addresses, many through the same two functions.

Passing nine arrays from Python costs 0.8 µs a call. So the state's arrays are named once, as (address,
length) pairs in one small array; it must be rebuilt after every growth and dies with the arrays (`Store` owns
both).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numba as nb
import numpy as np

from riskloom.features.bits import pointer
from riskloom.features.compiled import compiled, inlined
from riskloom.features.evidence import evidence
from riskloom.features.layout import HEADER_WIDTH, MAX_ENTITIES, PLAN_WIDTH, Ints
from riskloom.features.look import join_places, look
from riskloom.features.take import take
from riskloom.features.tell import tell
from riskloom.features.warm import warm


@inlined
def arrays_of(table):
    """(plan, arena, headers, pages, meta, event, raw) behind a table of addresses."""
    return (
        nb.carray(pointer(table[0]), (table[1], PLAN_WIDTH)),
        nb.carray(pointer(table[2]), (table[3],)),
        nb.carray(pointer(table[4]), (table[5], HEADER_WIDTH)),
        nb.carray(pointer(table[6]), (MAX_ENTITIES, table[7])),
        nb.carray(pointer(table[8]), (table[9],)),
        nb.carray(pointer(table[10]), (table[11],)),
        nb.carray(pointer(table[12]), (table[13], 4)),
    )


def table_of(plan: Ints, arena: Ints, headers: Ints, pages: Ints, meta: Ints, event: Ints, raw: Ints) -> Ints:
    """The table of addresses of these arrays; it keeps none of them alive."""
    lengths = (len(plan), len(arena), len(headers), pages.shape[1], len(meta), len(event), len(raw))
    places = (plan, arena, headers, pages, meta, event, raw)
    pairs = [(array.ctypes.data, length) for array, length in zip(places, lengths, strict=True)]
    return np.array(pairs, np.int64).ravel()


@compiled
def look_one(table, out):
    plan, arena, headers, pages, meta, event, raw = arrays_of(table)
    shorts = arena.view(np.int32)
    for step in range(3):
        warm(plan, arena, shorts, headers, pages, meta, event, step)
    return look(plan, arena, headers, pages, meta, event, raw, out)


@compiled
def take_one(table):
    plan, arena, headers, pages, meta, event, raw = arrays_of(table)
    return take(plan, arena, headers, pages, meta, event, raw, True)


@compiled
def tell_one(table, fraud):
    plan, arena, headers, pages, _meta, event, _raw = arrays_of(table)
    return tell(plan, arena, headers, pages, event, fraud)


@compiled
def evidence_one(table, entity, window, which, found):
    plan, arena, headers, pages, meta, event, _raw = arrays_of(table)
    return evidence(plan, arena, headers, pages, meta, event, entity, window, which, found)


@compiled
def run_many(table, events, out, late, n):
    """From event n on: look, finish, take. Returns (next event, what must be done before it goes on)."""
    plan, arena, headers, pages, meta, _event, raw = arrays_of(table)
    shorts = arena.view(np.int32)
    looking = out.shape[0] > 0
    while n < events.shape[0]:
        if n + 3 < events.shape[0]:
            for step in range(2 + looking):
                warm(plan, arena, shorts, headers, pages, meta, events[n + 3 - step], step)
        if looking:
            look(plan, arena, headers, pages, meta, events[n], raw, out[n])
        else:
            join_places(plan, events[n])
        answer = take(plan, arena, headers, pages, meta, events[n], raw, looking)
        late[n] = answer == -1
        if answer > 0:
            return n, answer
        n += 1
    return n, np.int64(0)


_INTS = "int64[::1]"
DOORS: tuple[tuple[str, Any, str], ...] = (
    ("look", look_one, f"({_INTS}, float64[::1])"),
    ("take", take_one, f"({_INTS},)"),
    ("evidence", evidence_one, f"({_INTS}, int64, int64, int64, {_INTS})"),
    ("tell", tell_one, f"({_INTS}, int64)"),
    ("many", run_many, f"({_INTS}, int64[:, ::1], float64[:, ::1], boolean[::1], int64)"),
)
_ready = False


def warm_up(progress: Callable[[str], None] | None = None) -> float:
    """Compile the kernel, or load it from the disk cache. Returns the seconds it took (0.0: it was ready).

    The first compile on a machine takes some ten to twenty seconds and `progress` is told before each part;
    from the cache it takes less than one. The cache lies beside the package, or in the user's cache folder
    where the package is read-only; `NUMBA_CACHE_DIR` overrules both.
    """
    global _ready
    if _ready:
        return 0.0
    begun = time.perf_counter()
    for part, (name, door, signature) in enumerate(DOORS, 1):
        if progress is not None:
            progress(f"preparing the window kernel, part {part} of {len(DOORS)}: {name}")
        door.compile(signature)
        door.disable_compile()
    _ready = True
    return time.perf_counter() - begun
