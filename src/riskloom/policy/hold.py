"""The hold: what is flagged is not flagged again while it lasts, unless it grows worse."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SWEPT_EVERY = 10_000


@dataclass(frozen=True, slots=True)
class Hold:
    """What is declared: of each value of `entity`, within `for_us` of what the model asked for last, it flags
    what is worth more than all that alone."""

    entity: str
    for_us: int


class Episodes:
    """What the model asked for of each entity of late.

    An episode lasts as long as the model goes on asking: each time it does, however weakly, the hold begins
    anew for that worth. So a sensor that stays beyond its threshold, or crosses it over and over, is flagged
    once, and again when it gets worse.

    Notes
    -----
    State is driven in arrival order by `take`; `look` changes nothing. It is a function of what the model
    asked for in the last `for_us`, so it is recovered from the log. Of each entity only worths that no later
    one reaches are kept. A worth that is not known (NaN) is neither held nor kept.

    Examples
    --------
    >>> episodes = Episodes(Hold("sensor", 100))
    >>> episodes.take(0, "a", 5.0)
    >>> [episodes.holds(at, "a", worth) for at, worth in ((50, 5.0), (50, 6.0), (100, 5.0))]
    [True, False, False]
    """

    def __init__(self, hold: Hold) -> None:
        self._for_us = hold.for_us
        self._asked: dict[str, deque[tuple[int, float]]] = {}
        self._takes = 0

    def holds(self, at_us: int, entity: str | None, worth: float) -> bool:
        """Whether an episode goes on in which this is nothing new."""
        asked = self._asked.get(entity) if entity is not None else None
        return asked is not None and any(
            then > at_us - self._for_us and most >= worth for then, most in asked
        )

    def take(self, at_us: int, entity: str | None, worth: float) -> None:
        """Note that the model asked for a look, whether it was held or not."""
        if entity is None or worth != worth:
            return
        asked = self._asked.setdefault(entity, deque())
        while asked and asked[0][0] <= at_us - self._for_us:
            asked.popleft()
        while asked and asked[-1][1] <= worth and asked[-1][0] <= at_us:
            asked.pop()
        asked.append((at_us, worth))
        self._takes += 1
        if self._takes % SWEPT_EVERY == 0:
            since_us = at_us - self._for_us
            self._asked = {key: one for key, one in self._asked.items() if one[-1][0] > since_us}

    def as_data(self) -> dict[str, Any]:
        """What is remembered, as plain values that JSON can hold."""
        return {key: [list(one) for one in asked] for key, asked in self._asked.items()}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Go on from what `as_data` gave."""
        self._asked = {key: deque((at, worth) for at, worth in asked) for key, asked in data.items()}
