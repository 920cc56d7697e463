"""A replay as one HTML page: no script, nothing fetched; the looks are those of the training report."""

from __future__ import annotations

import math

from riskloom.domain.decision import LADDER
from riskloom.measure.interval import Estimate
from riskloom.replay import plots
from riskloom.replay.compare import Change, Comparison, SideFigures
from riskloom.replay.example import Example, Shown, name_cell
from riskloom.replay.present import Units
from riskloom.replay.run import Replayed
from riskloom.training.report.style import STYLE
from riskloom.training.report.tables import table
from riskloom.training.report.words import NONE, count, percent, text

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_EVIDENCE = 5


def render_page(replayed: Replayed, comparison: Comparison, source: str) -> str:
    """The whole page. The same replay gives the same bytes."""
    units = Units(replayed.sides[0].bundle.scenario)
    sections = [
        (anchor, title, body)
        for anchor, title, body in (
            ("sides", "What each side does", _sides(comparison, units)),
            ("changes", "What changes", "".join(_change(each, units) for each in comparison.changes)),
            ("days", "Alerts a day", _days(comparison)),
            ("rules", "Rule by rule", "".join(_rules(side, units) for side in comparison.sides)),
            ("segments", "For whom", "".join(_segments(side, units) for side in comparison.sides)),
            ("examples", "Examples", _examples(replayed, units)),
        )
        if body
    ]
    links = "".join(f'<a href="#{anchor}">{text(title)}</a>' for anchor, title, _ in sections)
    body = "".join(
        f'<section id="{anchor}"><h2>{text(title)}</h2>{body}</section>' for anchor, title, body in sections
    )
    title = f"{replayed.sides[0].bundle.scenario.name}: replay of {source}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{text(title)}</title><style>{STYLE}</style></head><body><main>"
        f'<header><h1>{text(title)}</h1><p class="rl-meta">{text(_meta(comparison, units))}</p>'
        f"<nav>{links}</nav></header>{body}"
        "<footer>Made by riskloom replay: the functions that serve, over recorded events."
        "</footer></main></body></html>\n"
    )


def _meta(comparison: Comparison, units: Units) -> str:
    return (
        f"{count(comparison.events)} events from {units.time(comparison.first_us)} to "
        f"{units.time(comparison.last_us)}, {count(comparison.labelled)} labelled; "
        f"{count(comparison.warm_up)} before them warmed the state up"
    )


def _sides(comparison: Comparison, units: Units) -> str:
    rows = []
    for side in comparison.sides:
        counts, alerts = side.counts, side.alerts
        cells = [
            f"{text(side.name)} <small>{side.bundle[:12]}</small>",
            f"{count(counts.flagged)} ({count(counts.rejected)})",
            f"{count(counts.caught)} of {count(counts.frauds)}<br><small>{_share(counts.recall)}</small>",
            f"{percent(counts.precision.value)}<br><small>{_ends(counts.precision)}</small>",
            count(counts.annoyed)
            + (
                ""
                if counts.annoyed_customers is None
                else f"<br><small>{count(counts.annoyed_customers)} customers</small>"
            ),
            NONE if alerts is None else f"{alerts.mean:.1f} ({alerts.entities_mean:.1f})",
        ]
        if counts.money is not None:
            cells.append(
                f"{units.money(counts.money.caught)}<br><small>{percent(counts.money.share)}</small>"
            )
            cells.append(units.money(counts.money.missed))
        if side.cost is not None:
            cells += [_money(side.cost, units), _money(side.saved, units)]
        rows.append(cells)
    head = [
        "side",
        "flagged (rejected)",
        "fraud caught",
        "precision",
        "honest annoyed",
        "alerts a day (entities)",
    ]
    first = comparison.sides[0]
    head += ["value caught", "value missed"] if first.counts.money is not None else []
    head += ["cost", "saved against none"] if first.cost is not None else []
    return table("Each side over the same events, with 95 % intervals", head, rows) + plots.caught(comparison)


def _share(estimate: Estimate) -> str:
    return f"{percent(estimate.value)}, {_ends(estimate)}"


def _ends(estimate: Estimate) -> str:
    return f"{percent(estimate.low)} to {percent(estimate.high)}" if estimate.has_interval else ""


def _money(estimate: Estimate | None, units: Units) -> str:
    if estimate is None:
        return NONE
    ends = f"{units.money(estimate.low)} to {units.money(estimate.high)}" if estimate.has_interval else ""
    return f"{units.money(estimate.value)}<br><small>{ends}</small>"


def _change(change: Change, units: Units) -> str:
    names = [outcome.value for outcome in LADDER]
    rows = [
        [
            f"{text(change.first)} {name}",
            *(_cell(change, at, to) for to in range(len(names))),
        ]
        for at, name in enumerate(names)
    ]
    caption = f"Outcomes by {change.first} (rows) and by {change.second} (columns)"
    words = [f"{count(change.flipped)} events have another outcome."]
    if change.saved is not None:
        ends = f" ({units.money(change.saved.low)} to {units.money(change.saved.high)})"
        words.append(
            f"{change.second} instead of {change.first} saves {units.money(change.saved.value)}"
            f"{ends if change.saved.has_interval else ''}."
        )
    if not math.isnan(change.recall.value):
        words.append(
            f"Fraud caught changes by {_points(change.recall)}, precision by {_points(change.precision)}."
        )
    head = ["", *(f"{change.second} {name}" for name in names)]
    return f"<p>{text(' '.join(words))}</p>{table(caption, head, rows)}"


def _cell(change: Change, at: int, to: int) -> str:
    total = change.matrix[at][to]
    return _split(total, change.fraud[at][to], change.honest[at][to]) if total else "0"


def _split(total: int, fraud: int, honest: int) -> str:
    return f"{count(total)}<br><small>{fraud:,} fraud, {honest:,} honest</small>"


def _points(estimate: Estimate) -> str:
    ends = f" ({estimate.low * 100:+.1f} to {estimate.high * 100:+.1f})" if estimate.has_interval else ""
    return f"{estimate.value * 100:+.1f} points{ends}"


def _days(comparison: Comparison) -> str:
    drawing = plots.alerts(comparison)
    if not drawing:
        return ""
    words = "Different customers (or other main entities) flagged each day; the dashed level is the budget."
    return f"<figure><figcaption>{words}</figcaption><div class='rl-draw'>{drawing}</div></figure>"


def _rules(side: SideFigures, units: Units) -> str:
    if not side.rules:
        return ""
    rows = [
        [
            f"{text(rule.code)}<br><small>{rule.action}</small>",
            count(rule.hits),
            f"{percent(rule.precision.value)}<br><small>{_ends(rule.precision)}</small>",
            units.money(rule.value),
            _split(rule.alone, rule.frauds_alone, rule.honest_alone),
            percent(rule.overlap),
            f"{text(rule.most_with)} {percent(rule.most_share)}" if rule.most_with else "",
            plots.decay(rule),
            text(rule.verdict),
        ]
        for rule in side.rules
    ]
    head = [
        "rule", "hits", "precision", "fraud met", "flagged by it alone", "overlap", "most with",
        "precision over time", "",
    ]  # fmt: skip
    return table(f"Rules of {side.name}", head, rows)


def _segments(side: SideFigures, units: Units) -> str:
    if not side.by_segment:
        return ""
    rows = [
        [
            text(name),
            count(each.events),
            count(each.flagged),
            f"{each.caught:,} of {each.frauds:,}",
            _share(each.recall),
            _share(each.precision),
            NONE if each.money is None else units.money(each.money.missed),
        ]
        for name, each in side.by_segment.items()
    ]
    head = ["", "events", "flagged", "fraud caught", "recall", "precision", "fraud missed"]
    return table(f"{side.name}, part by part", head, rows)


def _examples(replayed: Replayed, units: Units) -> str:
    names = [side.name for side in replayed.sides]
    return "".join(
        table(name_cell(cell), ["event", *names], [_example(example, units) for example in listed])
        for cell, listed in replayed.examples.items()
    )


def _example(example: Example, units: Units) -> list[str]:
    facts = [units.time(example.time_us), example.entity, units.money(example.amount)]
    small = "<br>".join(text(fact) for fact in facts if fact)
    return [f"{text(example.event_id)}<br><small>{small}</small>", *map(_shown, example.sides.values())]


def _shown(shown: Shown) -> str:
    risk = "" if shown.risk_score is None else f", risk {shown.risk_score:.2f}"
    items = "".join(
        f"<li><b>{text(reason.code)}</b> {text(reason.message)}{_behind(reason.evidence)}</li>"
        for reason in shown.reasons
    )
    return f"{shown.outcome}{risk}<ul>{items}</ul>" if items else f"{shown.outcome}{risk}"


def _behind(evidence: tuple[str, ...]) -> str:
    if not evidence:
        return ""
    more = f" and {len(evidence) - _EVIDENCE} more" if len(evidence) > _EVIDENCE else ""
    return f" <small>because of {text(', '.join(evidence[-_EVIDENCE:]))}{more}</small>"
