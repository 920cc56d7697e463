"""Calls about entities, who they are linked with, and rings."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import quote

from riskloom.client.calls import Calls
from riskloom.client.shapes import EventItem, Page


class EntityCalls(Calls):
    """What `Client` can ask of entities; one is named as in the scenario (`device`), or by its field."""

    def entity(self, entity: str, key: str, scenario: str | None = None) -> dict[str, Any]:
        """Everything about one entity: counts, what is usual, windows, lists, labels, links.

        Raises
        ------
        NotFound
            When no event has it; names the nearest.
        """
        return cast("dict[str, Any]", self.call("GET", _path(entity, key), scenario=scenario))

    def entity_history(
        self,
        entity: str,
        key: str,
        *,
        limit: int = 50,
        cursor: str | None = None,
        scenario: str | None = None,
    ) -> Page[EventItem]:
        """A page of an entity's events, the newest first."""
        asked = {"limit": limit, "cursor": cursor}
        return cast(
            Page[EventItem],
            self.call("GET", f"{_path(entity, key)}/history", params=asked, scenario=scenario),
        )

    def entity_graph(
        self, entity: str, key: str, *, hops: int = 2, limit: int = 500, scenario: str | None = None
    ) -> dict[str, Any]:
        """Who an entity is linked with: nodes and edges, and what was cut."""
        asked = {"hops": hops, "limit": limit}
        return cast(
            "dict[str, Any]", self.call("GET", f"{_path(entity, key)}/graph", params=asked, scenario=scenario)
        )

    def components(
        self, *, people: int = 2, limit: int = 50, cursor: str | None = None, scenario: str | None = None
    ) -> Page[dict[str, Any]]:
        """A page of rings, those with the most known frauds first."""
        asked = {"people": people, "limit": limit, "cursor": cursor}
        return cast(
            "Page[dict[str, Any]]", self.call("GET", "/graph/components", params=asked, scenario=scenario)
        )

    def component(self, number: int, scenario: str | None = None) -> dict[str, Any]:
        """One ring with its members."""
        return cast("dict[str, Any]", self.call("GET", f"/graph/components/{number}", scenario=scenario))


def _path(entity: str, key: str) -> str:
    return f"/entities/{quote(entity, safe='')}/{quote(key, safe='')}"
