"""The filter of ids: it may ask the database too often, never too seldom."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given, settings
from hypothesis import strategies as st

from riskloom.bundle import Bundle
from riskloom.errors import StoreUnavailable
from riskloom.server.decisions.repo import DecisionRepo
from riskloom.server.ids import RECENT, RecentIds, SeenIds
from support.databases import Database
from support.events import burst, payment
from support.server import Server, serving

IDS = st.lists(st.text(min_size=1, max_size=4), max_size=60)


async def learned(seen: SeenIds, chunks: list[list[str]]) -> None:
    seen.begin(lambda: chunks)
    assert seen._reading is not None
    await seen._reading


@settings(max_examples=40, deadline=None)
@given(stored=st.lists(IDS, max_size=4), added=IDS, others=IDS)
def test_it_never_calls_a_stored_id_new(stored: list[list[str]], added: list[str], others: list[str]) -> None:
    seen = SeenIds()
    for event_id in added[::2]:
        seen.add(event_id)
    asyncio.run(learned(seen, stored))
    for event_id in added[1::2]:
        seen.add(event_id)
    known = {event_id for chunk in stored for event_id in chunk} | set(added)
    assert all(seen.may_hold(event_id) for event_id in known)
    strangers = [event_id for event_id in others if event_id not in known]
    assert sum(seen.may_hold(event_id) for event_id in strangers) <= 1


def test_until_it_has_learned_any_id_may_be_stored() -> None:
    seen = SeenIds()
    assert seen.may_hold("new")
    asyncio.run(learned(seen, []))
    assert not seen.may_hold("new")


def test_of_a_million_ids_hardly_a_new_one_is_doubted() -> None:
    seen = SeenIds()
    asyncio.run(learned(seen, [[f"{part}-{n}" for n in range(50_000)] for part in range(20)]))
    assert all(seen.may_hold(f"7-{n}") for n in range(0, 50_000, 97))
    assert sum(seen.may_hold(f"new-{n}") for n in range(50_000)) < 50


def test_learning_again_forgets_what_was_half_learned() -> None:
    gate = threading.Event()

    def slow() -> Iterator[list[str]]:
        yield ["a"]
        gate.wait(10)
        yield ["b"]

    async def work() -> None:
        seen = SeenIds()
        seen.begin(slow)
        await asyncio.sleep(0)
        first = seen._reading
        seen.begin(lambda: [["a"], ["b"], ["c"]])
        gate.set()
        assert first is not None
        await first
        assert seen.may_hold("new"), "the first reading was given up"
        assert seen._reading is not None
        await seen._reading
        assert [seen.may_hold(event_id) for event_id in ("a", "b", "c", "new")] == [True, True, True, False]

    asyncio.run(work())


def test_a_database_that_cannot_be_read_leaves_it_asking() -> None:
    def broken() -> Iterator[list[str]]:
        yield ["a"]
        raise StoreUnavailable("gone")

    async def work() -> None:
        seen = SeenIds()
        seen.begin(broken)
        await seen.end()
        assert seen.may_hold("new")

    asyncio.run(work())


def test_new_events_need_no_look_up_and_old_ones_are_found(database: Database, bundle: Bundle) -> None:
    asked: list[str] = []
    with serving(database, bundle) as server:
        server.post("/api/v1/score/batch", {"events": burst(20)})
    with serving(database, bundle) as server:
        reading = server.runtime.engine._seen._reading
        assert reading is not None

        async def finished() -> None:
            await asyncio.wait({reading})

        server.run(finished())
        repo = server.runtime.engine.repo
        original = DecisionRepo.arrival_of

        def noting(event_id: str) -> int | None:
            asked.append(event_id)
            return original(repo, event_id)

        repo.arrival_of = noting  # type: ignore[method-assign]
        for n in range(50):
            server.score(payment(f"new-{n}", user_id=f"u-{n}"))
        assert len(asked) <= 1
        asked.clear()
        for event in burst(20):
            server.score(event)
        assert asked == [f"b-{n}" for n in range(20)]
        assert database.counts() == (70, 70, 70)


def test_recent_ids_are_named_and_old_ones_asked_for() -> None:
    recent = RecentIds()
    for arrival in range(1, RECENT + 11):
        recent.add(arrival, f"e-{arrival}")
    known, missing = recent.of([1, 10, 11, RECENT + 10, RECENT + 11])
    assert known == {11: "e-11", RECENT + 10: f"e-{RECENT + 10}"}
    assert missing == [1, 10, RECENT + 11]


def test_look_ups_of_several_threads_do_not_mix(server: Server) -> None:
    """Pages name their events on other threads than events come in on, by the same bare cursor."""
    for event in burst(20):
        server.score(event)
    repo = server.runtime.engine.repo
    repo.close()

    def ask(number: int) -> bool:
        at = number % 20
        if number % 2:
            return repo.event_ids([at + 1]) == {at + 1: f"b-{at}"}
        return repo.arrival_of(f"b-{at}") == at + 1

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(2_000)))
