"""What people change of a policy at work: lists, switches; and new versions of rules and policy."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from riskloom.bundle import Bundle, make_bundle
from riskloom.domain.field import Field, FieldType
from riskloom.domain.read import FieldFault, reader
from riskloom.domain.show import show_time
from riskloom.errors import DataInvalid, Fault, NotFound, ParameterInvalid, nearest, show
from riskloom.registry.show import plain_version
from riskloom.rules.list_csv import read_entries, write_entries
from riskloom.rules.lists import Change, Entry, Lists, ListSpec
from riskloom.scenario.list_keys import changes_of, find_list, keys_of, value_reader
from riskloom.scenario.load import scenario_from_parts
from riskloom.scenario.scenario import Scenario
from riskloom.server.engine import DecisionEngine
from riskloom.server.lineup.follower import Follower
from riskloom.server.policy.memory import PolicyChange
from riskloom.server.policy.repo import PolicyRepo

PARTS = ("rules", "policy", "lists", "rates", "alerts", "cases")
_ENTRY_KEYS = ("value", "from", "until", "reason", "author")
_read_time = reader(Field("until", FieldType.TIME))
_TEXT_LIMIT = 500


class PolicyService:
    """Lists, switches and policy versions of one scenario."""

    def __init__(self, engine: DecisionEngine, repo: PolicyRepo, follower: Follower | None) -> None:
        self._engine = engine
        self._repo = repo
        self._follower = follower

    # ---------------------------------------------------------------- lists

    def lists(self) -> list[dict[str, Any]]:
        """Every list the champion declares, and how many entries it has now."""
        now_us = self._engine.clock.now_us()
        held = self._held
        return [
            {
                "name": spec.name,
                "of": list(spec.of),
                "kind": spec.kind.value,
                "describe": spec.describe,
                "entries": sum(1 for _ in held.entries(spec.name, now_us)),
            }
            for spec in self._scenario.lists
        ]

    def entries(self, name: str) -> list[dict[str, Any]]:
        """Who is on a list now, or will be; of personal fields the keys.

        Raises
        ------
        NotFound
        """
        spec = find_list(self._scenario, name)
        return [_shown(change) for change in self._held.entries(spec.name, self._engine.clock.now_us())]

    def export(self, name: str) -> str:
        """The same as CSV."""
        spec = find_list(self._scenario, name)
        found = self._held.entries(spec.name, self._engine.clock.now_us())
        return write_entries(
            Entry(change.key, change.from_us, change.until_us, change.reason, change.author)
            for change in found
        )

    def history(self, name: str, value: str) -> list[dict[str, Any]]:
        """Every change about one value."""
        spec = find_list(self._scenario, name)
        keys = keys_of(self._scenario, spec, self._value(spec, value, "value"))
        return [
            {**_shown(change), "added": change.added, "after": change.after}
            for key in keys
            for change in self._held.history(spec.name, key)
        ]

    async def add(self, name: str, given: Sequence[object], author: str) -> dict[str, int]:
        """Put values on a list, durably; entries that are there just so change nothing.

        Raises
        ------
        DataInvalid, NotFound, StoreUnavailable
        """
        spec = find_list(self._scenario, name)
        faults: list[Fault] = []
        entries = [self._entry(spec, one, f"entries[{at}]", author, faults) for at, one in enumerate(given)]
        if faults:
            raise DataInvalid(faults)
        return await self._put(spec, [entry for entry in entries if entry is not None], author)

    async def import_csv(self, name: str, text: str, author: str) -> dict[str, int]:
        """Put the values of a CSV on a list: value, from, until, reason, author.

        Raises
        ------
        DataInvalid
            With every fault by its line; then nothing was taken.
        """
        spec = find_list(self._scenario, name)
        entries = read_entries(text, value_reader(self._scenario, spec), author)
        return await self._put(spec, entries, author)

    async def remove(self, name: str, value: object, author: str, reason: str) -> dict[str, int]:
        """Take a value off a list, durably.

        Raises
        ------
        NotFound
            When it is not on it.
        """
        spec = find_list(self._scenario, name)
        entry = Entry(self._value(spec, value, "value"), reason=reason, author=author)
        held, now_us = self._held, self._engine.clock.now_us()
        if not any(held.entry(name, key, now_us) for key in keys_of(self._scenario, spec, entry.value)):
            raise NotFound(f"{show(value)} is not on the list {name}.")
        changes = tuple(changes_of(self._scenario, spec, entry, after=self._engine.newest, added=False))
        await self._engine.change_policy(self._change(changes, author, reason))
        return {"removed": 1}

    async def _put(self, spec: ListSpec, entries: Sequence[Entry], author: str) -> dict[str, int]:
        now_us, held = self._engine.clock.now_us(), self._held
        fresh: list[Change] = []
        unchanged = 0
        for entry in entries:
            made = list(changes_of(self._scenario, spec, entry, after=self._engine.newest))
            if all(_same(held.entry(spec.name, change.key, now_us), change) for change in made):
                unchanged += 1
            else:
                fresh += made
        if fresh:
            reason = entries[0].reason if len(entries) == 1 else f"{len(entries)} entries"
            await self._engine.change_policy(self._change(tuple(fresh), author, reason))
        return {"added": len(entries) - unchanged, "unchanged": unchanged}

    def _entry(
        self, spec: ListSpec, given: object, place: str, author: str, faults: list[Fault]
    ) -> Entry | None:
        told = given if isinstance(given, dict) else {"value": given}
        faults += [
            Fault(
                f"{place}.{key}",
                f"one of {', '.join(_ENTRY_KEYS)}",
                show(key),
                nearest(str(key), _ENTRY_KEYS),
            )
            for key in told.keys() - set(_ENTRY_KEYS)
        ]
        times: dict[str, int | None] = {"from": 0, "until": None}
        try:
            value = self._value(spec, told.get("value"), f"{place}.value")
            for name in times:
                if told.get(name) is not None:
                    times[name] = _time(told[name], f"{place}.{name}")
            texts = {key: _text(told.get(key) or "", f"{place}.{key}") for key in ("reason", "author")}
        except DataInvalid as error:
            faults += error.faults
            return None
        return Entry(value, times["from"] or 0, times["until"], texts["reason"], texts["author"] or author)

    def _value(self, spec: ListSpec, raw: object, place: str) -> str:
        try:
            return value_reader(self._scenario, spec)(raw)
        except FieldFault as fault:
            got = fault.got or show(raw)
            raise DataInvalid(Fault(place, fault.expected, got, fault.hint)) from fault

    # ---------------------------------------------------------------- switches

    def switches(self) -> dict[str, Any]:
        """What is off, what could be, and what was switched before."""
        codes = [f"rule:{rule.code}" for rule in self._scenario.rules]
        off = sorted(self._engine.memory.off)
        return {"off": off, "known": ["model", "policy", *codes], "history": self._repo.switches(100)}

    async def switch(self, off: object, author: str, reason: str) -> dict[str, Any]:
        """Switch off just these, from the next event on: `model`, `policy`, `rule:CODE`; all others are on.

        Raises
        ------
        ParameterInvalid
        """
        known = ["model", "policy", *(f"rule:{rule.code}" for rule in self._scenario.rules)]
        if not isinstance(off, list):
            raise ParameterInvalid(Fault("off", "a list of what is to be off", show(off)))
        faults = [
            Fault("off", f"one of {', '.join(known[:2])}, rule:CODE", show(name), nearest(str(name), known))
            for name in off
            if name not in known
        ]
        if not reason:
            faults.append(Fault("reason", "why", "nothing"))
        if faults:
            raise ParameterInvalid(faults)
        await self._engine.change_policy(self._change(frozenset(map(str, off)), author, reason))
        return await asyncio.to_thread(self.switches)

    # ---------------------------------------------------------------- versions

    def rules(self) -> list[dict[str, Any]]:
        """The champion's rules as they were written."""
        return list(self._scenario.parts["rules"])

    async def publish(self, parts: Mapping[str, Any], author: str, reason: str) -> dict[str, Any]:
        """The champion with other rules, policy, lists, rates, alerts or cases, as a new candidate.

        Raises
        ------
        ScenarioInvalid
            With every fault; the examples of rules were run.
        """
        if self._follower is None:
            raise NotFound(
                "This server follows no registry, where versions are kept.",
                hint="start it with --registry, or set RISKLOOM_MODELS",
            )
        registry, champion = self._follower.registry, self._engine.bundle

        def made() -> dict[str, Any]:
            bundle = changed(champion, parts)
            return plain_version(registry.publish(bundle, author, reason))

        return await asyncio.to_thread(made)

    # ---------------------------------------------------------------- shared

    @property
    def _scenario(self) -> Scenario:
        return self._engine.bundle.scenario

    @property
    def _held(self) -> Lists:
        return self._engine.pipeline.lists

    def _change(self, what: tuple[Change, ...] | frozenset[str], author: str, reason: str) -> PolicyChange:
        return PolicyChange(what, author, reason, self._engine.clock.now_us())


def changed(bundle: Bundle, parts: Mapping[str, Any]) -> Bundle:
    """A bundle with other rules, policy, lists, rates, alerts or cases over the same features and model.

    Raises
    ------
    ParameterInvalid, ScenarioInvalid
    """
    unknown = [
        Fault(name, f"one of {', '.join(PARTS)}", show(name), nearest(name, PARTS))
        for name in parts
        if name not in PARTS
    ]
    if unknown or not parts:
        raise ParameterInvalid(unknown or [Fault("body", f"one of {', '.join(PARTS)}", "nothing")])
    return make_bundle(scenario_from_parts({**bundle.scenario.parts, **parts}), bundle.model)


def _same(before: Change | None, now: Change) -> bool:
    return before is not None and (before.from_us, before.until_us, before.reason) == (
        now.from_us,
        now.until_us,
        now.reason,
    )


def _shown(change: Change) -> dict[str, Any]:
    return {
        "value": change.key,
        "from": show_time(change.from_us) if change.from_us else None,
        "until": None if change.until_us is None else show_time(change.until_us),
        "reason": change.reason,
        "author": change.author,
    }


def _time(raw: object, place: str) -> int:
    try:
        time_us: int = _read_time(raw)
        return time_us
    except FieldFault as fault:
        raise DataInvalid(Fault(place, fault.expected, fault.got or show(raw), fault.hint)) from fault


def _text(raw: object, place: str) -> str:
    if not isinstance(raw, str) or len(raw) > _TEXT_LIMIT:
        raise DataInvalid(Fault(place, f"a text of at most {_TEXT_LIMIT} characters", show(raw)))
    return raw
