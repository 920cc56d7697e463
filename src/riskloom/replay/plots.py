"""The pictures of a replay's page; empty where their figures are missing."""

from __future__ import annotations

import math

from riskloom.measure.calendar import show_day
from riskloom.replay.compare import Comparison
from riskloom.replay.rules import RuleFigures
from riskloom.training.report.scale import Scale
from riskloom.training.report.svg import Panel, picture
from riskloom.training.report.words import count, percent

WIDE, HEIGHT = 760.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 22.0, 30.0, 46.0
_KINDS = ("rl-best", "rl-other", "rl-other", "rl-other")
_DASHES = ("", "7 3", "2 3", "9 3 2 3")
_DRAWN = 4
_SMALL = (110.0, 30.0)


def alerts(comparison: Comparison) -> str:
    """Entities flagged each day by the first sides, and the budget."""
    drawn = [(side.name, side.alerts) for side in comparison.sides[:_DRAWN] if side.alerts is not None]
    if not drawn or len(drawn[0][1].days) < 2:
        return ""
    days, budget = drawn[0][1].days, drawn[0][1].budget
    most = max(1.0, budget or 0.0, *(max(each.entities_by_day) for _, each in drawn))
    panel = Panel(Scale(0, len(days) - 1, LEFT, WIDE - RIGHT), Scale(0, most, HEIGHT - BOTTOM, TOP))
    panel.axis_y(count, "Flagged a day", about=4)
    every = math.ceil(len(days) / 8)
    for at in range(0, len(days), every):
        panel.words(panel.x.at(at), panel.y.start + 18, show_day(days[at]), "rl-tick", "middle")
    if budget is not None:
        panel.level(budget, "rl-chance")
    for (name, each), kind, dash in zip(drawn, _KINDS, _DASHES, strict=False):
        numbers = [float(one) for one in each.entities_by_day]
        panel.line(list(range(len(days))), numbers, kind, dash=dash, says=name)
        panel.note(len(days) - 1, numbers[-1], name, dx=-4, dy=-6, anchor="end")
    means = ", ".join(f"{name} {each.entities_mean:.1f}" for name, each in drawn)
    return picture(WIDE, HEIGHT, panel.parts, f"Entities flagged a day, on average: {means}")


def caught(comparison: Comparison) -> str:
    """Fraud caught as a share of all, with its interval, side by side."""
    sides = [side for side in comparison.sides if not math.isnan(side.counts.recall.value)]
    if not sides:
        return ""
    height = 34.0 * len(sides) + 60
    panel = Panel(Scale(0, 1, LEFT, WIDE - RIGHT), Scale(0, len(sides), TOP + 34.0 * len(sides), TOP))
    panel.axis_x(lambda share: f"{share * 100:.0f} %", "Fraud caught: by count, and (pale) by value", about=5)
    for at, side in enumerate(reversed(sides)):
        counts = side.counts
        share = counts.money.share if counts.money is not None else math.nan
        if not math.isnan(share):
            says = f"{side.name}: {percent(share)} by value"
            panel.box(0, share, at + 0.1, at + 0.9, "rl-faint", says=says)
        says = f"{side.name}: {percent(counts.recall.value)} by count"
        panel.box(0, counts.recall.value, at + 0.3, at + 0.7, "rl-best", says=says)
        panel.words(LEFT - 8, panel.y.at(at + 0.5) + 4, side.name, "rl-label", "end")
    says = ", ".join(f"{side.name} {percent(side.counts.recall.value)}" for side in sides)
    return picture(WIDE, height, panel.parts, f"Fraud caught: {says}")


def decay(rule: RuleFigures) -> str:
    """Precision of a rule over its months or weeks, as a small line."""
    shares = [each.precision.value for each in rule.decay]
    if sum(not math.isnan(share) for share in shares) < 2:
        return ""
    width, height = _SMALL
    panel = Panel(Scale(0, len(shares) - 1, 4, width - 4), Scale(0, 1, height - 4, 4))
    panel.level(0, "rl-base")
    panel.line(list(range(len(shares))), shares, "rl-best")
    says = ", ".join(f"{each.name} {percent(each.precision.value)}" for each in rule.decay)
    drawing = picture(width, height, panel.parts, f"{rule.code}: {says}")
    return drawing.replace("<svg ", f'<svg width="{width:g}" height="{height:g}" ', 1)
