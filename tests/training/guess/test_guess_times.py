"""When events happened, and what only counts on with it."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import pytest

from riskloom.training.guess.features import hour_of
from riskloom.training.guess.times import counts_with, find_counter, find_format, find_time, has_time_of_day
from support.columns import column

DAYS = [f"2025-01-{day:02d}T{day % 24:02d}:00:00Z" for day in range(1, 31)]


def test_the_time_of_an_event_is_called_so() -> None:
    found = find_time([column("dob", DAYS), column("last_updated", DAYS), column("created_at", DAYS)])
    assert found is not None
    assert found.name == "created_at"


def test_a_time_in_every_row_goes_before_one_that_is_missing_somewhere() -> None:
    found = find_time([column("event_time", [*DAYS[:-1], None]), column("x", DAYS)])
    assert found is not None
    assert found.name == "x"


def test_a_birth_date_is_no_time_of_an_event() -> None:
    assert find_time([column("dob", DAYS), column("expiry_date", DAYS)]) is None


@pytest.mark.parametrize(
    ("name", "values", "unit_us", "since_1970", "hour"),
    [
        ("step", [1, 1, 2, 743], 3_600_000_000, False, "step % 24"),
        ("Time", [0, 0, 86_000], 1_000_000, False, "Time // 3600 % 24"),
        ("TX_TIME_DAYS", [0, 1, 2], 86_400_000_000, False, ""),
        ("elapsed_minutes", [0, 1, 2], 60_000_000, False, "elapsed_minutes // 60 % 24"),
        ("unix_time", [1_700_000_000, 1_600_000_000], 1_000_000, True, "unix_time // 3600 % 24"),
        ("ts", [1_700_000_000_000], 1_000, True, "ts // 3600000 % 24"),
        ("ts", [1_700_000_000_000_000], 1, True, "ts // 3600000000 % 24"),
        ("ts", [1_700_000_000_000_000_000], 0.001, True, "ts // 3600000000000 % 24"),
    ],
)
def test_numbers_that_count_time_are_known_by_name_and_value(
    name: str, values: list[int], unit_us: float, since_1970: bool, hour: str
) -> None:
    found = find_counter([column("x", values), column(name, values)])
    assert found is not None
    assert (found.column, found.unit_us, found.since_1970) == (name, unit_us, since_1970)
    assert hour_of(found) == hour


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("step", [1, 3, 2]),
        ("step", [1, None, 2]),
        ("step", [1, 1]),
        ("step", [1.5, 2.5]),
        ("time", [-1, 2]),
        ("amount", [1, 2]),
        ("time_since_signup", [1, 2]),
        ("time", [1, 10**15 + 1]),
    ],
)
def test_other_numbers_do_not_count_time(name: str, values: list[Any]) -> None:
    assert find_counter([column(name, values)]) is None


def test_what_was_assumed_of_a_step_is_said() -> None:
    found = find_counter([column("step", [1, 2])])
    assert found is not None
    assert "taken for an hour" in found.words
    assert "does not name" in found.words


def test_numbers_that_rise_with_time_only_say_it_again() -> None:
    time = column("t", DAYS)
    rising = list(accumulate(range(30)))
    assert counts_with(column("x", rising), time)
    assert counts_with(column("x", rising[::-1]), column("t", DAYS[::-1]))
    assert not counts_with(column("x", [*rising[:15], 0, *rising[16:]]), time)
    assert not counts_with(column("x", [*rising[:-1], None]), time)
    assert not counts_with(column("x", [1] * 30), time)


def test_a_few_rising_values_count_time_only_when_they_are_called_so() -> None:
    time = column("t", DAYS)
    few = [0] * 15 + [1] * 15
    assert not counts_with(column("segment_number", few), time)
    assert counts_with(column("time_days", few), time)


def test_dates_are_told_from_times() -> None:
    assert has_time_of_day(column("t", DAYS))
    assert not has_time_of_day(column("t", ["2025-01-01", "2025-01-02"]))


def test_times_in_another_way_are_found_to_be_mended() -> None:
    found = find_format([column("dob", ["1/2/2003"]), column("date", ["1/2/2003"])])
    assert found is not None
    assert found.name == "date"
    assert find_format([column("date", ["soon"])]) is None
    assert find_format([column("date", ["1/2/2003", "1/2/1969"])]) is None
