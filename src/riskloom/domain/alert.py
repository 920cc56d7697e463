"""Alerts: what the machine puts before a person, the states of it, and every move between them.

Decisions of one entity that come close together are one alert. A claim holds for the time of its lease only
and a snooze until its time: once that is over the alert is open again, without anything having to run.
Values only: where alerts are stored, and how two people are kept apart, is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from riskloom.domain.decision import Outcome
from riskloom.errors import MoveInvalid


class AlertState(StrEnum):
    """What is being done about an alert."""

    OPEN = "open"
    CLAIMED = "claimed"
    SNOOZED = "snoozed"
    ESCALATED = "escalated"
    RESOLVED = "resolved"
    AUTO_CLOSED = "auto_closed"


class Disposition(StrEnum):
    """What a person found."""

    CONFIRMED_FRAUD = "confirmed_fraud"
    SUSPECTED = "suspected"
    FALSE_POSITIVE = "false_positive"
    FRIENDLY_FRAUD = "friendly_fraud"
    INSUFFICIENT_INFORMATION = "insufficient_information"


SEVERITIES = ("low", "medium", "high", "critical")
"""As of reasons, rising."""

MOVES: Mapping[AlertState, tuple[AlertState, ...]] = MappingProxyType(
    {
        AlertState.OPEN: (
            AlertState.CLAIMED,
            AlertState.SNOOZED,
            AlertState.ESCALATED,
            AlertState.RESOLVED,
            AlertState.AUTO_CLOSED,
        ),
        AlertState.CLAIMED: (
            AlertState.OPEN,
            AlertState.CLAIMED,
            AlertState.SNOOZED,
            AlertState.ESCALATED,
            AlertState.RESOLVED,
        ),
        AlertState.SNOOZED: (
            AlertState.OPEN,
            AlertState.CLAIMED,
            AlertState.SNOOZED,
            AlertState.ESCALATED,
            AlertState.RESOLVED,
        ),
        AlertState.ESCALATED: (AlertState.CLAIMED, AlertState.RESOLVED),
        AlertState.RESOLVED: (AlertState.OPEN,),
        AlertState.AUTO_CLOSED: (AlertState.OPEN,),
    }
)
"""Where an alert may be moved: a claimed one may be renewed or handed over, a closed one only be reopened."""

CLOSED = (AlertState.RESOLVED, AlertState.AUTO_CLOSED)
"""States of alerts that nobody has to look at; a later event of the entity begins another alert."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert. Its id is the arrival number of its first flagged event.

    `entity` is the field it is grouped by and `entity_key` the key of its value; both are empty where the
    event has none. `reasons` are codes, those of its first event first; `outcome` and `severity` the gravest
    of its events; `amount_minor` the sum of their amounts in the base currency, None where there is none.
    `claimed_by` and the two times are as stored: `state_at` and `holder_at` say what holds.
    """

    id: int
    scenario: str
    entity: str
    entity_key: str
    state: AlertState
    queue: str
    severity: str
    reasons: tuple[str, ...]
    outcome: Outcome
    priority: float
    amount_minor: int | None
    events: int
    first_arrival: int
    last_arrival: int
    opened_at_us: int
    changed_at_us: int
    claimed_by: str | None = None
    lease_until_us: int | None = None
    snoozed_until_us: int | None = None
    case_id: int | None = None

    def state_at(self, now_us: int) -> AlertState:
        """The state that holds at a moment: a lease or a snooze that has run out leaves it open."""
        until_us = None
        if self.state is AlertState.CLAIMED:
            until_us = self.lease_until_us
        elif self.state is AlertState.SNOOZED:
            until_us = self.snoozed_until_us
        return AlertState.OPEN if until_us is not None and until_us <= now_us else self.state

    def holder_at(self, now_us: int) -> str | None:
        """Who works on it at a moment."""
        return self.claimed_by if self.state_at(now_us) is AlertState.CLAIMED else None


def check_move(state: AlertState, to: AlertState) -> None:
    """Let a move pass.

    Raises
    ------
    MoveInvalid
        Names the states that it can be moved to.
    """
    if to not in MOVES[state]:
        known = ", ".join(MOVES[state])
        raise MoveInvalid(
            f"An alert that is {state} cannot be {to}.", hint=f"from {state} it can become {known}"
        )
