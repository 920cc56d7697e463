"""A case as a dossier: everything that stands in it, with the evidence, to be kept or handed on.

The JSON is the whole of it; its digest is of the canonical text of `dossier`, so that a page printed from it
names what it was printed from.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import msgspec

from riskloom.clock import Clock
from riskloom.domain.show import show_time
from riskloom.server.cases.dossier_page import render_page
from riskloom.server.cases.dossier_pdf import render_pdf
from riskloom.server.cases.repo import CaseRepo
from riskloom.server.cases.service import CaseService
from riskloom.server.cases.timeline import Timeline, read_cursor
from riskloom.server.decisions.list_repo import ListRepo
from riskloom.server.decisions.record import decode
from riskloom.server.decisions.view import Views

FORMAT = "riskloom-dossier-1"
_AT_ONCE = 500


class Dossiers:
    """Dossiers of one scenario's cases."""

    def __init__(
        self,
        cases: CaseService,
        repo: CaseRepo,
        timeline: Timeline,
        events: ListRepo,
        views: Views,
        clock: Clock,
    ) -> None:
        self._cases = cases
        self._repo = repo
        self._timeline = timeline
        self._events = events
        self._views = views
        self._clock = clock

    async def as_json(self, case_id: int, actor: str) -> bytes:
        """The dossier as JSON.

        Raises
        ------
        NotFound
        """
        return msgspec.json.encode(await asyncio.to_thread(self._made, case_id, actor))

    async def as_html(self, case_id: int, actor: str) -> bytes:
        """The same as one HTML page.

        Raises
        ------
        NotFound
        """

        def made() -> bytes:
            return render_page(_plain(self._made(case_id, actor))).encode()

        return await asyncio.to_thread(made)

    async def as_pdf(self, case_id: int, actor: str) -> bytes:
        """The same as PDF.

        Raises
        ------
        NotFound
        ExtraMissing
            Where the extra `pdf` is not installed.
        """

        def made() -> bytes:
            return render_pdf(_plain(self._made(case_id, actor)))

        return await asyncio.to_thread(made)

    def _made(self, case_id: int, actor: str) -> dict[str, Any]:
        dossier = self._dossier(case_id)
        digest = hashlib.sha256(msgspec.json.encode(dossier, order="sorted")).hexdigest()
        return {
            "format": FORMAT,
            "digest": f"sha256:{digest}",
            "made_at": show_time(self._clock.now_us()),
            "made_by": actor,
            "dossier": dossier,
        }

    def _dossier(self, case_id: int) -> dict[str, Any]:
        case = self._cases.read(case_id)
        row, _ = self._repo.get(case_id)
        arrivals = self._repo.arrivals(case_id)
        stored = self._events.by_arrivals(arrivals)
        behind = {
            int(number)
            for event in stored
            for reason in (decode(event.reasons) if event.reasons else [])
            for number in reason["evidence"]
        }
        timeline: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            page = self._timeline.page(row, _AT_ONCE, read_cursor(cursor) if cursor else None)
            timeline += page["items"]
            cursor = page["next"]
        return {
            "case": case,
            "events": self._cases.decided(case_id, arrivals),
            "evidence": self._views.events(self._events.by_arrivals(sorted(behind))),
            "timeline": timeline[::-1],
        }


def _plain(made: dict[str, Any]) -> dict[str, Any]:
    """The dossier as whoever reads its JSON has it."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(made))
    return plain
