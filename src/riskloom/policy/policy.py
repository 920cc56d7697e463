"""The policy: from a risk score and the rules that were met to an outcome.

One order holds, the first that speaks decides:

1. a deny list: REJECTED
2. an allow list: APPROVED
3. a rule that rejects: REJECTED
4. a rule that approves: APPROVED, whatever flags or the model say
5. rules that flag, and the model: the higher of both
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from riskloom.domain.decision import RANK, Limit, Outcome
from riskloom.policy.budget import Budget
from riskloom.policy.control import Control
from riskloom.policy.hold import Hold

Floats = npt.NDArray[np.float64]
ORDER = (
    ("deny", Outcome.REJECTED),
    ("allow", Outcome.APPROVED),
    ("reject", Outcome.REJECTED),
    ("approve", Outcome.APPROVED),
)
"""The actions that decide alone, the strongest first."""


NO_PROBABILITY, NO_AMOUNT = "no_probability", "no_amount"
NAN = math.nan


@dataclass(frozen=True, slots=True)
class ExpectedCost:
    """What the outcomes of one event cost, in the unit of its amount.

    Letting through costs `probability * amount`; a look `review_cost`, and `insult_cost` where the customer
    was honest; refusing costs `reject_cost` where the customer was honest. None never refuses.
    """

    amount: str
    """The field that holds the amount."""
    review_cost: float
    insult_cost: float = 0.0
    reject_cost: float | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """When the model flags or rejects; rules speak for themselves.

    `percentile=98` flags an event whose `risk_score >= 98`: more suspicious than 98 % of the training
    reference. With `cost` the cheapest outcome is taken instead, the milder one of two that cost the same;
    where the probability or the amount is not known, the percentiles hold.
    """

    percentile: float = 98.0
    reject_percentile: float | None = None
    cost: ExpectedCost | None = None
    budget: Budget | None = None
    limit: Limit | None = None
    """How many events in a minute and an hour may be flagged or rejected, but by deny lists."""
    deadline_ms: int | None = None
    """A request that has waited longer than this is decided without the model; None waits for it always."""
    control: Control | None = None
    """Who is let through by chance, to learn what would have been stopped."""
    hold: Hold | None = None
    """For how long the model flags nothing again that has not grown worse."""

    def decide_one(self, risk_score: float | None, actions: Iterable[str]) -> Outcome:
        """What the order makes of the model and the met rules, without costs and budget.

        Parameters
        ----------
        risk_score
            0 to 100, or None without a model.
        actions
            The actions of the rules and lists that were met.
        """
        return join_one(self.of_model(risk_score), actions)

    def of_model(self, risk_score: float | None) -> Outcome:
        """What the model alone asks for, by its percentiles."""
        if risk_score is None:
            return Outcome.APPROVED
        if self.reject_percentile is not None and risk_score >= self.reject_percentile:
            return Outcome.REJECTED
        return Outcome.FLAGGED if risk_score >= self.percentile else Outcome.APPROVED

    def ask_one(
        self, risk_score: float | None, probability: float | None = None, amount: float = NAN
    ) -> tuple[Outcome, float, str]:
        """(what the model asks for, the worth of a look, what was missing for its cost).

        The worth is the risk score or, with `cost`, what a look is expected to save; NaN where it is unknown.
        """
        if self.cost is None or risk_score is None:
            return self.of_model(risk_score), NAN if risk_score is None else risk_score, ""
        if probability is None:
            return self.of_model(risk_score), NAN, NO_PROBABILITY
        if amount != amount:
            return self.of_model(risk_score), NAN, NO_AMOUNT
        passing = probability * amount
        looking = self.cost.review_cost + (1.0 - probability) * self.cost.insult_cost
        if self.cost.reject_cost is not None:
            refusing = (1.0 - probability) * self.cost.reject_cost
            if refusing < looking and refusing < passing:
                return Outcome.REJECTED, passing - looking, ""
        return Outcome.FLAGGED if looking < passing else Outcome.APPROVED, passing - looking, ""

    def ask_many(
        self, risk_scores: Floats | None, probabilities: Floats | None, amounts: Floats | None, count: int
    ) -> npt.NDArray[np.int8]:
        """What the model asks for of many, as ranks on the ladder: int8 [count]."""
        if risk_scores is None:
            return np.zeros(count, np.int8)
        flags = (risk_scores >= self.percentile).astype(np.int8)
        asked = flags
        if self.reject_percentile is not None:
            asked = np.where(risk_scores >= self.reject_percentile, np.int8(2), flags)
        if self.cost is None or probabilities is None or amounts is None:
            return asked
        with np.errstate(all="ignore"):
            passing = probabilities * amounts
            looking = self.cost.review_cost + (1.0 - probabilities) * self.cost.insult_cost
            cheapest = (looking < passing).astype(np.int8)
            if self.cost.reject_cost is not None:
                refusing = (1.0 - probabilities) * self.cost.reject_cost
                cheapest = np.where((refusing < looking) & (refusing < passing), np.int8(2), cheapest)
        return np.where(amounts == amounts, cheapest, asked)

    def as_data(self) -> Mapping[str, object]:
        """The policy as plain values; what is not declared is left out, and so is the control group's key."""
        more = {"cost": self.cost, "budget": self.budget, "limit": self.limit, "hold": self.hold}
        told: dict[str, object] = {name: asdict(value) for name, value in more.items() if value is not None}
        if self.control is not None:
            told["control"] = {"share": self.control.share, "up_to": self.control.up_to.value}
        if self.deadline_ms is not None:
            told["deadline_ms"] = self.deadline_ms
        return {"percentile": self.percentile, "reject_percentile": self.reject_percentile, **told}


def join_one(asked: Outcome, actions: Iterable[str]) -> Outcome:
    """The outcome by the order, where the model asks for `asked`.

    >>> join_one(Outcome.REJECTED, ["flag", "approve"]), join_one(Outcome.APPROVED, ["approve", "reject"])
    (<Outcome.APPROVED: 'APPROVED'>, <Outcome.REJECTED: 'REJECTED'>)
    """
    told = set(actions)
    if not told:
        return asked
    for action, outcome in ORDER:
        if action in told:
            return outcome
    return Outcome.FLAGGED if "flag" in told and asked is Outcome.APPROVED else asked


def join_many(
    asked: npt.NDArray[np.int8], met: npt.NDArray[np.bool_], actions: Sequence[str]
) -> npt.NDArray[np.int8]:
    """`join_one` of many.

    Parameters
    ----------
    asked
        What the model asks for, as ranks on the ladder of outcomes: int8 [n].
    met
        Which rules are met: bool [n, rules].
    actions
        The action of each rule.

    Returns
    -------
    Ranks of the outcomes: int8 [n].
    """
    named = np.array([str(action) for action in actions])
    flags = met[:, named == "flag"].any(axis=1) if len(named) else np.zeros(len(asked), np.bool_)
    ranks = np.where(flags, np.maximum(asked, np.int8(RANK[Outcome.FLAGGED])), asked)
    for action, outcome in reversed(ORDER):
        if action in named:
            ranks = np.where(met[:, named == action].any(axis=1), np.int8(RANK[outcome]), ranks)
    return ranks.astype(np.int8)
