"""The link graph in memory: events in, by arrival; neighbourhoods and components out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.graph import kernel as at
from riskloom.graph.spec import LinkSpec

Ints = npt.NDArray[np.int64]
Keys = Sequence[str | None]
_ROOM = 1_024
_LINKS_A_NODE = 4
"""Links shown for each node that may be shown."""


@dataclass(frozen=True, slots=True)
class Node:
    """What is known of one node. Times are of events, in µs; `spend` in minor units."""

    number: int
    field: int
    key: str
    neighbours: int
    events: int
    first_us: int
    last_us: int
    spend: int
    frauds: int
    """Its events that count as frauds."""
    is_hub: bool


@dataclass(frozen=True, slots=True)
class Link:
    """Two nodes that were seen together, by their numbers."""

    a: int
    b: int
    events: int
    first_us: int
    last_us: int


@dataclass(frozen=True, slots=True)
class Component:
    """Nodes that hang together by links that no hub made.

    `number` is its oldest node. `people` are its nodes of the main field, `shared` those of others with two
    neighbours or more, `frauds` its events that count as frauds.
    """

    number: int
    size: int
    people: int
    shared: int
    frauds: int


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """What is shown around a node: nodes with how many hops away they are, nearest first, the links between.

    `is_cut` says that more was there than could be shown.
    """

    nodes: tuple[tuple[Node, int], ...]
    links: tuple[Link, ...]
    is_cut: bool


class LinkGraph:
    """The links of one scenario's events. One at a time may use it.

    Parameters
    ----------
    spec
        What links.

    Notes
    -----
    Every node and link there ever was is held, up to `spec.most` of each: about 250 bytes and 70 bytes. A
    link joins the components of its ends when it is first seen, unless an end has more neighbours then than
    its hub limit; what is joined stays joined. So a component is a function of the events in their order of
    arrival.
    """

    def __init__(self, spec: LinkSpec) -> None:
        self.spec = spec
        self._pairs = np.array(spec.pairs, np.int64).reshape(len(spec.pairs), 2)
        self._hubs = np.array(spec.hubs, np.int64)
        self._numbers: list[dict[str, int]] = [{} for _ in spec.fields]
        self._keys: list[str] = []
        self._begun = 0
        self._nodes = np.empty((_ROOM, at.NODE_WIDTH), np.int64)
        self._links = np.empty((_ROOM, at.LINK_WIDTH), np.int64)
        self._table = np.full(4 * _ROOM, -1, np.int64)
        self._frauds: set[int] = set()
        self._near: Ints = np.empty(0, np.int64)
        self._fresh: list[int] = []
        self.links = 0
        self.left_out = 0
        """Nodes and links that found no room, each time one came."""

    # ---------------------------------------------------------------- taking in

    def add_many(self, keys: Sequence[Keys], times_us: Sequence[int], amounts: Sequence[int]) -> None:
        """Take events in, in arrival order.

        Parameters
        ----------
        keys
            A column for each of `spec.fields`: what events hold of it, None where it is missing.
        times_us, amounts
            Of each event: when it happened, and how much it was about in minor units (0 for nothing).
        """
        rows = self._rows(keys, len(times_us))
        rows[:, -2], rows[:, -1] = times_us, amounts
        self.links, left_out = at.add_many(
            self._nodes, self._links, self._table, self.links, self.spec.most, rows, self._pairs, self._hubs
        )
        self.left_out += left_out

    def look_one(self, keys: Keys, include: bool) -> tuple[int, int]:
        """(people in the component of an event's first key, others next to it who are known frauds).

        By what was taken in before, or with `include` as after this event too; changes nothing. Only where
        the first field is linked with each other one and nothing else is. O(hub limit ²) at most.
        """
        room = self.spec.most - len(self._keys)
        row = np.empty(len(keys), np.int64)
        for field, key in enumerate(keys):
            number = -1 if key is None else self._numbers[field].get(key, -2)
            if number == -2:
                number, room = (-2, room - 1) if room > 0 else (-1, room)
            row[field] = number
        near = self._scratch()
        people, frauds = at.look_one(self._nodes, self._links, self._table, row, self._hubs, include, near)
        return int(people), int(frauds)

    def run_many(self, keys: Sequence[Keys], late: npt.NDArray[np.bool_], looking: bool) -> Ints:
        """Look at events and take each in before the next: what as many `look_one` and `add_many` give.

        Parameters
        ----------
        late
            bool [n]: which are not taken in, and not looked at.
        looking
            Whether answers are wanted; else none are made.

        Returns
        -------
        int64 [n, 4]: both numbers of `look_one` without the event, then with it.
        """
        rows = self._rows(keys, len(late))
        rows[:, -2:] = 0
        out = np.zeros((len(late) if looking else 0, 4), np.int64)
        self.links, left_out = at.run_many(
            self._nodes, self._links, self._table, self.links, self.spec.most, rows, late, self._pairs,
            self._hubs, out, self._scratch(),
        )  # fmt: skip
        self.left_out += left_out
        return out

    def _scratch(self) -> Ints:
        """Room for the frauds that one node may be next to."""
        if not len(self._near):
            self._near = np.empty(max(self.spec.hubs) ** 2 + 1, np.int64)
        return self._near

    def _rows(self, keys: Sequence[Keys], count: int) -> Ints:
        """The rows of events, all but time and amount; there are nodes and room for what they may add."""
        rows = np.empty((count, len(self.spec.fields) + 2), np.int64)
        for event, values in enumerate(zip(*keys, strict=True)):
            rows[event, :-2] = [self._number(field, key) for field, key in enumerate(values)]
        self._begin_nodes()
        self._make_room(count * len(self._pairs))
        return rows

    def tell_one(self, keys: Keys, arrival: int, fraud: bool) -> bool:
        """The event of this arrival number, with these keys, counts as a fraud from now on, or not.

        Returns whether that is news.
        """
        if fraud is (arrival in self._frauds):
            return False
        (self._frauds.add if fraud else self._frauds.discard)(arrival)
        at.tell_one(self._nodes, self._rows([[key] for key in keys], 1)[0, :-2], 1 if fraud else -1)
        return True

    def _number(self, field: int, key: str | None) -> int:
        """The number of a node; a new one for a key that is seen for the first time."""
        if key is None:
            return -1
        number = self._numbers[field].get(key)
        if number is None:
            if len(self._keys) >= self.spec.most:
                self.left_out += 1
                return -1
            number = self._numbers[field][key] = len(self._keys)
            self._keys.append(key)
            self._fresh.append(field)
        return number

    def _begin_nodes(self) -> None:
        first, self._begun = self._begun, len(self._keys)
        self._nodes = _grown(self._nodes, self._begun, first)
        at.begin_nodes(self._nodes, first, np.array(self._fresh, np.int64))
        self._fresh = []

    def _make_room(self, links: int) -> None:
        needed = min(self.links + links, self.spec.most)
        self._links = _grown(self._links, needed, self.links)
        if needed * 2 > len(self._table):
            self._table = np.full(2 << (needed - 1).bit_length(), -1, np.int64)
            at.renew_table(self._links, self.links, self._table)

    # ---------------------------------------------------------------- reading

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, field: int, key: str) -> int | None:
        """The number of a node."""
        return self._numbers[field].get(key)

    def node(self, number: int) -> Node:
        """What is known of a node."""
        row = self._nodes[number].tolist()
        field, degree = row[at.FIELD], row[at.DEGREE]
        return Node(
            number,
            field,
            self._keys[number],
            degree,
            row[at.EVENTS],
            row[at.FIRST],
            row[at.LAST],
            row[at.SPEND],
            row[at.FRAUDS],
            degree > self.spec.hubs[field],
        )

    def neighbourhood(self, number: int, hops: int = 2, most: int = 500) -> Neighbourhood:
        """The nodes within some hops, and the links between them.

        A hub is shown but not passed through, unless it is the node asked for; links between two hubs are not
        shown. The newest links come first. O(most · the largest hub limit).
        """
        shown = np.empty((most, 3), np.int64)
        seen = np.full(4 << most.bit_length(), -1, np.int64)
        between = np.empty(most * _LINKS_A_NODE, np.int64)
        nodes, links, is_cut = at.walk(
            self._nodes, self._links, self._hubs, number, hops, shown, seen, between
        )
        held = self._links[between[:links]].tolist()
        return Neighbourhood(
            tuple((self.node(one), away) for one, away, _ in shown[:nodes].tolist()),
            tuple(Link(row[at.A], row[at.B], *row[at.TIMES :]) for row in held),
            bool(is_cut),
        )

    def component(self, number: int) -> Component:
        """The component that a node is in now."""
        row = self._nodes[at.root_of(self._nodes, number)].tolist()
        return _component(row)

    def members(self, number: int, most: int) -> list[Node]:
        """The first so many nodes of a node's component, from its oldest on around the ring."""
        first = other = self.component(number).number
        found: list[Node] = []
        while len(found) < most:
            found.append(self.node(other))
            other = int(self._nodes[other, at.NEXT])
            if other == first:
                break
        return found

    def components(
        self, limit: int, least_people: int = 2, behind: Component | None = None
    ) -> list[Component]:
        """Components with so many people that share something, the most frauds first, then the most people.

        `behind` is the last one of the page before. O(nodes).
        """
        nodes = self._nodes[: len(self._keys)]
        is_root = nodes[:, at.PARENT] == np.arange(len(nodes))
        rows = nodes[is_root & (nodes[:, at.PEOPLE] >= least_people) & (nodes[:, at.SHARED] > 0)]
        order = np.lexsort((rows[:, at.LOWEST], -rows[:, at.PEOPLE], -rows[:, at.KNOWN]))
        if behind is not None:
            last = (-behind.frauds, -behind.people, behind.number)
            ranks = np.stack([-rows[order, at.KNOWN], -rows[order, at.PEOPLE], rows[order, at.LOWEST]])
            order = order[_behind(ranks, last)]
        return [_component(row) for row in rows[order[:limit]].tolist()]

    # ---------------------------------------------------------------- snapshots

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """Everything as plain arrays (copies): feed it to `restore`."""
        texts = [key.encode() for key in self._keys]
        return {
            "nodes": self._nodes[: len(self._keys)].copy(),
            "links": self._links[: self.links].copy(),
            "frauds": np.array(sorted(self._frauds), np.int64),
            "keys": np.frombuffer(b"".join(texts), np.uint8),
            "ends": np.cumsum([len(text) for text in texts], dtype=np.int64),
            "left_out": np.array([self.left_out], np.int64),
        }

    @classmethod
    def restore(cls, spec: LinkSpec, arrays: Mapping[str, npt.NDArray[Any]]) -> LinkGraph:
        """The graph whose `snapshot` these arrays are."""
        made = cls(spec)
        content, ends = arrays["keys"].tobytes(), arrays["ends"].tolist()
        made._keys = [
            content[a:b].decode() for a, b in zip([0, *ends[:-1]] if ends else [], ends, strict=True)
        ]
        made._begun = len(made._keys)
        for number, (key, field) in enumerate(
            zip(made._keys, arrays["nodes"][:, at.FIELD].tolist(), strict=True)
        ):
            made._numbers[field][key] = number
        made._nodes = np.ascontiguousarray(arrays["nodes"], np.int64)
        made._links = np.ascontiguousarray(arrays["links"], np.int64)
        made.links = len(made._links)
        made._table = np.full(2 << max(made.links, _ROOM).bit_length(), -1, np.int64)
        at.renew_table(made._links, made.links, made._table)
        made._frauds = set(arrays["frauds"].tolist())
        made.left_out = int(arrays["left_out"][0])
        return made


def _grown(table: Ints, needed: int, used: int) -> Ints:
    """A table with at least so many rows, and the used ones of the old one."""
    if needed <= len(table):
        return table
    wider = np.empty((max(needed, 2 * len(table)), table.shape[1]), np.int64)
    wider[:used] = table[:used]
    return wider


def _component(row: list[int]) -> Component:
    return Component(row[at.LOWEST], row[at.SIZE], row[at.PEOPLE], row[at.SHARED], row[at.KNOWN])


def _behind(ranks: Ints, last: tuple[int, int, int]) -> npt.NDArray[np.bool_]:
    """Which columns of three keys come after some keys."""
    a, b, c = ranks
    behind: npt.NDArray[np.bool_] = (a > last[0]) | (
        (a == last[0]) & ((b > last[1]) | ((b == last[1]) & (c > last[2])))
    )
    return behind
