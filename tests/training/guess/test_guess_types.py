"""Which type of field a column becomes."""

from __future__ import annotations

import numpy as np
import pytest

from riskloom.domain.field import FieldType
from riskloom.training.guess.column import number_column, other_column, time_column
from riskloom.training.guess.types import Typed, guess_type
from support.columns import column


def typed(name: str, *values: object) -> Typed:
    """The type of a CSV file's column."""
    return guess_type(column(name, values))


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("x", ("1", "2"), FieldType.INTEGER),
        ("x", ("1.5", "2"), FieldType.NUMBER),
        ("x", ("true", "false"), FieldType.BOOLEAN),
        ("x", ("10:30", "23:59"), FieldType.CLOCK),
        ("x", ("10:30", "24:00"), FieldType.CATEGORY),
        ("x", ("10.0.0.1", "2001:db8::1"), FieldType.IP),
        ("x", ("2025-01-01T00:00:00Z",), FieldType.TIME),
        ("x", ("a", "b", "a"), FieldType.CATEGORY),
        ("lat", ("51.5", "-89"), FieldType.LATITUDE),
        ("lat", ("51.5", "-91"), FieldType.NUMBER),
        ("merch_long", ("170.5",), FieldType.LONGITUDE),
        ("amount", ("12.50", "3"), FieldType.MONEY),
        ("TX_AMOUNT", ("12.50",), FieldType.MONEY),
        ("oldbalanceOrg", ("12.5",), FieldType.MONEY),
        ("amount", ("12.505", "3.1415"), FieldType.NUMBER),
        ("amount_mean_7d", ("12.50",), FieldType.NUMBER),
        ("zip", ("10128", "20833"), FieldType.STRING),
        ("account_no", ("10128",), FieldType.STRING),
        ("account_age_days", ("12",), FieldType.INTEGER),
        ("x", ("12345678901234567890",), FieldType.STRING),
    ],
)
def test_the_type_of_a_column(name: str, values: tuple[str, ...], expected: FieldType) -> None:
    found = typed(name, *values)
    assert found.type is expected
    assert not found.refused


def test_many_different_texts_are_no_category() -> None:
    assert typed("x", *(f"v{n}" for n in range(100))).type is FieldType.STRING
    assert typed("x", *(f"v{n % 20}" for n in range(1000))).type is FieldType.CATEGORY
    assert typed("x", "a" * 41, "b").type is FieldType.STRING


def test_numbers_are_held_with_digits_to_spare() -> None:
    found = typed("x", "0.1234567890123", "-3.5")
    assert found.decimals == 11
    assert found.signed
    small = typed("x", "1.5", "2.5")
    assert (small.decimals, small.signed) == (6, False)
    large = typed("x", "123456789.5")
    assert large.decimals == 3
    assert 123456789.5 * 100 * 10**large.decimals < 2**46


def test_what_no_field_can_hold_is_refused_with_the_reason() -> None:
    assert "too large" in typed("x", "1e20", "1.5").refused
    assert "line breaks" in typed("x", "one\ntwo").refused
    assert "256" in typed("x", "a" * 300).refused
    assert "one value" in guess_type(other_column("x", 3)).refused
    early = time_column("x", np.array([-1e6]), zoned=True, stored="time")
    assert "1970" in guess_type(early).refused


def test_dates_before_1970_that_are_text_stay_text() -> None:
    found = typed("dob", "1950-01-01", "1980-01-01")
    assert (found.type, found.refused) == (FieldType.STRING, "")


def test_fractions_of_a_typed_file_name_nothing() -> None:
    floats = number_column("user_id", np.arange(50.0), whole=False, stored="float")
    assert guess_type(floats).type is FieldType.NUMBER


def test_times_without_a_zone_are_taken_for_utc_and_said() -> None:
    found = typed("t", "2025-01-01T00:00:00")
    assert (found.type, found.timezone) == (FieldType.TIME, "UTC")
    assert "UTC assumed" in found.why
    assert typed("t", "2025-01-01T00:00:00Z").timezone == ""
