"""Two sides of a replay beside each other: figures, what changed, and which events show it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from riskloom.dashboard import markup, words
from riskloom.dashboard.roles import Roles

OUTCOMES = ("Approved", "Flagged", "Rejected")
SIDES: Mapping[str, str] = {"champion": "As it is", "tried": "As changed"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXAMPLES = 12


def side_word(name: str) -> str:
    """What a side is called."""
    return SIDES.get(name, words.code_words(name).capitalize())


class Units:
    """How a replay's amounts are written."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        self._currency = str(result.get("currency") or "")
        self._scale = 10 ** int(result.get("decimals") or 0)

    def money(self, minor: float | None) -> str:
        """A sum in minor units, without its cents."""
        if minor is None or not math.isfinite(minor):
            return words.MISSING
        return f"{words.number(round(minor / self._scale))} {self._currency}".strip()

    def amount(self, minor: float | None) -> str:
        """One event's amount in minor units."""
        return words.money(None if minor is None else minor / self._scale, self._currency)


def verdict(result: Mapping[str, Any]) -> str:
    """What the change does, in one sentence."""
    units = Units(result)
    before, after = (side["counts"] for side in result["sides"][:2])
    change = result["changes"][0]
    told = [
        f"{words.number(change['flipped'])} of {words.number(result['events'])} decisions come out otherwise",
        _difference(after["flagged"] - before["flagged"], "alert"),
        _difference(after["caught"] - before["caught"], "known fraud caught", "known frauds caught"),
        _difference(after["annoyed"] - before["annoyed"], "honest one bothered", "honest ones bothered"),
    ]
    saved = change.get("saved")
    if saved:
        low, high = units.money(saved["low"]), units.money(saved["high"])
        told.append(f"it saves {units.money(saved['value'])} ({low} to {high})")
    return f"{told[0]}: {', '.join(told[1:])}."


def _difference(count: int, one: str, many: str = "") -> str:
    word = one if abs(count) == 1 else (many or f"{one}s")
    return (
        f"{words.number(abs(count))} {'more' if count > 0 else 'fewer'} {word}"
        if count
        else f"as many {many or one + 's'}"
    )


def table(result: Mapping[str, Any], roles: Roles) -> str:
    """Each figure of both sides, and what differs."""
    units = Units(result)
    sides = result["sides"][:2]
    rows = []
    for label, write, read, better in _lines(units):
        values = [read(side) for side in sides]
        if all(value is None for value in values):
            continue
        rows.append(
            [
                markup.text(label),
                *(write(value) for value in values),
                _moved(values[0], values[1], write, better),
            ]
        )
    return markup.table(["Figure", *(side_word(side["name"]) for side in sides), "Difference"], rows)


def _lines(units: Units) -> list[tuple[str, Any, Any, int]]:
    """(label, how it is written, where it stands, 1 where more is better, -1 where less is)."""

    def money(side: Mapping[str, Any], name: str) -> float | None:
        return None if side["counts"]["money"] is None else side["counts"]["money"][name]

    def count(name: str) -> Any:
        return lambda side: side["counts"][name]

    return [
        ("Alerts", words.number, count("flagged"), 0),
        ("of them rejected", words.number, count("rejected"), 0),
        ("Alerts a day", _one_digit, lambda side: side["alerts"]["mean"], 0),
        ("Known fraud caught", words.number, count("caught"), 1),
        ("Recall", words.percent, lambda side: side["counts"]["recall"]["value"], 1),
        ("Precision", words.percent, lambda side: side["counts"]["precision"]["value"], 1),
        ("Honest ones bothered", words.number, count("annoyed"), -1),
        ("Value of fraud caught", units.money, lambda side: money(side, "caught"), 1),
        ("Value of fraud missed", units.money, lambda side: money(side, "missed"), -1),
        ("Cost", units.money, lambda side: side["cost"]["value"] if side.get("cost") else None, -1),
    ]


def _one_digit(value: float | None) -> str:
    return words.number(value, 1)


def _moved(before: Any, after: Any, write: Any, better: int) -> str:
    if before is None or after is None or before != before or after != after or before == after:
        return '<span class="rl-muted">the same</span>' if before == after else words.MISSING
    rise = after > before
    tone = "" if not better else "rl-better" if rise == (better > 0) else "rl-worse"
    return f'<span class="{tone}">{"+" if rise else "−"}{write(abs(after - before))}</span>'


def changes(result: Mapping[str, Any]) -> str:
    """How many events go from which outcome to which; the known frauds and honest ones among them."""
    change = result["changes"][0]
    rows = []
    for first, name in enumerate(OUTCOMES):
        for second, other in enumerate(OUTCOMES):
            count = change["matrix"][first][second]
            if first == second or not count:
                continue
            rows.append(
                [
                    f"{markup.outcome(name.upper())} → {markup.outcome(other.upper())}",
                    words.number(count),
                    words.number(change["fraud"][first][second]),
                    words.number(change["honest"][first][second]),
                ]
            )
    columns = ["Change", "Events", "Known fraud", "Known honest"]
    return markup.table(columns, rows, empty="No decision comes out otherwise.")


def examples(result: Mapping[str, Any], roles: Roles) -> str:
    """A few events of each change, with what stands behind it."""
    units = Units(result)
    names = [side["name"] for side in result["sides"][:2]]
    rows: list[list[str]] = []
    for listed in result["examples"].values():
        for one in listed:
            first, second = (one["sides"].get(name) for name in names)
            if not first or not second or len(rows) >= _EXAMPLES:
                continue
            moment = (_EPOCH + timedelta(microseconds=one["time_us"])).isoformat()
            truth = {True: "fraud", False: "honest"}.get(one["fraud"], "not known")
            told = second["reasons"] or first["reasons"]
            rows.append(
                [
                    f"{markup.outcome(first['outcome'])} → {markup.outcome(second['outcome'])}",
                    markup.two_lines(
                        markup.link("decision", markup.text(one["event_id"]), event=one["event_id"]),
                        markup.text(words.moment(moment, roles.timezone)),
                    ),
                    markup.text(one["entity"] or words.MISSING),
                    f"<b>{markup.text(units.amount(one['amount']))}</b>",
                    truth,
                    markup.reasons(told) or '<span class="rl-muted">no reason</span>',
                ]
            )
    columns = ["Change", "Event", roles.entity_word, "Amount", "Turned out", "Why"]
    return markup.table(columns, rows, empty="There is no event to show.")


def by_day(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Alerts of each day and side, as rows for a chart."""
    return [
        {
            "day": (_EPOCH + timedelta(days=day)).date().isoformat(),
            "side": side_word(side["name"]),
            "alerts": count,
        }
        for side in result["sides"][:2]
        for day, count in zip(side["alerts"]["days"], side["alerts"]["by_day"], strict=True)
    ]


def rule_lines(result: Mapping[str, Any], code: str) -> str:
    """What one rule does on each side: how often it hits, how right it is, what only it finds."""
    rows = []
    units = Units(result)
    for side in result["sides"][:2]:
        found = next((rule for rule in side["rules"] if rule["code"] == code), None)
        if found is None:
            continue
        precision = found["precision"]
        rows.append(
            [
                markup.text(side_word(side["name"])),
                words.number(found["hits"]),
                f"{words.percent(precision['value'])} "
                f'<span class="rl-muted">{words.percent(precision["low"])} to '
                f"{words.percent(precision['high'])}</span>",
                units.money(found["value"]),
                f"{words.number(found['alone'])}: {found['frauds_alone']} fraud, "
                f"{found['honest_alone']} honest",
                markup.text(found["verdict"] or words.MISSING),
            ]
        )
    columns = ["Side", "Hits", "Precision", "Fraud by value", "It alone", "Remark"]
    return markup.table(columns, rows, empty="This rule is on neither side.")


def progress(job: Mapping[str, Any], total: int) -> float:
    """How far a replay is, from 0 to 1."""
    done = job["warm_up"] + job["counted"]
    return min(0.99, done / total) if total else 0.0
