"""The policy: from a risk score and the rules that were met to an outcome."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from riskloom.domain.decision import Outcome


@dataclass(frozen=True, slots=True)
class Policy:
    """When the model flags or rejects; rules speak for themselves.

    `percentile=98` flags an event whose `risk_score >= 98`: more suspicious than 98 % of the training
    reference.
    """

    percentile: float = 98.0
    reject_percentile: float | None = None

    def decide_one(self, risk_score: float | None, actions: Iterable[str]) -> Outcome:
        """The highest outcome that the model or any met rule asks for.

        Parameters
        ----------
        risk_score
            0 to 100, or None without a model.
        actions
            The actions of the rules that were met: watch, flag or reject.
        """
        outcome = self.of_model(risk_score)
        for action in actions:
            if action == "reject":
                return Outcome.REJECTED
            if action == "flag" and outcome is Outcome.APPROVED:
                outcome = Outcome.FLAGGED
        return outcome

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
