"""From the rows of a file to checked events in arrival order, in chunks; what cannot be read is kept apart.

History has no arrival times: it is taken in by (event time, event id), as if each event had arrived when it
happened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

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
    """

    def __init__(self, rows: Rows, schema: EventSchema, digest: str, bury: Bury) -> None:
        self._rows = rows
        self._schema = schema
        self._digest = digest
        self._bury = bury

    def chunks(self, size: int = CHUNK) -> Iterator[list[Event]]:
        """Lists of about `size` events; events of the same time are never parted.

        Raises
        ------
        DataInvalid
            When rows turn out not to be in time order half-way: call `sorted_chunks` instead.
        """
        chunk: list[Event] = []
        last = (-1, "")
        for event in self._events():
            key = (event.time_us, event.id)
            if self._schema.time_field and key[0] < last[0]:
                raise OutOfOrder(event.id)
            last = key
            chunk.append(event)
            if len(chunk) > size and event.time_us != chunk[-2].time_us:
                yield from self._cut(chunk, keep_last=True)
                chunk = chunk[-1:]
        if chunk:
            yield from self._cut(chunk, keep_last=False)

    def sorted_chunks(self, size: int = CHUNK) -> Iterator[list[Event]]:
        """The same events, sorted in memory first."""
        events = sorted(self._events(), key=lambda event: (event.time_us, event.id))
        for start in range(0, len(events), size):
            yield events[start : start + size]

    def _cut(self, chunk: list[Event], *, keep_last: bool) -> Iterator[list[Event]]:
        """A chunk, its ties put in the order of their ids; the last event may belong to the next."""
        done = chunk[:-1] if keep_last else chunk
        if self._schema.time_field:
            done.sort(key=lambda event: (event.time_us, event.id))
        yield done

    def _events(self) -> Iterator[Event]:
        for row in self._rows:
            if row.fault is not None:
                self._bury(DeadLetter(row.number, (row.fault,), row.values))
                continue
            try:
                yield self._parse(row)
            except EventInvalid as error:
                self._bury(DeadLetter(row.number, error.faults, row.values))

    def _parse(self, row: Row) -> Event:
        number = row.number
        event = self._schema.parse_one(
            row.values,
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
