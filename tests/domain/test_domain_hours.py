"""Working time, quiet hours and digests, over weekends, holidays and changes of the clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from riskloom.domain.hours import BusinessHours, Digest, QuietHours

BERLIN = "Europe/Berlin"
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US


def us(text: str, zone: str = BERLIN) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return round(moment.timestamp()) * 1_000_000


def local(at_us: int, zone: str = BERLIN) -> datetime:
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).astimezone(ZoneInfo(zone))


OFFICE = BusinessHours(BERLIN, frozenset(range(5)), 9 * 60, 17 * 60, frozenset({date(2026, 12, 25)}))


def naively(hours: BusinessHours, start_us: int, minutes: int) -> int:
    """The definition: minute by minute, those count in which people work."""
    at_us = start_us
    while minutes:
        now = local(at_us, hours.zone)
        minute = now.hour * 60 + now.minute
        minutes -= (
            now.weekday() in hours.days
            and now.date() not in hours.holidays
            and hours.from_minute <= minute < hours.to_minute
        )
        at_us += MINUTE_US
    return at_us


EDGES = st.sampled_from(
    [
        "2026-12-24T16:59",
        "2026-12-24T17:00",
        "2026-12-25T00:00",
        "2026-12-26T12:00",
        "2026-03-27T16:30",  # the clocks go forward on Sunday
        "2026-03-29T01:30",
        "2026-10-23T16:00",  # and back
        "2026-10-25T02:30",
        "2026-11-23T08:59",
        "2026-11-23T09:00",
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    EDGES,
    st.sampled_from([1, 59, 60, 61, 479, 480, 481, 960, 1_500]),
    st.sampled_from([(540, 1020), (0, 1440), (60, 200), (1439, 1440)]),
    st.sampled_from([frozenset(range(5)), frozenset(range(7)), frozenset({6})]),
)
def test_working_time_is_counted_minute_by_minute(
    start: str, minutes: int, span: tuple[int, int], days: frozenset[int]
) -> None:
    minutes = min(minutes, (span[1] - span[0]) * 3)
    hours = BusinessHours(BERLIN, days, *span, OFFICE.holidays)
    assert hours.after(us(start), minutes * MINUTE_US) == naively(hours, us(start), minutes)


def test_an_hour_on_friday_evening_ends_on_monday() -> None:
    assert local(OFFICE.after(us("2026-11-20T16:30"), HOUR_US)) == local(us("2026-11-23T09:30"))


def test_what_ends_just_at_closing_time_ends_then() -> None:
    assert OFFICE.after(us("2026-11-20T16:00"), HOUR_US) == us("2026-11-20T17:00")


def test_a_holiday_does_not_count() -> None:
    assert OFFICE.after(us("2026-12-24T16:30"), HOUR_US) == us("2026-12-28T09:30")


NIGHT = QuietHours(BERLIN, 22 * 60, 7 * 60, frozenset({"critical"}))


def test_nobody_is_woken_but_for_what_pierces() -> None:
    assert NIGHT.free_at(us("2026-11-20T21:59"), "low") == us("2026-11-20T21:59")
    assert NIGHT.free_at(us("2026-11-20T22:00"), "low") == us("2026-11-21T07:00")
    assert NIGHT.free_at(us("2026-11-21T06:59"), "high") == us("2026-11-21T07:00")
    assert NIGHT.free_at(us("2026-11-21T07:00"), "high") == us("2026-11-21T07:00")
    assert NIGHT.free_at(us("2026-11-21T03:00"), "critical") == us("2026-11-21T03:00")


def test_quiet_hours_end_in_the_future_on_the_day_the_clocks_go_back() -> None:
    early = QuietHours(BERLIN, 60, 2 * 60 + 50, frozenset())
    second_time = us("2026-10-25T01:45+00:00")  # 02:45, for the second time
    assert early.free_at(second_time, "low") == us("2026-10-25T01:50+00:00")


def test_quiet_hours_of_the_day() -> None:
    lunch = QuietHours("UTC", 12 * 60, 13 * 60, frozenset())
    assert lunch.free_at(us("2026-11-20T12:30", "UTC"), "low") == us("2026-11-20T13:00", "UTC")
    assert lunch.free_at(us("2026-11-20T23:30", "UTC"), "low") == us("2026-11-20T23:30", "UTC")


def test_a_digest_comes_next_at_one_of_its_times() -> None:
    digest = Digest(BERLIN, (9 * 60, 16 * 60), frozenset({"low"}))
    assert digest.next_at(us("2026-11-20T08:59")) == us("2026-11-20T09:00")
    assert digest.next_at(us("2026-11-20T09:00")) == us("2026-11-20T16:00")
    assert digest.next_at(us("2026-11-20T16:00")) == us("2026-11-21T09:00")
    assert local(digest.next_at(us("2026-03-28T16:00"))) - local(us("2026-03-28T16:00")) == timedelta(
        hours=17
    )
