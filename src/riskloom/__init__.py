"""Riskloom: decisions on events that carry their evidence and replay bit for bit.

>>> import riskloom
>>> scorer = riskloom.load("card_payments")          # or the folder of a trained bundle
>>> answer = scorer.score({"event_id": "e1", "timestamp": "2026-01-31T12:00:00Z", "user_id": "u1",
...                        "merchant_id": "m1", "amount": 12.5, "currency": "EUR", "lat": 51.5, "lon": -0.1,
...                        "device_id": "d1", "ip": "203.0.113.7", "channel": "pos"})
>>> answer["outcome"], answer["degraded"]
('APPROVED', ['no_model'])
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from pathlib import Path

    from riskloom.scorer import Scorer


def load(named: str | Path) -> Scorer:
    """A scorer for a shipped scenario, a scenario's folder or file, or a trained bundle's folder.

    Raises
    ------
    riskloom.errors.NotFound, riskloom.errors.ScenarioInvalid, riskloom.errors.BundleInvalid
    """
    from riskloom.scorer import load_scorer

    return load_scorer(named)
