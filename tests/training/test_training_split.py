"""Splits by time keep the label delay between the parts; known entities leave the test as in the Handbook."""

from __future__ import annotations

import itertools
import json
import math
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskloom.errors import DataInvalid, ParameterInvalid
from riskloom.training.known import drop_known
from riskloom.training.split import (
    Period,
    TimeSplit,
    split_by_durations,
    split_by_shares,
    split_prequential,
    split_stratified,
)

DAY = 86_400_000_000
DATA = Path(os.environ.get("RISKLOOM_DATA") or Path(__file__).parents[3] / "shared" / "data") / "handbook"
SHARES = st.sampled_from([(0.6, 0.2, 0.2), (0.7, 0.3), (0.98, 0.01, 0.01), (1 / 3, 1 / 3, 1 / 3)])


def week(delay: str = "7d") -> TimeSplit:
    """Seven days of train and of test."""
    return split_by_durations(0, train="7d", delay=delay, test="7d")


def test_an_event_at_a_boundary_belongs_to_the_later_part() -> None:
    split = split_by_durations(0, train="2d", delay="1d", validation="1d", test="1d")
    times = np.array([0, 2 * DAY - 1, 2 * DAY, 3 * DAY, 4 * DAY - 1, 4 * DAY, 5 * DAY, 6 * DAY - 1, 6 * DAY])
    parts = split.assign(times)
    assert (parts.train.tolist(), parts.validation.tolist(), parts.test.tolist()) == ([0, 1], [3, 4], [6, 7])
    assert (parts.scheme, parts.dropped.size) == ("time", 0)
    assert list(parts.named()) == ["train", "validation", "test"]


def test_rows_may_come_in_any_order() -> None:
    times = np.arange(30) * DAY
    order = np.random.default_rng(0).permutation(30)
    plain, mixed = week().assign(times), week().assign(times[order])
    assert sorted(order[mixed.test].tolist()) == plain.test.tolist()
    assert (np.diff(mixed.test) > 0).all()


@given(st.lists(st.integers(0, 50), min_size=3, max_size=80), SHARES, st.integers(0, 10))
@settings(max_examples=300, deadline=None)
def test_shares_never_part_a_moment_and_keep_the_delay(
    times: list[int], shares: tuple[float, ...], delay: int
) -> None:
    try:
        split = split_by_shares(times, shares, delay=delay)
        parts = split.assign(times)
    except DataInvalid:
        return
    named = list(parts.named().values())
    assert len(named) == len(shares)
    column = np.array(times)
    for earlier, later in itertools.pairwise(named):
        assert column[later].min() > column[earlier].max() + (delay - 1 if delay else 0)
    assert column[parts.test].max() == column.max()
    assert set(parts.test.tolist()) == set(np.flatnonzero(column >= split.test.start_us).tolist())


def test_shares_are_of_the_rows() -> None:
    times = np.random.default_rng(0).permutation(1_000) * 1_000
    parts = split_by_shares(times).assign(times)
    assert [rows.size for rows in parts.named().values()] == [600, 200, 200]
    gap = split_by_shares(times, delay=50_000).assign(times)
    assert [rows.size for rows in gap.named().values()] == [550, 150, 200]


def test_a_delay_longer_than_a_part_is_refused_with_every_part_it_eats() -> None:
    with pytest.raises(DataInvalid) as error:
        split_by_shares(np.arange(100), delay=70)
    assert [fault.where for fault in error.value.faults] == ["train", "validation"]
    with pytest.raises(DataInvalid, match="train"):
        split_by_shares([5, 5, 5, 5])


def test_all_that_is_wrong_with_periods_is_named() -> None:
    with pytest.raises(ParameterInvalid) as error:
        TimeSplit(Period(0, 10 * DAY), Period(11 * DAY, 11 * DAY), Period(12 * DAY, 20 * DAY), 2 * DAY)
    assert [fault.where for fault in error.value.faults] == ["validation", "validation", "test"]
    assert "a start from 1970-01-13T00:00:00Z on, when the labels of train are known" in str(error.value)
    TimeSplit(Period(0, 1), None, Period(1, 2))


def test_a_part_without_rows_is_refused() -> None:
    with pytest.raises(DataInvalid) as error:
        week().assign([30 * DAY])
    assert [fault.where for fault in error.value.faults] == ["train", "test"]


@pytest.mark.parametrize(
    "shares", [(0.5, 0.6), (1.0,), (0.5, 0.5, 0.0), (math.nan, 0.5), (0.25,) * 4, ("a", 1)]
)
def test_shares_that_do_not_add_up_are_refused(shares: tuple[Any, ...]) -> None:
    with pytest.raises(ParameterInvalid, match="shares: expected two or three numbers"):
        split_by_shares(np.arange(100), shares)
    with pytest.raises(ParameterInvalid, match="shares: expected two or three numbers"):
        split_stratified([0, 1] * 50, shares, seed=1)


@pytest.mark.parametrize("delay", ["7", "week", -1, 1.5, True])
def test_what_is_no_duration_is_refused(delay: Any) -> None:
    with pytest.raises(ParameterInvalid, match="delay: expected a duration"):
        split_by_shares(np.arange(100), delay=delay)


def test_times_are_integers() -> None:
    with pytest.raises(DataInvalid, match="times_us: expected integers, microseconds"):
        week().assign(np.array([0.0, 1.0]))


def test_a_split_is_plain_data() -> None:
    data = json.loads(json.dumps(week().as_data()))
    assert data == {
        "train": {"start_us": 0, "end_us": 7 * DAY},
        "validation": None,
        "test": {"start_us": 14 * DAY, "end_us": 21 * DAY},
        "delay_us": 7 * DAY,
    }


def test_prequential_folds_move_by_the_test_or_by_a_step() -> None:
    first = split_by_durations(0, train="7d", delay="7d", validation="2d", test="3d")
    assert [fold.train.start_us // DAY for fold in split_prequential(first, 3)] == [0, 3, 6]
    moved = split_prequential(first, 2, step="1d")[1]
    assert moved == first.moved(DAY)
    assert moved.validation is not None
    assert moved.validation.start_us == 15 * DAY
    for folds, step in ((0, None), (True, None), (2, 0)):
        with pytest.raises(ParameterInvalid):
            split_prequential(first, folds, step=step)


@given(st.integers(3, 60), st.integers(3, 60), SHARES, st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_a_stratified_split_holds_each_row_once_and_each_class_in_its_share(
    honest: int, frauds: int, shares: tuple[float, ...], seed: int
) -> None:
    labels = np.random.default_rng(seed).permutation([0] * honest + [1] * frauds)
    parts = split_stratified(labels, shares, seed=seed)
    named = list(parts.named().values())
    assert parts.scheme == "stratified"
    assert parts.periods is None
    assert sorted(np.concatenate(named).tolist()) == list(range(honest + frauds))
    for rows, share in zip(named, shares, strict=True):
        for value, total in ((0, honest), (1, frauds)):
            count = int((labels[rows] == value).sum())
            assert count >= 1
            assert abs(count - share * total) < 2 or count == 1 or share > 0.9


def test_a_stratified_split_is_seeded() -> None:
    labels = np.arange(400) % 10 == 0
    first, again, other = (split_stratified(labels, seed=seed).test.tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_without_enough_of_both_kinds_nothing_is_stratified() -> None:
    with pytest.raises(DataInvalid) as error:
        split_stratified([0, 0, 1, 1], seed=1)
    assert [fault.expected for fault in error.value.faults] == [
        "at least 3 legitimate rows",
        "at least 3 frauds",
    ]
    with pytest.raises(DataInvalid, match="0 or 1"):
        split_stratified([0, 1, 2], seed=1)


def day(number: float) -> int:
    return round(number * DAY)


def test_an_entity_leaves_the_test_the_day_after_its_fraud_became_known() -> None:
    times = [day(at) for at in (0.5, 6.9, 7.5, 14.1, 14.9, 15.0, 15.5, 16.5)]
    labels = [0, 1, 1, 0, 0, 0, 0, 0]
    cards = ["x", "a", "b", "a", "b", "b", "a", "b"]
    parts = drop_known(week().assign(times), times, labels, cards)
    assert parts.dropped.tolist() == [3, 5, 6, 7]
    assert parts.test.tolist() == [4]


def test_a_label_that_came_at_midnight_is_known_the_next_day_only() -> None:
    times = [0, day(7), day(14), day(15)]
    parts = drop_known(week().assign(times), times, [0, 1, 0, 0], [1, 7, 7, 7])
    assert parts.test.tolist() == [2]
    earlier = drop_known(
        week().assign(times), times, [0, 1, 0, 0], [1, 7, 7, 7], known_at_us=[0, day(14) - 1, 0, 0]
    )
    assert earlier.dropped.tolist() == [2, 3]


def test_frauds_before_the_train_period_and_of_nobody_drop_nothing() -> None:
    split = split_by_durations(10 * DAY, train="7d", delay="7d", test="7d")
    times = [day(at) for at in (9, 11, 12, 24.5, 24.6, 24.7)]
    labels = [1, 1, 0, 0, 0, 0]
    cards = np.array(["a", None, "c", "a", None, "c"], object)
    assert drop_known(split.assign(times), times, labels, cards).dropped.size == 0


def test_days_are_those_of_the_time_zone() -> None:
    times = [day(1), day(7) + day(15.5 / 24), day(14) + day(23.5 / 24)]
    for timezone, dropped in (("UTC", []), ("Asia/Kathmandu", [2])):
        parts = drop_known(week().assign(times), times, [0, 1, 0], [9, 5, 5], timezone=timezone)
        assert parts.dropped.tolist() == dropped


def test_without_time_nobody_is_known() -> None:
    parts = split_stratified([0, 1] * 9, seed=1)
    with pytest.raises(ParameterInvalid, match="split: expected one by time"):
        drop_known(parts, np.arange(18), [0, 1] * 9, np.arange(18))


@pytest.fixture(scope="module")
def payments() -> dict[str, npt.NDArray[Any]]:
    """The Handbook's payments: time in µs, day, card, label."""
    if not DATA.is_dir():
        pytest.skip(f"no reference data at {DATA}; set RISKLOOM_DATA")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(
        DATA / "transactions.parquet", columns=["TX_DATETIME", "TX_TIME_DAYS", "CUSTOMER_ID", "TX_FRAUD"]
    )
    found = {name: table[name].to_numpy() for name in table.column_names}
    found["time"] = found["TX_DATETIME"].astype("datetime64[us]").astype(np.int64)
    return found


def book_sets(payments: dict[str, npt.NDArray[Any]], first: date) -> tuple[set[int], set[int]]:
    """Train and test of one fold, as chapter 3.4 describes them: set by set, day by day."""
    start = (first - date(2018, 4, 1)).days
    days, cards, fraud = payments["TX_TIME_DAYS"], payments["CUSTOMER_ID"], payments["TX_FRAUD"] == 1
    train = np.flatnonzero((days >= start) & (days < start + 7))
    known = set(cards[train][fraud[train]].tolist())
    test: set[int] = set()
    for today in range(start + 14, start + 21):
        known |= set(cards[fraud & (days == today - 8)].tolist())
        test |= {row for row in np.flatnonzero(days == today).tolist() if int(cards[row]) not in known}
    return set(train.tolist()), test


@pytest.mark.data
def test_the_handbooks_weeks_have_the_handbooks_sizes(payments: dict[str, npt.NDArray[Any]]) -> None:
    first = round(datetime(2018, 7, 25, tzinfo=UTC).timestamp()) * 1_000_000
    split = split_by_durations(first, train="7d", delay="7d", test="7d")
    fraud = payments["TX_FRAUD"]
    whole = split.assign(payments["time"])
    parts = drop_known(whole, payments["time"], fraud, payments["CUSTOMER_ID"])
    assert (parts.train.size, int(fraud[parts.train].sum())) == (67_240, 598)
    assert (parts.test.size, int(fraud[parts.test].sum())) == (58_264, 385)
    assert parts.test.size + parts.dropped.size == whole.test.size


@pytest.mark.data
@pytest.mark.slow
def test_the_handbooks_prequential_folds_hold_the_books_rows(payments: dict[str, npt.NDArray[Any]]) -> None:
    start = datetime(2018, 7, 25, tzinfo=UTC)
    first = split_by_durations(round(start.timestamp()) * 1_000_000, train="7d", delay="7d", test="7d")
    for fold, split in enumerate(split_prequential(first, 4)):
        parts = drop_known(
            split.assign(payments["time"]), payments["time"], payments["TX_FRAUD"], payments["CUSTOMER_ID"]
        )
        train, test = book_sets(payments, (start + timedelta(days=7 * fold)).date())
        assert set(parts.train.tolist()) == train
        assert set(parts.test.tolist()) == test
