"""How good decisions were, over HTTP: in all, by rule, by week, and by the control group."""

from __future__ import annotations

from riskloom.bundle import make_bundle
from riskloom.clock import FixedClock
from riskloom.scenario.load import scenario_from_parts
from support.databases import Database
from support.events import NOW_US, burst
from support.policed import card_parts
from support.server import serving


def test_quality_is_told_by_labels_and_weighted_by_the_control_group(database: Database) -> None:
    parts = card_parts()
    parts["policy"] = {"control": {"share": 0.5, "key": "a key of the tests"}}
    parts["rules"] = [{"code": "DEAR", "when": "amount > 100", "message": "x", "action": "flag"}]
    bundle = make_bundle(scenario_from_parts(parts), None)
    with serving(database, bundle, clock=FixedClock(NOW_US + 3_600_000_000)) as server:
        dear = [server.score({**event, "amount": 150}) for event in burst(30, "d", currency="USD")]
        cheap = [server.score({**event, "amount": 5}) for event in burst(10, "c", 60, currency="USD")]
        through = [one["event_id"] for one in dear if one["control"]]
        told = [*through[::2], dear[0]["event_id"], cheap[0]["event_id"]]
        server.post("/api/v1/labels", [{"event_id": one, "fraud": True, "source": "analyst"} for one in told])
        young = server.get("/api/v1/quality").json()
        found = server.get("/api/v1/quality?mature_days=0").json()
        nothing = server.get("/api/v1/quality?from=2000-01-01T00:00:00Z&to=2000-01-02T00:00:00Z").json()
        assert server.get("/api/v1/quality?mature_days=-1").status_code == 422
    assert (young["decisions"], young["labelled"], young["frauds"]) == (40, len({*told}), len({*told}))
    assert found["maturity"] == 1.0
    assert found["stopped"] == 30 - len(through)
    caught = {dear[0]["event_id"]} - {*through}
    assert found["caught"] == len(caught)
    weighted = found["weighted"]
    assert weighted["control"] == len(through)
    assert weighted["stopped"]["value"] == 2 * len(through)
    assert weighted["caught"]["value"] == 2 * len({*told} & {*through})
    assert (weighted["missed"], weighted["missed_value"]) == (1.0, 5.0)
    assert found["by_rule"]["DEAR"]["decisions"] == 30
    assert sum(week["decisions"] for week in found["by_week"]) == 40
    assert (nothing["decisions"], nothing["weighted"], nothing["precision"]) == (0, None, None)
