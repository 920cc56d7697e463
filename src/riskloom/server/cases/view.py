"""Cases and what is in them as clients read them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy.engine import Row

from riskloom.domain.show import show_money, show_time
from riskloom.server.decisions.record import decode


def shown_case(row: Row[Any], sums: Row[Any] | None, currency: str) -> dict[str, Any]:
    """A case with the sums of its alerts."""
    amount = None if sums is None or sums.amount_minor is None else int(sums.amount_minor)
    return {
        "case_id": int(row.id),
        "scenario": row.scenario,
        "entity": row.entity,
        "entity_key": row.entity_key,
        "state": row.state,
        "priority": row.priority,
        "assignee": row.assignee,
        "version": int(row.version),
        "alerts": 0 if sums is None else int(sums.alerts),
        "events": 0 if sums is None else int(sums.events),
        "amount": None if amount is None else show_money(amount, currency),
        "currency": currency,
        "last_event_at": None if sums is None else show_time(int(sums.last_at_us)),
        "opened_by": row.opened_by,
        "opened_at": show_time(row.opened_at_us),
        "changed_at": show_time(row.changed_at_us),
        "disposition": row.disposition,
        "reason": row.reason,
        "only_marked": bool(row.only_marked),
        "closed_by": row.closed_by,
        "confirmed_by": row.confirmed_by,
        "decided_at": time_or_none(row.decided_at_us),
        "closed_at": time_or_none(row.closed_at_us),
    }


def shown_alert(row: Row[Any], currency: str) -> dict[str, Any]:
    """An alert, as a case shows it."""
    return {
        "alert_id": int(row.id),
        "state": row.state,
        "queue": row.queue,
        "severity": row.severity,
        "reasons": decode(row.reasons),
        "events": int(row.events),
        "amount": None if row.amount_minor is None else show_money(int(row.amount_minor), currency),
        "opened_at": show_time(row.opened_at_us),
        "disposition": row.disposition,
        "closed_by": row.closed_by,
        "closed_at": time_or_none(row.closed_at_us),
    }


def shown_notes(rows: Iterable[Row[Any]]) -> list[dict[str, Any]]:
    """Each note in its newest version, with those before it."""
    notes: dict[int, dict[str, Any]] = {}
    for row in rows:
        now = {
            "note": int(row.note),
            "version": int(row.version),
            "text": row.text,
            "author": row.author,
            "at": show_time(row.at_us),
        }
        before = notes.get(int(row.note))
        earlier = [] if before is None else [*before.pop("earlier"), before]
        notes[int(row.note)] = {**now, "earlier": earlier}
    return list(notes.values())


def shown_file(row: Row[Any]) -> dict[str, Any]:
    """What is known of a file."""
    return {
        "file_id": int(row.id),
        "name": row.name,
        "media_type": row.media_type,
        "size": int(row.size),
        "sha256": row.sha256,
        "author": row.author,
        "at": show_time(row.at_us),
    }


def shown_link(row: Row[Any]) -> dict[str, Any]:
    """A link, read from this case."""
    return {
        "case_id": int(row.other_id),
        "kind": row.kind,
        "state": row.state,
        "disposition": row.disposition,
        "entity": row.entity,
        "entity_key": row.entity_key,
        "author": row.author,
        "at": show_time(row.at_us),
    }


def shown_task(row: Row[Any]) -> dict[str, Any]:
    """A task."""
    return {
        "task_id": int(row.id),
        "title": row.title,
        "due": time_or_none(row.due_us),
        "author": row.author,
        "at": show_time(row.at_us),
        "done_by": row.done_by,
        "done_at": time_or_none(row.done_at_us),
    }


def time_or_none(time_us: int | None) -> str | None:
    """A time as ISO 8601 in UTC."""
    return None if time_us is None else show_time(int(time_us))
