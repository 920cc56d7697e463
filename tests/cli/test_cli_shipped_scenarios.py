"""The shipped scenarios beside card_payments: simulated, trained and served."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

import riskloom
from riskloom.bundle import read_bundle
from riskloom.clock import FixedClock
from support.databases import Database
from support.events import NOW_US, history
from support.server import serving
from support.tables import table, write_csv


def small(run: Any, tmp_path: Path, name: str, *changes: tuple[str, str]) -> Path:
    """A shipped scenario with a smaller forest."""
    assert run("scenario", "new", name, "--like", name).code == 0
    path = tmp_path / name / "scenario.yaml"
    text = path.read_text()
    for old, new in (("trees: 200", "trees: 25"), *changes):
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return tmp_path / name


def train(run: Any, tmp_path: Path, scenario: Path, data: Path, out: str = "bundle") -> Path:
    """A bundle of a scenario trained on a file."""
    ran = run("train", "--scenario", scenario, "--data", data, "--out", out)
    assert ran.code == 0, ran.err
    assert not list(tmp_path.glob("*dead-letters*"))
    return tmp_path / out


def mobile_money(count: int = 400) -> list[dict[str, Any]]:
    """Rows with PaySim's columns."""
    chance = Random(5)
    rows = []
    for n in range(count):
        kind = chance.choice(("PAYMENT", "TRANSFER", "CASH_OUT", "CASH_IN", "DEBIT"))
        balance = round(chance.expovariate(1 / 20_000), 2)
        amount = round(chance.expovariate(1 / 5_000) + 0.01, 2)
        rows.append(
            {
                "step": n // 20, "type": kind, "amount": amount, "nameOrig": f"C{n}",
                "oldbalanceOrg": balance, "newbalanceOrig": round(max(balance - amount, 0), 2),
                "nameDest": f"{'M' if kind == 'PAYMENT' else 'C'}{n % 90}", "oldbalanceDest": 0.0,
                "newbalanceDest": amount, "isFraud": int(n % 50 == 0), "isFlaggedFraud": 0,
            }
        )  # fmt: skip
    return rows


def credit_cards(count: int = 400) -> list[dict[str, Any]]:
    """Simulated payments in the words of credit_card_fraud."""
    return [
        {
            "entity_id": row["user_id"],
            "timestamp": row["timestamp"],
            "amount": row["amount"],
            "currency": row["currency"],
            "merchant_category": row.get("merchant_category", ""),
            "time_of_day": row["timestamp"][11:16],
            "device_id": row["device_id"],
        }
        for row in history(count)
    ]


def test_device_risk_is_simulated_trained_and_served(run: Any, tmp_path: Path) -> None:
    assert run("simulate", "--scenario", "device_risk", "--events", 4_000, "--seed", 3).code == 0
    rows = table(tmp_path / "device_risk.csv")
    assert sum(row["is_fraud"] == "1" for row in rows) == 40
    bundle = train(run, tmp_path, small(run, tmp_path, "device_risk"), tmp_path / "device_risk.csv")
    call = {"amount": 220, "hour": 3, "distance": 12, "device_score": 0.92, "country_mismatch": 1}
    usual = {"amount": 30, "hour": 13, "distance": 2.5, "device_score": 0.1, "country_mismatch": 0}
    database = Database("sqlite", f"sqlite:///{tmp_path}/x.db", tmp_path / "data")
    with serving(database, read_bundle(bundle), clock=FixedClock(NOW_US)) as server:
        first, ordinary, again = (server.score(event) for event in (call, usual, call))
        assert first["flagged"]
        assert first["risk_score"] > 95 > ordinary["risk_score"]
        assert again["anomaly_score"] == first["anomaly_score"]  # no history
        assert again["event_id"] != first["event_id"]


def test_a_simulation_of_devices_is_the_same_bytes_in_any_file(run: Any, tmp_path: Path) -> None:
    for name in ("one.csv", "two.csv", "one.parquet"):
        assert run("simulate", "-s", "device_risk", "--events", 500, "--seed", 9, "--out", name).code == 0
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    assert table(tmp_path / "one.parquet")[7]["distance"] == float(table(tmp_path / "one.csv")[7]["distance"])


def test_a_simulation_without_a_file_writes_none_over_another(run: Any, tmp_path: Path) -> None:
    (tmp_path / "device_risk.csv").write_text("mine")
    ran = run("simulate", "--scenario", "device_risk", "--events", 5)
    assert ran.code == 2
    assert "there already" in ran.err
    assert (tmp_path / "device_risk.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["-s", "device_risk", "--users", 5], "--users"),
        (["-s", "device_risk", "--start", "2024-01-01"], "--start"),
        (["-s", "device_risks"], "did you mean 'device_risk'"),
    ],
)
def test_what_devices_do_not_have_is_refused(run: Any, tmp_path: Path, wrong: list[Any], said: str) -> None:
    ran = run("simulate", *wrong, "--events", 5)
    assert ran.code == 2
    assert said in ran.err
    assert list(tmp_path.iterdir()) == []


def test_a_stream_of_devices_has_neither_labels_nor_times(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, Any]] = []

    class Client:
        """Takes what a server would."""

        def __init__(self, _to: str) -> None:
            pass

        def score_many(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
            sent.extend(events)
            return [{"outcome": "APPROVED"} for _ in events]

    monkeypatch.setattr("riskloom.client.Client", Client)
    ran = run("simulate", "-s", "device_risk", "--events", 7, "--to", "http://127.0.0.1:1", "--rate", 0)
    assert ran.code == 0
    assert len(sent) == 7
    assert all(
        set(event) == {"event_id", "amount", "hour", "distance", "device_score", "country_mismatch"}
        for event in sent
    )


def test_mobile_money_trains_on_paysim_s_columns_and_scores_a_client_s_call(run: Any, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "data.csv", mobile_money())
    bundle = train(run, tmp_path, small(run, tmp_path, "mobile_money"), data)
    scorer = riskloom.load(bundle)
    call = {"amount": 123.45, "oldbalanceOrg": 1000, "newbalanceOrig": 876.55}
    answer = scorer.score(call)
    assert answer["risk_score"] is not None
    assert answer["degraded"] == []
    assert scorer.score({**call, "newbalanceOrig": 0})["anomaly_score"] == answer["anomaly_score"]


def test_with_the_balances_after_the_transaction_they_change_the_score(run: Any, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "data.csv", mobile_money())
    scenario = small(run, tmp_path, "mobile_money")
    path = scenario / "scenario.yaml"
    head, _, rest = path.read_text().partition("  features:\n    - amount_value")
    path.write_text(head + rest[rest.index("\nrules:") :])
    scorer = riskloom.load(train(run, tmp_path, scenario, data))
    call = {"amount": 123.45, "oldbalanceOrg": 1000, "newbalanceOrig": 876.55}
    assert scorer.score({**call, "newbalanceOrig": 0})["anomaly_score"] != scorer.score(call)["anomaly_score"]


def test_credit_card_fraud_trains_and_serves_a_client_s_call(run: Any, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "data.csv", credit_cards())
    bundle = train(run, tmp_path, small(run, tmp_path, "credit_card_fraud"), data)
    call = {
        "entity_id": "user_123",
        "amount": 1500.00,
        "merchant_category": "electronics",
        "time_of_day": "23:45",
    }
    database = Database("sqlite", f"sqlite:///{tmp_path}/x.db", tmp_path / "data")
    with serving(database, read_bundle(bundle), clock=FixedClock(NOW_US)) as server:
        decision = server.score(call)
        assert decision["risk_score"] is not None
        assert {reason["code"] for reason in decision["reasons"]} >= {"LARGE_WITHOUT_HISTORY"}
        assert decision["event_time"] == decision["arrived_at"]
        again = [server.score(call) for _ in range(4)][-1]
        assert "VELOCITY_5M" in {reason["code"] for reason in again["reasons"]}
