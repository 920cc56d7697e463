"""How a model did, drawn: its curve, its calibration, its scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

from riskloom.dashboard.charts import Palette, finished, value_axis

HEIGHT = 210


def precision_recall(curve: Mapping[str, Any], share: float, palette: Palette) -> alt.LayerChart:
    """Precision over recall; the dashed line is what chance gives."""
    points = pd.DataFrame({"recall": curve["x"], "precision": curve["y"], "risk": curve["thresholds"]})
    line = (
        alt.Chart(points)
        .mark_line(strokeWidth=2, color=palette.accent, interpolate="step-before")
        .encode(
            x=_share("recall", "Recall", palette),
            y=_share("precision", "Precision", palette, side=True),
            order="recall",
            tooltip=[
                alt.Tooltip("risk:Q", title="Flagged from risk", format=".2f"),
                alt.Tooltip("recall:Q", title="Recall", format=".1%"),
                alt.Tooltip("precision:Q", title="Precision", format=".1%"),
            ],
        )
    )
    chance = alt.Chart(pd.DataFrame({"precision": [share]})).mark_rule(strokeDash=[4, 4], color=palette.quiet)
    return finished(alt.layer(line, chance.encode(y="precision:Q")), HEIGHT)


def reliability(calibration: Mapping[str, Any], palette: Palette) -> alt.LayerChart:
    """What happened over what was said, with 95 % intervals; on the dashed line they agree."""
    bins = pd.DataFrame(calibration["bins"])
    x = _share("mean_probability", "Said", palette)
    base = alt.Chart(bins).encode(x=x)
    bars = base.mark_rule(color=palette.quiet, strokeWidth=1.5).encode(
        y=alt.Y("rate_low:Q"), y2="rate_high:Q"
    )
    dots = base.mark_circle(size=60, color=palette.accent, opacity=1).encode(
        y=_share("fraud_rate", "Happened", palette, side=True),
        tooltip=[
            alt.Tooltip("mean_probability:Q", title="Said", format=".1%"),
            alt.Tooltip("fraud_rate:Q", title="Happened", format=".1%"),
            alt.Tooltip("rows:Q", title="Events", format=","),
        ],
    )
    same = (
        alt.Chart(pd.DataFrame({"at": [0.0, 1.0]}))
        .mark_line(strokeDash=[4, 4], color=palette.quiet, strokeWidth=1)
        .encode(x="at:Q", y="at:Q")
    )
    return finished(alt.layer(same, bars, dots), HEIGHT)


def scores(counted: Mapping[str, Any], palette: Palette) -> alt.Chart:
    """The share of each kind of event by risk score."""
    edges, rows = counted["edges"], []
    for kind, name in (("honest", "Honest"), ("fraud", "Fraud")):
        total = sum(counted[kind]) or 1
        for at, count in enumerate(counted[kind]):
            rows.append({"from": edges[at], "to": edges[at + 1], "kind": name, "share": count / total})
    bars = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar(opacity=0.75, binSpacing=1)
        .encode(
            x=alt.X("from:Q", bin="binned", title="Risk score", axis=_plain_axis(palette)),
            x2="to:Q",
            y=alt.Y("share:Q", stack=None, title="Share of its kind", axis=_percent_axis(palette)),
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=["Honest", "Fraud"], range=[palette.approved, palette.rejected]),
                legend=alt.Legend(title=None, orient="top", labelColor=palette.text),
            ),
            tooltip=[
                alt.Tooltip("kind:N", title="Turned out"),
                alt.Tooltip("from:Q", title="Risk from"),
                alt.Tooltip("share:Q", title="Share", format=".1%"),
            ],
        )
    )
    return finished(bars, HEIGHT)


def _share(name: str, title: str, palette: Palette, *, side: bool = False) -> Any:
    scale = alt.Scale(domain=[0, 1])
    if side:
        return alt.Y(f"{name}:Q", title=title, scale=scale, axis=_percent_axis(palette))
    return alt.X(f"{name}:Q", title=title, scale=scale, axis=_percent_axis(palette, grid=False))


def _percent_axis(palette: Palette, *, grid: bool = True) -> alt.Axis:
    return value_axis(palette, extent=36 if grid else 10, form="%", grid=grid)


def _plain_axis(palette: Palette) -> alt.Axis:
    return value_axis(palette, extent=10, grid=False)
