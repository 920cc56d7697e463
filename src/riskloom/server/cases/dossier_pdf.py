"""A dossier as PDF, with the extra `pdf`; laid out like the page, on A4."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from riskloom.errors import ExtraMissing
from riskloom.server.cases.dossier_words import (
    NONE,
    clock,
    event_facts,
    happened,
    kinds,
    money,
    named,
    size,
    usual_fields,
)

SHOWN_EVENTS, SHOWN_EVIDENCE = 100, 12
_LONGEST = 2_000
"""Characters of a cell: a row has to fit on a page."""


def render_pdf(made: Mapping[str, Any]) -> bytes:
    """The whole document. The same dossier with the same fonts gives the same bytes.

    Raises
    ------
    ExtraMissing
    """
    try:
        from riskloom.server.cases.pdf_paper import Paper
    except ImportError as error:
        raise ExtraMissing("pdf", "A dossier as PDF") from error
    dossier = made["dossier"]
    case = dossier["case"]
    evidence = {one["event_id"]: one for one in dossier["evidence"]}
    paper = Paper(f"Case {case['case_id']}: {named(case)}")
    paper.title(f"{case['scenario']}, opened {clock(case['opened_at'])} by {case['opened_by']}")
    paper.figures(_figures(case))
    _decision(paper, case)
    _events(paper, case, dossier["events"], evidence)
    _alerts(paper, case)
    _papers(paper, case)
    rows = [[clock(one["at"]), one["actor"] or "", *happened(one)] for one in dossier["timeline"]]
    paper.heading("Timeline")
    paper.table(["when (UTC)", "who", "what", ""], _cut(rows), (3.3, 2.0, 5.2, 7.5))
    out = io.BytesIO()
    paper.write(out, f"Made {clock(made['made_at'])} by {made['made_by']}", made["digest"])
    return out.getvalue()


def _figures(case: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return [
        ("State", case["state"], f"priority {case['priority']}"),
        ("Found", kinds(case["disposition"]) if case["disposition"] else NONE, ""),
        ("Amount", money(case["amount"], case["currency"]), "of its flagged events"),
        ("Events", f"{case['events']:,}", f"in {case['alerts']:,} alerts"),
        ("Assigned to", case["assignee"] or NONE, ""),
    ]


def _decision(paper: Any, case: Mapping[str, Any]) -> None:
    paper.heading("What was found")
    if case["disposition"] is None:
        paper.quiet("Nothing was decided yet.")
        return
    paper.facts(
        [
            ("Disposition", kinds(case["disposition"])),
            ("Reason", case["reason"]),
            ("Closed by", case["closed_by"] or NONE),
            ("Confirmed by", case["confirmed_by"] or NONE),
            ("Decided", clock(case["decided_at"])),
            ("Closed", clock(case["closed_at"])),
        ]
    )


def _events(
    paper: Any,
    case: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    evidence: Mapping[str, Mapping[str, Any]],
) -> None:
    paper.heading("Events and their evidence")
    for event in events[:SHOWN_EVENTS]:
        risk = "" if event["risk_score"] is None else f", risk {event['risk_score']:.2f}"
        said = f", {kinds(event['disposition'])}" if event["disposition"] else ""
        state = f"{event['outcome'] or 'not decided'}{risk}, {clock(event['event_time'])}{said}"
        paper.event(event["event_id"], state, event_facts(event))
        for reason in event["reasons"]:
            paper.reason(reason["severity"], reason["message"], reason["code"])
            known = [evidence[name] for name in reason["evidence"] if name in evidence]
            if known:
                _evidence(paper, known, usual_fields(known, case["entity"]))
    if len(events) > SHOWN_EVENTS:
        paper.quiet(f"{len(events) - SHOWN_EVENTS:,} more events are in the JSON of this dossier.")


def _evidence(paper: Any, known: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> None:
    rows = [
        [
            one["event_id"],
            clock(one["event_time"]),
            *(NONE if one["event"].get(name) is None else str(one["event"][name]) for name in fields),
            one["outcome"] or NONE,
        ]
        for one in known[-SHOWN_EVIDENCE:]
    ]
    if len(known) > SHOWN_EVIDENCE:
        paper.quiet(f"The last {SHOWN_EVIDENCE} of {len(known):,} events:")
    paper.table(["event", "time", *fields, "outcome"], _cut(rows))


def _alerts(paper: Any, case: Mapping[str, Any]) -> None:
    paper.heading("Alerts")
    rows = [
        [
            str(one["alert_id"]),
            clock(one["opened_at"]),
            one["severity"],
            one["state"],
            ", ".join(one["reasons"]),
            money(one["amount"], case["currency"]),
        ]
        for one in case["alert_list"]
    ]
    head = ["alert", "raised", "severity", "state", "reasons", "amount"]
    paper.table(head, _cut(rows), (1.8, 3.3, 1.9, 2.2, 5.6, 3.2))


def _papers(paper: Any, case: Mapping[str, Any]) -> None:
    if case["notes"]:
        paper.heading("Notes")
        for note in case["notes"]:
            edited = f", version {note['version']}" if note["earlier"] else ""
            paper.note(note["text"], f"{note['author']}, {clock(note['at'])}{edited}")
    if case["files"]:
        paper.heading("Files")
        rows = [[one["name"], size(one["size"]), one["author"], one["sha256"]] for one in case["files"]]
        paper.table(["name", "size", "added by", "SHA-256"], _cut(rows), (5.2, 1.9, 2.4, 8.5))
    if case["tasks"]:
        paper.heading("Tasks")
        rows = [
            [one["title"], clock(one["due"]), one["done_by"] or NONE, clock(one["done_at"])]
            for one in case["tasks"]
        ]
        paper.table(["task", "due", "done by", "done"], _cut(rows), (8.6, 3.4, 2.6, 3.4))
    if case["links"]:
        paper.heading("Other cases")
        rows = [
            [f"case {one['case_id']}", kinds(one["kind"]), named(one), one["state"]] for one in case["links"]
        ]
        paper.table(["case", "this one", "about", "state"], _cut(rows))


def _cut(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    return [[cell if len(cell) <= _LONGEST else cell[: _LONGEST - 1] + "…" for cell in row] for row in rows]
