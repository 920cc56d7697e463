"""What the first rows show of a column."""

from __future__ import annotations

import numpy as np
import pytest

from riskloom.training.guess.column import Column, decimals_of, number_column, text_column
from support.columns import column


def kind(*values: object) -> str:
    """What kind of column a CSV file's values make."""
    return column("x", values).kind


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("1", "2", ""), "number"),
        (("1.5", "-2e3", ".5"), "number"),
        (("1", "two"), "text"),
        (("1,5", "2"), "text"),
        (("0x1f", "2"), "text"),
        (("true", "False"), "boolean"),
        (("true", "1"), "text"),
        (("2025-01-01T10:00:00Z", "2025-01-01 10:00"), "time"),
        (("2025-01-01", ""), "time"),
        (("20250101", "20250102"), "number"),
        (("yes", "no"), "text"),
        (("", ""), "text"),
        (("１", "2"), "text"),
    ],
)
def test_the_kind_of_values(values: tuple[str, ...], expected: str) -> None:
    assert kind(*values) == expected


def test_codes_with_a_leading_zero_stay_text() -> None:
    assert kind("01234", "1234") == "text"
    assert kind("0", "0.5", "10") == "number"


def test_texts_that_say_that_nothing_is_known_do_not_hide_numbers() -> None:
    found = column("age", ["31", "NA", "?", "55", ""])
    assert found.kind == "number"
    assert found.blanks == {"NA": 1, "?": 1}
    assert found.known.tolist() == [31, 55]
    assert found.missing == 3


def test_a_column_of_nothing_but_blanks_is_no_number() -> None:
    assert kind("NA", "NA", "1") == "text"


def test_a_number_far_down_the_file_still_counts() -> None:
    assert column("x", ["1"] * 2_000 + ["one"]).kind == "text"


def test_numbers_in_a_typed_file_s_text_stay_text_but_times_do_not() -> None:
    assert text_column("x", ["1", "2"], stored="text").kind == "text"
    assert text_column("x", ["2025-01-01T00:00:00"], stored="text").kind == "time"


def test_an_empty_text_of_a_typed_file_is_a_gap_that_the_file_writes_out() -> None:
    found = text_column("x", ["a", "", None], stored="text")
    assert (found.missing, found.blanks, found.gaps) == (2, {"": 1}, True)


def test_values_are_told_apart_the_most_frequent_first() -> None:
    found = column("x", ["b", "a", "b", None, "c"])
    assert found.shown == ("b", "a", "c")
    assert found.codes.tolist() == [0, 1, 0, -1, 2]
    assert found.share_of(0) == 0.5


def test_whole_numbers_beyond_two_to_the_53_are_told_apart() -> None:
    found = column("x", ["9007199254740993", "9007199254740992"])
    assert found.distinct == 2
    assert found.whole


def test_a_time_is_zoned_when_every_one_says_its_zone() -> None:
    assert column("t", ["2025-01-01T00:00:00Z", "2025-01-01T00:00:00+02:00"]).zoned
    assert not column("t", ["2025-01-01T00:00:00Z", "2025-01-01T00:00:00"]).zoned
    assert column("t", ["1970-01-01T00:00:01.000001Z"]).known.tolist() == [1_000_001]


def test_times_in_another_way_are_named_by_all_dates_of_the_column() -> None:
    early = [f"{month:02d}/02/2025 10:00" for month in range(1, 13)] * 100
    assert column("t", early).time_format == "%m/%d/%Y %H:%M"
    assert column("t", [*early, "02/25/2025 10:00"]).time_format == "%m/%d/%Y %H:%M"
    assert column("t", [*early, "25/02/2025 10:00"]).time_format == "%d/%m/%Y %H:%M"
    assert column("t", ["3.4.2025"]).time_format == "%d.%m.%Y"
    assert column("t", ["1/2 of it"]).time_format == ""


def test_a_column_never_falls_when_it_rises_and_stays() -> None:
    assert column("t", ["1", "1", "2"]).never_falls
    assert not column("t", ["1", "2", "1"]).never_falls
    assert not column("t", ["2", "2"]).never_falls


@pytest.mark.parametrize(
    ("value", "expected"), [(1.0, 0), (0.25, 2), (1e-7, 7), (1.5e-10, 11), (1e300, 0), (0.1 + 0.2, 12)]
)
def test_decimals_are_those_of_the_shortest_text(value: float, expected: int) -> None:
    assert decimals_of(value) == expected


def test_gaps_known_from_elsewhere_count() -> None:
    found: Column = number_column("x", np.array([1.0, 2.0]), whole=True, gaps=True)
    assert found.gaps
    assert found.missing == 0
