"""`Registry`: publish a bundle, move it between stages, roll back, and get it again.

The shell opens the store and passes it in, with a clock.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from riskloom.bundle import Bundle, write_bundle
from riskloom.clock import Clock
from riskloom.domain.stage import Action, Change, Stage
from riskloom.errors import (
    BundleInvalid,
    Fault,
    NotFound,
    ParameterInvalid,
    StageInvalid,
    nearest,
    show,
)
from riskloom.ports.bundle_store import BundleStore
from riskloom.registry.ledger import Ledger, Published
from riskloom.registry.log import Log, Planned
from riskloom.registry.package import ATTACHMENTS, INVENTORY, Inventory, Item, pack, read_inventory, unpack
from riskloom.registry.version import Lineup, Version

LONGEST_AUTHOR, LONGEST_REASON = 200, 1000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Registry:
    """Versions and stages of bundles in one store. May be used by several threads.

    What was read is kept, so that asking again costs one look for newer records. With `four_eyes` nobody
    makes a version canary or champion that they published themselves.
    """

    def __init__(self, store: BundleStore, clock: Clock, *, four_eyes: bool = False) -> None:
        self._store = store
        self._four_eyes = four_eyes
        self._log = Log(store, clock)

    @property
    def url(self) -> str:
        """Where this registry is."""
        return self._store.url

    def scenarios(self) -> tuple[str, ...]:
        """The scenarios that have versions."""
        return self._store.scenarios()

    def publish(
        self,
        bundle: Bundle,
        author: str,
        reason: str,
        *,
        metrics: Mapping[str, Any] | None = None,
        attachments: Mapping[str, bytes] | None = None,
    ) -> Version:
        """Add a bundle under its scenario's name, as a candidate with the next version number.

        The same bundle again is the same version, and mends files of it that were lost. Its files are all
        stored before the version can be seen.

        Parameters
        ----------
        metrics
            Figures to compare versions by, possibly nested; those in the manifest need not be repeated.
        attachments
            Further files by name: reports, plots, a model card.

        Raises
        ------
        ParameterInvalid
            Without an author or a reason, or with metrics or names that cannot be stored.
        StoreUnavailable, Conflict
        """
        author, reason = _checked(author, reason)
        package = pack(bundle, author, reason, metrics or {}, attachments or {})
        inventory = hashlib.sha256(package.files[INVENTORY]).hexdigest()
        ledger = self._log.ledger(bundle.scenario.name)
        known = ledger.version_of(bundle.fingerprint)
        if known is not None and self._published(ledger, known).inventory != inventory:
            return ledger.version(known)
        saved = self._store.save(package)

        def plan(now: Ledger) -> Planned | None:
            if now.version_of(bundle.fingerprint) is not None:
                return None
            number = saved.version or now.next_version
            published = Published(number, bundle.fingerprint, saved.place, inventory)
            return Planned(Action.PUBLISH, now.stages.publish(number), published)

        ledger = self._log.commit(bundle.scenario.name, author, reason, plan)
        return ledger.version(ledger.version_of(bundle.fingerprint) or 0)

    def versions(self, scenario: str) -> tuple[Version, ...]:
        """Every version of a scenario, oldest first.

        Raises
        ------
        NotFound
            When nothing was ever published for it.
        """
        return self._existing(scenario).versions()

    def version(self, scenario: str, number: int) -> Version:
        """One version.

        Raises
        ------
        NotFound
        """
        ledger = self._existing(scenario)
        self._published(ledger, number)
        return ledger.version(number)

    def lineup(self, scenario: str) -> Lineup:
        """Champion, canary and shadows, all read at one moment.

        Raises
        ------
        NotFound
        """
        ledger = self._existing(scenario)
        stages = ledger.stages
        return Lineup(
            ledger.last_number,
            None if stages.champion is None else ledger.version(stages.champion),
            None if stages.canary is None else ledger.version(stages.canary),
            tuple(ledger.version(number) for number in stages.at(Stage.SHADOW)),
        )

    def champion(self, scenario: str) -> Version | None:
        """The version that decides, None before there is one.

        Raises
        ------
        NotFound
        """
        return self.lineup(scenario).champion

    def history(self, scenario: str) -> tuple[Change, ...]:
        """Every change ever made, oldest first.

        Raises
        ------
        NotFound
        """
        return tuple(record.change for record in self._existing(scenario).records)

    def move(
        self, scenario: str, version: int, to: str, author: str, reason: str, percent: float | None = None
    ) -> Version:
        """Move a version to a stage; a new champion retires the former one in the same change.

        Raises
        ------
        StageInvalid
            When it may not go there from where it is, or this author may not move it there.
        ParameterInvalid, NotFound, StoreUnavailable, Conflict
        """
        author, reason = _checked(author, reason)
        self._published(self._existing(scenario), version)
        publisher = self.version(scenario, version).author
        if self._four_eyes and to in (Stage.CANARY, Stage.CHAMPION) and author == publisher:
            raise StageInvalid(
                f"{author} published version {version}; somebody else has to make it {to}.",
                hint="four eyes are asked for",
            )
        ledger = self._log.commit(
            scenario,
            author,
            reason,
            lambda now: Planned(Action.MOVE, now.stages.move(version, to, percent)),
        )
        return ledger.version(version)

    def rollback(self, scenario: str, author: str, reason: str) -> Version:
        """Retire the champion and bring the one before it back; returns that one.

        Raises
        ------
        StageInvalid
            When there was no champion before it.
        ParameterInvalid, NotFound, StoreUnavailable, Conflict
        """
        author, reason = _checked(author, reason)
        self._existing(scenario)
        ledger = self._log.commit(
            scenario, author, reason, lambda now: Planned(Action.ROLLBACK, now.stages.roll_back())
        )
        return ledger.version(ledger.records[-1].change.moves[0].version)

    def fetch(self, scenario: str, version: int) -> Bundle:
        """A version's bundle, every file checked against its hash.

        Raises
        ------
        BundleInvalid
            When a file is missing or damaged; says which.
        NotFound, StoreUnavailable
        """
        inventory, read = self._reader(scenario, version)
        return unpack(inventory, read, f"version {version} of {scenario} in {self.url}")

    def pull(self, scenario: str, version: int, folder: str | Path) -> Path:
        """Write a version's bundle to a folder, from which it can be served.

        Raises
        ------
        BundleInvalid
            When it is damaged, or the folder holds something else.
        NotFound, StoreUnavailable
        """
        return write_bundle(self.fetch(scenario, version), folder)

    def inventory(self, scenario: str, version: int) -> Inventory:
        """What a version consists of: files, attachments, parameters, metrics.

        Raises
        ------
        NotFound, BundleInvalid, StoreUnavailable
        """
        return self._reader(scenario, version)[0]

    def attachment(self, scenario: str, version: int, name: str) -> bytes:
        """A file that was attached to a version.

        Raises
        ------
        NotFound, BundleInvalid, StoreUnavailable
        """
        inventory, read = self._reader(scenario, version)
        for item in inventory.files:
            if item.path == ATTACHMENTS + name:
                return read(item)
        names = inventory.attachments
        hint = nearest(name, names) or f"there are: {', '.join(names) or 'none'}"
        raise NotFound(f"Version {version} of {scenario} has no attachment {show(name)}.", hint=hint)

    def _reader(self, scenario: str, version: int) -> tuple[Inventory, Callable[[Item], bytes]]:
        """A version's inventory, and what reads and checks the files it lists."""
        published = self._published(self._existing(scenario), version)

        def checked(path: str, sha256: str) -> bytes:
            content = self._store.read(scenario, published.place, path, sha256)
            if hashlib.sha256(content).hexdigest() != sha256:
                raise BundleInvalid(
                    f"{path} of version {version} of {scenario} in {self.url} is damaged: its content does"
                    " not match its hash.",
                    hint="restore it from a backup, or publish the same bundle again",
                )
            return content

        inventory = read_inventory(checked(INVENTORY, published.inventory))
        if (inventory.scenario, inventory.fingerprint) != (scenario, published.fingerprint):
            raise BundleInvalid(
                f"Version {version} of {scenario} in {self.url} lists the files of another bundle."
            )
        return inventory, lambda item: checked(item.path, item.sha256)

    def _published(self, ledger: Ledger, version: int) -> Published:
        record = ledger.published.get(version)
        if record is None or record.published is None:
            known = ", ".join(map(str, sorted(ledger.published))) or "none"
            raise NotFound(f"{ledger.scenario} has no version {version}.", hint=f"there are: {known}")
        return record.published

    def _existing(self, scenario: str) -> Ledger:
        ledger = self._log.ledger(scenario) if _NAME.fullmatch(scenario) else Ledger(scenario)
        if not ledger.published:
            known = self.scenarios()
            hint = nearest(scenario, known) or f"there are: {', '.join(known) or 'none'}"
            raise NotFound(f"{self.url} has no versions of {show(scenario)}.", hint=hint)
        return ledger


def _checked(author: str, reason: str) -> tuple[str, str]:
    """Author and reason without blanks around them; neither may be empty."""
    said = {"author": (author.strip(), LONGEST_AUTHOR), "reason": (reason.strip(), LONGEST_REASON)}
    faults = [
        Fault(name, f"1 to {longest} printable characters", show(text))
        for name, (text, longest) in said.items()
        if not 0 < len(text) <= longest or not text.replace("\n", " ").isprintable()
    ]
    if faults:
        raise ParameterInvalid(faults)
    return said["author"][0], said["reason"][0]
