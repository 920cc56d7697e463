"""`EventColumns`: many checked events as one column a field, which is also a sequence of them one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from riskloom.domain.event import Event, Value
from riskloom.domain.field import NULL, Field, FieldType

Column = npt.NDArray[Any]
"""What is held of a field: texts and None (object), or int64 with NULL."""
Ints = npt.NDArray[np.int64]
Labelled = tuple[Event, float]
"""An event and its label: 1 for fraud, 0 for honest, NaN where it is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class EventColumns(Sequence[Labelled]):
    """Events with their labels, in order.

    `values` holds a column for each of `fields`. What was sent beside what is held (`Event.sent`) is not
    kept: nothing that decides reads it.
    """

    fields: tuple[Field, ...]
    ids: Column
    time_us: Ints
    arrived_us: Ints
    labels: npt.NDArray[np.float64]
    values: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, at: int) -> Labelled: ...
    @overload
    def __getitem__(self, at: slice) -> EventColumns: ...
    def __getitem__(self, at: int | slice) -> Labelled | EventColumns:
        """One labelled event, or some as columns (views)."""
        if isinstance(at, slice):
            return self._picked(at)
        return self.event(at), float(self.labels[at])

    def take(self, rows: npt.NDArray[Any]) -> EventColumns:
        """The events at some places, or where a mask is true."""
        return self._picked(rows)

    def _picked(self, rows: Any) -> EventColumns:
        return EventColumns(
            self.fields,
            self.ids[rows],
            self.time_us[rows],
            self.arrived_us[rows],
            self.labels[rows],
            {name: column[rows] for name, column in self.values.items()},
        )

    def event(self, at: int) -> Event:
        """One event."""
        values = {field.name: _value(self.values[field.name][at], field) for field in self.fields}
        return Event(str(self.ids[at]), int(self.time_us[at]), int(self.arrived_us[at]), values, {})

    def listed(self, name: str) -> list[Value]:
        """The values of a field one by one, as events hold them."""
        field = next(field for field in self.fields if field.name == name)
        column: list[Value] = self.values[name].tolist()
        return column if field.type.is_text else [_value(value, field) for value in column]

    @classmethod
    def of(cls, listed: Sequence[Labelled], fields: Sequence[Field]) -> EventColumns:
        """The columns of events that are held one by one."""
        if isinstance(listed, EventColumns):
            return listed
        count = len(listed)
        events = [event for event, _ in listed]
        return cls(
            tuple(fields),
            texts([event.id for event in events]),
            np.fromiter((event.time_us for event in events), np.int64, count),
            np.fromiter((event.arrived_us for event in events), np.int64, count),
            np.fromiter((label for _, label in listed), np.float64, count),
            {field.name: held([event.values[field.name] for event in events], field) for field in fields},
        )

    @classmethod
    def join(cls, parts: Sequence[EventColumns]) -> EventColumns:
        """Several one after the other; at least one."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            parts[0].fields,
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.time_us for part in parts]),
            np.concatenate([part.arrived_us for part in parts]),
            np.concatenate([part.labels for part in parts]),
            {name: np.concatenate([part.values[name] for part in parts]) for name in parts[0].values},
        )


def held(values: Sequence[Value], field: Field) -> Column:
    """The column of what is held one by one."""
    if field.type.is_text:
        return texts(values)
    return np.array([NULL if value is None else value for value in values], np.int64)


def texts(values: Sequence[Value]) -> Column:
    """A column of texts and None."""
    column = np.empty(len(values), object)
    column[:] = values
    return column


def _value(value: Any, field: Field) -> Value:
    if field.type.is_text:
        return None if value is None else str(value)
    if value == NULL:
        return None
    return bool(value) if field.type is FieldType.BOOLEAN else int(value)
