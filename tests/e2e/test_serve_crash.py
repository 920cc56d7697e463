"""Killed under load, again and again: what was acknowledged is there once and whole, and the state goes
on as if never killed."""

from __future__ import annotations

import random
import time

import pytest

from riskloom.bundle import Bundle
from support.databases import KINDS, Database
from support.process import Load, serve
from support.replay import check_log

pytestmark = pytest.mark.e2e


def killed_again_and_again(database: Database, bundle: Bundle, times: int, seed: int) -> None:
    """Load, SIGKILL, restart and retry, so many times; sometimes an orderly end lies between."""
    chance = random.Random(seed)
    load = Load()
    for _ in range(times):
        with serve(database) as process:
            load.retry(process)
            before = len(load.acknowledged)
            threads = load.start(process)
            load.wait_for(before + 50, "acknowledged")
            time.sleep(chance.uniform(0, 0.8))
            process.kill()
            for thread in threads:
                thread.join(30)
        assert load.refused == []
        stored = {row[1]: row[0] for row in database.rows("select arrival, event_id from events")}
        assert {event_id: stored.get(event_id) for event_id in load.acknowledged} == load.acknowledged
        if chance.random() < 0.3:
            with serve(database) as process, process.client() as client:
                assert client.get("/api/v1/readiness").json()["ready"]
    with serve(database) as process:
        load.retry(process)
    assert sorted(check_log(database, bundle)) == sorted(load.sent)
    assert [row[0] for row in database.rows("select arrival from events order by arrival")] == list(
        range(1, len(load.sent) + 1)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_killed_under_load_loses_nothing_it_acknowledged(
    make_database: object, bundle: Bundle, kind: str
) -> None:
    killed_again_and_again(make_database(kind), bundle, times=1, seed=1)  # type: ignore[operator]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "times"), [("sqlite", 10), ("postgresql", 4)])
def test_a_server_killed_many_times_loses_nothing_it_acknowledged(
    make_database: object, bundle: Bundle, kind: str, times: int
) -> None:
    killed_again_and_again(make_database(kind), bundle, times=times, seed=2)  # type: ignore[operator]
