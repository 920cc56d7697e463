"""A budget of alerts a day is kept, well used, and the same after a restart."""

from __future__ import annotations

import json
import math
import random

from hypothesis import given
from hypothesis import strategies as st

from riskloom.policy.budget import DAY_US, AlertBudget, Budget

HOUR_US = DAY_US // 24
NAN = math.nan
Event = tuple[int, str | None, float, bool]
"""(time, entity, worth, forced: flagged by a rule)."""


def run(kept: AlertBudget, events: list[Event], base: float = 90.0) -> list[bool]:
    """Whether the model flags each, as a judge drives it."""
    found = []
    for at_us, entity, worth, forced in events:
        flags, _, _ = kept.look(at_us, entity, None, worth, worth >= base)
        kept.take(at_us, entity, None, worth, flags or forced, forced)
        found.append(flags)
    return found


def day_of_events(day: int, count: int, chance: random.Random) -> list[Event]:
    return [
        (day * DAY_US + at * DAY_US // count, f"u{chance.randrange(400)}", chance.random() * 100, False)
        for at in range(count)
    ]


def test_a_stream_of_ordinary_days_uses_its_budget_and_never_more() -> None:
    chance = random.Random(3)
    kept = AlertBudget(Budget(20, "user"), "UTC")
    first = []
    for day in range(30):
        events = day_of_events(day, 1000, chance)
        flags = run(kept, events, base=98.0)
        first.append(len({event[1] for event, flag in zip(events, flags, strict=True) if flag}))
    assert max(first) <= 20
    assert sum(first[1:]) >= 0.85 * 20 * 29


def test_the_second_flag_of_an_entity_on_a_day_is_free_and_a_third_entity_waits() -> None:
    kept = AlertBudget(Budget(2, "user"), "UTC")
    events = [(at, user, 95.0, False) for at, user in enumerate(["a", "b", "a", "c", "b"])]
    assert run(kept, events) == [True, True, True, False, True]
    assert kept.look(9, "c", None, 95.0, True)[:2] == (False, True)


def test_for_the_rest_of_a_flagged_entitys_day_the_policys_own_threshold_is_enough() -> None:
    kept = AlertBudget(Budget(1, "user", not_below=10.0), "UTC")
    run(kept, [(0, "a", 99.0, False)])
    later = [(DAY_US, "a", 95.0, False), (DAY_US + 1, "b", 99.5, False), (DAY_US + 2, "b", 95.0, False)]
    assert run(kept, [*later, (DAY_US + 3, "b", 89.0, False)]) == [False, True, True, False]
    assert run(kept, [(2 * DAY_US, "b", 95.0, False)]) == [False]  # another day: the budget's again


def test_the_threshold_of_a_day_is_what_fitted_the_days_before() -> None:
    kept = AlertBudget(Budget(2, "user", not_below=10.0), "UTC")
    run(kept, [(at, f"u{at}", float(worth), False) for at, worth in enumerate([60, 80, 40, 70, 80])])
    assert kept.look(DAY_US, "x", None, 80.0, False)[2] == 80.0  # two entities of the first day reached it
    assert kept.look(DAY_US, "x", None, 80.0, False)[0]
    assert not kept.look(DAY_US, "x", None, 79.9, True)[0]
    assert kept.look(2 * DAY_US, "x", None, 80.0, True)[2] == 80.0


def test_what_rules_flag_counts_first() -> None:
    kept = AlertBudget(Budget(2, "user"), "UTC")
    run(kept, [(0, "a", 99.0, True), (1, "b", 80.0, False), (2, "c", 70.0, False)])
    assert kept.look(DAY_US, "x", None, 80.0, False)[2] == 80.0  # one place was left beside the rule's
    many = AlertBudget(Budget(2, "user"), "UTC")
    run(many, [(at, f"u{at}", 99.0, True) for at in range(3)])
    assert many.look(1, "x", None, 99.0, True)[:2] == (False, True)
    assert many.look(DAY_US, "x", None, 100.0, True)[2] == math.inf


def test_a_quiet_past_lets_the_threshold_fall_only_so_far() -> None:
    kept = AlertBudget(Budget(5, "user", not_below=30.0), "UTC")
    run(kept, [(0, "a", 40.0, False)])
    assert kept.look(DAY_US, "x", None, 30.0, False) == (True, False, 30.0)
    assert kept.look(DAY_US, "x", None, 29.0, True) == (False, False, 30.0)


def test_days_of_long_ago_do_not_count() -> None:
    kept = AlertBudget(Budget(1, "user", days=2), "UTC")
    run(kept, [(0, "a", 99.0, False)])
    assert kept.look(2 * DAY_US, "x", None, 90.0, True)[2] == 99.0
    assert kept.look(3 * DAY_US, "x", None, 90.0, True) == (True, False, None)


def test_the_oldest_day_that_counts_still_counts_once_the_day_has_begun() -> None:
    kept = AlertBudget(Budget(1, "user", days=2), "UTC")
    run(kept, [(0, "a", 99.0, False), (2 * DAY_US, "b", 10.0, False)])
    assert kept.look(2 * DAY_US + 1, "x", None, 98.0, True)[2] == 99.0


def test_a_clock_that_is_set_back_opens_no_other_day() -> None:
    kept = AlertBudget(Budget(1, "user"), "UTC")
    run(kept, [(DAY_US, "a", 99.0, False)])
    assert kept.look(DAY_US - 1, "b", None, 99.0, True) == (False, True, None)
    run(kept, [(0, "c", 99.0, True)])
    assert kept.look(2 * DAY_US, "x", None, 99.0, True)[2] == math.inf


def test_days_are_those_of_the_time_zone() -> None:
    kept = AlertBudget(Budget(1, "user"), "America/New_York")
    assert run(kept, [(4 * HOUR_US, "a", 95.0, False), (5 * HOUR_US - 1, "b", 95.0, False)]) == [True, False]
    assert kept.look(5 * HOUR_US, "b", None, 95.0, True)[0]


def test_segments_have_budgets_of_their_own() -> None:
    kept = AlertBudget(Budget(1, "user", "channel"), "UTC")
    kept.take(0, "a", "online", 95.0, True, False)
    assert not kept.look(1, "b", "online", 95.0, True)[0]
    assert kept.look(1, "b", "pos", 95.0, True)[0]
    assert kept.look(1, "b", None, 95.0, True)[0]


def test_events_without_an_entity_count_one_by_one() -> None:
    kept = AlertBudget(Budget(2, "user"), "UTC")
    assert run(kept, [(at, None, 95.0, False) for at in range(3)]) == [True, True, False]


def test_an_unknown_worth_is_decided_by_the_policy_alone() -> None:
    kept = AlertBudget(Budget(1, "user"), "UTC")
    run(kept, [(0, "a", 99.0, False)])
    assert kept.look(DAY_US, "x", None, NAN, True)[0]
    assert not kept.look(DAY_US, "x", None, NAN, False)[0]


GAPS = [0, 1, HOUR_US, DAY_US - 1, DAY_US, DAY_US + 1, 2 * DAY_US, -HOUR_US]
streams = st.lists(
    st.tuples(
        st.sampled_from(GAPS),
        st.sampled_from(["a", "b", "c", None]),
        st.sampled_from([0.0, 60.0, 90.0, 95.0, 100.0, NAN]),
        st.booleans(),
    ),
    max_size=30,
)


def timed(stream: list[tuple[int, str | None, float, bool]]) -> list[Event]:
    now_us, events = 10 * DAY_US, []
    for gap, entity, worth, forced in stream:
        now_us += gap
        events.append((now_us, entity, worth, forced))
    return events


@given(stream=streams, cut=st.integers(0, 30))
def test_a_restart_changes_nothing(stream: list[tuple[int, str | None, float, bool]], cut: int) -> None:
    events = timed(stream)
    whole, first = (
        AlertBudget(Budget(1, "user", days=2), "UTC"),
        AlertBudget(Budget(1, "user", days=2), "UTC"),
    )
    wanted = run(whole, events)
    flags = run(first, events[:cut])
    again = AlertBudget(Budget(1, "user", days=2), "UTC")
    again.restore(json.loads(json.dumps(first.as_data())))
    assert flags + run(again, events[cut:]) == wanted
    assert again.as_data() == whole.as_data()


@given(stream=streams)
def test_the_last_days_of_the_log_are_all_it_needs(stream: list[tuple[int, str | None, float, bool]]) -> None:
    events = sorted(timed(stream), key=lambda event: event[0])
    whole = AlertBudget(Budget(1, "user", days=2), "UTC")
    flags = run(whole, events)
    recovered = AlertBudget(Budget(1, "user", days=2), "UTC")
    last = max((whole.day_of(event[0]) for event in events), default=0)
    for (at_us, entity, worth, forced), flag in zip(events, flags, strict=True):
        if whole.day_of(at_us) >= last - 2:
            recovered.take(at_us, entity, None, worth, flag or forced, forced)
    for days in range(4):
        for worth in (60.0, 95.0, 100.0):
            at_us = (last + days) * DAY_US + DAY_US - 1
            seen = [kept.look(at_us, "a", None, worth, True) for kept in (whole, recovered)]
            assert seen[0] == seen[1]


@given(stream=streams)
def test_a_look_changes_nothing(stream: list[tuple[int, str | None, float, bool]]) -> None:
    events = timed(stream)
    kept = AlertBudget(Budget(1, "user", days=2), "UTC")
    run(kept, events)
    before = kept.as_data()
    kept.look(99 * DAY_US, "a", None, 95.0, True)
    kept.look(0, None, None, 95.0, True)
    assert kept.as_data() == before
