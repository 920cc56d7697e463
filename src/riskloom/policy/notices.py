"""Who is told of an alert, when, and how long people may take: what `notices.yaml` declares, as values.

Channels are names here; where they lead is the server's business.
"""

from __future__ import annotations

from dataclasses import dataclass

from riskloom.domain.alert import Alert
from riskloom.domain.hours import BusinessHours, Digest, QuietHours


@dataclass(frozen=True, slots=True)
class Step:
    """Who is told when nobody claimed the alert for so long; the first step is told at once.

    `escalate` moves an alert that is still open to `escalated`.
    """

    after_us: int
    channels: tuple[str, ...]
    escalate: bool = False


@dataclass(frozen=True, slots=True)
class Clock:
    """How much working time an alert may take until something was done, and at which share of it to warn."""

    name: str
    limit_us: int
    warn_us: int


@dataclass(frozen=True, slots=True)
class NoticePolicy:
    """Which alerts it is for (empty: any), the steps of telling, the clocks, and who is told of those."""

    name: str
    severities: frozenset[str]
    queues: frozenset[str]
    outcomes: frozenset[str]
    reasons: frozenset[str]
    steps: tuple[Step, ...]
    clocks: tuple[Clock, ...] = ()
    clock_channels: tuple[str, ...] = ()

    def fits(self, alert: Alert) -> bool:
        """Whether an alert is its business."""
        return (
            (not self.severities or alert.severity in self.severities)
            and (not self.queues or alert.queue in self.queues)
            and (not self.outcomes or alert.outcome in self.outcomes)
            and (not self.reasons or not self.reasons.isdisjoint(alert.reasons))
        )


@dataclass(frozen=True, slots=True)
class NoticeRules:
    """All of a scenario; the first policy that fits an alert is its policy."""

    policies: tuple[NoticePolicy, ...] = ()
    hours: BusinessHours | None = None
    quiet: QuietHours | None = None
    digest: Digest | None = None

    def policy_of(self, alert: Alert) -> NoticePolicy | None:
        """The policy of an alert, or None: nobody is told."""
        return next((policy for policy in self.policies if policy.fits(alert)), None)

    def free_at(self, at_us: int, severity: str) -> int:
        """The first moment from `at_us` on at which such a thing may be told."""
        return at_us if self.quiet is None else self.quiet.free_at(at_us, severity)

    def digest_at(self, at_us: int, severity: str) -> int | None:
        """When such a thing waits until it is told with others; None where it does not."""
        if self.digest is None or severity not in self.digest.severities:
            return None
        return self.digest.next_at(at_us)

    def working(self, start_us: int, work_us: int) -> int:
        """When so much working time will have passed."""
        return start_us + work_us if self.hours is None else self.hours.after(start_us, work_us)

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of all channels, sorted."""
        named = {name for policy in self.policies for step in policy.steps for name in step.channels}
        return tuple(sorted(named.union(*(policy.clock_channels for policy in self.policies))))
