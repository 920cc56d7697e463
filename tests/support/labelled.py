"""A scenario whose features look at labels, its payments, and labels of them."""

from __future__ import annotations

from typing import Any

from riskloom.bundle import Bundle, make_bundle
from riskloom.scenario.load import scenario_from_parts
from support.events import at
from support.server import Server

FEATURES: dict[str, Any] = {
    "scenario": "small_cards",
    "max_lateness": "7d",
    "event": {
        "label": "is_fraud",
        "fields": {
            "event_id": {"type": "string"},
            "timestamp": {"type": "time"},
            "user_id": {"type": "string", "entity": "user", "pii": True},
            "merchant_id": {"type": "string", "entity": "merchant", "required": False},
            "amount": {"type": "money", "currency_field": "currency"},
            "currency": {"type": "category"},
        },
        "derived": {"is_big": {"type": "integer", "expression": "1 if amount > 100 else 0"}},
    },
    "features": [
        {"name": "user_count", "entity": "user", "aggregate": "count", "window": "1d"},
        {"name": "user_bigs", "entity": "user", "aggregate": "sum", "of": "is_big", "window": "1h"},
        {"name": "user_frauds", "entity": "user", "aggregate": "fraud_count", "window": "7d"},
        {"name": "merchant_share", "entity": "merchant", "aggregate": "fraud_share", "window": "1d"},
        {
            "name": "merchant_before",
            "entity": "merchant",
            "aggregate": "fraud_share",
            "window": "1h",
            "delay": "1m",
        },
    ],
}
RULES: list[dict[str, Any]] = [
    {
        "code": "FRAUDS_HERE",
        "when": "merchant_share > 0.2",
        "message": "{value:percent} of the payments here were frauds",
        "value": "merchant_share",
        "evidence": "merchant_share",
    }
]


def labelled_bundle() -> Bundle:
    """Payments of which later ones know what the earlier ones turned out to be."""
    parts = {"features": FEATURES, "rules": RULES, "model": {}, "policy": {}, "rates": None}
    return make_bundle(scenario_from_parts(parts), None)


def small_payment(number: int, seconds: float | None = None, **changes: Any) -> dict[str, Any]:
    """The payment `p-<number>`, so many seconds after `NOW_US`: of three users at two merchants."""
    fields = {
        "event_id": f"p-{number}",
        "timestamp": at(number if seconds is None else seconds),
        "user_id": f"u-{number % 3}",
        "merchant_id": f"m-{number % 2}",
        "amount": 50 + 40 * (number % 4),
        "currency": "USD",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def label(number: int, fraud: bool = True, source: str = "chargeback", **more: Any) -> dict[str, Any]:
    """A label of the payment `p-<number>`."""
    return {"event_id": f"p-{number}", "fraud": fraud, "source": source, **more}


def tell(server: Server, *labels: dict[str, Any]) -> list[dict[str, Any]]:
    """The results of labels told together."""
    answer = server.post("/api/v1/labels", {"labels": list(labels)})
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def features(server: Server, event: dict[str, Any]) -> dict[str, float | None]:
    """What a payment sees, and nothing is stored."""
    server.score(event)
    view = server.get(f"/api/v1/decisions/{event['event_id']}").json()
    return {feature["name"]: feature["value"] for feature in view["features"]}
