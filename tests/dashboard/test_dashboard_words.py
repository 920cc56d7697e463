from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from riskloom.dashboard import words

SHIPPED = Path(words.__file__).parents[1] / "scenarios"


@pytest.mark.parametrize(
    ("code", "title"),
    [
        ("NEW_DEVICE", "New device"),
        ("NEW_IP", "New IP"),
        ("VELOCITY_5M", "Velocity, 5 min"),
        ("SPEND_1H", "Spend, 1 hour"),
        ("VELOCITY_24H", "Velocity, 24 hours"),
        ("MODEL_RISK", "Unusual overall"),
        ("5M", "5m"),
        ("", ""),
    ],
)
def test_a_reason_code_becomes_words(code: str, title: str) -> None:
    assert words.reason_title(code) == title


def test_no_rule_that_is_shipped_shows_as_a_code() -> None:
    rules = [rule for path in SHIPPED.glob("*/rules.yaml") for rule in yaml.safe_load(path.read_text())]
    assert rules
    for rule in rules:
        assert not re.search(r"_|[A-Z]{3,}", words.reason_title(rule["code"])), rule["code"]


def test_a_risk_score_is_never_rounded_up_to_what_it_is_not() -> None:
    assert words.risk(99.999) == "99.99"
    assert words.risk(97.99) == "97.9"
    assert words.risk(99) == "99.00"
    assert words.risk(0.0) == "0.0"
    assert words.risk(None) == words.MISSING


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234567.8, "1,234,568"),
        (123.456, "123.5"),
        (12.345, "12.35"),
        (0.0012, "0.0012"),
        (-5.0, "−5"),
        (-1.25, "−1.25"),
        (float("nan"), words.MISSING),
        (float("inf"), words.MISSING),
        (None, words.MISSING),
    ],
)
def test_figures_have_no_more_digits_than_help(value: float | None, text: str) -> None:
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (1.25, "1.20 s"),
        (59, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3599, "59 min"),
        (3600, "1 h"),
        (86399, "1 day"),
        (86400 - 60, "23 h 59 min"),
        (86400, "1 day"),
        (90000, "1 day 1 h"),
        (-60, "−1 min"),
        (None, words.MISSING),
    ],
)
def test_a_time_span_is_told_in_its_largest_units(seconds: float | None, text: str) -> None:
    assert words.duration(seconds) == text


def test_an_event_after_the_decision_is_said_to_be_after() -> None:
    assert words.before(60) == "1 min before"
    assert words.before(-60) == "1 min after"


def test_a_range_says_its_unit_once() -> None:
    assert words.span_text("0 km", "21 km") == "0 to 21 km"
    assert words.span_text("15 min", "2 days") == "15 min to 2 days"
    assert words.span_text("3", "3") == "3"
    assert words.span_text("1 h 5 min", "3 h 5 min") == "1 h 5 to 3 h 5 min"


def test_a_time_is_shown_in_the_scenarios_zone() -> None:
    assert words.moment("2026-01-05T23:30:00Z", "Europe/Berlin") == "6 Jan 2026, 00:30:00 Europe/Berlin"


def test_a_time_without_a_zone_is_utc() -> None:
    assert words.read_time("2026-01-05T23:30:00") == datetime(2026, 1, 5, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "feature", "value", "text"),
    [
        ("is_new_device", {"aggregate": "first_seen"}, 1.0, "yes"),
        ("user_tx_count_5m", {"aggregate": "count"}, 7.0, "7"),
        ("gap", {"aggregate": "seconds_since_last"}, 28.0, "28 s"),
        ("km_from_last", {"aggregate": "travel_km"}, 9402.1, "9,402 km"),
        ("speed_kmh", {"aggregate": "travel_speed"}, 1879.3, "1,879 km/h"),
        ("user_spend_1h", {"aggregate": "sum"}, 12.5, "12.50 USD"),
        ("user_night_share_30d", {"aggregate": "mean"}, 0.25, "25 %"),
        ("amount_vs_user_mean", {}, 13.6, "13.6 ×"),
        ("amount_zscore", {}, 3.25, "3.25"),
        ("hour_of_day", {}, 13.5, "13:30"),
        ("hour_of_day", {}, 23.999, "00:00"),
        ("anything", {}, None, words.MISSING),
    ],
)
def test_a_feature_is_shown_in_its_unit(
    name: str, feature: dict[str, str], value: float | None, text: str
) -> None:
    assert words.feature_text(name, value, feature, "USD") == text
