"""The tables of `riskloom replay` on a terminal."""

from __future__ import annotations

import math

from riskloom.cli.console import print_table, say
from riskloom.domain.decision import LADDER
from riskloom.measure.interval import Estimate
from riskloom.replay.compare import Change, Comparison, Counts, SideFigures
from riskloom.replay.example import Shown, name_cell
from riskloom.replay.present import Units
from riskloom.replay.run import Replayed
from riskloom.replay.verify import Verified
from riskloom.training.report.words import NONE, count, percent

_SEGMENTS = 12
_EVIDENCE = 3
_LONGEST = 300


def print_comparison(replayed: Replayed, comparison: Comparison) -> None:
    """Everything a person asks for first: sides, what flipped, rules, segments, examples."""
    units = Units(replayed.sides[0].bundle.scenario)
    start, end = units.time(comparison.first_us), units.time(comparison.last_us)
    say(
        f"{comparison.events:,} events from {start} to {end}, {comparison.labelled:,} of them labelled; "
        f"{comparison.warm_up:,} before them warmed the state up, {comparison.too_late:,} came too late"
    )
    _sides(comparison, units)
    for change in comparison.changes:
        _change(change, units)
    for side in comparison.sides:
        _rules(side, units)
    _segments(comparison, units)
    _examples(replayed, units)


def _sides(comparison: Comparison, units: Units) -> None:
    rows = [
        ("bundle", *(side.bundle[:12] for side in comparison.sides)),
        ("flagged (rejected)", *(f"{s.counts.flagged:,} ({s.counts.rejected:,})" for s in comparison.sides)),
        *((name, *(_count(name, s.counts, units) for s in comparison.sides)) for name in _COUNTED),
    ]
    if all(side.alerts is not None for side in comparison.sides):
        rows.append(("alerts a day (entities)", *(_alerts(side) for side in comparison.sides)))
        if any(side.alerts is not None and side.alerts.budget is not None for side in comparison.sides):
            rows.append(("days over the budget", *(_over(side) for side in comparison.sides)))
    if any(side.cost is not None for side in comparison.sides):
        rows.append(("cost", *(_money(side.cost, units) for side in comparison.sides)))
        rows.append(("saved against none", *(_money(side.saved, units) for side in comparison.sides)))
    print_table(("", *(side.name for side in comparison.sides)), rows)


_COUNTED = ("fraud caught", "fraud missed", "value caught", "value missed", "precision", "honest annoyed")


def _count(name: str, counts: Counts, units: Units) -> str:
    money = counts.money
    if name == "fraud caught":
        return f"{counts.caught:,} of {counts.frauds:,} ({percent(counts.recall.value)})"
    if name == "fraud missed":
        return f"{counts.frauds - counts.caught:,}"
    if name == "value caught":
        return NONE if money is None else f"{units.money(money.caught)} ({percent(money.share)})"
    if name == "value missed":
        return NONE if money is None else units.money(money.missed)
    if name == "precision":
        low, high = percent(counts.precision.low), percent(counts.precision.high)
        return f"{percent(counts.precision.value)} ({low} to {high})"
    customers = "" if counts.annoyed_customers is None else f" ({counts.annoyed_customers:,} customers)"
    return f"{counts.annoyed:,} events{customers}"


def _alerts(side: SideFigures) -> str:
    return NONE if side.alerts is None else f"{side.alerts.mean:.1f} ({side.alerts.entities_mean:.1f})"


def _over(side: SideFigures) -> str:
    if side.alerts is None or side.alerts.over_budget is None:
        return NONE
    return f"{side.alerts.over_budget} of {len(side.alerts.days)}"


def _money(estimate: Estimate | None, units: Units) -> str:
    if estimate is None:
        return NONE
    ends = f" ({units.money(estimate.low)} to {units.money(estimate.high)})" if estimate.has_interval else ""
    return units.money(estimate.value) + ends


def _change(change: Change, units: Units) -> None:
    names = [outcome.value for outcome in LADDER]
    rows = [
        (f"{change.first} {name}", *(_cell(change, at, to) for to in range(len(names))))
        for at, name in enumerate(names)
    ]
    title = f"{change.first} (rows) against {change.second} (columns): events, of them fraud / honest"
    print_table(("", *(f"{change.second} {name}" for name in names)), rows, title=title)
    if change.saved is not None:
        say(f"{change.second} instead of {change.first} saves {_money(change.saved, units)}")


def _cell(change: Change, at: int, to: int) -> str:
    total = change.matrix[at][to]
    return f"{total:,}: {change.fraud[at][to]:,} / {change.honest[at][to]:,}" if total else "0"


def _rules(side: SideFigures, units: Units) -> None:
    rows = [
        (
            rule.code,
            rule.action,
            count(rule.hits),
            percent(rule.precision.value),
            NONE if rule.value is None else units.money(rule.value),
            f"{rule.alone:,}: {rule.frauds_alone:,} / {rule.honest_alone:,}",
            f"{percent(rule.overlap)}",
            f"{rule.most_with} {percent(rule.most_share)}" if rule.most_with else "",
            _trend([each.precision.value for each in rule.decay]),
        )
        for rule in side.rules
    ]
    if rows:
        head = (
            "rule", "action", "hits", "precision", "fraud met", "alone: fraud / honest", "overlap",
            "most with", "precision over time",
        )  # fmt: skip
        print_table(head, rows, title=f"rules of {side.name}")
    for verdict in dict.fromkeys(rule.verdict for rule in side.rules if rule.verdict):
        named = ", ".join(rule.code for rule in side.rules if rule.verdict == verdict)
        say(f"{side.name}: {named}: {verdict}")


_BARS = "▁▂▃▄▅▆▇█"


def _trend(shares: list[float]) -> str:
    """A line of bars, one for each month or week; a dot where the rule was not met."""
    return "".join("·" if math.isnan(share) else _BARS[min(7, int(share * 8))] for share in shares)


def _segments(comparison: Comparison, units: Units) -> None:
    for side in comparison.sides:
        rows = [
            (
                name,
                count(counts.events),
                count(counts.flagged),
                f"{counts.caught:,} of {counts.frauds:,}",
                percent(counts.precision.value),
                NONE if counts.money is None else units.money(counts.money.missed),
            )
            for name, counts in list(side.by_segment.items())[:_SEGMENTS]
        ]
        if rows:
            head = ("", "events", "flagged", "fraud caught", "precision", "fraud missed")
            print_table(head, rows, title=f"by segment, {side.name}")


def _examples(replayed: Replayed, units: Units) -> None:
    for cell, listed in replayed.examples.items():
        rows = [
            (
                f"{example.event_id}\n{units.time(example.time_us)}\n{example.entity}",
                units.money(example.amount),
                *(_shown(shown) for shown in example.sides.values()),
            )
            for example in listed
        ]
        head = ("event", "amount", *(side.name for side in replayed.sides))
        print_table(head, rows, title=name_cell(cell))


def _shown(shown: Shown) -> str:
    """A side's outcome, its score and its reasons, each with the newest of its evidence."""
    risk = "" if shown.risk_score is None else f", risk {shown.risk_score:.2f}"
    lines = [f"{shown.outcome}{risk}"]
    for reason in shown.reasons:
        behind = f" [{', '.join(reason.evidence[-_EVIDENCE:])}]" if reason.evidence else ""
        lines.append(f"{reason.code}: {reason.message}{behind}")
    return "\n".join(lines)


def print_verified(scenario: str, found: Verified) -> None:
    """What was compared, the first mismatches, and the bundles that were not found."""
    say(
        f"{scenario}: {found.events:,} vectors, {found.decisions:,} decisions and {found.trials:,} trials "
        f"recomputed, {found.mismatches:,} mismatches"
    )
    if found.first:
        rows = [
            (one.arrival, one.event_id, one.what, one.stored[:_LONGEST], one.recomputed[:_LONGEST])
            for one in found.first
        ]
        print_table(("arrival", "event", "what", "stored", "recomputed"), rows)
    for name, decisions in found.missing.items():
        say(f"not found: {name}, which {decisions:,} decisions need; name its folder with --bundle")
