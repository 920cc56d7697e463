"""One event on its way to the store: its rows, ready for the driver, and who waits for them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy.engine import Row

from riskloom.domain.decision import Decision
from riskloom.domain.event import Event, EventSchema
from riskloom.privacy.protect import key_of, keyed

encode = msgspec.json.encode
decode = msgspec.json.decode


def as_text(value: object) -> str:
    """Plain data as JSON text."""
    return encode(value).decode()


@dataclass(slots=True)
class Record:
    """The rows of one event, in the order of `riskloom.server.tables`; None where there is nothing to
    write."""

    arrival: int
    event_id: str
    event_row: tuple[Any, ...] | None
    personal_row: tuple[Any, ...] | None
    decision_row: tuple[Any, ...] | None
    committed: asyncio.Future[None] | None = field(default=None, repr=False)


def event_rows(
    event: Event,
    schema: EventSchema,
    *,
    arrival: int,
    scenario: str,
    main_entity: str,
    vector: bytes,
    features: str,
    degraded: tuple[str, ...],
    digest: bytes,
) -> tuple[tuple[Any, ...], tuple[Any, ...] | None]:
    """(event row, personal row) of an event; the personal row is the only place of raw personal values."""
    personal = {name: event.values[name] for name in schema.pii if event.values.get(name) is not None}
    main = event.values.get(main_entity) if main_entity else None
    entity_key = (
        None if main is None else key_of(main_entity, str(main)) if main_entity in schema.pii else str(main)
    )
    row = (
        arrival,
        scenario,
        event.id,
        entity_key,
        event.time_us,
        event.arrived_us,
        digest,
        as_text(keyed(event.values, schema.pii)),
        as_text(event.sent),
        vector,
        features,
        as_text(degraded),
    )
    return row, (arrival, as_text(personal)) if personal else None


def decision_row(decision: Decision, scenario: str, decided_at_us: int) -> tuple[Any, ...]:
    """The row of a decision."""
    reasons = [
        {
            "code": reason.code,
            "severity": reason.severity,
            "values": reason.values,
            "evidence": reason.evidence,
        }
        for reason in decision.reasons
    ]
    return (
        decision.arrival,
        scenario,
        decided_at_us,
        decision.outcome.rank,
        decision.anomaly_score,
        decision.risk_score,
        as_text(reasons),
        decision.bundle,
        as_text(decision.degraded),
    )


def row_values(row: Row[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(values with raw personal fields, what was sent) of a stored event."""
    personal = decode(row.personal) if row.personal else {}
    return {**decode(row.fields), **personal}, decode(row.sent)
