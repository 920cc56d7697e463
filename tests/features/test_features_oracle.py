"""The oracle itself, against answers worked out by hand: it judges everything else."""

from __future__ import annotations

import pytest

from riskloom.features.oracle import Answer, Event, Fact, oracle
from riskloom.features.spec import WindowFeature

Values = dict[str, str | int | None]


def answers(feature: WindowFeature, *events: tuple[int, int, Values], lateness: int = 100) -> list[Answer]:
    made = [Event(time, arrived, i, values) for i, (time, arrived, values) in enumerate(events)]
    judged = oracle([feature], lateness, made)
    return [answer for answer in judged if answer is not None]


def counts(*times: int, window: int = 10, **more: int) -> list[object]:
    feature = WindowFeature("n", "user", "count", (), window, more.get("delay", 0), bool(more.get("current")))
    events = [(time, max(times[: i + 1]), {"user": "u"}) for i, time in enumerate(times)]
    return [answer.integers[0] for answer in answers(feature, *events)]  # type: ignore[arg-type]


def test_a_window_is_open_at_its_old_end() -> None:
    assert counts(0, 10) == [(0,), (0,)]
    assert counts(1, 10) == [(0,), (1,)]


def test_ties_that_arrived_before_count() -> None:
    assert counts(5, 5, 5) == [(0,), (1,), (2,)]


def test_a_late_event_is_judged_at_its_time_and_seen_later() -> None:
    assert counts(0, 20, 5, 21, window=18) == [(0,), (0,), (1,), (2,)]


def test_a_delay_ends_the_window_before() -> None:
    assert counts(0, 4, 5, 9, window=5, delay=5) == [(0,), (0,), (1,), (2,)]


def test_the_current_event_is_in_it_only_when_asked_for() -> None:
    assert counts(0, 1, current=1) == [(1,), (2,)]


def test_too_late_is_null_and_seen_by_nobody() -> None:
    feature = WindowFeature("n", "user", "count", (), 500)
    got = answers(
        feature,
        (200, 200, {"user": "u"}),
        (99, 200, {"user": "u"}),
        (100, 200, {"user": "u"}),
        (201, 201, {"user": "u"}),
    )
    assert [answer.integers[0] for answer in got] == [(0,), None, (0,), (2,)]
    assert [answer.too_late for answer in got] == [False, True, False, False]


def test_lateness_is_measured_by_arrival_not_by_a_far_future_event_time() -> None:
    feature = WindowFeature("n", "user", "count", (), 10**6)
    got = answers(feature, (10**9, 0, {"user": "u"}), (1, 1, {"user": "u"}), (2, 2, {"user": "u"}))
    assert [answer.integers[0] for answer in got] == [(0,), (0,), (1,)]


AMOUNTS: list[tuple[int, int, Values]] = [
    (0, 0, {"user": "u", "x": 4, "card": "a"}),
    (1, 1, {"user": "u", "x": None, "card": None}),
    (2, 2, {"user": "u", "x": 10, "card": "b"}),
    (3, 3, {"user": "u", "x": 1, "card": "a"}),
    (4, 4, {"user": None, "x": 1, "card": "a"}),
]


@pytest.mark.parametrize(
    ("aggregate", "of", "want"),
    [
        ("sum", "x", [(0,), (4,), (4,), (14,), None]),
        ("mean", "x", [None, (4, 1), (4, 1), (14, 2), None]),
        ("std", "x", [None, (4, 1, 16, 0), (4, 1, 16, 0), (14, 2, 116, 0), None]),
        ("min", "x", [None, (4,), (4,), (4,), None]),
        ("max", "x", [None, (4,), (4,), (10,), None]),
        ("last", "x", [None, (4,), None, (10,), None]),
        ("distinct", "card", [(0,), (1,), (1,), (2,), None]),
        ("first_seen", "card", [(1,), None, (1,), (0,), None]),
        ("seconds_since_last", "", [None, (1,), (1,), (1,), None]),
    ],
)
def test_each_aggregate_by_hand(aggregate: str, of: str, want: list[object]) -> None:
    feature = WindowFeature("f", "user", aggregate, (of,) if of else (), 100)
    assert [answer.integers[0] for answer in answers(feature, *AMOUNTS)] == want


def test_evidence_is_the_window_or_the_one_event_compared_with() -> None:
    window = answers(WindowFeature("f", "user", "sum", ("x",), 100), *AMOUNTS)
    last = answers(WindowFeature("f", "user", "last", ("x",), 100), *AMOUNTS)
    assert [answer.evidence[0] for answer in window] == [(), (0,), (0, 1), (0, 1, 2), ()]
    assert [answer.evidence[0] for answer in last] == [(), (0,), (1,), (2,), ()]


def test_a_fact_is_seen_by_what_arrives_after_it() -> None:
    features = [WindowFeature(name, "user", name, (), 100) for name in ("fraud_count", "fraud_share")]
    events = [Event(time, time, time, {"user": "u"}) for time in (1, 2, 3, 4)]
    entries = [events[0], events[1], Fact(1, True), events[2], Fact(1, False), Fact(2, True), events[3]]
    got = [answer.integers for answer in oracle(features, 0, entries) if answer is not None]
    assert got == [((0,), None), ((0,), (0, 1)), ((1,), (1, 2)), ((1,), (1, 3))]


def test_a_delayed_window_knows_labels_that_came_later_than_its_end() -> None:
    feature = WindowFeature("frauds", "user", "fraud_count", (), 5, 5)
    events = [Event(time, time, time, {"user": "u"}) for time in (1, 6)]
    assert [a.integers for a in oracle([feature], 0, [events[0], Fact(1, True), events[1]]) if a] == [
        ((0,),),
        ((1,),),
    ]
