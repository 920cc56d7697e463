"""A test scenario with a field of every type, derived columns, and the streams that are hard for it."""

from __future__ import annotations

from typing import Any

from riskloom.scenario.load import scenario_from_parts
from riskloom.scenario.scenario import Scenario

DAY_US = 86_400_000_000

_FIELDS: dict[str, Any] = {
    "id": {"type": "string"},
    "at": {"type": "time"},
    "user": {"type": "string", "entity": "user", "pii": True, "required": False},
    "device": {"type": "string", "entity": "device", "required": False},
    "kind": {"type": "category", "required": False},
    "ip": {"type": "ip", "entity": "ip", "pii": True, "required": False},
    "count": {"type": "integer", "required": False},
    "share": {"type": "number", "decimals": 3, "signed": True, "required": False},
    "amount": {"type": "money", "currency_field": "currency", "required": False},
    "fee": {"type": "money", "signed": True, "required": False},
    "currency": {"type": "category", "required": False},
    "flag": {"type": "boolean", "required": False},
    "opened": {"type": "clock", "required": False},
    "due": {"type": "time", "required": False},
    "lat": {"type": "latitude", "required": False},
    "lon": {"type": "longitude", "required": False},
}
_DERIVED: dict[str, Any] = {
    "per_item": {"type": "number", "decimals": 2, "expression": "amount / count"},
    "big": {"type": "integer", "expression": "1 if amount > 100 or flag else 0"},
    "where": {"type": "category", "expression": "'north' if lat > 0 else lower(kind)"},
}


def _window(
    name: str, entity: str, aggregate: str, of: Any = None, window: str = "2m", **more: Any
) -> dict[str, Any]:
    given = {"name": name, "entity": entity, "aggregate": aggregate, "window": window, **more}
    return given if of is None else {**given, "of": of}


_FEATURES: list[dict[str, Any]] = [
    _window("n", "user", "count"),
    _window("n_with", "user", "count", include_current=True),
    _window("n_before", "user", "count", delay="1m"),
    _window("spent", "user", "sum", "amount"),
    _window("fees", "user", "mean", "fee"),
    _window("spread", "user", "std", "per_item", "1d"),
    _window("least", "device", "min", "share"),
    _window("most", "device", "max", "count"),
    _window("hours", "user", "mean", "opened"),
    _window("bigs", "user", "sum", "big"),
    _window("wheres", "user", "distinct", "where"),
    _window("ips", "user", "distinct", "ip"),
    _window("users", "ip", "distinct", "user"),
    _window("is_new", "user", "first_seen", "device", "90d"),
    _window("since", "user", "seconds_since_last"),
    _window("last_amount", "user", "last", "amount"),
    _window("km", "user", "travel_km", ["lat", "lon"]),
    _window("speed", "user", "travel_speed", ["lat", "lon"]),
    {"name": "ratio", "expression": "amount / spent"},
    {"name": "is_far", "expression": "km > 100 and speed > 900"},
    {"name": "hour_at", "expression": "hour(at)"},
    {"name": "late_by", "expression": "opened - hour(at)"},
    {"name": "mixed", "expression": "coalesce(ratio, log(share), -1) if flag else novel"},
]
_FEATURES.insert(
    22, {"name": "novel", "expression": "coalesce(is_new, 0) + (1 if kind in ('a', 'b') else 0)"}
)

_RULES: list[dict[str, Any]] = [
    {
        "code": "MANY",
        "when": "n >= 2",
        "message": "{value} of {user}",
        "value": "n",
        "usual": "n_before",
        "evidence": "n",
    },
    {"code": "NOT_FEW", "when": "not n < 2", "action": "watch", "message": "m"},
    {
        "code": "FAR",
        "when": "is_far or where == 'north' and flag",
        "action": "reject",
        "message": "m",
        "evidence": "km",
    },
    {
        "code": "RISKY",
        "when": "risk_score > 50 and amount > 0",
        "message": "{risk_score} {amount}",
        "evidence": "spent",
    },
    {"code": "NOW_DUE", "when": "due is None or hour(due) == 0", "action": "watch", "message": "{due}"},
    {
        "code": "MIXED",
        "when": "mixed > 0 or wheres > 1",
        "severity": "low",
        "message": "{mixed:percent}",
        "value": "ratio",
    },
]


def small_scenario(**changes: Any) -> Scenario:
    """A scenario with a field of every type; `max_lateness` is 2 minutes."""
    head = {
        "scenario": "small",
        "max_lateness": "2m",
        "timezone": "Europe/Vienna",
        "event": {"id": "id", "time": "at", "fields": _FIELDS, "derived": _DERIVED},
        "features": _FEATURES,
    }
    parts: dict[str, Any] = {
        "features": head,
        "model": {"detector": {"parameters": {"trees": 10, "max_samples": 32}}},
        "rules": _RULES,
        "policy": {"percentile": 80, "reject_percentile": 97},
        "rates": {"base": "USD", "rates": [{"date": "1970-01-01", "EUR": "1.1", "JPY": "0.0064"}]},
    }
    return scenario_from_parts({**parts, **changes})
