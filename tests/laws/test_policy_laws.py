"""Law: the policy decides many events as it decides one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from riskloom.domain.decision import LADDER, RANK
from riskloom.policy.policy import join_many, join_one
from riskloom.rules.rule_set import Action

ACTIONS = [action.value for action in Action]


@given(data=st.data(), actions=st.lists(st.sampled_from(ACTIONS), max_size=8))
def test_the_order_is_the_same_for_one_and_many(data: st.DataObject, actions: list[str]) -> None:
    asked = data.draw(st.lists(st.sampled_from(LADDER), max_size=12))
    met = np.array([[data.draw(st.booleans()) for _ in actions] for _ in asked], np.bool_).reshape(
        len(asked), len(actions)
    )
    many = join_many(np.array([RANK[outcome] for outcome in asked], np.int8), met, actions)
    one = [
        join_one(outcome, [action for action, hit in zip(actions, row, strict=True) if hit])
        for outcome, row in zip(asked, met.tolist(), strict=True)
    ]
    assert [LADDER[rank] for rank in many.tolist()] == one
