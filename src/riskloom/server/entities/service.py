"""Everything about one entity, its links, and the rings there are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from riskloom.domain.decision import LADDER
from riskloom.domain.field import Field, FieldType
from riskloom.domain.show import show_scaled, show_time
from riskloom.errors import NotFound, nearest, show
from riskloom.graph.links import Component, LinkGraph, Node
from riskloom.privacy.protect import key_of
from riskloom.scenario.list_keys import keys_of
from riskloom.scenario.scenario import Scenario
from riskloom.server.db import is_storable
from riskloom.server.decisions.list_repo import ListRepo
from riskloom.server.decisions.record import decode
from riskloom.server.decisions.view import Views
from riskloom.server.engine import DecisionEngine
from riskloom.server.entities.book import LinkBook
from riskloom.server.entities.repo import EntityRepo
from riskloom.server.entities.usual import usual
from riskloom.server.labels.service import shown as shown_label

COUNTED, LOOKED_AT, LABELS = 10_000, 1_000, 20
"""The newest events whose outcomes are counted, that usual behaviour is from; the labels shown."""
MEMBERS = 500
_COUNTS = ("events", "first_seen", "last_seen", "spend", "frauds", "neighbours", "is_hub")


class EntityService:
    """Reads entities of one scenario; of personal fields every answer holds the keys."""

    def __init__(
        self, engine: DecisionEngine, book: LinkBook, repo: EntityRepo, lists: ListRepo, views: Views
    ) -> None:
        self._engine = engine
        self._book = book
        self._repo = repo
        self._lists = lists
        self._views = views

    # ---------------------------------------------------------------- one entity

    def now(self, entity: str, value: str) -> dict[str, Any]:
        """What the state knows of an entity at this moment: its window features and the lists that hold it.

        Call it on the event loop's thread; it changes nothing.

        Raises
        ------
        NotFound, StoreUnavailable
        """
        field = self._field(entity)
        return {"windows": self._windows(field, _key(field, value)), "lists": self._on_lists(field, value)}

    def get(self, entity: str, value: str) -> dict[str, Any]:
        """What the log knows of an entity.

        Raises
        ------
        NotFound
            When no event has it; names the nearest key.
        """
        field, key = self._meant(entity, value)
        self._book.catch_up()
        newest = self._repo.newest(field.name, key, LOOKED_AT)
        if not newest:
            raise self._unknown(field, key)
        values = [decode(row.fields) for row in newest]
        labels = self._repo.labels(field.name, key, LABELS, COUNTED)
        outcomes = self._repo.outcomes(field.name, key, COUNTED)
        return {
            "entity": field.entity,
            "field": field.name,
            "key": key,
            "personal": field.pii,
            **self._summary(field.name, key),
            "outcomes": {
                **{outcome.value: outcomes.get(rank, 0) for rank, outcome in enumerate(LADDER)},
                "undecided": outcomes.get(None, 0),
            },
            "counted": sum(outcomes.values()),
            "usual": usual(self._scenario, field.name, [int(row.event_time_us) for row in newest], values),
            "labels": [shown_label(event_id, label) for event_id, label in labels],
            "read_until": self._book.read_until,
        }

    def history(self, entity: str, value: str, limit: int, before: int | None) -> dict[str, Any]:
        """A page of an entity's events, the newest first, each with its outcome.

        Raises
        ------
        NotFound
        """
        field, key = self._meant(entity, value)
        self._book.catch_up()
        arrivals = self._repo.arrivals(field.name, key, limit + 1, before)
        if not arrivals and not self._repo.arrivals(field.name, key, 1):
            raise self._unknown(field, key)
        page = arrivals[:limit]
        return {
            "items": self._views.events(reversed(self._lists.by_arrivals(sorted(page)))),
            "next": str(page[-1]) if len(arrivals) > limit else None,
        }

    def links(self, entity: str, value: str, hops: int, most: int) -> dict[str, Any]:
        """An entity's neighbourhood: nodes and edges, and what was cut.

        Raises
        ------
        NotFound
        """
        field, key = self._meant(entity, value)
        self._book.catch_up()
        with self._book.graph() as graph:
            number = graph.find(graph.spec.fields.index(field.name), key)
            if number is not None:
                found = graph.neighbourhood(number, hops, most)
                component = graph.component(number)
        if number is None:
            raise self._unknown(field, key)
        ids = {node.number: self._node_id(node) for node, _ in found.nodes}
        shown = dict.fromkeys(ids, 0)
        for link in found.links:
            shown[link.a] += 1
            shown[link.b] += 1
        nodes = [
            {**self._node(node), "hops": away, "shown_neighbours": shown[node.number]}
            for node, away in found.nodes
        ]
        return {
            "center": ids[number],
            "hops": hops,
            "nodes": nodes,
            "edges": [
                {
                    "from": ids[link.a],
                    "to": ids[link.b],
                    "events": link.events,
                    "first_seen": show_time(link.first_us),
                    "last_seen": show_time(link.last_us),
                }
                for link in found.links
            ],
            "component": _component(component),
            "cut": {
                "by_limit": found.is_cut,
                "limit": most,
                "hubs": [node["id"] for node in nodes if node["is_hub"]],
                "left_out": self._left_out(),
            },
            "read_until": self._book.read_until,
        }

    # ---------------------------------------------------------------- rings

    def components(self, limit: int, least_people: int, behind: Component | None) -> dict[str, Any]:
        """A page of the components whose people share something, those with the most known frauds first."""
        self._book.catch_up()
        with self._book.graph() as graph:
            found = graph.components(limit + 1, least_people, behind)
            items = [self._ring(graph, one, 5) for one in found[:limit]]
        last = found[limit - 1] if len(found) > limit else None
        return {
            "items": items,
            "next": None if last is None else f"{last.frauds}:{last.people}:{last.number}",
            "left_out": self._left_out(),
            "read_until": self._book.read_until,
        }

    def component(self, number: int) -> dict[str, Any]:
        """One component with its members; a number that it had before it grew into another finds it, too.

        Raises
        ------
        NotFound
        """
        self._book.catch_up()
        with self._book.graph() as graph:
            if number >= len(graph):
                raise NotFound(f"There is no component {number}.", hint="GET /graph/components lists them")
            return self._ring(graph, graph.component(number), MEMBERS)

    def _ring(self, graph: LinkGraph, component: Component, most: int) -> dict[str, Any]:
        members = graph.members(component.number, most)
        return {
            **_component(component),
            "members": [self._node(node) for node in members],
            "is_cut": len(members) < component.size,
        }

    # ---------------------------------------------------------------- parts of an answer

    def _summary(self, field: str, key: str) -> dict[str, Any]:
        """What the graph counts of an entity; None of all where it had no room for it."""
        with self._book.graph() as graph:
            number = graph.find(graph.spec.fields.index(field), key)
            if number is None:
                return dict.fromkeys((*_COUNTS, "component"))
            node, component = graph.node(number), graph.component(number)
        said = self._node(node)
        return {**{name: said[name] for name in _COUNTS}, "component": _component(component)}

    def _node(self, node: Node) -> dict[str, Any]:
        scenario = self._scenario
        field = scenario.links.fields[node.field]
        money = next((one for one in scenario.fields if one.type is FieldType.MONEY), None)
        return {
            "id": self._node_id(node),
            "entity": _entity_of(scenario, field),
            "key": node.key,
            "events": node.events,
            "first_seen": show_time(node.first_us),
            "last_seen": show_time(node.last_us),
            "spend": None
            if money is None
            else {"amount": show_scaled(node.spend, money.decimals), "currency": scenario.base_currency},
            "frauds": node.frauds,
            "neighbours": node.neighbours,
            "is_hub": node.is_hub,
        }

    def _node_id(self, node: Node) -> str:
        return f"{_entity_of(self._scenario, self._scenario.links.fields[node.field])}:{node.key}"

    def _left_out(self) -> bool:
        with self._book.graph() as graph:
            return graph.left_out > 0 or self._book.is_behind

    def _windows(self, field: Field, key: str) -> dict[str, Any]:
        """The entity's features as an event at this moment would see them."""
        pipeline, now_us = self._engine.pipeline, self._engine.clock.now_us()
        out = np.empty(len(pipeline.state.names))
        pipeline.state.look_one(now_us, now_us, {field.name: key}, out)
        described = {feature.name: feature.describe for feature in self._scenario.features}
        return {
            "at": show_time(now_us),
            "features": [
                {
                    "name": window.name,
                    "value": None if math.isnan(value) else value,
                    "describe": described[window.name],
                }
                for window, value in zip(pipeline.state.features, out.tolist(), strict=False)
                if window.entity_column == field.name
            ],
        }

    def _on_lists(self, field: Field, value: str) -> list[dict[str, Any]]:
        held, now_us = self._engine.pipeline.lists, self._engine.clock.now_us()
        found = []
        for spec in self._scenario.lists:
            if field.name not in spec.of:
                continue
            for key in keys_of(self._scenario, spec, value):
                change = held.entry(spec.name, key, now_us)
                if change is not None:
                    found.append(
                        {
                            "list": spec.name,
                            "kind": spec.kind.value,
                            "from": show_time(change.from_us) if change.from_us else None,
                            "until": None if change.until_us is None else show_time(change.until_us),
                            "reason": change.reason,
                            "author": change.author,
                        }
                    )
                    break
        return found

    # ---------------------------------------------------------------- names

    @property
    def _scenario(self) -> Scenario:
        return self._engine.bundle.scenario

    def _field(self, entity: str) -> Field:
        """The field of an entity, by the entity's name or the field's.

        Raises
        ------
        NotFound
        """
        scenario = self._scenario
        name = scenario.entities.get(entity, entity)
        field = next((one for one in scenario.fields if one.name == name and one.entity), None)
        if field is None:
            known = [*scenario.entities, *scenario.entities.values()]
            hint = nearest(entity, known) or f"there are: {', '.join(scenario.entities)}"
            raise NotFound(f"No entity {show(entity)} in {scenario.name}.", hint=hint)
        return field

    def _meant(self, entity: str, value: str) -> tuple[Field, str]:
        """The field of an entity and the stored key of one of its values.

        Raises
        ------
        NotFound
            When there is no such entity, or no database can hold the value.
        """
        field = self._field(entity)
        if not is_storable(value):
            raise NotFound(f"No event of {field.entity} {show(value)} is stored.")
        return field, _key(field, value)

    def _unknown(self, field: Field, key: str) -> NotFound:
        hint = nearest(key, self._repo.near(field.name, key))
        return NotFound(f"No event of {field.entity} {show(key)} is stored.", hint=hint)


def _key(field: Field, value: str) -> str:
    """What is stored of a value."""
    return key_of(field.name, value) if field.pii else value


def _entity_of(scenario: Scenario, field: str) -> str:
    return next(entity for entity, name in scenario.entities.items() if name == field)


def _component(component: Component) -> Mapping[str, Any]:
    return {
        "id": component.number,
        "size": component.size,
        "people": component.people,
        "shared": component.shared,
        "frauds": component.frauds,
    }
