"""Small pieces of HTML for `st.html`; what comes from an event is escaped by `text`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import urlencode

from riskloom.dashboard import words
from riskloom.dashboard.roles import Roles
from riskloom.errors import Fault

PILLS_SHOWN = 4
_LADDER = ("low", "medium", "high", "critical")
_NUMBERS = frozenset(
    {"Amount", "Distance", "Rows", "Events", "Hits", "Known fraud", "Known honest", "As it is", "As changed"}
    | {"Difference", "Fraud by value"}
)


def text(value: object) -> str:
    """A value, safe inside HTML."""
    return escape(str(value))


def link(page: str, label: str, *, kind: str = "", **asked: str) -> str:
    """A link to another page of the dashboard; `label` is HTML."""
    address = f"{page}?{urlencode(asked)}" if asked else page
    return f'<a class="rl-link {kind}" href="{escape(address)}">{label}</a>'


def entity(name: str, key: object, *, label: str = "", kind: str = "") -> str:
    """A link to the page of an entity, named as in the scenario or by its field; `label` is HTML."""
    return link("entity", label or text(key), kind=kind, entity=name, key=str(key))


def pill(label: str, tone: str, title: str = "") -> str:
    """A small coloured label; tones are outcomes and severities in lower case."""
    return f'<span class="rl-pill rl-{escape(tone)}" title="{escape(title)}">{text(label)}</span>'


def outcome(value: str | None) -> str:
    """An outcome as a pill."""
    return pill(words.outcome_word(value), (value or "none").lower())


def severity(value: str) -> str:
    """A severity as a pill."""
    return pill(words.SEVERITIES.get(value, value), value)


def by_severity(reasons: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Reasons, the gravest first, otherwise in their order."""
    rank = {name: at for at, name in enumerate(_LADDER)}
    return sorted(reasons, key=lambda reason: -rank.get(str(reason["severity"]), 0))


def reasons(given: Sequence[Mapping[str, Any]]) -> str:
    """Reasons as pills, the gravest first; their sentences appear on hovering."""
    ordered = by_severity(given)
    shown = [pill(words.reason_title(r["code"]), r["severity"], r["message"]) for r in ordered[:PILLS_SHOWN]]
    if len(ordered) > PILLS_SHOWN:
        rest = "; ".join(words.reason_title(reason["code"]) for reason in ordered[PILLS_SHOWN:])
        shown.append(pill(f"+{len(ordered) - PILLS_SHOWN}", "none", rest))
    return "".join(shown)


def risk(score: float | None, flag_from: float = 98.0) -> str:
    """A risk score as a figure over a thin bar; without a model a dash."""
    if score is None:
        return '<span class="rl-muted" title="no model yet">–</span>'
    tone = "hot" if score >= flag_from else "warm" if score >= 90 else "cool"
    width = max(1.0, min(100.0, score))
    return (
        f'<span class="rl-risk rl-{tone}"><b>{words.risk(score)}</b>'
        f'<i><i style="width:{width:.1f}%"></i></i></span>'
    )


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    kinds: Sequence[str] = (),
    empty: str = "",
    numbers: Iterable[str] = (),
) -> str:
    """A table; cells are HTML, `kinds` are classes of the rows, `numbers` more columns to align right."""
    right = _NUMBERS | set(numbers)
    aligned = {name: "rl-num" if name in right else "" for name in columns}
    head = "".join(f'<th class="{aligned[name]}">{text(name)}</th>' for name in columns)
    body = []
    for at, row in enumerate(rows):
        cells = "".join(
            f'<td class="{aligned[name]}">{cell}</td>' for name, cell in zip(columns, row, strict=True)
        )
        body.append(f'<tr class="{kinds[at] if kinds else ""}">{cells}</tr>')
    if not body:
        return f'<div class="rl-empty">{text(empty)}</div>'
    return f'<table class="rl-table"><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table>'


def two_lines(first: str, second: str) -> str:
    """A cell of two lines, both HTML, the second quieter."""
    return f'{first}<span class="rl-sub">{second}</span>'


def decisions(items: Sequence[Mapping[str, Any]], roles: Roles, *, fresh_after: int | None = None) -> str:
    """Decisions as the review queue shows them; those that arrived after `fresh_after` light up once."""
    zone, flag_from = roles.timezone, float(roles.policy.get("percentile") or 98)
    rows = []
    for item in items:
        event, who = item["event"], roles.who(item["event"])
        when = link("decision", words.clock(item["event_time"], zone), kind="rl-row", event=item["event_id"])
        rows.append(
            [
                outcome(item["outcome"]),
                risk(item["risk_score"], flag_from),
                two_lines(when, words.day(item["event_time"], zone)),
                two_lines(
                    entity(roles.entity, who, kind="rl-over") if who else words.MISSING,
                    text(event.get(roles.partner) or ""),
                ),
                two_lines(
                    f"<b>{text(roles.amount_text(event))}</b>" if roles.amount else "",
                    text(roles.category_text(event)),
                ),
                reasons(item["reasons"]) or '<span class="rl-muted">nothing unusual</span>',
            ]
        )
    kinds = [
        "rl-fresh" if fresh_after is not None and item["arrival"] > fresh_after else "" for item in items
    ]
    columns = ["Outcome", "Risk", "Time", roles.entity_word, "Amount", "Why"]
    return table(columns, rows, kinds=kinds, empty="Nothing fits these filters.")


def figures(given: Iterable[tuple[str, str, str]]) -> str:
    """Key figures in a row: (label, figure, remark)."""
    tiles = (
        f'<div class="rl-figure"><span>{text(label)}</span><b>{text(figure)}</b>'
        f"<small>{text(remark)}</small></div>"
        for label, figure, remark in given
    )
    return f'<div class="rl-figures">{"".join(tiles)}</div>'


def facts(given: Iterable[tuple[str, str]]) -> str:
    """Names and values, one below the other; values are HTML."""
    rows = (f"<dt>{text(name)}</dt><dd>{value}</dd>" for name, value in given)
    return f'<dl class="rl-facts">{"".join(rows)}</dl>'


def faults(given: Iterable[Fault]) -> str:
    """What is wrong with something a person wrote: where, what is expected, what came, what would help."""
    rows = [
        f"<li><b>{text(fault.where)}</b> expected {text(fault.expected)}"
        + (f", got <code>{text(fault.got)}</code>" if fault.got else "")
        + (f"<small>{text(fault.hint)}</small>" if fault.hint else "")
        + "</li>"
        for fault in given
    ]
    return f'<ul class="rl-faults" role="alert">{"".join(rows)}</ul>'


def bars(given: Sequence[tuple[str, float, str]]) -> str:
    """Figures as bars from nothing to the largest: (label as HTML, size, figure)."""
    most = max((abs(size) for _, size, _ in given), default=0.0) or 1.0
    rows = (
        f'<div class="rl-count">{label}<i><i style="width:{100 * abs(size) / most:.1f}%"></i></i>'
        f"<b>{text(figure)}</b></div>"
        for label, size, figure in given
    )
    return f'<div class="rl-counts">{"".join(rows)}</div>'
