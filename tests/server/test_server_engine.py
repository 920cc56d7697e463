"""The engine and its writer: what was decided is handed over, whatever happens next."""

from __future__ import annotations

import asyncio

import msgspec

from riskloom.server.decisions.repo import TOGETHER
from support.events import history, payment
from support.server import Server


def test_what_was_decided_just_before_the_end_is_committed(server: Server) -> None:
    engine = server.runtime.engine

    async def work() -> None:
        event = engine.read(msgspec.json.encode(payment("last")))
        _, waiting = engine.put(event)
        await engine.stop()
        assert waiting is not None
        await asyncio.wait_for(waiting, 20)

    server.run(work())
    assert server.database.counts() == (1, 1, 1)


def test_batches_of_every_size_are_stored_whole(server: Server) -> None:
    events = iter(history(500))
    total = 0
    for size in (1, 2, 3, TOGETHER - 1, TOGETHER, TOGETHER + 1, 2 * TOGETHER + 5):
        batch = [next(events) for _ in range(size)]
        answers = server.together([("POST", "/api/v1/score", {"json": event}) for event in batch])
        assert {answer.status_code for answer in answers} == {200}
        total += size
        assert server.database.counts() == (total, total, total)
