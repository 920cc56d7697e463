"""Time comes in through a `Clock`, passed by the shell; no room below it reads the time itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Says what time it is."""

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The clock of this machine."""

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1000


@dataclass(slots=True)
class FixedClock:
    """A clock that stands until it is set; for tests and replays."""

    time_us: int = 0

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        return self.time_us
