"""The judge: one policy at work over what it must remember of the decisions before.

A policy without budget, limits and switches remembers nothing, and `join_one` alone decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from riskloom.domain.decision import Limit, Outcome
from riskloom.policy.brakes import Brakes
from riskloom.policy.budget import AlertBudget
from riskloom.policy.hold import Episodes
from riskloom.policy.policy import NAN, Policy, join_one

MODEL = -1
"""Stands for the model where a position of a rule stands."""
OFF_MODEL, OFF_POLICY = "model", "policy"
NO_BUDGET, NO_BRAKES, NO_HOLD = "no_budget", "no_brakes", "no_hold"
LATE = "decided_late:"
"""Begins what a decision says that was made later than its event arrived; then the number of the log's newest
entry at that moment follows. It has no place in the order that budgets go by."""
_DECIDES_ALONE = ("deny", "allow", "reject", "approve")
_BEYOND_BRAKES = ("deny", "allow", "watch")
_OUTSIDE = frozenset((NO_BUDGET, NO_BRAKES, NO_HOLD))


@dataclass(frozen=True, slots=True)
class Terms:
    """What the judge knows of a rule."""

    code: str
    action: str
    limit: Limit | None = None


class Asked(NamedTuple):
    """What one event brings before the judge."""

    at_us: int
    """Time of arrival, µs UTC."""
    met: Sequence[int]
    """Positions of the rules that are met."""
    risk_score: float | None
    probability: float | None = None
    amount: float = NAN
    entity: str | None = None
    segment: str | None = None
    held: str | None = None
    """The value of the hold's entity."""


class Verdict(NamedTuple):
    """An outcome and how it came about."""

    outcome: Outcome
    by_model: bool
    """Whether the model asked for more than APPROVED, or would have, in shadow."""
    shadow: Mapping[int, str]
    """Why the action of a met rule, or of the model, did not count: off, brake, budget, hold, policy."""
    degraded: tuple[str, ...]
    threshold: float | None = None
    """The worth that the budget asked for; None where the policy's own threshold held."""
    instead_of: Outcome | None = None
    """What would have been decided about an event of the control group that was let through."""


class _Taken(NamedTuple):
    """What is remembered of a verdict."""

    at_us: int
    entity: str | None
    segment: str | None
    worth: float
    outcome: Outcome
    acting: tuple[int, ...]
    held: str | None
    by_model: bool


class Judge:
    """Decides with budgets, brakes and switches; `judge_one` looks, `advance` remembers.

    Parameters
    ----------
    policy, rules
        What decides; the rules in the order of their positions.
    timezone
        In which the budget's days are told.

    Notes
    -----
    What is switched off or braked falls to shadow: its reason is kept and says so, it decides nothing.
    The arrival time is an input, so the same decisions in the same order leave the same state: live, in a
    batch, in a replay. `as_data` and `restore` carry it over; `hear` makes it again from the log.
    """

    def __init__(self, policy: Policy, rules: Sequence[Terms], timezone: str = "UTC") -> None:
        self.policy = policy
        self._codes = tuple(rule.code for rule in rules)
        self._actions = tuple(str(rule.action) for rule in rules)
        self._at = {code: at for at, code in enumerate(self._codes)}
        limits = {rule.code: rule.limit for rule in rules if rule.limit is not None}
        self._limited = frozenset(at for at, rule in enumerate(rules) if rule.limit is not None)
        self._brakes = Brakes(limits)
        self._whole = Brakes({} if policy.limit is None else {OFF_POLICY: policy.limit})
        self._budget = None if policy.budget is None else AlertBudget(policy.budget, timezone)
        self.pending: _Taken | None = None
        """What `advance` will remember; None lets the last verdict go, which was a look only."""
        self._episodes = None if policy.hold is None else Episodes(policy.hold)
        self._stateful = bool(self._limited) or any(
            one is not None for one in (policy.limit, policy.budget, policy.hold)
        )
        self.off: frozenset[str] = frozenset()
        """What is switched off: `model`, `policy`, `rule:<code>`."""

    @property
    def remembers(self) -> bool:
        """Whether a decision depends on the ones before, or on a switch; else the plain order decides."""
        return self._stateful or bool(self.off)

    def judge_one(self, asked: Asked) -> Verdict:
        """Decide one event; changes nothing but what `advance` will remember."""
        shadow, degraded = self._shadow(asked) if asked.met or self.off else ({}, [])
        acting = tuple(at for at in asked.met if at not in shadow) if asked.met else ()
        wanted, worth, _ = self.policy.ask_one(asked.risk_score, asked.probability, asked.amount)
        actions = [self._actions[at] for at in acting]
        threshold, by_model = None, wanted is not Outcome.APPROVED
        if self._budget is not None and wanted is not Outcome.REJECTED and asked.risk_score is not None:
            flags, held, threshold = self._budget.look(
                asked.at_us, asked.entity, asked.segment, worth, by_model
            )
            wanted, by_model = Outcome.FLAGGED if flags else Outcome.APPROVED, flags or held
            if held:
                shadow[MODEL] = "budget"
        if (
            self._episodes is not None
            and wanted is Outcome.FLAGGED
            and self._episodes.holds(asked.at_us, asked.held, worth)
        ):
            wanted, shadow[MODEL] = Outcome.APPROVED, "hold"
        outcome = join_one(wanted, actions)
        denied = "deny" in actions
        if outcome is not Outcome.APPROVED and not denied:
            why = self._whole_shadow(asked.at_us)
            if why:
                degraded.append(why)
                outcome = Outcome.APPROVED
                shadow |= {at: "policy" for at in acting if self._actions[at] not in _BEYOND_BRAKES}
                acting = tuple(at for at in acting if self._actions[at] in _BEYOND_BRAKES)
                if by_model:
                    shadow.setdefault(MODEL, "policy")
        self.pending = self._taken(asked, worth, outcome, acting, by_model)
        return Verdict(outcome, by_model, shadow, tuple(degraded), threshold)

    def advance(self) -> None:
        """Remember the last verdict, once."""
        if self.pending is not None:
            self._take(self.pending)
            self.pending = None

    def let_through(self) -> None:
        """Remember the last verdict as the approval that the control group makes of it."""
        if self.pending is not None:
            self.pending = self.pending._replace(outcome=Outcome.APPROVED)

    def hear(
        self,
        asked: Asked,
        outcome: Outcome,
        shadow: Sequence[str],
        degraded: Sequence[str],
        by_model: bool,
    ) -> None:
        """Take a decision, whoever made it, for what `advance` will remember.

        Parameters
        ----------
        asked
            As it was; `met` are the rules whose codes are among its reasons.
        shadow
            The codes of the reasons that were in shadow.
        degraded
            Of the decision: one that was made outside budget, brakes and hold is not remembered.
        by_model
            Whether the model is among its reasons.
        """
        self.pending = None
        if not _OUTSIDE.isdisjoint(degraded) or decided_after(degraded) is not None:
            return
        hidden = {self._at[code] for code in shadow if code in self._at}
        _, worth, _ = self.policy.ask_one(asked.risk_score, asked.probability, asked.amount)
        acting = tuple(at for at in asked.met if at not in hidden)
        self.pending = self._taken(asked, worth, outcome, acting, by_model)

    def _taken(
        self, asked: Asked, worth: float, outcome: Outcome, acting: tuple[int, ...], by_model: bool
    ) -> _Taken:
        """What is remembered; the model's worth only where no list or rule decided alone."""
        worth = NAN if any(self._actions[at] in _DECIDES_ALONE for at in acting) else worth
        return _Taken(asked.at_us, asked.entity, asked.segment, worth, outcome, acting, asked.held, by_model)

    def _take(self, taken: _Taken) -> None:
        actions = {self._actions[at] for at in taken.acting}
        for at in taken.acting:
            if at in self._limited:
                self._brakes.take(self._codes[at], taken.at_us)
        flagged = taken.outcome is not Outcome.APPROVED
        if flagged and "deny" not in actions:
            self._whole.take(OFF_POLICY, taken.at_us)
        if self._budget is not None:
            forced = taken.outcome is Outcome.REJECTED or (flagged and "flag" in actions)
            self._budget.take(taken.at_us, taken.entity, taken.segment, taken.worth, flagged, forced)
        if self._episodes is not None and taken.by_model:
            self._episodes.take(taken.at_us, taken.held, taken.worth)

    def _shadow(self, asked: Asked) -> tuple[dict[int, str], list[str]]:
        """Which met rules are off or braked, and what that is called."""
        shadow: dict[int, str] = {}
        degraded = [f"off:{OFF_MODEL}"] if OFF_MODEL in self.off else []
        for at in asked.met:
            code = self._codes[at]
            if self.off and f"rule:{code}" in self.off:
                shadow[at] = "off"
                degraded.append(f"off:rule:{code}")
            elif at in self._limited and self._brakes.is_braked(code, asked.at_us):
                shadow[at] = "brake"
                degraded.append(f"brake:rule:{code}")
        return shadow, degraded

    def _whole_shadow(self, at_us: int) -> str:
        """Why the whole policy is in shadow, or nothing."""
        if OFF_POLICY in self.off:
            return f"off:{OFF_POLICY}"
        return f"brake:{OFF_POLICY}" if self._whole.is_braked(OFF_POLICY, at_us) else ""

    def as_data(self) -> dict[str, Any]:
        """What is remembered, as plain values that JSON can hold."""
        budget = {} if self._budget is None else self._budget.as_data()
        hold = {} if self._episodes is None else self._episodes.as_data()
        whole = self._whole.as_data()
        return {"rules": self._brakes.as_data(), "policy": whole, "budget": budget, "hold": hold}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Go on from what `as_data` of a judge with the same budget and hold gave; other rules begin anew."""
        self._brakes.restore(data["rules"])
        self._whole.restore(data["policy"])
        if self._budget is not None:
            self._budget.restore(data["budget"])
        if self._episodes is not None:
            self._episodes.restore(data["hold"])


def decided_after(degraded: Sequence[str]) -> int | None:
    """The log's newest entry when a decision was made later than its event arrived, or None.

    >>> decided_after(["no_budget", "decided_late:812"]), decided_after(["no_model"])
    (812, None)
    """
    return next((int(said.removeprefix(LATE)) for said in degraded if said.startswith(LATE)), None)


def off_in(degraded: Sequence[str]) -> frozenset[str]:
    """What was switched off, as far as it changed a decision that says so: an input of its replay.

    >>> sorted(off_in(["too_late", "off:model", "off:rule:VELOCITY_5M", "brake:policy"]))
    ['model', 'rule:VELOCITY_5M']
    """
    return frozenset(said.removeprefix("off:") for said in degraded if said.startswith("off:"))
