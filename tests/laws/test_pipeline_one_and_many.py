"""Decisions one by one are those of the batch, bit for bit: with ties, late and too late events, nulls."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from riskloom.bundle import Bundle, make_bundle
from riskloom.domain.decision import MODEL_REASON, Decision
from riskloom.domain.event import Event, decode_json
from riskloom.domain.show import show_time
from riskloom.errors import EventInvalid
from riskloom.pipeline import NO_MODEL, TOO_LATE, Batch, Pipeline
from riskloom.scenario.load import load_scenario
from riskloom.training.fit import fit_model
from riskloom.training.history import unlabelled
from support.events import NOW_US, history
from support.small import DAY_US, small_scenario

MINUTE_US = 60_000_000
GAPS_US = [
    0, 0, 0, 1, 1_000_000, MINUTE_US - 1, MINUTE_US, MINUTE_US + 1, 2 * MINUTE_US - 1, 2 * MINUTE_US,
    2 * MINUTE_US + 1,
    5 * MINUTE_US, DAY_US, 91 * DAY_US, -1, -MINUTE_US, -2 * MINUTE_US, -2 * MINUTE_US - 1, -3 * MINUTE_US,
]  # fmt: skip
AMOUNTS = [0, "0.01", "0.005", 12.5, "1e-7", 99.995, 100, "100.01", 10**9, 600_000_000_000.63, None]

COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "gap_us": st.sampled_from(GAPS_US),
    "user": st.sampled_from(["ann", "bob", "ann", "ärö", None]),
    "device": st.sampled_from(["d1", "d2", "d3", None]),
    "kind": st.sampled_from(["a", "B", "other", None]),
    "ip": st.sampled_from(["10.0.0.1", "::1", "::ffff:10.0.0.1", None]),
    "count": st.sampled_from([0, 1, 3, -7, 2**46 - 1, None]),
    "share": st.sampled_from([0, 0.001, -2.5, 1e10, -1e10, None]),
    "amount": st.sampled_from(AMOUNTS),
    "fee": st.sampled_from([0, -1.25, "-0.005", 3, None]),
    "currency": st.sampled_from(["USD", "EUR", "JPY", None]),
    "flag": st.sampled_from([True, False, None]),
    "opened": st.sampled_from(["00:00", "09:30", "23:59", None]),
    "due": st.sampled_from([show_time(NOW_US), "2026-06-30T22:30:00Z", None]),
    "lat": st.sampled_from([90, -90, 0, 48.2, 1e-6, None]),
    "lon": st.sampled_from([180, -180, 0, 16.37, None]),
}
BARE: dict[str, Any] = dict.fromkeys(COLUMNS)
rows = st.fixed_dictionaries(COLUMNS)
streams = st.lists(rows, min_size=1, max_size=25)


def read(stream: Sequence[dict[str, Any]], bundle: Bundle) -> list[Event]:
    """Events that arrive when the newest of them happens: going back in time is being late."""
    import msgspec

    schema = bundle.scenario.schema()
    events: list[Event] = []
    time_us = arrived_us = NOW_US
    for at, row in enumerate(stream):
        time_us += row["gap_us"]
        arrived_us = max(arrived_us, time_us)
        body = {**row, "id": f"e{at}", "at": show_time(time_us)}
        del body["gap_us"]
        body = {name: value for name, value in body.items() if value is not None}
        events.append(schema.parse_one(decode_json(msgspec.json.encode(body)), arrived_us, make_id=str))
    return events


@cache
def small_bundle(trained: bool) -> Bundle:
    """The small scenario, with or without a model."""
    bundle = make_bundle(small_scenario(), None)
    if not trained:
        return bundle
    chance = np.random.default_rng(2)
    vectors = chance.normal(size=(150, len(bundle.scenario.feature_names))) * 10
    vectors[chance.random(vectors.shape) < 0.2] = np.nan
    return make_bundle(bundle.scenario, fit_model(unlabelled(vectors), bundle.scenario, seed=1))


def one_by_one(bundle: Bundle, events: Sequence[Event], arrival: int = 1) -> list[Decision]:
    """As a server decides."""
    pipeline = Pipeline(bundle)
    decisions = []
    for at, event in enumerate(events, arrival):
        again = pipeline.score_one(event, at)
        decision = pipeline.score_one(event, at)
        assert _same(again, decision), "looking changed something"
        decisions.append(decision)
        pipeline.advance_one(at)
    return decisions


def _same(left: Decision, right: Decision) -> bool:
    return left.vector.tobytes() == right.vector.tobytes() and _told(left) == _told(right)


def _told(decision: Decision) -> tuple[object, ...]:
    return (
        decision.event_id, decision.outcome, _bits(decision.anomaly_score), _bits(decision.risk_score),
        decision.degraded,
        [(reason.code, reason.severity, str(reason.values), reason.evidence) for reason in decision.reasons],
    )  # fmt: skip


def _bits(value: float | None) -> bytes | None:
    return None if value is None else np.float64(value).tobytes()


def in_batches(bundle: Bundle, events: Sequence[Event], sizes: Sequence[int]) -> list[Batch]:
    """As a file is decided, in chunks of the given sizes."""
    pipeline = Pipeline(bundle)
    batches, start = [], 0
    for size in [*sizes, len(events)]:
        chunk = events[start : start + size]
        if chunk:
            batches.append(pipeline.score_many(chunk, start + 1))
        start += size
    return batches


def check(bundle: Bundle, events: Sequence[Event], sizes: Sequence[int]) -> None:
    """Every decision against its row of the batches."""
    decisions = one_by_one(bundle, events)
    at = 0
    for batch in in_batches(bundle, events, sizes):
        for row in range(len(batch.outcomes)):
            decision = decisions[at]
            assert batch.vectors[row].tobytes() == decision.vector.tobytes(), _difference(
                bundle, batch, row, decision
            )
            assert batch.outcomes[row] is decision.outcome
            assert bool(batch.too_late[row]) == (TOO_LATE in decision.degraded)
            met = [rule.code for rule, hit in zip(bundle.scenario.rules, batch.met[row], strict=True) if hit]
            assert met == [reason.code for reason in decision.reasons if reason.code != MODEL_REASON]
            if bundle.model is None:
                assert batch.risk_scores is None
                assert decision.risk_score is None
                assert NO_MODEL in decision.degraded
            else:
                assert batch.anomaly_scores is not None
                assert batch.risk_scores is not None
                assert _bits(decision.anomaly_score) == batch.anomaly_scores[row].tobytes()
                assert _bits(decision.risk_score) == batch.risk_scores[row].tobytes()
            at += 1
    assert at == len(decisions)


def _difference(bundle: Bundle, batch: Batch, row: int, decision: Decision) -> dict[str, tuple[float, float]]:
    pairs = zip(bundle.scenario.feature_names, batch.vectors[row], decision.vector, strict=True)
    return {name: (many, one) for name, many, one in pairs if _bits(many) != _bits(one)}


sizes = st.lists(st.integers(0, 9), max_size=4)


@pytest.mark.parametrize("trained", [False, True], ids=["rules alone", "with a model"])
@settings(deadline=None, max_examples=60)
@given(stream=streams, sizes=sizes)
def test_one_by_one_is_the_batch_bit_for_bit(
    trained: bool, stream: list[dict[str, Any]], sizes: list[int]
) -> None:
    bundle = small_bundle(trained)
    check(bundle, read(stream, bundle), sizes)


@settings(deadline=None, max_examples=30)
@given(stream=streams, cut=st.integers(0, 25), scored=st.booleans())
@example(stream=[{**BARE, "gap_us": 1, "user": "ann"}] * 5, cut=4, scored=True)
@example(stream=[{**BARE, "gap_us": 1, "user": "ann"}] * 5, cut=4, scored=False)
def test_a_state_that_took_many_in_goes_on_one_by_one(
    stream: list[dict[str, Any]], cut: int, scored: bool
) -> None:
    bundle = small_bundle(True)
    events = read(stream, bundle)
    expected = one_by_one(bundle, events)
    pipeline = Pipeline(bundle)
    if scored:
        pipeline.score_many(events[:cut], 1)
    else:
        pipeline.advance_many(events[:cut], np.arange(1, len(events[:cut]) + 1))
    for at, event in enumerate(events[cut:], min(cut, len(events)) + 1):
        decision = pipeline.score_one(event, at)
        assert _same(decision, expected[at - 1])
        pipeline.advance_one(at)


@settings(deadline=None, max_examples=30)
@given(stream=streams)
def test_evidence_is_what_arrived_before_with_the_newest_last(stream: list[dict[str, Any]]) -> None:
    bundle = small_bundle(True)
    events = read(stream, bundle)
    for decision in one_by_one(bundle, events):
        for reason in decision.reasons:
            assert all(1 <= number < decision.arrival for number in reason.evidence)
            by_time = sorted(set(reason.evidence), key=lambda number: (events[number - 1].time_us, number))
            assert list(reason.evidence) == by_time  # newest last
            if reason.code == "MANY":
                assert len(reason.evidence) == reason.values["value"]
                keys = {events[number - 1].values["user"] for number in reason.evidence}
                assert keys == {events[decision.arrival - 1].values["user"]}


@settings(deadline=None, max_examples=30)
@given(stream=streams)
def test_a_vector_frozen_before_gives_the_same_decision_later(stream: list[dict[str, Any]]) -> None:
    bundle = small_bundle(True)
    events = read(stream, bundle)
    decisions = one_by_one(bundle, events)
    pipeline = Pipeline(bundle)
    pipeline.advance_many(events, np.arange(1, len(events) + 1))
    for event, decision in zip(events, decisions, strict=True):
        late = TOO_LATE in decision.degraded
        again = pipeline.score_stored(event, decision.arrival, decision.vector, decision.degraded)
        assert _told(again)[:4] == _told(decision)[:4]
        assert again.degraded == (*decision.degraded, f"decided_late:{decision.arrival}")
        assert again.vector.tobytes() == decision.vector.tobytes()
        assert [reason.code for reason in again.reasons] == [reason.code for reason in decision.reasons]
        assert late == (TOO_LATE in again.degraded)


def test_the_streams_meet_what_they_are_made_for() -> None:
    gaps_us = (0, 0, MINUTE_US, -MINUTE_US, 5 * MINUTE_US, -2 * MINUTE_US, -1)
    stream = [{**BARE, "gap_us": gap_us, "user": "ann", "count": 3, "amount": 5} for gap_us in gaps_us]
    bundle = small_bundle(False)
    decisions = one_by_one(bundle, read(stream, bundle))
    at = bundle.scenario.feature_names.index("n")
    assert [TOO_LATE in decision.degraded for decision in decisions] == [False] * 6 + [True]
    assert [decision.vector[at] for decision in decisions[:4]] == [0, 1, 2, 2]
    assert np.isnan(decisions[6].vector[: len(bundle.scenario.windows)]).all()


@pytest.mark.parametrize("with_model", [False, True], ids=["rules alone", "with a model"])
def test_simulated_card_payments_are_decided_alike(with_model: bool, bundle: Bundle, trained: Bundle) -> None:
    chosen = trained if with_model else bundle
    schema = chosen.scenario.schema()
    events = [schema.parse_one(_plain(row), NOW_US, make_id=str) for row in history(1_200)]
    check(chosen, events, [1, 7, 300])
    if with_model:
        outcomes = {decision.outcome for decision in one_by_one(chosen, events[-600:])}
        assert len(outcomes) >= 2


def _plain(row: dict[str, Any]) -> object:
    import msgspec

    return decode_json(msgspec.json.encode(row))


cards = st.fixed_dictionaries(
    {
        "gap_us": st.sampled_from([*GAPS_US, 7 * DAY_US, -7 * DAY_US, -7 * DAY_US - 1, -8 * DAY_US]),
        "user_id": st.sampled_from(["ann", "bob"]),
        "merchant_id": st.sampled_from(["m1", "m2", "m3"]),
        "merchant_category": st.sampled_from(["food", None]),
        "amount": st.sampled_from([amount for amount in AMOUNTS if amount is not None]),
        "currency": st.sampled_from(["USD", "EUR", "JPY"]),
        "lat": st.sampled_from([90, -90, 0, 51.5]),
        "lon": st.sampled_from([180, -180, 0, -0.1]),
        "device_id": st.sampled_from(["d1", "d2"]),
        "ip": st.sampled_from(["10.0.0.1", "10.0.0.2"]),
        "channel": st.sampled_from(["online", "pos"]),
    }
)


@settings(deadline=None, max_examples=40)
@given(stream=st.lists(cards, min_size=1, max_size=20), sizes=sizes, with_model=st.booleans())
def test_hard_card_payments_are_decided_alike(
    stream: list[dict[str, Any]], sizes: list[int], with_model: bool, bundle: Bundle, trained: Bundle
) -> None:
    chosen = trained if with_model else bundle
    schema = chosen.scenario.schema()
    events, time_us, arrived_us = [], NOW_US, NOW_US
    for at, row in enumerate(stream):
        time_us += row["gap_us"]
        arrived_us = max(arrived_us, time_us)
        body = {name: value for name, value in row.items() if name != "gap_us" and value is not None}
        body |= {"event_id": f"e{at}", "timestamp": show_time(time_us)}
        events.append(schema.parse_one(_plain(body), arrived_us, make_id=str))
    check(chosen, events, sizes)


def test_a_currency_never_seen_is_refused_before_anything_is_decided() -> None:
    schema = load_scenario("card_payments").schema()
    row = {**history(1)[0], "currency": "XAU"}
    with pytest.raises(EventInvalid, match="XAU"):
        schema.parse_one(_plain(row), NOW_US, make_id=str)
