"""The state of a set of window features: look at an event, take it in, one by one or many in order."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from riskloom.errors import StateOverflow
from riskloom.features import kernel, snapshot
from riskloom.features import layout as at
from riskloom.features.dictionary import Dictionary
from riskloom.features.integers import meaningful
from riskloom.features.layout import Floats, Ints
from riskloom.features.linked import Linked
from riskloom.features.plan import compile_plan
from riskloom.features.reclaim import unused_ids
from riskloom.features.row import compile_fill, make_rows
from riskloom.features.spec import LINKED, Column, WindowFeature
from riskloom.features.store import Store

RESERVE_BYTES = 1 << 30
"""Address space for the arena. Only what is written to becomes memory; growth beyond it copies."""

CHUNK = 1 << 14


class Told(NamedTuple):
    """A fact that becomes known on the way through a batch: before which event, and what `tell_one` takes."""

    before: int
    time_us: int
    values: Mapping[str, Any]
    arrival: int
    fraud: bool


class WindowState:
    """Exact sliding windows over the events taken in so far.

    One writer; not for several threads at once. Times are microseconds UTC within ±2**61. Events are looked
    at and taken in by arrival: `look_one`, `evidence_one` as often as wanted, then `advance_one`.

    Parameters
    ----------
    features, columns
        The declaration; `columns` may name more than the features need.
    max_lateness_us
        An event more than this before the newest arrival is too late: null features, and not taken in.
    reserve_bytes
        Address space reserved for growth without copying.

    Raises
    ------
    ParameterInvalid
        With every fault of the declaration.
    """

    def __init__(
        self,
        features: Sequence[WindowFeature],
        columns: Sequence[Column],
        max_lateness_us: int,
        *,
        reserve_bytes: int = RESERVE_BYTES,
    ) -> None:
        self.features = tuple(features)
        self._plan = compile_plan(features, columns, max_lateness_us)
        self._open(Store(self._plan, reserve_bytes), {}, Linked(features))

    def _open(self, store: Store, dictionaries: dict[str, Dictionary], linked: Linked) -> None:
        kernel.warm_up()
        self._store = store
        self._linked = linked
        self._has_links = bool(linked)
        self._dictionaries = dictionaries
        self.names: tuple[str, ...] = self._plan.names
        self.columns: tuple[Column, ...] = self._plan.columns
        ids = [c for c in self.columns if c.kind == "id"]
        of = [dictionaries.setdefault(c.dictionary or c.name, Dictionary()) for c in ids]
        self._id_dictionaries = of
        row = memoryview(cast(Any, store.event)).cast("B")
        self._row = row.cast("q")
        self._fill = compile_fill(self.columns, of, row)
        self._new: list[tuple[int, Dictionary, str]] = []
        self._looked = False
        self._late = False
        self._width = len(self.names)
        self._found = np.zeros(50, np.int64)

    def look_one(self, time_us: int, arrived_us: int, values: Mapping[str, object], out: Floats) -> bool:
        """Fill `out[:len(names)]` with the event's features (float64, NaN null); changes nothing that shows.

        `values` holds str or None for id columns and int or None for integer ones; a column it lacks is
        missing. Returns True when the event is too late (then all are null). O(features · log(window)) but
        for late or delayed `distinct`, which scan their window.
        """
        self._looked = False
        if len(out) < self._width:
            raise ValueError(f"out must hold {self._width} values, not {len(out)}")
        try:
            unseen = self._fill(time_us, arrived_us, values)
        except KeyError:
            values = {column.name: values.get(column.name) for column in self.columns}
            unseen = self._fill(time_us, arrived_us, values)
        if unseen:
            self._note_unseen(values)
        elif self._new:
            self._new = []
        self._late = late = kernel.look_one(self._store.table, out)
        if self._has_links:
            self._linked.look_one(values, bool(late), self._store.raw, out)
        self._looked = True
        return bool(late)

    def _note_unseen(self, values: Mapping[str, Any]) -> None:
        """Remember which strings get an id once the event is taken in."""
        self._new = []
        for i, dictionary in enumerate(self._id_dictionaries):
            value = values[self.columns[i].name]
            if value not in dictionary:
                if not isinstance(value, str):
                    kind = type(value).__name__
                    raise TypeError(f"{self.columns[i].name} holds text or None, not {kind}")
                self._new.append((at.VALUES + i, dictionary, value))

    def advance_one(self, arrival: int) -> None:
        """Take in the event of the last `look_one`. A too-late one only moves time on.

        Parameters
        ----------
        arrival
            Its number from the one counter of arrivals: never negative, growing, and all that are in the
            windows at once within 2**32 of each other.

        Raises
        ------
        StateOverflow
            When a sum over a window could leave int64 or a summed value is not below 2**46; nothing changed.
        """
        if not self._looked:
            raise RuntimeError("advance_one takes in the event of a look_one before it")
        self._looked = False
        row = self._row
        row[2] = arrival
        given: list[tuple[Dictionary, str, int]] = []
        if self._new and not self._late:
            given = self._give_ids()
        answer = kernel.take_one(self._store.table)
        while answer > 0:
            if answer == at.OVERFLOW:
                for dictionary, key, number in reversed(given):
                    dictionary.take_back(key, number)
                raise _overflow()
            self._store.grow(answer, self._store.event)
            answer = kernel.take_one(self._store.table)
        if self._has_links:
            self._linked.advance_one(bool(self._late))

    def _give_ids(self) -> list[tuple[Dictionary, str, int]]:
        given = []
        for place, dictionary, value in self._new:
            fresh = value not in dictionary
            self._row[place] = number = dictionary[value]
            if fresh:
                given.append((dictionary, value, number))
        self._new = []
        return given

    def tell_one(self, time_us: int, values: Mapping[str, object], arrival: int, fraud: bool) -> bool:
        """Take in a fact: the earlier event of this arrival number was a fraud, or was none after all.

        `time_us` and `values` are that event's own. Later looks of label-aware features see it; nothing else
        changes. Returns whether it was news: False too for an event that is evicted or was never taken in.
        """
        self._looked = False
        self._fill(time_us, 0, {column.name: values.get(column.name) for column in self.columns})
        self._row[at.ARRIVAL] = arrival
        news = bool(kernel.tell_one(self._store.table, int(fraud)))
        return self._linked.tell_one(values, arrival, fraud) or news

    def evidence_one(self, feature_index: int, limit: int = 50) -> list[int]:
        """Arrival numbers behind a feature of the event last looked at, newest last. Before `advance_one`.

        The newest `limit` events of the feature's window; for `seconds_since_last`, `last` and travel only
        the one they compare with; for `fraud_count` and `fraud_share` the known frauds; empty for
        `first_seen`, `component_size` and `fraud_neighbours`, a missing entity, and a too-late event.
        """
        if not self._looked:
            raise RuntimeError("evidence_one belongs between look_one and advance_one")
        if self.features[feature_index].aggregate in ("first_seen", *LINKED):
            return []
        if limit > len(self._found):
            self._found = np.zeros(limit, np.int64)
        entity, window, which = self._plan.found_at[feature_index]
        found = self._found[: max(limit, 0)]
        n = kernel.evidence_one(self._store.table, entity, window, which, found)
        newest = int(self._store.meta[at.LAST_ARRIVAL])
        numbers = [(newest & ~0xFFFFFFFF) | low for low in found[:n].tolist()]
        return [number if number <= newest else number - 2**32 for number in numbers]

    def integers_one(self) -> list[tuple[int, ...] | None]:
        """The exact integers behind the features of the last look; None is null. See `finish_one`."""
        return meaningful(self.features, self._store.raw)

    def run_many(
        self,
        time_us: Ints,
        arrived_us: Ints,
        arrival: Ints,
        values: Mapping[str, Any],
        out: Floats | None = None,
        facts: Sequence[Told] = (),
    ) -> npt.NDArray[np.bool_]:
        """Look at and take in n events, in order: bit for bit what n times `look_one` and `advance_one` give.

        Parameters
        ----------
        time_us, arrived_us, arrival
            int64 [n]; see `look_one` and `advance_one`.
        values
            A column for each of `columns`: sequences or object arrays of str or None; int64 arrays with NULL,
            or sequences with None.
        out
            float64 [n, features], C-contiguous, filled; None only takes in (recovery).
        facts
            What becomes known on the way, in order: before which of the n events, and what `tell_one` takes.

        Returns
        -------
        bool [n]
            Which events were too late.

        Raises
        ------
        StateOverflow
            The events before the named one are taken in, it and the rest are not.
        """
        n = len(time_us)
        if out is not None and out.shape != (n, self._width):
            raise ValueError(f"out must have the shape {(n, self._width)}, not {out.shape}")
        self._looked = False
        late = np.zeros(n, np.bool_)
        nothing = np.empty((0, self._width))
        for begin in range(0, n, CHUNK):
            part = slice(begin, min(begin + CHUNK, n))
            held = {column.name: values[column.name][part] for column in self.columns}
            numbers = (time_us[part], arrived_us[part], arrival[part])
            rows = make_rows(numbers, held, self.columns, self._id_dictionaries, self._plan.row_width)
            known = [fact for fact in facts if begin <= fact.before < part.stop]
            told = nothing if out is None else out[part]
            self._run_chunk(rows, held, told, late[part], begin, known)
        for fact in (fact for fact in facts if fact.before >= n):
            self.tell_one(fact.time_us, fact.values, fact.arrival, fact.fraud)
        return late

    def _run_chunk(
        self,
        rows: Ints,
        held: Mapping[str, Any],
        out: Floats,
        late: npt.NDArray[np.bool_],
        begin: int,
        facts: Sequence[Told],
    ) -> None:
        n = 0
        for fact in facts:
            n = self._run_until(rows[: fact.before - begin], held, out, late, begin, n)
            self.tell_one(fact.time_us, fact.values, fact.arrival, fact.fraud)
        self._run_until(rows, held, out, late, begin, n)

    def _run_until(
        self,
        rows: Ints,
        held: Mapping[str, Any],
        out: Floats,
        late: npt.NDArray[np.bool_],
        begin: int,
        n: int,
    ) -> int:
        while n < len(rows):
            first = n
            n, answer = kernel.run_many(self._store.table, rows, out, late, n)
            if self._has_links and n > first:
                columns = {name: column[first:n] for name, column in held.items()}
                self._linked.run_many(columns, late[first:n], out[first:n] if len(out) else None)
            if answer == at.OVERFLOW:
                raise _overflow(f"Event {begin + n} of the batch: ")
            if answer > 0:
                self._store.grow(answer, rows[n])
        return n

    def reclaim(self) -> int:
        """Forget the strings that only evicted events held; their ids are given again. Returns how many.

        Changes no answer. Worth a call before a snapshot: dictionaries grow by every new string otherwise.
        O(entries); between events, not between a look and its advance.
        """
        self._looked = False
        unused = unused_ids(self._store, self._id_dictionaries)
        by_id = {id(dictionary): dictionary for dictionary in self._id_dictionaries}
        return sum(by_id[key].forget(marks) for key, marks in unused.items())

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """Everything as plain arrays (copies): feed it to `restore`. O(state)."""
        return snapshot.pack(self._plan, self._store, self._dictionaries, self._linked.snapshot())

    @classmethod
    def restore(
        cls,
        features: Sequence[WindowFeature],
        columns: Sequence[Column],
        max_lateness_us: int,
        arrays: Mapping[str, npt.NDArray[Any]],
        *,
        reserve_bytes: int = RESERVE_BYTES,
    ) -> WindowState:
        """The state whose `snapshot` these arrays are; it goes on bit for bit.

        Raises
        ------
        BundleInvalid
            When the arrays belong to another declaration, to another layout, or are damaged.
        """
        made = cls.__new__(cls)
        made.features = tuple(features)
        made._plan = compile_plan(features, columns, max_lateness_us)
        linked = Linked(features)
        store, dictionaries, links = snapshot.unpack(made._plan, arrays, linked.snapshot(), reserve_bytes)
        linked.restore(links)
        made._open(store, dictionaries, linked)
        return made

    @property
    def entries(self) -> int:
        """The (event, entity) entries held."""
        return self._store.entries()

    @property
    def taken(self) -> int:
        """The events taken in since the beginning, evicted ones included."""
        return int(self._store.meta[at.TAKEN])

    @property
    def fingerprint(self) -> str:
        """Names the declaration a snapshot belongs to."""
        return self._plan.fingerprint

    def memory(self) -> dict[str, int]:
        """Bytes by part; `reserved` is address space that is not memory yet. O(strings)."""
        known = self._dictionaries.values()
        strings = sum(sys.getsizeof(d) + sum(map(sys.getsizeof, d)) + 32 * len(d) for d in known)
        return {**self._store.memory(), "dictionaries": strings}


def _overflow(where: str = "") -> StateOverflow:
    return StateOverflow(
        f"{where}A sum over a window could leave its 64-bit integer, or a summed value is not below 2**46.",
        hint="declare the field with fewer decimals, or check the amount",
    )
