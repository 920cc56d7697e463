"""What a copy of the file puts right."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from riskloom.training.guess.mend import Mend, mend_value
from support.columns import guessed, shop_rows


def mends(**more: list[object]) -> dict[str, Mend]:
    """What is mended of a shop's payments with other columns, by how."""
    rows = [
        {**row, **{name: values[at] for name, values in more.items()}} for at, row in enumerate(shop_rows(40))
    ]
    for row in rows:
        del row["created"]
    return {mend.how: mend for mend in guessed(rows).mends}


def when(*parts: int) -> int:
    """Microseconds of a moment in UTC."""
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1_000_000  # type: ignore[misc,arg-type]


def test_a_good_file_needs_no_mending() -> None:
    assert guessed(shop_rows(40)).mends == ()


@pytest.mark.parametrize(
    ("name", "new"),
    [("Card Type", "Card_Type"), ("class name!", "class_name"), ("value", "value_"), ("2nd", "c_2nd"),
     ("for", "for_"), ("é", "column")],
)  # fmt: skip
def test_names_that_no_scenario_takes_are_changed(name: str, new: str) -> None:
    found = mends(**{name: list(range(40))})["rename"]
    assert (found.column, found.name) == (name, new)


def test_a_new_name_is_no_other_column_s() -> None:
    assert mends(**{"a b": list(range(40)), "a_b": list(range(40))})["rename"].name == "a_b_2"


def test_counted_times_begin_at_a_made_up_moment_that_is_said() -> None:
    found = mends(step=[n // 3 for n in range(40)])["counter"]
    assert found.name == "timestamp"
    assert "2024-01-01, which is made up" in found.why
    assert mend_value(found, 25) == when(2024, 1, 2, 1)
    assert mend_value(found, "25") == when(2024, 1, 2, 1)
    assert mend_value(found, None) is None
    assert mend_value(found, "x") is None


def test_epochs_are_times_as_they_stand() -> None:
    found = mends(unix_time=[1_700_000_000 + n for n in range(40)])["counter"]
    assert "1970" in found.why
    assert mend_value(found, 1_700_000_000) == when(2023, 11, 14, 22, 13, 20)


def test_times_in_another_way_are_read_in_place() -> None:
    found = mends(date=[f"{day:02d}.03.2025 10:05" for day in [*range(1, 31), *range(1, 11)]])["format"]
    assert (found.column, found.name) == ("date", "date")
    assert mend_value(found, "31.03.2025 10:05") == when(2025, 3, 31, 10, 5)
    assert mend_value(found, "2025-03-31") is None


def test_texts_that_mean_missing_are_emptied() -> None:
    found = mends(age=["NA" if n % 5 == 0 else 30 for n in range(40)])["blank"]
    assert mend_value(found, " NA ") is None
    assert mend_value(found, "30") == "30"


def test_a_label_in_words_becomes_0_and_1() -> None:
    rows = [{**row, "is_fraud": "fraud" if row["is_fraud"] else "genuine"} for row in shop_rows(200)]
    (found,) = guessed(rows).mends
    assert [mend_value(found, text) for text in ("fraud", "genuine", None)] == [1, 0, None]


@pytest.mark.parametrize("words", [("yes", "no"), ("True", "False"), ("fraud", "honest")])
def test_a_label_that_training_reads_needs_no_mending(words: tuple[str, str]) -> None:
    rows = [{**row, "is_fraud": words[1 - row["is_fraud"]]} for row in shop_rows(200)]
    assert guessed(rows).trains_with_label
    assert guessed(rows).mends == ()


def test_no_mark_is_honest_where_only_frauds_are_marked() -> None:
    rows = [{**row, "is_fraud": "yes" if row["is_fraud"] else None} for row in shop_rows(200)]
    (found,) = guessed(rows).mends
    assert [mend_value(found, text) for text in ("yes", None)] == [1, 0]
