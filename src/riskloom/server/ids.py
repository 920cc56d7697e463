"""Event ids: made where none was sent, and what is kept in memory of them, so that most events need no
look-up in the database."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import structlog

from riskloom.errors import StoreUnavailable

log = structlog.get_logger()
Bits = npt.NDArray[np.uint8]
FILTER_BITS = 1 << 27
_MASK = FILTER_BITS - 1
RECENT = 1 << 16


class SeenIds:
    """Says of an id that it was surely never stored; where it cannot, the database is asked.

    Two bits of 2**27 for each id, so 16 MiB whatever the length of the log. Of new ids it fails to recognise
    2 in 10,000 when a million are stored and 2 in 100 when ten million are; it never errs the other way.
    """

    def __init__(self) -> None:
        self._bits = bytearray(FILTER_BITS // 8)
        self._known = False
        self._reading: asyncio.Task[None] | None = None
        self._times = 0

    def begin(self, read: Callable[[], Iterable[Sequence[str]]]) -> None:
        """Learn which ids are stored, in a thread beside the work; until then any id may be.

        Every id stored from now on must be given to `add` first. May be called again, when the log may
        have changed.
        """
        self._known = False
        self._times += 1
        self._reading = asyncio.get_running_loop().create_task(self._read(read, self._times, self._reading))

    async def end(self) -> None:
        """Stop learning."""
        self._times += 1
        if self._reading is not None:
            await asyncio.wait({self._reading})

    def may_hold(self, event_id: str) -> bool:
        """False when the id was surely never stored."""
        if not self._known:
            return True
        number = hash(event_id)
        low, high = number & _MASK, number >> 32 & _MASK
        bits = self._bits
        return bool(bits[low >> 3] >> (low & 7) & 1 and bits[high >> 3] >> (high & 7) & 1)

    def add(self, event_id: str) -> bool:
        """Note an id before it is stored; as `may_hold` said of it before."""
        number = hash(event_id)
        low, high = number & _MASK, number >> 32 & _MASK
        bits = self._bits
        first, second = bits[low >> 3], bits[high >> 3]
        one, other = 1 << (low & 7), 1 << (high & 7)
        if first & one and second & other:
            return True
        bits[low >> 3] = first | one
        bits[high >> 3] |= other  # read again: it may be the same byte
        return not self._known

    async def _read(
        self, read: Callable[[], Iterable[Sequence[str]]], times: int, before: asyncio.Task[None] | None
    ) -> None:
        if before is not None:
            await asyncio.wait({before})

        def wanted() -> Iterator[Sequence[str]]:
            for chunk in read():
                if self._times != times:
                    return
                yield chunk

        try:
            stored = await asyncio.to_thread(bits_of, wanted())
        except StoreUnavailable as error:
            log.warning("ids.unread", reason=error.message)
            return
        if self._times != times:
            return
        if stored is not None:
            ours = np.frombuffer(self._bits, np.uint8)
            np.bitwise_or(ours, stored, out=ours)
        self._known = True


def bits_of(chunks: Iterable[Sequence[str]]) -> Bits | None:
    """The bits of many ids; None of none."""
    bits: Bits | None = None
    for chunk in chunks:
        if bits is None:
            bits = np.zeros(FILTER_BITS // 8, np.uint8)
        numbers = np.fromiter(map(hash, chunk), np.int64, len(chunk))
        for places in (numbers & _MASK, numbers >> 32 & _MASK):
            np.bitwise_or.at(bits, places >> 3, (1 << (places & 7)).astype(np.uint8))
    return bits


class RecentIds:
    """The event ids of the newest arrival numbers, to name evidence by; may be asked on any thread."""

    def __init__(self) -> None:
        self._count = RECENT
        self._ids: list[tuple[int, str]] = [(-1, "")] * RECENT

    def add(self, arrival: int, event_id: str) -> None:
        """Note an id; the one so many arrivals before it is forgotten."""
        self._ids[arrival % self._count] = (arrival, event_id)

    def of(self, arrivals: Iterable[int]) -> tuple[dict[int, str], list[int]]:
        """(the ids known here, the arrival numbers to ask the database for)."""
        known, missing = {}, []
        for arrival in arrivals:
            number, event_id = self._ids[arrival % self._count]
            if number == arrival:
                known[arrival] = event_id
            else:
                missing.append(arrival)
        return known, missing


def id_maker(idempotency_key: str) -> Callable[[], str]:
    """Makes ids for events that come without: the same for the same idempotency key."""
    if not idempotency_key:
        return _random_id
    key = hashlib.blake2b(idempotency_key.encode(), digest_size=16)
    return lambda: "key-" + key.hexdigest()


def _random_id() -> str:
    return str(uuid.uuid4())
