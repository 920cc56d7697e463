"""Laws of the simulation: counts are exact, order and time frame are kept, whatever is asked for."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from riskloom.simulate.attacks import KINDS, attack
from riskloom.simulate.cards import simulate
from riskloom.simulate.world.payment import read_time_us
from riskloom.simulate.world.places import distance_km

DAY_US = 86_400_000_000

requests = st.fixed_dictionaries(
    {
        # Edges: none, one, fewer than kinds of fraud; a season of trips less one, exactly, more by one.
        "events": st.sampled_from([0, 1, 2, 9, 10, 400]) | st.integers(0, 1500),
        "seed": st.sampled_from([0, 1, 2**63 - 1]) | st.integers(0, 2**40),
        "days": st.sampled_from([1, 2, 5, 6, 29, 30, 31, 61]),
        "users": st.sampled_from([None, 1, 2, 20]) | st.integers(1, 300),
        "fraud_share": st.sampled_from([0.0, 0.001, 0.5]) | st.floats(0, 0.5),
        "start_us": st.integers(0, 40_000).map(lambda day: day * DAY_US),
    }
)


@settings(max_examples=60, deadline=None)
@given(requests)
def test_counts_order_frame_and_honest_speed_hold_for_every_request(request: dict[str, Any]) -> None:
    rows: list[dict[str, Any]] = list(simulate(**request))
    assert len(rows) == request["events"]
    frauds = Counter(row["fraud_kind"] for row in rows if row["is_fraud"])
    assert sum(frauds.values()) == round(request["events"] * request["fraud_share"])
    assert set(frauds) == set(KINDS) or sum(frauds.values()) < len(KINDS)
    times = [read_time_us(row["timestamp"]) for row in rows]
    keys = [(time, row["event_id"]) for time, row in zip(times, rows, strict=True)]
    assert keys == sorted(set(keys))
    assert all(request["start_us"] <= time < request["start_us"] + request["days"] * DAY_US for time in times)
    last: dict[str, tuple[int, int, int]] = {}
    for time, row in zip(times, rows, strict=True):
        assert float(row["amount"]) > 0
        if row["is_fraud"]:
            continue
        place = round(row["lat"] * 1e6), round(row["lon"] * 1e6)
        then, *before = last.get(row["user_id"], (time, *place))
        kilometres = distance_km(*before, *place)
        assert kilometres < 150 or kilometres / ((time - then) / 3.6e9) < 900
        last[row["user_id"]] = (time, *place)


@settings(max_examples=50, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 2**40),
    gap_us=st.sampled_from([1, 1000, 60_000_000, DAY_US]) | st.integers(1, 40 * DAY_US),
    normal=st.integers(0, 8),
    size=st.none() | st.integers(1, 40),
    length=st.integers(1, 30),
)
def test_an_attack_follows_any_history_in_order(
    kind: str, seed: int, gap_us: int, normal: int, size: int | None, length: int
) -> None:
    history: list[dict[str, Any]] = list(simulate(length, seed, users=2, days=3, fraud_share=0))
    latest_us = read_time_us(history[-1]["timestamp"])
    rows: list[dict[str, Any]] = attack(kind, history, latest_us + gap_us, seed, normal=normal, size=size)
    times = [read_time_us(row["timestamp"]) for row in rows]
    assert times == sorted(times)
    assert times[0] >= latest_us
    assert [row["is_fraud"] for row in rows[:normal]] == [0] * normal
    assert all(row["fraud_kind"] == kind and float(row["amount"]) > 0 for row in rows[normal:])
    assert len(rows) - normal == size if size else len(rows) > normal
