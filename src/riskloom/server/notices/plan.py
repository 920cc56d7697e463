"""What an alert brings to the outbox when it is opened: rows, written in the transaction of its decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from riskloom.domain.alert import Alert
from riskloom.policy.notices import Clock, NoticePolicy, NoticeRules, Step
from riskloom.scenario.scenario import Scenario
from riskloom.server.decisions.record import as_text
from riskloom.server.notices.message import ALERT, facts_of
from riskloom.server.notices.tables import notices, sla_clocks

NOTICE_COLUMNS = (
    "key", "scenario", "alert_id", "kind", "step", "channel", "severity", "state", "escalate", "digest",
    "created_at_us", "due_at_us", "attempts", "data",
)  # fmt: skip
CLOCK_COLUMNS = (
    "alert_id", "clock", "scenario", "state", "started_at_us", "due_at_us", "next_at_us", "channels",
    "policy",
)  # fmt: skip
Row = tuple[Any, ...]


class NoticePlan:
    """The notices and clocks of a scenario's alerts.

    Parameters
    ----------
    scenario
        Gives the scenario at work.
    """

    def __init__(self, scenario: Callable[[], Scenario]) -> None:
        self._scenario = scenario

    def of_alert(self, alert: Alert, now_us: int) -> list[tuple[str, Row]]:
        """(table, row) of everything that follows from an alert just opened; called once for an alert."""
        scenario = self._scenario()
        rules = scenario.notices
        policy = rules.policy_of(alert)
        if policy is None:
            return []
        data = {**facts_of(alert, scenario), "policy": policy.name}
        digest_us = rules.digest_at(now_us, alert.severity)
        start_us = digest_us if digest_us is not None else rules.free_at(now_us, alert.severity)
        rows: list[tuple[str, Row]] = []
        for at, step in enumerate(policy.steps):
            told = as_text({**data, "waited_us": step.after_us} if at else data)
            times = (now_us, start_us + step.after_us)
            digest = not at and digest_us is not None
            rows += [
                (notices.name, _notice(alert, at, step, channel, times, told, digest=digest))
                for channel in step.channels
            ]
        rows += [(sla_clocks.name, _clock(alert, policy, clock, rules, now_us)) for clock in policy.clocks]
        return rows


def _notice(
    alert: Alert, at: int, step: Step, channel: str, times: tuple[int, int], data: str, *, digest: bool
) -> Row:
    key = f"{alert.id}:{at}:{channel}"
    about = (key, alert.scenario, alert.id, ALERT, str(at), channel, alert.severity)
    return (*about, "waiting", step.escalate, digest, *times, 0, data)


def _clock(alert: Alert, policy: NoticePolicy, clock: Clock, rules: NoticeRules, now_us: int) -> Row:
    due_us, warn_us = rules.working(now_us, clock.limit_us), rules.working(now_us, clock.warn_us)
    about = (alert.id, clock.name, alert.scenario, "running", now_us, due_us, warn_us)
    return (*about, as_text(policy.clock_channels), policy.name)
