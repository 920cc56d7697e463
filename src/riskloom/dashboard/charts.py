"""Charts as Vega-Lite descriptions: values in, a chart out; nothing is fetched when they are drawn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import altair as alt
import pandas as pd

OUTCOME_ORDER = ("Rejected", "Flagged", "Approved")
OTHER = "Not decided"


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one theme."""

    approved: str
    flagged: str
    rejected: str
    accent: str
    text: str
    quiet: str
    grid: str
    land: str
    border: str
    paper: str


LIGHT = Palette(
    "#9db0ab",
    "#c98a1b",
    "#b83a2d",
    "#1f6f8b",
    "#20262b",
    "#68727a",
    "#e6e8e6",
    "#e6e9e5",
    "#cfd4cf",
    "#fcfcfb",
)
DARK = Palette(
    "#5d716d",
    "#e0a848",
    "#ef7566",
    "#5fb0cd",
    "#e3e7ea",
    "#95a0a8",
    "#2a3136",
    "#2b3338",
    "#434d54",
    "#15191c",
)


def per_minute(minutes: Sequence[Mapping[str, Any]], palette: Palette, *, height: int = 190) -> alt.Chart:
    """Decisions per minute; rejected and flagged stand on the ground line so that a single one is seen.

    Its data is a frame and no part of the description, so that a live page only moves the bars.
    """
    rows = [
        {"minute": row["minute"], "outcome": name, "rank": rank, "count": row[name.lower()]}
        for row in minutes
        for rank, name in enumerate(OUTCOME_ORDER)
    ]
    bars = (
        alt.Chart(pd.DataFrame(rows, columns=["minute", "outcome", "rank", "count"]))
        .mark_bar(cornerRadius=1)
        .encode(
            x=alt.X(
                "minute:T",
                timeUnit="utcyearmonthdatehoursminutes",
                title=None,
                axis=_time_axis(palette, "%H:%M"),
            ),
            y=alt.Y("count:Q", title=None, axis=value_axis(palette)),
            color=_outcome_colour(palette),
            order=alt.Order("rank:Q"),
            tooltip=[
                alt.Tooltip("minute:T", title="Minute (UTC)", timeUnit="utchoursminutes"),
                alt.Tooltip("outcome:N", title="Outcome"),
                alt.Tooltip("count:Q", title="Decisions"),
            ],
        )
    )
    return finished(bars, height)


def timeline(
    rows: Sequence[Mapping[str, Any]],
    palette: Palette,
    *,
    value: str,
    title: str,
    span: tuple[str, str],
    height: int = 130,
    times: bool = True,
) -> alt.LayerChart:
    """One value of an entity's events over time; the event looked at has a ring.

    `rows` have `time` (ISO), `outcome` (a word), `this` (bool), `what` (a sentence) and the column `value`.
    """
    marks = _marks(row[value] for row in rows if row[value] is not None)
    scale = alt.Scale(type="symlog", constant=marks[1], domain=[0, max(marks)])
    x = alt.X(
        "time:T",
        title=None,
        scale=alt.Scale(type="utc", domain=list(span)),
        axis=_time_axis(palette, _clock_or_day(span), labels=times),
    )
    y = alt.Y(f"{value}:Q", title=title, scale=scale, axis=value_axis(palette, extent=46, values=marks))
    base = alt.Chart(alt.Data(values=list(rows))).encode(x=x)
    stems = base.mark_rule(opacity=0.45, strokeWidth=1.5).encode(
        y=y, y2=alt.datum(0), color=_outcome_colour(palette, legend=False)
    )
    tooltip = [alt.Tooltip("what:N", title="Event"), alt.Tooltip("outcome:N", title="Outcome")]
    dots = base.mark_circle(size=46, opacity=0.95).encode(
        y=y, color=_outcome_colour(palette, legend=False), tooltip=tooltip
    )
    ring = (
        base.transform_filter("datum.this")
        .mark_point(size=190, strokeWidth=2, color=palette.text, filled=False)
        .encode(y=y, tooltip=tooltip)
    )
    return finished(alt.layer(stems, dots, ring), height)


def lines(
    rows: Sequence[Mapping[str, Any]],
    palette: Palette,
    *,
    x: str,
    y: str,
    by: str,
    title: str,
    height: int = 170,
) -> alt.Chart:
    """A value over days, a line for each of at most three names; the first is the quiet one."""
    names = list(dict.fromkeys(row[by] for row in rows))
    drawn = (
        alt.Chart(pd.DataFrame(rows, columns=[x, by, y]))
        .mark_line(strokeWidth=2, interpolate="monotone")
        .encode(
            x=alt.X(f"{x}:T", timeUnit="utcyearmonthdate", title=None, axis=_time_axis(palette, "%-d %b")),
            y=alt.Y(f"{y}:Q", title=title, axis=value_axis(palette, extent=30)),
            color=_named_colour(by, names, palette),
            tooltip=[
                alt.Tooltip(f"{x}:T", title="Day", timeUnit="utcyearmonthdate"),
                alt.Tooltip(f"{by}:N", title="Side"),
                alt.Tooltip(f"{y}:Q", title=title),
            ],
        )
    )
    return finished(drawn, height)


def periods(rows: Sequence[Mapping[str, Any]], palette: Palette, period: str) -> alt.Chart:
    """Flagged and rejected decisions of each day, week or month."""
    unit: Any = "utcyearmonth" if period == "month" else "utcyearmonthdate"
    form = "%b %Y" if period == "month" else "%-d %b"
    bars = (
        alt.Chart(pd.DataFrame(rows, columns=["key", "outcome", "count"]))
        .mark_bar(cornerRadius=1)
        .encode(
            x=alt.X("key:T", timeUnit=unit, title=None, axis=_time_axis(palette, form)),
            y=alt.Y("count:Q", title="Flagged", axis=value_axis(palette, extent=30)),
            color=alt.Color(
                "outcome:N",
                scale=alt.Scale(domain=["Rejected", "Flagged"], range=[palette.rejected, palette.flagged]),
                legend=alt.Legend(title=None, orient="top", labelColor=palette.text),
            ),
            order=alt.Order("outcome:N", sort="descending"),
            tooltip=[
                alt.Tooltip("key:T", title="From", timeUnit="utcyearmonthdate"),
                alt.Tooltip("outcome:N", title="Outcome"),
                alt.Tooltip("count:Q", title="Decisions"),
            ],
        )
    )
    return finished(bars, 190)


def _named_colour(by: str, names: Sequence[str], palette: Palette) -> alt.Color:
    colours = [palette.quiet, palette.accent, palette.flagged] if len(names) > 1 else [palette.accent]
    return alt.Color(
        f"{by}:N",
        scale=alt.Scale(domain=list(names), range=colours[: len(names)]),
        legend=alt.Legend(title=None, orient="top", labelColor=palette.text, symbolType="stroke"),
    )


def _clock_or_day(span: tuple[str, str]) -> str:
    """The form of an axis' labels: times of day for up to two days, else dates."""
    start, end = (datetime.fromisoformat(text) for text in span)
    return "%H:%M" if end - start <= timedelta(days=2) else "%-d %b"


def _marks(values: Iterable[float]) -> list[float]:
    """Zero and powers of ten up to over the largest value, so that small and large are both seen."""
    most = max(values, default=0.0)
    top = max(1, math.ceil(math.log10(most))) if most > 0 else 1
    return [0.0, *(10.0**power for power in range(max(1, top - 3), top + 1))]


def _outcome_colour(palette: Palette, *, legend: bool = True) -> alt.Color:
    shown = alt.Legend(
        title=None, orient="top", direction="horizontal", labelColor=palette.quiet, symbolType="square"
    )
    return alt.Color(
        "outcome:N",
        scale=alt.Scale(
            domain=[*OUTCOME_ORDER, *([] if legend else [OTHER])],
            range=[palette.rejected, palette.flagged, palette.approved, *([] if legend else [palette.quiet])],
        ),
        legend=shown if legend else None,
    )


def _time_axis(palette: Palette, form: str, *, labels: bool = True) -> alt.Axis:
    return alt.Axis(
        format=form,
        labels=labels,
        grid=False,
        ticks=labels,
        tickColor=palette.grid,
        domainColor=palette.border,
        labelColor=palette.quiet,
        tickCount=8,
        labelOverlap=True,
        labelBound=True,
        labelFlush=True,
    )


def value_axis(
    palette: Palette,
    *,
    extent: int = 24,
    values: Sequence[float] | None = None,
    form: str = ",~f",
    grid: bool = True,
) -> alt.Axis:
    """The axis of a figure."""
    asked: dict[str, Any] = {"values": list(values)} if values else {"tickCount": 4}
    return alt.Axis(
        grid=grid,
        gridColor=palette.grid,
        domain=False,
        ticks=False,
        format=form,
        minExtent=extent,
        maxExtent=extent,
        labelColor=palette.quiet,
        titleColor=palette.quiet,
        titleFontWeight="normal",
        **asked,
    )


def finished(chart: Any, height: int) -> Any:
    """A chart of a height, without a frame."""
    return chart.properties(height=height, background="transparent").configure_view(strokeWidth=0)
