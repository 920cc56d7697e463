"""What was decided about an event, with everything it rests on; frozen when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt


class Outcome(StrEnum):
    """The outcome ladder: APPROVED < FLAGGED < REJECTED."""

    APPROVED = "APPROVED"
    FLAGGED = "FLAGGED"
    REJECTED = "REJECTED"

    @property
    def rank(self) -> int:
        """Its place on the ladder, 0 to 2."""
        return LADDER.index(self)


LADDER = (Outcome.APPROVED, Outcome.FLAGGED, Outcome.REJECTED)

MODEL_REASON = "MODEL_RISK"
"""The code of the reason that the model gives when its risk score reaches the policy's threshold."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: a code, the values behind it, and the arrival numbers of the events that are its evidence.

    Its sentence is rendered on reading, from the rule that had this code in the decision's bundle.
    """

    code: str
    severity: str
    values: Mapping[str, object]
    evidence: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision on one event.

    `vector` is the float64 feature vector in the bundle's order, NaN where missing. Scores are None where
    there was no model.
    """

    event_id: str
    arrival: int
    outcome: Outcome
    anomaly_score: float | None
    risk_score: float | None
    reasons: tuple[Reason, ...]
    vector: npt.NDArray[np.float64]
    bundle: str
    degraded: tuple[str, ...] = ()

    @property
    def flagged(self) -> bool:
        """Whether the outcome is not APPROVED."""
        return self.outcome is not Outcome.APPROVED
