"""What a rule would have hit, in words, figures and a table; values in, HTML out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from riskloom.dashboard import markup, words
from riskloom.dashboard.roles import Roles

_EXAMPLE = re.compile(r"examples\[(\d+)\]")


def faults(given: Sequence[Mapping[str, Any]], texts: Mapping[str, str]) -> str:
    """What is wrong with a rule; where an expression's column is known, it is marked."""
    rows = []
    for fault in given:
        where, column = str(fault["where"]), int(fault.get("column") or 0)
        expected = str(fault["expected"]).partition(" (column ")[0]
        marked = _marked(texts.get(where, ""), column) if column else ""
        came = fault.get("got", "") if not marked else ""
        rows.append(
            f"<li><b>{markup.text(_place(where))}</b>: expected {markup.text(expected)}"
            + (f", got <code>{markup.text(came)}</code>" if came else "")
            + marked
            + (f"<small>{markup.text(fault['hint'])}</small>" if fault.get("hint") else "")
            + "</li>"
        )
    return f'<ul class="rl-faults" role="alert">{"".join(rows)}</ul>'


def _place(where: str) -> str:
    """A place within a rule in words: `examples[1].hit` is "Example 2"."""
    found = _EXAMPLE.match(where)
    return f"Example {int(found[1]) + 1}" if found else words.field_label(where)


def _marked(expression: str, column: int) -> str:
    """An expression with a mark at a column, counted from 1."""
    at = min(max(column - 1, 0), len(expression))
    end = at
    while end < len(expression) and (expression[end].isalnum() or expression[end] == "_"):
        end += 1
    here = expression[at : max(end, at + 1)] or " "
    before, after = expression[:at], expression[at + len(here) :]
    return (
        f'<div class="rl-where"><code>{markup.text(before)}<mark>{markup.text(here)}</mark>'
        f"{markup.text(after)}</code></div>"
    )


def figures(tried: Mapping[str, Any], roles: Roles) -> str:
    """What it would have hit, beside what the rule of that code did hit."""
    now, before, total = tried["now"], tried["before"], tried["events"]
    share = words.percent(now["hits"] / total) if total else words.MISSING
    known = now["fraud"] + now["honest"]
    told = f"{words.percent(now['fraud'] / known)} of the labelled" if known else "none is labelled"
    return markup.figures(
        [
            ("Would have hit", words.number(now["hits"]), f"{share}; it did hit {before['hits']:,}"),
            ("Approved until now", words.number(now["approved"]), "decided the other way"),
            ("Known fraud", words.number(now["fraud"]), f"{told}; before {before['fraud']:,}"),
            ("Known honest", words.number(now["honest"]), f"before {before['honest']:,}"),
        ]
    )


def span(tried: Mapping[str, Any], roles: Roles) -> str:
    """Over which events it was tried."""
    if not tried["events"]:
        return f"No {roles.event_word} was decided yet."
    zone = roles.timezone
    return (
        f"Tried on the newest {tried['events']:,} decided {roles.event_word}s, "
        f"{words.moment(tried['from'], zone)} to {words.moment(tried['to'], zone)}."
    )


def examples(tried: Mapping[str, Any], roles: Roles) -> str:
    """The newest events it would have hit."""
    flag_from = float(roles.policy.get("percentile") or 98)
    rows = [
        [
            markup.outcome(one["outcome"]),
            markup.risk(one["risk_score"], flag_from),
            markup.two_lines(
                markup.link(
                    "decision", words.clock(one["event_time"], roles.timezone), event=one["event_id"]
                ),
                words.day(one["event_time"], roles.timezone),
            ),
            markup.text(_values(one["values"])),
        ]
        for one in tried["examples"]
    ]
    return markup.table(["Decided", "Risk", "Time", "Values"], rows, empty="It would have hit none of them.")


def _values(values: Mapping[str, Any]) -> str:
    told = (
        f"{words.code_words(name)} {words.number(value) if isinstance(value, int | float) else value}"
        for name, value in values.items()
        if value is not None
    )
    return ", ".join(told)
