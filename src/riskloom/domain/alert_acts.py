"""What people do with an alert: each act takes an alert and gives it as it is afterwards, or refuses.

An alert on which somebody works is nobody else's: every act but `reopen`, `end` and the clock's own refuses
with `Held`, which names who has it until when.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from riskloom.domain.alert import CLOSED, Alert, AlertState, check_move
from riskloom.domain.show import show_time
from riskloom.errors import Conflict, Held, MoveInvalid


def claim(alert: Alert, actor: str, now_us: int, lease_us: int) -> Alert:
    """Take it to work on; whoever has it already has it anew for a whole lease."""
    _refuse_if_held(alert, actor, now_us)
    until_us = now_us + lease_us
    return _moved(alert, AlertState.CLAIMED, now_us, claimed_by=actor, lease_until_us=until_us)


def assign(alert: Alert, actor: str, to: str, now_us: int, lease_us: int) -> Alert:
    """Give it to somebody, as if they had claimed it."""
    _refuse_if_held(alert, actor, now_us)
    return _moved(alert, AlertState.CLAIMED, now_us, claimed_by=to, lease_until_us=now_us + lease_us)


def renew(alert: Alert, actor: str, now_us: int, lease_us: int) -> Alert:
    """Keep it for another lease; also when the last one has run out and nobody took it since.

    Raises
    ------
    Held, Conflict
    """
    _refuse_if_held(alert, actor, now_us)
    if alert.state is not AlertState.CLAIMED or alert.claimed_by != actor:
        raise Conflict(f"Alert {alert.id} is not claimed by {actor}.", hint="claim it")
    return claim(alert, actor, now_us, lease_us)


def release(alert: Alert, actor: str, now_us: int) -> Alert:
    """Give it back.

    Raises
    ------
    Held, Conflict
    """
    _refuse_if_held(alert, actor, now_us)
    if alert.state is not AlertState.CLAIMED or alert.claimed_by != actor:
        raise Conflict(f"Alert {alert.id} is not claimed by {actor}.", hint="only a claim can be released")
    return _freed(alert, AlertState.OPEN, now_us)


def snooze(alert: Alert, actor: str, now_us: int, until_us: int) -> Alert:
    """Put it away until a time."""
    _refuse_if_held(alert, actor, now_us)
    return _moved(alert, AlertState.SNOOZED, now_us, snoozed_until_us=until_us)


def escalate(alert: Alert, actor: str, now_us: int, queue: str) -> Alert:
    """Hand it on to the people of another queue."""
    _refuse_if_held(alert, actor, now_us)
    return _moved(alert, AlertState.ESCALATED, now_us, queue=queue)


def resolve(alert: Alert, actor: str, now_us: int) -> Alert:
    """Be done with it."""
    _refuse_if_held(alert, actor, now_us)
    return _moved(alert, AlertState.RESOLVED, now_us)


def reopen(alert: Alert, now_us: int) -> Alert:
    """Put a closed alert before people again; one that is not closed is refused.

    Raises
    ------
    MoveInvalid
    """
    if alert.state not in CLOSED:
        state = alert.state_at(now_us)
        raise MoveInvalid(f"Alert {alert.id} is {state}, not closed.", hint="only a closed one is reopened")
    return _moved(alert, AlertState.OPEN, now_us)


def auto_close(alert: Alert, now_us: int) -> Alert:
    """Close what nobody works on and nothing happened to for long."""
    return _moved(alert, AlertState.AUTO_CLOSED, now_us)


def end(alert: Alert, now_us: int) -> Alert:
    """Be done with it because its case is, whoever works on it.

    Raises
    ------
    MoveInvalid
        When it is closed.
    """
    return _moved(alert, AlertState.RESOLVED, now_us)


def _refuse_if_held(alert: Alert, actor: str, now_us: int) -> None:
    holder = alert.holder_at(now_us)
    if holder is not None and holder != actor:
        until = show_time(alert.lease_until_us or now_us)
        raise Held(
            f"{holder} works on alert {alert.id} until {until}.", holder, until, hint="take another one"
        )


def _moved(alert: Alert, to: AlertState, now_us: int, **changes: Any) -> Alert:
    check_move(alert.state_at(now_us), to)
    return _freed(alert, to, now_us, **changes)


def _freed(alert: Alert, to: AlertState, now_us: int, **changes: Any) -> Alert:
    """In another state, with nothing left of a claim or a snooze before."""
    free: dict[str, Any] = {"claimed_by": None, "lease_until_us": None, "snoozed_until_us": None}
    return replace(alert, state=to, changed_at_us=now_us, **{**free, **changes})
