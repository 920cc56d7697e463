"""The leakage check names planted leaks of each kind, and leaves honest data alone."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from riskloom.errors import DataInvalid, ParameterInvalid
from riskloom.training.leakage import LeakageReport, check_leakage
from riskloom.training.leakage import column as columns_of
from riskloom.training.leakage.alone import auc_alone, auc_missing
from riskloom.training.leakage.column import read_table
from riskloom.training.leakage.finding import Bounds
from riskloom.training.split import split_by_shares

DATA = Path(os.environ.get("RISKLOOM_DATA") or Path(__file__).parents[3] / "shared" / "data")
HOUR = 3_600_000_000
Columns = dict[str, npt.NDArray[Any]]


def honest(rows: int = 6_000, seed: int = 0) -> tuple[Columns, npt.NDArray[Any], npt.NDArray[Any]]:
    """Fields that tell something, as real ones do; labels; times."""
    chance = np.random.default_rng(seed)
    labels = (chance.random(rows) < 0.03).astype(np.int64)
    columns: Columns = {
        "amount": np.round(chance.lognormal(3 + labels, 1), 2),
        "hour": chance.integers(0, 24, rows),
        "country": np.array(["AT", "DE", "FR", "", None], object)[chance.integers(0, 5, rows)],
        "age": np.where(chance.random(rows) < 0.1, np.nan, np.round(chance.normal(40, 10, rows))),
        "user": np.array([f"u{number}" for number in chance.integers(0, rows // 3, rows)]),
        "opened": (np.arange(rows) * HOUR - chance.integers(0, 10**14, rows)).astype("datetime64[us]"),
    }
    return columns, labels, np.arange(rows, dtype=np.int64) * HOUR


def found(
    added: Callable[[Columns, npt.NDArray[Any], np.random.Generator], Columns], **more: Any
) -> LeakageReport:
    """The report on honest data with something added."""
    columns, labels, times = honest()
    extra = added(columns, labels, np.random.default_rng(9))
    return check_leakage({**columns, **extra}, labels, times_us=times, **more)


def kinds(report: LeakageReport) -> set[tuple[str, str, tuple[str, ...]]]:
    return {(finding.kind, finding.severity, finding.fields) for finding in report.findings}


def test_honest_data_raise_no_alarm() -> None:
    for seed in range(3):
        columns, labels, times = honest(seed=seed)
        for given_times in (times, None):
            report = check_leakage(columns, labels, times_us=given_times, seed=seed)
            assert report.findings == ()
            assert report.checked == tuple(columns)
            assert (report.rows, report.frauds) == (6_000, labels.sum())


def test_a_field_that_ranks_almost_perfectly_is_suspicious() -> None:
    report = found(lambda _, labels, chance: {"score": labels * 4 + chance.normal(size=labels.size) * 0.8})
    assert ("alone", "suspicious", ("score",)) in kinds(report) or (
        ("rule", "suspicious", ("score",)) in kinds(report)
    )
    assert report.to_drop() == ()
    assert report.to_drop("suspicious") == ("score",)


def test_values_that_are_suspicious_in_the_middle_are_seen() -> None:
    _, labels, times = honest()
    chance = np.random.default_rng(1)
    between = np.where(labels == 1, chance.uniform(4.9, 5.1, labels.size), chance.uniform(0, 10, labels.size))
    codes = np.where(labels == 1, 7, chance.integers(0, 50, labels.size)).astype(str)
    table = read_table({"between": between, "codes": codes}, labels, times_us=times, known_at_us=None, seed=0)
    assert [auc_alone(table, field) > 0.95 for field in table.fields] == [True, True]
    assert [field.is_text for field in table.fields] == [False, True]


def test_a_value_of_its_own_for_each_row_tells_nothing() -> None:
    _, labels, times = honest()
    table = read_table(
        {"id": np.array([f"id{at}" for at in range(labels.size)])},
        labels,
        times_us=times,
        known_at_us=None,
        seed=0,
    )
    assert auc_alone(table, table.fields[0]) == 0.5


@pytest.mark.parametrize("there_for_fraud", [True, False])
def test_absence_that_tells_is_named(there_for_fraud: bool) -> None:
    def add(_: Columns, labels: npt.NDArray[Any], chance: np.random.Generator) -> Columns:
        there = (labels == 1) == there_for_fraud
        there ^= chance.random(labels.size) < 0.2
        return {"closed_by": np.where(there, chance.normal(size=labels.size), np.nan)}

    report = found(add)
    finding = next(one for one in report.findings if one.kind == "missing")
    assert finding.fields == ("closed_by",)
    assert finding.value == pytest.approx(0.8, abs=0.05)
    assert "of frauds have it" in finding.says


def test_missing_patterns_are_measured_both_ways() -> None:
    labels = np.array([1] * 10 + [0] * 30)
    values = np.where(labels == 1, np.nan, 1.0)
    for column in (values, np.where(np.isnan(values), 1.0, np.nan)):
        table = read_table({"x": column}, labels, times_us=None, known_at_us=None, seed=0)
        assert auc_missing(table, table.fields[0]) == 1.0


def test_rules_of_a_value_a_limit_a_text_and_an_equality_are_found() -> None:
    def add(columns: Columns, labels: npt.NDArray[Any], chance: np.random.Generator) -> Columns:
        some = (labels == 1) & (chance.random(labels.size) < 0.6)
        return {
            "balance": np.where(some, columns["amount"], np.round(chance.lognormal(5, 1, labels.size), 2)),
            "channel": np.where(some, "api", np.array(["web", "app"])[chance.integers(0, 2, labels.size)]),
            "tries": np.where(some, 99, chance.integers(0, 5, labels.size)),
        }

    report = found(add, keep=["amount"])
    rules = {one.fields: one for one in report.findings if one.kind == "rule"}
    assert set(rules) == {("amount", "balance"), ("channel",), ("tries",)}
    assert rules["amount", "balance"].drop == ("balance",)
    assert rules["amount", "balance"].says.startswith(
        "amount equals balance: 100.0 % of these rows are fraud"
    )
    assert rules[("channel",)].says.startswith("channel is 'api'")
    assert "tries is" in rules[("tries",)].says
    assert all(one.severity == "suspicious" and 0.5 < one.value < 0.7 for one in rules.values())


def test_a_rule_that_explains_little_is_a_notice() -> None:
    report = found(
        lambda _, labels, chance: {
            "big": np.where(
                labels * chance.random(labels.size) > 0.75, 500, chance.integers(0, 99, labels.size)
            )
        }
    )
    assert ("rule", "notice", ("big",)) in kinds(report)
    assert report.to_drop("suspicious") == ()
    assert report.to_drop("notice") == ("big",)


def test_a_rule_must_hold_on_the_half_that_did_not_learn_it() -> None:
    columns, labels, times = honest()
    early = times < np.median(times[labels == 1])
    code = np.where((labels == 1) & early, 77, np.random.default_rng(0).integers(0, 9, labels.size))
    report = check_leakage({**columns, "code": code}, labels, times_us=times)
    assert not [one for one in report.findings if one.fields == ("code",)]


def test_where_fraud_is_common_ordinary_strength_is_no_rule() -> None:
    chance = np.random.default_rng(0)
    labels = (chance.random(2_000) < 0.4).astype(int)
    strong = labels * 2.5 + chance.normal(size=2_000)
    report = check_leakage({"strong": strong}, labels)
    assert not [one for one in report.findings if one.kind == "rule"]


def test_a_balance_after_the_payment_is_a_leak() -> None:
    def add(columns: Columns, labels: npt.NDArray[Any], chance: np.random.Generator) -> Columns:
        before = np.round(chance.lognormal(6, 1, labels.size), 2)
        return {"balance_before": before, "balance_after": np.maximum(before - columns["amount"], 0).round(2)}

    report = found(add)
    assert report.to_drop() == ("balance_after",)
    finding = report.findings[0]
    assert (finding.kind, set(finding.fields)) == ("identity", {"balance_before", "balance_after", "amount"})
    assert "balance_after is what balance_before became" in finding.says
    assert found(add, trusted=["balance_after"]).to_drop() == ()


def with_total(columns: Columns, tip: npt.NDArray[Any]) -> Columns:
    return {"tip": tip, "total": tip + columns["amount"]}


def test_a_sum_without_a_telling_name_is_a_notice_that_drops_nothing() -> None:
    report = found(
        lambda columns, labels, chance: with_total(columns, np.round(chance.lognormal(1, 1, labels.size), 2))
    )
    assert [(one.kind, one.severity, one.drop) for one in report.findings] == [("identity", "notice", ())]
    assert report.findings[0].fields == ("total", "amount", "tip")


def test_small_integers_that_add_up_by_chance_are_left_alone() -> None:
    chance = np.random.default_rng(0)
    labels = (chance.random(6_000) < 0.1).astype(int)
    grades = {f"grade{at}": np.minimum(chance.geometric(0.5, 6_000), 14) for at in range(4)}
    assert min(np.unique(grade).size for grade in grades.values()) >= 10
    assert (grades["grade0"] + grades["grade1"] == grades["grade2"]).mean() > 0.1
    assert check_leakage(grades, labels).findings == ()


@pytest.mark.parametrize(
    ("name", "twin", "expected"),
    [
        ("newbalanceOrig", "oldbalanceOrg", {("name", "suspicious", ("newbalanceOrig", "oldbalanceOrg"))}),
        ("stock_after", "stock_before", {("name", "suspicious", ("stock_after", "stock_before"))}),
        ("isFlaggedFraud", "x", {("name", "notice", ("isFlaggedFraud",))}),
        ("CHARGEBACK_DATE", "x", {("name", "notice", ("CHARGEBACK_DATE",))}),
        ("is_new_device", "old_limit", set()),
        ("newsletter", "oldest_card", set()),
        ("postcode", "prefix", set()),
        ("labelled_by", "x", set()),
    ],
)
def test_names_are_read_word_by_word(name: str, twin: str, expected: set[Any]) -> None:
    report = found(
        lambda _, labels, chance: {
            name: chance.integers(0, 2, labels.size),
            twin: chance.integers(0, 2, labels.size),
        }
    )
    assert kinds(report) == expected


def test_a_perfect_field_named_after_fraud_is_a_leak() -> None:
    report = found(lambda _, labels, chance: {"fraud_type": labels * chance.integers(1, 4, labels.size)})
    assert report.to_drop() == ("fraud_type",)
    assert {one.kind for one in report.findings} == {"name", "rule"}


@pytest.mark.parametrize("unit", [1, 1_000_000, 86_400_000_000])
def test_values_made_of_the_labels_time_are_leaks(unit: int) -> None:
    columns, labels, times = honest()
    known_at = times + np.random.default_rng(2).integers(HOUR, 40 * 24 * HOUR, labels.size)
    cut = np.where(labels == 1, known_at // unit, np.random.default_rng(3).integers(0, 9, labels.size))
    waited = np.where(labels == 1, (known_at - times) / HOUR, np.nan)
    report = check_leakage(
        {**columns, "seen": cut, "waited": waited}, labels, times_us=times, known_at_us=known_at
    )
    leaks = {one.fields[0]: one for one in report.findings if one.kind == "label_time"}
    assert set(leaks) == {"seen", "waited"}
    assert "the time at which the label came" in leaks["seen"].says
    assert "the delay of the label, in hours" in leaks["waited"].says
    trusted = check_leakage(
        {**columns, "seen": cut}, labels, times_us=times, known_at_us=known_at, trusted=["seen"]
    )
    assert not [one for one in trusted.findings if one.kind == "label_time"]


def test_the_events_own_time_is_no_function_of_a_label_that_comes_after_a_week() -> None:
    columns, labels, times = honest()
    report = check_leakage(
        {**columns, "at": times, "shifted": times + 168 * HOUR}, labels, times_us=times,
        known_at_us=times + 168 * HOUR,
    )  # fmt: skip
    assert not [one for one in report.findings if one.kind == "label_time"]


def test_moments_after_the_event_are_named() -> None:
    def add(columns: Columns, labels: npt.NDArray[Any], chance: np.random.Generator) -> Columns:
        times = np.arange(labels.size) * HOUR
        later = times + chance.integers(1, 10**12, labels.size)
        due = later.astype("datetime64[us]")
        closed = np.where(labels == 1, later, times - 1).astype("datetime64[us]")
        return {"due": due, "closed": closed}

    report = found(add)
    assert {(one.fields, one.severity) for one in report.findings if one.kind == "later"} == {
        (("due",), "notice"),
        (("closed",), "leak"),
    }


def test_the_model_is_measured_without_each_and_without_all() -> None:
    calls: list[tuple[str, ...]] = []
    seen: list[tuple[int, int]] = []

    def fit_and_score(dropped: tuple[str, ...]) -> Mapping[str, float]:
        calls.append(dropped)
        return {"roc_auc": 1.0 - len(dropped) / 10}

    report = found(
        lambda _, labels, chance: {
            "fraud_type": labels * chance.integers(1, 4, labels.size),
            "score": labels * 9 + chance.normal(size=labels.size),
        },
        fit_and_score=fit_and_score,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert calls == [(), ("fraud_type",), ("score",), ("fraud_type", "score")]
    assert [one.name for one in report.scores] == [
        "everything", "without fraud_type", "without score", "without all that is suspicious",
    ]  # fmt: skip
    assert report.scores[-1].measures == {"roc_auc": 0.8}
    assert seen == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    assert json.loads(json.dumps(report.as_data(), allow_nan=False))["scores"][1]["dropped"] == ["fraud_type"]


def test_where_nothing_is_found_the_model_is_measured_once() -> None:
    calls: list[tuple[str, ...]] = []

    def fit_and_score(dropped: tuple[str, ...]) -> Mapping[str, float]:
        calls.append(dropped)
        return {}

    found(lambda *_: {}, fit_and_score=fit_and_score)
    assert calls == [()]


def test_many_legitimate_rows_are_thinned_and_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    _, labels, times = honest()
    kept = np.where((labels == 1) & (np.arange(labels.size) % 2 == 0), 1, 0)
    kept[np.flatnonzero(labels == 0)[::29]] = 1
    whole = check_leakage({"kept": kept}, labels, bounds=Bounds(rule_precision=0.2, rule_lift=2))
    monkeypatch.setattr(columns_of, "MOST_HONEST", 1_000)
    table = read_table({"kept": kept}, labels, times_us=times, known_at_us=None, seed=0)
    assert table.fraud.sum() == labels.sum()
    assert table.weight == pytest.approx((labels == 0).sum() / 1_000)
    thinned = check_leakage({"kept": kept}, labels, bounds=Bounds(rule_precision=0.2, rule_lift=2))
    assert (thinned.rows, thinned.frauds) == (whole.rows, whole.frauds)
    precision = [float(report.findings[0].says.split(": ")[1].split(" %")[0]) for report in (whole, thinned)]
    assert precision[0] == pytest.approx(precision[1], abs=8)
    assert precision[0] < 50


def test_all_that_does_not_fit_is_named() -> None:
    with pytest.raises(DataInvalid) as error:
        check_leakage({"a": np.zeros(3), "b": np.zeros((4, 2))}, [0, 1, 2, 0])
    assert [fault.where for fault in error.value.faults] == ["a", "b", "labels", "labels"]
    with pytest.raises(ParameterInvalid) as refused:
        Bounds(
            alone_auc=0.4, missing_auc=2, rule_precision=0, rule_recall=-1, rule_lift=0.5, identity_share=0
        )
    assert len(refused.value.faults) == 6


data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no reference data at {DATA}; set RISKLOOM_DATA")


def read(name: str) -> Columns:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(DATA / name)
    return {column: table[column].to_numpy() for column in table.column_names}


def paysim() -> tuple[Columns, npt.NDArray[Any], npt.NDArray[Any]]:
    """The genuine rows drawn over the whole month."""
    every = read("paysim/paysim_kaggle_subset.parquet")
    drawn = every.pop("draw") == "random"
    columns = {name: values[drawn] for name, values in every.items()}
    return columns, columns.pop("isFraud"), columns["step"].astype(np.int64) * HOUR


@data
@pytest.mark.data
@pytest.mark.slow
def test_paysims_balances_after_the_payment_are_leaks_and_the_emptied_account_is_a_rule() -> None:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import average_precision_score

    columns, labels, times = paysim()
    parts = split_by_shares(times, (0.7, 0.3)).assign(times)
    numbers = {name: values for name, values in columns.items() if not name.startswith("name")}
    numbers["type"] = np.unique(numbers["type"].astype(str), return_inverse=True)[1]

    def fit_and_score(dropped: tuple[str, ...]) -> Mapping[str, float]:
        X = np.column_stack([values for name, values in numbers.items() if name not in dropped])
        model = RandomForestClassifier(20, min_samples_leaf=3, random_state=0)
        model.fit(X[parts.train], labels[parts.train])
        scores = model.predict_proba(X[parts.test])[:, 1]
        return {"average_precision": float(average_precision_score(labels[parts.test], scores))}

    report = check_leakage(columns, labels, times_us=times, keep=["amount"], fit_and_score=fit_and_score)

    assert set(report.to_drop()) == {"newbalanceOrig", "newbalanceDest"}
    assert set(report.to_drop("suspicious")) == {"newbalanceOrig", "newbalanceDest", "oldbalanceOrg"}
    rule = next(one for one in report.findings if one.fields == ("amount", "oldbalanceOrg"))
    assert "100.0 % of these rows are fraud" in rule.says
    assert rule.value > 0.95
    measured = {one.dropped: one.measures["average_precision"] for one in report.scores}
    assert measured[()] > 0.97
    assert measured[report.to_drop()] < measured[()] - 0.01
    assert measured[report.to_drop("suspicious")] < measured[()] - 0.1


@data
@pytest.mark.data
@pytest.mark.slow
def test_paysims_own_run_is_seen_through_as_well() -> None:
    columns = read("paysim/paysim_sim_a_steps001-240.parquet")
    labels = columns.pop("isFraud")
    report = check_leakage(columns, labels, times_us=columns["step"].astype(np.int64) * HOUR, keep=["amount"])
    assert set(report.to_drop()) == {"newbalanceOrig", "newbalanceDest"}
    assert ("amount", "oldbalanceOrg") in {one.fields for one in report.findings if one.kind == "rule"}


@data
@pytest.mark.data
@pytest.mark.slow
def test_the_handbooks_answer_key_is_a_leak_and_its_other_fields_are_not() -> None:
    columns = read("handbook/transactions.parquet")
    labels = columns.pop("TX_FRAUD")
    times = columns["TX_DATETIME"].astype("datetime64[us]").astype(np.int64)
    report = check_leakage(columns, labels, times_us=times)
    assert report.to_drop("suspicious") == ("TX_FRAUD_SCENARIO",)
    assert report.to_drop() == ("TX_FRAUD_SCENARIO",)


@data
@pytest.mark.data
@pytest.mark.slow
def test_sparkov_raises_no_alarm() -> None:
    columns = read("sparkov/sparkov_sim_a_2019.parquet")
    labels = columns.pop("is_fraud")
    times = columns["trans_date_trans_time"].astype("datetime64[us]").astype(np.int64)
    assert check_leakage(columns, labels, times_us=times).findings == ()
