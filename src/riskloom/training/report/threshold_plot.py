"""Where to put the threshold: precision and recall, alerts a day and cost over it, one above the other."""

from __future__ import annotations

import math
from collections.abc import Sequence

from riskloom.training.report.evaluation import Evaluation, Sweep
from riskloom.training.report.scale import Scale
from riskloom.training.report.svg import Panel, picture
from riskloom.training.report.words import money, number

WIDTH, LEFT, RIGHT = 960.0, 84.0, 112.0
PANEL, GAP, TOP = 150.0, 44.0, 40.0


def thresholds(evaluation: Evaluation) -> str:
    """The panels that the figures allow, over the same thresholds, with the chosen one marked in all."""
    best = evaluation.best
    held = best.sweep
    if len(held.thresholds) < 2:
        return ""
    drawn = [_precision_and_recall(held, TOP)]
    if held.alerts_per_day:
        drawn.append(_alerts(held, _below(drawn)))
    if held.cost:
        drawn.append(_cost(evaluation, held, _below(drawn)))
    drawn[-1].axis_x(number, f"Threshold: an event is flagged from this score of {best.name} on", about=8)
    for panel in drawn:
        if held.thresholds[0] <= best.at.threshold <= held.thresholds[-1]:
            panel.upright(best.at.threshold, "rl-cut")
    if held.thresholds[0] <= best.at.threshold <= held.thresholds[-1]:
        top = drawn[0]
        left = top.x.at(best.at.threshold) > WIDTH * 0.7
        top.note(
            best.at.threshold, 1, f"chosen: {number(best.at.threshold)}", dx=-7 if left else 7, dy=-9,
            anchor="end" if left else "start",
        )  # fmt: skip
    parts = [part for panel in drawn for part in panel.parts]
    says = (
        f"Precision, recall, alerts a day and cost over the threshold; chosen: {number(best.at.threshold)}."
    )
    return picture(WIDTH, drawn[-1].y.start + 46, parts, says)


def _below(drawn: Sequence[Panel]) -> float:
    return drawn[-1].y.start + GAP


def _x(held: Sweep) -> Scale:
    return Scale(held.thresholds[0], held.thresholds[-1], LEFT, WIDTH - RIGHT, held.scale)


def _precision_and_recall(held: Sweep, top: float) -> Panel:
    panel = Panel(_x(held), Scale(0, 1, top + PANEL, top))
    panel.axis_y(lambda share: f"{share * 100:.0f} %", "Precision and recall", about=4)
    panel.line(held.thresholds, held.precision, "rl-plain", says="precision")
    panel.line(held.thresholds, held.recall, "rl-best", says="recall")
    ends = [_last_known(held.precision), _last_known(held.recall)]
    apart = abs(ends[0] - ends[1]) * PANEL >= 16
    _end(panel, held, ends[0], "precision", "rl-note", 0 if apart else -8)
    _end(panel, held, ends[1], "recall", "rl-note rl-ink-best", 0 if apart else 8)
    return panel


def _alerts(held: Sweep, top: float) -> Panel:
    most = max(held.alerts_high)
    positive = [value for value in held.alerts_per_day if value > 0]
    least = 10.0 ** math.floor(math.log10(max(min(positive, default=1.0), 1e-2)))
    panel = Panel(_x(held), Scale(least, max(most, least * 10), top + PANEL, top, "log"))
    panel.axis_y(lambda value: f"{value:,.4g}", "Alerts a day (log)", about=5)
    panel.band(held.thresholds, held.alerts_low, held.alerts_high, "rl-best")
    panel.line(held.thresholds, [value or math.nan for value in held.alerts_per_day], "rl-best")
    _end(panel, held, _last_known([value or math.nan for value in held.alerts_per_day]), "mean", "rl-note", 0)
    return panel


def _cost(evaluation: Evaluation, held: Sweep, top: float) -> Panel:
    without = evaluation.best.at.cost.without if evaluation.best.at.cost else max(held.cost)
    least = min(held.cost)
    most = min(max(held.cost), max(2 * without, 2 * least))
    panel = Panel(_x(held), Scale(0, most or 1.0, top + PANEL, top))
    panel.axis_y(
        lambda value: money(value, evaluation.currency, evaluation.decimals), "Cost over the test", about=4
    )
    panel.level(without, "rl-chance")
    panel.words(WIDTH - RIGHT + 7, panel.y.at(without) + 4, "nothing flagged", "rl-note")
    panel.line(held.thresholds, [cost if cost <= panel.y.high else math.nan for cost in held.cost], "rl-best")
    at = held.cost.index(least)
    panel.dot(held.thresholds[at], least, "rl-hollow", says="least cost on the test")
    panel.note(held.thresholds[at], least, "least", dx=0, dy=-10, anchor="middle")
    return panel


def _end(panel: Panel, held: Sweep, value: float, says: str, kind: str, dy: float) -> None:
    if not math.isnan(value):
        panel.words(WIDTH - RIGHT + 7, panel.y.at(value) + 4 + dy, says, kind)


def _last_known(values: Sequence[float]) -> float:
    return next((value for value in reversed(values) if not math.isnan(value)), math.nan)
