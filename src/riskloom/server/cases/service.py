"""What can be done with cases: opened from an alert, moved, closed with what was found.

An open alert of an entity that has an open case belongs to that case. Whenever a case is opened, read or
moved it first takes in such alerts, and `collecting.py` lets all cases do so all the time; so none is missed,
whoever was killed in between, and who closes a case has seen all that it decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from riskloom.domain.alert import Disposition
from riskloom.domain.case import CaseMove
from riskloom.errors import NotFound, show
from riskloom.server.cases.closing import Closer
from riskloom.server.cases.move_repo import MoveRepo
from riskloom.server.cases.paper_repo import PaperRepo
from riskloom.server.cases.repo import CaseFilter, CaseRepo
from riskloom.server.cases.rows import Act
from riskloom.server.cases.timeline import Timeline, read_cursor
from riskloom.server.cases.view import (
    shown_alert,
    shown_case,
    shown_file,
    shown_link,
    shown_notes,
    shown_task,
    time_or_none,
)
from riskloom.server.decisions.list_repo import ListRepo
from riskloom.server.decisions.view import Views
from riskloom.server.engine import DecisionEngine


class CaseService:
    """Cases of one scenario."""

    def __init__(
        self,
        engine: DecisionEngine,
        repo: CaseRepo,
        moves: MoveRepo,
        papers: PaperRepo,
        events: ListRepo,
        views: Views,
        timeline: Timeline,
        closer: Closer,
    ) -> None:
        self._engine = engine
        self._repo = repo
        self._moves = moves
        self._papers = papers
        self._events = events
        self._views = views
        self._timeline = timeline
        self._closer = closer

    # ---------------------------------------------------------------- reading

    async def page(self, narrowed: CaseFilter, limit: int, before: int | None) -> dict[str, Any]:
        """A page of cases, newest first."""

        def read() -> dict[str, Any]:
            rows = self._repo.page(narrowed, limit + 1, before)
            items = [shown_case(row, sums, self._currency) for row, sums in rows[:limit]]
            return {"items": items, "next": str(items[-1]["case_id"]) if len(rows) > limit else None}

        return await asyncio.to_thread(read)

    async def counts(self) -> dict[str, Any]:
        """How many cases there are by state, assignee, priority and disposition, and tasks due."""
        return await asyncio.to_thread(self._repo.counts, self._now_us)

    async def get(self, case_id: int) -> dict[str, Any]:
        """A case with its alerts, notes, files, links and tasks."""
        return await asyncio.to_thread(self.read, case_id)

    def read(self, case_id: int) -> dict[str, Any]:
        """`get`, in the caller's thread."""
        self._repo.gather(case_id, self._now_us)
        row, sums = self._repo.get(case_id)
        return {
            **shown_case(row, sums, self._currency),
            "alert_list": [shown_alert(each, self._currency) for each in self._repo.alerts(case_id)],
            "notes": shown_notes(self._papers.notes(case_id)),
            "files": [shown_file(each) for each in self._papers.files(case_id)],
            "links": [shown_link(each) for each in self._papers.links(case_id)],
            "tasks": [shown_task(each) for each in self._papers.tasks(case_id)],
        }

    async def events(self, case_id: int, limit: int, after: int) -> dict[str, Any]:
        """A page of a case's events in the order they arrived: each decision, and what is said of it."""

        def read() -> dict[str, Any]:
            self._repo.get(case_id)
            arrivals = [each for each in self._repo.arrivals(case_id) if each > after]
            items = self.decided(case_id, arrivals[:limit])
            return {"items": items, "next": str(arrivals[limit - 1]) if len(arrivals) > limit else None}

        return await asyncio.to_thread(read)

    def decided(self, case_id: int, arrivals: Sequence[int]) -> list[dict[str, Any]]:
        """The decisions on events of a case, each with its disposition."""
        said = self._repo.dispositions(case_id)
        views = self._views.stored(self._events.by_arrivals(arrivals))
        for view in views:
            its = said.get(view["arrival"])
            view["disposition"] = None if its is None else its.disposition
            view["marked_by"] = its.actor if its is not None and its.is_marked else None
            view["marked_at"] = time_or_none(its.at_us if its is not None and its.is_marked else None)
        return views

    async def timeline(self, case_id: int, limit: int, cursor: str | None) -> dict[str, Any]:
        """A page of all that happened in a case, last first."""
        before = None if cursor is None else read_cursor(cursor)

        def read() -> dict[str, Any]:
            self._repo.gather(case_id, self._now_us)
            row, _ = self._repo.get(case_id)
            return self._timeline.page(row, limit, before)

        return await asyncio.to_thread(read)

    # ---------------------------------------------------------------- moving

    async def open(self, alert_id: int, actor: str) -> tuple[dict[str, Any], bool]:
        """(the case of an alert, whether it was made for it).

        Raises
        ------
        NotFound, MoveInvalid, Conflict
        """
        case_id, is_new = await asyncio.to_thread(self._repo.open, alert_id, self._act(actor))
        return await self.get(case_id), is_new

    async def change(
        self, case_id: int, seen: int, values: dict[str, str | None], actor: str
    ) -> dict[str, Any]:
        """Another assignee or priority.

        Raises
        ------
        NotFound, CaseChanged
        """
        await asyncio.to_thread(self._moves.change, case_id, seen, values, self._act(actor))
        return await self.get(case_id)

    async def mark(
        self, case_id: int, seen: int, event_ids: Sequence[str], disposition: Disposition | None, actor: str
    ) -> dict[str, Any]:
        """Say of single events what they turned out to be; None takes that back.

        Raises
        ------
        NotFound, CaseChanged, MoveInvalid
        """

        def write() -> None:
            known = self._events.arrivals(event_ids)
            for event_id in event_ids:
                if event_id not in known:
                    raise NotFound(f"No event {show(event_id)} is stored.")
            arrivals = sorted(set(known.values()))
            self._moves.mark(case_id, seen, arrivals, disposition, self._act(actor))

        await asyncio.to_thread(write)
        return await self.get(case_id)

    async def close(
        self,
        case_id: int,
        seen: int,
        disposition: Disposition,
        reason: str,
        actor: str,
        *,
        only_marked: bool = False,
    ) -> dict[str, Any]:
        """Decide a case; it is closed when its labels are durable, or awaits a second person first.

        Raises
        ------
        NotFound, CaseChanged, MoveInvalid
        """

        def write() -> None:
            act = self._act(actor)
            self._repo.gather(case_id, act.at_us)
            self._moves.close(
                case_id,
                seen,
                disposition,
                reason,
                act,
                only_marked=only_marked,
                above_minor=self._engine.bundle.scenario.cases.four_eyes_above_minor,
            )

        await asyncio.to_thread(write)
        await self._closer.finish(case_id)
        return await self.get(case_id)

    async def confirm(self, case_id: int, seen: int, reason: str, actor: str) -> dict[str, Any]:
        """A second person agrees with how a case was closed.

        Raises
        ------
        NotFound, CaseChanged, MoveInvalid, Conflict
        """

        def write() -> None:
            act = self._act(actor)
            self._repo.gather(case_id, act.at_us)
            self._moves.confirm(case_id, seen, reason, act)

        await asyncio.to_thread(write)
        await self._closer.finish(case_id)
        return await self.get(case_id)

    async def reopen(
        self, case_id: int, seen: int, move: CaseMove, reason: str, actor: str
    ) -> dict[str, Any]:
        """Open a case again that is closed, or (`decline`) one that awaits a second person.

        Raises
        ------
        NotFound, CaseChanged, MoveInvalid, Conflict
        """
        await asyncio.to_thread(self._moves.reopen, case_id, seen, move, reason, self._act(actor))
        return await self.get(case_id)

    @property
    def _now_us(self) -> int:
        return self._engine.clock.now_us()

    @property
    def _currency(self) -> str:
        return self._engine.bundle.scenario.base_currency

    def _act(self, actor: str) -> Act:
        return Act(actor, self._now_us)
