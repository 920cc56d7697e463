"""Reads what a scenario declares of its alerts: grouping, worth, urgency, queues."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from riskloom.domain.alert import SEVERITIES
from riskloom.domain.decision import MODEL_REASON
from riskloom.domain.field import Field, FieldType
from riskloom.errors import nearest, show
from riskloom.expression.check import Expression
from riskloom.expression.tree import Type
from riskloom.policy.route import CHANCES, SAID, AlertSpec, Grouping, Queue, Urgency
from riskloom.scenario.document import Document, Path
from riskloom.scenario.event_section import NAME_HINT, is_name
from riskloom.scenario.expressions import read_expression

_KEYS = ("group", "amount", "unknown_amount", "chances", "urgency", "queues", "longest_suppression")
_GROUP_KEYS = ("by", "within", "at_most")
_URGENCY_KEYS = ("when", "times", "describe")
_QUEUE_KEYS = (
    "name", "describe", "when", "severity", "urgency", "skill", "lease", "auto_close", "escalates_to",
)  # fmt: skip
_MOST_QUEUES, _MOST_URGENCY = 64, 64
_MOST_TIMES = 1_000.0
Types = Mapping[str, Type]


def read_alerts(
    document: Document,
    fields: Sequence[Field],
    main_entity: str,
    types: Types,
    codes: Collection[str],
    timezone: str,
) -> AlertSpec:
    """What is declared, and where nothing is, what holds anyway: one queue, grouped by the main entity.

    Parameters
    ----------
    types
        What rules may use; routing rules may use the decision and the codes of its reasons besides.
    codes
        Of every rule.
    """
    data = document.mapping(document.data, (), _KEYS)
    reasons = dict.fromkeys([*codes, MODEL_REASON], Type.BOOLEAN)
    names = {**reasons, **SAID, **types}
    return AlertSpec(
        group=_read_group(document, data, fields, main_entity),
        amount=_read_amount(document, data, fields),
        unknown_amount=_number(document, data, "unknown_amount", (), 1.0, 1e12),
        chances=_read_chances(document, data),
        urgency=_read_urgency(document, data, names, timezone),
        queues=_read_queues(document, data, names, timezone),
        longest_suppression_us=document.duration(data, "longest_suppression", (), "90d"),
    )


def _read_group(
    document: Document, data: Mapping[str, Any], fields: Sequence[Field], main_entity: str
) -> Grouping:
    spec = document.mapping(data.get("group"), ("group",), _GROUP_KEYS)
    by = _field(document, spec, "by", ("group",), [one.name for one in fields if one.type.is_text])
    within_us = document.duration(spec, "within", ("group",), "30m")
    at_most_us = document.duration(spec, "at_most", ("group",), "1d")
    if within_us <= 0 or at_most_us < within_us:
        got = f"{show(spec.get('at_most', '1d'))} with within: {show(spec.get('within', '30m'))}"
        document.fault(("group", "at_most"), "a duration not below `within`, which is above 0", got)
    return Grouping(by or main_entity, within_us, at_most_us)


def _read_amount(document: Document, data: Mapping[str, Any], fields: Sequence[Field]) -> str:
    """The money field at risk; where none is named, the first that every event has, or the first."""
    money = [field for field in fields if field.type is FieldType.MONEY]
    if data.get("amount") is not None:
        return _field(document, data, "amount", (), [field.name for field in money])
    return next((one.name for one in [*(field for field in money if field.required), *money]), "")


def _read_chances(document: Document, data: Mapping[str, Any]) -> Mapping[str, float]:
    spec = document.mapping(data.get("chances"), ("chances",), SEVERITIES)
    known = {name: given for name, given in spec.items() if name in SEVERITIES}
    return {**CHANCES, **{name: _number(document, known, name, ("chances",), 0.0, 1.0) for name in known}}


def _read_urgency(
    document: Document, data: Mapping[str, Any], types: Types, timezone: str
) -> tuple[Urgency, ...]:
    found = []
    for at, given in enumerate(_some(document, data, "urgency", _MOST_URGENCY)):
        path: Path = ("urgency", at)
        spec = document.mapping(given, path, _URGENCY_KEYS)
        when = _condition(document, spec.get("when"), (*path, "when"), types, timezone)
        times = _number(document, spec, "times", path, None, _MOST_TIMES)
        describe = document.text(spec, "describe", path, "")
        if when is not None:
            found.append(Urgency(when, times, describe))
    return tuple(found)


def _read_queues(
    document: Document, data: Mapping[str, Any], types: Types, timezone: str
) -> tuple[Queue, ...]:
    listed = _some(document, data, "queues", _MOST_QUEUES)
    if not listed:
        if data.get("queues") is not None:
            document.fault(("queues",), "one queue or more", "nothing")
        return (Queue("all"),)
    queues: list[Queue] = []
    for at, given in enumerate(listed):
        path: Path = ("queues", at)
        spec = document.mapping(given, path, _QUEUE_KEYS)
        queue = _read_queue(document, spec, path, types, timezone, is_last=at == len(listed) - 1)
        if queue.name in [one.name for one in queues]:
            document.fault((*path, "name"), "a name of its own", show(queue.name))
        queues.append(queue)
    names = [queue.name for queue in queues]
    for at, queue in enumerate(queues):
        if queue.escalates_to and queue.escalates_to not in names:
            hint = nearest(queue.escalates_to, names)
            document.fault(("queues", at, "escalates_to"), "a queue", show(queue.escalates_to), hint)
    return tuple(queues)


def _read_queue(
    document: Document, spec: dict[str, Any], path: Path, types: Types, timezone: str, *, is_last: bool
) -> Queue:
    name = document.text(spec, "name", path)
    if name and not is_name(name):
        document.fault((*path, "name"), "a name", show(name), NAME_HINT)
    when = None
    if is_last and "when" in spec:
        hint = "add a queue behind it that takes every other alert"
        document.fault((*path, "when"), "no condition for the last queue", show(spec["when"]), hint)
    elif not is_last:
        when = _condition(document, spec.get("when"), (*path, "when"), types, timezone)
    auto_close_us = document.duration(spec, "auto_close", path, "1d") if "auto_close" in spec else None
    lease_us = document.duration(spec, "lease", path, "15m")
    if lease_us <= 0 or auto_close_us == 0:
        document.fault(path, "a lease and an auto_close above 0", show(spec.get("lease", "0s")))
    return Queue(
        name,
        when,
        document.text(spec, "describe", path, ""),
        document.choice(spec, "severity", path, SEVERITIES, SEVERITIES[0]),
        _number(document, spec, "urgency", path, 1.0, _MOST_TIMES),
        document.text(spec, "skill", path, ""),
        lease_us,
        auto_close_us,
        document.text(spec, "escalates_to", path, ""),
    )


def _some(document: Document, data: Mapping[str, Any], key: str, most: int) -> list[Any]:
    listed = document.items(data.get(key), (key,))
    if len(listed) > most:
        document.fault((key,), f"at most {most}", str(len(listed)))
    return listed[:most]


def _condition(
    document: Document, given: object, path: Path, types: Types, timezone: str
) -> Expression | None:
    when = read_expression(document, given, path, types, timezone)
    if when is not None and when.type is not Type.BOOLEAN:
        document.fault(path, "a condition", f"a {when.type.value}")
        return None
    return when


def _field(document: Document, spec: Mapping[str, Any], key: str, path: Path, known: Sequence[str]) -> str:
    name = spec.get(key)
    if name is None or name in known:
        return name or ""
    what = "a money field" if key == "amount" else "a text field"
    document.fault((*path, key), what, show(name), nearest(str(name), known))
    return ""


def _number(
    document: Document, spec: Mapping[str, Any], key: str, path: Path, default: float | None, most: float
) -> float:
    value = spec.get(key, default)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not 0 <= value <= most:
        got = "nothing" if value is None else show(value)
        document.fault((*path, key), f"a number from 0 to {most:g}", got)
        return default or 0.0
    return float(value)
