"""A dossier as one HTML page: no script, nothing fetched, to be read on a screen and printed on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from riskloom.server.cases.dossier_words import (
    clock,
    event_facts,
    happened,
    kinds,
    money,
    named,
    size,
    usual_fields,
)
from riskloom.training.report.style import STYLE
from riskloom.training.report.tables import table
from riskloom.training.report.words import NONE, text

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
SHOWN_EVENTS, SHOWN_EVIDENCE = 100, 12
_OWN = """
td{white-space:normal;text-align:left}thead th{text-align:left}
.rl-note{border-left:3px solid var(--line);padding:2px 0 2px 16px;margin:18px 0;break-inside:avoid}
.rl-note p{white-space:pre-wrap;overflow-wrap:anywhere}
.rl-card h3{margin:18px 0 2px}.rl-card{margin-bottom:8px}
.rl-figures{grid-template-columns:repeat(auto-fit,minmax(110px,1fr))}.rl-figures .rl-big{white-space:normal}
@media (min-width:760px){.rl-card .rl-pairs{grid-template-columns:130px 1fr 130px 1fr}}
@media print{.rl-card .rl-pairs{grid-template-columns:110px 1fr 110px 1fr}}
.rl-reason{margin:14px 0 4px;break-inside:avoid}.rl-reason b{font-weight:600}
.rl-mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:12.5px;overflow-wrap:anywhere}
.rl-time td:first-of-type,.rl-time th{white-space:nowrap}
@media print{body{font-size:12px}.rl-card{padding:2px 14px 10px}
.rl-figures .rl-long{font-size:15px}h2{margin-top:28px}a{color:inherit}}
@page{margin:16mm 14mm}
"""


def render_page(made: Mapping[str, Any]) -> str:
    """The whole page. The same dossier gives the same bytes."""
    dossier = made["dossier"]
    case, events = dossier["case"], dossier["events"]
    evidence = {one["event_id"]: one for one in dossier["evidence"]}
    sections = [
        ("decision", "What was found", _decision(case)),
        ("events", "Events and their evidence", _events(case, events, evidence)),
        ("alerts", "Alerts", _alerts(case)),
        ("notes", "Notes", _notes(case["notes"])),
        ("files", "Files", _files(case["files"])),
        ("tasks", "Tasks", _tasks(case["tasks"])),
        ("links", "Other cases", _links(case["links"])),
        ("timeline", "Timeline", _timeline(dossier["timeline"])),
    ]
    there = [(anchor, title, body) for anchor, title, body in sections if body]
    nav = "".join(f'<a href="#{anchor}">{text(title)}</a>' for anchor, title, _ in there)
    body = "".join(
        f'<section id="{anchor}"><h2>{text(title)}</h2>{part}</section>' for anchor, title, part in there
    )
    title = f"Case {case['case_id']}: {named(case)}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{text(title)}</title><style>{STYLE}{_OWN}</style></head><body><main>"
        f'<header><h1>{text(title)}</h1><p class="rl-meta">{text(case["scenario"])}, opened '
        f"{clock(case['opened_at'])} by {text(case['opened_by'])}</p><nav>{nav}</nav></header>"
        f"{_figures(case)}{body}<footer>Made {clock(made['made_at'])} by {text(made['made_by'])} from "
        f'version {case["version"]} of the case.<br><span class="rl-mono">{text(made["digest"])}</span>'
        "</footer></main></body></html>\n"
    )


def _figures(case: Mapping[str, Any]) -> str:
    figures = [
        ("State", case["state"], f"priority {case['priority']}"),
        ("Found", kinds(case["disposition"]) if case["disposition"] else NONE, ""),
        ("Amount", money(case["amount"], case["currency"]), "of its flagged events"),
        ("Events", f"{case['events']:,}", f"in {case['alerts']:,} alerts"),
        ("Assigned to", case["assignee"] or NONE, ""),
    ]
    cells = "".join(
        f'<div><dt>{text(name)}</dt><dd class="rl-big rl-long">{text(value)}</dd>'
        f'<dd class="rl-small">{text(small)}</dd></div>'
        for name, value, small in figures
    )
    return f'<dl class="rl-figures">{cells}</dl>'


def _decision(case: Mapping[str, Any]) -> str:
    if case["disposition"] is None:
        return '<p class="rl-quiet">Nothing was decided yet.</p>'
    facts = [
        ("Disposition", kinds(case["disposition"])),
        ("Reason", case["reason"]),
        ("Closed by", case["closed_by"] or NONE),
        ("Confirmed by", case["confirmed_by"] or NONE),
        ("Decided", clock(case["decided_at"])),
        ("Closed", clock(case["closed_at"])),
    ]
    return f'<div class="rl-card">{_facts(facts)}</div>'


def _facts(facts: Sequence[tuple[str, Any]], kind: str = "") -> str:
    listed = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in facts)
    return f'<dl class="{kind}">{listed}</dl>'


def _events(
    case: Mapping[str, Any], events: Sequence[Mapping[str, Any]], evidence: Mapping[str, Mapping[str, Any]]
) -> str:
    cards = "".join(_event(case, event, evidence) for event in events[:SHOWN_EVENTS])
    more = len(events) - SHOWN_EVENTS
    rest = f'<p class="rl-quiet">{more:,} more events are in the JSON of this dossier.</p>'
    return cards + (rest if more > 0 else "")


def _event(
    case: Mapping[str, Any], event: Mapping[str, Any], evidence: Mapping[str, Mapping[str, Any]]
) -> str:
    said = ""
    if event["disposition"]:
        by = f", marked by {event['marked_by']}" if event["marked_by"] else ""
        said = f' <span class="rl-pill">{text(kinds(event["disposition"]) + by)}</span>'
    risk = "" if event["risk_score"] is None else f", risk {event['risk_score']:.2f}"
    state = f"{event['outcome'] or 'not decided'}{risk}, {clock(event['event_time'])}"
    reasons = "".join(_reason(case, reason, evidence) for reason in event["reasons"])
    return (
        f'<div class="rl-card"><h3>{text(event["event_id"])}{said}</h3>'
        f'<p class="rl-meta">{text(state)}</p>'
        f"{_facts(event_facts(event), 'rl-pairs')}{reasons}</div>"
    )


def _reason(
    case: Mapping[str, Any], reason: Mapping[str, Any], evidence: Mapping[str, Mapping[str, Any]]
) -> str:
    tone = " rl-leak" if reason["severity"] in ("high", "critical") else " rl-warn"
    head = (
        f'<p class="rl-reason"><span class="rl-pill{tone}">{text(reason["severity"])}</span> '
        f"<b>{text(reason['message'])}</b> <small>{text(reason['code'])}</small></p>"
    )
    known = [evidence[name] for name in reason["evidence"] if name in evidence]
    if not known:
        return head
    fields = usual_fields(known, case["entity"])
    rows = [
        [
            text(one["event_id"]),
            clock(one["event_time"]),
            *(text(NONE if one["event"].get(name) is None else one["event"][name]) for name in fields),
            text(one["outcome"] or NONE),
        ]
        for one in known[-SHOWN_EVIDENCE:]
    ]
    more = len(known) - SHOWN_EVIDENCE
    caption = "Because of" + (f" these and {more:,} earlier ones" if more > 0 else "")
    return head + table(caption, ["event", "time", *fields, "outcome"], rows)


def _alerts(case: Mapping[str, Any]) -> str:
    rows = [
        [
            str(one["alert_id"]),
            clock(one["opened_at"]),
            text(one["severity"]),
            text(one["state"]),
            text(", ".join(one["reasons"])),
            f"{one['events']:,}",
            text(money(one["amount"], case["currency"])),
        ]
        for one in case["alert_list"]
    ]
    head = ["alert", "raised", "severity", "state", "reasons", "events", "amount"]
    return table(f"{len(rows):,} alerts", head, rows) if rows else ""


def _notes(notes: Sequence[Mapping[str, Any]]) -> str:
    return "".join(
        f'<div class="rl-note"><p>{text(note["text"])}</p><p class="rl-meta">{text(note["author"])}, '
        f"{clock(note['at'])}{_edited(note)}</p></div>"
        for note in notes
    )


def _edited(note: Mapping[str, Any]) -> str:
    return f" (version {note['version']}; those before are in the JSON)" if note["earlier"] else ""


def _files(files: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            text(one["name"]),
            text(one["media_type"]),
            size(one["size"]),
            text(one["author"]),
            clock(one["at"]),
            f'<span class="rl-mono">{one["sha256"]}</span>',
        ]
        for one in files
    ]
    head = ["name", "kind", "size", "added by", "added", "SHA-256"]
    return table("Kept beside the case under their SHA-256", head, rows) if rows else ""


def _tasks(tasks: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            text(one["title"]),
            clock(one["due"]),
            text(one["author"]),
            text(f"{one['done_by']}, {clock(one['done_at'])}" if one["done_by"] else NONE),
        ]
        for one in tasks
    ]
    return table("What was to be done", ["task", "due", "added by", "done"], rows) if rows else ""


def _links(links: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            f"case {one['case_id']}",
            text(kinds(one["kind"])),
            text(named(one)),
            text(one["state"]),
            text(kinds(one["disposition"]) if one["disposition"] else NONE),
        ]
        for one in links
    ]
    return table("Linked by people", ["case", "this one", "about", "state", "found"], rows) if rows else ""


def _timeline(timeline: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [clock(one["at"]), text(one["actor"] or ""), *(text(part) for part in happened(one))]
        for one in timeline
    ]
    drawn = table("All that happened, first one first; times in UTC", ["when", "who", "what", ""], rows)
    return f'<div class="rl-time">{drawn}</div>'
