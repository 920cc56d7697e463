"""What verifying a sample has found since the server started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from riskloom.domain.show import show_time

log = structlog.get_logger()


@dataclass(slots=True)
class Parity:
    """Counts of events and decisions that were recomputed, and of those that came out otherwise."""

    events: int = 0
    decisions: int = 0
    mismatches: int = 0
    checked_at_us: int | None = None
    first: list[Any] = field(default_factory=list)

    def add(self, found: Mapping[str, Any], now_us: int) -> None:
        """Add what a check found; a mismatch is said in the log."""
        self.events += found["events"]
        self.decisions += found["decisions"]
        self.mismatches += found["mismatches"]
        self.checked_at_us = now_us
        self.first = (self.first + list(found["first"]))[:20]
        if found["mismatches"]:
            log.error("parity.mismatch", mismatches=found["mismatches"], events=found["events"])

    def as_data(self) -> dict[str, Any]:
        """The counts as plain values."""
        return {
            "events": self.events,
            "decisions": self.decisions,
            "mismatches": self.mismatches,
            "checked_at": None if self.checked_at_us is None else show_time(self.checked_at_us),
            "first": self.first,
        }
