"""Routes a flagged decision: which queue its alert waits in, how grave it is, how much a look is worth.

    priority = expected loss x urgency

The expected loss of an event is the chance that it is fraud times its amount. The chance is the calibrated
probability or, where nothing was calibrated, what the scenario declares for the gravest reason. Urgency is
the product of what the met conditions and the queue ask for. Values only: what an alert is in a database,
and what is grouped with what, is not known here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from riskloom.domain.alert import SEVERITIES
from riskloom.domain.analyst import Analyst
from riskloom.domain.duration import DAY_US
from riskloom.expression.check import Expression
from riskloom.expression.row import compile_met
from riskloom.expression.tree import Type

MINUTE_US = 60_000_000
OUTCOME, SEVERITY, PROBABILITY = "outcome", "severity", "probability"
SAID: Mapping[str, Type] = MappingProxyType(
    {OUTCOME: Type.TEXT, SEVERITY: Type.TEXT, PROBABILITY: Type.NUMBER}
)
"""What routing rules may use of a decision, beside its risk score and the codes of its reasons."""
CHANCES: Mapping[str, float] = MappingProxyType({"low": 0.02, "medium": 0.1, "high": 0.3, "critical": 0.6})
"""How likely fraud is by the gravest reason, where nothing is calibrated and nothing else is declared."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which decisions are one alert: those of one value of the field `by`.

    An event joins that is decided within `within_us` of the alert's last event and `at_most_us` of its first.
    """

    by: str = ""
    within_us: int = 30 * MINUTE_US
    at_most_us: int = DAY_US


@dataclass(frozen=True, slots=True)
class Urgency:
    """Where the condition is met, a look is so many times as urgent."""

    when: Expression
    times: float
    describe: str = ""


@dataclass(frozen=True, slots=True)
class Queue:
    """Where alerts wait. The first queue whose condition is met gets an alert; the last one has none.

    `severity` is the least that its alerts have. `skill` is what an analyst must have to work here, "" for
    none. A claim holds for `lease_us`; an open alert closes by itself when for `auto_close_us` nobody touched
    it and no event joined, never where that is None; one that is escalated moves to the queue
    `escalates_to`.
    """

    name: str
    when: Expression | None = None
    describe: str = ""
    severity: str = SEVERITIES[0]
    urgency: float = 1.0
    skill: str = ""
    lease_us: int = 15 * MINUTE_US
    auto_close_us: int | None = None
    escalates_to: str = ""


@dataclass(frozen=True, slots=True)
class AlertSpec:
    """What a scenario declares of its alerts.

    `amount` names the money field that is at risk, "" for none; an event without an amount counts as
    `unknown_amount`, in the unit of the base currency.
    """

    group: Grouping = field(default_factory=Grouping)
    amount: str = ""
    unknown_amount: float = 1.0
    chances: Mapping[str, float] = field(default_factory=lambda: CHANCES)
    urgency: tuple[Urgency, ...] = ()
    queues: tuple[Queue, ...] = (Queue("all"),)
    longest_suppression_us: int = 90 * DAY_US

    def queue(self, name: str) -> Queue | None:
        """The queue of a name; None where it is declared no more."""
        return next((queue for queue in self.queues if queue.name == name), None)


@dataclass(frozen=True, slots=True)
class Said:
    """What was decided about an event, as far as routing goes by it.

    `reasons` maps the codes that counted to their severities; `amount` is in the unit of the base currency,
    None where it has none.
    """

    outcome: str
    reasons: Mapping[str, str]
    risk_score: float | None = None
    probability: float | None = None
    amount: float | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """Where an event's alert goes, and what the event adds to it."""

    queue: str
    severity: str
    urgency: float
    expected_loss: float


class Router:
    """The routing of a scenario, compiled.

    Parameters
    ----------
    spec
        What is declared.
    names
        The fields and features, in the order in which `route_one` gets their values.
    codes
        Every code that a reason can have.
    """

    def __init__(self, spec: AlertSpec, names: Sequence[str], codes: Collection[str]) -> None:
        self._spec = spec
        self._codes = tuple(code for code in codes if code not in names)
        self._said = tuple(name for name in ("risk_score", *SAID, *self._codes) if name not in names)
        inputs = (*names, *self._said)
        written = [queue.when for queue in spec.queues if queue.when is not None]
        self._in_queue = compile_met(written, inputs) if written else None
        self._written = tuple(queue for queue in spec.queues if queue.when is not None)
        self._rest = spec.queues[-1]
        self._urgent = compile_met([one.when for one in spec.urgency], inputs) if spec.urgency else None

    def route_one(self, values: Sequence[Any], said: Said) -> Route:
        """The route of a flagged event.

        Parameters
        ----------
        values
            Of fields and features, as expressions see them.
        """
        severity = gravest(said.reasons.values())
        told: dict[str, Any] = {code: code in said.reasons for code in self._codes}
        told |= {"risk_score": _number(said.risk_score), PROBABILITY: _number(said.probability)}
        told |= {OUTCOME: said.outcome, SEVERITY: severity}
        row = [*values, *(told[name] for name in self._said)]
        met = self._in_queue(row) if self._in_queue is not None else ()
        queue = self._written[met[0]] if met else self._rest
        urgency = queue.urgency
        for at in self._urgent(row) if self._urgent is not None else ():
            urgency *= self._spec.urgency[at].times
        chance = said.probability if said.probability is not None else self._spec.chances[severity]
        amount = self._spec.unknown_amount if said.amount is None else abs(said.amount)
        return Route(queue.name, gravest((severity, queue.severity)), urgency, chance * amount)


def gravest(severities: Collection[str]) -> str:
    """The gravest of these; the least there is of none.

    >>> gravest(["low", "critical", "high"]), gravest([])
    ('critical', 'low')
    """
    return max(severities, key=SEVERITIES.index, default=SEVERITIES[0])


def may_work(analyst: Analyst, queue: str, spec: AlertSpec, amount_minor: int | None = None) -> str:
    """Why somebody may not work an alert of a queue and an amount, or "" where they may.

    A queue that is declared no more asks for no skill.

    >>> senior = AlertSpec(queues=(Queue("senior", skill="takeover"),))
    >>> may_work(Analyst("ana", skills=("cards",)), "senior", senior)
    'the queue senior asks for the skill takeover'
    """
    declared = spec.queue(queue)
    if analyst.queues and queue not in analyst.queues:
        return f"they do not work in the queue {queue}"
    if declared is not None and declared.skill and declared.skill not in analyst.skills:
        return f"the queue {queue} asks for the skill {declared.skill}"
    if analyst.limit_minor is not None and (amount_minor or 0) > analyst.limit_minor:
        return "its amount is above their limit"
    return ""


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
