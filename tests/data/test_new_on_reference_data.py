"""`riskloom new` on the reference files: what each column is taken for; the result trains and scores."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import riskloom
from riskloom.cli.new_data import read_sample
from riskloom.scenario.load import load_scenario
from riskloom.training.guess.guess import Guess, guess_scenario
from riskloom.training.guess.render import render_rules, render_scenario

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("RISKLOOM_DATA") or ROOT.parent / "shared" / "data")
SPARKOV = "sparkov/sparkov_sim_a_2019"
KAGGLE = "paysim/paysim_kaggle_subset"
PAYSIM = "paysim/paysim_sim_a_steps001-240"
ULB = "ulb/ulb_subset_day1"
HANDBOOK = "handbook/transactions"
PLAIN = (
    "WBC", "annthyroid", "breastw", "campaign", "cardio", "cover", "donors", "http", "mammography",
    "pendigits", "satellite", "shuttle", "smtp", "thyroid",
)  # fmt: skip

pytestmark = [
    pytest.mark.data,
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no reference data at {DATA}; set RISKLOOM_DATA"),
]
Guesses = Callable[[str], Guess]


@pytest.fixture(scope="module")
def guesses() -> Guesses:
    """The guess of a file, made once."""
    made: dict[str, Guess] = {}

    def guess(name: str) -> Guess:
        if name not in made:
            sample = read_sample(DATA / f"{name}.parquet", 100_000)
            made[name] = guess_scenario(sample.columns)
        return made[name]

    return guess


def roles(guess: Guess) -> dict[str, str]:
    """What each field is, as the type and what it is for."""
    return {field.name: field.entity or field.role or str(field.type) for field in guess.fields}


def left_out(guess: Guess) -> set[str]:
    """The columns that no field is made of."""
    return {left.column for left in guess.left_out}


def used(guess: Guess) -> str:
    """All that features speak of."""
    return " ".join(f"{feature.expression} {' '.join(feature.of)}" for feature in guess.features)


def test_sparkov(guesses: Guesses) -> None:
    guess = guesses(SPARKOV)
    assert guess.label is not None
    assert guess.label.column == "is_fraud"
    found = roles(guess)
    assert (found["trans_id"], found["trans_date_trans_time"], found["amt"]) == ("id", "time", "amount")
    assert (found["cc_num"], found["merchant"]) == ("card", "merchant")
    personal = {field.name for field in guess.fields if field.pii}
    assert personal == {"cc_num", "first", "last", "street", "city", "zip", "dob"}
    assert found["gender"] == "protected"
    travel = next(feature for feature in guess.features if feature.aggregate == "travel_speed")
    assert travel.of == ("merch_lat", "merch_long")
    assert left_out(guess) == set()
    assert not any(f" {name} " in f" {used(guess)} " for name in ("gender", "first", "dob", "is_fraud"))
    assert {rule.code for rule in guess.rules} == {"VELOCITY_1H", "AMOUNT_UNUSUAL", "IMPOSSIBLE_TRAVEL"}


@pytest.mark.parametrize("name", [KAGGLE, PAYSIM])
def test_paysim(guesses: Guesses, name: str) -> None:
    guess = guesses(name)
    assert guess.label is not None
    assert guess.label.column == "isFraud"
    found = roles(guess)
    assert (found["nameOrig"], found["nameDest"], found["amount"]) == ("sender", "receiver", "amount")
    assert (guess.time, found["step"]) == ("", "counter")
    assert guess.counter is not None
    assert "taken for an hour" in guess.counter.words
    assert {"newbalanceOrig", "newbalanceDest", "isFlaggedFraud"} <= left_out(guess)
    assert not any(name in used(guess) for name in ("newbalance", "Flagged", "Unauthorized", "draw"))
    assert all(not feature.aggregate for feature in guess.features)
    assert [mend.how for mend in guess.mends] == ["counter"]


def test_paysim_s_answer_keys_and_notes_about_the_file_are_named(guesses: Guesses) -> None:
    assert left_out(guesses(KAGGLE)) == {"newbalanceOrig", "newbalanceDest", "isFlaggedFraud", "draw"}
    assert left_out(guesses(PAYSIM)) == {
        "newbalanceOrig", "newbalanceDest", "isFlaggedFraud", "isUnauthorizedOverdraft",
    }  # fmt: skip
    why = {left.column: left.why for left in guesses(PAYSIM).left_out}
    assert "oldbalanceOrg and amount give it" in why["newbalanceOrig"]
    assert roles(guesses(PAYSIM))["tx_id"] == "id"


def test_ulb(guesses: Guesses) -> None:
    guess = guesses(ULB)
    assert guess.label is not None
    assert (guess.label.column, guess.label.frauds) == ("Class", 272)
    found = roles(guess)
    assert (found["Amount"], found["Time"], found["event_id"]) == ("amount", "counter", "id")
    assert left_out(guess) == set()
    assert guess.entities == ()
    assert {feature.expression for feature in guess.features} >= {"V1", "V28", "Amount", "Time // 3600 % 24"}


def test_handbook(guesses: Guesses) -> None:
    guess = guesses(HANDBOOK)
    assert guess.label is not None
    assert guess.label.column == "TX_FRAUD"
    assert roles(guess) == {
        "TRANSACTION_ID": "id", "TX_DATETIME": "time", "CUSTOMER_ID": "user", "TERMINAL_ID": "terminal",
        "TX_AMOUNT": "amount",
    }  # fmt: skip
    assert left_out(guess) == {"TX_TIME_SECONDS", "TX_TIME_DAYS", "TX_FRAUD_SCENARIO"}


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_matrix(guesses: Guesses, name: str) -> None:
    guess = guesses(f"adbench/{name}")
    width = len(pq.read_schema(DATA / "adbench" / f"{name}.parquet").names) - 1
    assert guess.label is not None
    assert (guess.label.column, guess.label.ready) == ("label", True)
    assert (guess.time, guess.counter, guess.entities, guess.left_out) == ("", None, (), ())
    constant = sum(not field.learned for field in guess.fields if field.in_file)
    assert len(guess.features) == width - constant
    assert guess.rules == ()


@pytest.mark.parametrize("name", [SPARKOV, KAGGLE, PAYSIM, ULB, HANDBOOK, "adbench/WBC", "adbench/campaign"])
def test_the_guess_trains_scores_and_takes_every_row(
    guesses: Guesses, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from riskloom.cli import main as command

    guess = guesses(name)
    scenario = render_scenario(guess, name="tried", file=name).replace("trees: 200", "trees: 20")
    (tmp_path / "scenario.yaml").write_text(scenario)
    (tmp_path / "rules.yaml").write_text(render_rules(guess))
    batch = next(pq.ParquetFile(DATA / f"{name}.parquet").iter_batches(2_000))
    pq.write_table(pa.Table.from_batches([batch]), tmp_path / "head.parquet")
    arguments = [
        "train",
        "--scenario",
        tmp_path,
        "--data",
        tmp_path / "head.parquet",
        "--out",
        tmp_path / "b",
    ]
    monkeypatch.setattr("sys.argv", ["riskloom", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 0
    assert not list(tmp_path.glob("*dead-letters*"))
    answer = riskloom.load(tmp_path / "b").score(_as_sent(guess, batch.slice(0, 1).to_pylist()[0]))
    assert answer["risk_score"] is not None


def _as_sent(guess: Guess, row: dict[str, Any]) -> dict[str, Any]:
    """A row as a client sends it as JSON: keys and texts as text, times as ISO 8601."""
    sent = {}
    for field in guess.fields:
        value = row.get(field.name)
        if value is not None:
            moment = value.isoformat() if isinstance(value, datetime) else value
            sent[field.name] = str(moment) if field.type.is_text else moment
    return sent


def test_every_column_of_a_row_may_be_sent_along(guesses: Guesses, tmp_path: Path) -> None:
    guess = guesses(HANDBOOK)
    (tmp_path / "scenario.yaml").write_text(render_scenario(guess, name="tried", file="x"))
    (tmp_path / "rules.yaml").write_text(render_rules(guess))
    row = next(pq.ParquetFile(DATA / f"{HANDBOOK}.parquet").iter_batches(1)).to_pylist()[0]
    row |= _as_sent(guess, row) | {"TX_DATETIME": row["TX_DATETIME"].isoformat()}
    event = load_scenario(tmp_path).schema().parse_one(row | {"TX_AMOUNT": "57.16"}, 10**16, make_id=str)
    assert event.values["CUSTOMER_ID"] == "596"
    assert "TX_FRAUD_SCENARIO" not in event.values
