"""`BundleStore`: where published bundles and the history of their stages are kept.

A store knows files, and one log of records per scenario that can only grow. What the records say is the
registry's business; that no record is written twice under one number is the store's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from riskloom.domain.stage import Stage


@dataclass(frozen=True, slots=True)
class Package:
    """All that is published of a bundle: its files by path, and what people want to see beside them."""

    scenario: str
    fingerprint: str
    files: Mapping[str, bytes]
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    author: str
    reason: str


@dataclass(frozen=True, slots=True)
class Saved:
    """Where a package was put, and the version number it got there, in a store that gives numbers itself."""

    place: str
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Tail:
    """The newest records of a log, rising by number, and the number that the next one will have."""

    records: tuple[tuple[int, bytes], ...]
    next_number: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A version as it stands now."""

    version: int
    fingerprint: str
    stage: Stage
    percent: float | None


class BundleStore(Protocol):
    """Keeps packages and logs. Every method raises `StoreUnavailable` when the store cannot be reached or
    does not allow it; none that reads ever writes.
    """

    @property
    def url(self) -> str:
        """Where this is, as shown to people; holds no secret."""
        ...

    def scenarios(self) -> tuple[str, ...]:
        """The scenarios that have a log, sorted."""
        ...

    def save(self, package: Package) -> Saved:
        """Keep a package's files, each of them durably, before this returns.

        Nobody sees them before a record names the place. Saving the same content again is cheap and changes
        nothing. Called before the record is appended; the record may then never come.
        """
        ...

    def read(self, scenario: str, place: str, path: str, sha256: str) -> bytes:
        """One file of a package. The caller checks it against its hash.

        Raises
        ------
        BundleInvalid
            When it is not there.
        """
        ...

    def tail(self, scenario: str, after: int) -> Tail:
        """The records with a number above `after`; none when the scenario is not known."""
        ...

    def append(self, scenario: str, number: int, record: bytes, summary: str) -> bool:
        """Write record `number`, whole or not at all; False when that number is taken.

        `number` is the `next_number` of the last `tail`. Of two writers at once one gets True. `summary` is
        the record in one line, for stores that people look into.
        """
        ...

    def reflect(self, scenario: str, standings: Sequence[Standing]) -> None:
        """Show the stages in the store's own terms (aliases, tags), if any; the log stays the truth."""
        ...
