"""An entity's events around one decision, made ready for charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import Any

from riskloom.client import Client, DecisionDetail, EventItem
from riskloom.dashboard import words
from riskloom.dashboard.roles import Roles, kilometres

SPANS: Mapping[str, str] = {"1h": "1 hour", "24h": "24 hours", "7d": "7 days", "all": "All"}
FAR_KM = 300.0
_LIMIT = 200
_ENOUGH = 8
_SECONDS = {"1h": 3600, "24h": 86400, "7d": 604800}


@dataclass(frozen=True, slots=True)
class Jump:
    """The way from the entity's last place to this event's."""

    start: tuple[float, float]
    end: tuple[float, float]
    km: float
    seconds: float


def around(client: Client, decision: DecisionDetail, roles: Roles) -> list[EventItem]:
    """The newest events of the decision's entity, oldest first; those up to it when it is an older one."""
    who = roles.who(decision["event"])
    if not who:
        return []
    page = client.events(entity=who, limit=_LIMIT)
    found = page["items"]
    if page["next"] and found and found[-1]["arrival"] > decision["arrival"] - _ENOUGH:
        found = client.events(entity=who, until=_just_after(decision["event_time"]), limit=_LIMIT)["items"]
    return sorted(found, key=lambda item: (item["event_time"], item["arrival"]))


def _just_after(text: str) -> str:
    """`until` leaves out the moment itself, and this decision's own event belongs to the page."""
    return (words.read_time(text) + timedelta(milliseconds=1)).isoformat().replace("+00:00", "Z")


def rows(events: Sequence[EventItem], decision: DecisionDetail, roles: Roles) -> list[dict[str, Any]]:
    """Events as rows for charts: time, amount, place, km from the usual place, outcome, sentence.

    The decision's own comes last, so that it is drawn over the others.
    """
    places = [roles.place(item["event"]) for item in events]
    before = [
        place for item, place in zip(events, places, strict=True)
        if place and item["arrival"] < decision["arrival"]
    ]  # fmt: skip
    known = before or [place for place in places if place]
    usual = (median(place[0] for place in known), median(place[1] for place in known)) if known else None
    made = [
        {
            "event_id": item["event_id"],
            "arrival": item["arrival"],
            "time": _plain_time(item["event_time"]),
            "amount": None if item["amount_base"] is None else float(item["amount_base"]),
            "lat": place[0] if place else None,
            "lon": place[1] if place else None,
            "km": kilometres(usual, place) if usual and place else None,
            "outcome": words.outcome_word(item["outcome"]),
            "this": item["event_id"] == decision["event_id"],
            "what": _sentence(item, roles),
        }
        for item, place in zip(events, places, strict=True)
    ]
    return sorted(made, key=lambda row: bool(row["this"]))


def _sentence(item: EventItem, roles: Roles) -> str:
    return f"{words.moment(item['event_time'], roles.timezone)} · {roles.amount_text(item['event'])}"


def _plain_time(text: str) -> str:
    return words.read_time(text).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def fitting_span(given: Sequence[Mapping[str, Any]], decision: DecisionDetail) -> str:
    """The shortest span before the decision that shows enough of what is usual."""
    for name in ("1h", "24h", "7d"):
        start, end = span_of(name, given, decision)
        before = sum(start <= row["time"] <= end and row["arrival"] < decision["arrival"] for row in given)
        if before >= _ENOUGH:
            return name
    return "all"


def span_of(name: str, given: Sequence[Mapping[str, Any]], decision: DecisionDetail) -> tuple[str, str]:
    """(from, to) of a span that ends a little after the decision, or of all events."""
    if name == "all":
        times = [row["time"] for row in given]
        return min(times), max(times)
    seconds = _SECONDS[name]
    end = words.read_time(decision["event_time"]) + timedelta(seconds=seconds / 12)
    start = end - timedelta(seconds=seconds * 13 / 12)
    return _plain_time(start.isoformat()), _plain_time(end.isoformat())


def last_jump(given: Sequence[Mapping[str, Any]], decision: DecisionDetail) -> Jump | None:
    """From the last place that was known when the decision fell, to its own."""
    this = next((row for row in given if row["this"] and row["lat"] is not None), None)
    before = [row for row in given if row["arrival"] < decision["arrival"] and row["lat"] is not None]
    before = [row for row in before if this and row["time"] <= this["time"]]
    if this is None or not before:
        return None
    last = max(before, key=lambda row: (row["time"], row["arrival"]))
    start, end = (last["lat"], last["lon"]), (this["lat"], this["lon"])
    seconds = (words.read_time(this["time"]) - words.read_time(last["time"])).total_seconds()
    return Jump(start, end, kilometres(start, end), seconds)


def spread_km(given: Sequence[Mapping[str, Any]]) -> float:
    """How far the shown events reach from the usual place."""
    return max((row["km"] for row in given if row["km"] is not None), default=0.0)
