"""Small bundles to publish, and stores that die or lose a race when a test says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from riskloom.bundle import Bundle, make_bundle
from riskloom.clock import FixedClock
from riskloom.ports.bundle_store import BundleStore, Package, Saved, Standing, Tail
from riskloom.registry import Registry
from support.small import small_scenario

NOW_US = 1_750_000_000_000_000


def small_bundle(percentile: float = 80, name: str = "small") -> Bundle:
    """A bundle of rules alone; another percentile makes another bundle over the same other parts."""
    head = {**small_scenario().parts["features"], "scenario": name}
    policy = {"percentile": percentile, "reject_percentile": 97}
    return make_bundle(small_scenario(features=head, policy=policy), None)


def registry_of(store: BundleStore, now_us: int = NOW_US) -> Registry:
    """A registry at a time that stands."""
    return Registry(store, FixedClock(now_us))


class Died(BaseException):
    """What nobody catches: the process is gone."""


class Wrapped:
    """A store that does what it is told at the first append, and passes everything else on.

    Parameters
    ----------
    before
        Called before the first append reaches the store.
    after
        Called after it, with its answer; gives the answer that the caller sees.
    """

    def __init__(
        self,
        store: BundleStore,
        before: Callable[[], Any] = lambda: None,
        after: Callable[[bool], bool] = lambda done: done,
    ) -> None:
        self._store = store
        self._before = before
        self._after = after
        self.appends = 0
        self.url = store.url

    def scenarios(self) -> tuple[str, ...]:
        return self._store.scenarios()

    def save(self, package: Package) -> Saved:
        return self._store.save(package)

    def read(self, scenario: str, place: str, path: str, sha256: str) -> bytes:
        return self._store.read(scenario, place, path, sha256)

    def tail(self, scenario: str, after: int) -> Tail:
        return self._store.tail(scenario, after)

    def append(self, scenario: str, number: int, record: bytes, summary: str) -> bool:
        self.appends += 1
        if self.appends > 1:
            return self._store.append(scenario, number, record, summary)
        self._before()
        return self._after(self._store.append(scenario, number, record, summary))

    def reflect(self, scenario: str, standings: Sequence[Standing]) -> None:
        self._store.reflect(scenario, standings)
