"""What was decided in a period and what became of it; how a bundle did on what turned out."""

from __future__ import annotations

from typing import Any

import pytest

from support.events import at, burst, payment
from support.server import Server, faults, problem


def tell(server: Server, **truths: bool) -> None:
    labels = [
        {"event_id": name.replace("_", "-"), "fraud": fraud, "source": "analyst"}
        for name, fraud in truths.items()
    ]
    answer = server.post("/api/v1/labels", {"labels": labels})
    assert all("error" not in one for one in answer.json()["results"]), answer.text


def report(server: Server, by: str, **asked: str) -> dict[str, Any]:
    answer = server.get(f"/api/v1/reports/{by}", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def decided(server: Server) -> Server:
    """Eight online payments of a burst, of which the last four were flagged, and one at a counter."""
    for event in burst(8):
        server.score(event)
    server.score(payment("calm", user_id="bob", channel="pos"))
    tell(server, b_6=False, b_7=True, b_1=True, calm=False)
    tell(server, b_6=True)
    return server


def test_a_report_counts_decisions_and_what_they_turned_out_to_be(decided: Server) -> None:
    found = report(decided, "channel")
    lines = {one["key"]: one for one in found["lines"]}
    assert list(lines) == ["online", "pos"], "the most flagged first"
    online = lines["online"]
    assert (online["decided"], online["flagged"], online["rejected"]) == (8, 4, 0)
    assert (online["labelled"], online["frauds"], online["caught"]) == (3, 3, 2), "the newest label counts"
    assert (online["value_caught"], online["value_missed"]) == (1600 + 1700, 1100)
    assert online["recall"]["value"] == pytest.approx(2 / 3)
    assert (lines["pos"]["decided"], lines["pos"]["labelled"], lines["pos"]["frauds"]) == (1, 1, 0)
    whole = found["whole"]
    assert (whole["decided"], whole["labelled"], whole["caught"]) == (9, 4, 2)
    assert (found["currency"], found["decimals"]) == ("USD", 2)


def test_a_decision_counts_with_each_of_its_reasons(decided: Server) -> None:
    lines = {one["key"]: one for one in report(decided, "reason")["lines"]}
    assert (lines["VELOCITY_5M"]["decided"], lines["VELOCITY_5M"]["caught"]) == (4, 2)
    assert report(decided, "reason")["whole"]["decided"] == 9


@pytest.mark.parametrize(
    ("by", "key"), [("day", "2026-01-01"), ("week", "2025-12-29"), ("month", "2026-01-01")]
)
def test_periods_are_named_by_their_first_day(decided: Server, by: str, key: str) -> None:
    assert [(one["key"], one["decided"]) for one in report(decided, by)["lines"]] == [(key, 9)]


def test_a_period_ends_before_its_end(decided: Server) -> None:
    assert report(decided, "day", until=at(0))["whole"]["decided"] == 0
    assert report(decided, "day", since=at(0))["whole"]["decided"] == 9


def test_what_cannot_be_counted_by_is_refused_with_the_nearest_name(decided: Server) -> None:
    assert "channel" in faults(decided.get("/api/v1/reports/chanel"), "parameter_invalid")["by"]["hint"]
    assert "channel" in decided.get("/api/v1/reports").json()["by"]
    assert "user_id" not in decided.get("/api/v1/reports").json()["by"], "no report names every customer"


def test_quality_is_measured_on_labelled_events(clever: Server) -> None:
    assert clever.get("/api/v1/models/quality").json()["labelled"] == 0
    scored = [clever.score(event) for event in burst(8)]
    tell(clever, b_0=False, b_1=False, b_6=True, b_7=True)
    found = clever.get("/api/v1/models/quality").json()
    flagged = [one["flagged"] for one in scored]
    assert (found["labelled"], found["frauds"]) == (4, 2)
    assert found["flagged"] == flagged[0] + flagged[1] + flagged[6] + flagged[7]
    assert found["caught"] == flagged[6] + flagged[7]
    risks = {at: scored[at]["risk_score"] for at in (0, 1, 6, 7)}
    pairs = [
        (risks[bad] > risks[good]) + (risks[bad] == risks[good]) / 2 for bad in (6, 7) for good in (0, 1)
    ]
    assert found["ranking"]["auc"] == pytest.approx(sum(pairs) / 4)
    assert sum(found["scores"]["fraud"]) == sum(found["scores"]["honest"]) == 2
    other = clever.get("/api/v1/models/quality", params={"bundle": "0" * 64}).json()
    assert (other["labelled"], other["ranking"], other["calibration"]) == (0, None, None)


def test_an_attachment_of_no_registry_is_not_found(server: Server) -> None:
    problem(server.get("/api/v1/models/versions/1/attachments/report.html"), 404, "not_found")
