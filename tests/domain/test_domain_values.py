"""Durations, outcomes, and values shown again."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskloom.domain.decision import LADDER, Outcome
from riskloom.domain.duration import format_duration, parse_duration
from riskloom.domain.field import Field, FieldType
from riskloom.domain.show import show_scaled, show_time, shower


@given(st.integers(0, 10**18))
def test_a_duration_is_read_back_from_its_text(duration_us: int) -> None:
    assert parse_duration(format_duration(duration_us)) == duration_us


@pytest.mark.parametrize(
    "text", ["", "5", "m", "5 m", "-5m", "5m ", "1.5h", "5min", "5M", "1h,30m", "9" * 5000 + "s"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|digits"):
        parse_duration(text)


def test_a_week_is_seven_days() -> None:
    assert parse_duration("1w") == parse_duration("7d")


def test_the_ladder_rises() -> None:
    assert [outcome.rank for outcome in LADDER] == [0, 1, 2]
    assert LADDER == (Outcome.APPROVED, Outcome.FLAGGED, Outcome.REJECTED)


@given(st.integers(-(2**46), 2**46), st.integers(0, 12))
def test_a_scaled_number_is_shown_exactly(value: int, decimals: int) -> None:
    from decimal import Decimal

    shown = msgspec.json.encode(show_scaled(value, decimals)).decode()
    assert Decimal(shown) == Decimal(value).scaleb(-decimals)
    assert "e" not in shown.lower()


@given(st.integers(0, 4 * 10**15))
def test_a_time_is_shown_in_utc_to_the_microsecond(time_us: int) -> None:
    from datetime import datetime

    shown = show_time(time_us)
    assert shown.endswith("Z")
    when = datetime.fromisoformat(shown)
    assert when.timestamp() == pytest.approx(time_us / 1e6, abs=1e-6)


def test_money_is_shown_as_it_was_sent() -> None:
    field = Field("amount", FieldType.MONEY, decimals=2)
    assert msgspec.json.encode(shower(field)(1392, {"amount": "12.5"})) == b"12.5"
    assert msgspec.json.encode(shower(field)(1392, {})) == b"13.92"


def test_a_clock_is_shown_as_hours_and_minutes() -> None:
    assert shower(Field("at", FieldType.CLOCK))(65, {}) == "01:05"
