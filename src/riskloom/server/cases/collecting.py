"""Lets cases take in the alerts that come later, shortly after they come.

Which alert belongs to which case can always be told from both; what is written into the alert only makes it
quick to find. So nothing has to happen together with raising an alert, and after a kill the next process
begins with all of them.
"""

from __future__ import annotations

import asyncio
import contextlib

from riskloom.clock import Clock
from riskloom.errors import StoreUnavailable
from riskloom.server.cases.repo import CaseRepo

EVERY_S = 1.0


class Collector:
    """Collects for one scenario."""

    def __init__(self, repo: CaseRepo, clock: Clock) -> None:
        self._repo = repo
        self._clock = clock
        self._seen = 0

    async def run(self) -> None:
        """Collect until cancelled; where the database does not answer, later."""
        while True:
            with contextlib.suppress(StoreUnavailable):
                await asyncio.to_thread(self.collect)
            await asyncio.sleep(EVERY_S)

    def collect(self) -> None:
        """Let all cases take in the alerts that came since the last time.

        Raises
        ------
        StoreUnavailable
        """
        last = self._repo.last_alert()
        if last == self._seen:
            return
        for case_id in self._repo.lacking(self._seen):
            self._repo.gather(case_id, self._clock.now_us())
        self._seen = last
