"""Labels of alerts that are resolved by themselves, with the disposition that they got.

An alert is resolved first, then its labels are told, then it is written down that they were: what a kill left
in between is found by the next process, and telling again changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Row

from riskloom.clock import Clock
from riskloom.domain.alert import Disposition
from riskloom.errors import RiskloomError, StoreUnavailable
from riskloom.server.cases.alert_label_repo import AlertLabelRepo
from riskloom.server.cases.closing import PAUSE_S
from riskloom.server.cases.findings import Findings

TOGETHER = 200
"""Alerts looked up at once."""


class AlertLabels:
    """Tells the labels of one scenario's resolved alerts."""

    def __init__(self, repo: AlertLabelRepo, findings: Findings, clock: Clock) -> None:
        self._repo = repo
        self._findings = findings
        self._clock = clock
        self._turn = asyncio.Lock()
        self._left = asyncio.Event()

    async def resolved(self, _rows: Sequence[Row[Any]], _actor: str) -> None:
        """Alerts were resolved: tell their labels now; where the database does not let us, later."""
        try:
            await self._tell()
        except StoreUnavailable:
            self._left.set()

    async def run(self) -> None:
        """Tell what an earlier process left, and what could not be told at once; until cancelled."""
        self._left.set()
        while True:
            await self._left.wait()
            self._left.clear()
            try:
                await self._tell()
            except RiskloomError:
                self._left.set()
                await asyncio.sleep(PAUSE_S)

    async def _tell(self) -> None:
        async with self._turn:
            while rows := await asyncio.to_thread(self._repo.untold, TOGETHER):
                for row in rows:
                    arrivals = await asyncio.to_thread(self._repo.arrivals, int(row.id))
                    disposition = Disposition(row.disposition)
                    found = [(arrival, disposition) for arrival in arrivals]
                    await self._findings.tell(found, int(row.closed_at_us))
                    await asyncio.to_thread(self._repo.told, row, arrivals, self._clock.now_us())
