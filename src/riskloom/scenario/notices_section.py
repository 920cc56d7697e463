"""Reads `notices`: policies with their steps and clocks, business hours, quiet hours and the digest."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any

from riskloom.domain.alert import SEVERITIES
from riskloom.domain.decision import Outcome
from riskloom.domain.duration import parse_duration
from riskloom.domain.hours import MINUTES, WEEKDAYS, BusinessHours, Digest, QuietHours
from riskloom.errors import nearest, show
from riskloom.policy.notices import Clock, NoticePolicy, NoticeRules, Step
from riskloom.scenario.document import Document, Path

_KEYS = ("policies", "business_hours", "quiet_hours", "digest")
_HOURS = ("days", "from", "to", "holidays")
_POLICY = ("name", "severities", "queues", "outcomes", "reasons", "steps", "sla")
_STEP = ("after", "channels", "escalate")
_SLA = ("claim", "resolve", "warn_at", "channels")
CLOCKS = ("claim", "resolve")
CHANNEL = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_CHANNEL_HINT = "small letters, digits, - and _; begins with a letter"
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00", re.ASCII)
_MOST, _MOST_HOLIDAYS = 50, 1_000


def read_notices(document: Document, zone: str, queues: Collection[str]) -> NoticeRules:
    """The notices of a scenario with these queues; without the section nobody is told anything."""
    data = document.mapping(document.data, (), _KEYS)
    policies: dict[str, NoticePolicy] = {}
    listed = document.items(data.get("policies"), ("policies",))
    if len(listed) > _MOST:
        document.fault(("policies",), f"at most {_MOST} policies", str(len(listed)))
    for at, given in enumerate(listed[:_MOST]):
        policy = _read_policy(document, given, ("policies", at), queues)
        if policy.name in policies:
            document.fault(("policies", at, "name"), "a name of its own", show(policy.name))
        policies[policy.name] = policy
    return NoticeRules(
        tuple(policies.values()),
        _read_hours(document, data.get("business_hours"), zone),
        _read_quiet(document, data.get("quiet_hours"), zone),
        _read_digest(document, data.get("digest"), zone),
    )


def _read_policy(document: Document, given: object, path: Path, queues: Collection[str]) -> NoticePolicy:
    spec = document.mapping(given, path, _POLICY)
    name = document.text(spec, "name", path)
    steps: list[Step] = []
    listed = document.items(spec.get("steps"), (*path, "steps"))
    if not 1 <= len(listed) <= _MOST:
        document.fault((*path, "steps"), f"1 to {_MOST} steps", str(len(listed)))
    for at, one in enumerate(listed[:_MOST]):
        steps.append(_read_step(document, one, (*path, "steps", at), steps))
    clocks, told = _read_sla(document, spec.get("sla"), (*path, "sla"))
    return NoticePolicy(
        name,
        _words(document, spec, "severities", path, SEVERITIES),
        _words(document, spec, "queues", path, queues),
        _words(document, spec, "outcomes", path, [outcome.value for outcome in Outcome][1:]),
        _words(document, spec, "reasons", path),
        tuple(steps),
        clocks,
        told,
    )


def _read_step(document: Document, given: object, path: Path, before: list[Step]) -> Step:
    spec = document.mapping(given, path, _STEP)
    after_us = document.duration(spec, "after", path, "0s")
    if not before and after_us:
        document.fault((*path, "after"), "a first step at once, without it", show(spec["after"]))
    elif before and after_us <= before[-1].after_us:
        document.fault((*path, "after"), "a longer time than the step before", show(spec.get("after")))
    escalate = document.flag(spec, "escalate", path, False)
    if escalate and not before:
        document.fault((*path, "escalate"), "it only for a later step", "the first one")
    return Step(after_us, _channels(document, spec, path), escalate)


def _read_sla(document: Document, given: object, path: Path) -> tuple[tuple[Clock, ...], tuple[str, ...]]:
    if given is None:
        return (), ()
    spec = document.mapping(given, path, _SLA)
    share = spec.get("warn_at", 0.8)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
        document.fault((*path, "warn_at"), "a share above 0 and below 1", show(share))
        share = 0.8
    clocks = []
    for name in (name for name in CLOCKS if name in spec):
        limit_us = document.duration(spec, name, path, "1h")
        if limit_us < parse_duration("1m"):
            document.fault((*path, name), "at least 1m", show(spec[name]))
        clocks.append(Clock(name, limit_us, round(limit_us * share)))
    if not clocks:
        document.fault(path, f"at least one of {', '.join(CLOCKS)}", "neither")
    return tuple(clocks), _channels(document, spec, path) if "channels" in spec else ()


def _read_hours(document: Document, given: object, zone: str) -> BusinessHours | None:
    path: Path = ("business_hours",)
    if given is None:
        return None
    spec = document.mapping(given, path, _HOURS)
    days = _words(document, spec, "days", path, WEEKDAYS) or frozenset(WEEKDAYS[:5])
    start, end = _time(document, spec, "from", path, "09:00"), _time(document, spec, "to", path, "17:00")
    if end <= start:
        document.fault((*path, "to"), "a later time than from", show(spec.get("to")))
    holidays = set()
    listed = document.items(spec.get("holidays"), (*path, "holidays"))
    if len(listed) > _MOST_HOLIDAYS:
        document.fault((*path, "holidays"), f"at most {_MOST_HOLIDAYS} dates", str(len(listed)))
    for at, text in enumerate(listed[:_MOST_HOLIDAYS]):
        try:
            holidays.add(date.fromisoformat(text))
        except (ValueError, TypeError):
            document.fault((*path, "holidays", at), "a date such as 2026-12-25", show(text))
    numbers = frozenset(WEEKDAYS.index(day) for day in days)
    return BusinessHours(zone, numbers, start, end, frozenset(holidays))


def _read_quiet(document: Document, given: object, zone: str) -> QuietHours | None:
    path: Path = ("quiet_hours",)
    if given is None:
        return None
    spec = document.mapping(given, path, ("from", "to", "except"))
    start, end = _time(document, spec, "from", path), _time(document, spec, "to", path)
    if start == end or MINUTES in (start, end):
        document.fault(path, "two times of a day, from and to, that differ", show(spec.get("to")))
    return QuietHours(zone, start, end, _words(document, spec, "except", path, SEVERITIES))


def _read_digest(document: Document, given: object, zone: str) -> Digest | None:
    path: Path = ("digest",)
    if given is None:
        return None
    spec = document.mapping(given, path, ("at", "severities"))
    times = document.items(spec.get("at"), (*path, "at"))
    if not 1 <= len(times) <= 24:
        document.fault((*path, "at"), "1 to 24 times of a day", str(len(times)))
    minutes = {_read_time(document, text, (*path, "at", at)) % MINUTES for at, text in enumerate(times[:24])}
    severities = _words(document, spec, "severities", path, SEVERITIES)
    if not severities:
        document.fault((*path, "severities"), "the severities that can wait", "none")
    return Digest(zone, tuple(sorted(minutes)) or (0,), severities)


def _time(
    document: Document, spec: Mapping[str, Any], key: str, path: Path, default: str | None = None
) -> int:
    return _read_time(document, spec.get(key, default), (*path, key))


def _read_time(document: Document, value: object, path: Path) -> int:
    """A time of the day in minutes; YAML reads 18:00 without quotes as such minutes."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MINUTES:
        return value
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        document.fault(path, 'a time of the day such as "08:30"', "nothing" if value is None else show(value))
        return 0
    return int(value[:2]) * 60 + int(value[3:])


def _channels(document: Document, spec: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    """Names of channels, each once."""
    names = document.items(spec.get("channels"), (*path, "channels"))
    if not 1 <= len(names) <= _MOST:
        document.fault((*path, "channels"), f"1 to {_MOST} names of channels", str(len(names)))
    good: dict[str, None] = {}
    for at, name in enumerate(names[:_MOST]):
        if not isinstance(name, str) or not CHANNEL.fullmatch(name):
            document.fault((*path, "channels", at), "the name of a channel", show(name), _CHANNEL_HINT)
        else:
            good[name] = None
    return tuple(good)


def _words(
    document: Document, spec: Mapping[str, Any], key: str, path: Path, known: Iterable[str] = ()
) -> frozenset[str]:
    """Words of a list, of the `known` ones where such are given; empty when it is not there."""
    names = tuple(known)
    words = set()
    for at, word in enumerate(document.items(spec.get(key), (*path, key))):
        if not isinstance(word, str) or not word or (names and word not in names):
            expected = f"one of {', '.join(names)}" if names else "text"
            document.fault((*path, key, at), expected, show(word), nearest(str(word), names))
        else:
            words.add(word)
    return frozenset(words)
