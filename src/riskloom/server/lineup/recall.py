"""What the budgets and limits of a line-up go by, read from the log.

Who acts, the champion and the canary, remembers what was decided, whoever decided it: a budget and a limit
count what was really done. A shadow remembers what it would have done: what it said where it was asked, and
what was decided where it was not. So what a version remembers follows from the log alone, not from when
it was started.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Row

from riskloom.deciding import Deciding
from riskloom.domain.decision import LADDER
from riskloom.domain.event import Event
from riskloom.pipeline import Pipeline, said_of
from riskloom.server.decisions.record import decode, row_values, said_in
from riskloom.server.decisions.repo import DecisionRepo
from riskloom.server.lineup.team import Casting, Entry, Judged, Part, Team, parts_of


class Recall:
    """The parts of a casting that go by earlier decisions, and remember them beside the work.

    Parameters
    ----------
    casting
        Whose parts.
    before
        Who judges so far: a part that it has remembers already.
    """

    def __init__(self, casting: Casting, before: Team | None = None) -> None:
        known = {} if before is None else before.parts
        self.pipelines: Mapping[Part, Pipeline] = {
            part: Pipeline(bundle)
            for part, bundle in parts_of(casting).items()
            if part not in known and Deciding(bundle.scenario).reach_us
        }
        self._read = 0

    def read(self, repo: DecisionRepo) -> None:
        """Remember what the log holds; a server may go on writing meanwhile.

        Raises
        ------
        StoreUnavailable
        """
        if not self.pipelines:
            return
        reach_us = max(one.deciding.reach_us for one in self.pipelines.values())
        _, arrived_us = repo.newest()
        tried_by = sorted(part.fingerprint for part in self.pipelines if not part.acts)
        for rows in repo.decided_since(arrived_us - reach_us):
            tried = repo.trials(tried_by, rows[0].arrival, rows[-1].arrival) if tried_by else {}
            for row in rows:
                event = Event(row.event_id, row.event_time_us, row.arrived_at_us, *row_values(row))
                said = {name: _heard(one) for name, one in tried.get(row.arrival, {}).items()}
                self._take(event, _heard(row, decode(row.decision_degraded)), said)
            self._read = int(rows[-1].arrival)

    def catch_up(self, taken: Sequence[Entry]) -> None:
        """Remember what was decided while the log was read."""
        for arrival, entry in taken:
            if isinstance(entry, Judged) and arrival > self._read:
                said = {other.bundle: said_of(other) for other in entry.others}
                self._take(entry.event, said_of(entry.decision), said)

    def _take(self, event: Event, decided: Mapping[str, Any], said: Mapping[str, Mapping[str, Any]]) -> None:
        for part, pipeline in self.pipelines.items():
            pipeline.recall(event, decided if part.acts else said.get(part.fingerprint, decided))


def _heard(row: Row[Any], degraded: Sequence[str] = ()) -> dict[str, Any]:
    return {**said_in(row), "outcome": LADDER[row.outcome], "degraded": degraded}
