"""The hold flags once while an episode lasts, and again when it grows worse."""

from __future__ import annotations

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from riskloom.domain.decision import Outcome
from riskloom.policy.hold import Episodes, Hold
from riskloom.policy.judge import MODEL, Asked, Judge
from riskloom.policy.policy import Policy

FOR_US = 10
asks = st.lists(
    st.tuples(
        st.sampled_from([0, 1, FOR_US - 1, FOR_US, FOR_US + 1, -1]),
        st.sampled_from(["a", "b", None]),
        st.sampled_from([1.0, 2.0, 3.0, math.nan]),
    ),
    max_size=30,
)


@given(asks)
def test_the_definition(stream):
    episodes, said, now = Episodes(Hold("sensor", FOR_US)), [], 0
    for gap, entity, worth in stream:
        now += gap
        held = any(
            before == entity and then > now - FOR_US and most >= worth
            for then, before, most in said
            if entity is not None
        )
        assert episodes.holds(now, entity, worth) is held
        episodes.take(now, entity, worth)
        said.append((now, entity, worth))
        again = Episodes(Hold("sensor", FOR_US))
        again.restore(json.loads(json.dumps(episodes.as_data())))
        assert again.holds(now, entity, worth) is episodes.holds(now, entity, worth)


def judge() -> Judge:
    return Judge(Policy(90, 99, hold=Hold("sensor", FOR_US)), [])


def outcomes(judged: Judge, *asked: tuple[int, float]) -> list[tuple[Outcome, str]]:
    found = []
    for at_us, risk in asked:
        verdict = judged.judge_one(Asked(at_us, (), risk, held="a"))
        judged.advance()
        found.append((verdict.outcome, verdict.shadow.get(MODEL, "")))
    return found


def test_what_goes_on_is_held_and_what_grows_worse_is_not():
    assert outcomes(judge(), (0, 95.0), (5, 95.0), (14, 94.0), (15, 96.0), (30, 95.0)) == [
        (Outcome.FLAGGED, ""),
        (Outcome.APPROVED, "hold"),
        (Outcome.APPROVED, "hold"),
        (Outcome.FLAGGED, ""),
        (Outcome.FLAGGED, ""),
    ]


def test_a_rejection_is_never_held():
    assert outcomes(judge(), (0, 99.5), (1, 99.5))[1] == (Outcome.REJECTED, "")


def test_an_approval_does_not_prolong_an_episode():
    assert outcomes(judge(), (0, 95.0), (9, 10.0), (10, 95.0))[2] == (Outcome.FLAGGED, "")
