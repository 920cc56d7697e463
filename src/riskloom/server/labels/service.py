"""What can be done with labels: tell what events turned out to be, and read what was told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from riskloom.domain.duration import format_duration
from riskloom.domain.field import FieldType
from riskloom.domain.label import Label, LabelSource, effective, path_of, read_label
from riskloom.domain.read import TEXT_LIMIT
from riskloom.domain.show import show_time
from riskloom.errors import Fault, LabelInvalid, NotFound, RiskloomError, StoreUnavailable, show
from riskloom.server.db import is_storable
from riskloom.server.decisions.record import decode
from riskloom.server.engine import DecisionEngine
from riskloom.server.labels.quality import measure
from riskloom.server.labels.repo import About, LabelRepo
from riskloom.server.problem import problem

WAVE = 100
"""Labels taken at once: a few milliseconds in which no event is decided."""

_NEVER_US = -(1 << 62)
Read = tuple[dict[str, Any], str] | LabelInvalid
"""A label's checked values and where it stood, or what was wrong."""
Answer = dict[str, Any] | RiskloomError
Begun = tuple[Answer, asyncio.Future[None] | None]


class LabelService:
    """Takes labels in, one call at a time: what an event counts as depends on all its labels before."""

    def __init__(self, engine: DecisionEngine, repo: LabelRepo) -> None:
        self._engine = engine
        self._repo = repo
        self._turn = asyncio.Lock()

    async def tell_one(self, item: object) -> dict[str, Any]:
        """Take one label in, durably; one that is there already is answered as it is stored.

        Raises
        ------
        LabelInvalid, NotFound, StoreUnavailable
        """
        (answer,) = await self._tell([item], [""])
        if isinstance(answer, RiskloomError):
            raise answer
        return answer

    async def tell_many(self, items: Sequence[object]) -> list[dict[str, Any]]:
        """Take labels in, in order; a faulty one gives {"error": problem} in its place and stops no other.

        Raises
        ------
        StoreUnavailable
            When none could be stored.
        """
        answers = await self._tell(items, [f"labels[{at}]" for at in range(len(items))])
        lost = [answer for answer in answers if isinstance(answer, StoreUnavailable)]
        if lost and len(lost) == len(answers):
            raise StoreUnavailable(lost[0].message, hint="nothing was taken; send the labels again")
        return [
            {**_named(item), "error": problem(answer)} if isinstance(answer, RiskloomError) else answer
            for item, answer in zip(items, answers, strict=True)
        ]

    async def _tell(self, items: Sequence[object], places: Sequence[str]) -> list[Answer]:
        read = await asyncio.to_thread(_read, items, places)
        ids = list(dict.fromkeys(one[0]["event_id"] for one in read if isinstance(one, tuple)))
        async with self._turn:
            await self._engine.settle(ids)
            events = await asyncio.to_thread(self._repo.events, ids)
            known = await asyncio.to_thread(
                self._repo.histories, [event.arrival for event in events.values()]
            )
            answers: list[Answer] = []
            broken: StoreUnavailable | None = None
            for start in range(0, len(read), WAVE):
                if broken is not None:  # what follows would be judged by labels that are not there
                    answers += [one if isinstance(one, LabelInvalid) else broken for one in read[start:]]
                    break
                for answer, waiting in [
                    self._begin(one, events, known) for one in read[start : start + WAVE]
                ]:
                    try:
                        if waiting is not None:
                            await waiting
                    except StoreUnavailable as error:
                        broken = error
                    is_taken = isinstance(answer, dict)
                    answers.append(broken if broken is not None and is_taken else answer)
            return answers

    def _begin(self, one: Read, events: dict[str, About], known: dict[int, list[Label]]) -> Begun:
        """Put one label on its way; `known` grows by it."""
        try:
            if isinstance(one, LabelInvalid):
                raise one
            values, place = one
            event = events.get(values["event_id"])
            if event is None:
                hint = "a label is about an event that came before"
                raise NotFound(f"No event {show(values['event_id'])} is stored.", hint=hint)
            label = self._label(values, place, event)
            history = known.setdefault(event.arrival, [])
            stored, waiting = _repeated(history, label, is_dated=values["known_at"] is not None), None
            if stored is None:
                counts = effective([*history, label]) or label
                stored, waiting = self._put(event, label, counts.fraud)
                history.append(stored)
        except RiskloomError as error:
            return error, None
        return shown(values["event_id"], stored), waiting

    def _label(self, values: dict[str, Any], place: str, event: About) -> Label:
        """The label that these values are, at a time that it can have."""
        now_us = self._engine.clock.now_us()
        known_at_us = values["known_at"]
        if known_at_us is None:
            known_at_us = max(now_us, event.time_us)
        ahead_us = self._engine.schema.ahead_us
        expected = ""
        if known_at_us < event.time_us:
            expected = f"a time not before its event, which happened at {show_time(event.time_us)}"
        elif known_at_us > max(now_us, event.time_us) + ahead_us:
            expected = f"a time at most {format_duration(ahead_us)} ahead"
        if expected:
            raise LabelInvalid(Fault(path_of(place, "known_at"), expected, show_time(known_at_us)))
        source = LabelSource(values["source"])
        return Label(
            values["fraud"], source, known_at_us, values["confidence"], values["code"], told_at_us=now_us
        )

    def _put(self, event: About, label: Label, truth: bool) -> tuple[Label, asyncio.Future[None]]:
        row = (
            self._engine.bundle.scenario.name,
            event.arrival,
            label.fraud,
            label.source.value,
            label.confidence,
            label.known_at_us,
            label.code,
            label.told_at_us,
            truth,
        )
        arrival, waiting = self._engine.tell(event.arrival, event.time_us, decode(event.fields), truth, row)
        return replace(label, arrival=arrival), waiting

    # ---------------------------------------------------------------- reading

    def of_event(self, event_id: str) -> dict[str, Any]:
        """The labels of an event in the order in which they were told, and the one that counts.

        Raises
        ------
        NotFound
        """
        event = self._repo.events([event_id]).get(event_id)
        if event is None:
            raise NotFound(f"No event {show(event_id)} is stored.")
        history = self._repo.histories([event.arrival]).get(event.arrival, [])
        return {
            "event_id": event_id,
            "effective": _short(effective(history)),
            "items": [shown(event_id, label) for label in history],
        }

    def effective(self, arrival: int) -> dict[str, Any] | None:
        """The label that counts of the event with this arrival number: {fraud, source, known_at}, or None."""
        return _short(effective(self._repo.histories([arrival]).get(arrival, [])))

    def quality(self, from_us: int, to_us: int, mature_us: int | None) -> dict[str, Any]:
        """How good the decisions of a time were; after `mature_us` what nobody called a fraud is honest."""
        fields = self._engine.bundle.scenario.fields
        money = next((each for each in fields if each.type is FieldType.MONEY), None)
        before_us = _NEVER_US if mature_us is None else self._engine.clock.now_us() - mature_us
        rows = self._repo.judged(from_us, to_us, money.name if money else "")
        return measure(rows, money.decimals if money else 0, before_us)

    def page(self, limit: int, before: int | None) -> dict[str, Any]:
        """A page of all labels, the one told last first."""
        rows = self._repo.page(limit + 1, before)
        items = [shown(event_id, label) for event_id, label in rows[:limit]]
        return {"items": items, "next": str(items[-1]["arrival"]) if len(rows) > limit else None}


def shown(event_id: str, label: Label) -> dict[str, Any]:
    """A label as clients read it."""
    return {
        "event_id": event_id,
        "arrival": label.arrival,
        "fraud": label.fraud,
        "source": label.source.value,
        "confidence": label.confidence,
        "known_at": show_time(label.known_at_us),
        "told_at": show_time(label.told_at_us),
        "code": label.code,
    }


def _short(label: Label | None) -> dict[str, Any] | None:
    if label is None:
        return None
    return {"fraud": label.fraud, "source": label.source.value, "known_at": show_time(label.known_at_us)}


def _repeated(history: Sequence[Label], label: Label, *, is_dated: bool) -> Label | None:
    """The label told before that this one repeats; one without a time repeats what its source said last."""
    said = [one for one in history if one.source is label.source]
    again = [one for one in said if one.known_at_us == label.known_at_us] if is_dated else said[-1:]
    return next((one for one in again if (one.fraud, one.code) == (label.fraud, label.code)), None)


def _read(items: Sequence[object], places: Sequence[str]) -> list[Read]:
    read: list[Read] = []
    for item, place in zip(items, places, strict=True):
        try:
            read.append((read_label(item, place), place))
        except LabelInvalid as error:
            read.append(error)
    return read


def _named(item: object) -> dict[str, Any]:
    """The event id of a label that was refused, where it could be one."""
    event_id = item.get("event_id") if isinstance(item, dict) else None
    is_one = type(event_id) is str and len(event_id) <= TEXT_LIMIT and is_storable(event_id)
    return {"event_id": event_id} if is_one else {}
