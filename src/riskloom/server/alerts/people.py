"""Analysts and suppressions: who may work on what, and what raises no alert for some time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from riskloom.domain.analyst import Analyst
from riskloom.domain.decision import MODEL_REASON
from riskloom.domain.duration import format_duration, parse_duration
from riskloom.domain.field import Field, FieldType
from riskloom.domain.money import exponent, scale_decimal
from riskloom.domain.read import FieldFault, reader
from riskloom.errors import Fault, ParameterInvalid, nearest, show
from riskloom.privacy.protect import key_of
from riskloom.scenario.scenario import Scenario
from riskloom.server.alerts.people_repo import PeopleRepo
from riskloom.server.alerts.view import shown_analyst, shown_suppression
from riskloom.server.db import is_storable
from riskloom.server.engine import DecisionEngine

MOST_NAMES, LONGEST_NAME, LONGEST_TEXT, MOST_SHOWN = 100, 64, 2_000, 1_000
_read_time = reader(Field("until", FieldType.TIME))


class PeopleService:
    """Analysts and suppressions of one scenario."""

    def __init__(self, engine: DecisionEngine, repo: PeopleRepo) -> None:
        self._engine = engine
        self._repo = repo

    # ---------------------------------------------------------------- analysts

    def analysts(self) -> list[dict[str, Any]]:
        """Everybody of whom something is known."""
        return [shown_analyst(one, self._scenario.base_currency) for one in self._repo.analysts()]

    async def keep(self, name: str, given: Mapping[str, Any], actor: str) -> dict[str, Any]:
        """Keep somebody's skills, limit and queues, in the place of what was known.

        Raises
        ------
        ParameterInvalid
        """
        faults: list[Fault] = []
        queues = [queue.name for queue in self._scenario.alerts.queues]
        analyst = Analyst(
            name,
            _names(given, "skills", faults),
            _limit(given.get("limit"), self._scenario.base_currency, faults),
            _names(given, "queues", faults, queues),
        )
        if faults:
            raise ParameterInvalid(faults)
        await asyncio.to_thread(self._repo.keep, analyst, actor, self._now_us)
        return shown_analyst(analyst, self._scenario.base_currency)

    # ---------------------------------------------------------------- suppressions

    def suppressions(self, *, every: bool) -> list[dict[str, Any]]:
        """Those that hold, made last first; every one there ever was where asked."""
        now_us = self._now_us
        found = self._repo.suppressions(None if every else now_us, MOST_SHOWN)
        return [shown_suppression(row, count, now_us) for row, count in found]

    async def suppress(self, given: Mapping[str, Any], actor: str) -> dict[str, Any]:
        """Let decisions of an entity, by a rule, or both raise no alert until a time.

        Raises
        ------
        ParameterInvalid
        """
        faults: list[Fault] = []
        now_us = self._now_us
        entity, rule = _text(given, "entity", faults), _text(given, "rule", faults)
        reason = _text(given, "reason", faults, is_needed=True)
        if not entity and not rule:
            faults.append(Fault("entity", "an entity, a rule, or both", "nothing"))
        codes = [*(one.code for one in self._scenario.rules), MODEL_REASON]
        if rule and rule not in codes:
            faults.append(Fault("rule", "the code of a rule", show(rule), nearest(rule, codes)))
        until_us = self._until(given, now_us, faults)
        if faults:
            raise ParameterInvalid(faults)
        key = self.entity_key(entity) if entity else None
        made = await asyncio.to_thread(
            self._repo.suppress, key, rule or None, until_us, reason, actor, now_us
        )
        self._engine.effects.suppressions.add(made)
        return await asyncio.to_thread(self._shown, made.id)

    async def end(self, suppression_id: int, actor: str) -> dict[str, Any]:
        """Let a suppression hold no more.

        Raises
        ------
        NotFound
        """
        await asyncio.to_thread(self._repo.end, suppression_id, actor, self._now_us)
        self._engine.effects.suppressions.end(suppression_id)
        return await asyncio.to_thread(self._shown, suppression_id)

    def entity_key(self, value: str) -> str:
        """The stored key of a value of the field that alerts are grouped by."""
        by = self._scenario.alerts.group.by
        field = next((field for field in self._scenario.fields if field.name == by), None)
        return key_of(by, value) if field is not None and field.pii else value

    # ---------------------------------------------------------------- shared

    @property
    def _scenario(self) -> Scenario:
        return self._engine.bundle.scenario

    @property
    def _now_us(self) -> int:
        return self._engine.clock.now_us()

    def _shown(self, suppression_id: int) -> dict[str, Any]:
        found = self._repo.suppressions(None, MOST_SHOWN)
        return next(
            shown_suppression(row, count, self._now_us) for row, count in found if row.id == suppression_id
        )

    def _until(self, given: Mapping[str, Any], now_us: int, faults: list[Fault]) -> int:
        longest_us = self._scenario.alerts.longest_suppression_us
        if ("until" in given) is ("for" in given):
            faults.append(
                Fault("until", "until or for, one of them", "both" if "for" in given else "nothing")
            )
            return now_us
        key = "until" if "until" in given else "for"
        try:
            until_us = (
                int(_read_time(given[key])) if key == "until" else now_us + parse_duration(str(given[key]))
            )
        except (FieldFault, ValueError):
            what = "a time" if key == "until" else "a duration such as 4h or 30d"
            faults.append(Fault(key, what, show(given[key])))
            return now_us
        if not now_us < until_us <= now_us + longest_us:
            wanted = f"a moment in the {format_duration(longest_us)} to come"
            faults.append(Fault(key, wanted, show(given[key]), "alerts.yaml: longest_suppression"))
        return until_us


def _names(
    given: Mapping[str, Any], key: str, faults: list[Fault], known: list[str] | None = None
) -> tuple[str, ...]:
    value = given.get(key, [])
    if not isinstance(value, list) or len(value) > MOST_NAMES:
        faults.append(Fault(key, f"a list of at most {MOST_NAMES} names", show(value)))
        return ()
    for name in value:
        if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
            faults.append(Fault(key, f"names of 1 to {LONGEST_NAME} printable characters", show(name)))
        elif known is not None and name not in known:
            faults.append(Fault(key, f"one of {', '.join(known)}", show(name), nearest(name, known)))
    return tuple(dict.fromkeys(str(name) for name in value))


def _limit(value: object, currency: str, faults: list[Fault]) -> int | None:
    """An amount in the base currency as minor units; None for no limit."""
    if value is None:
        return None
    try:
        minor = scale_decimal(str(value), exponent(currency)) if not isinstance(value, bool) else -1
    except ValueError:
        minor = -1
    if not 0 <= minor < 1 << 53:
        faults.append(Fault("limit", f"an amount in {currency} from 0, or null", show(value)))
        return None
    return minor


def _text(given: Mapping[str, Any], key: str, faults: list[Fault], *, is_needed: bool = False) -> str:
    value = given.get(key) or ""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not is_storable(value):
        faults.append(Fault(key, f"a text of at most {LONGEST_TEXT:,} characters", show(value)))
        return ""
    if is_needed and not value.strip():
        faults.append(Fault(key, "why", "nothing"))
    return value
