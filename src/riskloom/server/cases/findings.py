"""Labels of what people found: the one way from a disposition to labels, for cases and for single alerts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from riskloom.domain.alert import Disposition
from riskloom.domain.case import MEANINGS
from riskloom.domain.label import LabelSource
from riskloom.domain.read import NumberText
from riskloom.domain.show import show_time
from riskloom.errors import StoreUnavailable
from riskloom.server.decisions.list_repo import ListRepo
from riskloom.server.labels.service import LabelService

TOGETHER = 1_000
"""Labels told at once."""


class Findings:
    """Tells labels of one scenario."""

    def __init__(self, labels: LabelService, events: ListRepo) -> None:
        self._labels = labels
        self._events = events

    async def tell(self, found: Sequence[tuple[int, Disposition]], known_at_us: int) -> list[str]:
        """Tell the labels that dispositions of events mean, durably; the ids of events that took none.

        The same found again at the same time changes nothing. A label never precedes its event: of one that
        happened later, by its own clock, it is known then.

        Parameters
        ----------
        found
            (arrival number of an event, disposition).

        Raises
        ------
        StoreUnavailable
            Some labels may be stored; tell all of them again.
        """
        refused: list[str] = []
        for start in range(0, len(found), TOGETHER):
            part = dict(found[start : start + TOGETHER])
            items = await asyncio.to_thread(self._items, part, known_at_us)
            answers = await self._labels.tell_many(items) if items else []
            for item, answer in zip(items, answers, strict=True):
                error = answer.get("error")
                if error is not None and error["status"] == 503:
                    raise StoreUnavailable(error["detail"], hint="the labels are told again")
                if error is not None:
                    refused.append(item["event_id"])
        return refused

    def _items(self, part: dict[int, Disposition], known_at_us: int) -> list[dict[str, Any]]:
        items = []
        for row in self._events.times(sorted(part)):
            disposition = part[int(row.arrival)]
            meaning = MEANINGS[disposition]
            if meaning is not None:
                items.append(
                    {
                        "event_id": row.event_id,
                        "fraud": meaning.fraud,
                        "source": LabelSource.ANALYST.value,
                        "known_at": show_time(max(known_at_us, int(row.event_time_us))),
                        "confidence": NumberText(f"{meaning.confidence}"),
                        "code": disposition.value,
                    }
                )
        return items
