"""From the rows of a file to checked events in arrival order, in chunks; what cannot be read is kept apart.

History has no arrival times: it is taken in by (event time, event id), as if each event had arrived when it
happened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from riskloom.domain.columns import EventColumns, Labelled, held
from riskloom.domain.event import Event, EventSchema
from riskloom.errors import DataInvalid, EventInvalid, Fault, show

CHUNK = 8_192
DIGEST_BYTES = 1 << 20


class Row(Protocol):
    """A row as a file source gives it."""

    number: int
    values: Mapping[str, object]
    fault: Fault | None


class Rows(Protocol):
    """A file source; see `riskloom.adapters.sources`."""

    total: int
    done: int

    def __iter__(self) -> Iterator[Row]: ...


class Columns(Protocol):
    """Rows as a file source gives them column by column."""

    first: int
    values: Mapping[str, npt.NDArray[Any]]
    labels: npt.NDArray[np.float64]
    odd: Sequence[Row]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A row that could not be read, with every reason; enough to mend it and send it again."""

    line: int
    faults: tuple[Fault, ...]
    row: Mapping[str, object]

    def as_json(self) -> bytes:
        """One line of a dead-letter file."""
        content = {"line": self.line, "faults": [fault.as_dict() for fault in self.faults], "row": self.row}
        try:
            return msgspec.json.encode(content, enc_hook=str)
        except UnicodeEncodeError:  # bytes that are no UTF-8: shown as escapes
            return msgspec.json.encode(_escaped(content), enc_hook=str)


def _escaped(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {_escaped(key): _escaped(item) for key, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list) else value


Bury = Callable[[DeadLetter], None]
UNLABELLED = float("nan")
LABELS = {
    **dict.fromkeys(("1", "1.0", "true", "yes", "y", "fraud"), 1.0),
    **dict.fromkeys(("0", "0.0", "false", "no", "n", "honest"), 0.0),
    **dict.fromkeys(("none", "", "nan"), UNLABELLED),
}
"""The ways a file says what an event turned out to be."""


def label_of(given: object) -> float | None:
    """The label that a file's value says; None where it is none."""
    return LABELS.get(str(given).strip().lower())


def _cut_after(time_us: npt.NDArray[np.int64], least: int) -> int:
    """The first place from `least` on where an event is not of the time of the one before; 0 for none."""
    after = np.flatnonzero(time_us[least:] != time_us[least - 1 : -1])
    return least + int(after[0]) if len(after) else 0


def _order_of_ties(chunk: EventColumns) -> npt.NDArray[np.int64]:
    """The places of events that are in time order, those of the same time by their ids."""
    order = np.arange(len(chunk))
    is_new = np.diff(chunk.time_us, prepend=chunk.time_us[0] - 1) != 0
    begins = np.flatnonzero(is_new)
    ends = np.append(begins[1:], len(chunk))
    several = ends - begins > 1
    for begin, end in zip(begins[several].tolist(), ends[several].tolist(), strict=True):
        order[begin:end] = sorted(range(begin, end), key=chunk.ids.__getitem__)
    return order


def _by_time(labelled: Labelled) -> tuple[int, str]:
    return labelled[0].time_us, labelled[0].id


def without_labels(chunks: Iterable[Sequence[Event]]) -> Iterator[list[Labelled]]:
    """Chunks of events of which nobody knows what they turned out to be."""
    for chunk in chunks:
        yield [(event, UNLABELLED) for event in chunk]


class EventStream:
    """Events of a file in arrival order.

    Rows in time order are streamed in bounded memory; others are sorted in memory first.

    Parameters
    ----------
    rows
        What to read.
    schema
        The scenario's reader.
    digest
        Of the file: rows without an id are called by it and their number, so that a second import is the
        same.
    bury
        Given each row that cannot be read.
    label_field
        The column that says what an event turned out to be, where the file has it.
    """

    def __init__(
        self, rows: Rows, schema: EventSchema, digest: str, bury: Bury, label_field: str = ""
    ) -> None:
        self._rows = rows
        self._schema = schema
        self._digest = digest
        self._bury = bury
        self._label_field = label_field

    def chunks(self, size: int = CHUNK) -> Iterator[list[Event]]:
        """Lists of about `size` events; events of the same time are never parted.

        Raises
        ------
        DataInvalid
            When rows turn out not to be in time order half-way: call `sorted_chunks` instead.
        """
        for chunk in self.labelled_chunks(size):
            yield [event for event, _ in chunk]

    def sorted_chunks(self, size: int = CHUNK) -> Iterator[list[Event]]:
        """The same events, sorted in memory first."""
        for chunk in self.sorted_labelled_chunks(size):
            yield [event for event, _ in chunk]

    def labelled_chunks(self, size: int = CHUNK) -> Iterator[list[Labelled]]:
        """`chunks`, each event with its label."""
        chunk: list[Labelled] = []
        last_us = -1
        for labelled in self._events():
            event = labelled[0]
            if self._schema.time_field and event.time_us < last_us:
                raise OutOfOrder(event.id)
            last_us = event.time_us
            chunk.append(labelled)
            if len(chunk) > size and event.time_us != chunk[-2][0].time_us:
                yield from self._cut(chunk, keep_last=True)
                chunk = chunk[-1:]
        if chunk:
            yield from self._cut(chunk, keep_last=False)

    def sorted_labelled_chunks(self, size: int = CHUNK) -> Iterator[list[Labelled]]:
        """`sorted_chunks`, each event with its label."""
        events = sorted(self._events(), key=_by_time)
        for start in range(0, len(events), size):
            yield events[start : start + size]

    def column_chunks(self, size: int = CHUNK) -> Iterator[EventColumns]:
        """`labelled_chunks` as columns, the same chunks; fast where the source has columns itself.

        Raises
        ------
        OutOfOrder
        """
        kept: list[EventColumns] = []
        last_us = -1
        for part in self._columns():
            self._check_order(part, last_us)
            last_us = int(part.time_us[-1])
            kept.append(part)
            if sum(map(len, kept)) <= size:
                continue
            whole, begin = EventColumns.join(kept), 0
            while end := _cut_after(whole.time_us, begin + size):
                yield self._untied(whole[begin:end])
                begin = end
            kept = [whole[begin:]]
        if kept:
            yield self._untied(EventColumns.join(kept))

    def sorted_column_chunks(self, size: int = CHUNK) -> Iterator[EventColumns]:
        """`sorted_labelled_chunks` as columns."""
        parts = list(self._columns())
        if not parts:
            return
        whole = EventColumns.join(parts)
        del parts
        whole = whole.take(np.argsort(whole.time_us, kind="stable"))
        order = _order_of_ties(whole)
        for start in range(0, len(whole), size):
            yield whole.take(order[start : start + size])

    def _check_order(self, part: EventColumns, last_us: int) -> None:
        back = np.flatnonzero(np.diff(part.time_us, prepend=last_us) < 0)
        if self._schema.time_field and len(back):
            raise OutOfOrder(str(part.ids[back[0]]))

    def _untied(self, chunk: EventColumns) -> EventColumns:
        """Ties in the order of their ids."""
        if not self._schema.time_field or not (np.diff(chunk.time_us) == 0).any():
            return chunk
        return chunk.take(_order_of_ties(chunk))

    def _columns(self) -> Iterator[EventColumns]:
        """Every good event in the order of the file, in parts of some size; none is empty."""
        columns = getattr(self._rows, "columns", None)
        if columns is None or self._label_field in self._schema.by_name:
            part: list[Labelled] = []
            for labelled in self._events():
                part.append(labelled)
                if len(part) == CHUNK:
                    yield EventColumns.of(part, self._schema.fields)
                    part = []
            if part:
                yield EventColumns.of(part, self._schema.fields)
            return
        for read in columns(self._schema, self._label_field, label_of):
            part_read = self._checked(read)
            if len(part_read):
                yield part_read

    def _checked(self, read: Columns) -> EventColumns:
        """The good events of some rows: the odd ones are read one by one and put among the others."""
        values, labels = read.values, read.labels
        count = len(labels)
        good = np.ones(count, np.bool_)
        for row in read.odd:
            at = row.number - read.first
            labelled = self._read(row)
            good[at] = labelled is not None
            if labelled is not None:
                for field in self._schema.fields:
                    values[field.name][at] = held([labelled[0].values[field.name]], field)[0]
                labels[at] = labelled[1]
        time_field = self._schema.time_field
        time_us = values[time_field] if time_field else np.arange(read.first, read.first + count)
        ids = values[self._schema.id_field]
        found = EventColumns(self._schema.fields, ids, time_us, time_us, labels, values)
        return found if good.all() else found.take(good)

    def _cut(self, chunk: list[Labelled], *, keep_last: bool) -> Iterator[list[Labelled]]:
        """A chunk, its ties put in the order of their ids; the last event may belong to the next."""
        done = chunk[:-1] if keep_last else chunk
        if self._schema.time_field:
            done.sort(key=_by_time)
        yield done

    def _events(self) -> Iterator[Labelled]:
        for row in self._rows:
            labelled = self._read(row)
            if labelled is not None:
                yield labelled

    def _read(self, row: Row) -> Labelled | None:
        """A row's event and label; None for one that is buried."""
        if row.fault is not None:
            self._bury(DeadLetter(row.number, (row.fault,), row.values))
            return None
        try:
            return self._parse(row), self._label(row)
        except EventInvalid as error:
            self._bury(DeadLetter(row.number, error.faults, row.values))
            return None

    def _label(self, row: Row) -> float:
        """1 for a fraud, 0 for an honest event, NaN where the file does not say.

        Raises
        ------
        EventInvalid
            When the label is none of the ways to say yes or no.
        """
        given = row.values.get(self._label_field) if self._label_field else None
        label = label_of(given)
        if label is None:
            raise EventInvalid(Fault(self._label_field, "a label: 1 or 0, true or false", show(given)))
        return label

    def _parse(self, row: Row) -> Event:
        number = row.number
        values = row.values
        if self._label_field in values:  # the answer is no part of the question
            values = {name: value for name, value in values.items() if name != self._label_field}
        event = self._schema.parse_one(
            values,
            _FAR_US if self._schema.time_field else number,
            make_id=lambda: f"{self._digest}:{number}",
        )
        if not self._schema.time_field:
            return event
        if event.time_us == _FAR_US:
            raise EventInvalid(Fault(self._schema.time_field, "a time", "nothing"))
        return Event(event.id, event.time_us, event.time_us, event.values, event.sent)


_FAR_US = 1 << 60


class OutOfOrder(DataInvalid):
    """Rows are not in time order."""

    def __init__(self, event_id: str) -> None:
        super().__init__(
            Fault("data", "rows in time order", f"event {show(event_id)} before the one above it")
        )


def file_digest(path: Path) -> str:
    """Sixteen hex digits of a file's SHA-256."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(DIGEST_BYTES):
            digest.update(block)
    return digest.hexdigest()[:16]
