"""Alerts in words and tables; values in, HTML out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from riskloom.dashboard import markup, words
from riskloom.dashboard.roles import Roles

STATES: Mapping[str, str] = {
    "open": "Open",
    "claimed": "Claimed",
    "snoozed": "Snoozed",
    "escalated": "Escalated",
    "resolved": "Resolved",
    "auto_closed": "Closed unseen",
}
TONES: Mapping[str, str] = {
    "open": "flagged",
    "claimed": "approved",
    "snoozed": "low",
    "escalated": "high",
    "resolved": "none",
    "auto_closed": "none",
}
DISPOSITIONS: Mapping[str, str] = {
    "confirmed_fraud": "Confirmed fraud",
    "suspected": "Suspected",
    "false_positive": "False positive",
    "friendly_fraud": "Friendly fraud",
    "insufficient_information": "Not enough to say",
}
CLOSED = ("resolved", "auto_closed")


def state(alert: Mapping[str, Any]) -> str:
    """The state as a pill; of a claimed one who has it."""
    name = alert["state"]
    label = STATES.get(name, words.code_words(name))
    if name == "claimed" and alert["claimed_by"]:
        label = f"{label} by {alert['claimed_by']}"
    if name == "resolved" and alert["disposition"]:
        label = DISPOSITIONS.get(alert["disposition"], label)
    return markup.pill(label, TONES.get(name, "none"))


def money(alert: Mapping[str, Any]) -> str:
    """What an alert is about, in money."""
    return words.money(None if alert["amount"] is None else float(alert["amount"]), alert["currency"])


def left(until: str | None, now: datetime) -> str:
    """How long a lease or a snooze still holds."""
    return "" if until is None else words.duration(max(0.0, (words.read_time(until) - now).total_seconds()))


def reasons(codes: Sequence[str], roles: Roles) -> str:
    """Reason codes as pills, the gravest first by the severity of their rules."""
    given = [
        {
            "code": code,
            "severity": roles.rules.get(code, {}).get("severity", "medium"),
            "message": roles.rules.get(code, {}).get("when", ""),
        }
        for code in codes
    ]
    return markup.reasons(given)


def table(alerts: Sequence[Mapping[str, Any]], roles: Roles, now: datetime, me: str) -> str:
    """Alerts as the queue shows them."""
    rows = []
    for alert in alerts:
        who = alert["entity_key"] or words.MISSING
        events = f"{alert['events']} {roles.event_word}{'' if alert['events'] == 1 else 's'}"
        rows.append(
            [
                markup.severity(alert["severity"]),
                markup.two_lines(
                    markup.link("alerts", markup.text(who), kind="rl-row", alert=str(alert["id"])),
                    markup.text(events),
                ),
                f"<b>{markup.text(money(alert))}</b>" if alert["amount"] is not None else words.MISSING,
                words.number(alert["priority"], 1),
                reasons(alert["reasons"], roles),
                state(alert) + _until(alert, now),
                markup.two_lines(
                    markup.text(words.ago(alert["last_at"], now)), markup.text(f"in {alert['queue']}")
                ),
            ]
        )
    kinds = ["rl-chosen" if alert["claimed_by"] == me else "" for alert in alerts]
    columns = ["Severity", roles.entity_word, "Amount", "Priority", "Why", "State", "Last event"]
    return markup.table(
        columns,
        rows,
        kinds=kinds,
        numbers=["Priority"],
        empty="Nothing waits here. New alerts appear by themselves.",
    )


def _until(alert: Mapping[str, Any], now: datetime) -> str:
    until = alert["lease_until"] or alert["snoozed_until"]
    return f'<span class="rl-sub">{markup.text(left(until, now))} left</span>' if until else ""


def queue_tiles(queues: Sequence[Mapping[str, Any]]) -> str:
    """Each queue: what waits in it, since when, and what was closed in a day."""
    tiles = []
    for queue in queues:
        states = queue["states"]
        waiting = sum(states.get(name, {}).get("count", 0) for name in ("open", "escalated"))
        held = states.get("claimed", {}).get("count", 0)
        oldest = max(
            (states[name]["oldest_age_s"] for name in ("open", "escalated") if name in states), default=None
        )
        closed = sum(queue["closed_in_a_day"].values())
        since = f"oldest {words.duration(oldest)}" if oldest is not None else "nothing waits"
        tiles.append(
            (
                words.code_words(queue["name"]).capitalize(),
                words.number(waiting),
                f"{since} · {held} claimed · {closed} closed in a day",
            )
        )
    return markup.figures(tiles)


def headline(alert: Mapping[str, Any], roles: Roles, now: datetime) -> str:
    """What an alert is: who, how much, since when, and where it stands."""
    tone = "rejected" if alert["severity"] == "critical" else "flagged"
    events = f"{alert['events']} flagged {roles.event_word}{'' if alert['events'] == 1 else 's'}"
    amount = f", <b>{markup.text(money(alert))}</b> in all" if alert["amount"] is not None else ""
    who = markup.text(alert["entity_key"] or "no entity")
    since = words.ago(alert["opened_at"], now)
    last = words.ago(alert["last_at"], now)
    worth = ""
    if alert["expected_loss"] is not None:
        worth = (
            f"expected loss {words.number(alert['expected_loss'])} × urgency {words.number(alert['urgency'])}"
        )
    return (
        f'<section class="rl-headline rl-{tone}" data-testid="alert"><div>'
        f"<h2>{markup.text(roles.entity_word)} {who}</h2>"
        f"<p>{markup.text(events)}{amount}; opened {markup.text(since)}, the last {markup.text(last)}</p>"
        f"<p>{markup.severity(alert['severity'])}{state(alert)}"
        f'<span class="rl-muted">in {markup.text(words.code_words(alert["queue"]))}</span></p></div>'
        f'<div class="rl-gauge"><b class="rl-worth">{words.number(alert["priority"], 1)}</b>'
        f"<small>priority</small><small>{markup.text(worth)}</small></div></section>"
    )


def bulk_rows(alerts: Sequence[Mapping[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """Alerts as rows to choose from."""
    return [
        {
            "Severity": words.SEVERITIES.get(alert["severity"], alert["severity"]),
            "Entity": alert["entity_key"],
            "Events": alert["events"],
            "Amount": money(alert),
            "Why": ", ".join(words.reason_title(code) for code in alert["reasons"][:4]),
            "State": STATES.get(alert["state"], alert["state"]),
            "Queue": alert["queue"],
            "Last event": words.ago(alert["last_at"], now),
        }
        for alert in alerts
    ]
