"""Brakes: how many actions a rule or a whole policy may take in a minute and in an hour."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from riskloom.domain.decision import Limit

MINUTE_US, HOUR_US = 60_000_000, 3_600_000_000


class Brakes:
    """The latest actions of everything that has a limit, by arrival time.

    What is braked takes no action and does not count, so it goes on when old actions leave the window
    `(t - window, t]`. Time never runs backwards here: an arrival before the last one counts at its time.

    Parameters
    ----------
    limits
        By name.

    Notes
    -----
    `is_braked` is O(1): the n-th last action says whether a limit of n is reached. State is the times of at
    most the largest limit of each name, and follows from the decisions of the last hour.

    Examples
    --------
    >>> brakes = Brakes({"VELOCITY": Limit(per_minute=1)})
    >>> brakes.take("VELOCITY", 0)
    >>> brakes.is_braked("VELOCITY", 59_999_999), brakes.is_braked("VELOCITY", 60_000_000)
    (True, False)
    """

    def __init__(self, limits: Mapping[str, Limit]) -> None:
        self._windows: dict[str, tuple[tuple[int, int], ...]] = {}
        self._taken: dict[str, deque[int]] = {}
        for name, limit in limits.items():
            given = ((limit.per_minute, MINUTE_US), (limit.per_hour, HOUR_US))
            windows = tuple((most, width_us) for most, width_us in given if most is not None)
            if windows:
                self._windows[name] = windows
                self._taken[name] = deque(maxlen=max(most for most, _ in windows))

    def is_braked(self, name: str, at_us: int) -> bool:
        """Whether one more action now would be beyond a limit."""
        taken = self._taken.get(name)
        if not taken:
            return False
        at_us = max(at_us, taken[-1])
        return any(
            len(taken) >= most and taken[-most] > at_us - width_us for most, width_us in self._windows[name]
        )

    def take(self, name: str, at_us: int) -> None:
        """Note an action."""
        taken = self._taken.get(name)
        if taken is not None:
            taken.append(max(at_us, taken[-1]) if taken else at_us)

    def as_data(self) -> dict[str, list[int]]:
        """The state as plain values."""
        return {name: list(taken) for name, taken in self._taken.items() if taken}

    def restore(self, data: Mapping[str, list[int]]) -> None:
        """Go on from what `as_data` gave; names without a limit here are passed over."""
        for name, taken in self._taken.items():
            taken.clear()
            taken.extend(data.get(name, ()))
