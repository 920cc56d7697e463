"""Alerts, queues, analysts and suppressions as clients read them."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Row

from riskloom.domain.alert import AlertState
from riskloom.domain.analyst import Analyst
from riskloom.domain.duration import format_duration
from riskloom.domain.show import show_money, show_time
from riskloom.policy.route import Queue
from riskloom.server.alerts.repo import alert_of


def shown(row: Row[Any], currency: str, now_us: int) -> dict[str, Any]:
    """An alert as it is now; `claimed_by` and `lease_until` only while the claim holds."""
    alert = alert_of(row)
    state = alert.state_at(now_us)
    holder = alert.holder_at(now_us)
    return {
        "id": alert.id,
        "scenario": alert.scenario,
        "entity": alert.entity,
        "entity_key": alert.entity_key,
        "state": state.value,
        "queue": alert.queue,
        "severity": alert.severity,
        "reasons": list(alert.reasons),
        "outcome": alert.outcome.value,
        "priority": alert.priority,
        "expected_loss": row.expected_loss,
        "urgency": row.urgency,
        "amount": None if alert.amount_minor is None else show_money(alert.amount_minor, currency),
        "currency": currency,
        "events": alert.events,
        "first_arrival": alert.first_arrival,
        "last_arrival": alert.last_arrival,
        "opened_at": show_time(alert.opened_at_us),
        "last_at": show_time(int(row.last_at_us)),
        "changed_at": show_time(alert.changed_at_us),
        "claimed_by": holder,
        "lease_until": _time(alert.lease_until_us if holder is not None else None),
        "snoozed_until": _time(alert.snoozed_until_us if state is AlertState.SNOOZED else None),
        "case_id": alert.case_id,
        "disposition": row.disposition,
        "closed_reason": row.closed_reason,
        "closed_by": row.closed_by,
        "closed_at": _time(row.closed_at_us),
    }


def shown_queue(queue: Queue) -> dict[str, Any]:
    """A queue as it is declared."""
    return {
        "name": queue.name,
        "describe": queue.describe,
        "when": None if queue.when is None else queue.when.text,
        "severity": queue.severity,
        "urgency": queue.urgency,
        "skill": queue.skill or None,
        "lease": format_duration(queue.lease_us),
        "auto_close": None if queue.auto_close_us is None else format_duration(queue.auto_close_us),
        "escalates_to": queue.escalates_to or None,
    }


def shown_analyst(analyst: Analyst, currency: str) -> dict[str, Any]:
    """What is known of somebody."""
    limit = analyst.limit_minor
    return {
        "name": analyst.name,
        "skills": list(analyst.skills),
        "limit": None if limit is None else show_money(limit, currency),
        "currency": currency,
        "queues": list(analyst.queues),
    }


def shown_suppression(row: Row[Any], suppressed: int, now_us: int) -> dict[str, Any]:
    """A suppression, and how many decisions raised no alert because of it."""
    return {
        "id": int(row.id),
        "entity_key": row.entity_key,
        "rule": row.rule,
        "reason": row.reason,
        "author": row.author,
        "made_at": show_time(int(row.made_at_us)),
        "until": show_time(int(row.until_us)),
        "holds": row.ended_at_us is None and now_us < row.until_us,
        "ended_by": row.ended_by,
        "ended_at": _time(row.ended_at_us),
        "suppressed": suppressed,
    }


def _time(time_us: int | None) -> str | None:
    return None if time_us is None else show_time(int(time_us))
