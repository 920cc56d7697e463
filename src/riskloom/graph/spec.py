"""What links: which fields of an event are its nodes, which are linked, and where a node becomes a hub."""

from __future__ import annotations

from dataclasses import dataclass

HUB = 50
"""Neighbours up to which a node links others, where nothing is declared."""
MOST_LINKS = 5_000_000
"""Links and nodes that are held, where nothing is declared."""


@dataclass(frozen=True, slots=True)
class LinkSpec:
    """The link graph of a scenario.

    A node is a value of a field. Two nodes are linked from the first event on that has both, in fields that
    stand in `pairs`.
    """

    fields: tuple[str, ...]
    """The fields of the entities, the main one first."""
    pairs: tuple[tuple[int, int], ...]
    """Which of `fields` are linked, by their places."""
    hubs: tuple[int, ...]
    """For each of `fields`: a node with more neighbours is a hub. It is shown but not passed through, and
    links that come then join no components. 0 makes every node of the field one."""
    most: int = MOST_LINKS
    """Links, and nodes, that are held in memory; later ones are left out, and answers say so."""
