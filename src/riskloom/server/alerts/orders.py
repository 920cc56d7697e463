"""What somebody asks to be done with alerts, read and checked as a whole before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from riskloom.domain.alert import Alert, Disposition
from riskloom.domain.alert_acts import assign, claim, escalate, release, renew, reopen, resolve, snooze
from riskloom.domain.analyst import Analyst
from riskloom.domain.duration import parse_duration
from riskloom.domain.field import Field, FieldType
from riskloom.domain.read import FieldFault, reader
from riskloom.domain.show import show_time
from riskloom.errors import Fault, Forbidden, ParameterInvalid, nearest, show
from riskloom.policy.route import AlertSpec, Queue, may_work
from riskloom.server.alerts.repo import Act, Step
from riskloom.server.kit.http import read_name

ACTS: Mapping[str, tuple[str, ...]] = {
    "claim": (),
    "release": (),
    "renew": (),
    "snooze": ("until", "for", "reason"),
    "escalate": ("queue", "reason"),
    "resolve": ("disposition", "reason"),
    "reopen": ("reason",),
    "assign": ("to",),
}
"""What can be done with an alert, and what may be said with it."""
LONGEST_TEXT = 2_000
LONGEST_SNOOZE_US = 366 * 86_400_000_000
_read_time = reader(Field("until", FieldType.TIME))


@dataclass(frozen=True, slots=True)
class Order:
    """An act by somebody at a time, checked but for the alert itself.

    `analyst` is the one who will have the alert: they must be able to work it.
    """

    name: str
    actor: str
    now_us: int
    said: Mapping[str, Any]
    analyst: Analyst
    spec: AlertSpec

    @property
    def act(self) -> Act:
        """What is done with one alert."""
        act: Act = getattr(self, f"_{self.name}")
        return act

    def _claim(self, alert: Alert) -> Step:
        self._check_may_work(alert)
        after = claim(alert, self.actor, self.now_us, self._lease_us(alert))
        return Step(after, "alert.claimed", self._lease(after))

    def _assign(self, alert: Alert) -> Step:
        self._check_may_work(alert)
        after = assign(alert, self.actor, self.said["to"], self.now_us, self._lease_us(alert))
        return Step(after, "alert.assigned", {"to": self.said["to"], **self._lease(after)})

    def _renew(self, alert: Alert) -> Step:
        after = renew(alert, self.actor, self.now_us, self._lease_us(alert))
        return Step(after, "alert.renewed", self._lease(after))

    def _release(self, alert: Alert) -> Step:
        return Step(release(alert, self.actor, self.now_us), "alert.released")

    def _snooze(self, alert: Alert) -> Step:
        until_us = self.said["until"]
        after = snooze(alert, self.actor, self.now_us, until_us)
        return Step(after, "alert.snoozed", {"until": show_time(until_us), "reason": self.said["reason"]})

    def _escalate(self, alert: Alert) -> Step:
        declared = self.spec.queue(alert.queue)
        queue = self.said["queue"] or (declared.escalates_to if declared is not None else "") or alert.queue
        after = escalate(alert, self.actor, self.now_us, queue)
        detail = {"from": alert.queue, "queue": queue, "reason": self.said["reason"]}
        return Step(after, "alert.escalated", detail)

    def _resolve(self, alert: Alert) -> Step:
        disposition, reason = self.said["disposition"], self.said["reason"]
        columns = {
            "disposition": disposition,
            "closed_reason": reason,
            "closed_by": self.actor,
            "closed_at_us": self.now_us,
        }
        after = resolve(alert, self.actor, self.now_us)
        return Step(after, "alert.resolved", {"disposition": disposition, "reason": reason}, columns)

    def _reopen(self, alert: Alert) -> Step:
        names = ("disposition", "closed_reason", "closed_by", "closed_at_us")
        return Step(
            reopen(alert, self.now_us),
            "alert.reopened",
            {"was": alert.state.value, "reason": self.said["reason"]},
            dict.fromkeys(names),
        )

    def _check_may_work(self, alert: Alert) -> None:
        why = may_work(self.analyst, alert.queue, self.spec, alert.amount_minor)
        if why:
            raise Forbidden(
                f"{self.analyst.name} may not work on alert {alert.id}: {why}.",
                hint="PUT /api/v1/analysts/{name} says what somebody may work on",
            )

    def _lease_us(self, alert: Alert) -> int:
        return (self.spec.queue(alert.queue) or Queue("")).lease_us

    def _lease(self, alert: Alert) -> dict[str, str]:
        return {"until": show_time(alert.lease_until_us or self.now_us)}


def read_said(name: str, given: Mapping[str, Any], spec: AlertSpec, now_us: int) -> dict[str, Any]:
    """What is said with an act, checked.

    Raises
    ------
    ParameterInvalid
    """
    known = ACTS[name]
    faults = [
        Fault(key, f"one of {', '.join(known)}" if known else "nothing", show(key), nearest(key, known))
        for key in given
        if key not in known
    ]
    said: dict[str, Any] = {}
    if "reason" in known:
        said["reason"] = _text(given, "reason", faults, is_needed=name == "resolve")
    if name == "snooze":
        said["until"] = _until(given, now_us, faults)
    if name == "assign":
        said["to"] = _name(given, faults)
    if name == "resolve":
        said["disposition"] = _choice(given, "disposition", [one.value for one in Disposition], faults)
    if name == "escalate":
        queues = [queue.name for queue in spec.queues]
        said["queue"] = _choice(given, "queue", queues, faults) if "queue" in given else ""
    if faults:
        raise ParameterInvalid(faults)
    return said


def _text(given: Mapping[str, Any], key: str, faults: list[Fault], *, is_needed: bool = False) -> str:
    value = given.get(key, "")
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or (is_needed and not value.strip()):
        least = 1 if is_needed else 0
        faults.append(Fault(key, f"a text of {least} to {LONGEST_TEXT:,} characters", show(value)))
        return ""
    return value


def _choice(given: Mapping[str, Any], key: str, known: list[str], faults: list[Fault]) -> str:
    value = given.get(key)
    if value not in known:
        got = "nothing" if value is None else show(value)
        faults.append(Fault(key, f"one of {', '.join(known)}", got, nearest(str(value), known)))
        return ""
    return str(value)


def _name(given: Mapping[str, Any], faults: list[Fault]) -> str:
    try:
        return read_name("to", given.get("to"))
    except ParameterInvalid as error:
        faults += error.faults
        return ""


def _until(given: Mapping[str, Any], now_us: int, faults: list[Fault]) -> int:
    """When a snooze ends: a time, or how long from now."""
    if ("until" in given) is ("for" in given):
        faults.append(Fault("until", "until or for, one of them", "both" if "for" in given else "nothing"))
        return now_us
    key = "until" if "until" in given else "for"
    try:
        if key == "until":
            until_us = int(_read_time(given[key]))
        else:
            until_us = now_us + parse_duration(given[key] if isinstance(given[key], str) else "")
    except FieldFault as fault:
        faults.append(Fault(key, fault.expected, fault.got or show(given[key]), fault.hint))
        return now_us
    except ValueError:
        faults.append(Fault(key, "a duration such as 30m, 4h or 1d", show(given[key])))
        return now_us
    if not now_us < until_us <= now_us + LONGEST_SNOOZE_US:
        faults.append(Fault(key, "a moment in the year to come", show(given[key])))
    return until_us
