"""What can be done with events and decisions; the routes and the hot route are thin over this."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.domain.decision import LADDER
from riskloom.domain.event import Event, decode_json
from riskloom.domain.show import show_time
from riskloom.errors import DataInvalid, Fault, NotFound, ParameterInvalid, RiskloomError, show
from riskloom.privacy.protect import key_of
from riskloom.server.decisions.count_repo import CountRepo
from riskloom.server.decisions.list_repo import Filter, ListRepo, Page
from riskloom.server.decisions.record import decode
from riskloom.server.decisions.repo import DecisionRepo
from riskloom.server.decisions.view import Views
from riskloom.server.engine import DecisionEngine, Taken
from riskloom.server.problem import problem

BATCH_LIMIT = 10_000
EXPLAINED = 12
"""Features named in an explanation."""
WAVE = 500
MINUTE_US = 60_000_000

Begun = tuple[Event | None, Taken | None, asyncio.Future[None] | None, RiskloomError | None]
"""An event of a batch on its way: what was read, what was taken, what to await, what was wrong."""


class DecisionService:
    """Scores, ingests and lists."""

    def __init__(
        self, engine: DecisionEngine, repo: DecisionRepo, lists: ListRepo, counts: CountRepo, views: Views
    ) -> None:
        self._engine = engine
        self._repo = repo
        self._lists = lists
        self._counts = counts
        self._views = views

    async def score(
        self,
        body: bytes,
        *,
        idempotency_key: str = "",
        started: str = "",
        dry_run: bool = False,
        include_explanations: bool = False,
    ) -> dict[str, Any]:
        """Decide one event as JSON; see `DecisionEngine.take`. `dry_run` only looks."""
        engine = self._engine
        if dry_run:
            event = engine.read(body, idempotency_key=idempotency_key)
            decision = engine.look(event)
            view = self._views.fresh(event, decision, engine.clock.now_us(), stored=False)
            return self._explained(view, decision.vector) if include_explanations else view
        view = await self.end(self.begin(body, idempotency_key, started))
        return self.explained(view) if include_explanations else view

    async def score_data(self, data: object, *, idempotency_key: str = "") -> dict[str, Any]:
        """Decide one decoded event."""
        event = self._engine.parse(data, idempotency_key=idempotency_key)
        return self.answer(await self._engine.take(event))

    def explained(self, view: dict[str, Any]) -> dict[str, Any]:
        """A stored decision with its explanations."""
        row = self._repo.get(arrival=view["arrival"])
        if row is None:
            raise NotFound(f"No event with arrival number {view['arrival']} is stored.")
        return self._explained(view, np.frombuffer(row.vector, np.float64))

    def _explained(self, view: dict[str, Any], vector: npt.NDArray[np.float64]) -> dict[str, Any]:
        """What each feature added to the score, largest first: exact where the model admits such parts.

        A decision of another bundle than the one at work keeps the parts that were frozen with it.
        """
        model, found = self._engine.bundle.model, None
        if model is not None and view["bundle"] == self._engine.bundle.fingerprint:
            found = model.contributions_one(vector)
        if model is None or found is None:
            told = [{"feature": name, "contribution": part} for name, part in view["contributions"].items()]
            return {**view, "explanations": told}
        describe = {feature.name: feature.describe for feature in self._views.scenario.features}
        told = [
            {
                "feature": model.features[at],
                "describe": describe.get(model.features[at], ""),
                "value": _plain(vector[model.positions[at]]),
                "contribution": float(found.parts[at]),
            }
            for at in np.argsort(-np.abs(found.parts), kind="stable")[:EXPLAINED]
            if found.parts[at] != 0
        ]
        return {**view, "explanations": told, "explanation_base": found.base, "explanation_of": found.of}

    def begin(self, body: bytes, idempotency_key: str = "", started: str = "") -> Begun:
        """The synchronous half of `score`: read the event and put it on its way.

        Parameters
        ----------
        started
            When the request began, as the header X-Request-Start says it; for the policy's deadline.
        """
        event = self._engine.read(body, idempotency_key=idempotency_key)
        taken, waiting = self._engine.put(event, hurried=bool(started) and self._is_too_old(started))
        return event, taken, waiting, None

    def _is_too_old(self, started: str) -> bool:
        """Whether a request has waited longer than the policy's deadline."""
        deadline_ms = self._engine.bundle.scenario.policy.deadline_ms
        if deadline_ms is None:
            return False
        return self._engine.clock.now_us() - read_start(started) > deadline_ms * 1_000

    async def end(self, begun: Begun) -> dict[str, Any]:
        """The other half: the decision, once it is durable."""
        event, taken, waiting, _ = begun
        if waiting is not None:
            await waiting
        if taken is None and event is not None:
            taken = await self._engine.take(event)
        if taken is None:
            raise NotFound("The event was not taken.")
        return self.answer(taken)

    async def ingest(self, body: bytes, *, idempotency_key: str = "") -> dict[str, Any]:
        """Take one event as JSON in without deciding it; it can be scored later by its id."""
        event = self._engine.read(body, idempotency_key=idempotency_key)
        taken = await self._engine.take(event, score=False)
        return {"event_id": event.id, "arrival": taken.arrival}

    async def score_stored(self, event_id: str) -> dict[str, Any]:
        """Decide an event that was ingested before; the stored decision where there is one."""
        return self.answer(await self._engine.score_stored(event_id))

    def answer(self, taken: Taken) -> dict[str, Any]:
        """The decision of a taken event, just made or stored."""
        if taken.decision is not None and taken.event is not None:
            return self._views.fresh(taken.event, taken.decision, taken.decided_at_us, taken.lineup)
        return self._one(arrival=taken.arrival)

    async def take_many(
        self, items: Sequence[object], places: Sequence[str], *, score: bool, idempotency_key: str = ""
    ) -> AsyncIterator[dict[str, Any]]:
        """Decide (or ingest) decoded events in order; a faulty one gives {"error": problem} and stops no
        other.

        Parameters
        ----------
        items
            Decoded events; an error stands for one that could not be decoded.
        places
            Where each came from, such as `events[3]`, for messages.
        """
        for start in range(0, len(items), WAVE):
            end = start + WAVE
            wave = [
                self._begin(item, place, score, f"{idempotency_key} {place}" if idempotency_key else "")
                for item, place in zip(items[start:end], places[start:end], strict=True)
            ]
            for begun in wave:
                yield await self._end(begun, score)
            await asyncio.sleep(0)

    def _begin(self, item: object, place: str, score: bool, key: str) -> Begun:
        event = None
        try:
            if isinstance(item, RiskloomError):
                raise item
            event = self._engine.parse(item, idempotency_key=key, where=place)
            taken, waiting = self._engine.put(event, score=score)
        except RiskloomError as error:
            return event, None, None, error
        return event, taken, waiting, None

    async def _end(self, begun: Begun, score: bool) -> dict[str, Any]:
        event, taken, waiting, error = begun
        try:
            if error is not None:
                raise error
            if waiting is not None:
                await waiting
            if taken is None and event is not None:
                taken = await self._engine.take(event, score=score)
            if taken is None or event is None:
                raise NotFound("The event was not taken.")
            return self.answer(taken) if score else {"event_id": event.id, "arrival": taken.arrival}
        except RiskloomError as failed:
            known = {"event_id": event.id} if event is not None else {}
            return {**known, "error": problem(failed)}

    # ---------------------------------------------------------------- reading

    def get(self, event_id: str) -> dict[str, Any]:
        """One decision with its vector, against what is usual, and its evidence events.

        Raises
        ------
        NotFound
        """
        row = self._repo.get(event_id=event_id)
        if row is None:
            raise NotFound(f"No event {event_id!r} is stored.")
        view = self._views.stored([row])[0]
        arrivals = sorted({int(a) for reason in _reasons(row) for a in reason["evidence"]})
        view["evidence_events"] = self._views.events(self._lists.by_arrivals(arrivals))
        view["features"] = self._features(row)
        view["trials"] = self._views.trials(row)
        return view

    def list_decisions(self, narrowed: Filter, page: Page) -> dict[str, Any]:
        """A page of decisions."""
        rows = self._lists.list_events(narrowed, Page(page.limit + 1, page.before, page.risk))
        shown = rows[: page.limit]
        return {"items": self._views.stored(shown), "next": _next(rows, page, narrowed.by_risk)}

    def list_events(self, narrowed: Filter, page: Page) -> dict[str, Any]:
        """A page of events."""
        rows = self._lists.list_events(narrowed, Page(page.limit + 1, page.before, page.risk))
        return {"items": self._views.events(rows[: page.limit]), "next": _next(rows, page, narrowed.by_risk)}

    def rows(self, narrowed: Filter, page: Page) -> list[Any]:
        """Rows as stored; for the first system's flat answers."""
        return self._lists.list_events(narrowed, page)

    def entity_key(self, value: str) -> str:
        """The stored key of a value of the scenario's main entity."""
        scenario = self._views.scenario
        name = scenario.main_entity
        field = next((field for field in scenario.fields if field.name == name), None)
        return key_of(name, value) if field is not None and field.pii else value

    def stats(self) -> dict[str, Any]:
        """Live counts."""
        now_us = self._engine.clock.now_us()
        hour_us = now_us - 60 * MINUTE_US
        minutes = self._counts.by_minute((now_us // MINUTE_US - 59) * MINUTE_US)
        by_minute: dict[int, list[int]] = {
            minute: [0, 0, 0] for minute in range(now_us // MINUTE_US - 59, now_us // MINUTE_US + 1)
        }
        for minute, rank, count in minutes:
            by_minute.setdefault(minute, [0, 0, 0])[rank] += count
        codes: dict[str, int] = {}
        for reasons in self._counts.flagged_reasons(now_us - 24 * 60 * MINUTE_US, 5_000):
            for code in {reason["code"] for reason in decode_reasons(reasons)}:
                codes[code] = codes.get(code, 0) + 1
        outcomes = self._counts.count_outcomes()
        recent = sum(count for minute, _, count in minutes if minute >= now_us // MINUTE_US - 1)
        return {
            "total_events": self._counts.count_events(),
            "total_decisions": sum(outcomes.values()),
            "outcomes": _by_name(outcomes),
            "last_hour": _by_name(self._counts.count_outcomes(hour_us)),
            "per_minute": [
                {"minute": show_time(minute * MINUTE_US), "approved": c[0], "flagged": c[1], "rejected": c[2]}
                for minute, c in sorted(by_minute.items())
            ],
            "top_reasons": [
                {"code": code, "count": count}
                for code, count in sorted(codes.items(), key=lambda item: (-item[1], item[0]))[:10]
            ],
            "newest_arrival": self._engine.arrival,
            "parity": self._engine.parity.as_data(),
            "rates": {"events_per_second": recent / (60 + (now_us % MINUTE_US) / 1e6)},
        }

    def _one(self, *, arrival: int) -> dict[str, Any]:
        row = self._repo.get(arrival=arrival)
        if row is None:
            raise NotFound(f"No event with arrival number {arrival} is stored.")
        return self._views.stored([row])[0]

    def _features(self, row: Any) -> list[dict[str, Any]]:
        """An event's vector by the names of the bundle that decided it."""
        features = (
            self._views.scenario.features if row.bundle is None else self._views.features_of(row.bundle)
        )
        values = memoryview(row.vector).cast("d").tolist()
        model = self._engine.bundle.model
        usual: dict[str, Any] = {}
        if model is not None:
            for name, row in zip(model.features, model.usual.tolist(), strict=True):
                usual[name] = None if row[3] != row[3] else {"low": row[1], "middle": row[3], "high": row[5]}
        if len(values) != len(features):
            return []  # frozen under another features part
        return [
            {
                "name": feature.name,
                "describe": feature.describe,
                "value": None if value != value else value,
                "usual": usual.get(feature.name),
            }
            for feature, value in zip(features, values, strict=True)
        ]


def read_start(text: str) -> int:
    """The time that a header X-Request-Start tells, in microseconds since 1970: seconds, milliseconds or
    microseconds by their size, with or without `t=` in front.

    Raises
    ------
    ParameterInvalid

    >>> {read_start(text) for text in ("t=1700000000.25", "1700000000250", "t=1700000000250000")}
    {1700000000250000}
    """
    try:
        number = float(text.strip().removeprefix("t="))
    except ValueError:
        number = -1.0
    if not 0 < number < 1e17:
        raise ParameterInvalid(Fault("x-request-start", "a time in seconds, ms or µs since 1970", show(text)))
    return round(number * (1_000_000 if number < 1e11 else 1_000 if number < 1e14 else 1))


def read_batch(body: bytes) -> list[object]:
    """The decoded events of a batch body: {"events": [...]} or a bare list.

    Raises
    ------
    EventInvalid, DataInvalid
    """
    data = decode_json(body)
    listed = data.get("events") if isinstance(data, dict) else data
    if not isinstance(listed, list):
        raise DataInvalid(Fault("events", "a list of events", type(listed).__name__))
    if len(listed) > BATCH_LIMIT:
        hint = "send NDJSON (Content-Type: application/x-ndjson) for more"
        raise DataInvalid(Fault("events", f"at most {BATCH_LIMIT} events", str(len(listed)), hint))
    return listed


def decode_reasons(text: str) -> list[dict[str, Any]]:
    """Reasons as stored."""
    listed: list[dict[str, Any]] = decode(text)
    return listed


def _plain(value: float) -> float | None:
    return None if value != value else float(value)


def _reasons(row: Any) -> list[dict[str, Any]]:
    return decode_reasons(row.reasons) if row.reasons else []


def _by_name(counts: Any) -> dict[str, int]:
    return {outcome.value: counts.get(outcome.rank, 0) for outcome in LADDER}


def _next(rows: Sequence[Any], page: Page, by_risk: bool) -> str | None:
    if len(rows) <= page.limit:
        return None
    last = rows[page.limit - 1]
    if not by_risk:
        return str(last.arrival)
    return f"{last.arrival}:" if last.risk_score is None else f"{last.arrival}:{last.risk_score!r}"
