"""The scenario that follows from a guess: features, rules, and YAML that loads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from riskloom.domain.duration import parse_duration
from riskloom.domain.field import FieldType
from riskloom.errors import DataInvalid
from riskloom.scenario.load import load_scenario
from riskloom.scenario.scenario import Scenario
from riskloom.training.guess.fields import FieldGuess
from riskloom.training.guess.guess import Guess, guess_scenario
from riskloom.training.guess.render import render_rules, render_scenario
from riskloom.training.guess.rules import earlier_events
from support.columns import column, guessed, shop_rows

RATES = ("USD", "EUR", "GBP")


def written(guess: Guess, folder: Path, file: str = "data.csv") -> Scenario:
    """The scenario as it is loaded from its files."""
    (folder / "scenario.yaml").write_text(render_scenario(guess, name="shop", file=file), encoding="utf-8")
    (folder / "rules.yaml").write_text(render_rules(guess), encoding="utf-8")
    if guess.converts:
        (folder / "rates.yaml").write_text("base: USD\nrates: [{date: 2020-01-01, EUR: 1.1, GBP: 1.3}]\n")
    return load_scenario(folder)


def with_column(name: str, values: list[Any], count: int = 200) -> Guess:
    """A shop's payments with one more column."""
    rows = shop_rows(count)
    return guessed([{**row, name: values[at % len(values)]} for at, row in enumerate(rows)])


def plain_field(name: str, values: list[Any]) -> FieldGuess:
    """The field of one more column."""
    return with_column(name, values, 600).field(name)


def names(guess: Guess) -> set[str]:
    """The features."""
    return {feature.name for feature in guess.features}


def test_a_shop_s_payments_become_a_scenario_that_loads(tmp_path: Path) -> None:
    guess = guessed(shop_rows())
    found = written(guess, tmp_path)
    assert found.label_field == "is_fraud"
    assert (found.id_field, found.time_field) == ("order_id", "created")
    assert dict(found.entities) == {"user": "customer_id", "device": "device_id"}
    assert {field.name for field in found.fields if field.pii} == {"customer_id"}
    assert "is_fraud" not in {field.name for field in found.fields}
    assert {rule.code for rule in found.rules} == {"VELOCITY_1H", "AMOUNT_UNUSUAL"}
    assert found.ignore_unknown


def test_windows_are_kept_for_each_key_that_comes_back() -> None:
    found = names(guessed(shop_rows()))
    assert {
        "user_count_1h", "user_amount_mean_30d", "user_new_device", "user_distinct_device_24h",
        "device_distinct_user_24h", "amount_vs_user_mean", "amount_user_zscore", "hour_of_day",
        "amount_value", "items_value", "kind_is_book",
    } <= found  # fmt: skip


def test_without_times_there_are_no_windows(tmp_path: Path) -> None:
    rows = [{key: value for key, value in row.items() if key != "created"} for row in shop_rows()]
    guess = guessed(rows)
    assert not guess.time
    assert all(not feature.aggregate for feature in guess.features)
    assert written(guess, tmp_path).windows == ()


def test_keys_that_never_come_back_have_no_windows() -> None:
    rows = [{**row, "customer_id": f"c{n}", "device_id": f"d{n}"} for n, row in enumerate(shop_rows())]
    guess = guessed(rows)
    assert all(not feature.aggregate for feature in guess.features)
    assert "hardly come back" in guess.field("customer_id").change


def test_keys_in_step_with_others_have_no_windows_of_their_own() -> None:
    rows = [{**row, "card_id": f"k{row['customer_id']}"} for row in shop_rows()]
    assert {feature.entity for feature in guessed(rows).features if feature.entity} == {"user", "device"}


def test_dates_without_a_time_of_day_have_no_windows_of_an_hour() -> None:
    rows = [{**row, "created": row["created"][:10]} for row in shop_rows()]
    found = names(guessed(rows))
    assert "user_count_24h" in found
    assert not {"user_count_1h", "hour_of_day"} & found


def test_the_label_and_answer_keys_are_in_no_feature() -> None:
    rows = [
        {**row, "fraud_kind": "x" if row["is_fraud"] else "", "why": row["is_fraud"] * 3}
        for row in shop_rows()
    ]
    guess = guessed(rows)
    assert {left.column for left in guess.left_out} == {"fraud_kind", "why"}
    said = " ".join(f"{feature.expression} {feature.of}" for feature in guess.features)
    assert not any(name in said for name in ("fraud", "why"))


def test_personal_and_protected_columns_are_kept_and_not_learned_from() -> None:
    guess = with_column("gender", ["f", "m"])
    assert not guess.field("gender").learned
    assert not {name for name in names(guess) if name.startswith("gender")}
    street = plain_field("street", [f"{n} Main St" for n in range(50)])
    assert (street.pii, street.learned, street.type) == (True, False, FieldType.STRING)


@pytest.mark.parametrize(
    ("name", "values", "learned"),
    [
        ("always", [7], False),
        ("colour", ["red", "green"], True),
        ("state", [f"s{n}" for n in range(20)], True),
        ("flag", ["true", "false"], True),
        ("opened", ["08:00", "09:30"], True),
        ("note", [f"text {n}" for n in range(200)], False),
        ("share", [0.25, 0.5], True),
    ],
)
def test_which_columns_are_learned_from(name: str, values: list[Any], learned: bool) -> None:
    assert plain_field(name, values).learned is learned


def test_a_category_of_many_values_is_a_feature_for_detectors_that_learn_categories(tmp_path: Path) -> None:
    guess = with_column("state", [f"s{n}" for n in range(20)], 600)
    assert "state_is_s1" not in names(guess)
    feature = next(one for one in written(guess, tmp_path).features if one.name == "state_code")
    assert feature.category == "state"


@pytest.mark.parametrize(
    ("days", "total", "expected"),
    [
        (56, 400, "7d"),
        (55, 400, "1d"),
        (0.5, 400, "1h"),
        (0.3, 400, "0s"),
        (0.3, None, "7d"),
        (10, 4_000, "7d"),
    ],
)
def test_the_label_delay_leaves_enough_to_judge_by(
    tmp_path: Path, days: float, total: int | None, expected: str
) -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    rows = [
        {**row, "created": (start + timedelta(days=days * at / 399)).isoformat()}
        for at, row in enumerate(shop_rows(400))
    ]
    guess = guessed(rows, total=total)
    assert guess.label_delay == expected
    assert written(guess, tmp_path).label_delay_us == parse_duration(expected)


def test_without_times_or_labels_there_is_no_label_delay() -> None:
    rows = shop_rows()
    assert guessed([{key: row[key] for key in row if key != "created"} for row in rows]).label_delay == ""
    assert guessed([{key: row[key] for key in row if key != "is_fraud"} for row in rows]).label_delay == ""


def test_a_field_is_required_where_no_row_lacks_it() -> None:
    assert plain_field("share", [0.25, 0.5]).required
    assert not plain_field("share", [0.25, None]).required


def test_an_id_is_made_where_the_file_has_none(tmp_path: Path) -> None:
    rows = [{key: value for key, value in row.items() if key != "order_id"} for row in shop_rows()]
    assert written(guessed(rows), tmp_path).id_field == "event_id"
    taken = [{**row, "event_id": "same"} for row in rows]
    assert written(guessed(taken), tmp_path).id_field == "record_id"


def test_an_id_that_repeats_in_a_few_rows_is_said() -> None:
    rows = shop_rows()
    rows[7]["order_id"] = rows[8]["order_id"]
    assert guessed(rows).field("order_id").why == "called an id; 1 rows repeat one"


def test_one_currency_is_that_of_the_scenario(tmp_path: Path) -> None:
    found = written(with_column("currency", ["EUR"]), tmp_path)
    assert found.base_currency == "EUR"
    amount = next(field for field in found.fields if field.name == "amount")
    assert (amount.type, amount.currency_field) == (FieldType.MONEY, "currency")


def test_several_currencies_are_converted_where_rates_are_at_hand(tmp_path: Path) -> None:
    rows = [{**row, "currency": ("GBP", "EUR")[n % 2]} for n, row in enumerate(shop_rows())]
    guess = guessed(rows, convertible=RATES)
    assert (guess.converts, guess.base_currency) == (True, "USD")
    assert written(guess, tmp_path).rates.currencies == ("USD", "EUR", "GBP")


def test_several_currencies_without_rates_are_bare_numbers_and_it_is_said(tmp_path: Path) -> None:
    rows = [{**row, "currency": ("GBP", "CHF")[n % 2]} for n, row in enumerate(shop_rows())]
    guess = guessed(rows, convertible=RATES)
    amount = guess.field("amount")
    assert (guess.converts, amount.type) == (False, FieldType.NUMBER)
    assert "without rates" in amount.why
    written(guess, tmp_path)


def test_the_assumed_currency_is_said() -> None:
    assert "USD assumed" in guessed(shop_rows()).field("amount").why


def test_the_place_that_changes_is_the_event_s(tmp_path: Path) -> None:
    rows = [
        {**row, "lat": int(row["customer_id"][1:]), "long": 3, "shop_lat": n % 50, "shop_long": -(n % 70)}
        for n, row in enumerate(shop_rows())
    ]
    guess = guessed(rows)
    travel = next(feature for feature in guess.features if feature.aggregate == "travel_speed")
    assert travel.of == ("shop_lat", "shop_long")
    assert "IMPOSSIBLE_TRAVEL" in {rule.code for rule in guess.rules}
    written(guess, tmp_path)


def test_a_home_that_stays_is_no_place_of_an_event() -> None:
    rows = [{**row, "lat": int(row["customer_id"][1:]), "long": 3} for row in shop_rows()]
    assert "user_kmh" not in names(guessed(rows))


def test_numbers_with_texts_for_missing_cost_few_rows_or_are_left_out() -> None:
    few = with_column("age", [30 + n % 9 if n else "NA" for n in range(200)])
    assert "'NA' 1 times" in few.field("age").change
    many = with_column("age", [30, "NA"])
    assert {left.column: left.change for left in many.left_out} == {"age": "--copy empties them"}


def with_burst(fraud: int) -> Guess:
    """Payments with twenty of one customer at one moment."""
    burst = [
        {**row, "customer_id": "burst", "created": "2025-03-01T00:00:00Z", "is_fraud": fraud}
        for row in shop_rows(20)
    ]
    rows = [*burst, *shop_rows(600)]
    return guessed([{**row, "order_id": f"o{n}"} for n, row in enumerate(rows)])


def test_the_velocity_limit_lies_above_what_nearly_all_honest_rows_reach() -> None:
    rule = next(rule for rule in with_burst(fraud=0).rules if rule.code == "VELOCITY_1H")
    assert (rule.hit, rule.miss) == ({"user_count_1h": 19}, {"user_count_1h": 18})
    rule = next(rule for rule in with_burst(fraud=1).rules if rule.code == "VELOCITY_1H")
    assert (rule.hit, rule.miss) == ({"user_count_1h": 4}, {"user_count_1h": 3})
    assert rule.note.startswith("0.00% of the honest rows and 27.59% of the frauds")


def test_without_a_label_the_limit_is_by_all_rows() -> None:
    rows = [{key: row[key] for key in row if key != "is_fraud"} for row in shop_rows()]
    rule = next(rule for rule in guessed(rows).rules if rule.code == "VELOCITY_1H")
    assert rule.note == "0.00% of the rows that were looked at reach this"


def test_earlier_events_are_those_of_the_window_that_is_open_at_its_old_end() -> None:
    second = 1e6
    times = np.array([0, 10, 10, 20, 20, 9]) * second
    keys = np.array([0, 0, 0, 0, -1, 1])
    assert earlier_events(keys, times, 10 * 1_000_000).tolist() == [0, 0, 1, 0, 0, 0]
    assert earlier_events(keys, times, 11 * 1_000_000).tolist() == [0, 1, 2, 2, 0, 0]


def test_without_keys_or_times_a_large_amount_is_worth_a_look() -> None:
    rows = [{"amount": f"{n}.50", "is_fraud": int(n % 50 == 0)} for n in range(2_000)]
    (rule,) = guessed(rows).rules
    assert rule.when == "amount > 1998"


def test_without_anything_to_say_there_are_no_rules(tmp_path: Path) -> None:
    guess = guessed([{"f0": n, "f1": n * 3 % 7, "label": int(n % 50 == 0)} for n in range(200)])
    assert guess.rules == ()
    assert written(guess, tmp_path).rules == ()


@pytest.mark.parametrize(("every", "expected"), [(2, 90), (50, 98), (1000, 99.9), (5_000, 99.9), (9_999, 98)])
def test_the_model_flags_about_as_many_as_the_label_calls_fraud(every: int, expected: float) -> None:
    rows = [{"f0": n * 7 % 11, "label": int(n % every == every - 1)} for n in range(5_000)]
    assert guessed(rows).percentile == expected


@pytest.mark.parametrize("name", ["yes", "on", "null", "true", "off", "NULL", "Yes"])
def test_names_that_yaml_takes_for_something_else_are_written_so_that_they_stay(
    tmp_path: Path, name: str
) -> None:
    rows = [{**row, name: row["customer_id"]} for row in shop_rows()]
    assert name in {field.name for field in written(guessed(rows), tmp_path).fields}
    numbers = guessed([{name: n % 9, "fraud": n % 2} for n in range(50)])
    assert written(numbers, tmp_path).feature_names == (f"{name}_value",)
    many = guessed([{name: f"v{n % 20}", "x": n % 7} for n in range(600)])
    assert written(many, tmp_path).features[0].category == name


def test_an_id_that_yaml_takes_for_no_stays_one(tmp_path: Path) -> None:
    rows = [{"no": row["order_id"], **row} for row in shop_rows()]
    for row in rows:
        del row["order_id"]
    assert written(guessed(rows), tmp_path).id_field == "no"


@pytest.mark.parametrize("value", ["it's", 'say "hi"', "a\\b", "{x}", "# no", "a: b", "%", "true", "'"])
def test_any_value_of_a_category_can_be_compared_with(tmp_path: Path, value: str) -> None:
    found = written(with_column("colour", [value, "red"]), tmp_path)
    texts = {feature.expression.text for feature in found.features if feature.expression is not None}
    assert f"colour == {value!r}" in texts


@pytest.mark.parametrize("value", ["grün", "a\tb", "\U0001f600"])
def test_values_that_cannot_be_written_out_are_passed_over(tmp_path: Path, value: str) -> None:
    guess = with_column("colour", [value, "red"])
    written(guess, tmp_path)
    assert {name for name in names(guess) if name.startswith("colour")} <= {"colour_is_red"}


def test_a_feature_never_takes_the_name_of_a_column(tmp_path: Path) -> None:
    rows = [{**row, "user_count_30d": n % 9, "amount_value": 3 + n % 2, "user_amount_mean_30d": n % 5}
            for n, row in enumerate(shop_rows())]  # fmt: skip
    found = written(guessed(rows), tmp_path)
    zscore = next(feature for feature in found.features if feature.name == "amount_user_zscore")
    assert zscore.expression is not None
    assert zscore.expression.names >= {"user_amount_mean_30d_2", "user_count_30d_2"}


@pytest.mark.parametrize("name", ["_", "_x", "a__b", "X" * 60])
def test_every_name_of_a_column_gives_features_with_names(tmp_path: Path, name: str) -> None:
    found = written(guessed([{name: n % 9, "kind_": "ab"[n % 2]} for n in range(50)]), tmp_path)
    assert len(found.feature_names) == 3


def test_odd_names_of_files_stay_within_their_comment(tmp_path: Path) -> None:
    assert written(guessed(shop_rows()), tmp_path, 'a"b\n: {x} \x85é😀.csv').name == "shop"


def test_nothing_to_guess_from_is_refused() -> None:
    with pytest.raises(DataInvalid, match="at least one row"):
        guess_scenario([column("a", [])])
    with pytest.raises(DataInvalid, match="a feature can be made of"):
        guess_scenario([column("name", ["x", "x"])])
    with pytest.raises(DataInvalid, match="a field can be made of"):
        guess_scenario([column("a b", ["1", "2"])])
