"""What was decided about an event, with everything it rests on; frozen when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec
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
        return RANK[self]


LADDER = (Outcome.APPROVED, Outcome.FLAGGED, Outcome.REJECTED)
RANK = {outcome: rank for rank, outcome in enumerate(LADDER)}

MODEL_REASON = "MODEL_RISK"
"""The code of the reason that the model gives when its risk score reaches the policy's threshold."""

CONTROL_REASON = "CONTROL_GROUP"
"""The code of the reason of an event that was let through by chance: `value` is what would have been decided,
`propensity` the chance that it was let through."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many actions in any minute and any hour; None is no limit."""

    per_minute: int | None = None
    per_hour: int | None = None


class Reason(msgspec.Struct, frozen=True):
    """Why: a code, the values behind it, and the arrival numbers of the events that are its evidence.

    Its sentence is rendered on reading, from the rule that had this code in the decision's bundle.
    """

    code: str
    severity: str
    values: Mapping[str, object]
    evidence: tuple[int, ...] = ()


class Decision(msgspec.Struct, frozen=True):
    """The decision on one event; a struct, as `Event` is.

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
    probability: float | None = None
    """The calibrated probability of fraud; None where nothing was calibrated."""
    contributions: Mapping[str, float] = {}
    """Of a flagged event: what the features that raised its score most added to it, highest first."""

    @property
    def flagged(self) -> bool:
        """Whether the outcome is not APPROVED."""
        return self.outcome is not Outcome.APPROVED
