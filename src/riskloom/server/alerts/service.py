"""What can be done with alerts: read them, take the next one, and every act of a person.

A change of an alert that closes it is first told to the book, on the event loop's thread, and waits for the
events in flight: none joins an alert behind the back of who closes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Row

from riskloom.domain.alert import Alert, Disposition
from riskloom.domain.alert_acts import auto_close, end
from riskloom.domain.analyst import Analyst
from riskloom.domain.show import show_time
from riskloom.errors import Conflict, Forbidden, Held, MoveInvalid, NotFound, RiskloomError
from riskloom.policy.route import AlertSpec, may_work
from riskloom.server.alerts.list_repo import DAY_US, AlertListRepo, Filter, Page, Reach
from riskloom.server.alerts.orders import Order, read_said
from riskloom.server.alerts.people_repo import PeopleRepo
from riskloom.server.alerts.repo import Act, AlertRepo, Step, group_of
from riskloom.server.alerts.view import shown, shown_queue
from riskloom.server.decisions.list_repo import ListRepo
from riskloom.server.decisions.record import decode
from riskloom.server.decisions.view import Views
from riskloom.server.engine import DecisionEngine
from riskloom.server.problem import problem

CLOCK = "clock"
"""Who closes what nobody looked at."""
SHOWN_EVENTS = 100
TRIES = 100
CLOSED_TOGETHER = 200
CLOSING, OPENING = ("resolve",), ("reopen",)
"""Acts that the book of what may grow is told of."""
Found = dict[int, Row[Any] | RiskloomError]
Resolved = Callable[[Sequence[Row[Any]], str], Awaitable[None]]
"""Told of alerts that somebody has resolved, as stored, and who it was: labels are written from there."""


class AlertService:
    """Alerts of one scenario.

    Parameters
    ----------
    resolved
        Awaited after alerts were resolved, before that is answered.
    """

    def __init__(
        self,
        engine: DecisionEngine,
        repo: AlertRepo,
        lists: AlertListRepo,
        people: PeopleRepo,
        decisions: ListRepo,
        views: Views,
        resolved: Resolved | None = None,
    ) -> None:
        self._engine = engine
        self._repo = repo
        self._lists = lists
        self._people = people
        self._decisions = decisions
        self._views = views
        self.resolved = resolved

    # ---------------------------------------------------------------- reading

    def page(self, narrowed: Filter, page: Page) -> dict[str, Any]:
        """A page of alerts."""
        now_us = self._now_us
        rows = self._lists.page(narrowed, Page(page.limit + 1, page.after, page.priority), now_us)
        following = None
        if len(rows) > page.limit:
            last = rows[page.limit - 1]
            following = str(last.id) if narrowed.by_time else f"{last.id}:{last.priority!r}"
        return {"items": [self._shown(row, now_us) for row in rows[: page.limit]], "next": following}

    def get(self, alert_id: int) -> dict[str, Any]:
        """One alert with its newest decisions, each with its reasons, and the events that are the evidence.

        Raises
        ------
        NotFound
        """
        row = self._repo.get(alert_id)
        if row is None:
            raise NotFound(f"There is no alert {alert_id} here.")
        rows = self._decisions.by_arrivals(self._repo.arrivals(alert_id, SHOWN_EVENTS))
        reasons = [reason for one in rows if one.reasons for reason in decode(one.reasons)]
        evidence = sorted({int(arrival) for reason in reasons for arrival in reason["evidence"]})
        return {
            **self._shown(row, self._now_us),
            "decisions": self._views.stored(rows),
            "evidence_events": self._views.events(self._decisions.by_arrivals(evidence)),
        }

    def queues(self) -> list[dict[str, Any]]:
        """Every queue as declared, in the order in which they are asked; how many alerts are in each state,
        and since when the oldest waits; how many were closed in a day."""
        now_us = self._now_us
        counted: dict[str, dict[str, Any]] = {}
        for queue, state, count, oldest_us in self._lists.counts(now_us):
            states = counted.setdefault(queue, {"states": {}, "closed_in_a_day": {}})["states"]
            states[state.value] = {
                "count": count,
                "oldest": show_time(oldest_us),
                "oldest_age_s": max(now_us - oldest_us, 0) // 1_000_000,
            }
        for queue, state, count in self._lists.closed_since(now_us - DAY_US):
            closed = counted.setdefault(queue, {"states": {}, "closed_in_a_day": {}})["closed_in_a_day"]
            closed[state.value] = count
        nothing: dict[str, Any] = {"states": {}, "closed_in_a_day": {}}
        declared = [{**shown_queue(queue), **counted.pop(queue.name, nothing)} for queue in self._spec.queues]
        return declared + [{"name": name, "declared": False, **counts} for name, counts in counted.items()]

    # ---------------------------------------------------------------- acts

    async def next(self, actor: str, queues: Sequence[str] | None) -> dict[str, Any] | None:
        """Claim the most valuable alert that nobody has and that this person may work; None where none
        waits."""
        analyst = await asyncio.to_thread(self._analyst, actor)
        for _ in range(TRIES):
            now_us = self._now_us
            reach = self._reach(analyst, queues)
            found = await asyncio.to_thread(self._lists.most_valuable, reach, now_us)
            if found is None:
                return None
            order = Order("claim", actor, now_us, {}, analyst, self._spec)
            answer = (await asyncio.to_thread(self._repo.change, [found], order.act, actor, now_us))[found]
            if not isinstance(answer, RiskloomError):
                return self._shown(answer, now_us)
            if not isinstance(answer, (Held, MoveInvalid, Forbidden)):
                raise answer
        raise Conflict("Others were faster each time.", hint="ask again")

    async def act(self, name: str, alert_id: int, given: Mapping[str, Any], actor: str) -> dict[str, Any]:
        """Do something with one alert.

        Raises
        ------
        NotFound, Held, MoveInvalid, Conflict, Forbidden, ParameterInvalid, StoreUnavailable
        """
        now_us = self._now_us
        answer = (await self._acted(name, [alert_id], given, actor, now_us))[alert_id]
        if isinstance(answer, RiskloomError):
            raise answer
        return self._shown(answer, now_us)

    async def act_on_many(
        self, name: str, ids: Sequence[int], given: Mapping[str, Any], actor: str
    ) -> list[dict[str, Any]]:
        """Do something with alerts in one transaction; one that refuses says why and stops no other."""
        now_us = self._now_us
        found = await self._acted(name, ids, given, actor, now_us)
        return [
            {"id": alert_id, "error": problem(answer)}
            if isinstance(answer, RiskloomError)
            else {"id": alert_id, "alert": self._shown(answer, now_us)}
            for alert_id, answer in ((alert_id, found[alert_id]) for alert_id in dict.fromkeys(ids))
        ]

    async def end(self, ids: Sequence[int], disposition: Disposition, reason: str, actor: str) -> None:
        """Resolve alerts whose case was decided, whoever works on them; closed ones stay as they are.

        `resolved` is not told: the labels are the case's.
        """
        now_us = self._now_us
        columns = {
            "disposition": disposition.value,
            "closed_reason": reason,
            "closed_by": actor,
            "closed_at_us": now_us,
            "told_at_us": now_us,
        }
        detail = {"disposition": disposition.value, "reason": reason}

        def act(alert: Alert) -> Step:
            return Step(end(alert, now_us), "alert.resolved", detail, columns)

        await self._changed(CLOSING[0], ids, act, actor, now_us)

    async def close_stale(self) -> int:
        """Close what nobody touched and no event joined for the time that its queue declares."""
        closed = 0
        for queue in self._spec.queues:
            if queue.auto_close_us is None:
                continue
            while True:
                now_us = self._now_us
                before_us = now_us - queue.auto_close_us
                ids = await asyncio.to_thread(
                    self._repo.stale, queue.name, before_us, now_us, CLOSED_TOGETHER
                )
                if not ids:
                    break
                act = _closing(before_us, now_us)
                found = await self._changed(CLOSING[0], ids, act, CLOCK, now_us)
                done = sum(1 for answer in found.values() if not isinstance(answer, RiskloomError))
                closed += done
                if done == 0:
                    break
        return closed

    async def _acted(
        self, name: str, ids: Sequence[int], given: Mapping[str, Any], actor: str, now_us: int
    ) -> Found:
        said = read_said(name, given, self._spec, now_us)
        analyst = await asyncio.to_thread(self._analyst, said["to"] if name == "assign" else actor)
        order = Order(name, actor, now_us, said, analyst, self._spec)
        found = await self._changed(name, ids, order.act, actor, now_us)
        rows = [row for row in found.values() if not isinstance(row, RiskloomError)]
        if name == "resolve" and rows and self.resolved is not None:
            await self.resolved(rows, actor)
        return found

    async def _changed(self, name: str, ids: Sequence[int], act: Act, actor: str, now_us: int) -> Found:
        """Change alerts; the book learns of those that close before, of those that open after."""
        book = self._engine.effects.book
        taken = book.close(ids) if name in CLOSING else []
        if name in CLOSING:
            await self._engine.commits.settle()
        try:
            found = await asyncio.to_thread(self._repo.change, ids, act, actor, now_us)
        except RiskloomError:
            book.reopen(taken, ids)
            raise
        if name in CLOSING:
            refused = {number for number, answer in found.items() if isinstance(answer, RiskloomError)}
            book.reopen([group for group in taken if group.id in refused], refused)
        if name in OPENING:
            book.reopen(group_of(row) for row in found.values() if not isinstance(row, RiskloomError))
        return found

    # ---------------------------------------------------------------- shared

    @property
    def _spec(self) -> AlertSpec:
        return self._engine.bundle.scenario.alerts

    @property
    def _now_us(self) -> int:
        return self._engine.clock.now_us()

    def _shown(self, row: Row[Any], now_us: int) -> dict[str, Any]:
        return shown(row, self._engine.bundle.scenario.base_currency, now_us)

    def _analyst(self, name: str) -> Analyst:
        return self._people.analyst(name) or Analyst(name)

    def _reach(self, analyst: Analyst, queues: Sequence[str] | None) -> Reach:
        """What somebody may be given now, in these queues alone where some are named."""
        names = [queue.name for queue in self._spec.queues]
        closed = [name for name in names if may_work(analyst, name, self._spec)]
        wanted = queues if queues is not None else analyst.queues or None
        if wanted is None:
            return Reach(None, tuple(closed), analyst.limit_minor)
        allowed = tuple(name for name in wanted if not may_work(analyst, name, self._spec))
        return Reach(allowed, limit_minor=analyst.limit_minor)


def _closing(before_us: int, now_us: int) -> Act:
    """What the clock does with an alert; one that an event joined just now is left alone."""

    def act(alert: Alert) -> Step:
        if alert.changed_at_us > before_us:
            raise Conflict(f"Alert {alert.id} has changed just now.")
        columns = {"closed_by": CLOCK, "closed_at_us": now_us, "closed_reason": "nobody looked at it in time"}
        return Step(auto_close(alert, now_us), "alert.auto_closed", {}, columns)

    return act
