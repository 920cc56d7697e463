"""Budgets and limits of champion, canary and shadows: the same after a restart, and verified."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from riskloom.adapters.bundles import open_store
from riskloom.bundle import Bundle
from riskloom.clock import FixedClock, SystemClock
from riskloom.registry import Registry
from riskloom.replay.verify import Verified
from riskloom.server.replays.service import opened, verify
from support.budgeted import budgeted, hours
from support.databases import KINDS, Database
from support.server import Server, serving

TRIED = "select e.event_id, t.bundle, t.outcome, t.reasons from trials t join events e using (arrival)"
DECIDED = "select e.event_id, d.bundle, d.outcome, d.reasons, d.degraded from decisions d join events e using (arrival)"  # noqa: E501


def verified(database: Database, **more: Any) -> Verified:
    with opened(database.url) as repo:
        return verify(repo, "card_payments", [database.data_dir / "bundles"], **more)


def published(models: Path) -> Registry:
    """Versions 1 to 4: a champion, a milder and a stricter one, and one with a window more."""
    registry = Registry(open_store(models), SystemClock())
    for bundle in (
        budgeted(),
        budgeted(1, percentile=50),
        budgeted(2, per_hour=1),
        budgeted(4, window="6h"),
    ):
        registry.publish(bundle, "ana", "one of four")
    registry.move("card_payments", 1, "champion", "ana", "first")
    return registry


def move(server: Server, version: int, to: str, **more: Any) -> None:
    answer = server.post(f"/api/v1/models/versions/{version}/move", {"to": to, "reason": "x", **more})
    assert answer.json()["problem"] is None, answer.text


class Story:
    """A week of changing versions over one database, in parts; a server may be stopped between any two."""

    moves: tuple[tuple[tuple[int, str, dict[str, Any]], ...], ...] = (
        (),
        ((2, "shadow", {}), (4, "shadow", {})),
        ((3, "canary", {"percent": 40}),),
        ((2, "champion", {}),),
        ((3, "shadow", {}), (4, "canary", {"percent": 50})),
        ((1, "shadow", {}),),
    )

    def __init__(self, database: Database, models: Path) -> None:
        self._database, self._models = database, models
        self._clock = FixedClock(0)
        self._hour = 0
        published(models)

    def serving(self) -> Any:
        return serving(self._database, budgeted(), models=str(self._models), clock=self._clock)

    def part(self, server: Server, number: int) -> None:
        for version, to, more in self.moves[number]:
            move(server, version, to, **more)
        if number == 5:
            assert server.post("/api/v1/models/rollback", {"reason": "back"}).status_code == 200
        for moment_us, event in hours(f"part{number}", 70, number, self._hour):
            self._clock.time_us = moment_us
            server.score(event)
        self._hour += 24

    @property
    def parts(self) -> range:
        return range(6)


def told(database: Database) -> list[list[tuple[Any, ...]]]:
    return [sorted(database.rows(DECIDED)), sorted(database.rows(TRIED))]


@pytest.mark.parametrize("kind", KINDS)
def test_a_restart_between_any_two_parts_changes_no_decision_and_no_trial(
    make_database: Callable[[str], Database], tmp_path: Path, kind: str
) -> None:
    one, many = make_database(kind), make_database("sqlite")
    story = Story(one, tmp_path / "one")
    with story.serving() as server:
        for number in story.parts:
            story.part(server, number)
    again = Story(many, tmp_path / "many")
    for number in again.parts:
        with again.serving() as server:
            again.part(server, number)
    whole, parts = told(one), told(many)
    assert len(whole[0]) == 420
    assert len(whole[1]) > 400
    assert [row[4] for row in whole[0] if "brake" in row[4]], "the limits were reached"
    assert [row[3] for row in whole[0] if '"shadow":"budget"' in row[3]], "the budgets were used up"
    assert [row[3] for row in whole[1] if '"shadow":' in row[3]], "those of shadows, too"
    assert [row[:3] for row in parts[0]] == [row[:3] for row in whole[0]]
    assert [row[:3] for row in parts[1]] == [row[:3] for row in whole[1]]
    for database in (one, many):
        found = verified(database)
        assert found.first == ()
        assert (found.events, found.decisions, found.trials) == (420, 420, len(whole[1]))
        assert found.is_sound
        last = verified(database, last=100)
        assert (last.first, last.decisions, last.is_sound) == ((), 100, True)


def test_what_a_shadow_said_is_verified_too(database: Database, tmp_path: Path) -> None:
    story = Story(database, tmp_path / "models")
    with story.serving() as server:
        for number in range(3):
            story.part(server, number)
    connection = database.connect()
    connection.execute(
        "update trials set outcome = (outcome + 1) % 3 where arrival = (select max(arrival) from trials)"
    )
    connection.close()
    assert {one.what.split(" ")[0] for one in verified(database).first} == {"trial"}


def test_a_budget_counts_what_was_done_whoever_did_it(database: Database, tmp_path: Path) -> None:
    """Canary and champion share the day: together they flag no more entities than either's budget."""

    def same(percentile: float) -> Bundle:
        return budgeted(4, percentile=percentile, rules=False)

    registry = Registry(open_store(tmp_path / "models"), SystemClock())
    registry.publish(same(55), "ana", "x")
    registry.publish(same(50), "ana", "x")
    registry.move("card_payments", 1, "champion", "ana", "x")
    clock = FixedClock(0)
    with serving(database, same(55), models=str(tmp_path / "models"), clock=clock) as server:
        move(server, 2, "canary", percent=50)
        for moment_us, event in hours("a", 70, 3):
            clock.time_us = moment_us
            server.score(event)
    rows = database.rows(
        "select distinct e.entity_key from events e join decisions d using (arrival) where d.outcome > 0"
    )
    deciders = database.rows("select distinct bundle from decisions")
    assert len(deciders) == 2
    assert len(rows) == 4
