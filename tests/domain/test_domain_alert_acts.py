"""Acts on alerts: each gives the alert afterwards, or says who has it or why it cannot be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from riskloom.domain import alert_acts as acts
from riskloom.domain.alert import CLOSED, MOVES, Alert, AlertState
from riskloom.domain.decision import Outcome
from riskloom.errors import Conflict, Held, MoveInvalid, RiskloomError

NOW, LEASE = 1_000, 100
OPEN = Alert(
    7, "cards", "user_id", "ann", AlertState.OPEN, "all", "high", ("VELOCITY",), Outcome.FLAGGED,
    10.0, 500, 1, 7, 7, 1, 1,
)  # fmt: skip
MINE = replace(OPEN, state=AlertState.CLAIMED, claimed_by="ana", lease_until_us=NOW + 1)
THEIRS = replace(MINE, claimed_by="bea")
EVERY = {
    AlertState.OPEN: OPEN,
    AlertState.CLAIMED: MINE,
    AlertState.SNOOZED: replace(OPEN, state=AlertState.SNOOZED, snoozed_until_us=NOW + 1),
    AlertState.ESCALATED: replace(OPEN, state=AlertState.ESCALATED),
    AlertState.RESOLVED: replace(OPEN, state=AlertState.RESOLVED),
    AlertState.AUTO_CLOSED: replace(OPEN, state=AlertState.AUTO_CLOSED),
}
ACTS = {
    AlertState.CLAIMED: lambda alert: acts.claim(alert, "ana", NOW, LEASE),
    AlertState.SNOOZED: lambda alert: acts.snooze(alert, "ana", NOW, NOW + 50),
    AlertState.ESCALATED: lambda alert: acts.escalate(alert, "ana", NOW, "senior"),
    AlertState.RESOLVED: lambda alert: acts.resolve(alert, "ana", NOW),
    AlertState.AUTO_CLOSED: lambda alert: acts.auto_close(alert, NOW),
}


@pytest.mark.parametrize("state", AlertState)
@pytest.mark.parametrize("to", ACTS)
def test_an_act_goes_where_the_table_of_moves_allows(state: AlertState, to: AlertState) -> None:
    alert = EVERY[state]
    if to in MOVES[state]:
        assert ACTS[to](alert).state is to
    else:
        with pytest.raises(MoveInvalid):
            ACTS[to](alert)


@pytest.mark.parametrize(
    "act",
    [
        *(act for to, act in ACTS.items() if to is not AlertState.AUTO_CLOSED),
        lambda alert: acts.release(alert, "ana", NOW),
        lambda alert: acts.renew(alert, "ana", NOW, LEASE),
        lambda alert: acts.assign(alert, "ana", "cleo", NOW, LEASE),
    ],
)
def test_what_somebody_else_works_on_is_left_alone(act: object) -> None:
    with pytest.raises(Held) as refused:
        act(THEIRS)  # type: ignore[operator]
    assert refused.value.holder == "bea"


def test_nothing_is_left_of_a_claim_or_a_snooze_before() -> None:
    for alert in (MINE, EVERY[AlertState.SNOOZED]):
        for act in (ACTS[AlertState.RESOLVED], ACTS[AlertState.ESCALATED]):
            after = act(alert)
            assert (after.claimed_by, after.lease_until_us, after.snoozed_until_us) == (None, None, None)
            assert after.changed_at_us == NOW


def test_a_claim_lasts_for_its_lease() -> None:
    claimed = acts.claim(OPEN, "ana", NOW, LEASE)
    assert (claimed.claimed_by, claimed.lease_until_us) == ("ana", NOW + LEASE)
    assert acts.renew(claimed, "ana", NOW + 90, LEASE).lease_until_us == NOW + 190
    assert acts.assign(OPEN, "ana", "bea", NOW, LEASE).claimed_by == "bea"


@pytest.mark.parametrize("alert", [OPEN, EVERY[AlertState.RESOLVED], EVERY[AlertState.SNOOZED]])
def test_only_a_claim_is_released_or_renewed(alert: Alert) -> None:
    for act in (lambda one: acts.release(one, "ana", NOW), lambda one: acts.renew(one, "ana", NOW, LEASE)):
        with pytest.raises(Conflict):
            act(alert)


@pytest.mark.parametrize("state", AlertState)
def test_only_a_closed_alert_is_reopened(state: AlertState) -> None:
    if state in CLOSED:
        assert acts.reopen(EVERY[state], NOW).state is AlertState.OPEN
    else:
        with pytest.raises(RiskloomError):
            acts.reopen(EVERY[state], NOW)
