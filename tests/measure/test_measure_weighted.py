"""Weighted by propensity the figures are those of everything; unweighted they are not."""

from __future__ import annotations

import numpy as np
import pytest

from riskloom.domain.decision import Outcome
from riskloom.errors import DataInvalid
from riskloom.measure.weighted import weigh
from riskloom.policy.control import Control

EVENTS = 20_000
SHARE = 0.1


def simulated(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(fraud, would be stopped, amounts): the policy stops seven frauds in ten, and some of the rest."""
    dice = np.random.default_rng(seed)
    fraud = dice.random(EVENTS) < 0.03
    stops = np.where(fraud, dice.random(EVENTS) < 0.7, dice.random(EVENTS) < 0.02)
    return fraud, stops, dice.exponential(50.0, EVENTS) * np.where(fraud, 3, 1)


def seen(stops: np.ndarray, key: str) -> np.ndarray:
    """What is let through, by the control group that decides."""
    control = Control(SHARE, key)
    return np.array([
        not stop or control.lets_through(f"tx-{at}", Outcome.FLAGGED, denied=False)
        for at, stop in enumerate(stops.tolist())
    ])  # fmt: skip


def test_the_weighted_estimate_is_unbiased_and_the_naive_one_is_not() -> None:
    fraud, stops, amounts = simulated(1)
    caught, recalls, naive, values, inside = [], [], [], [], 0
    for draw in range(200):
        known = seen(stops, f"a key of draw {draw}")
        chances = np.where(stops, SHARE, 1.0)[known]
        found = weigh(fraud[known], stops[known], chances, amounts[known])
        caught.append(found.caught.value)
        recalls.append(found.recall)
        values.append(found.caught_value)
        inside += found.caught.low <= (fraud & stops).sum() <= found.caught.high
        naive.append((fraud & stops)[known].sum() / fraud[known].sum())
    truth = (fraud & stops).sum()
    error = np.std(caught) / np.sqrt(len(caught))
    assert abs(np.mean(caught) - truth) < 4 * error
    assert np.mean(recalls) == pytest.approx(truth / fraud.sum(), abs=0.01)
    assert np.mean(values) == pytest.approx(amounts[fraud & stops].sum(), rel=0.03)
    assert 0.9 <= inside / len(caught) <= 0.99
    assert np.mean(naive) < 0.3 < 0.6 < truth / fraud.sum()  # the naive recall forgets what was stopped


def test_where_nothing_was_let_through_nothing_is_known() -> None:
    found = weigh([1, 0], [False, False], [1.0, 1.0])
    assert (found.control, found.caught.value, found.missed) == (0, 0.0, 1.0)
    assert found.as_data()["precision"] is None


@pytest.mark.parametrize("chances", [[0.0, 1.0], [1.5, 1.0], [float("nan"), 1.0], [1.0]])
def test_what_is_no_chance_is_refused(chances: list[float]) -> None:
    with pytest.raises(DataInvalid, match="propensities"):
        weigh([1, 0], [True, False], chances)
