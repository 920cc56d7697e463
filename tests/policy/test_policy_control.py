"""The control group: who is let through by chance, what the decision says of it, and who never is."""

from __future__ import annotations

from typing import Any

import pytest

from riskloom.bundle import Bundle, make_bundle
from riskloom.domain.decision import CONTROL_REASON, LADDER, Decision, Outcome
from riskloom.errors import ScenarioInvalid
from riskloom.pipeline import Pipeline
from riskloom.policy.control import Control
from riskloom.replay.run import replay
from riskloom.replay.side import Side
from riskloom.scenario.load import scenario_from_parts
from support.events import burst
from support.policed import card_parts
from support.recorded import in_chunks, labelled

KEY = "a key of the tests"
CONTROL = {"share": 0.3, "key": KEY}
APPROVED, FLAGGED, REJECTED = LADDER


def bundle_with(action: str, **policy: Any) -> Bundle:
    """Card payments whose every event a rule flags or rejects."""
    rule = {"code": "ALWAYS", "when": "amount > 0", "message": "x", "severity": "low", "action": action}
    parts = {**card_parts(), "rules": [rule], "policy": {"control": CONTROL, **policy}}
    return make_bundle(scenario_from_parts(parts), None)


def decided(bundle: Bundle, count: int = 60) -> list[Decision]:
    """Decisions one by one, after checking that many at once, in chunks of a replay, give the same."""
    listed = labelled(bundle.scenario, burst(count, user_id="ann"))
    events = [event for event, _ in listed]
    one = list(Pipeline(bundle).decisions(events, 1))
    many = Pipeline(bundle)
    halves = [many.score_many(events[:17], 1), many.score_many(events[17:], 18)]
    outcomes = [outcome for batch in halves for outcome in batch.outcomes]
    assert outcomes == [decision.outcome for decision in one]
    replayed = replay([Side("A", bundle)], in_chunks(listed, 7))
    assert [LADDER[at] for at in replayed.tape.tracks["A"].outcomes] == outcomes
    return one


def let_through(decisions: list[Decision]) -> list[Decision]:
    return [one for one in decisions if one.reasons and one.reasons[-1].code == CONTROL_REASON]


@pytest.mark.parametrize("budget", [{}, {"budget": {"per_day": 5, "entity": "user_id"}}])
def test_a_share_of_what_is_flagged_is_approved_and_says_so(budget: dict[str, Any]) -> None:
    decisions = decided(bundle_with("flag", **budget))
    through = let_through(decisions)
    group = Control(0.3, KEY)
    assert [one.event_id for one in through] == [
        one.event_id for one in decisions if group.takes(one.event_id)
    ]
    assert 5 < len(through) < 30
    for one in decisions:
        assert one.outcome is (APPROVED if one in through else FLAGGED)
    assert through[0].reasons[-1].values == {"value": "FLAGGED", "propensity": 0.3}
    assert [reason.code for reason in through[0].reasons] == ["ALWAYS", CONTROL_REASON]


def test_what_is_rejected_is_let_through_only_where_that_was_declared() -> None:
    assert let_through(decided(bundle_with("reject"))) == []
    through = let_through(decided(bundle_with("reject", control={**CONTROL, "up_to": "REJECTED"})))
    assert through
    assert through[0].reasons[-1].values["value"] == "REJECTED"


def test_a_deny_list_is_never_let_through() -> None:
    entries = [{"value": "ann", "reason": "stolen"}]
    parts = dict(card_parts(), policy={"control": {**CONTROL, "share": 0.5, "up_to": "REJECTED"}})
    parts["lists"] = [{"name": "blocked", "of": "user_id", "kind": "deny", "entries": entries}]
    decisions = decided(make_bundle(scenario_from_parts(parts), None))
    assert {one.outcome for one in decisions} == {REJECTED}


def test_what_is_let_through_takes_no_place_in_the_budget_and_the_log_says_the_same() -> None:
    bundle = bundle_with("flag", budget={"per_day": 5, "entity": "user_id"})
    listed = labelled(bundle.scenario, burst(30))
    live, again = Pipeline(bundle), Pipeline(bundle)
    for number, (event, _) in enumerate(listed, 1):
        decision = live.score_one(event, number)
        live.advance_one(number)
        reasons = [(reason.code, reason.values) for reason in decision.reasons]
        again.deciding.hear(
            event.arrived_us, again.values_of(event), None, None, decision.outcome, reasons, decision.degraded
        )
        again.remember_one()
    told = live.deciding.judge.as_data()
    assert told == again.deciding.judge.as_data()
    flagged = {event.values["user_id"] for event, _ in listed if not Control(0.3, KEY).takes(event.id)}
    assert set(told["budget"][""]["flagged"]) == flagged


@pytest.mark.parametrize(
    ("control", "path"),
    [
        ({"key": KEY}, "share"),
        ({"share": 0, "key": KEY}, "share"),
        ({"share": 0.6, "key": KEY}, "share"),
        ({"share": True, "key": KEY}, "share"),
        ({"share": 0.1}, "key"),
        ({"share": 0.1, "key": "short"}, "key"),
        ({"share": 0.1, "key": "k" * 65}, "key"),
        ({"share": 0.1, "key": KEY, "up_to": "APPROVED"}, "up_to"),
        ({"share": 0.1, "key": KEY, "upto": "FLAGGED"}, "upto"),
    ],
)
def test_a_faulty_declaration_is_named_and_never_tells_the_key(control: dict[str, Any], path: str) -> None:
    with pytest.raises(ScenarioInvalid) as found:
        scenario_from_parts({**card_parts(), "policy": {"control": control}})
    assert f"policy.control.{path}" in str(found.value)
    assert KEY not in str(found.value)


def test_the_key_is_no_part_of_what_is_shown() -> None:
    policy = bundle_with("flag").scenario.policy
    assert policy.as_data()["control"] == {"share": 0.3, "up_to": "FLAGGED"}
    assert Control(0.3, KEY).takes("b-1") == Control(0.3, KEY).takes("b-1")
    group, other = Control(0.5, KEY), Control(0.5, KEY + "!")
    assert [group.takes(f"{at}") for at in range(99)] != [other.takes(f"{at}") for at in range(99)]
    assert isinstance(policy.control, Control)
    assert policy.control.up_to is Outcome.FLAGGED
