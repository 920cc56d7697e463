"""Keeps a scenario's team what the registry says: champion, canary, shadows; looks for changes regularly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import structlog

from riskloom.bundle import Bundle
from riskloom.clock import Clock
from riskloom.errors import BundleInvalid, NotFound, RiskloomError
from riskloom.registry import Lineup, Registry, Version
from riskloom.server.bundles import BundleTexts
from riskloom.server.engine import DecisionEngine
from riskloom.server.lineup.repo import LineupRepo
from riskloom.server.lineup.team import Casting

log = structlog.get_logger()
AUTHOR, PUBLISHER = "riskloom serve", "whoever started the server"
Say = Callable[[str], None]


class Caster:
    """Makes castings of what a registry says. Blocking: for threads, one call at a time."""

    def __init__(
        self, registry: Registry, scenario: str, repo: LineupRepo, texts: BundleTexts, clock: Clock
    ) -> None:
        self.registry = registry
        self.scenario = scenario
        self._repo = repo
        self._texts = texts
        self._clock = clock
        self._fetched: dict[str, Bundle] = {}
        self.left_out: str | None = None
        """Which versions of the last line-up take no part, and why."""

    def first(self, given: Bundle, say: Say) -> Casting:
        """The casting to start with. A bundle that the registry does not know becomes its champion.

        Raises
        ------
        RiskloomError
            When the registry cannot be reached, or its champion is damaged.
        """
        registry, name = self.registry, self.scenario
        try:
            known = registry.versions(name)
        except NotFound:
            known = ()
        version = next((one for one in known if one.fingerprint == given.fingerprint), None)
        is_wanted = given.model is not None or not any(one.stage == "champion" for one in known)
        if version is None and is_wanted:
            version = registry.publish(given, PUBLISHER, "given on the command line")
            registry.move(name, version.number, "champion", AUTHOR, "given on the command line")
            say(f"{name}: published as version {version.number}, the champion")
        lineup = registry.lineup(name)
        if lineup.champion is None and version is not None:
            registry.move(name, version.number, "champion", AUTHOR, "there was no champion")
            lineup = registry.lineup(name)
        casting = self.casting(lineup)
        if self.left_out:
            say(f"{name}: {self.left_out}")
        return casting

    def casting(self, lineup: Lineup) -> Casting:
        """The bundles of a line-up, checked, warm and remembered by the database.

        A canary or shadow that cannot judge the champion's events is left out.
        """
        if lineup.champion is None:
            raise NotFound(f"{self.scenario} has no champion.", hint="promote a version to champion")
        versions = [lineup.champion, *([] if lineup.canary is None else [lineup.canary]), *lineup.shadows]
        fetched = {one.fingerprint: self._fetch(one) for one in versions}
        self._fetched = fetched
        champion = fetched[lineup.champion.fingerprint]
        strangers = {one for one in versions if _event_of(fetched[one.fingerprint]) != _event_of(champion)}
        self.left_out = _left_out(sorted(one.number for one in strangers))
        canary = None if lineup.canary in strangers else lineup.canary
        lineup = replace(
            lineup, canary=canary, shadows=tuple(one for one in lineup.shadows if one not in strangers)
        )
        now_us = self._clock.now_us()
        for one in (version for version in versions if version not in strangers):
            self._texts.remember(fetched[one.fingerprint], now_us)
        return Casting(
            champion,
            None if canary is None else fetched[canary.fingerprint],
            (lambda _key: False) if canary is None else canary.takes,
            tuple(fetched[one.fingerprint] for one in lineup.shadows),
            self._repo.add(lineup.change, _plain(lineup), now_us),
        )

    def _fetch(self, version: Version) -> Bundle:
        bundle = self._fetched.get(version.fingerprint)
        if bundle is None:
            bundle = self.registry.fetch(self.scenario, version.number)
            if bundle.model is not None:
                bundle.model.warm_up()
        return bundle


class Follower:
    """Changes the engine's team whenever the registry says so."""

    def __init__(self, caster: Caster, engine: DecisionEngine, pause_s: float) -> None:
        self._caster = caster
        self._engine = engine
        self._pause_s = pause_s
        self._change: int | None = None
        self._busy = asyncio.Lock()
        self.problem: str | None = caster.left_out
        """Why the newest line-up is not at work, or not all of it, or None."""

    @property
    def registry(self) -> Registry:
        """What it follows."""
        return self._caster.registry

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(self._pause_s)
            await self.refresh()

    async def refresh(self) -> None:
        """Look now. What cannot be used is said in `problem` and in the log; the present team goes on."""
        async with self._busy:
            try:
                lineup = await asyncio.to_thread(self._caster.registry.lineup, self._caster.scenario)
                if lineup.change == self._change:
                    return
                casting = await asyncio.to_thread(self._caster.casting, lineup)
                _check_event(casting.champion, self._engine.bundle)
                if casting.number != self._engine.casting.number:
                    await self._engine.change(casting)
                    log.info("lineup.changed", change=lineup.change, champion=casting.champion.version)
                self._change, self.problem = lineup.change, self._caster.left_out
                if self.problem:
                    log.warning("lineup.left_out", reason=self.problem)
            except (RiskloomError, OSError) as error:
                said = str(error)
                if said != self.problem:
                    log.warning("lineup.not_followed", reason=said)
                self.problem = said


def _left_out(numbers: Sequence[int]) -> str | None:
    if not numbers:
        return None
    return f"left out, for they read other event fields than the champion: {', '.join(map(str, numbers))}"


def _check_event(bundle: Bundle, present: Bundle) -> None:
    if _event_of(bundle) != _event_of(present):
        raise BundleInvalid(
            "The new champion reads other event fields than the one at work.", hint="start the server again"
        )


def _event_of(bundle: Bundle) -> tuple[Any, ...]:
    scenario = bundle.scenario
    return scenario.fields, scenario.id_field, scenario.time_field, scenario.base_currency


def _plain(lineup: Lineup) -> dict[str, Any]:
    """A line-up as decisions name it."""

    def one(version: Version) -> dict[str, Any]:
        return {"version": version.number, "bundle": version.fingerprint}

    canary = lineup.canary
    return {
        "champion": None if lineup.champion is None else one(lineup.champion),
        "canary": None if canary is None else {**one(canary), "percent": canary.percent},
        "shadows": [one(version) for version in lineup.shadows],
    }
