"""The link graph against its definition, written as plainly as it can be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskloom.graph.links import LinkGraph
from riskloom.graph.spec import LinkSpec

SPEC = LinkSpec(("user", "device", "ip"), ((0, 1), (0, 2)), (3, 2, 1))
Event = tuple[str | None, str | None, str | None]


class Plain:
    """The definition: sets, and a search for everything."""

    def __init__(self, spec: LinkSpec) -> None:
        self.spec = spec
        self.order: list[tuple[int, str]] = []
        self.near: dict[tuple[int, str], dict[tuple[int, str], int]] = {}
        self.joins: dict[tuple[int, str], set[tuple[int, str]]] = {}
        self.events: list[Event] = []

    def add(self, event: Event) -> None:
        self.events.append(event)
        for field, key in enumerate(event):
            if key is not None and (field, key) not in self.near:
                self.order.append((field, key))
                self.near[field, key], self.joins[field, key] = {}, set()
        for one, two in self.spec.pairs:
            if (first := event[one]) is None or (second := event[two]) is None:
                continue
            a, b = (one, first), (two, second)
            if b not in self.near[a]:
                self.near[a][b] = self.near[b][a] = 0
                if not self.is_hub(a) and not self.is_hub(b):
                    self.joins[a].add(b)
                    self.joins[b].add(a)
            self.near[a][b] += 1
            self.near[b][a] += 1

    def is_hub(self, node: tuple[int, str]) -> bool:
        return len(self.near[node]) > self.spec.hubs[node[0]]

    def component(self, node: tuple[int, str]) -> set[tuple[int, str]]:
        found, waiting = {node}, [node]
        while waiting:
            for other in self.joins[waiting.pop()] - found:
                found.add(other)
                waiting.append(other)
        return found

    def around(self, node: tuple[int, str], hops: int) -> dict[tuple[int, str], int]:
        found, edge = {node: 0}, [node]
        for away in range(1, hops + 1):
            passed = [one for one in edge if one == node or not self.is_hub(one)]
            edge = [other for one in passed for other in self.near[one] if other not in found]
            found |= dict.fromkeys(edge, away)
        return found


def taken(events: Sequence[Event], spec: LinkSpec = SPEC, chunk: int = 3) -> LinkGraph:
    graph = LinkGraph(spec)
    for start in range(0, len(events), chunk):
        part = events[start : start + chunk]
        times = [(start + n) * 10 for n in range(len(part))]
        graph.add_many([[event[f] for event in part] for f in range(3)], times, [1] * len(part))
    return graph


def check(graph: LinkGraph, plain: Plain, hops: int) -> None:
    assert len(graph) == len(plain.order)
    for number, (field, key) in enumerate(plain.order):
        assert graph.find(field, key) == number
        node, own = graph.node(number), (field, key)
        assert (node.field, node.key, node.neighbours) == (field, key, len(plain.near[own]))
        assert node.is_hub == plain.is_hub(own)
        assert node.events == sum(event[field] == key for event in plain.events)
        members = plain.component(own)
        component = graph.component(number)
        assert component.size == len(members)
        assert component.number == min(map(plain.order.index, members))
        assert component.people == sum(one[0] == 0 for one in members)
        assert {plain.order[one.number] for one in graph.members(number, 1000)} == members
        found = graph.neighbourhood(number, hops, 1000)
        assert {(one.field, one.key): away for one, away in found.nodes} == plain.around(own, hops)
        assert not found.is_cut
        around = plain.around(own, hops)
        walked = {one for one in around if one == own or not plain.is_hub(one)}
        links = {
            (frozenset((one, other)), times)
            for one in walked
            for other, times in plain.near[one].items()
            if other in around
        }
        shown = [(frozenset((plain.order[x.a], plain.order[x.b])), x.events) for x in found.links]
        assert len(shown) == len(set(shown))
        assert set(shown) == links


names = st.sampled_from(["a", "b", "c", "ü\n", "", "d"]) | st.none()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(names, names, names), max_size=30), st.integers(1, 4), st.integers(1, 3))
def test_it_is_what_the_definition_says(events: list[Event], chunk: int, hops: int) -> None:
    graph, plain = taken(events, chunk=chunk), Plain(SPEC)
    for event in events:
        plain.add(event)
    check(graph, plain, hops)
    check(LinkGraph.restore(SPEC, graph.snapshot()), plain, hops)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(names, names, names), max_size=30), st.integers(0, 30))
def test_a_restored_one_goes_on_as_if_it_had_not_been_stored(events: list[Event], at: int) -> None:
    graph = taken(events[:at])
    again = LinkGraph.restore(SPEC, graph.snapshot())
    for event in events[at:]:
        for one in (graph, again):
            one.add_many([[key] for key in event], [7], [2])
    ours, theirs = graph.snapshot(), again.snapshot()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_frauds_are_counted_once_an_event_and_can_be_taken_back() -> None:
    graph = taken([("ann", "phone", "1"), ("bob", "phone", "2"), ("eve", "tab", None)])
    graph.tell_one(("ann", "phone", "1"), 1, True)
    graph.tell_one(("ann", "phone", "1"), 1, True)
    graph.tell_one(("bob", "phone", "2"), 2, True)
    phone, ann = graph.find(1, "phone"), graph.find(0, "ann")
    assert phone is not None
    assert ann is not None
    assert graph.node(phone).frauds == 2
    assert graph.component(phone).frauds == 2
    graph.tell_one(("ann", "phone", "1"), 1, False)
    graph.tell_one(("eve", "tab", None), 3, False)
    assert (graph.node(ann).frauds, graph.node(phone).frauds, graph.component(ann).frauds) == (0, 1, 1)


def test_frauds_of_components_that_become_one_are_added() -> None:
    graph = taken([("ann", "a", None), ("bob", "b", None)])
    graph.tell_one(("ann", "a", None), 1, True)
    graph.tell_one(("bob", "b", None), 2, True)
    graph.add_many([["ann"], ["b"], [None]], [9], [0])
    ann = graph.find(0, "ann")
    assert ann is not None
    assert (graph.component(ann).people, graph.component(ann).frauds) == (2, 2)


def test_rings_are_ranked_by_frauds_then_people_and_paged() -> None:
    rings = [
        [(f"{ring}{n}", ring, None) for n in range(size)] for ring, size in (("r", 2), ("s", 3), ("t", 3))
    ]
    graph = taken([event for ring in rings for event in ring], LinkSpec(SPEC.fields, SPEC.pairs, (3, 9, 9)))
    graph.tell_one(("t0", "t", None), 9, True)
    first = graph.components(2)
    assert [(one.frauds, one.people, one.shared, one.size) for one in first] == [(1, 3, 1, 4), (0, 3, 1, 4)]
    (last,) = graph.components(2, behind=first[-1])
    assert (last.people, last.number) == (2, 0)
    assert graph.components(2, behind=last) == []
    assert [one.people for one in graph.components(9, least_people=3)] == [3, 3]


def test_people_with_things_of_their_own_are_no_ring() -> None:
    assert taken([("ann", "a", "1"), ("bob", "b", "2")]).components(5) == []


def test_what_has_no_room_is_cut_and_says_so() -> None:
    spec = LinkSpec(SPEC.fields, SPEC.pairs, (3, 100, 100))
    graph = taken([(f"u{n}", "d", f"i{n}") for n in range(40)], spec)
    device = graph.find(1, "d")
    assert device is not None
    found = graph.neighbourhood(device, 2, 10)
    assert found.is_cut
    assert [one.key for one, _ in found.nodes] == ["d", *(f"u{n}" for n in range(39, 30, -1))]
    assert not graph.neighbourhood(device, 1, 41).is_cut
    assert graph.neighbourhood(device, 1, 40).is_cut


def test_memory_is_bounded_by_what_is_declared() -> None:
    spec = LinkSpec(SPEC.fields, SPEC.pairs, SPEC.hubs, most=4)
    graph = taken([("a", "d", "i"), ("b", "d", "i"), ("c", "e", "j"), ("a", "d", "j")], spec)
    assert len(graph) == 4
    assert graph.find(0, "c") is None
    assert graph.left_out == 4
    assert graph.links == 4
    (ann,) = [graph.node(number) for number in range(4) if graph.node(number).key == "a"]
    assert ann.events == 2


@pytest.mark.parametrize("count", [0, 1])
def test_a_graph_of_nothing_is_one(count: int) -> None:
    graph = taken([(None, None, None)] * count)
    assert len(graph) == graph.links == 0
    assert graph.components(5) == []
    assert len(LinkGraph.restore(SPEC, graph.snapshot())) == 0
