"""A bundle whose decisions go by all that people change while it decides."""

from __future__ import annotations

import json
from typing import Any

from riskloom.bundle import Bundle, make_bundle
from riskloom.scenario.load import load_scenario, scenario_from_parts


def card_parts() -> dict[str, Any]:
    parts: dict[str, Any] = json.loads(json.dumps(dict(load_scenario("card_payments").parts)))
    return parts


def policed(percentile: float = 98, *, per_hour: int = 9, window: str = "24h") -> Bundle:
    """Card payments with a list, a limit, a label-aware feature, and a window to tell versions by."""
    parts = card_parts()
    parts["lists"] = [{"name": "trusted", "of": "user_id", "kind": "allow"}]
    features = parts["features"]["features"]
    features.append({"name": "own_count", "entity": "user", "aggregate": "count", "window": window})
    features.append({"name": "frauds", "entity": "merchant", "aggregate": "fraud_count", "window": "7d"})
    rule = {"severity": "low", "action": "flag", "message": "x"}
    parts["rules"] += [
        {**rule, "code": "OFTEN", "when": "own_count >= 2", "limit": {"per_hour": per_hour}},
        {**rule, "code": "KNOWN_FRAUD", "when": "frauds >= 1", "evidence": "frauds"},
    ]
    parts["policy"]["percentile"] = percentile
    return make_bundle(scenario_from_parts(parts), None)
