from __future__ import annotations

from typing import Any

from fake_api import FakeApi

from riskloom.dashboard import deviation, markup, story
from riskloom.dashboard.roles import roles_of

HOSTILE = "\"><img src=x onerror=alert(1)><script>'&"


def hostile_detail() -> dict[str, Any]:
    """A flagged decision in which every text of the event is hostile."""
    api = FakeApi(customers=8, payments=60)
    event_id = api.attack()[1]["event_id"]
    _, detail = api.answer(f"/api/v1/decisions/{event_id}", {})
    for item in [detail, *detail["evidence_events"]]:
        item["event"] = {
            name: HOSTILE if isinstance(value, str) and name != "amount" else value
            for name, value in item["event"].items()
        }
    for reason in detail["reasons"]:
        reason["message"] = HOSTILE
    for feature in detail["features"]:
        feature["describe"] = HOSTILE
    return dict(detail)


def test_nothing_an_event_says_becomes_markup() -> None:
    detail: Any = hostile_detail()
    roles = roles_of(FakeApi(payments=0).answer("/api/v1/scenario", {})[1])
    first, rest, _ = story.evidence(detail, roles)
    pieces = [
        markup.decisions([detail], roles),
        story.headline(detail, roles),
        story.reason_cards(detail, roles),
        deviation.strips(deviation.deviations(detail["features"]), roles),
        first,
        rest,
        markup.facts(story.record(detail, roles)),
    ]
    for piece in pieces:
        assert "<img" not in piece
        assert "<script" not in piece
        assert "x onerror" not in piece.replace(" src=x onerror=alert(1)&gt;", "")
    assert "&lt;script&gt;" in pieces[0]


def test_a_link_quotes_what_it_asks() -> None:
    assert markup.link("decision", "x", event='a"&b') == (
        '<a class="rl-link " href="decision?event=a%22%26b">x</a>'
    )


def test_the_gravest_reasons_come_first_and_the_rest_is_counted() -> None:
    given = [
        {"code": f"RULE_{severity.upper()}", "severity": severity, "message": "m"}
        for severity in ("low", "low", "high", "medium", "critical", "low")
    ]
    shown = markup.reasons(given)
    order = [shown.index(word) for word in ("Rule critical", "Rule high", "Rule medium", "Rule low", "+2")]
    assert order == sorted(order)


def test_a_decision_without_a_score_shows_a_dash_and_no_bar() -> None:
    assert "<b>" not in markup.risk(None)
    assert "–" in markup.risk(None)


def test_the_tone_of_a_risk_follows_the_policys_percentile() -> None:
    assert "rl-hot" in markup.risk(95.0, 95.0)
    assert "rl-warm" in markup.risk(94.9, 95.0)
    assert "rl-cool" in markup.risk(10.0, 95.0)


def test_an_empty_table_says_why() -> None:
    assert "Nothing here" in markup.table(["A"], [], empty="Nothing here")
