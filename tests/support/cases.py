"""A scenario whose large payments raise alerts, and what people do about them over HTTP."""

from __future__ import annotations

from typing import Any

import httpx

from riskloom.bundle import Bundle, make_bundle
from riskloom.clock import FixedClock
from riskloom.scenario.load import scenario_from_parts
from support.events import at
from support.server import Server

HOUR_US = 3_600_000_000
FEATURES: dict[str, Any] = {
    "scenario": "desk_cards",
    "base_currency": "USD",
    "event": {
        "fields": {
            "event_id": {"type": "string"},
            "timestamp": {"type": "time"},
            "user_id": {"type": "string", "entity": "user", "pii": True},
            "merchant_id": {"type": "string", "entity": "merchant", "required": False},
            "amount": {"type": "money", "currency_field": "currency"},
            "currency": {"type": "category"},
        },
    },
    "features": [
        {"name": "spent_1h", "entity": "user", "aggregate": "sum", "of": "amount", "window": "1h"},
        {"name": "frauds", "entity": "user", "aggregate": "fraud_count", "window": "7d"},
    ],
}
RULES: list[dict[str, Any]] = [
    {
        "code": "LARGE",
        "when": "amount > 100",
        "action": "flag",
        "severity": "high",
        "message": "{value} is a lot",
        "value": "amount",
    },
    {
        "code": "SPENT",
        "when": "spent_1h > 500",
        "action": "flag",
        "severity": "medium",
        "message": "{value} spent within an hour",
        "value": "spent_1h",
        "evidence": "spent_1h",
    },
]
LISTS = [
    {"name": "stolen", "of": "user_id", "kind": "deny", "describe": "Customers whose card is not theirs"}
]


def case_bundle(four_eyes_above: float | None = 5000) -> Bundle:
    """Payments above 100 are flagged; those who are on a list are rejected."""
    parts = {"features": FEATURES, "rules": RULES, "model": {}, "policy": {}, "rates": None, "lists": LISTS}
    if four_eyes_above is not None:
        parts["cases"] = {"four_eyes_above": four_eyes_above}
    return make_bundle(scenario_from_parts(parts), None)


def large(number: int, user: str = "ann", amount: float = 200, **changes: Any) -> dict[str, Any]:
    """The payment `p-<number>`, flagged, so many seconds after `NOW_US`."""
    return {
        "event_id": f"p-{number}",
        "timestamp": at(number),
        "user_id": user,
        "merchant_id": f"m-{number % 2}",
        "amount": amount,
        "currency": "USD",
        **changes,
    }


def alert_of(server: Server, event_id: str) -> int:
    """The alert that an event raised, or came into."""
    found = server.database.rows(
        "select alert_id from alert_events join events on events.arrival = alert_events.arrival "  # noqa: S608
        f"where event_id = '{event_id}'"
    )
    return int(found[0][0])


def raised(server: Server, *numbers: int, **changes: Any) -> list[int]:
    """The alerts of large payments; one a payment, for an hour lies between them."""
    found = []
    for number in numbers:
        assert isinstance(server.clock, FixedClock)
        server.clock.time_us += HOUR_US
        found.append(alert_of(server, server.score(large(number, **changes))["event_id"]))
    return found


def ask(
    server: Server, method: str, path: str, json: Any = None, user: str = "ana", **given: Any
) -> httpx.Response:
    """A request of somebody about cases."""
    headers = {"X-Riskloom-User": user, **given.pop("headers", {})}
    if json is not None:
        given["json"] = json
    return server.request(method, f"/api/v1/cases{path}", headers=headers, **given)


def done(answer: httpx.Response, *statuses: int) -> dict[str, Any]:
    """What a request that went well was answered."""
    assert answer.status_code in (statuses or (200, 201)), answer.text[:800]
    body: dict[str, Any] = answer.json()
    return body


def opened(server: Server, *numbers: int, by: str = "ana", **changes: Any) -> dict[str, Any]:
    """The case of large payments."""
    alerts = raised(server, *numbers, **changes)
    return done(ask(server, "POST", "", {"alert": alerts[0]}, by))


def closed(server: Server, case: dict[str, Any], by: str = "ana", **said: Any) -> dict[str, Any]:
    """A case, closed as a confirmed fraud if nothing else is said."""
    body = {
        "disposition": "confirmed_fraud",
        "reason": "the card was stolen",
        "version": case["version"],
        **said,
    }
    return done(ask(server, "POST", f"/{case['case_id']}/close", body, by))


def labels_of(server: Server, event_id: str) -> list[dict[str, Any]]:
    """The labels of an event."""
    items: list[dict[str, Any]] = server.get(f"/api/v1/labels?event_id={event_id}").json()["items"]
    return items
