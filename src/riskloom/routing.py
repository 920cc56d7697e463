"""A scenario's routing at work: finds in a flagged event what its queues, amounts and groups ask for."""

from __future__ import annotations

from dataclasses import dataclass

from riskloom.derived import Derive, see_of
from riskloom.domain.decision import MODEL_REASON, Decision
from riskloom.domain.event import Event
from riskloom.domain.money import POWERS, exponent
from riskloom.policy.route import Route, Router, Said
from riskloom.privacy.protect import key_of
from riskloom.rules.rule_set import Action
from riskloom.scenario.scenario import Scenario

ACTING = frozenset({Action.FLAG, Action.REJECT, Action.DENY})
"""Actions of the rules that make a decision flagged; others stand beside."""


@dataclass(frozen=True, slots=True)
class Raised:
    """What a flagged event brings to its alert.

    `reasons` are the codes that counted, `acting` those among them for which it was flagged; `entity_key` is
    the stored key of the value it is grouped by, "" where it has none.
    """

    route: Route
    entity_key: str
    reasons: tuple[str, ...]
    acting: frozenset[str]
    amount_minor: int | None


class Routing:
    """Routes the flagged events of one scenario."""

    def __init__(self, scenario: Scenario) -> None:
        spec = scenario.alerts
        self.spec = spec
        personal = frozenset(field.name for field in scenario.fields if field.pii)
        self._see = see_of(scenario, personal, Derive(scenario) if scenario.derived else None)
        names = (*(field.name for field in scenario.all_fields), *scenario.feature_names)
        self._router = Router(spec, names, [*(rule.code for rule in scenario.rules), MODEL_REASON])
        self._acting = {MODEL_REASON, *(rule.code for rule in scenario.rules if rule.action in ACTING)}
        self._is_personal = spec.group.by in personal
        self._unit = POWERS[exponent(scenario.base_currency)]

    def raise_one(self, event: Event, decision: Decision) -> Raised:
        """What a flagged decision brings to its alert; a reason in shadow does not count."""
        counted = {one.code: one.severity for one in decision.reasons if "shadow" not in one.values}
        held = event.values[self.spec.amount] if self.spec.amount else None
        amount_minor = held if isinstance(held, int) else None
        said = Said(
            decision.outcome.value,
            counted,
            decision.risk_score,
            decision.probability,
            None if amount_minor is None else amount_minor / self._unit,
        )
        _, seen = self._see(event.values)
        route = self._router.route_one([*seen, *decision.vector.tolist()], said)
        acting = frozenset(code for code in counted if code in self._acting)
        return Raised(route, self.key_of(event), tuple(counted), acting, amount_minor)

    def key_of(self, event: Event) -> str:
        """The stored key of the value that an event is grouped by."""
        by = self.spec.group.by
        value = event.values[by] if by else None
        if value is None:
            return ""
        return key_of(by, str(value)) if self._is_personal else str(value)
