"""The form of an event, made of a scenario's fields: what it asks, what stands in it, what event it gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from riskloom.dashboard import words

_MOST_CHOICES = 200
_NUMBERS = ("integer", "number", "latitude", "longitude")


@dataclass(frozen=True, slots=True)
class Question:
    """One field of the form; `choices` are what it may hold, or did lately, and `is_open` allows others."""

    name: str
    type: str
    label: str
    help: str
    required: bool
    choices: tuple[str, ...] = ()
    is_open: bool = True


def questions(fields: Iterable[Mapping[str, Any]], recent: Sequence[Mapping[str, Any]]) -> list[Question]:
    """What the form asks, in the scenario's order; `recent` are events as they were sent."""
    return [_question(field, recent) for field in fields]


def _question(field: Mapping[str, Any], recent: Sequence[Mapping[str, Any]]) -> Question:
    name, kind = str(field["name"]), str(field["type"])
    required = bool(field.get("required", True))
    declared = tuple(str(value) for value in field.get("values") or ())
    label = words.field_label(name) + ("" if required else " (optional)")
    notes = [name, kind, *(["personal"] if field.get("pii") else [])]
    choices = declared
    if kind == "boolean":
        choices = ("true", "false")
    elif kind == "category" and not declared:
        choices = tuple(sorted({str(event[name]) for event in recent if event.get(name)}))[:_MOST_CHOICES]
    return Question(
        name, kind, label, ", ".join(notes), required, choices, not declared and kind != "boolean"
    )


def filled(asked: Iterable[Question], event: Mapping[str, Any], own: Mapping[str, str]) -> dict[str, str]:
    """What stands in the form: an event's values, and its own id and time."""
    return {one.name: own.get(one.name) or _text(event.get(one.name)) for one in asked}


def own_values(scenario: Mapping[str, Any], event_id: str, now: datetime) -> dict[str, str]:
    """The id and the time of a new event, by the names of their fields."""
    moment = now.isoformat(timespec="seconds").replace("+00:00", "Z")
    named = {str(scenario.get("id_field") or ""): event_id, str(scenario.get("time_field") or ""): moment}
    return {name: value for name, value in named.items() if name}


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def event_of(asked: Iterable[Question], answers: Mapping[str, str | None]) -> dict[str, Any]:
    """The event that the form's answers make; what is empty is left out.

    A text that is no number is sent as it is: the server says what is wrong with it.
    """
    given = {one: (answers.get(one.name) or "").strip() for one in asked}
    return {one.name: _value(one.type, text) for one, text in given.items() if text}


def _value(kind: str, text: str) -> Any:
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if kind not in _NUMBERS:
        return text
    try:
        return int(text)
    except ValueError:
        pass
    try:
        value = float(text)
    except ValueError:
        return text
    return value if value - value == 0.0 else text


def changes(before: Mapping[str, Any], after: Mapping[str, Any], skipped: Iterable[str]) -> str:
    """In words, what differs between two events."""
    names = [name for name in {**before, **after} if name not in set(skipped)]
    told = [
        f"{words.field_label(name)} {_shown(before, name)} → {_shown(after, name)}"
        for name in names
        if before.get(name) != after.get(name)
    ]
    return "; ".join(told)


def _shown(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    return words.MISSING if value is None else str(value)
