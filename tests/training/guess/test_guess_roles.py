"""What columns are for: label, id, keys, currency, amount, a person's data."""

from __future__ import annotations

from typing import Any

import pytest

from riskloom.training.guess.roles import (
    find_amount,
    find_currency,
    find_entities,
    find_id,
    find_label,
    holds_card_numbers,
    in_step,
    is_personal,
    is_protected,
)
from support.columns import column

RARE = [0] * 95 + [1] * 5


def keys(count: int, different: int, prefix: str = "k") -> list[str]:
    """So many keys, each as often as the others."""
    return [f"{prefix}{n % different}" for n in range(count)]


@pytest.mark.parametrize(
    "name",
    ["is_fraud", "fraud", "Class", "isFraud", "label", "TX_FRAUD", "FraudLabel", "target", "isAnomaly"],
)
def test_a_label_is_known_by_its_name(name: str) -> None:
    found = find_label([column("a", range(100)), column(name, RARE), column("b", range(100))])
    assert found is not None
    assert (found.column, found.frauds, found.share, found.ready) == (name, 5, 0.05, True)


def test_the_likelier_of_two_names_is_the_label() -> None:
    found = find_label([column("label", RARE), column("is_fraud", RARE[::-1])])
    assert found is not None
    assert found.column == "is_fraud"


def test_a_label_that_speaks_of_every_row_goes_before_a_likelier_name() -> None:
    marks = ["yes" if n % 20 == 0 else None for n in range(100)]
    found = find_label(
        [column("is_fraud", marks), column("class", ["fraud" if m else "normal" for m in marks])]
    )
    assert found is not None
    assert (found.column, found.fraud, found.ready, found.fills) == ("class", "fraud", False, False)


def test_where_only_frauds_are_marked_no_mark_means_honest() -> None:
    found = find_label([column("chargeback", ["yes" if n < 3 else None for n in range(100)])])
    assert found is not None
    assert (found.share, found.ready, found.fills) == (0.03, False, True)
    assert "97 rows say nothing" in found.why


def test_a_column_of_that_name_with_other_values_is_no_label() -> None:
    assert find_label([column("class", ["a", "b", "c"])]) is None
    assert find_label([column("label", [0, 1, 2])]) is None


def test_a_rare_0_and_1_that_ends_the_file_is_a_label_and_another_is_not() -> None:
    x = column("x", range(100))
    found = find_label([x, column("odd", RARE)])
    assert found is not None
    assert "guess" in found.why
    assert find_label([column("odd", RARE), x]) is None
    assert find_label([x, column("odd", [0, 1] * 50)]) is None
    assert find_label([x, column("odd", [*RARE[:-1], None])]) is None


def test_a_label_that_is_never_1_in_these_rows_is_still_one() -> None:
    found = find_label([column("is_fraud", [0] * 10)])
    assert found is not None
    assert (found.frauds, found.fraud) == (0, "1")


@pytest.mark.parametrize("name", ["trans_id", "TRANSACTION_ID", "id", "uuid", "OrderNumber"])
def test_an_id_is_called_so_and_never_twice(name: str) -> None:
    found = find_id([column("a", range(100)), column(name, range(100, 200))])
    assert found is not None
    assert found.name == name


def test_no_id_comes_twice_is_missing_or_is_an_entity_s() -> None:
    assert find_id([column("id", [1, 1, 2])]) is None
    assert find_id([column("id", [1, None, 2])]) is None
    assert find_id([column("customer_id", range(100))]) is None


def test_of_two_ids_the_event_s_own_is_taken() -> None:
    found = find_id([column("session_id", range(50)), column("transaction_id", range(50))])
    assert found is not None
    assert found.name == "transaction_id"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("CUSTOMER_ID", "user"),
        ("cc_num", "card"),
        ("nameOrig", "sender"),
        ("nameDest", "receiver"),
        ("merchant", "merchant"),
        ("TERMINAL_ID", "terminal"),
        ("deviceId", "device"),
        ("account_number", "account"),
    ],
)
def test_keys_of_entities_are_known_by_their_names(name: str, kind: str) -> None:
    (found,) = find_entities([column(name, keys(200, 50))])
    assert (found.kind, found.column, found.repeats) == (kind, name, 4)


@pytest.mark.parametrize(
    "name", ["merchant_category", "device_type", "card_brand", "merch_lat", "user_age", "account_balance"]
)
def test_what_only_describes_an_entity_is_no_key(name: str) -> None:
    assert find_entities([column(name, keys(200, 50))]) == ()


def test_few_values_are_no_keys_unless_they_are_called_ids() -> None:
    assert find_entities([column("device", keys(200, 3))]) == ()
    assert len(find_entities([column("device_id", keys(200, 3))])) == 1


def test_addresses_are_entities_by_their_values() -> None:
    ips = column("origin", [f"10.0.0.{n % 50}" for n in range(200)])
    mails = column("contact", [f"a{n % 50}@example.com" for n in range(200)])
    assert {entity.kind for entity in find_entities([ips, mails])} == {"ip", "email"}


def test_keys_that_come_back_stand_first_and_the_doer_before_the_place() -> None:
    found = find_entities(
        [
            column("merchant", keys(200, 50)),
            column("sender", keys(200, 200)),
            column("card_id", keys(200, 40)),
        ]
    )
    assert [entity.kind for entity in found] == ["card", "merchant", "sender"]
    assert [entity.has_history for entity in found] == [True, True, False]


def test_a_second_column_of_a_kind_is_numbered() -> None:
    found = find_entities([column("card_id", keys(200, 50)), column("card_number_2", keys(200, 40))])
    assert [entity.kind for entity in found] == ["card", "card_2"]


def test_columns_that_tell_the_same_rows_apart_are_in_step() -> None:
    one, other = column("a", keys(60, 20)), column("b", keys(60, 20, "z"))
    assert in_step(one, other)
    assert not in_step(one, column("c", keys(60, 19)))
    assert not in_step(one, column("d", ["k0", *keys(60, 20)[:-1]]))


def test_a_currency_is_called_so_and_holds_codes() -> None:
    found = find_currency([column("currency", ["USD", "EUR"])])
    assert found is not None
    assert find_currency([column("currency", ["dollar", "EUR"])]) is None
    assert find_currency([column("country", ["USA", "GER"])]) is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["oldbalanceOrg", "amount"], "amount"),
        (["fee", "amt"], "amt"),
        (["oldbalanceOrg"], ""),
        (["price", "TX_AMOUNT"], "TX_AMOUNT"),
        ([], ""),
    ],
)
def test_the_amount_is_the_money_of_the_event(given: list[str], expected: str) -> None:
    assert find_amount(given) == expected


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("first", ["Ann", "Bob"]),
        ("last_name", ["Lee", "Ray"]),
        ("street", ["1 A St", "2 B St"]),
        ("zip", [12345, 23456]),
        ("dob", ["1970-01-02", "1980-01-02"]),
        ("contact", ["a@example.com", "b@example.com"]),
        ("payment_info", ["4111111111111111", "5500000000000004"]),
    ],
)
def test_personal_data_is_known_by_name_or_value(name: str, values: list[Any]) -> None:
    assert is_personal(column(name, values))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("merchant_name", keys(50, 50)),
        ("city_pop", range(50)),
        ("first_seen_days", range(50)),
        ("email_domain_type", keys(50, 50)),
        ("phone_home_valid", [0, 1] * 25),
        ("name_email_similarity", [n / 7 for n in range(50)]),
        ("amount", [4111111111111112, 1]),
    ],
)
def test_what_only_sounds_personal_is_not(name: str, values: Any) -> None:
    assert not is_personal(column(name, values))


def test_card_numbers_are_known_by_their_check_digit() -> None:
    assert holds_card_numbers(column("x", ["4111 1111 1111 1111", "5500000000000004"]))
    assert not holds_card_numbers(column("x", ["4111111111111112", "5500000000000005"]))


def test_protected_attributes_are_named() -> None:
    assert is_protected("gender")
    assert is_protected("MaritalStatus")
    assert not is_protected("generation")
