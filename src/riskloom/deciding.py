"""A scenario's policy at work: finds in an event what its judge asks for, and asks it, for one or many."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.domain.decision import LADDER, MODEL_REASON, Outcome
from riskloom.domain.event import Value
from riskloom.domain.row import converter
from riskloom.policy.brakes import HOUR_US
from riskloom.policy.budget import DAY_US
from riskloom.policy.judge import MODEL, NO_BRAKES, NO_BUDGET, NO_HOLD, Asked, Judge, Terms, Verdict
from riskloom.policy.policy import NAN, NO_AMOUNT, NO_PROBABILITY, join_many, join_one
from riskloom.scenario.scenario import Scenario

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_QUIET = Verdict(Outcome.APPROVED, False, {}, ())
"""Of an event about which nobody has anything to say."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Many verdicts, in order; `acting` is bool [events, rules]: met, and not in shadow."""

    outcomes: list[Outcome]
    by_model: Bools
    acting: Bools
    degraded: list[tuple[str, ...]]


class Deciding:
    """The judge of a scenario, with the places of what it asks for.

    Parameters
    ----------
    scenario
        Whose policy and rules decide.
    before
        What decided so far: what it remembers is carried over, as far as budget and limits are the same.
    """

    def __init__(self, scenario: Scenario, before: Deciding | None = None) -> None:
        policy = scenario.policy
        self.policy = policy
        self._control = policy.control
        self._actions = tuple(rule.action.value for rule in scenario.rules)
        terms = tuple(Terms(rule.code, rule.action.value, rule.limit) for rule in scenario.rules)
        self.judge = Judge(policy, terms, scenario.timezone)
        plain = dataclasses.replace(policy, budget=None, limit=None, hold=None)
        self._late = Judge(plain, [dataclasses.replace(term, limit=None) for term in terms])
        limited = policy.limit is not None or any(term.limit is not None for term in terms)
        missing = (
            (NO_BUDGET, policy.budget is not None),
            (NO_BRAKES, limited),
            (NO_HOLD, policy.hold is not None),
        )
        self._late_lacks = tuple(name for name, declared in missing if declared)
        self._at = {name: at for at, name in enumerate(scenario.rule_inputs)}
        self._rule_at = {rule.code: at for at, rule in enumerate(scenario.rules)}
        self.amount = policy.cost.amount if policy.cost is not None else ""
        self.entity = policy.budget.entity if policy.budget is not None else ""
        self.segment = policy.budget.segment if policy.budget is not None else ""
        self.held = policy.hold.entity if policy.hold is not None else ""
        fields = {field.name: field for field in scenario.all_fields}
        self._amount_of = converter(fields[self.amount]) if self.amount else None
        self._timezone = scenario.timezone
        self.off = frozenset() if before is None else before.off
        if before is not None:
            told = before.judge.as_data()
            if before.policy.budget != policy.budget or before._timezone != self._timezone:
                told["budget"] = {}
            if before.policy.hold != policy.hold:
                told["hold"] = {}
            self.judge.restore(told)

    @property
    def reach_us(self) -> int:
        """How far back the decisions lie that budget, limits and hold go by; 0 where none is declared."""
        policy = self.policy
        return max(
            0 if policy.budget is None else (policy.budget.days + 2) * DAY_US,
            0 if policy.hold is None else policy.hold.for_us,
            HOUR_US if NO_BRAKES in self._late_lacks else 0,
        )

    @property
    def off(self) -> frozenset[str]:
        """What is switched off: `model`, `policy`, `rule:<code>`."""
        return self.judge.off

    @off.setter
    def off(self, names: frozenset[str]) -> None:
        self.judge.off = self._late.off = names
        self._is_plain = not (self.judge.remembers or self.amount)

    def one(
        self,
        at_us: int,
        met: Sequence[int],
        row: Sequence[Any],
        risk_score: float | None,
        probability: float | None,
        late: bool = False,
        event_id: str = "",
    ) -> Verdict:
        """Decide one event by its row of rule inputs; `late` is one decided later than it arrived."""
        found = self._one(at_us, met, row, risk_score, probability, late)
        return found if self._control is None else self._released(found, met, event_id)

    def _released(self, found: Verdict, met: Sequence[int], event_id: str) -> Verdict:
        """The verdict, or an approval where the event is in the control group."""
        control = self._control
        denied = any(self._actions[at] == "deny" for at in met)
        if control is None or not control.lets_through(event_id, found.outcome, denied=denied):
            return found
        self.judge.let_through()
        self._late.let_through()
        return found._replace(outcome=Outcome.APPROVED, instead_of=found.outcome)

    def _one(
        self,
        at_us: int,
        met: Sequence[int],
        row: Sequence[Any],
        risk_score: float | None,
        probability: float | None,
        late: bool,
    ) -> Verdict:
        if self._is_plain:
            wanted = self.policy.of_model(risk_score)
            if not met and wanted is Outcome.APPROVED:
                return _QUIET
            outcome = join_one(wanted, [self._actions[at] for at in met])
            return Verdict(outcome, wanted is not Outcome.APPROVED, {}, ())
        judge = self._late if late else self.judge
        amount = row[self._at[self.amount]] if self.amount else NAN
        entity = row[self._at[self.entity]] if self.entity else None
        segment = row[self._at[self.segment]] if self.segment else None
        held = row[self._at[self.held]] if self.held else None
        found = judge.judge_one(Asked(at_us, met, risk_score, probability, amount, entity, segment, held))
        more = self._late_lacks if late else ()
        if self.amount:
            more += _lacking(self.policy.ask_one(risk_score, probability, amount)[2])
        return found._replace(degraded=(*found.degraded, *more)) if more else found

    def many(
        self,
        at_us: Sequence[int],
        met: Bools,
        columns: Mapping[str, npt.NDArray[Any]],
        risk_scores: Floats | None,
        probabilities: Floats | None,
        event_ids: Sequence[str] = (),
    ) -> Verdicts:
        """Decide many events in arrival order, each remembered before the next; the same as one by one.

        `event_ids` are needed where the policy has a control group.
        """
        count = len(met)
        if not self.judge.remembers:
            amounts = columns[self.amount] if self.amount else None
            wanted = self.policy.ask_many(risk_scores, probabilities, amounts, count)
            ranks = join_many(wanted, met, self._actions)
            without = self._lacking_many(risk_scores, probabilities, amounts, count)
            outcomes = [LADDER[at] for at in ranks.tolist()]
            for at in np.flatnonzero(ranks).tolist() if self._control is not None else ():
                verdict = Verdict(outcomes[at], False, {}, ())
                outcomes[at] = self._released(
                    verdict, np.flatnonzero(met[at]).tolist(), event_ids[at]
                ).outcome
            return Verdicts(outcomes, wanted > 0, met, without)
        nothing: list[Any] = [None] * count
        risks = nothing if risk_scores is None else risk_scores.tolist()
        chances = nothing if probabilities is None else probabilities.tolist()
        named = (self.amount, self.entity, self.segment, self.held)
        given = [columns[name].tolist() if name else nothing for name in named]
        listed: list[list[int]] = [[] for _ in range(count)]
        for event, rule in zip(*(places.tolist() for places in np.nonzero(met)), strict=True):
            listed[event].append(rule)
        acting, by_model = met.copy(), np.zeros(count, np.bool_)
        outcomes = []
        degraded: list[tuple[str, ...]] = []
        for at in range(count):
            amount, entity, segment, held = (column[at] for column in given)
            amount = amount if self.amount else NAN
            found = self.judge.judge_one(
                Asked(at_us[at], listed[at], risks[at], chances[at], amount, entity, segment, held)
            )
            if self._control is not None:
                found = self._released(found, listed[at], event_ids[at])
            self.judge.advance()
            lacks = _lacking(self.policy.ask_one(risks[at], chances[at], amount)[2]) if self.amount else ()
            outcomes.append(found.outcome)
            degraded.append((*found.degraded, *lacks))
            by_model[at] = found.by_model
            for rule in found.shadow:
                if rule != MODEL:
                    acting[at, rule] = False
        return Verdicts(outcomes, by_model, acting, degraded)

    def _lacking_many(
        self, risk_scores: Floats | None, probabilities: Floats | None, amounts: Floats | None, count: int
    ) -> list[tuple[str, ...]]:
        """What was missing for the expected cost of each."""
        if amounts is None or risk_scores is None:
            return [()] * count
        if probabilities is None:
            return [(NO_PROBABILITY,)] * count
        return [(NO_AMOUNT,) if absent else () for absent in np.isnan(amounts).tolist()]

    def hear(
        self,
        at_us: int,
        values: Mapping[str, Value],
        risk_score: float | None,
        probability: float | None,
        outcome: Outcome,
        reasons: Sequence[tuple[str, Mapping[str, Any]]],
        degraded: Sequence[str],
    ) -> None:
        """Take a decision, whoever made it, for what the judge remembers next.

        Parameters
        ----------
        values
            The event's values as the state sees them, derived columns included.
        reasons
            (code, values) of each; a code of no rule at work is passed over.
        """
        if not self.judge.remembers:
            return
        met = [self._rule_at[code] for code, _ in reasons if code in self._rule_at]
        shadow = [code for code, told in reasons if "shadow" in told]
        amount: Any = NAN if self._amount_of is None else self._amount_of(values[self.amount])
        entity: Any = values[self.entity] if self.entity else None
        segment: Any = values[self.segment] if self.segment else None
        held: Any = values[self.held] if self.held else None
        asked = Asked(at_us, met, risk_score, probability, amount, entity, segment, held)
        by_model = any(code == MODEL_REASON for code, _ in reasons)
        self.judge.hear(asked, outcome, shadow, degraded, by_model)


def _lacking(name: str) -> tuple[str, ...]:
    return (name,) if name else ()
