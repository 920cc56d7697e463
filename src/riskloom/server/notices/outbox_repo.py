"""SQL of the relay: what is due is taken under a lease, what came of it is marked, in one transaction.

One relay takes at a time, of all processes (SQLite has one writer; PostgreSQL an advisory lock, and who does
not get it tries later): so rates hold for all of them together and no notice is taken twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from riskloom.domain.alert import SEVERITIES, AlertState
from riskloom.domain.alert_acts import escalate
from riskloom.scenario.scenario import Scenario
from riskloom.server.activities import Activity, record
from riskloom.server.alerts.repo import alert_of
from riskloom.server.alerts.tables import alerts
from riskloom.server.db import locking, reading
from riskloom.server.decisions.record import as_text, decode
from riskloom.server.notices.message import ALERT, DIGEST, Told
from riskloom.server.notices.sla_repo import look_at_clocks
from riskloom.server.notices.tables import IS_PENDING, IS_RUNNING, notice_paces, notices, sla_clocks

LOCK_KEY = 0x4E4F5445  # "NOTE", the PostgreSQL advisory lock of whoever takes
RELAY = "relay"
MINUTE_US = 60_000_000
_LARGEST_DIGEST = 500
_STILL_WAITING = (AlertState.OPEN, AlertState.ESCALATED)
Scenarios = Callable[[], Mapping[str, Scenario]]


@dataclass(frozen=True, slots=True)
class Taken:
    """A notice to be sent now, by this relay alone until its lease runs out."""

    id: int
    channel: str
    attempt: int
    told: Told


class Outcome(NamedTuple):
    """What came of an attempt; `due_at_us` is when to try again, None where there is nothing more to do."""

    id: int
    attempt: int
    state: str
    said: str
    due_at_us: int | None


class Room(NamedTuple):
    """How many notices a channel can be given now, and how many it gets in any minute (0: no limit)."""

    slots: int
    per_minute: int


class OutboxRepo:
    """The outbox of one database, for one relay.

    Parameters
    ----------
    scenarios
        Gives the scenarios that are served now, by name; notices of others wait.
    holder
        The name of the relay, its own.
    """

    def __init__(self, engine: Engine, scenarios: Scenarios, holder: str) -> None:
        self._engine = engine
        self._scenarios = scenarios
        self._holder = holder
        self._is_postgres = engine.dialect.name == "postgresql"

    def is_due(self, channels: Sequence[str], now_us: int) -> bool:
        """Whether there is anything to do: a read, and a cheap one."""
        served = list(self._scenarios())
        waiting = sa.select(notices.c.id).where(
            IS_PENDING, notices.c.channel.in_(channels), notices.c.due_at_us <= now_us
        )
        waiting = waiting.where(notices.c.scenario.in_(served))
        clocks = sa.select(sla_clocks.c.alert_id).where(IS_RUNNING, sla_clocks.c.next_at_us <= now_us)
        clocks = clocks.where(sla_clocks.c.scenario.in_(served))
        with reading(self._engine) as connection:
            return any(connection.execute(query.limit(1)).first() for query in (waiting, clocks))

    def mark_and_take(
        self, outcomes: Sequence[Outcome], rooms: Mapping[str, Room], now_us: int, until_us: int
    ) -> tuple[list[Taken], bool]:
        """Write what came of attempts, then take what is due; (what to send, whether anything was done).

        Raises
        ------
        StoreUnavailable
            Then nothing was written, and nothing is taken.
        """
        with locking(self._engine) as connection:
            self._mark(connection, outcomes, now_us)
            lock = sa.select(sa.func.pg_try_advisory_xact_lock(LOCK_KEY))
            if self._is_postgres and not connection.execute(lock).scalar():
                return [], False
            taking = _Taking(connection, self._scenarios(), now_us)
            taking.look_at_clocks()
            taking.merge_digests()
            taken = [row for name, room in rooms.items() for row in taking.take(name, room)]
            taking.lease([row.id for row in taken], self._holder, until_us)
            return taken, taking.touched > 0

    def _mark(self, connection: Connection, outcomes: Sequence[Outcome], now_us: int) -> None:
        mine = (notices.c.id == sa.bindparam("at"), notices.c.attempts == sa.bindparam("attempt"))
        marked = sa.update(notices).where(*mine, notices.c.holder == self._holder, IS_PENDING)
        rows = [
            {
                "at": one.id,
                "attempt": one.attempt,
                "state": one.state,
                "said": one.said,
                "holder": None,
                "due_at_us": now_us if one.due_at_us is None else one.due_at_us,
                "ended_at_us": now_us if one.due_at_us is None else None,
            }
            for one in outcomes
        ]
        if rows:
            connection.execute(marked, rows)


class _Taking:
    """One transaction of taking."""

    def __init__(self, connection: Connection, scenarios: Mapping[str, Scenario], now_us: int) -> None:
        self._connection = connection
        self._scenarios = scenarios
        self._now_us = now_us
        self.touched = 0
        due = notices.c.due_at_us <= now_us
        self._due = sa.select(notices).where(IS_PENDING, due, notices.c.scenario.in_(list(scenarios)))

    def look_at_clocks(self) -> None:
        """Warn and note breaches."""
        self.touched += look_at_clocks(self._connection, self._scenarios, self._now_us)

    def merge_digests(self) -> None:
        """Make one notice of those that waited to be told together."""
        query = self._due.where(notices.c.digest).order_by(notices.c.id)
        groups: dict[tuple[str, str], list[Row[Any]]] = {}
        for row in self._connection.execute(query.limit(_LARGEST_DIGEST)):
            groups.setdefault((row.scenario, row.channel), []).append(row)
        for (scenario, channel), rows in groups.items():
            self.touched += 1
            key = f"digest:{rows[0].alert_id}:{channel}"
            new = {
                "key": key,
                "scenario": scenario,
                "kind": DIGEST,
                "step": DIGEST,
                "channel": channel,
                "severity": max((row.severity for row in rows), key=SEVERITIES.index),
                "state": "waiting",
                "escalate": False,
                "digest": False,
                "created_at_us": self._now_us,
                "due_at_us": self._now_us,
                "attempts": 0,
                "data": as_text({"scenario": scenario, "alerts": [decode(row.data) for row in rows]}),
            }
            made = self._connection.execute(sa.insert(notices).returning(notices.c.id), new).scalar_one()
            self._end([row.id for row in rows], "merged", "told in a digest", merged_into=made)

    def take(self, channel: str, room: Room) -> Iterator[Taken]:
        """What a channel is to be given now."""
        free_us, most = self._pace(channel, room)
        if most < 1:
            return
        query = self._due.where(notices.c.channel == channel, ~notices.c.digest)
        found = self._connection.execute(query.order_by(notices.c.due_at_us, notices.c.id).limit(most))
        rows = [row for row in found.all() if not self._is_quiet(row)]
        put_aside = self._settle([row for row in rows if row.kind == ALERT and row.step != "0"])
        rows = [row for row in rows if row.id not in put_aside]
        self._keep_pace(channel, room, free_us, len(rows))
        for row in rows:
            told = Told(row.key, row.kind, row.severity, row.created_at_us, decode(row.data))
            yield Taken(row.id, channel, row.attempts + 1, told)

    def lease(self, ids: Sequence[int], holder: str, until_us: int) -> None:
        """Make them this relay's own for a while."""
        if ids:
            self.touched += len(ids)
            given = {"state": "sending", "holder": holder, "due_at_us": until_us}
            leased = sa.update(notices).where(notices.c.id.in_(ids))
            self._connection.execute(leased.values(attempts=notices.c.attempts + 1, **given))

    # ------------------------------------------------------------------------------------- escalation

    def _settle(self, rows: Sequence[Row[Any]]) -> set[int]:
        """Of later steps: end those whose alert somebody saw to, escalate the alerts of the others.

        Returns those that are not to be sent now. An alert that somebody holds at this very moment is left
        for the next time: whoever waits here would hold up decisions.
        """
        if not rows:
            return set()
        asked = sa.select(alerts).where(alerts.c.id.in_({row.alert_id for row in rows}))
        locked = asked.order_by(alerts.c.id).with_for_update(skip_locked=True)
        found = {row.id: row for row in self._connection.execute(locked)}
        escalated: set[int] = set()
        put_aside = {row.id for row in rows if row.alert_id not in found}
        for row in (row for row in rows if row.alert_id in found):
            alert = found[row.alert_id]
            state = alert_of(alert).state_at(self._now_us)
            if state not in _STILL_WAITING:
                self._end([row.id], "cancelled", f"the alert is {state}")
                put_aside.add(row.id)
            elif row.escalate and state is AlertState.OPEN and alert.id not in escalated:
                self._escalate(row, alert)
                escalated.add(alert.id)
        return put_aside

    def _escalate(self, row: Row[Any], stored: Row[Any]) -> None:
        before = alert_of(stored)
        queue = self._scenarios[row.scenario].alerts.queue(before.queue)
        to = (queue.escalates_to if queue is not None else "") or before.queue
        after = escalate(before, RELAY, self._now_us, to)
        values = {
            "state": after.state.value,
            "queue": after.queue,
            "claimed_by": None,
            "lease_until_us": None,
            "snoozed_until_us": None,
            "changed_at_us": after.changed_at_us,
        }
        self._connection.execute(sa.update(alerts).where(alerts.c.id == after.id).values(values))
        detail = {"step": int(row.step), "from": before.queue, "to": to, "reason": "nobody claimed it"}
        done = Activity("alert.escalated", after.entity_key or None, after.id, after.case_id, detail)
        record(self._connection, row.scenario, self._now_us, RELAY, done)

    # ------------------------------------------------------------------------------------------ rates

    def _pace(self, channel: str, room: Room) -> tuple[int, int]:
        """(until when the channel's time is used up, how many it can be given)."""
        if not room.per_minute:
            return self._now_us, room.slots
        query = sa.select(notice_paces.c.free_at_us).where(notice_paces.c.channel == channel)
        free_us = max(self._now_us, self._connection.execute(query).scalar() or 0)
        burst, interval_us = pace_of(room.per_minute)
        most = (burst * interval_us - (free_us - self._now_us)) // interval_us
        return free_us, min(room.slots, most)

    def _keep_pace(self, channel: str, room: Room, free_us: int, count: int) -> None:
        if not room.per_minute or not count:
            return
        used = {"free_at_us": free_us + count * pace_of(room.per_minute)[1]}
        changed = sa.update(notice_paces).where(notice_paces.c.channel == channel).values(used)
        if not self._connection.execute(changed).rowcount:
            self._connection.execute(sa.insert(notice_paces), {"channel": channel, **used})

    # ------------------------------------------------------------------------------------------- rows

    def _is_quiet(self, row: Row[Any]) -> bool:
        """Whether nobody is to be told of it now; then it is due when the quiet hours end."""
        free_us = self._scenarios[row.scenario].notices.free_at(self._now_us, row.severity)
        if free_us <= self._now_us:
            return False
        self.touched += 1
        held = sa.update(notices).where(notices.c.id == row.id)
        said = "held until the quiet hours end"
        self._connection.execute(held.values(due_at_us=free_us, state="waiting", said=said))
        return True

    def _end(self, ids: Sequence[int], state: str, said: str, *, merged_into: int | None = None) -> None:
        self.touched += len(ids)
        ended = sa.update(notices).where(notices.c.id.in_(ids))
        self._connection.execute(
            ended.values(state=state, said=said, ended_at_us=self._now_us, merged_into=merged_into)
        )


def pace_of(per_minute: int) -> tuple[int, int]:
    """(how many at once, microseconds for each further one), so that no minute sees more than `per_minute`.

    >>> pace_of(60), pace_of(1)
    ((30, 2000000), (1, 60000000))
    """
    burst = max(1, per_minute // 2)
    return burst, MINUTE_US // max(1, per_minute - burst)
