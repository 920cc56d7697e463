"""The pictures of a report: each a function of an `Evaluation`, empty where its figures are missing."""

from __future__ import annotations

import math
from collections.abc import Sequence

from riskloom.measure.calendar import show_day
from riskloom.measure.groups import Group
from riskloom.training.report.evaluation import Days, DetectorEvaluation, Evaluation
from riskloom.training.report.scale import Scale
from riskloom.training.report.svg import Panel, picture
from riskloom.training.report.words import count, figure, number, percent

WIDTH, HEIGHT = 500.0, 340.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 22.0, 30.0, 46.0
DASHES = ("", "7 3", "2 3", "9 3 2 3", "12 4", "1 4", "5 2 1 2 1 2")
MOST_IMPORTANT = 14
WIDE = 760.0
_FINE = 0.15
_LONGEST = 36


def dash_of(evaluation: Evaluation, name: str) -> str:
    """How a detector other than the chosen one is dashed, in all pictures."""
    others = [each.name for each in evaluation.detectors if each.name != evaluation.chosen]
    return DASHES[others.index(name) % len(DASHES)]


def precision_recall(evaluation: Evaluation) -> str:
    """Precision over recall of all detectors, the chosen one in front, its threshold as a dot."""
    panel = Panel(*_square())
    panel.axis_y(_whole, "Precision", about=5)
    panel.axis_x(_whole, "Recall: share of frauds found")
    best = evaluation.best
    rate = best.at.frauds / max(1, best.at.rows)
    panel.level(rate, "rl-chance")
    for each in _chosen_last(evaluation):
        xs, ys = _steps(each.precision_recall.x, each.precision_recall.y)
        _curve(panel, evaluation, each, xs, ys, "average_precision")
    _operating_point(panel, best, best.at.recall, best.at.precision)
    says = f"Precision over recall. {_ranking(evaluation, 'average_precision', 'average precision')}"
    return picture(WIDTH, HEIGHT, panel.parts, says)


def roc(evaluation: Evaluation) -> str:
    """Recall over the false positive rate, on a logarithmic axis, where a small rate is seen."""
    best = evaluation.best
    honest = max(1, best.at.rows - best.at.frauds)
    least = 10.0 ** max(-5, min(-2, math.floor(math.log10(1 / honest))))
    x, y = _square()
    panel = Panel(Scale(least, 1, x.start, x.end, "log"), y)
    panel.axis_y(_whole, "Recall", about=5)
    panel.axis_x(percent_tick, "False positives: share of legitimate events flagged (log)")
    spread = [least * (1 / least) ** (at / 60) for at in range(61)]
    panel.line(spread, spread, "rl-chance")
    for each in _chosen_last(evaluation):
        xs, ys = _dense(each.roc.x, each.roc.y, least)
        _curve(panel, evaluation, each, xs, ys, "roc_auc")
    _operating_point(panel, best, best.at.false_positive_rate, best.at.recall)
    says = f"Recall over false positive rate. {_ranking(evaluation, 'roc_auc', 'ROC-AUC')}"
    return picture(WIDTH, HEIGHT, panel.parts, says)


def distribution(evaluation: Evaluation) -> str:
    """How the scores of frauds (up) and of the rest (down) are spread, each as shares of its own."""
    best = evaluation.best
    held = best.distribution
    totals = max(1, sum(held.honest)), max(1, sum(held.frauds))
    honest = [part / totals[0] for part in held.honest]
    frauds = [part / totals[1] for part in held.frauds]
    x = Scale(held.edges[0], held.edges[-1], LEFT, WIDTH - RIGHT, held.scale)
    top, bottom = max(*frauds, 1e-9) * 1.1, max(*honest, 1e-9)
    panel = Panel(x, Scale(-bottom, top, HEIGHT - BOTTOM, TOP))
    panel.axis_x(number, f"Score of {best.name}", about=6)
    for at, (up, down) in enumerate(zip(frauds, honest, strict=True)):
        low, high = held.edges[at], held.edges[at + 1]
        between = f"{number(low)} to {number(high)}"
        if up:
            panel.box(low, high, 0, up, "rl-fraud", gap=1, says=f"{percent(up)} of frauds, {between}")
        if down:
            panel.box(low, high, 0, -down, "rl-honest", gap=1, says=f"{percent(down)} of the rest, {between}")
    panel.level(0, "rl-base")
    middle = panel.y.at(0)
    panel.words(WIDTH - RIGHT, middle + 18, "legitimate events", "rl-name", "end")
    panel.words(WIDTH - RIGHT, TOP + 2, "frauds", "rl-name rl-ink-fraud", "end")
    _threshold_line(panel, best.at.threshold)
    says = (
        f"Distribution of scores: {percent(best.at.recall)} of frauds and "
        f"{percent(best.at.false_positive_rate)} of legitimate events are at or above the threshold."
    )
    return picture(WIDTH, HEIGHT, panel.parts, says)


def calibration(evaluation: Evaluation) -> str:
    """Observed fraud rates over predicted probabilities, both logarithmic, with their intervals."""
    held = evaluation.best.calibration
    if held is None or not held.bins:
        return ""
    values = [each.mean_probability for each in held.bins] + [
        each.fraud_rate for each in held.bins if each.fraud_rate
    ]
    least = 10.0 ** math.floor(math.log10(max(min(values, default=1e-4), 1e-6)))
    x = Scale(least, 1, LEFT + 10, WIDTH - RIGHT, "log")
    panel = Panel(x, Scale(least, 1, HEIGHT - BOTTOM, TOP, "log"))
    panel.axis_y(percent_tick, "Observed share of fraud")
    panel.axis_x(percent_tick, "Predicted probability", grid=True)
    panel.line([least, 1], [least, 1], "rl-chance")
    for each in held.bins:
        says = (
            f"predicted {percent(each.mean_probability)}, observed {percent(each.fraud_rate)} "
            f"({each.frauds} of {count(each.rows)})"
        )
        panel.upright(each.mean_probability, "rl-whisker", low=max(each.rate_low, least), high=each.rate_high)
        panel.dot(each.mean_probability, max(each.fraud_rate, least), "rl-best", radius=4.5, says=says)
    panel.note(least**0.55, least**0.55, "as predicted", dx=8, dy=14)
    says = (
        f"Calibration: on average {percent(held.mean_probability)} predicted, "
        f"{percent(held.fraud_rate)} observed."
    )
    return picture(WIDTH, HEIGHT, panel.parts, says)


def importances(evaluation: Evaluation) -> str:
    """The features that the chosen detector leans on most, as bars."""
    best = evaluation.best
    ranked = sorted(best.importances.items(), key=lambda each: -abs(each[1]))[:MOST_IMPORTANT]
    if not ranked:
        return ""
    room = 20 + 8.6 * min(_LONGEST, max(len(name) for name, _ in ranked))
    height = 24.0 * len(ranked) + 26
    most = max(abs(value) for _, value in ranked) or 1.0
    panel = Panel(Scale(0, most, room, WIDE - 70), Scale(0, len(ranked), 8, 8 + 24.0 * len(ranked)))
    for at, (name, value) in enumerate(ranked):
        panel.box(0, abs(value), at + 0.15, at + 0.85, "rl-best", says=f"{name}: {number(value)}")
        panel.words(room - 8, panel.y.at(at + 0.5) + 4, _short(name, _LONGEST), "rl-label", "end")
        panel.note(abs(value), at + 0.5, number(value), dx=6)
    panel.words(room, height - 4, best.importance_of, "rl-name")
    says = "Importances: " + ", ".join(f"{name} {number(value)}" for name, value in ranked[:5])
    return picture(WIDE, height, panel.parts, says)


def days(held: Days) -> str:
    """How many of the day's k looks found fraud, before what a perfect ranking would have found."""
    own, ceiling = held.precision, held.ceiling
    if len(own.days) < 2:
        return ""
    most = max(max(ceiling.by_day), 1 / own.k)
    panel = Panel(Scale(0, len(own.days), LEFT, WIDTH - RIGHT), Scale(0, most, HEIGHT - BOTTOM, TOP))
    panel.axis_y(lambda share: f"{share * own.k:.3g}", f"Found among {own.k} a day", about=4)
    every = math.ceil(len(own.days) / 8)
    for at, (day, share, possible) in enumerate(zip(own.days, own.by_day, ceiling.by_day, strict=True)):
        says = f"{show_day(day)}: {share * own.k:.3g} found of {possible * own.k:.3g} that could be"
        panel.box(at, at + 1, 0, possible, "rl-faint", gap=5, says=says)
        panel.box(at, at + 1, 0, share, "rl-best", gap=5, says=says)
        if at % every == 0:
            panel.words(panel.x.at(at + 0.5), panel.y.start + 18, show_day(day)[5:], "rl-tick", "middle")
    panel.level(0, "rl-base")
    found, at_best = figure(own.mean * own.k), figure(ceiling.mean * own.k)
    says = f"Found a day: {found} of {own.k} on average, {at_best} at best."
    return picture(WIDTH, HEIGHT, panel.parts, says)


def months(groups: Sequence[Group]) -> str:
    """Recall and precision month by month with their intervals."""
    if len(groups) < 3:
        return ""
    panel = Panel(Scale(0, len(groups), LEFT, WIDTH - RIGHT), Scale(0, 1, HEIGHT - BOTTOM, TOP))
    panel.axis_y(_whole, "Recall (filled) and precision (hollow)", about=4)
    every = math.ceil(len(groups) / 9)
    for at, group in enumerate(groups):
        for kind, held, shift in (("rl-best", group.recall, 0.4), ("rl-hollow", group.precision, 0.6)):
            if math.isnan(held.value):
                continue
            panel.upright(at + shift, "rl-whisker", low=held.low, high=held.high)
            panel.dot(at + shift, held.value, kind, says=f"{group.name}: {percent(held.value)}")
        if at % every == 0:
            panel.words(panel.x.at(at + 0.5), panel.y.start + 18, group.name, "rl-tick", "middle")
    panel.level(0, "rl-base")
    says = "Recall by month: " + ", ".join(f"{each.name} {percent(each.recall.value)}" for each in groups)
    return picture(WIDTH, HEIGHT, panel.parts, says)


def _steps(xs: Sequence[float], ys: Sequence[float]) -> tuple[list[float], list[float]]:
    """Precision as it is counted: what a recall costs holds for all of the step up to it."""
    across, up, before = [], [], 0.0
    for x, y in zip(xs, ys, strict=True):
        if x > before:
            across += [before, x]
            up += [y, y]
            before = x
    return across, up


def _dense(xs: Sequence[float], ys: Sequence[float], least: float) -> tuple[list[float], list[float]]:
    """A line that is straight on a plain axis, with points between for a logarithmic one."""
    across, up = [least], [max((y for x, y in zip(xs, ys, strict=True) if x <= least), default=0.0)]
    for x, y in zip(xs, ys, strict=True):
        x0, y0 = across[-1], up[-1]
        if x <= x0:
            up[-1] = max(y0, y) if x == x0 else y0
            continue
        between = math.ceil(math.log(x / x0) / _FINE)
        for at in range(1, between + 1):
            here = x if at == between else x0 * (x / x0) ** (at / between)
            across.append(here)
            up.append(y0 + (y - y0) * (here - x0) / (x - x0))
    return across, up


def percent_tick(share: float) -> str:
    """A share on an axis, without more digits than it has."""
    return f"{share * 100:.6g} %"


def _whole(share: float) -> str:
    return f"{share * 100:.0f} %"


def _square() -> tuple[Scale, Scale]:
    return Scale(0, 1, LEFT, WIDTH - RIGHT), Scale(0, 1, HEIGHT - BOTTOM, TOP)


def _chosen_last(evaluation: Evaluation) -> list[DetectorEvaluation]:
    return sorted(evaluation.detectors, key=lambda each: each.name == evaluation.chosen)


def _curve(
    panel: Panel,
    evaluation: Evaluation,
    each: DetectorEvaluation,
    xs: Sequence[float],
    ys: Sequence[float],
    measure: str,
) -> None:
    says = f"{each.name}: {figure(each.estimate(measure).value)}"
    if each.name == evaluation.chosen:
        panel.line(xs, ys, "rl-best", says=says)
    else:
        panel.line(xs, ys, "rl-other", dash=dash_of(evaluation, each.name), says=says)


def _operating_point(panel: Panel, best: DetectorEvaluation, x: float, y: float) -> None:
    if not (math.isnan(x) or math.isnan(y)):
        panel.dot(x, y, "rl-ring", radius=6, says=f"threshold {number(best.at.threshold)}")
        right = panel.x.at(x) > panel.x.start + 0.7 * (panel.x.end - panel.x.start)
        panel.note(x, y, "threshold", dx=-11 if right else 11, dy=-9, anchor="end" if right else "start")


def _threshold_line(panel: Panel, threshold: float) -> None:
    if panel.x.low <= threshold <= panel.x.high:
        left = panel.x.at(threshold) > (panel.x.start + panel.x.end) / 2
        panel.upright(threshold, "rl-cut")
        panel.note(
            threshold, panel.y.high, "flagged from here", dx=-6 if left else 6, dy=2,
            anchor="end" if left else "start",
        )  # fmt: skip


def _ranking(evaluation: Evaluation, measure: str, named: str) -> str:
    ranked = sorted(evaluation.detectors, key=lambda each: -_known(each.estimate(measure).value))
    listed = ", ".join(f"{each.name} {figure(each.estimate(measure).value)}" for each in ranked)
    return f"By {named}: {listed}."


def _known(value: float) -> float:
    return -1.0 if math.isnan(value) else value


def _short(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
