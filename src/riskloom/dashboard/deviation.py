"""A feature vector against what is usual, the farthest outside first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from riskloom.dashboard import markup, words
from riskloom.dashboard.roles import Roles

_BAND = (34.0, 66.0)
_EDGE = 31.0
_FAR = 60.0


@dataclass(frozen=True, slots=True)
class Deviation:
    """One feature beside its usual range.

    `beyond` is how far outside the 5-95 % range it lies, in widths of that range: 0 inside, negative below,
    positive above; NaN when nothing can be said. `position` is its place on a strip of 0 to 100.
    """

    name: str
    describe: str
    value: float | None
    low: float
    middle: float
    high: float
    beyond: float
    position: float


def deviations(features: Iterable[Mapping[str, Any]]) -> list[Deviation]:
    """Every feature of a decision, the farthest outside its usual range first, the unknown last."""
    found = [_one(feature) for feature in features]
    return sorted(found, key=lambda one: (math.isnan(one.beyond), -abs(one.beyond)))


def _one(feature: Mapping[str, Any]) -> Deviation:
    usual, value = feature.get("usual") or {}, feature.get("value")
    low, middle, high = (_figure(usual.get(name)) for name in ("low", "middle", "high"))
    describe = str(feature.get("describe") or words.field_label(feature["name"]))
    beyond = position = math.nan
    if value is not None and math.isfinite(value) and not math.isnan(low + high):
        width = high - low if high > low else max(abs(middle), 1.0)
        beyond = (value - high) / width if value > high else (value - low) / width if value < low else 0.0
        position = _position(value, low, high, beyond)
    return Deviation(feature["name"], describe, value, low, middle, high, beyond, position)


def _position(value: float, low: float, high: float, beyond: float) -> float:
    """Linear inside the usual range, logarithmic outside, full at `_FAR` widths."""
    left, right = _BAND
    if beyond == 0:
        return left + (right - left) * ((value - low) / (high - low) if high > low else 0.5)
    far = min(1.0, math.log1p(abs(beyond)) / math.log1p(_FAR))
    return right + _EDGE * far if beyond > 0 else left - _EDGE * far


def _figure(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def strips(found: Iterable[Deviation], roles: Roles) -> str:
    """Each feature as a strip: the band is what is usual, the dot is this event."""
    rows = []
    for one in found:
        outside = not math.isnan(one.beyond) and abs(one.beyond) > 0
        rows.append(
            f'<div class="rl-strip{" rl-outside" if outside else ""}" title="{markup.text(one.name)}">'
            f"<span>{markup.text(one.describe)}</span>{_bar(one)}"
            f"<b>{markup.text(roles.feature_text(one.name, one.value))}</b>"
            f"<small>{markup.text(_usual(one, roles))}</small></div>"
        )
    head = '<div class="rl-strip rl-head"><span>Feature</span><i></i><b>Here</b><small>Usual</small></div>'
    return f'<div class="rl-strips">{head}{"".join(rows)}</div>'


def _bar(one: Deviation) -> str:
    if math.isnan(one.position):
        return '<i class="rl-bar rl-unknown"></i>'
    return (
        f'<i class="rl-bar"><i class="rl-band" style="left:{_BAND[0]}%;width:{_BAND[1] - _BAND[0]}%"></i>'
        f'<i class="rl-dot" style="left:{one.position:.1f}%"></i></i>'
    )


def _usual(one: Deviation, roles: Roles) -> str:
    if math.isnan(one.low + one.high):
        return "not known"
    return words.span_text(roles.feature_text(one.name, one.low), roles.feature_text(one.name, one.high))
