"""Sums that would leave their integer are refused, and what is refused leaves no trace."""

from __future__ import annotations

import numpy as np
import pytest

from riskloom.errors import StateOverflow
from riskloom.features.layout import INTEGER_LIMIT, SUM_LIMIT
from riskloom.features.spec import Column, WindowFeature
from riskloom.features.state import WindowState

COLUMNS = (Column("user", "id"), Column("amount", "integer"))
GREATEST = INTEGER_LIMIT - 1
FULL = SUM_LIMIT // INTEGER_LIMIT  # so many of the greatest amounts still fit
WINDOW = 10**6


def filled(amounts: np.ndarray, times: np.ndarray | None = None) -> WindowState:
    features = [WindowFeature(name, "user", name, ("amount",), WINDOW) for name in ("sum", "mean", "std")]
    state = WindowState(features, COLUMNS, 10**5)
    times = np.arange(len(amounts)) if times is None else times
    values = {"user": ["u"] * len(amounts), "amount": amounts.astype(np.int64)}
    state.run_many(times, times, np.arange(len(amounts)), values)
    return state


def take(state: WindowState, time: int, amount: int, arrived: int | None = None, user: str = "u") -> float:
    out = np.zeros(3)
    values = {"user": user, "amount": amount}
    state.look_one(time, time if arrived is None else arrived, values, out)
    state.advance_one(10**6 + time)
    return float(out[0])


@pytest.mark.parametrize("sign", [1, -1])
def test_the_sum_of_as_many_of_the_greatest_as_fit_is_exact(sign: int) -> None:
    state = filled(np.full(FULL, sign * GREATEST))
    state.look_one(FULL, FULL, {"user": "u", "amount": 1}, np.zeros(3))
    assert state.integers_one()[0] == (sign * GREATEST * FULL,)


@pytest.mark.parametrize("sign", [1, -1])
def test_one_more_is_refused_and_leaves_no_trace(sign: int) -> None:
    state = filled(np.full(FULL, sign * GREATEST))
    before = state.snapshot()
    with pytest.raises(StateOverflow):
        take(state, FULL, sign * GREATEST)
    after = state.snapshot()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_a_late_one_is_refused_too() -> None:
    state = filled(np.full(FULL, GREATEST))
    with pytest.raises(StateOverflow):
        take(state, 5, GREATEST, arrived=FULL)


def test_the_limit_is_met_to_the_unit() -> None:
    state = filled(np.full(FULL, GREATEST))
    left = SUM_LIMIT - GREATEST * FULL
    take(state, FULL, left)
    with pytest.raises(StateOverflow):
        take(state, FULL + 1, 1)
    assert take(state, FULL + 2, -1) == float(SUM_LIMIT)


def test_it_is_accepted_again_when_old_ones_have_left() -> None:
    state = filled(np.full(FULL, GREATEST))
    later = 10**5 + WINDOW + 10
    for _ in range(11):  # as many as have left
        take(state, later, GREATEST)
    with pytest.raises(StateOverflow):
        take(state, later, GREATEST)


def test_amounts_that_cancel_are_never_refused() -> None:
    amounts = np.where(np.arange(4 * FULL) % 2 == 0, GREATEST, -GREATEST)
    state = filled(amounts)
    assert take(state, 4 * FULL, 5) == 0.0


def test_a_wave_beyond_the_limit_is_refused_although_the_total_is_small() -> None:
    wave = np.concatenate([np.full(FULL // 2, GREATEST), np.full(FULL, -GREATEST)])
    state = filled(wave)
    take(state, len(wave), -3)
    with pytest.raises(StateOverflow):
        take(state, len(wave) + 1, -GREATEST)


def test_a_late_one_that_deepens_a_wave_is_refused_although_the_end_is_at_zero() -> None:
    parts = [np.full(FULL // 2, GREATEST), np.full(FULL, -GREATEST), np.full(FULL // 2, GREATEST)]
    state = filled(np.concatenate(parts))
    descending, now = FULL // 2 + 10, 2 * FULL
    with pytest.raises(StateOverflow):
        take(state, descending, -GREATEST, arrived=now)
    take(state, descending, GREATEST, arrived=now)


def test_refusal_does_not_depend_on_a_restart() -> None:
    state = filled(np.full(FULL, GREATEST))
    again = WindowState.restore(state.features, COLUMNS, 10**5, state.snapshot())
    for each in (state, again):
        with pytest.raises(StateOverflow):
            take(each, FULL, GREATEST)


@pytest.mark.parametrize("amount", [INTEGER_LIMIT, -INTEGER_LIMIT, 2**63 - 1, -(2**63) + 1])
def test_a_summed_value_must_be_below_the_limit(amount: int) -> None:
    state = filled(np.full(3, 1))
    with pytest.raises(StateOverflow):
        take(state, 3, amount)
    assert take(state, 4, 1) == 3.0


def test_a_refused_stranger_is_not_remembered() -> None:
    state = filled(np.full(3, 1))
    before = state.snapshot()
    with pytest.raises(StateOverflow):
        take(state, 3, INTEGER_LIMIT, user="stranger")
    assert np.array_equal(before["data:user"], state.snapshot()["data:user"])


def test_a_batch_names_the_event_and_keeps_what_came_before() -> None:
    state = filled(np.full(3, 1))
    times = np.arange(3, 6)
    values = {"user": ["u"] * 3, "amount": [1, INTEGER_LIMIT, 1]}
    with pytest.raises(StateOverflow, match="Event 1 of the batch"):
        state.run_many(times, times, times, values)
    assert state.taken == 4


def test_the_last_refused_event_cannot_be_taken_without_a_new_look() -> None:
    state = filled(np.full(3, 1))
    with pytest.raises(StateOverflow):
        take(state, 3, INTEGER_LIMIT)
    with pytest.raises(RuntimeError):
        state.advance_one(9)
