"""Functions that are easily got wrong, and the table as documentation."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from riskloom.expression.check import check
from riskloom.expression.functions import FUNCTIONS
from riskloom.expression.row import compile_row
from riskloom.expression.tree import Type
from riskloom.expression.zones import zone


def number(text: str) -> object:
    return compile_row({"it": check(text, {})}, [])([])[0]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("round(2.5)", 2.0), ("round(3.5)", 4.0), ("round(2.675, 2)", 2.67), ("round(-0.4)", 0.0),
        ("floor(-0.5)", -1.0), ("ceil(-0.5)", 0.0), ("clamp(5, 1, 3)", 3.0), ("clamp(-5, 1, 3)", 1.0),
        ("min(3, 1, 2)", 1.0), ("max(3, 1, 2)", 3.0), ("-7 // 2", -4.0), ("-7 % 3", 2.0), ("2 ** -1", 0.5),
        ("len('straße')", 6.0), ("1 if contains('abc', 'bc') else 0", 1.0),
        ("1 if ends_with('abc', 'ab') else 0", 0.0),
        ("1 if upper('a') == 'A' else 0", 1.0), ("1 if starts_with('abc', '') else 0", 1.0),
    ],
)  # fmt: skip
def test_functions_give_what_their_line_says(text, wanted):
    assert number(text) == wanted


def at(text: str, name: str, moment: datetime) -> object:
    return compile_row({"it": check(text, {"t": Type.TIME}, name)}, ["t"])([moment.timestamp() * 1e6])[0]


@pytest.mark.parametrize(
    ("name", "moment", "hour"),
    [
        ("Europe/Berlin", datetime(2026, 3, 29, 0, 59, 59, 999999, UTC), 1.0),
        ("Europe/Berlin", datetime(2026, 3, 29, 1, 0, tzinfo=UTC), 3.0),
        ("Europe/Berlin", datetime(2026, 10, 25, 0, 59, tzinfo=UTC), 2.0),
        ("Europe/Berlin", datetime(2026, 10, 25, 1, 0, tzinfo=UTC), 2.0),
        ("Asia/Kathmandu", datetime(2026, 1, 1, 18, 15, tzinfo=UTC), 0.0),
        ("Pacific/Apia", datetime(2011, 12, 30, 9, 59, tzinfo=UTC), 23.0),
        ("Pacific/Apia", datetime(2011, 12, 30, 10, 0, tzinfo=UTC), 0.0),
    ],
)
def test_the_hour_is_told_in_the_declared_zone(name, moment, hour):
    assert at("hour(t)", name, moment) == hour


def test_the_day_is_that_of_the_zone():
    sunday_night = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert at("weekday(t)", "UTC", sunday_night) == 6.0
    assert at("is_weekend(t)", "UTC", sunday_night) is True
    assert at("weekday(t)", "Asia/Tokyo", sunday_night) == 0.0
    assert at("is_weekend(t)", "Asia/Tokyo", sunday_night) is False


def test_a_zone_table_is_made_once():
    assert zone("Europe/Berlin") is zone("Europe/Berlin")


def test_every_function_has_a_line_of_documentation():
    assert all(function.doc.endswith(".") and len(function.doc) > 10 for function in FUNCTIONS.values())
