"""The rate table changes by API or by file; what was taken in before keeps the rate of its day."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from riskloom.bundle import Bundle, make_bundle
from riskloom.clock import FixedClock
from riskloom.scenario.load import load_scenario, scenario_from_parts
from riskloom.server.replays.service import opened, verify
from support.databases import Database
from support.events import NOW_US, at, payment
from support.server import Server, faults, serving

DAY_S = 86_400
OLD = {"base": "USD", "rates": [{"date": "2025-01-01", "EUR": "1.5"}]}
NEW = {"base": "USD", "rates": [{"date": "2025-01-01", "EUR": "2"}, {"date": "2026-01-02", "EUR": "4"}]}


def with_rates(rates: dict[str, Any]) -> Bundle:
    parts = json.loads(json.dumps(dict(load_scenario("card_payments").parts)))
    return make_bundle(scenario_from_parts({**parts, "rates": rates}), None)


def euros(event_id: str, day: int = 0) -> dict[str, Any]:
    return payment(event_id, amount=10, currency="EUR", timestamp=at(day * DAY_S))


def cents(database: Database) -> dict[str, int]:
    rows = database.rows("select event_id, fields from events order by arrival")
    return {row[0]: json.loads(row[1])["amount"] for row in rows}


def check(server: Server, database: Database, clock: FixedClock, change: Any) -> None:
    """Where the table changes in the middle nobody's amount moves; what is sent again is the same event."""
    first = server.score(euros("before"))
    change(server)
    assert server.get("/api/v1/rates").json() == json.loads(
        json.dumps(with_rates(NEW).scenario.parts["rates"])
    )
    clock.time_us = NOW_US + 2 * DAY_S * 1_000_000
    server.score(euros("after"))
    server.score(euros("next-day", 1))
    again = server.score(euros("before"))
    assert (again["arrival"], again["decided_at"]) == (first["arrival"], first["decided_at"])
    assert cents(database) == {"before": 1_500, "after": 2_000, "next-day": 4_000}


def test_a_table_sent_to_the_server_holds_from_the_champion_on(database: Database, tmp_path: Path) -> None:
    clock = FixedClock(NOW_US)

    def change(server: Server) -> None:
        made = server.post("/api/v1/policies", {"rates": NEW, "reason": "the new year"})
        assert made.status_code == 201, made.text
        assert server.get("/api/v1/rates").json()["rates"][0]["EUR"] == "1.5"
        moved = server.post("/api/v1/models/versions/2/move", {"to": "champion", "reason": "now"}).json()
        assert moved["problem"] is None

    with serving(database, with_rates(OLD), models=str(tmp_path / "models"), clock=clock) as server:
        check(server, database, clock, change)
    with opened(database.url) as repo:
        found = verify(repo, "card_payments", [database.data_dir / "bundles"])
    assert (found.first, found.decisions, found.is_sound) == ((), 3, True)


def test_a_table_in_a_file_holds_from_the_next_start_on(database: Database) -> None:
    clock = FixedClock(NOW_US)
    with serving(database, with_rates(OLD), clock=clock) as server:
        server.score(euros("before"))
    with serving(database, with_rates(NEW), clock=clock) as server:
        check(server, database, clock, lambda _server: None)


def test_every_fault_of_a_table_is_named(database: Database, tmp_path: Path) -> None:
    bad = {"base": "USD", "rates": [{"date": "soon", "EUR": 1}, {"date": "2026-01-01", "EUR": -1}]}
    with serving(database, with_rates(OLD), models=str(tmp_path / "models")) as server:
        answer = server.post("/api/v1/policies", {"rates": bad, "reason": "x"})
    assert {where.rpartition(".")[2] for where in faults(answer, "scenario_invalid")} == {"date", "EUR"}
