"""All at once: events in flight, late, tied and sent twice; labels, lists, switches, rules, models, versions
changed in between; the server killed again and again. Then all that was decided comes out of the log again.

RISKLOOM_VERIFY_EVENTS=100000 makes it the long run that docs/benchmarks.md reports.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from riskloom.adapters.bundles import open_store
from riskloom.bundle import write_bundle
from riskloom.clock import SystemClock
from riskloom.registry import Registry
from support.databases import KINDS, Database
from support.process import run, serve
from support.replay import check_whole
from support.upheaval import Crowd, People, version

pytestmark = pytest.mark.e2e
EVENTS = int(os.environ.get("RISKLOOM_VERIFY_EVENTS", "1500"))
ACTS = 17 if EVENTS < 10_000 else 51
KILL_EVERY = 6
"""Acts between two kills."""


def published(folder: Path) -> str:
    """The champion's bundle; versions 2 to 4 are of another policy, other windows, another model."""
    registry = Registry(open_store(folder / "models"), SystemClock())
    first = version()
    for bundle in (
        first,
        version(40, percentile=70, per_hour=90),
        version(50, window="6h"),
        version(60, trees=30),
    ):
        registry.publish(bundle, "ana", "one of four")
    registry.move("card_payments", 1, "champion", "ana", "the first")
    return str(write_bundle(first, folder / "bundle"))


def upheaval(database: Database, folder: Path, seed: int) -> tuple[Crowd, People, int]:
    """Run all of it; how often the server was killed."""
    bundle, chance = published(folder), random.Random(seed)
    crowd, kills = Crowd(EVENTS, seed), 0
    people = People(crowd, seed)
    words = ("--bundle", bundle, "--registry", str(folder / "models"))
    acts = 0
    while acts < ACTS:
        with serve(
            database, *words, snapshot_events=str(max(EVENTS // 5, 500)), models_poll_s="600"
        ) as process:
            crowd.retry(process)
            threads = crowd.start(process)
            for _ in range(min(KILL_EVERY, ACTS - acts)):
                crowd.allowed = EVENTS * (acts + 1) // ACTS
                people.act(process)
                acts += 1
                wait_until(lambda acts=acts: crowd.acknowledged >= EVENTS * acts // ACTS - 80)
            if acts < ACTS:
                crowd.allowed += EVENTS // ACTS
                last = threading.Thread(target=people.act, args=(process,))
                last.start()
                time.sleep(chance.uniform(0, 1))
                process.kill()
                kills += 1
                last.join(60)
            else:
                wait_until(lambda: len(crowd.sent) >= EVENTS)
            crowd.stopped.set()
            for thread in threads:
                thread.join(60)
            if acts >= ACTS:
                crowd.retry(process)
    return crowd, people, kills


def wait_until(true: Callable[[], bool], most_s: float = 600) -> None:
    deadline = time.monotonic() + most_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_everything_decided_in_an_upheaval_comes_out_of_the_log_again(
    make_database: Callable[[str], Database], tmp_path: Path, kind: str
) -> None:
    database = make_database(kind)
    crowd, people, kills = upheaval(database, tmp_path, seed=7)
    assert kills >= 2
    assert crowd.contradictions == []
    check_whole(database)
    stored = {
        row[0]: (row[1], row[2])
        for row in database.rows(
            "select e.event_id, e.arrival, d.outcome from events e left join decisions d using (arrival)"
        )
    }
    assert stored.keys() == crowd.sent.keys()
    ladder = ("APPROVED", "FLAGGED", "REJECTED")
    assert {name: (stored[name][0], ladder[stored[name][1]]) for name in crowd.decided} == crowd.decided
    assert database.one("select count(*) from decisions") >= len(crowd.decided)
    words = ("replay", "--verify", "--database", database.url, "--data-dir", str(database.data_dir), "--json")
    ran = run(*words, cwd=database.data_dir, timeout_s=3_600)
    found = json.loads(ran.stdout)["card_payments"]
    counts = {
        name: database.one(f"select count(*) from {name}")  # noqa: S608
        for name in ("labels", "policy_changes", "lineups", "trials", "bundles")
    }
    deciders = database.one("select count(distinct bundle) from decisions")
    print(json.dumps({**counts, "deciders": deciders, "kills": kills, "acts": len(people.done), **found}))
    assert found["first"] == []
    assert found["mismatches"] == 0
    assert ran.returncode == 0, ran.stderr
    assert found["events"] == len(crowd.sent) >= EVENTS
    assert found["decisions"] == database.counts()[2]
    assert found["trials"] == counts["trials"] > 0
    assert deciders >= 4
