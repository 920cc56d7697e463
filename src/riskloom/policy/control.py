"""The control group: a small random share of what would be stopped is let through, to learn what it was.

Without it nobody ever sees how an event turns out that was stopped, and every figure about what is stopped is
a guess. Chance is a keyed hash of the event id: the same live, in a batch and in a replay.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from riskloom.domain.decision import RANK, Outcome

_RANGE = 1 << 64


@dataclass(frozen=True, slots=True)
class Control:
    """What is declared.

    Parameters
    ----------
    share
        The propensity: the chance of an event that would be stopped to be let through.
    key
        Of the hash. Who knows it can tell which ids are let through, so each deployment has its own.
    up_to
        The gravest outcome that is let through. What a deny list holds never is.
    """

    share: float
    key: str
    up_to: Outcome = Outcome.FLAGGED

    def takes(self, event_id: str) -> bool:
        """Whether an event is in the group.

        >>> group = Control(0.5, "a key of ours")
        >>> [group.takes(each) for each in ("tx-1", "tx-2", "tx-3")]
        [False, True, False]
        """
        digest = hashlib.blake2b(event_id.encode(), digest_size=8, key=self.key.encode()).digest()
        return int.from_bytes(digest, "big") < self.share * _RANGE

    def lets_through(self, event_id: str, outcome: Outcome, *, denied: bool) -> bool:
        """Whether an event about which `outcome` was decided is let through all the same."""
        if outcome is Outcome.APPROVED or denied or RANK[outcome] > RANK[self.up_to]:
            return False
        return self.takes(event_id)
