"""The evidence of an alert: each reason once, with what is usual and the events that stand behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from riskloom.dashboard import markup, story, words
from riskloom.dashboard.roles import Roles

_SHOWN = 5


def telling(decisions: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The decision that says most about an alert: the riskiest, of equals the newest."""
    return max(decisions, key=lambda one: (one["risk_score"] or 0.0, one["arrival"]))


def reasons(decisions: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], int, Mapping[str, Any]]]:
    """(the reason as it was said last, how many decisions gave it, that decision), the gravest first."""
    newest: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {}
    counted: dict[str, int] = {}
    for decision in sorted(decisions, key=lambda one: int(one["arrival"])):
        for reason in decision["reasons"]:
            newest[reason["code"]] = reason, decision
            counted[reason["code"]] = counted.get(reason["code"], 0) + 1
    ordered = markup.by_severity([reason for reason, _ in newest.values()])
    return [(reason, counted[reason["code"]], newest[reason["code"]][1]) for reason in ordered]


def cards(alert: Mapping[str, Any], roles: Roles) -> str:
    """Each reason as a card: the sentence, here beside usual, and the events behind it."""
    events = {one["event_id"]: one for one in alert["evidence_events"]}
    total = len(alert["decisions"])
    made = []
    for reason, count, decision in reasons(alert["decisions"]):
        often = f"in {count} of {total}" if total > 1 else ""
        made.append(
            f'<article class="rl-card rl-{markup.text(reason["severity"])}"><header>'
            f"<h4>{markup.text(words.reason_title(reason['code']))}</h4>"
            f'<span><span class="rl-muted">{often}</span> '
            f"{markup.severity(reason['severity'])}</span></header>"
            f"<p>{markup.text(reason['message'])}</p>{story.beside(reason, roles)}"
            f"{_behind(reason, decision, events, roles)}</article>"
        )
    if not made:
        return '<div class="rl-empty">No reason was given.</div>'
    return f'<div class="rl-cards">{"".join(made)}</div>'


def _behind(
    reason: Mapping[str, Any],
    decision: Mapping[str, Any],
    events: Mapping[str, Mapping[str, Any]],
    roles: Roles,
) -> str:
    """The newest events that stand behind a reason, a line each."""
    known = [events[name] for name in reason["evidence"] if name in events]
    known.sort(key=lambda one: -int(one["arrival"]))
    lines = []
    for one in known[:_SHOWN]:
        gap = words.read_time(decision["event_time"]) - words.read_time(one["event_time"])
        link = markup.link("decision", words.before(gap.total_seconds()), event=one["event_id"])
        partner = markup.text(one["event"].get(roles.partner) or "")
        lines.append(
            f"<div>{link}<b>{markup.text(roles.amount_text(one['event']))}</b>"
            f"<span>{partner}</span><span>{markup.text(roles.category_text(one['event']))}</span>"
            f"<span>{markup.outcome(one['outcome'])}</span></div>"
        )
    rest = len(reason["evidence"]) - len(lines)
    more = f'<small class="rl-muted">and {rest} more</small>' if rest > 0 and lines else ""
    return f'<div class="rl-behind">{"".join(lines)}{more}</div>' if lines else ""
