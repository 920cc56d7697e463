"""Tables of a report: captions, headed rows and columns, and intervals drawn beside their figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from riskloom.measure.groups import Group, weakest
from riskloom.measure.interval import Estimate
from riskloom.training.report.evaluation import DetectorEvaluation, Evaluation
from riskloom.training.report.plots import dash_of
from riskloom.training.report.words import (
    DOWN_IS_GOOD,
    MEASURES,
    NONE,
    SHARES,
    count,
    figure,
    interval,
    measure,
    money,
    number,
    percent,
    text,
)

_BAR, _THICK = 76.0, 9.0
_OTHER_THRESHOLDS = 7
AT_THRESHOLD = ("precision", "recall", "f1", "value_detected", "false_positives_per_fraud", "cost")


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first cell of each row heads it. Captions and columns are text, cells are HTML."""
    head = "".join(f'<th scope="col">{text(column)}</th>' for column in columns)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    return (
        f'<div class="rl-scroll" tabindex="0" role="region" aria-label="{text(caption)}">'
        f"<table><caption>{text(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def comparison(evaluation: Evaluation) -> str:
    """How all detectors rank, then what each does at its own threshold, with intervals."""
    ranking = _compare(
        evaluation,
        [name for name in MEASURES if name not in AT_THRESHOLD],
        "How well the detectors rank on the test, with 95 % intervals; the best of each column is bold",
    )
    return ranking + _compare(
        evaluation, AT_THRESHOLD, "What each does at its own threshold, with 95 % intervals"
    )


def _compare(evaluation: Evaluation, measures: Sequence[str], caption: str) -> str:
    """The chosen detector first; each measure with its interval on a scale common to the column."""
    ordered = sorted(
        evaluation.detectors,
        key=lambda each: (each.name != evaluation.chosen, -_known(each.estimate("average_precision").value)),
    )
    names = [name for name in measures if any(name in each.estimates for each in ordered)]
    if not names:
        return ""
    spans = {name: _span([each.estimate(name) for each in ordered]) for name in names}
    best = {name: _best([each.estimate(name).value for each in ordered], name) for name in names}
    rows = [
        [
            detector_name(evaluation, each),
            *(_cell(evaluation, name, each.estimate(name), spans[name], best[name]) for name in names),
        ]
        for each in ordered
    ]
    ceiling = _ceilings(evaluation.best)
    if set(ceiling) & set(names):
        rows.append(
            [
                '<span class="rl-quiet">perfect ranking</span>',
                *(f'<span class="rl-quiet">{figure(ceiling[name])}</span>' if name in ceiling else ""
                  for name in names),
            ]
        )  # fmt: skip
    return table(caption, ["Detector", *(evaluation.name_of(name) for name in names)], rows)


def differences(evaluation: Evaluation) -> str:
    """By how much the others differ from the chosen detector, on the same drawn rows."""
    others = [each for each in evaluation.detectors if each.differences]
    names = [name for name in MEASURES if any(name in each.differences for each in others)]
    if not names:
        return ""
    rows = []
    for each in others:
        cells = [text(each.name)]
        for name in names:
            gain = each.differences.get(name)
            cells.append(NONE if gain is None else _difference(evaluation, name, gain))
        rows.append(cells)
    return table(
        f"Difference to {evaluation.chosen} on the same drawn rows; bold where chance does not explain it",
        ["Detector", *(evaluation.name_of(name) for name in names)],
        rows,
    )


def outcome(evaluation: Evaluation) -> str:
    """What was flagged and what was not, by what it turned out to be."""
    at, currency, decimals = evaluation.best.at, evaluation.currency, evaluation.decimals
    has_value = at.value is not None and at.value_found is not None
    rows = []
    for name, alerts, found, value in (
        ("Flagged", at.alerts, at.found, at.value_found),
        ("Let through", at.rows - at.alerts, at.frauds - at.found, (at.value or 0) - (at.value_found or 0)),
    ):
        row = [
            name,
            count(alerts),
            count(found),
            count(alerts - found),
            percent(found / alerts if alerts else math.nan),
        ]
        rows.append([*row, money(value or 0, currency, decimals)] if has_value else row)
    columns = ["", "Events", "Frauds", "Legitimate", "Share of fraud"]
    return table(
        "What the chosen threshold did on the test",
        [*columns, "Fraud by value"] if has_value else columns,
        rows,
    )


def other_thresholds(evaluation: Evaluation) -> str:
    """A few thresholds from many alerts to few, and what each would have done."""
    best, held = evaluation.best, evaluation.best.sweep
    if len(held.thresholds) < 2:
        return ""
    wanted = [held.flagged_share[0] * 0.4**at for at in range(_OTHER_THRESHOLDS)]
    places = sorted({min(range(len(held.thresholds)), key=lambda at: abs(held.flagged_share[at] - share))
                     for share in wanted})  # fmt: skip
    columns = ["Threshold", "Flagged", "Precision", "Recall"]
    columns += ["Alerts a day"] if held.alerts_per_day else []
    columns += ["Cost"] if held.cost else []
    rows = []
    for at in places:
        row = [number(held.thresholds[at]), percent(held.flagged_share[at]), percent(held.precision[at], 1)]
        row.append(percent(held.recall[at], 1))
        row += [figure(held.alerts_per_day[at])] if held.alerts_per_day else []
        row += [money(held.cost[at], evaluation.currency, evaluation.decimals)] if held.cost else []
        rows.append(row)
    return table(f"Other thresholds of {best.name}, on the test", columns, rows)


def segments(evaluation: Evaluation, field: str, groups: Sequence[Group]) -> str:
    """One row for each group, with its recall drawn; those clearly weaker are marked."""
    overall = evaluation.best.at.recall
    weak = {group.name for group in weakest(tuple(groups), overall)}
    has_value = any(group.at.value is not None for group in groups)
    columns = [field, "Events", "Frauds", "Share of fraud", "Alerts", "Precision", "Recall", "AUC"]
    columns += ["Missed by value"] if has_value else []
    rows = []
    ordered = groups if field == "month" else sorted(groups, key=lambda each: each.at.found - each.at.frauds)
    for group in ordered:
        at = group.at
        mark = ' <span class="rl-pill rl-warn">weaker</span>' if group.name in weak else ""
        row = [
            f"{text(group.name)}{mark}",
            count(at.rows),
            count(at.frauds),
            percent(at.frauds / at.rows if at.rows else math.nan),
            count(at.alerts),
            percent(group.precision.value, 1),
            f"{percent(group.recall.value, 1)}{_bar(group.recall, (0.0, 1.0), mark=overall)}",
            figure(group.roc_auc),
        ]
        if has_value:
            lost = (at.value or 0.0) - (at.value_found or 0.0)
            row.append(money(lost, evaluation.currency, evaluation.decimals))
        rows.append(row)
    order = "" if field == "month" else ", most missed frauds first"
    return table(f"By {field}{order}; the mark beside recall is that of all events", columns, rows)


def importances(evaluation: Evaluation) -> str:
    """All importances as figures, for those who do not see the bars."""
    best = evaluation.best
    rows = [
        [text(name), number(value)]
        for name, value in sorted(best.importances.items(), key=lambda each: -abs(each[1]))
    ]
    return table("Importance of each feature", ["Feature", best.importance_of or "Importance"], rows)


def leakage_scores(evaluation: Evaluation) -> str:
    """The measures with everything and without what the leakage check names."""
    if evaluation.leakage is None or not evaluation.leakage.scores:
        return ""
    names = list(dict.fromkeys(name for one in evaluation.leakage.scores for name in one.measures))
    rows = [
        [
            text(one.name),
            *(measure(name, one.measures[name]) if name in one.measures else NONE for name in names),
        ]
        for one in evaluation.leakage.scores
    ]
    columns = ["Learned from", *(MEASURES.get(name, name) for name in names)]
    return table("What the score is without the fields that are named", columns, rows)


def _known(value: float) -> float:
    return -1.0 if math.isnan(value) else value


def detector_name(evaluation: Evaluation, each: DetectorEvaluation) -> str:
    chosen = each.name == evaluation.chosen
    kind = "rl-best" if chosen else "rl-other"
    dash = "" if chosen else f' stroke-dasharray="{dash_of(evaluation, each.name)}"'
    drawn = f'<path class="rl-line {kind}" d="M1 4L25 4"{dash}/>'
    sample = f'<svg class="rl-sample" viewBox="0 0 26 8" aria-hidden="true">{drawn}</svg>'
    pill = ' <span class="rl-pill">chosen</span>' if chosen else ""
    return f"{sample}{text(each.name)}{pill}"


def _ceilings(best: DetectorEvaluation) -> Mapping[str, float]:
    return {
        "precision_at_k" if each.what == "rows" else "entity_precision_at_k": each.ceiling.mean
        for each in best.days
    }


def _cell(evaluation: Evaluation, name: str, held: Estimate, span: tuple[float, float], best: float) -> str:
    shown = measure(name, held.value, evaluation.currency, evaluation.decimals)
    ends = interval(name, held, evaluation.currency, evaluation.decimals)
    value = f"<b>{shown}</b>" if held.value == best else shown
    said = f'<span class="rl-hidden"> ({text(ends)})</span>' if ends else ""
    return f'<span title="{text(ends)}">{value}{said}</span>{_bar(held, span)}'


def _difference(evaluation: Evaluation, name: str, gain: Estimate) -> str:
    digits = evaluation.currency, evaluation.decimals
    points = " points" if name in SHARES else ""
    scale = 100.0 if points else 1.0

    def show(value: float) -> str:
        if name == "cost":
            return money(value, *digits)
        return f"{value * scale:+.1f}" if points else f"{value:+.3f}"

    if math.isnan(gain.value):
        return NONE
    sure = gain.has_interval and (gain.low > 0 or gain.high < 0)
    shown = f"<b>{show(gain.value)}</b>" if sure else show(gain.value)
    ends = f'<span class="rl-sub">{show(gain.low)} to {show(gain.high)}</span>' if gain.has_interval else ""
    return f"{shown}{points}{ends}"


def _span(held: Sequence[Estimate]) -> tuple[float, float]:
    """From the lowest to the highest end of a column."""
    ends = [end for each in held for end in (each.low, each.high, each.value) if math.isfinite(end)]
    return (min(ends), max(ends)) if ends else (0.0, 1.0)


def _best(values: Sequence[float], name: str) -> float:
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return math.nan
    return min(known) if name in DOWN_IS_GOOD else max(known)


def _bar(held: Estimate, span: tuple[float, float], *, mark: float | None = None) -> str:
    """An interval as a line with its value as a dot; `mark` is a value to compare with."""
    low, high = span
    if not held.has_interval or not high > low:
        return ""
    room = _BAR - 8

    def at(value: float) -> float:
        return 4 + room * (min(max(value, low), high) - low) / (high - low)

    middle = _THICK / 2
    parts = [f'<line class="rl-track" x1="4" x2="{_BAR - 4:g}" y1="{middle:g}" y2="{middle:g}"/>']
    if mark is not None and math.isfinite(mark):
        parts.append(f'<line class="rl-cut" x1="{at(mark):.1f}" x2="{at(mark):.1f}" y1="0" y2="{_THICK:g}"/>')
    parts.append(
        f'<line class="rl-whisker" x1="{at(held.low):.1f}" x2="{at(held.high):.1f}" '
        f'y1="{middle:g}" y2="{middle:g}"/>'
        f'<circle class="rl-dot rl-best" cx="{at(held.value):.1f}" cy="{middle:g}" r="2.6"/>'
    )
    return f'<svg class="rl-bar" viewBox="0 0 {_BAR:g} {_THICK:g}" aria-hidden="true">{"".join(parts)}</svg>'
