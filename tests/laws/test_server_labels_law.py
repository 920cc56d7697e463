"""Events and labels in any order, with restarts in between: every vector is the calm and the offline one."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from riskloom.bundle import Bundle
from riskloom.clock import FixedClock
from riskloom.domain.event import Event
from riskloom.features.state import Told
from riskloom.pipeline import Pipeline
from riskloom.server.db import database_url, open_engine
from riskloom.server.decisions.repo import DecisionRepo
from riskloom.server.rebuild import Snapshots, rebuild
from support.databases import Database
from support.events import NOW_US
from support.labelled import label, labelled_bundle, small_payment
from support.replay import check_log
from support.server import Server, serving

SOURCES = ("chargeback", "analyst", "customer", "rule")


def check_offline(database: Database, bundle: Bundle) -> int:
    """How many stored vectors hold frauds, after checking that all are those of one offline computation."""
    rows = database.rows(
        "select arrival, event_id, event_time_us, arrived_at_us, fields, vector from events order by arrival"
    )
    events = [Event(row[1], row[2], row[3], msgspec.json.decode(row[4]), {}) for row in rows]
    arrivals = [row[0] for row in rows]
    pipeline = Pipeline(bundle)
    facts = []
    for arrival, about, truth in database.rows("select arrival, about, truth from labels order by arrival"):
        at = arrivals.index(about)
        before = sum(number < arrival for number in arrivals)
        facts.append(
            Told(before, events[at].time_us, pipeline.values_of(events[at]), 1_000 + at, bool(truth))
        )
    vectors, _, _ = pipeline.compute_many(events, 1_000, facts)
    assert vectors.tobytes() == b"".join(bytes(row[5]) for row in rows)
    frauds = bundle.scenario.feature_names.index("merchant_share")
    return int((np.nan_to_num(vectors[:, frauds]) > 0).sum())


class Day:
    """A random day: payments, some late, and labels of any of them."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.clock = FixedClock(NOW_US)
        self.sent = 0

    def go_on(self, server: Server, steps: int) -> None:
        """Some steps of the day."""
        for _ in range(steps):
            self.clock.time_us += self.chance.randrange(90_000_000)
            if self.sent and self.chance.random() < 0.4:
                numbers = [self.chance.randrange(self.sent) for _ in range(self.chance.randrange(1, 5))]
                labels = [
                    label(number, self.chance.random() < 0.7, self.chance.choice(SOURCES))
                    for number in numbers
                ]
                answer = server.post("/api/v1/labels", labels)
                assert all("arrival" in one for one in answer.json()["results"])
            else:
                count = self.chance.randrange(1, 4)
                late_s = self.chance.choice([0, 0, 0, 30, 3_000])
                seconds = (self.clock.time_us - NOW_US) / 1e6 - late_s
                where = self.chance.choice(["m-0", "m-1", None])
                user = self.chance.choice(["ann", "bob"])
                events = [
                    small_payment(self.sent + n, max(seconds, 0), user_id=user, merchant_id=where)
                    for n in range(count)
                ]
                server.post("/api/v1/score/batch", events)
                self.sent += count


def snapshot_beside(database: Database, bundle: Bundle) -> None:
    """What the snapshot job does while the server runs."""
    engine = open_engine(database_url(database.url), pool_size=1)
    repo = DecisionRepo(engine, bundle.scenario.name)
    snapshots = Snapshots(database.data_dir, bundle)
    pipeline, arrival = rebuild(repo, bundle, snapshots)
    snapshots.save(repo, pipeline.state, arrival)
    engine.dispose()


@pytest.mark.parametrize(("kind", "seed"), [("sqlite", 1), ("sqlite", 2), ("postgresql", 3)])
def test_restarts_between_events_and_labels_change_no_vector(
    make_database: Callable[[str], Database], tmp_path: Path, kind: str, seed: int
) -> None:
    database, bundle, day = make_database(kind), labelled_bundle(), Day(seed)
    for restart in ("from the snapshot", "from the log", "from an older snapshot", "the last"):
        with serving(database, bundle, clock=day.clock) as server:
            day.go_on(server, 20)
            snapshot_beside(database, bundle)
            (snapshot,) = database.data_dir.rglob("state.npz")
            shutil.copy(snapshot, tmp_path / "older.npz")
            day.go_on(server, 20)
        if restart == "from the log":
            snapshot.unlink()
        elif restart == "from an older snapshot":
            shutil.copy(tmp_path / "older.npz", snapshot)
    assert len(check_log(database, bundle)) == day.sent
    assert check_offline(database, bundle) > 20
