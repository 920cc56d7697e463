"""Forms and reports as values: what is typed becomes an event or a rule, what was counted a file."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

from riskloom.dashboard import comparison, event_form, report, rule_draft, tried
from riskloom.dashboard.roles import Roles

FIELDS: list[dict[str, Any]] = [
    {"name": "event_id", "type": "string"},
    {"name": "timestamp", "type": "time"},
    {"name": "amount", "type": "money"},
    {"name": "lat", "type": "latitude", "required": False},
    {"name": "items", "type": "integer", "required": False},
    {"name": "vip", "type": "boolean", "required": False},
    {"name": "kind", "type": "category"},
    {"name": "size", "type": "category", "values": ["s", "m"]},
]
RULE = {
    "code": "BIG", "when": "amount > 900", "severity": "high", "action": "flag", "message": "{value} is big",
    "value": "amount", "usual": 50, "limit": {"actions": 5, "per": "1h"},
    "examples": [{"hit": {"amount": 1000}}, {"miss": {"amount": 3, "note": "a: b"}}],
}  # fmt: skip
ROLES = Roles(amount="amount", base_currency="USD")


def questions() -> list[event_form.Question]:
    return event_form.questions(FIELDS, [{"kind": "b"}, {"kind": "a"}, {"kind": None}])


def test_a_form_asks_every_field_and_offers_what_was_sent_lately() -> None:
    asked = {one.name: one for one in questions()}
    assert list(asked) == [field["name"] for field in FIELDS]
    assert (asked["kind"].choices, asked["kind"].is_open) == (("a", "b"), True)
    assert (asked["size"].choices, asked["size"].is_open) == (("s", "m"), False)
    assert asked["lat"].label.endswith("(optional)")


def test_answers_become_an_event_and_what_is_no_number_is_left_to_the_server() -> None:
    answers = {"event_id": "e", "amount": "12.50", "lat": "51.5", "items": "x", "vip": "false", "kind": " "}
    event = event_form.event_of(questions(), answers)
    assert event == {"event_id": "e", "amount": "12.50", "lat": 51.5, "items": "x", "vip": False}
    assert event_form.event_of(questions(), {"items": "7", "lat": "nan"}) == {"items": 7, "lat": "nan"}


def test_an_event_fills_the_form_under_an_id_and_a_time_of_its_own() -> None:
    scenario = {"id_field": "event_id", "time_field": "timestamp"}
    own = event_form.own_values(scenario, "try-1", datetime(2026, 1, 2, tzinfo=UTC))
    filled = event_form.filled(questions(), {"event_id": "old", "timestamp": "old", "vip": True}, own)
    assert (filled["event_id"], filled["timestamp"]) == ("try-1", "2026-01-02T00:00:00Z")
    assert (filled["vip"], filled["amount"]) == ("true", "")
    assert event_form.own_values({"id_field": "id", "time_field": ""}, "x", datetime.now(UTC)) == {"id": "x"}


def test_what_changed_between_two_tries_is_said_without_id_and_time() -> None:
    before = {"event_id": "a", "amount": "1", "kind": "x"}
    after = {"event_id": "b", "amount": "2"}
    assert event_form.changes(before, after, ["event_id"]) == "Amount 1 → 2; Kind x → –"


def test_a_rule_survives_the_form() -> None:
    rule, wrong = rule_draft.rule_of(rule_draft.form_of(RULE), RULE)
    assert not wrong
    assert rule == {**RULE, "usual": "50"}


def test_examples_that_are_no_list_are_said_to_be_wrong() -> None:
    form = rule_draft.form_of(RULE)
    for text in ("hit: {amount: 3}", "- hit: {amount"):
        assert rule_draft.rule_of({**form, "examples": text}, RULE)[1]
    assert "examples" not in rule_draft.rule_of({**form, "examples": ""}, RULE)[0]


def test_a_fault_is_marked_where_it_stands_in_its_expression() -> None:
    fault = {"where": "when", "expected": "a name that is known here (column 12 of 'x')", "column": 12}
    html = tried.faults([fault], {"when": "amount > 3 and amunt < 4"})
    assert "<code>amount &gt; 3 <mark>and</mark> amunt &lt; 4</code>" in html
    assert "(column" not in html
    at_end = tried.faults([{**fault, "column": 99}], {"when": "a >"})
    assert "<code>a &gt;<mark> </mark></code>" in at_end


def counted(**changes: Any) -> dict[str, Any]:
    share = {"value": 0.5, "low": 0.1, "high": 0.9}
    line = {
        "decided": 10, "flagged": 4, "rejected": 1, "labelled": 4, "frauds": 2, "caught": 1,
        "precision": share, "recall": {"value": None, "low": None, "high": None},
        "value_caught": 123_456, "value_missed": 0,
    }  # fmt: skip
    return {**line, **changes}


REPORT = {
    "by": "channel", "currency": "USD", "decimals": 2, "whole": counted(),
    "lines": [counted(key="=cmd()"), counted(key=None), counted(key="<b>")],
}  # fmt: skip


def test_a_report_as_csv_holds_plain_figures_and_no_formula() -> None:
    rows = list(csv.DictReader(io.StringIO(report.as_csv(REPORT, ROLES))))
    assert [row["channel"] for row in rows] == ["'=cmd()", "", "<b>"]
    assert (rows[0]["value_caught"], rows[0]["precision"], rows[0]["recall"]) == ("1234.56", "0.5", "")
    assert "value_caught" not in report.as_csv(REPORT, Roles())


def test_a_report_as_a_page_is_escaped_and_fetches_nothing() -> None:
    page = report.as_page(REPORT, ROLES, "By <channel>", "today")
    assert "&lt;b&gt;" in page
    assert "By &lt;channel&gt;" in page
    assert "1,235 USD" in page
    assert not any(word in page for word in ("<script", "http", "url("))


def test_the_verdict_of_a_replay_says_what_changes() -> None:
    def side(flagged: int, caught: int, annoyed: int) -> dict[str, Any]:
        return {"counts": {"flagged": flagged, "caught": caught, "annoyed": annoyed}}

    saved = {"value": -250_000.0, "low": -400_000.0, "high": 10.0}
    result = {
        "currency": "USD", "decimals": 2, "events": 1000, "sides": [side(10, 3, 5), side(8, 3, 4)],
        "changes": [{"flipped": 2, "saved": saved}],
    }  # fmt: skip
    assert comparison.verdict(result) == (
        "2 of 1,000 decisions come out otherwise: 2 fewer alerts, as many known frauds caught, "
        "1 fewer honest one bothered, it saves −2,500 USD (−4,000 USD to 0 USD)."
    )
