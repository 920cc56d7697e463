"""The link graph in its places and in words; lists and counts of an entity."""

from __future__ import annotations

import re
from base64 import b64decode
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from riskloom.dashboard import entity_words, link_picture
from riskloom.dashboard.link_layout import layout
from riskloom.dashboard.roles import Roles

ROLES = Roles(entity="user_id", partner="merchant_id", amount="amount", entities={"user_id": "user"})


def node(entity: str, key: str, hops: int, **known: Any) -> dict[str, Any]:
    plain = {"events": 3, "frauds": 0, "neighbours": 2, "is_hub": False, "shown_neighbours": 1}
    return {
        "id": f"{entity}:{key}",
        "entity": entity,
        "key": key,
        "hops": hops,
        "spend": None,
        **plain,
        **known,
    }


def graph(nodes: list[dict[str, Any]], edges: list[tuple[str, str]], **cut: Any) -> dict[str, Any]:
    return {
        "center": nodes[0]["id"],
        "nodes": nodes,
        "edges": [{"from": a, "to": b, "events": 10} for a, b in edges],
        "cut": {"by_limit": False, "limit": 300, "hubs": [], "left_out": False, **cut},
    }


def crossing() -> dict[str, Any]:
    """Two devices and two customers behind them, given in an order that would cross the lines."""
    nodes = [
        node("user", "ann", 0),
        node("device", "d1", 1),
        node("device", "d2", 1),
        node("user", "of-d2", 2),
        node("user", "of-d1", 2),
    ]
    ids = [one["id"] for one in nodes]
    return graph(nodes, [(ids[0], ids[1]), (ids[0], ids[2]), (ids[2], ids[3]), (ids[1], ids[4])])


def many(count: int, **known: Any) -> dict[str, Any]:
    shops = [node("merchant", f"shop-{at}", 1, **known) for at in range(count)]
    center = node("user", "ann", 0)
    return graph([center, *shops], [(center["id"], shop["id"]) for shop in shops])


def test_columns_are_hops_and_lines_that_need_not_cross_do_not() -> None:
    made = layout(crossing())
    at = {spot.node["key"]: spot for spot in made.spots if spot.node}
    assert [at[key].column for key in ("ann", "d1", "d2", "of-d1", "of-d2")] == [0, 1, 1, 2, 2]
    assert (at["d1"].row < at["d2"].row) == (at["of-d1"].row < at["of-d2"].row)
    assert made == layout(crossing()), "the same graph is drawn the same way"


@pytest.mark.parametrize("count", [1, 12, 13, 299])
def test_no_two_places_overlap_and_nothing_is_lost(count: int) -> None:
    made = layout(many(count))
    rows = sorted(spot.row for spot in made.spots if spot.column == 1)
    assert all(b - a >= 1 for a, b in pairwise(rows))
    assert min(rows) >= 0
    assert max(rows) <= made.rows - 1
    assert len(made.spots) <= 14
    assert sum(spot.folded or 1 for spot in made.spots) == count + 1
    assert sum(events for *_, events in made.lines) == 10 * count


def test_what_tells_most_is_drawn_by_itself_and_hubs_share_a_place() -> None:
    given = many(40, is_hub=True)
    given["nodes"].append(node("merchant", "bad", 1, is_hub=True, frauds=2))
    given["nodes"].append(node("device", "phone", 1, shown_neighbours=1))
    given["edges"] += [
        {"from": "user:ann", "to": one, "events": 1} for one in ("merchant:bad", "device:phone")
    ]
    made = layout(given)
    keys = {spot.node["key"] for spot in made.spots if spot.node}
    assert {"ann", "bad", "phone"} <= keys
    assert made.folded == 37


def test_what_only_a_shared_place_leads_to_shares_one_too() -> None:
    given = many(3)
    given["nodes"] += [node("device", f"d{at}", 1, shown_neighbours=9) for at in range(2)]
    given["edges"] += [{"from": "user:ann", "to": f"device:d{at}", "events": 1} for at in range(2)]
    given["nodes"] += [node("user", f"far-{at}", 2) for at in range(2)]
    given["edges"] += [{"from": "merchant:shop-2", "to": f"user:far-{at}", "events": 1} for at in range(2)]
    made = layout(given, rows=2)
    far = [spot for spot in made.spots if spot.column == 2]
    assert [(spot.entity, spot.folded) for spot in far] == [("user", 2)]


def test_the_picture_links_to_neighbours_marks_frauds_and_hubs_and_says_what_is_missing() -> None:
    given = many(20, is_hub=True, neighbours=812)
    given["nodes"].append(node("device", "<b>&", 1, frauds=1))
    given["edges"].append({"from": "user:ann", "to": "device:<b>&", "events": 1})
    given["cut"] |= {"by_limit": True, "hubs": ["merchant:shop-0"], "left_out": True}
    text = link_picture.draw(given, ROLES)
    assert 'href="entity?entity=device&amp;key=%3Cb%3E%26"' in text
    assert "&lt;b&gt;&amp;" in text
    assert "<b>&<" not in text
    assert '<b class="rl-worse">1 fraud</b>' in text
    assert "hub of 812" in text
    assert "Merchant: 17 more" in text
    for said in ("17 of 22", "dashed box is a hub", "more than the nearest 300", "does not know every event"):
        assert said in text
    lines = b64decode(re.findall(r"base64,([^\"]+)", text)[0]).decode()
    assert lines.count("<path") == 5


def test_an_entity_without_links_says_so() -> None:
    assert "linked with nothing" in link_picture.draw(graph([node("user", "ann", 0)], []), ROLES)


def test_lists_say_until_when_and_why() -> None:
    entry = {"list": "bad_devices", "kind": "deny", "from": "2026-11-20T00:00:00Z", "until": None}
    text = entity_words.lists([{**entry, "reason": "<farm>", "author": "ana"}], ROLES)
    for said in ("on bad devices", "until taken off", "since 20 Nov 2026", "&lt;farm&gt;", "ana"):
        assert said in text
    later = {**entry, "until": "2026-12-01T00:00:00Z", "reason": "", "author": ""}
    assert "1 Dec 2026" in entity_words.lists([later], ROLES)
    assert "on no list" in entity_words.lists([], ROLES)


def test_an_entity_that_the_graph_had_no_room_for_has_no_counts_and_says_so() -> None:
    names = ("events", "first_seen", "last_seen", "spend", "frauds", "neighbours", "is_hub", "component")
    outcomes = {"APPROVED": 2, "FLAGGED": 1, "REJECTED": 1, "undecided": 0}
    found = {
        "entity": "user", "key": "ann", "lists": [], "outcomes": outcomes, "counted": 4,
        **dict.fromkeys(names),
    }  # fmt: skip
    assert "had no room" in entity_words.headline(found, ROLES, datetime.now(UTC))
    tiles = {label: (figure, remark) for label, figure, remark in entity_words.tiles(found, ROLES)}
    assert tiles["Flagged or rejected"] == ("2", "50 % of the newest 4")
    assert tiles["Known frauds"][0] == "–"
