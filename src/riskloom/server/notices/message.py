"""What a notice says: facts frozen when it was made, words when it is sent. Keys only, never a raw personal
value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from riskloom.domain.alert import Alert
from riskloom.domain.duration import format_duration
from riskloom.domain.money import POWERS, exponent
from riskloom.domain.show import show_time
from riskloom.ports.notifier import Notice
from riskloom.scenario.scenario import Scenario

ALERT, SLA, DIGEST, TEST = "alert", "sla", "digest", "test"
KINDS = (ALERT, SLA, DIGEST)
_DOES = {"claim": "be claimed", "resolve": "be resolved"}
_DONE = {"claim": "claimed", "resolve": "resolved"}


class Told(NamedTuple):
    """A row of the outbox, as far as telling goes."""

    key: str
    kind: str
    severity: str
    created_at_us: int
    data: Mapping[str, Any]


def facts_of(alert: Alert, scenario: Scenario) -> dict[str, Any]:
    """An alert as plain data."""
    currency = scenario.base_currency
    minor = alert.amount_minor
    return {
        "alert": alert.id,
        "scenario": alert.scenario,
        "entity": alert.entity,
        "entity_key": alert.entity_key,
        "severity": alert.severity,
        "outcome": str(alert.outcome),
        "reasons": list(alert.reasons),
        "events": alert.events,
        "amount": None if minor is None else _decimal(minor, exponent(currency)),
        "currency": currency,
        "queue": alert.queue,
        "opened_at": show_time(alert.opened_at_us),
    }


def notice_of(told: Told, dashboard_url: str) -> Notice:
    """A row of the outbox as channels take it; `dashboard_url` is "" where there is none to link to."""
    data = told.data
    link = ""
    if dashboard_url:
        asked = {"scenario": data["scenario"], **({"alert": data["alert"]} if "alert" in data else {})}
        link = f"{dashboard_url.rstrip('/')}/alerts?{urlencode(asked)}"
    title, facts = _WORDS[told.kind](told.severity, data)
    at = show_time(told.created_at_us // 1_000_000 * 1_000_000)
    return Notice(told.key, told.kind, title, facts, told.severity, at, link, data)


def sample_notice(channel: str, now_us: int) -> Notice:
    """What the test button sends."""
    return Notice(
        key=f"test:{now_us}:{channel}",
        kind=TEST,
        title=f"A test of the channel {channel}",
        facts=(("What", "Somebody pressed the test button; nothing has happened."),),
        severity="low",
        at=show_time(now_us),
        data={"channel": channel},
    )


Words = tuple[str, tuple[tuple[str, str], ...]]


def _alert_words(severity: str, data: Mapping[str, Any]) -> Words:
    waited = data.get("waited_us")
    title = f"{severity.capitalize()} alert {data['alert']}: {_who(data)}"
    if waited:
        title = f"Nobody claimed it for {format_duration(waited)}: {title[0].lower()}{title[1:]}"
    return title, _alert_facts(data)


def _sla_words(_severity: str, data: Mapping[str, Any]) -> Words:
    clock = data["clock"]
    if data["breached"]:
        title = f"SLA missed: alert {data['alert']} was not {_DONE[clock]} by {data['due_at']}"
    else:
        title = f"SLA at risk: alert {data['alert']} has to {_DOES[clock]} by {data['due_at']}"
    return title, (("Due", data["due_at"]), *_alert_facts(data))


def _digest_words(_severity: str, data: Mapping[str, Any]) -> Words:
    listed: Sequence[Mapping[str, Any]] = data["alerts"]
    title = f"{len(listed)} alerts of {data['scenario']}" if len(listed) > 1 else "1 alert"
    return title, tuple((f"Alert {one['alert']}", _line(one)) for one in listed)


_WORDS = {ALERT: _alert_words, SLA: _sla_words, DIGEST: _digest_words}


def _who(data: Mapping[str, Any]) -> str:
    return f"{data['entity']} {data['entity_key']}" if data["entity"] else str(data["scenario"])


def _line(data: Mapping[str, Any]) -> str:
    parts = [_who(data), data["severity"], ", ".join(data["reasons"]), _money(data)]
    return " · ".join(part for part in parts if part)


def _alert_facts(data: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    facts = (
        ("Scenario", data["scenario"]),
        ("Who", _who(data)),
        ("Reasons", ", ".join(data["reasons"])),
        ("Outcome", data["outcome"]),
        ("Amount", _money(data)),
        ("Events", str(data["events"])),
        ("Queue", data["queue"]),
        ("Opened", data["opened_at"]),
    )
    return tuple((name, value) for name, value in facts if value)


def _money(data: Mapping[str, Any]) -> str:
    return "" if data["amount"] is None else f"{data['amount']} {data['currency']}"


def _decimal(minor: int, digits: int) -> str:
    whole, part = divmod(abs(minor), POWERS[digits])
    sign = "-" if minor < 0 else ""
    return f"{sign}{whole}.{part:0{digits}d}" if digits else f"{sign}{whole}"
