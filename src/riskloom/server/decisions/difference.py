"""What differs between a stored event and another body sent under its id."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Row

from riskloom.domain.event import Event, EventSchema
from riskloom.domain.show import shower
from riskloom.server.decisions.record import row_values


def difference(schema: EventSchema, event: Event, row: Row[Any]) -> dict[str, dict[str, object]]:
    """The fields in which they differ, each as it was sent; null where it was not sent."""
    stored_values, stored_sent = row_values(row)
    found = {}
    for field in schema.fields:
        stored = stored_sent.get(field.name, stored_values.get(field.name))
        given = event.sent.get(field.name, event.values.get(field.name))
        if stored != given:
            was, came = stored_values.get(field.name), event.values.get(field.name)
            found[field.name] = {
                "stored": None if stored is None else shower(field)(was, stored_sent),
                "sent": None if given is None else shower(field)(came, event.sent),
            }
    return found
