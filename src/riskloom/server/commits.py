"""What was decided, on its way to the store: handed to the writer together, answered after the commit.

Everything here runs on the event loop's thread; the writer has a thread of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

from sqlalchemy.engine import Engine

from riskloom.errors import StoreUnavailable
from riskloom.server.decisions.record import Record
from riskloom.server.decisions.repo import DecisionRepo
from riskloom.server.writer import Writer

Key = str | int
"""What a record is in flight under: an event's id, a label's arrival number, or less than 0."""


class Commits:
    """Records in flight.

    Parameters
    ----------
    engine, repo
        Where they are written.
    failed
        Told of every batch that could not be written, and how many records it had.
    """

    def __init__(
        self, engine: Engine, repo: DecisionRepo, failed: Callable[[int, StoreUnavailable], None]
    ) -> None:
        self.writer = Writer(engine, repo, self._committed_on_thread)
        self._failed = failed
        self._in_flight: dict[Key, Record] = {}
        self._unsent: list[Record] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to write."""
        self._loop = asyncio.get_running_loop()
        self.writer.start()

    async def stop(self) -> None:
        """Write what is queued, and end."""
        self._send()
        await asyncio.to_thread(self.writer.stop)
        await asyncio.sleep(0)

    def put(self, record: Record) -> asyncio.Future[None]:
        """Put a record on its way: what to await for it to be durable."""
        loop = asyncio.get_running_loop()
        record.committed = loop.create_future()
        self._in_flight[record.key] = record
        if not self._unsent:
            loop.call_soon(self._send)  # after all that can be decided now: the writer is woken once
        self._unsent.append(record)
        return record.committed

    def waiter(self, key: Key) -> asyncio.Future[None] | None:
        """A future of one's own for a record in flight: one caller giving up cancels no other; None where
        there is none."""
        record = self._in_flight.get(key)
        return None if record is None else _waiter(record)

    def waiters(self) -> list[asyncio.Future[None]]:
        """Such futures for everything in flight."""
        return [_waiter(record) for record in self._in_flight.values()]

    async def settle(self) -> None:
        """Wait until all that is in flight now is durable, or failed."""
        if waiting := self.waiters():
            await asyncio.wait(waiting)
            for one in waiting:
                one.exception()  # whoever put it is told

    @property
    def label_keys(self) -> Iterator[int]:
        """The keys of labels and policy changes in flight."""
        return (key for key in self._in_flight if isinstance(key, int))

    @property
    def is_draining(self) -> bool:
        """Whether anything is in flight."""
        return bool(self._in_flight)

    def _send(self) -> None:
        """Hand what was decided to the writer."""
        if self._unsent:
            records, self._unsent = self._unsent, []
            self.writer.put(records)

    def _committed_on_thread(self, batch: Sequence[Record], error: StoreUnavailable | None) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._committed, batch, error)

    def _committed(self, batch: Sequence[Record], error: StoreUnavailable | None) -> None:
        for record in batch:
            self._in_flight.pop(record.key, None)
            if record.committed is not None and not record.committed.done():
                if error is None:
                    record.committed.set_result(None)
                else:
                    record.committed.set_exception(error)
        if error is not None:
            self._failed(len(batch), error)


def _waiter(record: Record) -> asyncio.Future[None]:
    if record.committed is None:
        raise StoreUnavailable("Not started.")
    return asyncio.shield(record.committed)
