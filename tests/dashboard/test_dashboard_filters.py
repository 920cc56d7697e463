from __future__ import annotations

from datetime import UTC, datetime

from riskloom.dashboard.filters import Filters

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def test_the_address_says_only_what_is_not_at_its_default_and_comes_back_the_same() -> None:
    assert Filters().as_params() == {}
    chosen = Filters("all", 95, "NEW_IP", "high", "24h", "u&1", "risk")
    assert Filters.from_params(chosen.as_params()) == chosen


def test_an_address_written_by_hand_cannot_break_the_page() -> None:
    odd = {
        "show": "everything",
        "min_risk": "-3",
        "span": "9y",
        "order": "?",
        "severity": "worst",
        "event": "x",
        "entity": "u1",
    }
    assert Filters.from_params(odd) == Filters(entity="u1")
    assert Filters.from_params({"min_risk": "97"}) == Filters()
    assert Filters.from_params({"min_risk": "²"}) == Filters()


def test_the_queue_asks_for_flagged_and_rejected_unless_told_otherwise() -> None:
    assert Filters().as_query(NOW) == {"order": "newest", "flagged": True}
    assert Filters("rejected").as_query(NOW) == {"order": "newest", "outcome": "REJECTED"}
    assert Filters("all").as_query(NOW) == {"order": "newest"}


def test_a_span_becomes_a_time() -> None:
    assert Filters("all", span="24h").as_query(NOW)["since"] == "2026-11-20T12:00:00Z"
