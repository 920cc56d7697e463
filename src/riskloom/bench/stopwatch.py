"""Clocks around the functions that serve: what each takes, less the timed ones inside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


class Stopwatch:
    """Microseconds by stage. For synchronous functions of one thread; a call inside another counts once."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = {}
        self._inside: list[int] = []

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed."""
        clock, inside, taken = time.perf_counter_ns, self._inside, self.taken.setdefault(stage, [])

        def timed(*args: Any, **named: Any) -> Any:
            inside.append(0)
            before = clock()
            try:
                return function(*args, **named)
            finally:
                whole = clock() - before
                taken.append((whole - inside.pop()) / 1e3)
                if inside:
                    inside[-1] += whole

        return timed

    def join(self, stage: str, *others: str) -> None:
        """Add what other stages took, event by event, to a stage, and forget the others."""
        columns = [self.taken.pop(name) for name in (stage, *others) if self.taken.get(name)]
        if columns:
            self.taken[stage] = [sum(row) for row in zip(*columns, strict=False)]

    def watch(self, holder: object, name: str, stage: str) -> None:
        """Put a clock around a function of an object; it may be frozen but not slotted."""
        object.__setattr__(holder, name, self.timed(stage, getattr(holder, name)))


class Watched:
    """Stands before an object whose attributes cannot be replaced; what is given stands in for its own."""

    def __init__(self, behind: object, **given: Any) -> None:
        self.__dict__.update(given)
        self._behind = behind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)
