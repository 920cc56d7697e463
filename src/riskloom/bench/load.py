"""A load generator: connections that each send the next body as soon as the answer to the last is there."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

_FLAGGED = b'"flagged":true'


@dataclass(slots=True)
class Load:
    """What came back: seconds since the start at which each answer came, how long it took, statuses."""

    ended: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    lost: int = 0
    flags: int = 0

    @property
    def rate(self) -> float:
        """Answers a second: the median over half seconds, so that a neighbour's burst does not decide."""
        if not self.ended or self.ended[-1] < 1.5:
            return len(self.ended) / max(self.ended[-1], 1e-9) if self.ended else 0.0
        edges = np.arange(0.0, self.ended[-1], 0.5)
        counts, _ = np.histogram(self.ended, edges)
        return float(np.median(counts)) / 0.5

    @property
    def overall(self) -> float:
        """Answers a second from first to last."""
        return len(self.ended) / self.ended[-1] if self.ended else 0.0

    @property
    def flagged(self) -> float:
        """The share of answers that flag their event."""
        return self.flags / max(len(self.ended), 1)

    def milliseconds(self, percent: float) -> float:
        """A percentile of how long an answer took."""
        return float(np.percentile(self.took, percent)) * 1e3 if self.took else float("nan")


def send(port: int, path: str, bodies: Sequence[bytes], connections: int) -> Load:
    """Post every body once to 127.0.0.1, over so many connections; each waits for its answer."""
    requests = iter([_request(path, body) for body in bodies])
    try:
        import uvloop

        run = uvloop.run
    except ImportError:
        run = asyncio.run
    load: Load = run(_send(port, requests, connections))
    return load


def _request(path: str, body: bytes) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", "content-type: application/json"]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


async def _send(port: int, requests: Iterator[bytes], connections: int) -> Load:
    loop = asyncio.get_running_loop()
    load = Load()
    begun = time.perf_counter()
    made = [
        (await loop.create_connection(lambda: _Connection(requests, load, begun), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(connection.done for connection in made))
    return load


class _Connection(asyncio.Protocol):
    """One connection; answers carry a content-length, as ours do."""

    def __init__(self, requests: Iterator[bytes], load: Load, begun: float) -> None:
        self._requests, self._load, self._begun = requests, load, begun
        self._read = b""
        self._sent = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first."""
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        """Take an answer when it is whole, and send the next request."""
        self._read += data
        head, found, rest = self._read.partition(b"\r\n\r\n")
        if not found:
            return
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(rest) < length:
            return
        now = time.perf_counter()
        self._load.took.append(now - self._sent)
        self._load.ended.append(now - self._begun)
        self._load.statuses[int(head[9:12])] += 1
        self._load.flags += _FLAGGED in rest
        self._read = b""
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        """A server that closes early loses the request that was under way."""
        if not self.done.done():
            self._load.lost += 1
            self.done.set_result(None)

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            with contextlib.suppress(asyncio.InvalidStateError):
                self.done.set_result(None)
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)  # type: ignore[attr-defined]
