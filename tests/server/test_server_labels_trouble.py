"""Labels when commits fail, and history that is taken in behind them."""

from __future__ import annotations

from typing import Any

import pytest

from riskloom.bundle import Bundle
from riskloom.clock import FixedClock
from riskloom.server import recovery
from riskloom.server.decisions.backfill import backfill
from riskloom.server.labels import service
from riskloom.server.settings import Settings
from riskloom.server.writer import Writer
from support.databases import Database
from support.events import NOW_US
from support.labelled import features, label, small_payment, tell
from support.replay import check_log
from support.server import problem, serving


def test_a_commit_that_fails_takes_no_label_and_the_state_forgets_it(
    database: Database, cards: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "PAUSE_S", 0.02)
    commit, failing = Writer._commit, {"how": ""}

    def sometimes(self: Writer, batch: Any) -> None:
        if failing["how"] == "before":
            raise OSError("disk I/O error")
        commit(self, batch)
        if failing["how"] == "after":
            raise OSError("the answer to the commit was lost")

    monkeypatch.setattr(Writer, "_commit", sometimes)
    with serving(database, cards, clock=FixedClock(NOW_US + 3_600_000_000)) as server:
        for number in range(4):
            server.score(small_payment(number))
        for how, stored in (("before", 0), ("after", 3)):
            failing["how"] = how
            lost = server.post("/api/v1/labels", [label(0), label(0), label(2), label(1)])
            problem(lost, 503, "store_unavailable")
            failing["how"] = ""
            server.wait_until_ready()
            assert database.one("select count(*) from labels") == stored
            share = features(server, small_payment(10 + stored, 60 + stored, merchant_id="m-0"))[
                "merchant_share"
            ]
            assert (share == 0) == (stored == 0)
        results = tell(server, label(0), label(2), label(1))
        assert [one["arrival"] for one in results] == [9, 10, 11], (
            "they were stored after all; numbers that were lost are not given again"
        )
    check_log(database, cards)


def test_a_batch_that_breaks_half_way_says_what_was_taken(
    database: Database, cards: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "PAUSE_S", 0.02)
    monkeypatch.setattr(service, "WAVE", 2)
    commit = Writer._commit

    def until_the_ninth_entry(self: Writer, batch: Any) -> None:
        if any(record.arrival == 9 for record in batch):
            raise OSError("disk I/O error")
        commit(self, batch)

    with serving(database, cards, clock=FixedClock(NOW_US + 3_600_000_000)) as server:
        for number in range(6):
            server.score(small_payment(number))
        monkeypatch.setattr(Writer, "_commit", until_the_ninth_entry)
        results = tell(server, label(0), label(1), label(2), label(0), label(99), label(3), label(2))
        assert [result.get("arrival") for result in results[:2]] == [7, 8]
        assert [result["error"]["status"] for result in results[2:]] == [503] * 5
        monkeypatch.setattr(Writer, "_commit", commit)
        server.wait_until_ready()
        results = tell(server, label(0), label(1), label(2), label(0), label(99), label(3), label(2))
        assert [result.get("arrival") for result in results] == [7, 8, 10, 7, None, 11, 10]
    check_log(database, cards)


def test_history_that_is_taken_in_behind_labels_sees_them(database: Database, cards: Bundle) -> None:
    clock = FixedClock(NOW_US + 3_600_000_000)
    with serving(database, cards, clock=clock) as server:
        for number in range(4):
            server.score(small_payment(number))
        tell(server, label(0), label(2))
    schema = cards.scenario.schema()
    history = [
        schema.parse_one(small_payment(number), NOW_US + number * 1_000_000, make_id=str)
        for number in range(4, 8)
    ]
    given = Settings(database_url=database.url, data_dir=str(database.data_dir))
    counts = backfill(given, cards, [history], score=True, clock=clock, on_conflict=print)
    assert (counts.taken, counts.flagged) == (4, 2)
    with serving(database, cards, clock=clock) as server:
        assert server.score(small_payment(8))["arrival"] == 11
    check_log(database, cards)
