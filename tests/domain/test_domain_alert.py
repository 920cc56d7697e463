"""Alerts: which moves there are, and what a lease or a snooze that ran out leaves behind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from riskloom.domain.alert import CLOSED, MOVES, SEVERITIES, Alert, AlertState, check_move
from riskloom.domain.decision import Outcome
from riskloom.errors import MoveInvalid
from riskloom.rules.rule_set import Severity

ALERT = Alert(
    7, "cards", "user_id", "ann", AlertState.OPEN, "all", "high", ("VELOCITY",), Outcome.FLAGGED,
    10.0, 500, 1, 7, 7, 1, 1,
)  # fmt: skip


def test_every_state_says_where_it_leads() -> None:
    assert set(MOVES) == set(AlertState)


def test_a_closed_alert_can_only_be_reopened() -> None:
    assert {state: MOVES[state] for state in CLOSED} == dict.fromkeys(CLOSED, (AlertState.OPEN,))


@pytest.mark.parametrize("state", AlertState)
def test_a_move_passes_just_when_the_table_has_it(state: AlertState) -> None:
    for to in AlertState:
        if to in MOVES[state]:
            check_move(state, to)
        else:
            with pytest.raises(MoveInvalid, match=f"is {state} cannot be {to}"):
                check_move(state, to)


def test_only_an_open_alert_closes_by_itself() -> None:
    leads = [state for state in AlertState if AlertState.AUTO_CLOSED in MOVES[state]]
    assert leads == [AlertState.OPEN]


def test_a_claim_holds_until_its_lease_runs_out() -> None:
    claimed = replace(ALERT, state=AlertState.CLAIMED, claimed_by="ann", lease_until_us=100)
    assert (claimed.state_at(99), claimed.holder_at(99)) == (AlertState.CLAIMED, "ann")
    assert (claimed.state_at(100), claimed.holder_at(100)) == (AlertState.OPEN, None)


def test_a_snooze_ends_at_its_time() -> None:
    snoozed = replace(ALERT, state=AlertState.SNOOZED, snoozed_until_us=100)
    assert [snoozed.state_at(at) for at in (99, 100)] == [AlertState.SNOOZED, AlertState.OPEN]


def test_times_of_another_state_change_nothing() -> None:
    resolved = replace(ALERT, state=AlertState.RESOLVED, lease_until_us=1, snoozed_until_us=1)
    assert resolved.state_at(5) is AlertState.RESOLVED


def test_severities_are_those_of_rules() -> None:
    assert tuple(Severity) == SEVERITIES
