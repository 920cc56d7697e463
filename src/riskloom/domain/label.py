"""What somebody says an event turned out to be, and which of several such labels counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from riskloom.domain.field import Field, FieldType
from riskloom.domain.read import FieldFault, reader
from riskloom.errors import Fault, LabelInvalid, nearest, show

NAMES_SHOWN = 20
_MILLIONTHS = 6


class LabelSource(StrEnum):
    """Who says so, the one that counts most first."""

    CHARGEBACK = "chargeback"
    ANALYST = "analyst"
    CUSTOMER = "customer"
    RULE = "rule"


_WEIGHT = {source: -rank for rank, source in enumerate(LabelSource)}


@dataclass(frozen=True, slots=True)
class Label:
    """One label of an event.

    `known_at_us` is when its source knew it, `told_at_us` when we were told, `arrival` its place in the log.
    """

    fraud: bool
    source: LabelSource
    known_at_us: int
    confidence: float = 1.0
    code: str | None = None
    arrival: int = 0
    told_at_us: int = 0


def effective(labels: Sequence[Label]) -> Label | None:
    """The label that counts, of labels as they were told: of the source that counts most, the one known last,
    then told last.

    >>> chargeback = Label(True, LabelSource.CHARGEBACK, known_at_us=5)
    >>> effective([chargeback, Label(False, LabelSource.CUSTOMER, known_at_us=9)]) is chargeback
    True
    """
    return max(reversed(labels), key=_rank, default=None)


def _rank(label: Label) -> tuple[int, int]:
    return _WEIGHT[label.source], label.known_at_us


FIELDS = (
    Field("event_id", FieldType.STRING),
    Field("fraud", FieldType.BOOLEAN),
    Field("source", FieldType.CATEGORY, values=tuple(LabelSource)),
    Field("known_at", FieldType.TIME, required=False),
    Field("confidence", FieldType.NUMBER, decimals=_MILLIONTHS, required=False),
    Field("code", FieldType.STRING, required=False),
)
_NAMES = tuple(field.name for field in FIELDS)
_READERS: tuple[tuple[Field, Callable[[object], Any]], ...] = tuple(
    (field, reader(field)) for field in FIELDS
)


def read_label(data: object, where: str = "") -> dict[str, Any]:
    """The checked values of a decoded label by the names of `FIELDS`, None where missing; confidence 0 to 1.

    Raises
    ------
    LabelInvalid
        With every fault of the label.
    """
    if not isinstance(data, Mapping):
        raise LabelInvalid(Fault(where or "body", "an object with a label's fields", show(data)))
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    for field, read in _READERS:
        raw, path = data.get(field.name), path_of(where, field.name)
        values[field.name] = None
        try:
            if raw is not None:
                values[field.name] = read(raw)
            elif field.required:
                expected = f"one of {', '.join(field.values)}" if field.values else f"a {field.type}"
                faults.append(Fault(path, expected, "nothing"))
        except FieldFault as fault:
            faults.append(Fault(path, fault.expected, fault.got or show(raw), fault.hint))
    if (millionths := values["confidence"]) is None:
        values["confidence"] = 1.0
    elif millionths > 10**_MILLIONTHS:
        faults.append(Fault(path_of(where, "confidence"), "a number from 0 to 1", show(data["confidence"])))
    else:
        values["confidence"] = millionths / 10**_MILLIONTHS
    stray = [str(name) for name in data if name not in _NAMES][:NAMES_SHOWN]
    faults += [
        Fault(path_of(where, show(name)), "a label's field", "an unknown name", nearest(name, _NAMES))
        for name in stray
    ]
    if faults:
        raise LabelInvalid(faults)
    return values


def path_of(where: str, name: str) -> str:
    """Where a field of a label is, for messages."""
    return f"{where}.{name}" if where else name
