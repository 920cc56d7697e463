"""An entity in words: its head, what is usual of it, windows, lists, labels, events; values in, HTML out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from riskloom.dashboard import markup, words
from riskloom.dashboard.roles import Roles

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_VALUES = 5
_LIST_KINDS: Mapping[str, str] = {"deny": "rejected", "watch": "flagged", "allow": "approved"}


def headline(found: Mapping[str, Any], roles: Roles, now: datetime) -> str:
    """What it is, since when it is known, and whether it is on a list or known for fraud."""
    denied = any(entry["kind"] == "deny" for entry in found["lists"])
    tone = "rejected" if found["frauds"] or denied else ""
    seen = "The link graph had no room for it: its counts are not known."
    if found["first_seen"]:
        first = words.moment(found["first_seen"], roles.timezone)
        seen = f"first seen {first}, last {words.ago(found['last_seen'], now)}"
    pills = [markup.pill(words.count(found["frauds"], "known fraud"), "rejected")] if found["frauds"] else []
    pills += [_on(entry) for entry in found["lists"]]
    if found["is_hub"]:
        pills.append(markup.pill("hub", "low", "so many are linked with it that it links nobody"))
    return (
        f'<section class="rl-headline rl-{tone}" data-testid="entity"><div>'
        f"<h2>{markup.text(words.field_label(found['entity']))} {markup.text(found['key'])}</h2>"
        f"<p>{markup.text(seen)}</p><p>{''.join(pills)}</p></div></section>"
    )


def _on(entry: Mapping[str, Any]) -> str:
    title = entry["reason"] or ""
    return markup.pill(f"on {words.code_words(entry['list'])}", _LIST_KINDS.get(entry["kind"], "low"), title)


def tiles(found: Mapping[str, Any], roles: Roles) -> list[tuple[str, str, str]]:
    """Its head figures."""
    outcomes, counted = found["outcomes"], found["counted"]
    stopped = outcomes["FLAGGED"] + outcomes["REJECTED"]
    share = words.percent(stopped / counted if counted else None)
    among = f"of the newest {words.number(counted)}"
    made = [(f"{roles.event_word.capitalize()}s", words.number(found["events"]), "all that are stored")]
    if found["spend"]:
        spent = found["spend"]
        made.append((f"Spent, {spent['currency']}", words.number(_figure(spent["amount"])), "over all"))
    made += [
        ("Flagged or rejected", words.number(stopped), f"{share} {among}"),
        ("Known frauds", words.number(found["frauds"]), "by labels"),
        ("Linked with", words.number(found["neighbours"]), "directly"),
    ]
    ring = found["component"]
    if ring:
        people = words.count(ring["people"], roles.entity_word.lower())
        made.append(("Hangs together with", words.number(ring["size"] - 1), f"{people} in all"))
    return made


def _figure(value: object) -> float | None:
    return None if value is None else float(str(value))


def usual(found: Mapping[str, Any], roles: Roles) -> str:
    """How it usually is: amounts, place, and what it is seen with."""
    given, rows = found["usual"], []
    if given["amount"]:
        amount = {name: words.money(_figure(one), "").strip() for name, one in given["amount"].items()}
        span = words.span_text(amount["low"], amount["high"])
        rows.append(
            (
                "Amount",
                f"<b>{markup.text(amount['middle'])}</b> in the middle, nine of ten {markup.text(span)}, "
                f"the largest {markup.text(amount['most'])}",
            )
        )
    if given["place"]:
        place = given["place"]
        rows.append(("Middle place", f"{_degrees(place['latitude'])}, {_degrees(place['longitude'])}"))
    for name, seen in given["values"].items():
        if seen["items"]:
            rows.append((words.field_label(name), _values(name, seen, roles.entities)))
    return markup.facts(rows)


def _degrees(value: object) -> str:
    return f"{float(str(value)):.3f}°"


def _values(name: str, seen: Mapping[str, Any], entities: Mapping[str, str]) -> str:
    said = []
    for one in seen["items"][:_VALUES]:
        shown = (
            markup.entity(entities[name], one["value"])
            if name in entities
            else markup.text(words.code_words(one["value"]))
        )
        said.append(f'{shown} <span class="rl-muted">{words.number(one["events"])}</span>')
    rest = seen["different"] - len(said)
    if rest > 0:
        said.append(f'<span class="rl-muted">and {words.number(rest)} more</span>')
    return ", ".join(said)


def rhythm(given: Mapping[str, Any], roles: Roles) -> str:
    """At which hours and on which days its events are."""
    hours = [(f"{hour:02}:00", count) for hour, count in enumerate(given["hours"])]
    days = list(zip(_DAYS, given["weekdays"], strict=True))
    names = "".join(f"<span>{day}</span>" for day in _DAYS)
    return (
        f'{_columns(hours, roles)}<div class="rl-axis"><span>0 h</span><span>6</span><span>12</span>'
        f"<span>18</span><span>24 h {markup.text(roles.timezone)}</span></div>"
        f'{_columns(days, roles)}<div class="rl-axis rl-days">{names}</div>'
    )


def _columns(given: Sequence[tuple[str, int]], roles: Roles) -> str:
    most = max((count for _, count in given), default=0) or 1
    made = (
        f'<i title="{label}: {words.count(count, roles.event_word)}" '
        f'style="height:{100 * count / most:.0f}%"></i>'
        for label, count in given
    )
    return f'<div class="rl-hours">{"".join(made)}</div>'


def windows(found: Mapping[str, Any], roles: Roles) -> str:
    """Its features as an event at this moment would see them."""
    given = found["windows"]["features"]
    rows = [
        [
            markup.text(one["describe"] or one["name"]),
            markup.text(roles.feature_text(one["name"], one["value"])),
        ]
        for one in given
        if one["value"] is not None
    ]
    empty = "No feature of the scenario is about this alone."
    told = markup.table(["Window", "Now"], rows, numbers=["Now"], empty=empty)
    rest = len(given) - len(rows)
    more = f"{rest} others say nothing without the event itself, or without a recent one." if rest else ""
    return f'{told}<p class="rl-note">{more}</p>'


def lists(given: Sequence[Mapping[str, Any]], roles: Roles) -> str:
    """The lists it is on: until when, why, and who put it there."""
    rows = []
    for one in given:
        until = words.moment(one["until"], roles.timezone) if one["until"] else "until taken off"
        since = f"since {words.moment(one['from'], roles.timezone)}" if one["from"] else "from the beginning"
        rows.append(
            [
                _on(one),
                markup.two_lines(markup.text(until), markup.text(since)),
                markup.two_lines(
                    markup.text(one["reason"] or words.MISSING), markup.text(one["author"] or "")
                ),
            ]
        )
    return markup.table(["List", "Until", "Why, by whom"], rows, empty="It is on no list.")


def labels(given: Sequence[Mapping[str, Any]], roles: Roles) -> str:
    """What was told about its events, the last first."""
    rows = []
    for one in given:
        word, tone = ("Fraud", "rejected") if one["fraud"] else ("Honest", "approved")
        code = f", {one['code']}" if one["code"] else ""
        rows.append(
            [
                markup.pill(word, tone),
                markup.link("decision", markup.text(one["event_id"]), event=one["event_id"]),
                markup.text(words.code_words(one["source"]) + code),
                markup.text(words.moment(one["known_at"], roles.timezone)),
            ]
        )
    columns = ["It was", "Event", "Said by", "Known since"]
    return markup.table(columns, rows, empty="Nobody said what its events were.")


def history(items: Sequence[Mapping[str, Any]], roles: Roles, of: str) -> str:
    """The events of an entity, each a link to its decision; `of` is the field that all of them share."""
    others = [name for name in roles.entities if name != of]
    rows = []
    for item in items:
        event = item["event"]
        when = words.clock(item["event_time"], roles.timezone)
        rows.append(
            [
                markup.outcome(item["outcome"]),
                markup.risk(item["risk_score"], float(roles.policy.get("percentile") or 98)),
                markup.two_lines(
                    markup.link("decision", when, kind="rl-row", event=item["event_id"]),
                    words.day(item["event_time"], roles.timezone),
                ),
                *(_with(name, event.get(name)) for name in others),
                f"<b>{markup.text(roles.amount_text(event))}</b>" if roles.amount else "",
                markup.text(roles.category_text(event)),
            ]
        )
    columns = ["Outcome", "Risk", "Time", *map(words.field_label, others), "Amount", "Kind"]
    return markup.table(columns, rows, empty="No older ones.")


def _with(name: str, value: object) -> str:
    return markup.entity(name, value, kind="rl-over") if value else words.MISSING


def nodes(given: Sequence[Mapping[str, Any]], roles: Roles, center: str = "") -> str:
    """Nodes of a link graph as a table, all but the one in the middle."""
    rows = [
        [
            markup.two_lines(
                markup.entity(node["entity"], node["key"], kind="rl-row"),
                markup.text(words.field_label(node["entity"])),
            ),
            words.number(node["events"]),
            words.money(_figure(node["spend"]["amount"]), node["spend"]["currency"]) if node["spend"] else "",
            f'<span class="rl-worse">{words.number(node["frauds"])}</span>' if node["frauds"] else "0",
            words.number(node["neighbours"]) + (" (hub)" if node["is_hub"] else ""),
            markup.text(words.day(node["last_seen"], roles.timezone)),
        ]
        for node in given
        if node["id"] != center
    ]
    columns = ["Entity", "Events", "Spent", "Frauds", "Linked with", "Last seen"]
    return markup.table(columns, rows, numbers=["Spent", "Frauds", "Linked with"], empty="Nothing.")


def rings(items: Sequence[Mapping[str, Any]], roles: Roles) -> str:
    """Rings as a list, those with the most known frauds first."""
    rows = []
    for ring in items:
        shown = [markup.entity(one["entity"], one["key"], kind="rl-over") for one in ring["members"][:4]]
        rest = ring["size"] - len(shown)
        more = f' <span class="rl-muted">and {words.number(rest)} more</span>' if rest > 0 else ""
        rows.append(
            [
                markup.link("entity", f"Ring {ring['id']}", kind="rl-row", ring=str(ring["id"])),
                f'<span class="rl-worse">{words.number(ring["frauds"])}</span>' if ring["frauds"] else "0",
                words.number(ring["people"]),
                words.number(ring["shared"]),
                ", ".join(shown) + more,
            ]
        )
    columns = ["Ring", "Frauds", f"{roles.entity_word}s", "Shared", "Who and what"]
    empty = "No two share anything that is not a hub."
    return markup.table(columns, rows, numbers=columns[1:4], empty=empty)
