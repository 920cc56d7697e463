"""A decision told in words: the headline, the reasons as cards, the evidence, the record."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from riskloom.client import Decision, DecisionDetail, EventItem
from riskloom.dashboard import history, markup, words
from riskloom.dashboard.roles import Roles, kilometres

MODEL_REASON = "MODEL_RISK"
_EVIDENCE_SHOWN = 10
_PER = re.compile(r"\{usual\} (a|an|per) ")
_UNDECIDED = "Taken in without a decision"
_VERDICTS: Mapping[str, str] = {
    "APPROVED": "Approved",
    "FLAGGED": "Flagged for review",
    "REJECTED": "Rejected",
}


def headline(found: Decision, roles: Roles) -> str:
    """The verdict, who did what, and the risk."""
    score, outcome = found["risk_score"], found["outcome"]
    verdict = _VERDICTS.get(outcome, outcome) if outcome else _UNDECIDED
    judged = (
        f"More unusual than {words.risk(score)} % of what the model learned from"
        if score is not None
        else "No risk score: decided by rules alone"
    )
    notes = [words.DEGRADED.get(code.split(":")[0], words.code_words(code)) for code in found["degraded"]]
    note = f'<p class="rl-note">Note: {markup.text("; ".join(notes))}.</p>' if notes else ""
    flag_from = float(roles.policy.get("percentile") or 98)
    return (
        f'<section class="rl-headline rl-{(outcome or "none").lower()}" data-testid="headline"><div>'
        f"<h2>{markup.text(verdict)}</h2>"
        f"<p>{sentence(found, roles)}</p>{note}</div>"
        f'<div class="rl-gauge">{markup.risk(score, flag_from)}'
        f"<small>{markup.text(judged)}</small></div></section>"
    )


def sentence(found: Decision, roles: Roles) -> str:
    """Who did what, where and when, as HTML."""
    event, who = found["event"], roles.who(found["event"])
    actor = markup.entity(roles.entity, who) if who else ""
    did = f"paid <b>{markup.text(roles.amount_text(event))}</b>" if roles.amount else "did this"
    partner = event.get(roles.partner)
    to = f" to {markup.entity(roles.partner, partner)}" if partner else ""
    kinds = roles.category_text(event)
    how = f" ({markup.text(kinds)})" if kinds else ""
    when = markup.text(words.moment(found["event_time"], roles.timezone))
    return f"{markup.text(roles.entity_word)} {actor} {did}{to}{how} on {when}"


def reason_cards(found: Decision, roles: Roles) -> str:
    """Each reason as a card: what, in a sentence, beside what is usual, and how many events back it."""
    if not found["reasons"]:
        return '<div class="rl-empty">No rule was met, and the model saw nothing unusual.</div>'
    cards = []
    for reason in markup.by_severity(found["reasons"]):
        count = len(reason["evidence"])
        behind = f"{count} {roles.event_word}{'s' if count != 1 else ''} behind it" if count else ""
        cards.append(
            f'<article class="rl-card rl-{markup.text(reason["severity"])}"><header>'
            f"<h4>{markup.text(words.reason_title(reason['code']))}</h4>"
            f"{markup.severity(reason['severity'])}</header>"
            f"<p>{markup.text(reason['message'])}</p>{beside(reason, roles)}"
            + (f"<footer>{markup.text(behind)}</footer>" if behind else "")
            + "</article>"
        )
    return f'<div class="rl-cards">{"".join(cards)}</div>'


def beside(reason: Mapping[str, Any], roles: Roles) -> str:
    """The value beside the usual one as two bars; nothing where the two cannot be compared.

    Only what exceeds the usual is drawn, and not where the sentence has the usual in another measure.
    """
    value, usual = reason["values"].get("value"), reason["values"].get("usual")
    if not all(isinstance(figure, int | float) and not isinstance(figure, bool) for figure in (value, usual)):
        return ""
    said = str(roles.rules.get(reason["code"], {}).get("message") or "")
    if not 0 <= usual < value or value <= 1 or reason["code"] == MODEL_REASON or _PER.search(said):
        return ""
    write = _writer(said, roles)
    bars = "".join(
        f'<div class="rl-{name}"><span>{name}</span>'
        f'<i><i style="width:{max(0.6, 100 * figure / value):.1f}%"></i></i>'
        f"<b>{markup.text(write(figure))}</b></div>"
        for name, figure in (("here", value), ("usual", usual))
    )
    return f'<div class="rl-beside">{bars}</div>'


def _writer(said: str, roles: Roles) -> Callable[[float], str]:
    """How a reason's figures are written: in the unit that the rule's own sentence puts after its value."""
    after = said.partition("{value}")[2].lstrip()
    if after.startswith("{base_currency}"):
        return lambda figure: words.money(figure, roles.base_currency)
    unit = next((unit for unit in ("km/h", "km", "%") if after.startswith(unit)), "")
    return lambda figure: f"{words.number(figure)} {unit}".strip()


def evidence(found: DecisionDetail, roles: Roles) -> tuple[str, str, int]:
    """The events that the reasons name, newest first: the first ten, the rest, and how many the rest are."""
    backs: dict[str, list[str]] = {}
    for reason in found["reasons"]:
        for event_id in reason["evidence"]:
            backs.setdefault(event_id, []).append(words.reason_title(reason["code"]))
    events = sorted(found["evidence_events"], key=lambda item: -item["arrival"])
    rows = [_evidence_row(item, backs.get(item["event_id"], []), found, roles) for item in events]
    partner = words.field_label(roles.partner) if roles.partner else "With"
    columns = ["Outcome", "Time", "When", "Amount", partner, "Distance", "Backs"]
    empty = "These reasons are about the event itself; no earlier event stands behind them."
    first, rest = rows[:_EVIDENCE_SHOWN], rows[_EVIDENCE_SHOWN:]
    return markup.table(columns, first, empty=empty), markup.table(columns, rest), len(rest)


def _evidence_row(item: EventItem, backs: Sequence[str], found: DecisionDetail, roles: Roles) -> list[str]:
    gap = words.read_time(found["event_time"]) - words.read_time(item["event_time"])
    time = markup.link("decision", words.clock(item["event_time"], roles.timezone), event=item["event_id"])
    return [
        markup.outcome(item["outcome"]),
        markup.two_lines(time, words.day(item["event_time"], roles.timezone)),
        words.before(gap.total_seconds()),
        f"<b>{markup.text(roles.amount_text(item['event']))}</b>",
        markup.two_lines(
            markup.text(item["event"].get(roles.partner) or ""),
            markup.text(roles.category_text(item["event"])),
        ),
        _distance(roles.place(found["event"]), item, roles),
        markup.text("; ".join(backs)),
    ]


def _distance(here: tuple[float, float] | None, item: EventItem, roles: Roles) -> str:
    there = roles.place(item["event"])
    return f"{words.number(kilometres(here, there), 0)} km" if here and there else words.MISSING


def distance_words(
    shown: Sequence[Mapping[str, Any]],
    jump: history.Jump | None,
    every: Sequence[Mapping[str, Any]],
    found: DecisionDetail,
) -> str:
    """The distances in one sentence."""
    if jump and jump.km >= history.FAR_KM:
        speed = jump.km / max(jump.seconds, 1.0) * 3600
        return (
            f"{words.number(round(jump.km))} km from the last place, {words.duration(jump.seconds)} later: "
            f"{words.number(round(speed))} km/h."
        )
    this = next((row for row in every if row["this"]), None)
    if this and this["km"] is not None and this["km"] >= history.FAR_KM:
        return f"{words.number(round(this['km']))} km from the usual place."
    spread = history.spread_km(shown)
    if spread < history.FAR_KM:
        return f"All within {words.number(max(1, round(spread)))} km of the usual place."
    return f"This one lies at the usual place; others reach {words.number(round(spread))} km."


def record(found: DecisionDetail, roles: Roles) -> list[tuple[str, str]]:
    """What an auditor asks for; values are HTML."""
    zone = roles.timezone
    anomaly = found["anomaly_score"]
    return [
        ("Decision", f"<code>{markup.text(found['decision_id'])}</code>"),
        ("Arrival number", f"<code>{found['arrival']}</code>"),
        ("Event time", markup.text(words.moment(found["event_time"], zone))),
        ("Arrived", markup.text(words.moment(found["arrived_at"], zone))),
        (
            "Decided",
            markup.text(words.moment(found["decided_at"], zone)) if found["decided_at"] else words.MISSING,
        ),
        ("Anomaly score", f"<code>{anomaly!r}</code>" if anomaly is not None else words.MISSING),
        ("Risk score", f"<code>{found['risk_score']!r}</code>" if anomaly is not None else words.MISSING),
        ("Bundle", f"<code>{markup.text(found['bundle'])}</code>"),
    ]
