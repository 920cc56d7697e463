"""sensor_readings: keys made of two columns, a field called value, and what the rules say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import riskloom
from riskloom.bundle import make_bundle
from riskloom.domain.event import decode_json
from riskloom.errors import ScenarioInvalid
from riskloom.pipeline import Pipeline
from riskloom.scenario.load import load_scenario, scenario_from_parts
from support.events import NOW_US, at

MINUTE_S = 60
HOUR_S = 3_600
DAY_S = 24 * HOUR_S


def reading(seconds: float, value: Any, sensor: str = "boiler", **more: Any) -> dict[str, Any]:
    return {
        "reading_id": f"{sensor}-{seconds}",
        "timestamp": at(seconds),
        "sensor": sensor,
        "value": value,
        **more,
    }


def daily(days: int, every_s: int = 10 * MINUTE_S) -> list[dict[str, Any]]:
    """Readings that are 20 at night and 80 by day, with a little of everything between."""
    times = range(0, days * DAY_S, every_s)
    return [
        reading(s, 20.0 + 60.0 * (8 <= s % DAY_S // HOUR_S < 20) + (s // every_s * 7) % 10 / 10)
        for s in times
    ]


def reasons(readings: list[dict[str, Any]]) -> list[set[str]]:
    return [
        {one["code"] for one in told["reasons"]} for told in riskloom.load("sensor_readings").score(readings)
    ]


def test_a_day_s_value_at_night_is_unusual_at_this_hour() -> None:
    usual = daily(5)
    strange = reading(5 * DAY_S + 2 * HOUR_S, 80.3)
    told = reasons([*usual, strange])
    assert told[-1] >= {"UNUSUAL_AT_THIS_HOUR", "LEVEL_CHANGED"}
    assert not any("UNUSUAL_AT_THIS_HOUR" in one for one in told[:-1])


def test_far_outside_the_range_is_flagged() -> None:
    usual = daily(5)
    answer = riskloom.load("sensor_readings").score([*usual, reading(5 * DAY_S, 200.0)])[-1]
    assert answer["outcome"] == "FLAGGED"
    assert "OUT_OF_RANGE" in {one["code"] for one in answer["reasons"]}


def test_a_sensor_that_repeats_itself_is_stuck_but_a_switch_is_not() -> None:
    stuck = [reading(2 * DAY_S + s, 33.3) for s in range(0, 7 * HOUR_S, 10 * MINUTE_S)]
    lively = [reading(s, 20 + (s // 600 * 13) % 400 / 10) for s in range(0, 2 * DAY_S, 10 * MINUTE_S)]
    told = reasons([*lively, *stuck])
    assert "STUCK" in told[-1]
    assert not any("STUCK" in one for one in told[: len(lively)])
    switch = [reading(s, 1) for s in range(0, 3 * DAY_S, 10 * MINUTE_S)]
    assert not any("STUCK" in one for one in reasons(switch))


def test_a_silence_is_told_by_the_reading_that_ends_it() -> None:
    usual = daily(3)
    late = reading(3 * DAY_S + 6 * HOUR_S, 20.1)
    assert "READINGS_MISSED" in reasons([*usual, late])[-1]


def test_sensors_do_not_share_what_is_usual() -> None:
    usual = daily(3)
    other = reading(3 * DAY_S, 80.0, sensor="fridge")
    assert reasons([*usual, other])[-1] == set()


def test_keys_made_of_two_columns_are_the_same_for_one_and_for_many() -> None:
    scenario = load_scenario("sensor_readings")
    schema = scenario.schema()
    sent = [*daily(2), reading(DAY_S, 20.0), reading(2 * DAY_S, 1.0, sensor="büro|1")]
    events = [
        schema.parse_one(decode_json(_json(one)), NOW_US + 3 * DAY_S * 1_000_000, make_id=str) for one in sent
    ]
    many, _, _ = Pipeline(make_bundle(scenario, None)).compute_many(events, 1)
    one = Pipeline(make_bundle(scenario, None))
    for arrival, event in enumerate(events, 1):
        vector, _, _ = one.look_one(event)
        assert np.array_equal(vector, many[arrival - 1], equal_nan=True)
        one.advance_one(arrival)


def test_a_rule_s_own_value_goes_before_a_field_of_that_name() -> None:
    parts = dict(load_scenario("sensor_readings").parts)
    rule = {"code": "HOT", "when": "value > 90", "message": "{value} degrees", "action": "flag"}
    parts["rules"] = [rule, {**rule, "code": "HOTTER", "value": "value - 90"}]
    pipeline = Pipeline(make_bundle(scenario_from_parts(parts), None))
    event = pipeline.scenario.schema().parse_one(decode_json(_json(reading(0, 95))), NOW_US, make_id=str)
    hot, hotter = pipeline.score_one(event, 1).reasons
    assert (hot.values["value"], hotter.values["value"]) == (95.0, 5.0)


def test_a_derived_key_must_be_a_text_with_a_name_of_its_own() -> None:
    parts = dict(load_scenario("sensor_readings").parts)
    features = parts["features"]
    derived = features["event"]["derived"] | {
        "bad": {"type": "integer", "entity": "bad", "expression": "1"},
        "twice": {"type": "category", "entity": "sensor", "expression": "join(sensor, site)"},
    }
    parts["features"] = features | {"event": features["event"] | {"derived": derived}}
    with pytest.raises(ScenarioInvalid) as caught:
        scenario_from_parts(parts)
    assert [fault.where for fault in caught.value.faults] == [
        "event.derived.bad.entity",
        "event.derived.twice.entity",
    ]


def _json(data: dict[str, Any]) -> bytes:
    import msgspec

    return msgspec.json.encode(data)
