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
def _root_seen(nodes, node):
    """The root of a node's component; changes nothing."""
    while nodes[node, PARENT] != node:
        node = nodes[node, PARENT]
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
def _add_one(nodes, links, table, count, most, row, pairs, hubs):
    """Take one event in; see `add_many`."""
    left_out = 0
    width = row.shape[0] - 2
    time_us = row[width]
    for f in range(width):
        node = row[f]
        if node >= 0:
            new = nodes[node, EVENTS] == 0
            nodes[node, EVENTS] += 1
            nodes[node, SPEND] += row[width + 1]
            nodes[node, FIRST] = time_us if new else min(nodes[node, FIRST], time_us)
            nodes[node, LAST] = time_us if new else max(nodes[node, LAST], time_us)
    for p in range(pairs.shape[0]):
        a, b = row[pairs[p, 0]], row[pairs[p, 1]]
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
def add_many(nodes, links, table, count, most, rows, pairs, hubs):
    """Take events in, in order. Returns (how many links there are now, how many were left out).

    A row is a node for each field (-1 where it is missing), the event's time, and its amount. There is room
    for every link that can come, up to `most`.
    """
    left_out = 0
    for i in range(rows.shape[0]):
        count, more = _add_one(nodes, links, table, count, most, rows[i], pairs, hubs)
        left_out += more
    return count, left_out


@nb.njit(cache=True, nogil=True)
def _frauds_at(nodes, links, node, own, near, count):
    """Add the people at a node who are known frauds to `near`."""
    link = nodes[node, NEWEST]
    while link >= 0:
        person = links[link, A]
        if person != own and nodes[person, FRAUDS] > 0:
            near[count] = person
            count += 1
        link = links[link, BEFORE_B]
    return count


@nb.njit(cache=True, nogil=True)
def look_one(nodes, links, table, row, hubs, include, near):
    """(people in the component of the row's first node, other people next to it who are known frauds).

    Changes nothing. A row is a node for each field: -1 where it is missing, -2 where it was never seen. The
    first field is linked with each other one and with nothing else. With `include` as after the event itself.
    `near` has room for the frauds at all the nodes that one which is no hub is linked with.
    """
    own = row[0]
    is_known = own >= 0 and nodes[own, EVENTS] > 0
    if own == -1 or not (is_known or include):
        return np.int64(0), np.int64(0)
    roots = np.empty(row.shape[0], np.int64)
    joined, people, degree = 0, np.int64(1), np.int64(0)
    if is_known:
        degree = nodes[own, DEGREE]
        roots[0], joined = _root_seen(nodes, own), 1
        people = nodes[roots[0], PEOPLE]
    fresh = np.zeros(row.shape[0], np.bool_)
    for f in range(1, row.shape[0]):
        other = row[f]
        if not include or other == -1:
            continue
        if is_known and other >= 0 and table[_place_of(links, table, own, other)] >= 0:
            continue
        degree += 1
        others = nodes[other, DEGREE] + 1 if other >= 0 else 1
        fresh[f] = other >= 0 and others <= hubs[f]
        if degree > hubs[0] or not fresh[f]:
            continue
        root = _root_seen(nodes, other)
        if not np.any(roots[:joined] == root):
            roots[joined] = root
            joined += 1
            people += nodes[root, PEOPLE]
    count = 0
    if degree <= hubs[0]:
        link = nodes[own, NEWEST] if is_known else np.int64(-1)
        while link >= 0:
            other = links[link, B]
            if nodes[other, DEGREE] <= hubs[nodes[other, FIELD]]:
                count = _frauds_at(nodes, links, other, own, near, count)
            link = links[link, BEFORE_A]
        for f in range(1, row.shape[0]):
            if fresh[f]:
                count = _frauds_at(nodes, links, row[f], own, near, count)
    found = np.sort(near[:count])
    frauds = np.int64(0)
    for at in range(count):
        frauds += at == 0 or found[at] != found[at - 1]
    return people, frauds


@nb.njit(cache=True, nogil=True)
def run_many(nodes, links, table, count, most, rows, late, pairs, hubs, out, near):
    """Look at and take in events, in order. Returns (links now, left out); too late ones are passed over.

    Fills `out`, where it has rows, with both numbers of `look_one` without the event itself, then with it.
    """
    left_out = 0
    width = rows.shape[1] - 2
    for i in range(rows.shape[0]):
        if late[i]:
            continue
        if out.shape[0] > 0:
            for include in range(2):
                people, frauds = look_one(nodes, links, table, rows[i, :width], hubs, include == 1, near)
                out[i, 2 * include], out[i, 2 * include + 1] = people, frauds
        count, more = _add_one(nodes, links, table, count, most, rows[i], pairs, hubs)
        left_out += more
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
