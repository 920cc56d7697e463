"""Columns that must not be learned from."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from riskloom.training.guess.roles import find_label
from riskloom.training.guess.suspects import find_suspects
from support.columns import column

FRAUD = [n % 20 == 0 for n in range(400)]
LABEL = [int(fraud) for fraud in FRAUD]
AMOUNT = [10 + n % 90 for n in range(400)]


def suspects(name: str, values: Sequence[object], **others: Sequence[object]) -> str:
    """Why a column beside a label and an amount is left out; nothing when it is not."""
    columns = [column("amount", AMOUNT), column("is_fraud", LABEL)]
    columns += [column(key, each) for key, each in others.items()] + [column(name, values)]
    return find_suspects(columns, find_label(columns), "amount").get(name, "")


@pytest.mark.parametrize(
    "name",
    ["TX_FRAUD_SCENARIO", "isFlaggedFraud", "isUnauthorizedOverdraft", "fraud_kind", "chargeback_date",
     "review_outcome", "declined", "class"],
)  # fmt: skip
def test_answer_keys_are_known_by_their_names(name: str) -> None:
    assert "answer key" in suspects(name, range(400))


@pytest.mark.parametrize("name", ["draw", "split", "fold"])
def test_notes_about_the_file_are_left_out(name: str) -> None:
    assert "making of the file" in suspects(name, ["a", "b"] * 200)


def test_a_row_number_is_left_out() -> None:
    assert suspects("index", range(400)) == "a row number"
    assert suspects("index", [7, 3] * 200) == ""


@pytest.mark.parametrize("name", ["newbalanceOrig", "new_balance", "balance_after", "closing_balance"])
def test_balances_after_the_event_are_known_by_their_names(name: str) -> None:
    assert "only after the event" in suspects(name, [n * 7.5 for n in range(400)])


def test_what_shows_that_a_balance_is_one_after_the_event_is_said() -> None:
    before = [1_000 + n * 3 for n in range(400)]
    after = [old - paid for old, paid in zip(before, AMOUNT, strict=True)]
    found = suspects("newbalanceOrig", after, oldbalanceOrg=before)
    assert "oldbalanceOrg and amount give it in 100% of rows" in found


@pytest.mark.parametrize(
    "name", ["oldbalanceOrg", "new_customer", "newsletter", "amount_before", "post_code", "is_new_device"]
)
def test_other_columns_keep_their_place(name: str) -> None:
    assert suspects(name, [n % 7 for n in range(400)]) == ""


def test_values_that_tell_the_label_are_an_answer_key_whatever_their_name() -> None:
    keys = [n % 3 + 1 if fraud else 0 for n, fraud in enumerate(FRAUD)]
    assert "nearly perfectly" in suspects("kind", keys)
    assert "nearly perfectly" in suspects("note", ["x" if fraud else "y" for fraud in FRAUD])


def test_values_that_only_hint_at_the_label_are_none() -> None:
    half = [1 if fraud and n % 40 == 0 else 0 for n, fraud in enumerate(FRAUD)]
    assert suspects("kind", half) == ""
    often = [1 if fraud or n % 10 == 3 else 0 for n, fraud in enumerate(FRAUD)]
    assert suspects("kind", often) == ""


def test_a_value_that_is_there_exactly_for_frauds_is_an_answer_key() -> None:
    assert "there (or missing)" in suspects("closed_by", ["ann" if fraud else None for fraud in FRAUD])
    assert "there (or missing)" in suspects("device", [None if fraud else "d" for fraud in FRAUD])


def test_values_that_hardly_come_twice_and_keys_prove_nothing() -> None:
    assert suspects("ticket", [f"t{n // 10}" if fraud else "t" for n, fraud in enumerate(FRAUD)]) == ""
    assert suspects("card_id", [f"k{n % 20}" for n in range(400)]) == ""


def test_with_few_frauds_values_prove_nothing() -> None:
    label = [int(n in (5, 9)) for n in range(400)]
    columns = [column("is_fraud", label), column("x", label)]
    assert find_suspects(columns, find_label(columns), "") == {}
