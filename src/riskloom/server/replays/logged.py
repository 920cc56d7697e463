"""Stored rows as a verifier takes them: events, decisions, and what others said beside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Row

from riskloom.domain.event import Event
from riskloom.replay.verify import Logged
from riskloom.server.decisions.record import decode, row_values, said_in
from riskloom.server.replays.repo import ReplayRepo

Trials = Mapping[str, Mapping[str, Any]]
_NONE: frozenset[str] = frozenset()


class LoggedRows:
    """Makes `Logged` of the rows of one scenario.

    Parameters
    ----------
    repo, scenario
        Where line-ups and trials are read.
    """

    def __init__(self, repo: ReplayRepo, scenario: str) -> None:
        self._repo, self._scenario = repo, scenario
        self._lineups = repo.lineups(scenario)
        self._tries = any(one["canary"] or one["shadows"] for one in self._lineups.values())
        self._shadows_of = {
            number: frozenset(shadow["bundle"] for shadow in one["shadows"])
            for number, one in self._lineups.items()
        }

    @property
    def shadows(self) -> frozenset[str]:
        """Bundles that ever were shadows."""
        return _NONE.union(*self._shadows_of.values())

    def of(self, rows: Sequence[Row[Any]]) -> Callable[[Row[Any]], Logged]:
        """What makes each of these rows, which are in arrival order, a `Logged`."""
        tried: Mapping[int, Trials] = {}
        if self._tries and rows:
            tried = self._repo.trials(self._scenario, rows[0].arrival, rows[-1].arrival)
        return lambda row: logged(row, tried.get(row.arrival, {}), self._shadows_of.get(row.lineup, _NONE))


def event_of(row: Row[Any]) -> Event:
    """The event of a row."""
    return Event(row.event_id, row.event_time_us, row.arrived_at_us, *row_values(row))


def logged(row: Row[Any], trials: Trials, shadows: frozenset[str]) -> Logged:
    """A row of the log, and what others said."""
    decision = None
    if row.outcome is not None:
        decision = {
            **said_in(row),
            "degraded": decode(row.decision_degraded),
            "contributions": decode(row.contributions) if row.contributions else {},
        }
    return Logged(
        int(row.arrival),
        event_of(row),
        bytes(row.digest),
        bytes(row.vector),
        row.features,
        tuple(decode(row.degraded)),
        row.bundle or "",
        decision,
        trials,
        shadows,
    )
