"""Stages: which moves there are, what they take with them, and who is in a canary."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskloom.domain.stage import (
    ALLOWED,
    Action,
    Change,
    Move,
    Stage,
    Stages,
    canary_share,
    in_canary,
    stages_after,
)
from riskloom.errors import NotFound, ParameterInvalid, StageInvalid


def change(action: Action, moves: tuple[Move, ...], number: int = 1) -> Change:
    return Change(number, action, moves, 0, "ana", "because")


def published(count: int) -> Stages:
    """So many candidates."""
    stages = Stages()
    for version in range(1, count + 1):
        stages = stages.after(change(Action.PUBLISH, stages.publish(version)))
    return stages


def moved(stages: Stages, version: int, to: str, percent: float | None = None) -> Stages:
    return stages.after(change(Action.MOVE, stages.move(version, to, percent)))


def rolled_back(stages: Stages) -> Stages:
    return stages.after(change(Action.ROLLBACK, stages.roll_back()))


def in_stage(stage: Stage) -> Stages:
    """Three versions, the first of them in a stage."""
    stages = published(3)
    if stage is Stage.CANDIDATE:
        return stages
    return moved(stages, 1, stage, 5 if stage is Stage.CANARY else None)


@pytest.mark.parametrize(("origin", "to"), [*itertools.product(Stage, Stage)])
def test_a_version_moves_where_it_may_and_nowhere_else(origin: Stage, to: Stage) -> None:
    stages = in_stage(origin)
    percent = 10 if to is Stage.CANARY else None
    if to in ALLOWED[origin]:
        assert moved(stages, 1, to, percent).of[1] is to
    else:
        with pytest.raises(StageInvalid) as refused:
            stages.move(1, to, percent)
        assert refused.value.status == 409
        assert refused.value.code == "stage_invalid"
        assert str(origin) in refused.value.message


def test_the_whole_way_is_open_and_so_is_the_way_back_from_a_trial() -> None:
    stages = published(1)
    for to, percent in (
        ("shadow", None),
        ("canary", 5),
        ("candidate", None),
        ("canary", 5),
        ("champion", None),
    ):
        stages = moved(stages, 1, to, percent)
    assert stages.champion == 1


def test_a_new_champion_retires_the_former_one_in_the_same_change() -> None:
    stages = moved(published(2), 1, "champion")
    assert stages.move(2, "champion") == (
        Move(2, Stage.CANDIDATE, Stage.CHAMPION),
        Move(1, Stage.CHAMPION, Stage.RETIRED),
    )
    assert dict(moved(stages, 2, "champion").of) == {1: Stage.RETIRED, 2: Stage.CHAMPION}


def test_a_champion_stays_until_another_takes_its_place() -> None:
    stages = moved(published(2), 1, "champion")
    for to in ("candidate", "shadow", "retired", "champion"):
        with pytest.raises(StageInvalid) as refused:
            stages.move(1, to)
        assert "promote another version" in refused.value.hint


def test_a_rollback_goes_back_champion_by_champion_and_never_forward() -> None:
    stages = published(4)
    for version in (1, 2, 3):
        stages = moved(stages, version, "champion")
    stages = rolled_back(stages)
    assert stages.champion == 2
    assert stages.of[3] is Stage.RETIRED
    stages = rolled_back(stages)
    assert stages.champion == 1
    with pytest.raises(StageInvalid, match="nothing to go back to"):
        stages.roll_back()
    stages = rolled_back(moved(stages, 4, "champion"))
    assert stages.champion == 1


def test_without_a_champion_there_is_nothing_to_roll_back() -> None:
    with pytest.raises(StageInvalid, match="There is no champion"):
        published(2).roll_back()


def test_a_rollback_brings_back_a_champion_that_is_on_trial_again() -> None:
    stages = moved(moved(published(2), 1, "champion"), 2, "champion")
    stages = moved(moved(stages, 1, "shadow"), 1, "canary", 5)
    stages = rolled_back(stages)
    assert (stages.champion, stages.canary, stages.percent) == (1, None, None)


def test_a_version_that_was_champion_twice_is_rolled_back_to_who_was_between() -> None:
    stages = moved(moved(published(2), 1, "champion"), 2, "champion")
    stages = moved(moved(stages, 1, "candidate"), 1, "champion")
    stages = rolled_back(stages)
    assert stages.champion == 2
    assert rolled_back(stages).champion == 1


def test_there_are_many_shadows_but_one_canary() -> None:
    stages = moved(moved(moved(published(4), 1, "shadow"), 2, "shadow"), 3, "canary", 5)
    assert stages.at(Stage.SHADOW) == (1, 2)
    with pytest.raises(StageInvalid) as refused:
        stages.move(4, "canary", 5)
    assert "Version 3 is the canary" in refused.value.message
    assert "version 3" in refused.value.hint


def test_a_canary_changes_its_share_but_not_to_the_same() -> None:
    stages = moved(published(1), 1, "canary", 5)
    assert moved(stages, 1, "canary", 20).percent == 20
    with pytest.raises(StageInvalid, match="5 % already"):
        stages.move(1, "canary", 5.0)


@pytest.mark.parametrize("percent", [None, 0, 100, -1, 101, math.nan, math.inf, True, "5"])
def test_a_canary_needs_a_share_between_0_and_100(percent: float | None) -> None:
    with pytest.raises(ParameterInvalid) as refused:
        published(1).move(1, "canary", percent)
    assert refused.value.faults[0].where == "percent"


@pytest.mark.parametrize("to", ["shadow", "champion", "retired"])
def test_no_other_stage_takes_a_share(to: str) -> None:
    with pytest.raises(ParameterInvalid):
        published(1).move(1, to, 5)


def test_unknown_stages_and_versions_are_named() -> None:
    with pytest.raises(ParameterInvalid, match="did you mean 'champion'"):
        published(1).move(1, "champoin")
    with pytest.raises(NotFound, match="no version 7"):
        published(1).move(7, "champion")
    with pytest.raises(StageInvalid, match="a version 1 already"):
        published(1).publish(1)


def test_a_history_that_does_not_follow_is_refused() -> None:
    one = published(1)
    with pytest.raises(StageInvalid, match="but it is candidate"):
        one.after(change(Action.MOVE, (Move(1, Stage.SHADOW, Stage.CANARY, 5.0),)))
    champion = moved(published(2), 1, "champion")
    with pytest.raises(StageInvalid, match="second champion"):
        champion.after(change(Action.MOVE, (Move(2, Stage.CANDIDATE, Stage.CHAMPION),)))


STEPS = st.lists(
    st.one_of(
        st.just(("publish", 0, "", None)),
        st.just(("rollback", 0, "", None)),
        st.tuples(
            st.just("move"),
            st.integers(1, 5),
            st.sampled_from([stage.value for stage in Stage]),
            st.sampled_from([None, 1.0, 50.0]),
        ),
    ),
    max_size=40,
)


@given(STEPS)
def test_whatever_is_tried_there_is_one_champion_at_most_and_the_history_tells_all(
    steps: list[tuple[str, int, str, float | None]],
) -> None:
    stages, history, deciding = Stages(), [], []
    for what, version, to, percent in steps:
        try:
            if what == "publish":
                made = change(Action.PUBLISH, stages.publish(len(stages.of) + 1))
            elif what == "rollback":
                made = change(Action.ROLLBACK, stages.roll_back())
            else:
                made = change(Action.MOVE, stages.move(version, to, percent))
        except (StageInvalid, ParameterInvalid, NotFound):
            continue
        former, stages = stages.champion, stages.after(made)
        history.append(made)
        if what == "rollback":  # back to who decided before, as a list of our own says
            deciding.pop()
        elif stages.champion != former:
            deciding.append(stages.champion)
        counted = Counter(stages.of.values())
        assert counted[Stage.CHAMPION] == (1 if deciding else 0)
        assert stages.champion == (deciding[-1] if deciding else None)
        assert counted[Stage.CANARY] <= 1
        assert (stages.percent is None) == (stages.canary is None)
    assert stages_after(history) == stages


KEYS = [f"user-{n}" for n in range(20_000)]


def test_a_canary_takes_the_share_it_was_given() -> None:
    for percent in (1, 5, 33.3, 90):
        expected = len(KEYS) * percent / 100
        taken = sum(in_canary(key, percent, "v1") for key in KEYS)
        assert abs(taken - expected) < 4 * math.sqrt(expected * (1 - percent / 100))


def test_shares_are_uniform() -> None:
    counts = Counter(int(canary_share(key, "v1") * 50) for key in KEYS)
    expected = len(KEYS) / 50
    chi_square = sum((counts[at] - expected) ** 2 / expected for at in range(50))
    assert chi_square < 85.4  # the 0.1 % point of 49 degrees of freedom
    assert set(counts) == set(range(50))


@given(st.text(), st.text(), st.floats(0, 100), st.floats(0, 100))
def test_who_is_in_stays_in_when_the_share_rises(key: str, salt: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert in_canary(key, low, salt) <= in_canary(key, high, salt)
    assert in_canary(key, high, salt) == in_canary(key, high, salt)


@given(st.text(), st.text())
def test_a_share_of_nothing_takes_nobody_and_all_takes_everybody(key: str, salt: str) -> None:
    assert 0 <= canary_share(key, salt) < 1
    assert not in_canary(key, 0, salt)
    assert in_canary(key, 100, salt)


def test_another_salt_is_an_independent_draw() -> None:
    both = sum(in_canary(key, 50, "v1") and in_canary(key, 50, "v2") for key in KEYS)
    assert abs(both - len(KEYS) / 4) < 4 * math.sqrt(len(KEYS) * 3 / 16)


def test_who_is_in_does_not_change_from_one_release_to_the_next() -> None:
    shares = [round(canary_share(key, "salt"), 6) for key in ("", "ann", "Łukasz", "\ud800")]
    assert shares == [0.520544, 0.631336, 0.408029, 0.576407]


def test_an_event_without_an_entity_is_never_in() -> None:
    assert not in_canary(None, 100, "v1")
