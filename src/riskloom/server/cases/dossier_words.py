"""What a dossier says in words, the same on a page and on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NONE = "–"
_MOST_FIELDS = 5
_DONE = {
    "case.opened": "case opened",
    "case.joined": "alerts joined",
    "case.changed": "case changed",
    "case.marked": "events marked",
    "case.propose": "closed, awaiting a second person",
    "case.close": "closed",
    "case.confirm": "closing confirmed",
    "case.decline": "closing declined",
    "case.closed": "labels stored, case closed",
    "case.reopen": "case reopened",
    "case.label_refused": "labels refused",
    "case.noted": "note added",
    "case.note_edited": "note edited",
    "case.file_added": "file added",
    "case.linked": "linked",
    "case.unlinked": "link taken away",
    "case.task_added": "task added",
    "case.task_done": "task done",
    "case.task_undone": "task not done",
    "event": "event",
    "alert": "alert raised",
    "label": "label",
    "list": "list changed",
}
_SAID = ("disposition", "reason", "text", "name", "title", "kind")
_NAMED = ("assignee", "priority")


def clock(at: str | None) -> str:
    """A time as people read it, in UTC, to the second.

    >>> clock("2026-01-02T03:04:05.678Z")
    '2026-01-02 03:04:05'
    """
    return NONE if at is None else at[:19].replace("T", " ")


def kinds(word: str) -> str:
    """One of our words with spaces.

    >>> kinds("friendly_fraud")
    'friendly fraud'
    """
    return word.replace("_", " ")


def named(case: Mapping[str, Any]) -> str:
    """Whom a case is about."""
    return f"{case['entity']} {case['entity_key']}" if case["entity_key"] else "one alert"


def money(amount: str | None, currency: str) -> str:
    """An amount with its currency and marks.

    >>> money("12345.60", "EUR"), money(None, "EUR")
    ('EUR 12,345.60', '–')
    """
    if amount is None:
        return NONE
    whole, point, part = amount.partition(".")
    return f"{currency} {int(whole):,}{point}{part}"


def size(count: int) -> str:
    """How large a file is.

    >>> size(900), size(2_500_000)
    ('900 B', '2.4 MiB')
    """
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.1f} KiB" if count < 1 << 20 else f"{count / (1 << 20):.1f} MiB"


def event_facts(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The fields of an event that are there, but its id."""
    fields, event_id = event["event"], event["event_id"]
    return [(name, str(value)) for name, value in fields.items() if value not in (None, event_id)]


def usual_fields(events: Sequence[Mapping[str, Any]], entity: str) -> list[str]:
    """The fields that tell events of one entity apart, few enough for a table."""
    names = list(dict.fromkeys(name for one in events for name in one["event"]))
    differ = [
        name
        for name in names
        if name not in (entity, "event_id", "timestamp")
        and len({str(one["event"].get(name)) for one in events}) > 1
    ]
    steady = [name for name in ("amount", "currency") if name in names and name not in differ]
    return [*steady, *differ][:_MOST_FIELDS]


def happened(item: Mapping[str, Any]) -> tuple[str, str]:
    """(what happened, more of it) of an entry of the timeline."""
    kind, detail = item["kind"], item["detail"]
    what = _DONE.get(kind, kinds(kind.replace(".", " ")))
    if kind == "event":
        codes = ", ".join(reason["code"] for reason in detail["reasons"])
        return f"{what} {detail['event_id']}", f"{detail['outcome'] or 'not decided'}{codes and f': {codes}'}"
    if kind == "alert":
        return f"{what} ({detail['alert_id']})", ", ".join(detail["reasons"])
    if kind == "label":
        found = "fraud" if detail["fraud"] else "no fraud"
        code = f", {kinds(detail['code'])}" if detail["code"] else ""
        return f"{what} {detail['event_id']}", f"{found} by {detail['source']}{code}"
    if kind == "list":
        changes = (
            f"{'on' if one['added'] else 'off'} {one['list']}{': ' if one['reason'] else ''}{one['reason']}"
            for one in detail["changes"]
        )
        return what, "; ".join(changes)
    said = [kinds(str(detail[name])) if name in ("disposition", "kind") else str(detail[name])
            for name in _SAID if detail.get(name)]  # fmt: skip
    said += [f"{name} {detail[name] or NONE}" for name in _NAMED if name in detail]
    said += [
        f"{len(detail[name]):,} {'events' if name == 'arrivals' else name}"
        for name in ("alerts", "arrivals", "events")
        if isinstance(detail.get(name), list)
    ]
    if "case" in detail:
        said.append(f"case {detail['case']}")
    return what, ", ".join(said)
