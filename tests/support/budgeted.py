"""Bundles whose decisions go by a budget and a limit, and hours of payments that use both up."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from typing import Any

from riskloom.bundle import Bundle, make_bundle
from riskloom.domain.show import show_time
from riskloom.model import Model
from riskloom.scenario.load import scenario_from_parts
from support.events import NOW_US, payment, trained_bundle
from support.policed import card_parts

HOUR_US = 3_600_000_000


@cache
def _model() -> Model:
    model = trained_bundle().model
    assert model is not None
    return model


def budgeted(
    per_day: int = 3, *, percentile: float = 60, per_hour: int = 2, window: str = "", rules: bool = True
) -> Bundle:
    """Card payments with a model, an alert budget, and a limited rule that dear payments meet."""
    parts = card_parts()
    parts["model"] = {"detector": {"parameters": {"trees": 20, "max_samples": 64}}}
    if window:
        features = parts["features"]["features"]
        features.append({"name": "own_count", "entity": "user", "aggregate": "count", "window": window})
    rule = {"severity": "low", "action": "flag", "message": "x"}
    parts["rules"] += [{**rule, "code": "DEAR", "when": "amount > 90", "limit": {"per_hour": per_hour}}]
    parts["rules"] = parts["rules"] if rules else []
    parts["policy"] = {
        "percentile": percentile,
        "budget": {"per_day": per_day, "entity": "user_id", "days": 2},
        "limit": {"per_hour": 12},
    }
    return make_bundle(scenario_from_parts(parts), _model())


def hours(prefix: str, count: int, seed: int, start: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    """(when it arrives, the payment) of so many payments, three an hour."""
    chance = random.Random(seed)
    for number in range(count):
        moment_us = NOW_US + start * HOUR_US + number * HOUR_US // 3
        amount = chance.choice([5, 20, 60, 95, 400, 2_000])
        changes = {"user_id": f"u-{chance.randrange(12)}", "merchant_id": f"m-{chance.randrange(9)}"}
        changes |= {"device_id": f"d-{chance.randrange(20)}", "ip": f"203.0.113.{chance.randrange(200)}"}
        yield (
            moment_us,
            payment(f"{prefix}-{number}", timestamp=show_time(moment_us), amount=amount, **changes),
        )
