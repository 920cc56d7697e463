"""The link graph as HTML: a box for each node that opens it, lines behind, words for what is not shown."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from riskloom.dashboard import markup, words
from riskloom.dashboard.link_layout import Layout, Spot, layout
from riskloom.dashboard.roles import Roles

_ROW_PX = 46
_WIDE, _BEND = 1000, 50
_BOX = 0.76
"""The part of the width that the boxes take."""
_LINE = "#8b989f"


def draw(graph: Mapping[str, Any], roles: Roles, rows: int = 12) -> str:
    """The answer of `/entities/…/graph` as a picture with links; at most `rows` single nodes in a column."""
    if len(graph["nodes"]) < 2:
        return '<div class="rl-empty">It is linked with nothing yet.</div>'
    made = layout(graph, rows)
    height = made.rows * _ROW_PX
    boxes = "".join(_box(spot, made, graph["center"], roles) for spot in made.spots)
    return (
        f'<div class="rl-graph" style="height:{height}px">{_lines(made, height)}{boxes}</div>'
        f'<p class="rl-note">{markup.text(" ".join(told(graph, made)))}</p>'
    )


def told(graph: Mapping[str, Any], made: Layout) -> list[str]:
    """What the picture leaves out, a sentence each."""
    cut, said = graph["cut"], []
    if made.folded:
        said.append(f"{made.folded} of {len(graph['nodes'])} are drawn together with their kind.")
    if cut["hubs"]:
        said.append(
            "A dashed box is a hub: so many are linked with it that the way does not lead on through it."
        )
    if cut["by_limit"]:
        said.append(f"There are more than the nearest {cut['limit']}; the others are left out.")
    if cut["left_out"]:
        said.append("The graph does not know every event yet, or had no room for all.")
    return said


def _box(spot: Spot, made: Layout, center: str, roles: Roles) -> str:
    wide, left = _across(spot, made)
    style = f"left:{100 * left:.2f}%;top:{spot.row * _ROW_PX:.0f}px;width:{100 * wide:.2f}%"
    word = words.field_label(spot.entity)
    fraud = f'<b class="rl-worse">{words.count(spot.frauds, "fraud")}</b>' if spot.frauds else ""
    if spot.node is None:
        kind = f"{word}: {spot.folded} more"
        return f'<div class="rl-node rl-folded" style="{style}"><span>{markup.text(kind)}</span>{fraud}</div>'
    node = spot.node
    parts = [word, words.count(int(node["events"]), roles.event_word)]
    if node["is_hub"]:
        parts.append(f"hub of {words.number(node['neighbours'])}")
    kinds = ["rl-node", "rl-hub" if node["is_hub"] else "", "rl-fraud" if spot.frauds else ""]
    if node["id"] == center:
        kinds.append("rl-here")
    label = (
        f"<b>{markup.text(node['key'])}</b>"
        f"<small>{fraud}{' · ' if fraud else ''}{markup.text(' · '.join(parts))}</small>"
    )
    return (
        f'<div class="{" ".join(kinds)}" style="{style}" title="{markup.text(node["key"])}">'
        f"{markup.entity(spot.entity, node['key'], label=label)}</div>"
    )


def _across(spot: Spot, made: Layout) -> tuple[float, float]:
    """How wide a box is and where it begins, as parts of the width."""
    wide = _BOX / made.columns
    return wide, spot.column * (1 - wide) / max(1, made.columns - 1)


def _lines(made: Layout, height: int) -> str:
    """The lines as a picture: drawn in a plane that is stretched to the width of the page."""
    drawn = []
    for a, b, events in made.lines:
        first, second = sorted((made.spots[a], made.spots[b]), key=lambda spot: spot.column)
        wide, left = _across(first, made)
        beside = first.column == second.column
        x1 = (left if beside else left + wide) * _WIDE
        x2 = x1 if beside else _across(second, made)[1] * _WIDE
        y1, y2 = (first.row + 0.5) * _ROW_PX, (second.row + 0.5) * _ROW_PX
        bend = x1 - _BEND if beside else (x1 + x2) / 2
        alone = not (first.folded or second.folded)
        thick = min(4.0, 1 + math.log10(max(1, events))) if alone else 0.8
        drawn.append(
            f'<path vector-effect="non-scaling-stroke" stroke-width="{thick:.1f}" '
            f'd="M{x1:.0f} {y1:.0f}C{bend:.0f} {y1:.0f} {bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"/>'
        )
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {height}" preserveAspectRatio="none" '
        f'width="{_WIDE}" height="{height}"><g fill="none" stroke="{_LINE}" stroke-opacity="0.7">'
        f"{''.join(drawn)}</g></svg>"
    )
    return f'<img alt="" src="data:image/svg+xml;base64,{b64encode(picture.encode()).decode()}">'
