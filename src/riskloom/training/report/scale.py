"""From values to places on paper, and the round values in between."""

from __future__ import annotations

import math
from dataclasses import dataclass

_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high` drawn from `start` to `end`; a "log" scale needs values above 0."""

    low: float
    high: float
    start: float
    end: float
    kind: str = "linear"

    def at(self, value: float) -> float:
        """The place of a value; values outside are drawn at the edge.

        >>> Scale(0, 10, 100, 0).at(2.5), Scale(1, 100, 0, 10, "log").at(10)
        (75.0, 5.0)
        """
        low, high = self._of(self.low), self._of(self.high)
        share = (self._of(min(max(value, self.low), self.high)) - low) / (high - low or 1.0)
        return self.start + share * (self.end - self.start)

    def ticks(self, about: int = 5) -> tuple[float, ...]:
        """Round values within the scale, about so many.

        >>> Scale(0, 1, 0, 100).ticks()
        (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
        >>> Scale(0.001, 1, 0, 100, "log").ticks()
        (0.001, 0.01, 0.1, 1.0)
        """
        return self._log_ticks(about) if self.kind == "log" else self._linear_ticks(about)

    def _of(self, value: float) -> float:
        return math.log10(max(value, _TINY)) if self.kind == "log" else value

    def _linear_ticks(self, about: int) -> tuple[float, ...]:
        width = (self.high - self.low) / max(1, about)
        if not width > 0:
            return (self.low,)
        power = 10.0 ** math.floor(math.log10(width))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= width * 0.999)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        digits = max(0, -math.floor(math.log10(step)) + 1)
        return tuple(round(at * step, digits) for at in range(first, last + 1))

    def _log_ticks(self, about: int) -> tuple[float, ...]:
        first, last = math.floor(self._of(self.low) + 1e-9), math.ceil(self._of(self.high) - 1e-9)
        every = max(1, math.ceil((last - first) / max(1, about)))
        factors = (1, 2, 5) if last - first <= 2 else (1,)
        ticks = [factor * 10.0**power for power in range(first, last + 1, every) for factor in factors]
        inside = [float(f"{tick:.6g}") for tick in ticks if self.low * 0.999 <= tick <= self.high * 1.001]
        return tuple(inside)
