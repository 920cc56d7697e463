"""A notice to send."""

from __future__ import annotations

import pytest

from riskloom.ports.notifier import Notice


@pytest.fixture
def notice() -> Notice:
    """About an alert, with text that somebody would like to be markup."""
    return Notice(
        key="42:0:ops",
        kind="alert",
        title="High: user u-1, 10 events <b>&",
        facts=(("Entity", "user_id <!channel> u-1"), ("Amount", "1,200.00 USD"), ("Reasons", "VELOCITY_5M")),
        severity="high",
        at="2026-11-21T20:00:00Z",
        link="https://risk.example/alerts?alert=42",
        data={"alert": 42, "amount": "1200.00"},
    )
