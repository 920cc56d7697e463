"""The policy: from a risk score and the rules that were met to an outcome.

One order holds, the first that speaks decides:

1. a deny list: REJECTED
2. an allow list: APPROVED
3. a rule that rejects: REJECTED
4. a rule that approves: APPROVED, whatever flags or the model say
5. rules that flag, and the model: the higher of both
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskloom.domain.decision import RANK, Outcome

ORDER = (
    ("deny", Outcome.REJECTED),
    ("allow", Outcome.APPROVED),
    ("reject", Outcome.REJECTED),
    ("approve", Outcome.APPROVED),
)
"""The actions that decide alone, the strongest first."""


@dataclass(frozen=True, slots=True)
class Policy:
    """When the model flags or rejects; rules speak for themselves.

    `percentile=98` flags an event whose `risk_score >= 98`: more suspicious than 98 % of the training
    reference.
    """

    percentile: float = 98.0
    reject_percentile: float | None = None

    def decide_one(self, risk_score: float | None, actions: Iterable[str]) -> Outcome:
        """What the order makes of the model and the met rules.

        Parameters
        ----------
        risk_score
            0 to 100, or None without a model.
        actions
            The actions of the rules and lists that were met.
        """
        return join_one(self.of_model(risk_score), actions)

    def of_model(self, risk_score: float | None) -> Outcome:
        """What the model alone asks for."""
        if risk_score is None:
            return Outcome.APPROVED
        if self.reject_percentile is not None and risk_score >= self.reject_percentile:
            return Outcome.REJECTED
        return Outcome.FLAGGED if risk_score >= self.percentile else Outcome.APPROVED

    def as_data(self) -> Mapping[str, object]:
        """The policy as plain values."""
        return {"percentile": self.percentile, "reject_percentile": self.reject_percentile}


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
