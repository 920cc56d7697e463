"""An outbox to fill and to empty: alerts as decisions open them, and a relay over real receivers."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from riskloom.clock import FixedClock
from riskloom.domain.alert import Alert, AlertState
from riskloom.domain.decision import Outcome
from riskloom.scenario.load import load_scenario
from riskloom.scenario.scenario import Scenario
from riskloom.server.alerts.tables import activities, alerts
from riskloom.server.db import database_url, open_engine, upgrade
from riskloom.server.notices.channels import Channels, open_channels
from riskloom.server.notices.plan import NoticePlan
from riskloom.server.notices.tables import notices
from riskloom.server.relay import Pace, Relay
from riskloom.server.statements import STATEMENTS
from support.databases import Database
from support.scenarios import SMALL

NOON_US = 1_795_176_000_000_000  # Friday, 20 November 2026, 12:00 UTC
MINUTE_US = 60_000_000
SECRET = "a-secret-of-24-characters"  # noqa: S105 - of the tests


def scenario(folder: Path, text: str) -> Scenario:
    """A small scenario with these notices."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scenario.yaml").write_text(SMALL + "\nnotices: notices.yaml\n")
    (folder / "notices.yaml").write_text(text)
    return load_scenario(folder)


def alert(number: int, now_us: int = NOON_US, **values: Any) -> Alert:
    """An alert just opened."""
    made = Alert(
        id=number,
        scenario="small",
        entity="user_id",
        entity_key=f"u-{number}",
        state=AlertState.OPEN,
        queue="all",
        severity="high",
        reasons=("HIGH_AMOUNT",),
        outcome=Outcome.FLAGGED,
        priority=1.0,
        amount_minor=120_050,
        events=1,
        first_arrival=number,
        last_arrival=number,
        opened_at_us=now_us,
        changed_at_us=now_us,
    )
    return replace(made, **values)


def row_of(one: Alert) -> dict[str, Any]:
    """The row of an alert."""
    return {
        **{name: getattr(one, name) for name in Alert.__slots__},
        "reasons": '["HIGH_AMOUNT"]',
        "outcome": 1,
        "expected_loss": 1.0,
        "urgency": 1.0,
        "first_at_us": one.opened_at_us,
        "last_at_us": one.opened_at_us,
    }


class Outbox:
    """The outbox of a scenario in a database of its own."""

    def __init__(self, database: Database, folder: Path, text: str) -> None:
        self.engine: Engine = open_engine(database_url(database.url))
        upgrade(self.engine)
        self.scenario = scenario(folder, text)
        self.clock = FixedClock(NOON_US)
        self.folder = folder
        self.plan = NoticePlan(lambda: self.scenario)
        self._opened: list[Channels] = []

    def open(self, *opened: Alert) -> None:
        """Open alerts: the alert and what follows from it, in one transaction."""
        with self.engine.begin() as connection:
            for one in opened:
                connection.execute(sa.insert(alerts), row_of(one))
                for name, row in self.plan.of_alert(one, one.opened_at_us):
                    statement = STATEMENTS[name]
                    values = dict(zip(statement.columns, row, strict=True))
                    connection.execute(sa.insert(statement.table), values)

    def relay(self, channels: str, **pace: Any) -> Relay:
        """A relay to these channels (JSON)."""
        named = open_channels(channels, self.folder)
        self._opened.append(named)
        given = {"first_pause_us": 1_000_000, **pace}
        return Relay(self.engine, named, lambda: {"small": self.scenario}, self.clock, pace=Pace(**given))

    def deliver(self, relay: Relay, minutes: Iterable[float] = (0,)) -> None:
        """Let a relay do what is due, at each of these minutes after noon."""

        async def work() -> None:
            for minute in minutes:
                self.clock.time_us = NOON_US + round(minute * MINUTE_US)
                while await relay.round() or relay.busy:
                    await relay.settle()

        self.run(work())

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something, then close every connection."""

        async def all_of_it() -> None:
            try:
                await asyncio.wait_for(work, 60)
            finally:
                for channels in self._opened:
                    await channels.close()

        asyncio.run(all_of_it())

    def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        """These columns of all notices, in order."""
        with self.engine.connect() as connection:
            query = sa.select(*(notices.c[name] for name in columns)).order_by(notices.c.id)
            return [tuple(row) for row in connection.execute(query)]

    def move(self, number: int, **values: Any) -> None:
        """Change an alert as somebody at work does."""
        with self.engine.begin() as connection:
            connection.execute(sa.update(alerts).where(alerts.c.id == number).values(values))
            if values.get("state") == "claimed":
                connection.execute(
                    sa.insert(activities),
                    {
                        "scenario": "small",
                        "at_us": self.clock.now_us(),
                        "actor": "ann",
                        "kind": "alert.claimed",
                        "alert_id": number,
                        "detail": "{}",
                    },
                )

    def done(self) -> Sequence[tuple[str, str]]:
        """What was recorded: actor and kind."""
        with self.engine.connect() as connection:
            query = sa.select(activities.c.actor, activities.c.kind).order_by(activities.c.id)
            return [(row[0], row[1]) for row in connection.execute(query)]
