"""Rank measures equal scikit-learn's, ties and all; card precision is what the handbook defines."""

from __future__ import annotations

import itertools
import math
import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from riskloom.errors import DataInvalid, ParameterInvalid
from riskloom.measure.ranking import average_precision, card_precision_at_k, precision_at_k, roc_auc

SCORES = st.sampled_from([0.0, -0.0, 0.1, 0.5, 1.0, -1e300, 1e300, 5e-324]) | st.floats(-10, 10)
ROWS = st.lists(st.tuples(st.integers(0, 1), SCORES), min_size=1, max_size=60)

DATA = Path(os.environ.get("RISKLOOM_DATA") or Path(__file__).parents[3] / "shared" / "data") / "handbook"


@given(ROWS)
@settings(max_examples=300, deadline=None)
def test_roc_auc_and_average_precision_equal_scikit_learns(rows: list[tuple[int, float]]) -> None:
    labels, scores = zip(*rows, strict=True)
    frauds = sum(labels)

    auc, precision = roc_auc(labels, scores), average_precision(labels, scores)

    if 0 < frauds < len(rows):
        assert auc == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    else:
        assert math.isnan(auc)
    if frauds:
        assert precision == pytest.approx(average_precision_score(labels, scores), abs=1e-12)
    else:
        assert math.isnan(precision)


@given(ROWS, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_no_measure_depends_on_the_order_of_rows(rows: list[tuple[int, float]], chance: object) -> None:
    mixed = rows.copy()
    chance.shuffle(mixed)

    for measure in (roc_auc, average_precision, lambda y, s: precision_at_k(y, s, 7)):
        first, second = (measure(*zip(*some, strict=True)) for some in (rows, mixed))
        assert first == second or (math.isnan(first) and math.isnan(second))


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3)), min_size=1, max_size=6), st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_precision_at_k_is_the_mean_over_all_orders_of_ties(rows: list[tuple[int, int]], k: int) -> None:
    every = []
    for order in itertools.permutations(rows):
        ranked = sorted(order, key=lambda row: -row[1])
        every.append(sum(label for label, _ in ranked[:k]) / k)

    assert precision_at_k(*zip(*rows, strict=True), k) == pytest.approx(sum(every) / len(every), abs=1e-12)


def test_a_large_random_set_agrees_to_the_last_digits() -> None:
    chance = np.random.default_rng(0)
    labels = chance.random(200_000) < 0.01
    scores = np.round(chance.normal(size=labels.size) + labels, 2)

    assert roc_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert average_precision(labels, scores) == pytest.approx(
        average_precision_score(labels, scores), abs=1e-12
    )


def test_infinite_scores_rank() -> None:
    assert roc_auc([1, 0, 0], [np.inf, 1.0, -np.inf]) == 1.0
    assert precision_at_k([0, 1, 0], [1.0, np.inf, -np.inf], 1) == 1.0


def test_empty_places_are_misses() -> None:
    assert precision_at_k([1, 1], [0.2, 0.1], 4) == 0.5
    assert precision_at_k([], [], 4) == 0.0


def test_without_rows_a_rank_measure_is_not_defined() -> None:
    assert math.isnan(roc_auc([], []))
    assert math.isnan(average_precision([], []))


@pytest.mark.parametrize(
    ("labels", "scores", "words"),
    [
        ([0, 1], [0.5], "one for each of 1 scores"),
        ([0, 2], [0.5, 1], "0 or 1"),
        ([0, np.nan], [0.5, 1], "0 or 1"),
        (["0", "1"], [0.5, 1], "0 or 1"),
        ([0, 1], [0.5, np.nan], "a number"),
        ([0, 1], ["a", "b"], "a number"),
        ([[0, 1]], [0.5, 1], "one dimension"),
    ],
)
def test_what_cannot_be_ranked_is_refused(labels: list[object], scores: list[object], words: str) -> None:
    for measure in (roc_auc, average_precision):
        with pytest.raises(DataInvalid, match=words):
            measure(labels, scores)


@pytest.mark.parametrize("k", [0, -1, 1.0, True, None])
def test_what_is_no_count_is_refused(k: object) -> None:
    with pytest.raises(ParameterInvalid, match="k: expected an integer from 1"):
        precision_at_k([1], [1.0], k)
    with pytest.raises(ParameterInvalid, match="k: expected an integer from 1"):
        card_precision_at_k([1], [1.0], [1], [1], k)


def card_precision_by_hand(
    rows: list[tuple[int, float, int, int]], k: int, remove_found: bool
) -> list[float]:
    """The definition, a dictionary a day."""
    blocked: set[int] = set()
    by_day = []
    for today in sorted({day for *_, day in rows}):
        highest: dict[int, float] = defaultdict(lambda: -math.inf)
        fraud: dict[int, int] = defaultdict(int)
        for label, score, card, day in rows:
            if day == today and card not in blocked:
                highest[card] = max(highest[card], score)
                fraud[card] |= label
        investigated = sorted(highest, key=lambda card: (-highest[card], card))[:k]
        found = {card for card in investigated if fraud[card]}
        by_day.append(len(found) / k)
        if remove_found:
            blocked |= found
    return by_day


@given(
    st.lists(
        st.tuples(
            st.integers(0, 1),
            st.sampled_from([0.0, 0.1, 0.5, 1.0]),
            st.integers(-3, 8),
            st.integers(-1, 3),
        ),
        min_size=1,
        max_size=60,
    ),
    st.integers(1, 6),
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_card_precision_is_its_definition(
    rows: list[tuple[int, float, int, int]], k: int, remove_found: bool
) -> None:
    got = card_precision_at_k(*zip(*rows, strict=True), k=k, remove_found=remove_found)

    expected = card_precision_by_hand(rows, k, remove_found)
    assert got.days == tuple(sorted({day for *_, day in rows}))
    assert list(got.by_day) == expected
    assert got.mean == pytest.approx(sum(expected) / len(expected), abs=1e-12)


def test_a_found_card_leaves_the_later_days() -> None:
    labels, scores, cards, days = [1, 1, 0], [0.9, 0.9, 0.5], ["a", "a", "b"], [1, 2, 2]

    assert card_precision_at_k(labels, scores, cards, days, 1).by_day == (1.0, 0.0)
    assert card_precision_at_k(labels, scores, cards, days, 1, remove_found=False).by_day == (1.0, 1.0)


def test_no_payments_have_no_card_precision() -> None:
    nothing = card_precision_at_k([], [], [], [])

    assert nothing.days == nothing.by_day == ()
    assert math.isnan(nothing.mean)


@pytest.mark.parametrize(
    ("cards", "days", "words"),
    [([1], [1, 1], "cards: expected one for each of 2"), ([1, 2], [0.5, 1], "days: expected integers")],
)
def test_cards_and_days_that_do_not_fit_are_refused(
    cards: list[object], days: list[object], words: str
) -> None:
    with pytest.raises(DataInvalid, match=words):
        card_precision_at_k([0, 1], [0.1, 0.2], cards, days)


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason=f"no reference data at {DATA}; set RISKLOOM_DATA")
def test_the_handbooks_published_logistic_regression_is_measured_as_published() -> None:
    """Chapter 3.4: AUC 0.871, average precision 0.606, card precision 0.291."""
    pd = pytest.importorskip("pandas")
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    folder = DATA
    payments = pd.read_parquet(folder / "transactions.parquet").merge(
        pd.read_parquet(folder / "features_2018-07-25_2018-08-14.parquet").drop(
            columns=["TX_AMOUNT", "CUSTOMER_ID", "TERMINAL_ID", "TX_DATETIME", "TX_FRAUD"], errors="ignore"
        ),
        on="TRANSACTION_ID",
        suffixes=("", "_again"),
    )
    inputs = [
        name
        for name in payments
        if "WINDOW" in name or name in ("TX_AMOUNT", "TX_DURING_WEEKEND", "TX_DURING_NIGHT")
    ]
    assert len(inputs) == 15
    day = payments.TX_TIME_DAYS
    first = int(day[payments.TX_DATETIME >= "2018-07-25"].min())
    train = payments[(day >= first) & (day < first + 7)]
    known = set(train.CUSTOMER_ID[train.TX_FRAUD == 1])
    weeks = []
    for today in range(first + 14, first + 21):
        known |= set(payments.CUSTOMER_ID[(payments.TX_FRAUD == 1) & (day == today - 8)])
        weeks.append(payments[(day == today) & ~payments.CUSTOMER_ID.isin(known)])
    test = pd.concat(weeks)
    assert (len(train), len(test), int(test.TX_FRAUD.sum())) == (67_240, 58_264, 385)

    scaler = StandardScaler().fit(train[inputs])
    model = LogisticRegression(random_state=0).fit(scaler.transform(train[inputs]), train.TX_FRAUD)
    scores = model.predict_proba(scaler.transform(test[inputs]))[:, 1]

    labels = test.TX_FRAUD.to_numpy()
    cards = card_precision_at_k(labels, scores, test.CUSTOMER_ID.to_numpy(), test.TX_TIME_DAYS.to_numpy())
    assert roc_auc(labels, scores) == pytest.approx(0.871, abs=0.0015)
    assert average_precision(labels, scores) == pytest.approx(0.606, abs=0.0015)
    assert cards.mean == pytest.approx(0.291, abs=0.0006)
