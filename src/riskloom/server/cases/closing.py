"""Brings decided cases to their end: their labels durable, their alerts resolved, and only then closed.

What is to be told is stored with the decision (`case_events`), and telling it again changes nothing; so a
process that is killed anywhere between leaves a case that the next one brings to its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from riskloom.clock import Clock
from riskloom.domain.alert import Disposition
from riskloom.domain.case import CaseState
from riskloom.errors import RiskloomError, StoreUnavailable
from riskloom.server.cases.findings import Findings
from riskloom.server.cases.move_repo import MoveRepo
from riskloom.server.cases.repo import CaseRepo

PAUSE_S = 2.0
"""Between two tries where the database takes nothing."""

Resolve = Callable[[Sequence[int], Disposition, str, str], Awaitable[None]]
"""Resolves alerts that are open: (their ids, what was found, why, who found it)."""


class Closer:
    """Finishes the decided cases of one scenario: at once where it is asked, else as soon as it can."""

    def __init__(
        self, repo: CaseRepo, moves: MoveRepo, findings: Findings, resolve: Resolve, clock: Clock
    ) -> None:
        self._repo = repo
        self._moves = moves
        self._findings = findings
        self._resolve = resolve
        self._clock = clock
        self._turn = asyncio.Lock()
        self._left = asyncio.Event()

    async def finish(self, case_id: int) -> None:
        """Bring a decided case to its end; where the database does not let it, that is done later."""
        try:
            async with self._turn:
                await self._finish(case_id)
        except StoreUnavailable:
            self._left.set()

    async def run(self) -> None:
        """Finish what an earlier process left, and what could not be finished at once; until cancelled."""
        self._left.set()
        while True:
            await self._left.wait()
            self._left.clear()
            try:
                for case_id in await asyncio.to_thread(self._repo.closing):
                    async with self._turn:
                        await self._finish(case_id)
            except RiskloomError:
                self._left.set()
                await asyncio.sleep(PAUSE_S)

    async def _finish(self, case_id: int) -> None:
        row, _ = await asyncio.to_thread(self._repo.get, case_id)
        if row.state != CaseState.CLOSING.value:
            return
        untold = await asyncio.to_thread(self._moves.untold, case_id)
        found = [(arrival, Disposition(disposition)) for arrival, disposition in untold]
        refused = await self._findings.tell(found, row.decided_at_us)
        now_us = self._clock.now_us()
        await asyncio.to_thread(self._moves.told, case_id, [each for each, _ in found], refused, now_us)
        listed = await asyncio.to_thread(self._repo.alerts, case_id)
        waiting = [int(alert.id) for alert in listed if alert.closed_at_us is None]
        if waiting:
            await self._resolve(waiting, Disposition(row.disposition), row.reason, row.closed_by)
        await asyncio.to_thread(self._moves.finish, case_id, now_us)
