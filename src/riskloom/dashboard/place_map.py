"""Where events happened: a small world drawn from our own outline, zoomed to the places that matter.

The outline `land.json` is Natural Earth's 1:110m land and country borders (public domain), thinned to a
tenth of a degree. Nothing is fetched.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import altair as alt

from riskloom.dashboard.charts import OTHER, OUTCOME_ORDER, Palette

Place = tuple[float, float]
_HIGHEST = 80.0
_SMALLEST = 9.0
_STEPS = 32


@dataclass(frozen=True, slots=True)
class View:
    """The part of the world that is shown: its middle in degrees, its size in radians of a Mercator map."""

    longitude: float
    latitude: float
    width: float
    height: float


def draw(
    rows: Sequence[Mapping[str, Any]],
    jump: tuple[Place, Place] | None,
    palette: Palette,
    *,
    height: int = 300,
) -> alt.LayerChart:
    """Events as dots, and the way from the last place to this one as a great circle.

    `rows` have `lat`, `lon`, `outcome` (a word), `this` (bool) and `what` (a sentence).
    """
    view = view_of([(row["lat"], row["lon"]) for row in rows], jump)
    outline = outlines()
    shapes = [
        _shape(outline["land"]).mark_geoshape(fill=palette.land, stroke=palette.border, strokeWidth=0.6),
        _shape(outline["borders"]).mark_geoshape(filled=False, stroke=palette.border, strokeWidth=0.5),
    ]
    if jump:
        way = {"type": "LineString", "coordinates": [[lon, lat] for lat, lon in jump]}
        shapes.append(
            _shape(way).mark_geoshape(
                filled=False, stroke=palette.rejected, strokeWidth=1.8, strokeDash=[5, 3]
            )
        )
    shapes += _dots(rows, palette)
    scale = f"min(width / {view.width:.6f}, height / {view.height:.6f})"
    return (
        alt.layer(*shapes)
        .project(
            type="mercator",
            rotate=[-view.longitude, 0, 0],
            center=[0, view.latitude],
            scale=alt.ExprRef(scale),
            translate=alt.ExprRef("[width / 2, height / 2]"),
        )
        .properties(height=height, background="transparent")
        .configure_view(stroke=palette.grid, cornerRadius=4)
    )


def _dots(rows: Sequence[Mapping[str, Any]], palette: Palette) -> list[alt.Chart]:
    dots = alt.Chart(alt.Data(values=list(rows))).encode(
        longitude="lon:Q",
        latitude="lat:Q",
        tooltip=[alt.Tooltip("what:N", title="Event"), alt.Tooltip("outcome:N", title="Outcome")],
    )
    colour = alt.Color(
        "outcome:N",
        legend=None,
        scale=alt.Scale(
            domain=[*OUTCOME_ORDER, OTHER],
            range=[palette.rejected, palette.flagged, palette.approved, palette.quiet],
        ),
    )
    return [
        dots.mark_circle(size=60, opacity=0.9, stroke=palette.paper, strokeWidth=0.7).encode(color=colour),
        dots.transform_filter("datum.this").mark_point(
            size=240, strokeWidth=2, color=palette.text, filled=False
        ),
    ]


def _shape(geometry: Mapping[str, Any]) -> alt.Chart:
    return alt.Chart(alt.Data(values=[{"type": "Feature", "properties": {}, "geometry": geometry}]))


@lru_cache(maxsize=1)
def outlines() -> dict[str, Any]:
    """Land and country borders as GeoJSON geometries."""
    text = files("riskloom.dashboard").joinpath("land.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def view_of(places: Sequence[Place], jump: tuple[Place, Place] | None) -> View:
    """What to show so that every place, and the whole way between the two of `jump`, is seen.

    The way over the 180th meridian is not cut: longitudes are counted from the last place.
    """
    every = [*places, *(great_circle(*jump) if jump else ())]
    origin = (jump[1] if jump else every[-1])[1] if every else 0.0
    east = [(lon - origin + 180) % 360 - 180 for _, lon in every] or [0.0]
    north = [max(-_HIGHEST, min(_HIGHEST, lat)) for lat, _ in every] or [0.0]
    heights = [_mercator(lat) for lat in north]
    smallest = math.radians(_SMALLEST)
    width = max(smallest, 1.25 * math.radians(max(east) - min(east)))
    height = max(smallest, 1.35 * (max(heights) - min(heights)))
    middle = (max(heights) + min(heights)) / 2
    longitude = (origin + (max(east) + min(east)) / 2 + 180) % 360 - 180
    return View(longitude, math.degrees(2 * math.atan(math.exp(middle)) - math.pi / 2), width, height)


def great_circle(a: Place, b: Place) -> list[Place]:
    """Places on the shortest way from `a` to `b`, both included."""
    start, end = _vector(a), _vector(b)
    cosine = max(-1.0, min(1.0, sum(x * y for x, y in zip(start, end, strict=True))))
    angle = math.acos(cosine)
    if math.sin(angle) < 1e-9:
        return [a, b]
    way = []
    for step in range(_STEPS + 1):
        part = step / _STEPS
        first, second = math.sin((1 - part) * angle), math.sin(part * angle)
        x, y, z = (first * p + second * q for p, q in zip(start, end, strict=True))
        way.append((math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x))))
    return way


def _vector(place: Place) -> tuple[float, float, float]:
    lat, lon = math.radians(place[0]), math.radians(place[1])
    return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)


def _mercator(latitude: float) -> float:
    return math.log(math.tan(math.pi / 4 + math.radians(latitude) / 2))
