"""Lists: what is declared of them, and who is on them, now and at any arrival before.

A list is data: its entries come and go while a bundle stays. Every change says after which arrival it was
made, so an event sees exactly the entries that were there when it arrived, live and in a replay. Entries of
personal fields are held by their keys; this room never sees the value behind one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from riskloom.errors import Fault, ParameterInvalid


class Kind(StrEnum):
    """What being on a list does by itself."""

    NONE = "none"  # only rules ask it
    ALLOW = "allow"  # approved, unless denied
    DENY = "deny"  # rejected
    WATCH = "watch"  # a reason, no more


@dataclass(frozen=True, slots=True)
class Entry:
    """A value on a list, as a person or a file gives it."""

    value: str
    from_us: int = 0
    until_us: int | None = None
    """When it ends, µs UTC, itself not included; None for never."""
    reason: str = ""
    author: str = ""


@dataclass(frozen=True, slots=True)
class ListSpec:
    """A declared list: the fields whose values can be on it, and what a match does by itself."""

    name: str
    of: tuple[str, ...]
    kind: Kind = Kind.NONE
    describe: str = ""
    entries: tuple[Entry, ...] = ()
    """What is on it from the beginning."""


@dataclass(frozen=True, slots=True)
class Change:
    """A value came on a list, or left it.

    `key` is what events hold of the value. Events that arrived after the one numbered `after` see the change;
    0 is for what was there from the beginning.
    """

    list: str
    key: str
    after: int = 0
    added: bool = True
    from_us: int = 0
    until_us: int | None = None
    reason: str = ""
    author: str = ""

    def holds(self, at_us: int) -> bool:
        """Whether the value is on the list at a time, going by this change."""
        return self.added and self.from_us <= at_us and (self.until_us is None or at_us < self.until_us)


Holds = Callable[[str | None, int, int], bool | None]
"""(key, arrival number, arrival time in µs) -> whether it is on the list; None without a key."""


class Lists:
    """Who is on which list, with its whole history.

    The newest change about a value that an event can see holds for it: adding a value again replaces its
    times.

    Parameters
    ----------
    changes
        In the order they were made.

    Notes
    -----
    A look costs one dictionary access, and a binary search only where the event arrived before the newest
    change about its value. Nothing is ever forgotten: memory grows with the number of changes.

    Examples
    --------
    >>> lists = Lists([Change("trusted", "ann"), Change("trusted", "ann", after=7, added=False)])
    >>> lists.holds("trusted", "ann", arrival=7, at_us=0), lists.holds("trusted", "ann", arrival=8, at_us=0)
    (True, False)
    """

    def __init__(self, changes: Iterable[Change] = ()) -> None:
        self._held: dict[str, dict[str, list[Change]]] = {}
        self._after = 0
        for change in changes:
            self.apply(change)

    def apply(self, change: Change) -> None:
        """Take one change in.

        Raises
        ------
        ParameterInvalid
            When it would be older than one taken in before: what was decided since saw another list.
        """
        if change.after < self._after:
            raise ParameterInvalid(Fault("after", f"at least {self._after}", str(change.after)))
        self._after = change.after
        self._held.setdefault(change.list, {}).setdefault(change.key, []).append(change)

    def holds(self, name: str, key: str, arrival: int, at_us: int) -> bool:
        """Whether a value was on a list for the event of this arrival number and time."""
        return bool(self.reader(name)(key, arrival, at_us))

    def reader(self, name: str) -> Holds:
        """`holds` of one list, made once for many looks; it sees later changes, too."""
        held = self._held.setdefault(name, {})

        def holds(key: str | None, arrival: int, at_us: int) -> bool | None:
            if key is None:
                return None
            known = held.get(key)
            if known is None:
                return False
            change = known[-1]
            if change.after >= arrival:
                at = bisect_left(known, arrival, key=_after)
                if not at:
                    return False
                change = known[at - 1]
            return change.holds(at_us)

        return holds

    def entries(self, name: str, at_us: int) -> Iterator[Change]:
        """The newest change about each value that is on a list at a time, or will be later, by value."""
        for key in sorted(self._held.get(name, {})):
            change = self.entry(name, key, at_us)
            if change is not None:
                yield change

    def entry(self, name: str, key: str, at_us: int) -> Change | None:
        """What puts a value on a list at a time, or will later; None where nothing does."""
        known = self._held.get(name, {}).get(key)
        change = None if known is None else known[-1]
        if change is None or not change.added or (change.until_us is not None and at_us >= change.until_us):
            return None
        return change

    def history(self, name: str, key: str) -> tuple[Change, ...]:
        """Every change about one value, in order."""
        return tuple(self._held.get(name, {}).get(key, ()))


def _after(change: Change) -> int:
    return change.after
