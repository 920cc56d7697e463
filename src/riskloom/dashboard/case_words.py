"""Cases in words: their list, their head, and what happened in them; values in, HTML out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from riskloom.dashboard import alert_words, markup, words
from riskloom.dashboard.roles import Roles

STATES: Mapping[str, str] = {
    "open": "Open",
    "pending": "Waits for a second person",
    "closing": "Closing",
    "closed": "Closed",
}
TONES: Mapping[str, str] = {"open": "flagged", "pending": "high", "closing": "low", "closed": "none"}
_DONE: Mapping[str, str] = {
    "case.opened": "opened the case",
    "case.joined": "brought another alert into it",
    "case.noted": "wrote a note",
    "case.note_edited": "edited a note",
    "case.file_added": "added a file",
    "case.linked": "linked another case",
    "case.unlinked": "took a link away",
    "case.task_added": "added a task",
    "case.task_done": "did a task",
    "case.task_undone": "took a task up again",
    "case.marked": "said what single events are",
    "case.propose": "closed it, to be confirmed by a second person",
    "case.close": "decided it",
    "case.closed": "closed the case",
    "case.confirm": "confirmed its end",
    "case.decline": "did not agree to its end",
    "case.reopen": "opened it again",
    "case.changed": "changed it",
    "alert.claimed": "claimed an alert",
    "alert.released": "gave an alert back",
    "alert.snoozed": "snoozed an alert",
    "alert.escalated": "escalated an alert",
    "alert.assigned": "gave an alert to somebody",
    "alert.resolved": "resolved an alert",
    "alert.reopened": "opened an alert again",
}
_DETAILS = ("text", "title", "name", "reason", "disposition", "to")


def money(case: Mapping[str, Any]) -> str:
    """What a case is about, in money."""
    return words.money(None if case["amount"] is None else float(case["amount"]), case["currency"])


def state(case: Mapping[str, Any]) -> str:
    """Where a case stands; of a closed one what was found."""
    label = STATES.get(case["state"], words.code_words(case["state"]))
    if case["state"] == "closed" and case["disposition"]:
        label = alert_words.DISPOSITIONS.get(case["disposition"], label)
    return markup.pill(label, TONES.get(case["state"], "none"))


def tiles(counts: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """How many cases there are, and what is due."""
    states, tasks = counts["state"], counts["tasks"]
    nobody = counts["assignee"].get("", 0)
    return [
        ("Open", words.number(states.get("open", 0)), f"{nobody} with nobody"),
        (
            "Wait for a second person",
            words.number(states.get("pending", 0)),
            "above the amount for one alone",
        ),
        ("Tasks", words.number(tasks.get("open", 0)), f"{tasks.get('overdue', 0)} overdue"),
        ("Closed", words.number(states.get("closed", 0)), "with what was found"),
    ]


def table(cases: Sequence[Mapping[str, Any]], roles: Roles, now: datetime, me: str) -> str:
    """Cases as the list shows them."""
    rows = [
        [
            markup.severity(case["priority"]),
            markup.two_lines(
                markup.link(
                    "cases", markup.text(case["entity_key"]), kind="rl-row", case=str(case["case_id"])
                ),
                f"case {case['case_id']}",
            ),
            f"<b>{markup.text(money(case))}</b>" if case["amount"] is not None else words.MISSING,
            markup.two_lines(
                f"{case['alerts']} alert{'' if case['alerts'] == 1 else 's'}",
                f"{case['events']} {roles.event_word}{'' if case['events'] == 1 else 's'}",
            ),
            state(case),
            markup.text(case["assignee"] or "nobody"),
            markup.two_lines(
                markup.text(words.ago(case["changed_at"], now)),
                markup.text(f"opened {words.ago(case['opened_at'], now)}"),
            ),
        ]
        for case in cases
    ]
    kinds = ["rl-chosen" if case["assignee"] == me else "" for case in cases]
    columns = ["Priority", roles.entity_word, "Amount", "Holds", "State", "With", "Changed"]
    empty = "No case fits. One is opened from an alert."
    return markup.table(columns, rows, kinds=kinds, empty=empty)


def headline(case: Mapping[str, Any], roles: Roles, now: datetime) -> str:
    """What a case is about, and where it stands."""
    tone = {"open": "flagged", "pending": "rejected"}.get(case["state"], "")
    amount = f", <b>{markup.text(money(case))}</b> in all" if case["amount"] is not None else ""
    who = markup.text(case["entity_key"])
    found = ""
    if case["disposition"]:
        word = alert_words.DISPOSITIONS.get(case["disposition"], case["disposition"])
        why = f": {case['reason']}" if case["reason"] else ""
        by = f" ({case['closed_by']}" + (f", {case['confirmed_by']})" if case["confirmed_by"] else ")")
        found = f"<p><b>{markup.text(word)}</b>{markup.text(why + by)}</p>"
    return (
        f'<section class="rl-headline rl-{tone}" data-testid="case"><div>'
        f"<h2>{markup.text(roles.entity_word)} {who}</h2>"
        f"<p>{case['alerts']} alert{'' if case['alerts'] == 1 else 's'}, {case['events']} "
        f"{markup.text(roles.event_word)}{'' if case['events'] == 1 else 's'}{amount}</p>"
        f"<p>{markup.severity(case['priority'])}{state(case)}"
        f'<span class="rl-muted">with {markup.text(case["assignee"] or "nobody")}, '
        f"opened {markup.text(words.ago(case['opened_at'], now))} "
        f"by {markup.text(case['opened_by'])}</span></p>"
        f'{found}</div><div class="rl-gauge"><b class="rl-worth">{case["case_id"]}</b>'
        "<small>case</small></div>"
        "</section>"
    )


def timeline(items: Sequence[Mapping[str, Any]], roles: Roles) -> str:
    """All that happened, last first, a line each with its time."""
    rows, day = [], ""
    for item in items:
        today = words.day(item["at"], roles.timezone)
        if today != day:
            rows.append(f"<h5>{markup.text(today)}</h5>")
            day = today
        kind = str(item["kind"]).partition(".")[0]
        rows.append(
            f'<div class="rl-moment rl-at-{markup.text(kind)}">'
            f"<time>{words.clock(item['at'], roles.timezone)}</time>"
            f"<i></i><div>{_moment(item, roles)}</div></div>"
        )
    return f'<div class="rl-timeline">{"".join(rows)}</div>'


def _moment(item: Mapping[str, Any], roles: Roles) -> str:
    kind, detail = item["kind"], item["detail"]
    if kind == "event":
        amount = markup.text(roles.amount_text(detail["event"]))
        link = markup.link("decision", f"<b>{amount}</b>", event=detail["event_id"])
        partner = markup.text(detail["event"].get(roles.partner) or "")
        return f"{link} {partner} {markup.outcome(detail['outcome'])}{markup.reasons(detail['reasons'])}"
    if kind == "alert":
        link = markup.link("alerts", "An alert", alert=str(detail["alert_id"]))
        return f"{link} was raised {markup.severity(detail['severity'])}"
    if kind == "label":
        said = "a fraud" if detail["fraud"] else "honest"
        link = markup.link("decision", markup.text(detail["event_id"]), event=detail["event_id"])
        source = f'<span class="rl-muted">{markup.text(detail["source"])}</span>'
        return f"{link} was told to be <b>{said}</b> {source}"
    who = f"<b>{markup.text(item['actor'] or 'somebody')}</b>"
    if kind == "list":
        told = "; ".join(
            f"{'put on' if one['added'] else 'took off'} the list {one['list']}" for one in detail["changes"]
        )
        return f"{who} {markup.text(told)}"
    done = _DONE.get(kind, words.code_words(str(kind).partition(".")[2] or kind))
    if kind == "case.changed" and "assignee" in detail:
        done = f"gave it to {detail['assignee'] or 'nobody'}"
    elif kind == "case.changed" and "priority" in detail:
        done = f"made it of {words.code_words(detail['priority'])} priority"
    names = () if kind == "case.changed" else _DETAILS
    more = [str(detail[name]) for name in names if isinstance(detail.get(name), str) and detail[name]]
    said = f'<span class="rl-said">{markup.text(" · ".join(more))}</span>' if more else ""
    return f"{who} {markup.text(done)}{said}"


def notes(given: Sequence[Mapping[str, Any]], roles: Roles) -> str:
    """What people wrote, the newest first."""
    made = []
    for note in reversed(given):
        edited = f", version {note['version']}" if note["earlier"] else ""
        when = f"{note['author']}, {words.moment(note['at'], roles.timezone)}{edited}"
        text = markup.text(note["text"]).replace("\n", "<br>")
        made.append(f'<div class="rl-note-card"><p>{text}</p><small>{markup.text(when)}</small></div>')
    return "".join(made) or '<p class="rl-note">Nobody wrote anything yet.</p>'
