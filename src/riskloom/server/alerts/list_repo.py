"""SQL of lists of alerts: narrowed and page by page, the most valuable that waits, and counts of queues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, Row

from riskloom.domain.alert import AlertState
from riskloom.server.alerts.repo import ran_out
from riskloom.server.alerts.tables import IS_CLOSED, IS_OPEN, alerts
from riskloom.server.db import reading
from riskloom.server.decisions.record import as_text

DAY_US = 86_400_000_000
CLAIMED, SNOOZED = AlertState.CLAIMED.value, AlertState.SNOOZED.value


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; None asks for nothing, and no states for those that are not closed."""

    states: tuple[AlertState, ...] = ()
    queue: str | None = None
    severity: str | None = None
    reason: str | None = None
    entity_key: str | None = None
    claimed_by: str | None = None
    min_amount_minor: int | None = None
    since_us: int | None = None
    until_us: int | None = None
    by_time: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What part of a list is asked for: behind the alert with this id and priority, None for the first."""

    limit: int
    after: int | None = None
    priority: float = 0.0


@dataclass(frozen=True, slots=True)
class Reach:
    """What somebody may be given: of which queues (None: of any but `never`), up to which amount."""

    queues: tuple[str, ...] | None
    never: tuple[str, ...] = ()
    limit_minor: int | None = None


class AlertListRepo:
    """Lists of one scenario's alerts in one database."""

    def __init__(self, engine: Engine, scenario: str) -> None:
        self._engine = engine
        self._scenario = scenario
        self._position = sa.func.strpos if engine.dialect.name == "postgresql" else sa.func.instr

    def page(self, narrowed: Filter, page: Page, now_us: int) -> list[Row[Any]]:
        """Alerts, most valuable first, or opened last first."""
        query = sa.select(alerts).where(alerts.c.scenario == self._scenario)
        query = query.where(*self._conditions(narrowed, now_us))
        if narrowed.by_time:
            query = query.order_by(sa.desc(alerts.c.id))
            if page.after is not None:
                query = query.where(alerts.c.id < page.after)
        else:
            query = query.order_by(sa.desc(alerts.c.priority), alerts.c.id)
            if page.after is not None:
                lower = alerts.c.priority < page.priority
                query = query.where(
                    alerts.c.priority <= page.priority, sa.or_(lower, alerts.c.id > page.after)
                )
        with reading(self._engine) as connection:
            return list(connection.execute(query.limit(page.limit)))

    def most_valuable(self, reach: Reach, now_us: int) -> int | None:
        """The alert to work on next that nobody has."""
        query = sa.select(alerts.c.id).where(alerts.c.scenario == self._scenario, IS_OPEN, _waits(now_us))
        if reach.queues is not None:
            query = query.where(alerts.c.queue.in_(reach.queues))
        elif reach.never:
            query = query.where(alerts.c.queue.not_in(reach.never))
        if reach.limit_minor is not None:
            amount = alerts.c.amount_minor
            query = query.where(sa.or_(amount.is_(None), amount <= reach.limit_minor))
        with reading(self._engine) as connection:
            found = connection.execute(
                query.order_by(sa.desc(alerts.c.priority), alerts.c.id).limit(1)
            ).scalar()
        return None if found is None else int(found)

    def counts(self, now_us: int) -> list[tuple[str, AlertState, int, int]]:
        """(queue, state, how many, when the oldest was opened) of what is not closed."""
        own = sa.select(
            alerts.c.queue, alerts.c.state, sa.func.count(), sa.func.min(alerts.c.opened_at_us)
        ).where(alerts.c.scenario == self._scenario, IS_OPEN)
        lasting = alerts.c.state.in_([AlertState.OPEN, AlertState.ESCALATED])
        plain = own.where(lasting).group_by(alerts.c.queue, alerts.c.state)
        state = sa.case((ran_out(now_us), AlertState.OPEN.value), else_=alerts.c.state).label("now")
        timed = (
            sa.select(alerts.c.queue, state, sa.func.count(), sa.func.min(alerts.c.opened_at_us))
            .where(alerts.c.scenario == self._scenario, IS_OPEN, alerts.c.state.in_([CLAIMED, SNOOZED]))
            .group_by(alerts.c.queue, state)
        )
        found: dict[tuple[str, str], tuple[int, int]] = {}
        with reading(self._engine) as connection:
            for queue, name, count, oldest in [*connection.execute(plain), *connection.execute(timed)]:
                before = found.get((queue, name), (0, int(oldest)))
                found[queue, name] = (before[0] + int(count), min(before[1], int(oldest)))
        return [(queue, AlertState(name), *told) for (queue, name), told in sorted(found.items())]

    def closed_since(self, since_us: int) -> list[tuple[str, AlertState, int]]:
        """(queue, state, how many) of what was closed since then."""
        query = (
            sa.select(alerts.c.queue, alerts.c.state, sa.func.count())
            .where(alerts.c.scenario == self._scenario, IS_CLOSED, alerts.c.closed_at_us >= since_us)
            .group_by(alerts.c.queue, alerts.c.state)
        )
        with reading(self._engine) as connection:
            return [(row[0], AlertState(row[1]), int(row[2])) for row in connection.execute(query)]

    def _conditions(self, narrowed: Filter, now_us: int) -> Iterator[sa.ColumnElement[bool]]:
        yield from _of_states(narrowed.states, now_us)
        if narrowed.claimed_by is not None:
            held = sa.and_(alerts.c.state == CLAIMED, alerts.c.lease_until_us > now_us)
            yield sa.and_(IS_OPEN, held, alerts.c.claimed_by == narrowed.claimed_by)
        equal = (
            (alerts.c.queue, narrowed.queue),
            (alerts.c.severity, narrowed.severity),
            (alerts.c.entity_key, narrowed.entity_key),
        )
        for column, value in equal:
            if value is not None:
                yield column == value
        if narrowed.reason is not None:
            yield self._position(alerts.c.reasons, as_text(narrowed.reason)) > 0
        if narrowed.min_amount_minor is not None:
            yield alerts.c.amount_minor >= narrowed.min_amount_minor
        if narrowed.since_us is not None:
            yield alerts.c.opened_at_us >= narrowed.since_us
        if narrowed.until_us is not None:
            yield alerts.c.opened_at_us < narrowed.until_us


def _of_states(states: Sequence[AlertState], now_us: int) -> Iterator[sa.ColumnElement[bool]]:
    """The conditions that an alert is in one of these states now."""
    wanted = {state for state in states if state not in (AlertState.RESOLVED, AlertState.AUTO_CLOSED)}
    closed = [state.value for state in states if state not in wanted]
    if not closed:
        yield IS_OPEN
    if not states:
        return
    parts: list[sa.ColumnElement[bool]] = []
    for state in sorted(wanted):
        if state is AlertState.OPEN:
            parts += [alerts.c.state == state.value, ran_out(now_us)]
        elif state is AlertState.ESCALATED:
            parts.append(alerts.c.state == state.value)
        else:
            parts.append(sa.and_(alerts.c.state == state.value, sa.not_(ran_out(now_us))))
    if closed:
        parts.append(alerts.c.state.in_(closed))
    yield sa.or_(*parts)


def _waits(now_us: int) -> sa.ColumnElement[bool]:
    """Nobody has it, and nobody put it away."""
    return sa.or_(alerts.c.state.in_([AlertState.OPEN, AlertState.ESCALATED]), ran_out(now_us))
