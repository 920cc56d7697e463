"""Calls about entities, who they are linked with, and rings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from riskloom.client.paths import prefix
from riskloom.client.shapes import EventItem, Page


class EntityCalls:
    """What `Client` can ask of entities; one is named as in the scenario (`device`), or by its field."""

    if TYPE_CHECKING:

        def _get(self, path: str, params: Mapping[str, Any] | None = None) -> Any: ...

    def entity(self, entity: str, key: str, scenario: str | None = None) -> dict[str, Any]:
        """Everything about one entity: counts, what is usual, windows, lists, labels, links.

        Raises
        ------
        NotFound
            When no event has it; names the nearest.
        """
        return cast("dict[str, Any]", self._get(_path(entity, key, scenario)))

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
        return cast(Page[EventItem], self._get(f"{_path(entity, key, scenario)}/history", asked))

    def entity_graph(
        self, entity: str, key: str, *, hops: int = 2, limit: int = 500, scenario: str | None = None
    ) -> dict[str, Any]:
        """Who an entity is linked with: nodes and edges, and what was cut."""
        asked = {"hops": hops, "limit": limit}
        return cast("dict[str, Any]", self._get(f"{_path(entity, key, scenario)}/graph", asked))

    def components(
        self, *, people: int = 2, limit: int = 50, cursor: str | None = None, scenario: str | None = None
    ) -> Page[dict[str, Any]]:
        """A page of rings, those with the most known frauds first."""
        asked = {"people": people, "limit": limit, "cursor": cursor}
        return cast("Page[dict[str, Any]]", self._get(f"{prefix(scenario)}/graph/components", asked))

    def component(self, number: int, scenario: str | None = None) -> dict[str, Any]:
        """One ring with its members."""
        return cast("dict[str, Any]", self._get(f"{prefix(scenario)}/graph/components/{number}"))


def _path(entity: str, key: str, scenario: str | None) -> str:
    return f"{prefix(scenario)}/entities/{quote(entity, safe='')}/{quote(key, safe='')}"
