"""What costs least is done; where its cost is unknown, the percentiles hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskloom.domain.decision import LADDER, Outcome
from riskloom.policy.policy import NO_AMOUNT, NO_PROBABILITY, ExpectedCost, Policy

COST = ExpectedCost("amount", review_cost=10.0, insult_cost=5.0)
POLICY = Policy(90.0, 99.0, COST)
REFUSING = Policy(90.0, 99.0, ExpectedCost("amount", 10.0, 5.0, reject_cost=20.0))


@pytest.mark.parametrize(
    ("policy", "probability", "amount", "outcome"),
    [
        (POLICY, 0.5, 25.0, Outcome.APPROVED),  # 12.5 to lose, 12.5 to look: the milder one
        (POLICY, 0.5, 25.01, Outcome.FLAGGED),
        (POLICY, 0.001, 1e6, Outcome.FLAGGED),
        (POLICY, 1.0, 9.99, Outcome.APPROVED),
        (POLICY, 1.0, 1e9, Outcome.FLAGGED),
        (POLICY, 0.0, 1e9, Outcome.APPROVED),
        (REFUSING, 0.9, 1000.0, Outcome.REJECTED),  # 2 to refuse, 10.5 to look
        (REFUSING, 0.2, 1000.0, Outcome.FLAGGED),  # 16 to refuse, 14 to look
        (REFUSING, 0.9, 1.0, Outcome.APPROVED),  # 0.9 to lose
        (REFUSING, 0.9, -50.0, Outcome.APPROVED),
    ],
)
def test_the_cheapest_outcome_is_taken(
    policy: Policy, probability: float, amount: float, outcome: Outcome
) -> None:
    asked, worth, lacking = policy.ask_one(50.0, probability, amount)
    assert (asked, lacking) == (outcome, "")
    assert worth == probability * amount - (10.0 + (1.0 - probability) * 5.0)


def test_without_probability_or_amount_the_percentiles_hold_and_that_is_said() -> None:
    for risk, outcome in ((89.0, Outcome.APPROVED), (90.0, Outcome.FLAGGED), (99.0, Outcome.REJECTED)):
        assert POLICY.ask_one(risk, None, 1e9)[::2] == (outcome, NO_PROBABILITY)
        assert POLICY.ask_one(risk, 0.9, math.nan)[::2] == (outcome, NO_AMOUNT)
        assert math.isnan(POLICY.ask_one(risk, None, 1e9)[1])
    assert POLICY.ask_one(None)[::2] == (Outcome.APPROVED, "")


@given(
    policy=st.sampled_from([Policy(90.0), Policy(90.0, 99.0), POLICY, REFUSING]),
    rows=st.lists(
        st.tuples(
            st.sampled_from([0.0, 89.9, 90.0, 99.0, 100.0, math.nan]),
            st.sampled_from([0.0, 1e-9, 0.2, 0.5, 0.9, 1.0]) | st.floats(0, 1),
            st.sampled_from([0.0, -0.0, 25.0, 25.01, 1e308, math.nan]) | st.floats(-1e9, 1e9),
        ),
        max_size=9,
    ),
    calibrated=st.booleans(),
)
def test_many_are_asked_as_one_by_one(
    policy: Policy, rows: list[tuple[float, float, float]], calibrated: bool
) -> None:
    risks, chances, amounts = (np.array([row[at] for row in rows]) for at in range(3))
    many = policy.ask_many(risks, chances if calibrated else None, amounts, len(rows))
    one = [policy.ask_one(risk, chance if calibrated else None, amount)[0] for risk, chance, amount in rows]
    assert [LADDER[rank] for rank in many.tolist()] == one
