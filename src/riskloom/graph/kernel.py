# mypy: disable-error-code="no-untyped-def, no-any-return"
# (numba infers the types; every array here is int64)
"""The compiled part of the link graph: taking events in, union-find, and the walk of a neighbourhood.

A node and a link are rows of two tables. The links of a node are a chain: the node holds the newest one, and
each link holds, for either end, the one before it. A hash table finds the link of a pair. The members of a
component are a ring of nodes; two rings become one by changing two numbers.
"""

from __future__ import annotations

import numba as nb
import numpy as np

# of a node
FIELD, DEGREE, NEWEST, EVENTS, FIRST, LAST, SPEND, FRAUDS, PARENT, NEXT = range(10)
# of a component, in the row of its root
SIZE, PEOPLE, SHARED, KNOWN, LOWEST = range(10, 15)
NODE_WIDTH = 15
# of a link
A, B, BEFORE_A, BEFORE_B, TIMES, LINK_FIRST, LINK_LAST = range(7)
LINK_WIDTH = 7
# of a node that is shown
SHOWN_NODE, SHOWN_HOPS, SHOWN_HUB = range(3)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@nb.njit(cache=True, nogil=True)
def begin_nodes(nodes, first, fields):
    """Fresh nodes from row `first` on, one for each of `fields`; each is a component of its own."""
    for at in range(fields.shape[0]):
        node = first + at
        nodes[node, :] = 0
        nodes[node, FIELD] = fields[at]
        nodes[node, NEWEST] = -1
        nodes[node, PARENT] = node
        nodes[node, NEXT] = node
        nodes[node, SIZE] = 1
        nodes[node, PEOPLE] = fields[at] == 0
        nodes[node, LOWEST] = node


@nb.njit(cache=True, nogil=True)
def root_of(nodes, node):
    """The root of a node's component; the way there is halved."""
    while nodes[node, PARENT] != node:
        above = nodes[nodes[node, PARENT], PARENT]
        nodes[node, PARENT] = above
        node = above
    return node


@nb.njit(cache=True, nogil=True)
def _join(nodes, a, b):
    """Make one component of two; returns its root."""
    a, b = root_of(nodes, a), root_of(nodes, b)
    if a == b:
        return a
    if nodes[a, SIZE] < nodes[b, SIZE]:
        a, b = b, a
    nodes[b, PARENT] = a
    for column in (SIZE, PEOPLE, SHARED, KNOWN):
        nodes[a, column] += nodes[b, column]
    nodes[a, LOWEST] = min(nodes[a, LOWEST], nodes[b, LOWEST])
    nodes[a, NEXT], nodes[b, NEXT] = nodes[b, NEXT], nodes[a, NEXT]
    return a


@nb.njit(cache=True, nogil=True)
def _place_of(links, table, a, b):
    """Where the link of a pair stands in the hash table, or the free place for it."""
    mask = table.shape[0] - 1
    mixed = (np.uint64(a) * np.uint64(0x100000001B3) + np.uint64(b)) * _GOLDEN
    place = np.int64(mixed >> np.uint64(20)) & mask
    while table[place] >= 0 and (links[table[place], A] != a or links[table[place], B] != b):
        place = (place + 1) & mask
    return place


@nb.njit(cache=True, nogil=True)
def renew_table(links, count, table):
    """Fill an empty hash table with the first `count` links."""
    for link in range(count):
        table[_place_of(links, table, links[link, A], links[link, B])] = link


@nb.njit(cache=True, nogil=True)
def _add_link(nodes, links, count, a, b, time_us, hubs):
    """A pair is seen for the first time. It joins their components unless an end has become a hub by it."""
    links[count, A], links[count, B] = a, b
    links[count, BEFORE_A], links[count, BEFORE_B] = nodes[a, NEWEST], nodes[b, NEWEST]
    links[count, TIMES] = 0
    links[count, LINK_FIRST] = links[count, LINK_LAST] = time_us
    nodes[a, NEWEST] = nodes[b, NEWEST] = count
    nodes[a, DEGREE] += 1
    nodes[b, DEGREE] += 1
    if nodes[a, DEGREE] > hubs[nodes[a, FIELD]] or nodes[b, DEGREE] > hubs[nodes[b, FIELD]]:
        return
    root = _join(nodes, a, b)
    for end in (a, b):
        if nodes[end, FIELD] != 0 and nodes[end, DEGREE] == 2:
            nodes[root, SHARED] += 1


@nb.njit(cache=True, nogil=True)
def add_many(nodes, links, table, count, most, rows, pairs, hubs):
    """Take events in, in order. Returns (how many links there are now, how many were left out).

    A row is a node for each field (-1 where it is missing), the event's time, and its amount. There is room
    for every link that can come, up to `most`.
    """
    left_out = 0
    width = rows.shape[1] - 2
    for i in range(rows.shape[0]):
        time_us = rows[i, width]
        for f in range(width):
            node = rows[i, f]
            if node >= 0:
                new = nodes[node, EVENTS] == 0
                nodes[node, EVENTS] += 1
                nodes[node, SPEND] += rows[i, width + 1]
                nodes[node, FIRST] = time_us if new else min(nodes[node, FIRST], time_us)
                nodes[node, LAST] = time_us if new else max(nodes[node, LAST], time_us)
        for p in range(pairs.shape[0]):
            a, b = rows[i, pairs[p, 0]], rows[i, pairs[p, 1]]
            if a < 0 or b < 0:
                continue
            place = _place_of(links, table, a, b)
            link = table[place]
            if link < 0:
                if count >= most:
                    left_out += 1
                    continue
                link = count
                _add_link(nodes, links, link, a, b, time_us, hubs)
                table[place] = link
                count += 1
            links[link, TIMES] += 1
            links[link, LINK_FIRST] = min(links[link, LINK_FIRST], time_us)
            links[link, LINK_LAST] = max(links[link, LINK_LAST], time_us)
    return count, left_out


@nb.njit(cache=True, nogil=True)
def tell_one(nodes, row, change):
    """An event of these nodes counts as a fraud from now on (1), or no more (-1)."""
    first = np.int64(-1)
    for f in range(row.shape[0]):
        if row[f] >= 0:
            nodes[row[f], FRAUDS] += change
            if first < 0:
                first = row[f]
    if first >= 0:
        nodes[root_of(nodes, first), KNOWN] += change


@nb.njit(cache=True, nogil=True)
def _seen_place(seen, shown, node):
    mask = seen.shape[0] - 1
    place = np.int64((np.uint64(node) * _GOLDEN) >> np.uint64(20)) & mask
    while seen[place] >= 0 and shown[seen[place], SHOWN_NODE] != node:
        place = (place + 1) & mask
    return place


@nb.njit(cache=True, nogil=True)
def walk(nodes, links, hubs, start, hops, shown, seen, between):
    """Breadth first from a node, the newest links first.

    Fills `shown` with (node, hops, is a hub) and `between` with the links whose ends are both shown. A hub
    is not passed through, unless it is the start. `seen` is an empty hash table, larger than `shown`.

    Returns (nodes shown, links shown, whether a node or a link had no place).
    """
    most = shown.shape[0]
    shown[0, SHOWN_NODE], shown[0, SHOWN_HOPS] = start, 0
    shown[0, SHOWN_HUB] = nodes[start, DEGREE] > hubs[nodes[start, FIELD]]
    seen[_seen_place(seen, shown, start)] = 0
    count, at, cut = 1, 0, False
    while at < count:
        node, away = shown[at, SHOWN_NODE], shown[at, SHOWN_HOPS]
        link = nodes[node, NEWEST] if away < hops and (at == 0 or not shown[at, SHOWN_HUB]) else -1
        while link >= 0:
            is_a = links[link, A] == node
            other = links[link, B] if is_a else links[link, A]
            place = _seen_place(seen, shown, other)
            if seen[place] < 0:
                if count >= most:
                    cut = True
                    break
                shown[count, SHOWN_NODE], shown[count, SHOWN_HOPS] = other, away + 1
                shown[count, SHOWN_HUB] = nodes[other, DEGREE] > hubs[nodes[other, FIELD]]
                seen[place] = count
                count += 1
            link = links[link, BEFORE_A] if is_a else links[link, BEFORE_B]
        at += 1
    found = 0
    for at in range(count):
        if shown[at, SHOWN_HUB] and at:
            continue
        node = shown[at, SHOWN_NODE]
        link = nodes[node, NEWEST]
        steps = 0
        while link >= 0 and steps < most * 4:  # only a start that is a hub has so many
            steps += 1
            is_a = links[link, A] == node
            other = links[link, B] if is_a else links[link, A]
            peer = seen[_seen_place(seen, shown, other)]
            # a link between two that are walked is found at the first of them
            if peer >= 0 and (peer > at or (shown[peer, SHOWN_HUB] and peer)):
                if found >= between.shape[0]:
                    return count, found, True
                between[found] = link
                found += 1
            link = links[link, BEFORE_A] if is_a else links[link, BEFORE_B]
    return count, found, cut
