"""What a policy goes by that people change while it is at work: who is on lists, what is switched off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from riskloom.rules.lists import Change, Lists
from riskloom.scenario.list_keys import initial_changes
from riskloom.scenario.scenario import Scenario


@dataclass(slots=True)
class PolicyMemory:
    """Every change of lists in the order they were made, and what is off at the moment."""

    changes: list[Change] = field(default_factory=list)
    off: frozenset[str] = frozenset()

    def lists(self, scenario: Scenario) -> Lists:
        """A scenario's lists: as it declares them, and what was changed since."""
        return Lists([*initial_changes(scenario), *self.changes])

    def take(self, change: PolicyChange) -> None:
        """Take one change in."""
        if isinstance(change.what, frozenset):
            self.off = change.what
        else:
            self.changes += change.what


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """Entries of lists that came or went together, or all that is off from here on."""

    what: tuple[Change, ...] | frozenset[str]
    author: str
    reason: str
    made_at_us: int

    def as_data(self) -> dict[str, Any]:
        """The change as plain values; author and reason of entries are its own."""
        if isinstance(self.what, frozenset):
            return {"off": sorted(self.what)}
        return {"lists": [_entry(change) for change in self.what]}


def read_change(
    data: Mapping[str, Any], after: int, author: str, reason: str, made_at_us: int
) -> PolicyChange:
    """The change that these plain values are."""
    what: Sequence[Change] | frozenset[str]
    if "off" in data:
        return PolicyChange(frozenset(data["off"]), author, reason, made_at_us)
    what = tuple(Change(after=after, **entry) for entry in data["lists"])
    return PolicyChange(what, author, reason, made_at_us)


def memory_of(changes: Iterable[PolicyChange]) -> PolicyMemory:
    """What changes in order add up to."""
    memory = PolicyMemory()
    for change in changes:
        memory.take(change)
    return memory


def _entry(change: Change) -> dict[str, Any]:
    return {
        "list": change.list,
        "key": change.key,
        "added": change.added,
        "from_us": change.from_us,
        "until_us": change.until_us,
        "reason": change.reason,
        "author": change.author,
    }
