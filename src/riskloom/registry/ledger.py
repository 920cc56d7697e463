"""The log of one scenario as a value: its records, chained by hash, and what they add up to."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import msgspec

from riskloom.domain.stage import Action, Change, Move, Stage, Stages
from riskloom.errors import BundleInvalid, RiskloomError
from riskloom.ports.bundle_store import Standing, Tail
from riskloom.registry.version import Version

FORMAT = "riskloom-registry-1"
_HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Published:
    """What a version is made of: `inventory` is the hash of the list of its files, kept at `place`."""

    version: int
    fingerprint: str
    place: str
    inventory: str


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of the log. `previous` is the SHA-256 of the entry before it, empty for the first."""

    change: Change
    previous: str
    published: Published | None = None
    format: str = FORMAT


def encode(record: Record) -> bytes:
    """A record as it is stored: JSON that people can read."""
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


def decode(content: bytes) -> Record:
    """A stored record.

    Raises
    ------
    BundleInvalid
        When it is damaged, or of another format.
    """
    try:
        record = msgspec.json.decode(content, type=Record)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleInvalid(f"it cannot be read: {error}") from error
    if record.format != FORMAT:
        raise BundleInvalid(f"it is of format {record.format!r}, not {FORMAT!r}", hint="use a newer riskloom")
    if not _is_sound(record):
        raise BundleInvalid("it says what no change can")
    return record


def _is_sound(record: Record) -> bool:
    """Whether a record can have been written by us: its action, its moves and what was published agree."""
    action, moves, published = record.change.action, record.change.moves, record.published
    if not all((move.percent is not None) == (move.to is Stage.CANARY) for move in moves):
        return False
    if action is not Action.PUBLISH:
        return published is None and bool(moves) and all(move.origin is not None for move in moves)
    return (
        published is not None
        and moves == (Move(published.version, None, Stage.CANDIDATE),)
        and published.version > 0
        and all(_HASH.fullmatch(text) for text in (published.fingerprint, published.inventory))
    )


@dataclass(frozen=True, slots=True)
class Ledger:
    """The records of a scenario up to some moment, and the stages they lead to."""

    scenario: str
    records: tuple[Record, ...] = ()
    stages: Stages = field(default_factory=Stages)
    published: Mapping[int, Record] = field(default_factory=dict)
    last_hash: str = ""
    next_number: int = 1

    @property
    def last_number(self) -> int:
        """The number of the last record, 0 when there is none."""
        return self.records[-1].change.number if self.records else 0

    @property
    def next_version(self) -> int:
        """The number above every version's."""
        return max(self.published, default=0) + 1

    def extended(self, tail: Tail, store: str) -> Ledger:
        """The ledger with newer records; each must follow from the one before it.

        Raises
        ------
        BundleInvalid
            When one is damaged, missing, was edited, or does not follow.
        """
        if not tail.records and tail.next_number == self.next_number:
            return self
        records, stages, published = list(self.records), self.stages, dict(self.published)
        last_hash = self.last_hash
        for number, content in tail.records:
            where = f"Record {number} of {self.scenario} in {store}"
            try:
                record = decode(content)
                stages = stages.after(record.change)
            except RiskloomError as error:
                raise BundleInvalid(f"{where} is damaged: {error.message}", hint=error.hint) from error
            if record.change.number != number or record.previous != last_hash:
                raise BundleInvalid(
                    f"{where} does not follow the one before it: a record was edited or removed.",
                    hint="restore the history from a backup",
                )
            if record.published is not None:
                published[record.published.version] = record
            records.append(record)
            last_hash = hashlib.sha256(content).hexdigest()
        if tail.next_number < self.next_number:
            raise BundleInvalid(
                f"The history of {self.scenario} in {store} is shorter than it was.",
                hint="restore it from a backup",
            )
        return Ledger(
            self.scenario, tuple(records), stages, MappingProxyType(published), last_hash, tail.next_number
        )

    def version_of(self, fingerprint: str) -> int | None:
        """The number under which a bundle was published."""
        for number, record in self.published.items():
            if record.published is not None and record.published.fingerprint == fingerprint:
                return number
        return None

    def version(self, number: int) -> Version:
        """A version as it stands; it must be there."""
        record = self.published[number]
        stage = self.stages.of[number]
        return Version(
            scenario=self.scenario,
            number=number,
            fingerprint=_fingerprint(record),
            stage=stage,
            percent=self.stages.percent if number == self.stages.canary else None,
            published_at_us=record.change.at_us,
            author=record.change.author,
            reason=record.change.reason,
        )

    def versions(self) -> tuple[Version, ...]:
        """Every version, rising."""
        return tuple(self.version(number) for number in sorted(self.published))

    def standings(self) -> tuple[Standing, ...]:
        """Every version as a store shows it."""
        return tuple(
            Standing(version.number, version.fingerprint, version.stage, version.percent)
            for version in self.versions()
        )


def _fingerprint(record: Record) -> str:
    return "" if record.published is None else record.published.fingerprint
