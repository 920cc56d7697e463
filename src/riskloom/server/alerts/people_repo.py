"""SQL of analysts and of suppressions."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, Row

from riskloom.domain.analyst import Analyst
from riskloom.errors import NotFound
from riskloom.server.activities import Activity, record
from riskloom.server.alerts.suppressions import Suppression
from riskloom.server.alerts.tables import analysts, suppressed, suppressions
from riskloom.server.db import locking, reading
from riskloom.server.decisions.record import as_text, decode


class PeopleRepo:
    """Analysts and suppressions of one scenario."""

    def __init__(self, engine: Engine, scenario: str) -> None:
        self._engine = engine
        self._scenario = scenario

    # ---------------------------------------------------------------- analysts

    def analyst(self, name: str) -> Analyst | None:
        """What is known of somebody."""
        return next((one for one in self.analysts() if one.name == name), None)

    def analysts(self) -> list[Analyst]:
        """Everybody of whom something is known, by name."""
        query = sa.select(analysts).where(analysts.c.scenario == self._scenario).order_by(analysts.c.name)
        with reading(self._engine) as connection:
            return [
                Analyst(row.name, tuple(decode(row.skills)), row.limit_minor, tuple(decode(row.queues)))
                for row in connection.execute(query)
            ]

    def keep(self, analyst: Analyst, actor: str, now_us: int) -> None:
        """Keep what is to be known of somebody, in the place of what was."""
        own = sa.and_(analysts.c.scenario == self._scenario, analysts.c.name == analyst.name)
        values = {
            "skills": as_text(analyst.skills),
            "limit_minor": analyst.limit_minor,
            "queues": as_text(analyst.queues),
            "changed_at_us": now_us,
        }
        detail = {"name": analyst.name, "skills": analyst.skills, "queues": analyst.queues}
        with locking(self._engine) as connection:
            if connection.execute(sa.update(analysts).where(own).values(values)).rowcount == 0:
                named = {"scenario": self._scenario, "name": analyst.name}
                connection.execute(sa.insert(analysts).values({**named, **values}))
            record(
                connection,
                self._scenario,
                now_us,
                actor,
                Activity("analyst.kept", detail={**detail, "limit_minor": analyst.limit_minor}),
            )

    # ---------------------------------------------------------------- suppressions

    def suppress(
        self, entity_key: str | None, rule: str | None, until_us: int, reason: str, actor: str, now_us: int
    ) -> Suppression:
        """Keep a suppression from now on."""
        values = {
            "scenario": self._scenario,
            "entity_key": entity_key,
            "rule": rule,
            "reason": reason,
            "author": actor,
            "made_at_us": now_us,
            "until_us": until_us,
        }
        with locking(self._engine) as connection:
            made = connection.execute(sa.insert(suppressions).values(values)).inserted_primary_key
            number = int(made[0]) if made is not None else 0
            detail = {"suppression": number, "rule": rule, "until_us": until_us, "reason": reason}
            done = Activity("suppression.made", entity_key, detail=detail)
            record(connection, self._scenario, now_us, actor, done)
        return Suppression(number, entity_key, rule, until_us)

    def end(self, suppression_id: int, actor: str, now_us: int) -> None:
        """Let a suppression hold no more.

        Raises
        ------
        NotFound
            When none with this id holds.
        """
        own = sa.and_(
            suppressions.c.scenario == self._scenario,
            suppressions.c.id == suppression_id,
            suppressions.c.ended_at_us.is_(None),
            suppressions.c.until_us > now_us,
        )
        with locking(self._engine) as connection:
            row = connection.execute(sa.select(suppressions).where(own).with_for_update()).first()
            if row is None:
                raise NotFound(f"No suppression {suppression_id} holds here.")
            ended = {"ended_by": actor, "ended_at_us": now_us}
            connection.execute(sa.update(suppressions).where(own).values(ended))
            done = Activity("suppression.ended", row.entity_key, detail={"suppression": suppression_id})
            record(connection, self._scenario, now_us, actor, done)

    def suppressions(self, now_us: int | None, limit: int) -> list[tuple[Row[Any], int]]:
        """(suppression, how many decisions raised no alert because of it), made last first; with a time only
        those that hold then."""
        count = (
            sa.select(sa.func.count())
            .select_from(suppressed)
            .where(suppressed.c.suppression_id == suppressions.c.id)
            .scalar_subquery()
        )
        query = sa.select(suppressions, count.label("suppressed")).where(
            suppressions.c.scenario == self._scenario
        )
        if now_us is not None:
            query = query.where(suppressions.c.until_us > now_us, suppressions.c.ended_at_us.is_(None))
        with reading(self._engine) as connection:
            found = connection.execute(query.order_by(sa.desc(suppressions.c.id)).limit(limit))
            return [(row, int(row.suppressed)) for row in found]
