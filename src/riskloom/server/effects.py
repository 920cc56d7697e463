"""What follows from a decision: alerts, and what hangs on them, as rows for the decision's own transaction.

Runs on the event loop's thread, where the decision was made; the writer stores what it gives behind the
decision. What it keeps in memory is the database's, read at the start and after a commit that failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from riskloom.bundle import Bundle
from riskloom.domain.alert import Alert
from riskloom.domain.decision import Decision
from riskloom.domain.event import Event
from riskloom.routing import Routing
from riskloom.server.alerts.book import Book, Group, opened
from riskloom.server.alerts.repo import AlertRepo
from riskloom.server.alerts.suppressions import Suppression, Suppressions
from riskloom.server.statements import Effect

MOST_ROUTINGS = 8


class Plan(Protocol):
    """Plans what has to be told of an alert."""

    def of_alert(self, alert: Alert, now_us: int) -> list[Effect]:
        """Effects of an alert that was just opened; an event that joins one plans nothing."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the database has: alerts that may grow, suppressions that may hold."""

    groups: Sequence[Group]
    suppressions: Sequence[Suppression]


class Effects:
    """The effects of one scenario's decisions.

    Parameters
    ----------
    repo
        Where alerts are kept.
    bundle
        What decides at first.
    plan
        Plans notices of the alerts that are opened.
    """

    def __init__(self, repo: AlertRepo, bundle: Bundle, plan: Plan | None = None) -> None:
        self._repo = repo
        self._scenario = bundle.scenario.name
        self._plan = plan
        self._routings: dict[str, Routing] = {}
        self.book = Book(bundle.scenario.alerts.group)
        self.suppressions = Suppressions()

    def read(self, bundle: Bundle, now_us: int) -> Known:
        """What the database has now; may be called on any thread.

        Raises
        ------
        StoreUnavailable
        """
        since_us = now_us - bundle.scenario.alerts.group.within_us
        return Known(self._repo.groups(since_us), self._repo.suppressing(now_us))

    def adopt(self, bundle: Bundle, known: Known) -> None:
        """Go on from what the database has."""
        self.book.renew(bundle.scenario.alerts.group, known.groups)
        self.suppressions = Suppressions(known.suppressions)
        self._routing(bundle)

    def of(self, bundle: Bundle, event: Event, decision: Decision, now_us: int) -> Sequence[Effect]:
        """The effects of a flagged decision, in the order in which they are written.

        Called once for each decision that will be stored, in arrival order; never for one that is only
        looked at.
        """
        routing = self._routing(bundle)
        raised = routing.raise_one(event, decision)
        hidden = self.suppressions.of(raised.entity_key, raised.acting, now_us)
        if hidden is not None:
            return [("suppressed", (decision.arrival, hidden))]
        self.book.grouping = routing.spec.group
        entity = routing.spec.group.by if raised.entity_key else ""
        group = self.book.find(raised.entity_key, now_us)
        planned: Iterable[Effect] = ()
        if group is not None:
            group.join(raised, decision, now_us)
        else:
            group = opened(raised, decision, now_us)
            self.book.put(group)
            if self._plan is not None:
                planned = self._plan.of_alert(group.alert(self._scenario, entity), now_us)
        return [
            ("alerts", group.row(self._scenario, entity)),
            ("alert_events", (decision.arrival, group.id)),
            *planned,
        ]

    def _routing(self, bundle: Bundle) -> Routing:
        """The routing of the bundle that decided."""
        found = self._routings.get(bundle.fingerprint)
        if found is None:
            if len(self._routings) >= MOST_ROUTINGS:
                self._routings.clear()
            found = self._routings[bundle.fingerprint] = Routing(bundle.scenario)
        return found
