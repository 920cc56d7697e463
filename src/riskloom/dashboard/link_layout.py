"""Where the nodes of a link graph stand: a column for each hop, the most telling nodes, few crossings.

The same graph is always drawn the same way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_SWEEPS = 6


@dataclass(frozen=True, slots=True)
class Spot:
    """A node in its place, or several of one kind that share one."""

    column: int
    row: float
    node: Mapping[str, Any] | None
    entity: str
    folded: int = 0
    frauds: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """A drawn graph: places, and which of them are linked by how many events."""

    spots: tuple[Spot, ...]
    lines: tuple[tuple[int, int, int], ...]
    rows: int
    """Rows of the highest column."""
    columns: int

    @property
    def folded(self) -> int:
        """How many nodes share a place with others of their kind."""
        return sum(spot.folded for spot in self.spots)


def layout(graph: Mapping[str, Any], rows: int = 12) -> Layout:
    """Place the answer of `/entities/…/graph`, at most `rows` single nodes in a column.

    Of each hop those come first that are no hubs or have frauds, then those that link most of what is
    shown; the others, most hubs, and what only they lead to, share a place with their kind.
    """
    linked = _linked(graph["edges"])
    place_of, members = _chosen(graph, linked, rows)
    lines: Counter[tuple[int, int]] = Counter()
    for edge in graph["edges"]:
        a, b = place_of[edge["from"]], place_of[edge["to"]]
        if a != b:
            lines[min(a, b), max(a, b)] += int(edge["events"])
    columns = np.array([int(nodes[0]["hops"]) for nodes in members])
    at = _rows(columns, list(lines))
    spots = tuple(_spot(nodes, float(row)) for nodes, row in zip(members, at, strict=True))
    most = int(np.bincount(columns).max())
    return Layout(
        spots, tuple((*pair, events) for pair, events in lines.items()), most, int(columns.max()) + 1
    )


def _linked(edges: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for edge in edges:
        found.setdefault(edge["from"], []).append(edge["to"])
        found.setdefault(edge["to"], []).append(edge["from"])
    return found


def _chosen(
    graph: Mapping[str, Any], linked: Mapping[str, list[str]], rows: int
) -> tuple[dict[str, int], list[list[Mapping[str, Any]]]]:
    """The place of each node, and the nodes of each place; single ones before those that share one."""
    place_of: dict[str, int] = {}
    members: list[list[Mapping[str, Any]]] = []
    single: set[str] = set()
    for hop in range(1 + max(int(node["hops"]) for node in graph["nodes"])):
        here = [node for node in graph["nodes"] if node["hops"] == hop]
        reached = [
            node for node in here if not hop or any(other in single for other in linked.get(node["id"], ()))
        ]
        first = _first(reached, rows)
        shared: dict[str, list[Mapping[str, Any]]] = {}
        kept = {node["id"] for node in first}
        for node in here:
            if node["id"] not in kept:
                shared.setdefault(node["entity"], []).append(node)
        for nodes in [*([node] for node in first), *shared.values()]:
            place_of.update(dict.fromkeys((node["id"] for node in nodes), len(members)))
            members.append(nodes)
        single |= kept | {nodes[0]["id"] for nodes in shared.values() if len(nodes) == 1}
    return place_of, members


def _first(reached: list[Mapping[str, Any]], rows: int) -> list[Mapping[str, Any]]:
    """The most telling of a hop's nodes."""
    telling = [node for node in reached if node["frauds"] or not node["is_hub"]]
    hubs = [node for node in reached if node["is_hub"] and not node["frauds"]]
    for nodes in (telling, hubs):
        nodes.sort(key=lambda node: (-min(node["frauds"], 1), -node["shown_neighbours"]))
    return [*telling, *hubs[: max(1, rows // 4)]][:rows]


def _rows(columns: npt.NDArray[np.int_], lines: Sequence[tuple[int, int]]) -> npt.NDArray[np.float64]:
    """A row for each place: each column in the order of the mean row of what its places are linked with."""
    count = len(columns)
    near = np.zeros((count, count))
    for a, b in lines:
        near[a, b] = near[b, a] = 1
    degree = np.maximum(near.sum(1), 1)
    height = int(np.bincount(columns).max())
    of_column = [np.flatnonzero(columns == one) for one in range(int(columns.max()) + 1)]
    at = np.zeros(count)
    for places in of_column:
        at[places] = _spread(len(places), height)
    for sweep in range(_SWEEPS):
        for places in of_column if sweep % 2 == 0 else reversed(of_column):
            wanted = (near[places] @ at) / degree[places]
            at[places[np.argsort(wanted, kind="stable")]] = _spread(len(places), height)
    return at


def _spread(count: int, height: int) -> npt.NDArray[np.float64]:
    """Rows of a column of `count` places, evenly over the height of the highest."""
    return (np.arange(count) + 0.5) * height / count - 0.5


def _spot(nodes: Sequence[Mapping[str, Any]], row: float) -> Spot:
    first, single = nodes[0], len(nodes) == 1
    frauds = sum(int(node["frauds"]) for node in nodes)
    return Spot(
        int(first["hops"]),
        row,
        first if single else None,
        first["entity"],
        0 if single else len(nodes),
        frauds,
    )
