"""Events to send, and bundles to decide them by."""

from __future__ import annotations

from typing import Any

import numpy as np

from riskloom.bundle import Bundle, make_bundle
from riskloom.domain.event import decode_json
from riskloom.domain.show import show_time
from riskloom.pipeline import Pipeline
from riskloom.scenario.load import load_scenario, scenario_from_parts
from riskloom.simulate.cards import EVENT_COLUMNS, simulate
from riskloom.training.fit import fit_model
from riskloom.training.history import unlabelled

NOW_US = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z"""
SECOND_US = 1_000_000


def payment(event_id: str | None = "p-1", **changes: Any) -> dict[str, Any]:
    """A card payment as a client sends it; None leaves a field out."""
    fields: dict[str, Any] = {
        "event_id": event_id,
        "timestamp": show_time(NOW_US),
        "user_id": "ann",
        "merchant_id": "shop-1",
        "merchant_category": "grocery",
        "amount": 12.5,
        "currency": "USD",
        "lat": 51.5,
        "lon": -0.1,
        "device_id": "phone-1",
        "ip": "203.0.113.7",
        "channel": "online",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def at(seconds: float) -> str:
    """A time so many seconds after `NOW_US`, as a client sends it."""
    return show_time(NOW_US + round(seconds * SECOND_US))


def burst(count: int, prefix: str = "b", start_s: float = 0, **changes: Any) -> list[dict[str, Any]]:
    """Payments of one customer, a second apart: from the fifth on they are flagged for velocity."""
    return [
        payment(f"{prefix}-{n}", timestamp=at(start_s + n), amount=10 + n, **changes) for n in range(count)
    ]


def history(count: int, seed: int = 5) -> list[dict[str, Any]]:
    """Simulated payments with some frauds among them, in order of time, in the six days before `NOW_US`:
    none too late."""
    start_us = NOW_US - 6 * 86_400 * SECOND_US
    rows = simulate(count, seed, start_us=start_us, days=6, users=max(count // 25, 5), fraud_share=0.1)
    return [{name: row[name] for name in EVENT_COLUMNS if row[name] is not None} for row in rows]


def card_bundle() -> Bundle:
    """Card payments by rules alone."""
    return make_bundle(load_scenario("card_payments"), None)


def trained_bundle(trees: int = 20, percentile: float = 90) -> Bundle:
    """Card payments with a small forest, trained on simulated history."""
    parts = dict(load_scenario("card_payments").parts)
    parts["model"] = {"detector": {"parameters": {"trees": trees, "max_samples": 64}}}
    parts["policy"] = {**parts["policy"], "percentile": percentile}
    scenario = scenario_from_parts(parts)
    schema = scenario.schema()
    events = [
        schema.parse_one(decode_json(_encode(row)), NOW_US, make_id=str) for row in history(400, seed=11)
    ]
    vectors, _, _ = Pipeline(make_bundle(scenario, None)).compute_many(events, 1)
    return make_bundle(scenario, fit_model(unlabelled(np.asarray(vectors)), scenario, seed=1))


def _encode(row: dict[str, Any]) -> bytes:
    import msgspec

    return msgspec.json.encode(row)
