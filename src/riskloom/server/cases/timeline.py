"""A case's timeline as clients read it: events, decisions, alerts, labels, list changes, and all that people
did."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Row

from riskloom.domain.show import show_time
from riskloom.errors import Fault, ParameterInvalid, show
from riskloom.server.cases.paper_repo import PaperRepo
from riskloom.server.cases.timeline_repo import (
    ACTIVITY,
    ALERT,
    EVENT,
    LABEL,
    LIST,
    About,
    Moment,
    TimelineRepo,
)
from riskloom.server.cases.view import shown_alert
from riskloom.server.decisions.list_repo import ListRepo
from riskloom.server.decisions.record import decode
from riskloom.server.decisions.view import Views
from riskloom.server.labels.repo import label_of
from riskloom.server.labels.service import shown as shown_label

_NAMES = {ALERT: "alert", EVENT: "event", LABEL: "label", LIST: "list"}
_CURSOR = re.compile(r"([0-9]{1,18}):([0-4]):([0-9]{1,18})")


class Timeline:
    """Timelines of one scenario's cases."""

    def __init__(self, repo: TimelineRepo, papers: PaperRepo, events: ListRepo, views: Views) -> None:
        self._repo = repo
        self._papers = papers
        self._events = events
        self._views = views

    def page(self, case: Row[Any], limit: int, before: Moment | None = None) -> dict[str, Any]:
        """What happened in a case, last first, and the cursor of what happened before."""
        scenario = self._views.scenario
        lists = tuple(spec.name for spec in scenario.lists if case.entity in spec.of)
        about = About(int(case.id), case.entity_key, lists)
        found = self._repo.page(about, limit + 1, before)
        items = self._items(case, found[:limit])
        last = found[limit - 1][0] if len(found) > limit else None
        return {"items": items, "next": None if last is None else ":".join(map(str, last))}

    def _items(self, case: Row[Any], found: Sequence[tuple[Moment, Row[Any]]]) -> list[dict[str, Any]]:
        arrivals = sorted(moment.number for moment, _ in found if moment.rank == EVENT)
        decided = {view["arrival"]: view for view in self._views.stored(self._events.by_arrivals(arrivals))}
        texts = self._note_texts(case, found)
        items = []
        for moment, row in found:
            kind, actor, detail = _NAMES.get(moment.rank, ""), None, {}
            if moment.rank == ALERT:
                detail = shown_alert(row, self._views.scenario.base_currency)
            elif moment.rank == EVENT:
                detail = _short(decided[moment.number])
            elif moment.rank == LABEL:
                detail = shown_label(row.event_id, label_of(row))
            elif moment.rank == LIST:
                actor, detail = row.author, _listed(row, case.entity_key)
            else:
                kind, actor, detail = row.kind, row.actor, _done(row, texts)
            items.append({"at": show_time(moment.at_us), "kind": kind, "actor": actor, "detail": detail})
        return items

    def _note_texts(
        self, case: Row[Any], found: Sequence[tuple[Moment, Row[Any]]]
    ) -> dict[tuple[int, int], str]:
        if not any(m.rank == ACTIVITY and row.kind.startswith("case.note") for m, row in found):
            return {}
        return {(int(row.note), int(row.version)): row.text for row in self._papers.notes(int(case.id))}


def _done(row: Row[Any], texts: Mapping[tuple[int, int], str]) -> dict[str, Any]:
    """What somebody did, with the text of a note."""
    detail: dict[str, Any] = decode(row.detail)
    if "note_version" in detail:
        detail["text"] = texts.get((detail["note"], detail["note_version"]))
    if row.alert_id is not None:
        detail["alert_id"] = int(row.alert_id)
    return detail


def read_cursor(text: str) -> Moment:
    """The moment that `next` of a page names.

    Raises
    ------
    ParameterInvalid
    """
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise ParameterInvalid(Fault("cursor", "what 'next' of the page before says", show(text)))
    return Moment(*map(int, match.groups()))


def _short(view: Mapping[str, Any]) -> dict[str, Any]:
    """A decision, without what its own page shows."""
    names = ("event_id", "arrival", "event_time", "outcome", "risk_score", "probability", "event")
    reasons = [
        {"code": reason["code"], "severity": reason["severity"], "message": reason["message"]}
        for reason in view["reasons"]
    ]
    return {**{name: view[name] for name in names}, "reasons": reasons}


def _listed(row: Row[Any], entity_key: str) -> dict[str, Any]:
    """What a change of lists says of one key."""
    mine = [one for one in decode(row.change)["lists"] if one["key"] == entity_key]
    changes = [
        {
            "list": one["list"],
            "added": one["added"],
            "until": None if one["until_us"] is None else show_time(one["until_us"]),
            "reason": one["reason"],
        }
        for one in mine
    ]
    return {"changes": changes}
