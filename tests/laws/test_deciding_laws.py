"""Law: lists, costs, budgets, brakes and switches decide one by one as in a batch, and after a restart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_pipeline_one_and_many import read, streams

from riskloom.bundle import Bundle, make_bundle
from riskloom.domain.decision import MODEL_REASON, Decision, Outcome
from riskloom.domain.event import Event
from riskloom.pipeline import Pipeline
from riskloom.rules.lists import Change, Lists
from riskloom.training.fit import fit_model
from riskloom.training.history import unlabelled
from support.small import small_scenario

_LISTS = [
    {"name": "blocked", "of": "user", "kind": "deny", "entries": ["bob"]},
    {"name": "trusted", "of": ["kind", "device"], "kind": "allow", "entries": ["d3", "other"]},
    {"name": "seen", "of": "device", "kind": "watch", "entries": ["d2"]},
    {"name": "odd", "of": ["kind", "where"], "entries": ["a", "north"]},
]
_RULES = [
    {"code": "ODD", "when": "kind in @odd and not where in @odd", "message": "m", "limit": {"per_minute": 1}},
    {"code": "FEW", "when": "n < 1", "action": "approve", "message": "m"},
    {"code": "FAST", "when": "n >= 1", "message": "m", "limit": {"per_minute": 1, "per_hour": 2}},
    {"code": "LATE", "when": "device not in @seen and count > 2", "action": "reject", "message": "m"},
]  # fmt: skip
_COST = {"kind": "expected_cost", "amount": "amount", "review_cost": 5, "insult_cost": 1, "reject_cost": 50}
_BUDGET = {"budget": {"per_day": 1, "entity": "user", "segment": "kind", "days": 2}}
POLICIES: dict[str, dict[str, Any]] = {
    "percentile": {"percentile": 60, "reject_percentile": 97},
    "cost": {"percentile": 60, **_COST},
    "budget": {"percentile": 60, "reject_percentile": 97, **_BUDGET},
    "cost and budget": {**_COST, **_BUDGET},
    "limit": {"percentile": 60, "limit": {"per_minute": 1, "per_hour": 3}},
    "hold": {"percentile": 60, "reject_percentile": 97, "hold": {"entity": "user", "for": "40s"}},
    "hold and budget": {**_COST, **_BUDGET, "hold": {"entity": "user", "for": "1d"}},
}


@cache
def bundle(policy: str) -> Bundle:
    rules = (
        _RULES
        if policy in ("budget", "limit", "cost and budget", "hold", "hold and budget")
        else _RULES[1::2]
    )
    scenario = small_scenario(lists=_LISTS, rules=rules, policy=POLICIES[policy])
    chance = np.random.default_rng(2)
    vectors = chance.normal(size=(150, len(scenario.feature_names))) * 10
    vectors[chance.random(vectors.shape) < 0.2] = np.nan
    return make_bundle(scenario, fit_model(unlabelled(vectors), scenario, seed=1))


changes = st.lists(
    st.builds(
        Change,
        list=st.sampled_from(["blocked", "trusted", "seen", "odd"]),
        key=st.sampled_from(["ann", "bob", "a", "d1", "d2", "north"]),
        after=st.integers(0, 24),
        added=st.booleans(),
    ),
    max_size=8,
).map(lambda listed: sorted(listed, key=lambda change: change.after))
switches = st.frozensets(st.sampled_from(["model", "policy", "rule:FAST", "rule:LIST_BLOCKED"]), max_size=2)


def one_by_one(
    pipeline: Pipeline, events: Sequence[Event], listed: Sequence[Change], first: int = 1
) -> list[Decision]:
    """As a server decides: every change of a list is made just before the first event that sees it."""
    waiting = list(listed)
    decisions = []
    for at, event in enumerate(events, first):
        while waiting and waiting[0].after < at:
            pipeline.lists.apply(waiting.pop(0))
        pipeline.score_one(event, at)  # a look that is not followed up is forgotten
        decisions.append(pipeline.score_one(event, at))
        pipeline.advance_one(at)
    return decisions


def told(decision: Decision) -> tuple[object, ...]:
    reasons = [(reason.code, str(reason.values)) for reason in decision.reasons]
    return decision.outcome, decision.degraded, reasons, decision.risk_score, decision.probability


@pytest.mark.parametrize("policy", list(POLICIES))
@settings(deadline=None, max_examples=40)
@given(stream=streams, listed=changes, off=switches, sizes=st.lists(st.integers(0, 9), max_size=3))
def test_one_by_one_is_the_batch(
    policy: str, stream: list[dict[str, Any]], listed: list[Change], off: frozenset[str], sizes: list[int]
) -> None:
    chosen = bundle(policy)
    events = read(stream, chosen)
    live, batched = Pipeline(chosen, lists=Lists()), Pipeline(chosen, lists=Lists(listed))
    live.off = batched.off = off
    decisions, start = one_by_one(live, events, listed), 0
    codes = [rule.code for rule in chosen.scenario.rules]
    for size in [*sizes, len(events)]:
        batch = batched.score_many(events[start : start + size], start + 1)
        for row, decision in enumerate(decisions[start : start + size]):
            reasons = {reason.code: reason.values for reason in decision.reasons}
            assert batch.outcomes[row] is decision.outcome
            assert batch.degraded[row] == decision.degraded
            assert bool(batch.by_model[row]) is (MODEL_REASON in reasons)
            acting = [code for code in codes if code in reasons and "shadow" not in reasons[code]]
            assert [code for code, acts in zip(codes, batch.acting[row], strict=True) if acts] == acting
        start += size
    assert batched.deciding.judge.as_data() == live.deciding.judge.as_data()


@pytest.mark.parametrize("policy", ["budget", "limit", "cost and budget", "hold", "hold and budget"])
@settings(deadline=None, max_examples=40)
@given(stream=streams, listed=changes, cut=st.integers(0, 25))
def test_what_was_decided_comes_back_from_the_log(
    policy: str, stream: list[dict[str, Any]], listed: list[Change], cut: int
) -> None:
    chosen = bundle(policy)
    events = read(stream, chosen)
    live = Pipeline(chosen, lists=Lists(listed))
    decisions = one_by_one(live, events[:cut], [])
    again = Pipeline(chosen, live.state, lists=Lists(listed))
    for event, decision in zip(events, decisions, strict=False):
        again.recall(event, json.loads(json.dumps(stored(decision))))
    assert again.deciding.judge.as_data() == live.deciding.judge.as_data()
    rest = [told(decision) for decision in one_by_one(again, events[cut:], [], cut + 1)]
    whole = one_by_one(Pipeline(chosen, lists=Lists(listed)), events, [])
    assert rest == [told(decision) for decision in whole[cut:]]


def stored(decision: Decision) -> dict[str, Any]:
    """What a log holds of a decision."""
    return {
        "outcome": decision.outcome.value,
        "risk_score": decision.risk_score,
        "probability": decision.probability,
        "degraded": list(decision.degraded),
        "reasons": [{"code": reason.code, "values": dict(reason.values)} for reason in decision.reasons],
    }


def test_an_event_decided_later_has_no_place_in_budget_and_limits() -> None:
    chosen = bundle("budget")
    (event,) = read([{**dict.fromkeys(COLUMN_NAMES), "gap_us": 1, "user": "bob", "count": 1}], chosen)
    pipeline = Pipeline(chosen)
    before = pipeline.deciding.judge.as_data()
    decision = pipeline.score_stored(event, 1, pipeline.look_one(event)[0])
    pipeline.advance_one(1)
    assert {"no_budget", "no_brakes"} <= set(decision.degraded)
    assert decision.outcome is Outcome.REJECTED
    pipeline.recall(event, stored(decision))
    assert pipeline.deciding.judge.as_data() == before


def test_an_event_taken_in_without_a_decision_is_not_remembered() -> None:
    chosen = bundle("budget")
    (event,) = read([{**dict.fromkeys(COLUMN_NAMES), "gap_us": 1, "user": "bob"}], chosen)
    pipeline = Pipeline(chosen)
    before = pipeline.deciding.judge.as_data()
    pipeline.score_one(event, 1)  # a look only
    pipeline.look_one(event)
    pipeline.advance_one(1)
    assert pipeline.deciding.judge.as_data() == before


def test_a_pipeline_beside_another_remembers_without_moving_their_state() -> None:
    chosen = bundle("budget")
    events = read(
        [{**dict.fromkeys(COLUMN_NAMES), "gap_us": 1, "user": user} for user in ("bob", "ann")], chosen
    )
    first = Pipeline(chosen)
    beside = Pipeline(chosen, first.state)
    for at, event in enumerate(events, 1):
        beside.score_one(event, at)
        beside.remember_one()
        beside.remember_one()
        first.score_one(event, at)
        first.advance_one(at)
    assert beside.deciding.judge.as_data() == first.deciding.judge.as_data()
    assert first.deciding.judge.as_data()["budget"]


def test_another_bundle_goes_on_with_what_was_remembered() -> None:
    chosen = bundle("budget")
    stream = [
        {**dict.fromkeys(COLUMN_NAMES), "gap_us": 0, "user": user, "count": 3} for user in ("ann", "ärö")
    ]
    pipeline = Pipeline(chosen)
    one_by_one(pipeline, read(stream, chosen), [])
    before = pipeline.deciding.judge.as_data()
    assert before["budget"]
    pipeline.use(bundle("budget"))
    assert pipeline.deciding.judge.as_data() == before
    pipeline.use(bundle("percentile"))
    assert pipeline.deciding.judge.as_data()["budget"] == {}


def test_everything_is_off_but_the_lists() -> None:
    chosen = bundle("percentile")
    bare = {**dict.fromkeys(COLUMN_NAMES), "gap_us": 0, "device": "d1", "count": 3}
    stream = [{**bare, "user": user} for user in ("ann", "bob")]
    pipeline = Pipeline(chosen)
    pipeline.off = frozenset({"policy"})
    ann, bob = one_by_one(pipeline, read(stream, chosen), [])
    assert (ann.outcome, bob.outcome) == (Outcome.APPROVED, Outcome.REJECTED)
    assert ann.degraded == ("off:policy",)
    shadows = {reason.code: reason.values.get("shadow") for reason in ann.reasons}
    assert (shadows["FEW"], shadows["LATE"]) == ("policy", "policy")


COLUMN_NAMES = (
    "gap_us", "user", "device", "kind", "ip", "count", "share", "amount", "fee", "currency", "flag", "opened",
    "due", "lat", "lon",
)  # fmt: skip
