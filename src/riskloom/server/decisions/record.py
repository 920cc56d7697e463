"""One event on its way to the store: its rows, ready for the driver, and who waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy.engine import Row

from riskloom.domain.decision import RANK, Decision
from riskloom.domain.event import Event
from riskloom.privacy.protect import key_of
from riskloom.scenario.scenario import Scenario

_encode = msgspec.json.Encoder().encode
decode = msgspec.json.decode


def as_text(value: object) -> str:
    """Plain data as JSON text."""
    return _encode(value).decode()


@dataclass(slots=True)
class Record:
    """The rows of one entry of the log, in the order of `riskloom.server.tables`; None where there is nothing
    to write.

    `key` is what it is in flight under: an event's id, or a label's arrival number. `effects` are names of
    `riskloom.server.statements` with a row for each: what follows from the decision.
    """

    arrival: int
    key: str | int
    event_row: tuple[Any, ...] | None
    personal_row: tuple[Any, ...] | None
    decision_row: tuple[Any, ...] | None
    trial_rows: Sequence[tuple[Any, ...]] = ()
    label_row: tuple[Any, ...] | None = None
    change_row: tuple[Any, ...] | None = None
    effects: Sequence[tuple[str, tuple[Any, ...]]] = ()
    committed: asyncio.Future[None] | None = field(default=None, repr=False)


EMPTY_LIST = "[]"


class EventRows:
    """Makes the rows of a scenario's events, in the order of `riskloom.server.tables`.

    Parameters
    ----------
    scenario
        Whose events.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario.name
        self._features = scenario.fingerprint("features")
        self._personal = tuple(field.name for field in scenario.fields if field.pii)
        self._main = scenario.main_entity
        self._is_main_personal = self._main in self._personal

    def entity_key(self, event: Event) -> str | None:
        """The stored key of the event's main entity."""
        main = event.values[self._main] if self._main else None
        if main is None:
            return None
        return key_of(self._main, str(main)) if self._is_main_personal else str(main)

    def of(
        self, event: Event, arrival: int, vector: bytes, degraded: tuple[str, ...], digest: bytes
    ) -> tuple[tuple[Any, ...], tuple[Any, ...] | None]:
        """(event row, personal row) of an event; the personal row is the only place of raw personal
        values."""
        values = stored = event.values
        personal = {}
        for name in self._personal:
            value = values[name]
            if value is not None:
                personal[name] = value
                if isinstance(value, str) and (key := key_of(name, value)) != value:
                    stored = {**stored, name: key}
        row = (
            arrival,
            self._scenario,
            event.id,
            self.entity_key(event),
            event.time_us,
            event.arrived_us,
            digest,
            _encode(stored).decode(),
            _encode(event.sent).decode(),
            vector,
            self._features,
            _encode(degraded).decode() if degraded else EMPTY_LIST,
        )
        return row, (arrival, _encode(personal).decode()) if personal else None


def decision_row(
    decision: Decision, scenario: str, decided_at_us: int, lineup: int | None = None
) -> tuple[Any, ...]:
    """The row of a decision."""
    reasons, degraded = decision.reasons, decision.degraded
    return (
        decision.arrival,
        scenario,
        decided_at_us,
        RANK[decision.outcome],
        decision.anomaly_score,
        decision.risk_score,
        decision.probability,
        _encode(reasons).decode() if reasons else EMPTY_LIST,
        decision.bundle,
        _encode(degraded).decode() if degraded else EMPTY_LIST,
        _encode(decision.contributions).decode() if decision.contributions else None,
        lineup,
    )


def trial_row(decision: Decision, scenario: str) -> tuple[Any, ...]:
    """The row of what a version said that did not decide."""
    return (
        decision.arrival,
        decision.bundle,
        scenario,
        RANK[decision.outcome],
        decision.anomaly_score,
        decision.risk_score,
        decision.probability,
        _encode(decision.reasons).decode() if decision.reasons else EMPTY_LIST,
    )


def row_values(row: Row[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(values with raw personal fields, what was sent) of a stored event."""
    personal = decode(row.personal) if row.personal else {}
    return {**decode(row.fields), **personal}, decode(row.sent)
