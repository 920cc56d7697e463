"""Everything about an entity, who it is linked with, and rings."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from riskloom.bundle import Bundle, make_bundle
from riskloom.scenario.load import load_scenario, scenario_from_parts
from riskloom.server.settings import Settings
from support.databases import Database
from support.events import NOW_US, at, burst, payment
from support.server import Server, faults, problem, serving

V1 = "/api/v1"


def ring(*users: str, device: str = "d", start: int = 0) -> list[dict[str, Any]]:
    """Payments of some users from one device, each from an address and at a shop of its own."""
    return [
        payment(
            f"{device}-{user}",
            user_id=user,
            device_id=device,
            ip=f"203.0.113.{start + n}",
            merchant_id=f"m-{device}-{n}",
            timestamp=at(start + n),
        )
        for n, user in enumerate(users)
    ]


def send(server: Server, events: list[dict[str, Any]]) -> None:
    results = server.post(f"{V1}/score/batch", {"events": events}).json()["results"]
    assert not [one for one in results if "error" in one]


def get(server: Server, path: str, **asked: Any) -> Any:
    answer = server.get(V1 + path, params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def keys(found: dict[str, Any], entity: str) -> dict[str, int]:
    return {node["key"]: node["hops"] for node in found["nodes"] if node["entity"] == entity}


def test_an_entity_is_told_with_all_that_is_known_of_it(server: Server) -> None:
    send(server, burst(6))
    server.post(f"{V1}/events", payment("later", amount=100, merchant_id="shop-2", timestamp=at(10)))
    told = server.post(f"{V1}/labels", {"event_id": "b-2", "fraud": True, "source": "chargeback"})
    assert told.status_code == 200
    found = get(server, "/entities/device/phone-1")
    assert (found["entity"], found["field"], found["key"], found["personal"]) == (
        "device",
        "device_id",
        "phone-1",
        False,
    )
    assert (found["first_seen"], found["last_seen"], found["events"]) == (at(0), at(10), 7)
    assert found["spend"] == {"amount": 175, "currency": "USD"}
    assert sum(found["outcomes"].values()) == found["counted"] == 7
    assert found["outcomes"]["undecided"] == 1
    assert found["outcomes"]["FLAGGED"] >= 1
    usual = found["usual"]
    assert usual["amount"] == {"least": 10, "low": 10, "middle": 13, "high": 100, "most": 100}
    assert usual["hours"][0] == 7
    assert sum(usual["weekdays"]) == 7
    assert usual["place"] == {"latitude": 51.5, "longitude": -0.1}
    assert usual["values"]["merchant_id"] == {
        "different": 2,
        "items": [{"value": "shop-1", "events": 6}, {"value": "shop-2", "events": 1}],
    }
    assert not {"device_id", "event_id", "currency"} & usual["values"].keys()
    windows = {one["name"]: one["value"] for one in found["windows"]["features"]}
    assert windows["device_tx_count_1h"] == 1  # of the future the state sees nothing: the clock stands at b-0
    assert "user_tx_count_1h" not in windows
    assert found["frauds"] == 1
    assert [(one["event_id"], one["fraud"]) for one in found["labels"]] == [("b-2", True)]
    assert (found["neighbours"], found["is_hub"]) == (1, False)
    assert found["component"] == {"id": 0, "size": 3, "people": 1, "shared": 0, "frauds": 1}
    assert get(server, "/entities/device_id/phone-1") == found
    user = get(server, "/entities/user/ann")
    assert (user["personal"], user["events"], user["neighbours"]) == (True, 7, 4)
    windows = {one["name"]: one["value"] for one in user["windows"]["features"]}
    assert (windows["user_tx_count_5m"], windows["seconds_since_last"]) == (1, 0)


def test_looking_at_an_entity_changes_no_decision(server: Server) -> None:
    send(server, burst(3))
    event = payment("next", timestamp=at(3))
    before = server.score(event, params={"dry_run": "true"})
    get(server, "/entities/user/ann")
    get(server, "/entities/merchant/shop-1")
    after = server.score(event, params={"dry_run": "true"})
    assert (before["reasons"], before["outcome"]) == (after["reasons"], after["outcome"])
    server.score(event)
    features = {one["name"]: one["value"] for one in get(server, "/decisions/next")["features"]}
    assert features["user_tx_count_5m"] == 3


def test_pages_of_an_entitys_events_hold_each_once(server: Server) -> None:
    send(server, burst(7) + burst(3, "other", device_id="phone-2"))
    for entity, key, prefix, count in (("device", "phone-1", "b", 7), ("user", "ann", "", 10)):
        seen: list[str] = []
        cursor = None
        while True:
            asked = {"limit": 3} | ({"cursor": cursor} if cursor else {})
            page = get(server, f"/entities/{entity}/{key}/history", **asked)
            seen += [one["event_id"] for one in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == count
        assert all(one.startswith(prefix) for one in seen)
    newest = get(server, "/entities/device/phone-1/history", limit=1)["items"][0]
    assert (newest["event_id"], newest["outcome"]) == ("b-6", "FLAGGED")


def test_two_hops_lead_from_a_user_over_a_device_to_others(server: Server) -> None:
    send(server, [*ring("ann", "bob", "eve"), payment("x", user_id="eve", device_id="e", timestamp=at(9))])
    found = get(server, "/entities/user/ann/graph")
    assert found["center"] == "user:ann"
    assert keys(found, "user") == {"ann": 0, "bob": 2, "eve": 2}
    assert keys(found, "device") == {"d": 1}
    assert {node["key"]: node["hops"] for node in get(server, "/entities/user/ann/graph", hops=3)["nodes"]}[
        "e"
    ] == 3
    assert keys(get(server, "/entities/user/ann/graph", hops=1), "user") == {"ann": 0}
    edge = next(one for one in found["edges"] if one["to"] == "device:d" and one["from"] == "user:bob")
    assert (edge["events"], edge["first_seen"], edge["last_seen"]) == (1, at(1), at(1))
    device = next(node for node in found["nodes"] if node["id"] == "device:d")
    assert (device["neighbours"], device["shown_neighbours"], device["is_hub"]) == (3, 3, False)
    assert found["component"]["people"] == 3
    assert found["cut"] == {
        "by_limit": False,
        "limit": 500,
        "hubs": ["merchant:m-d-0"],
        "left_out": False,
    }


def linked(**links: Any) -> Bundle:
    """Card payments that link in another way."""
    parts = {**load_scenario("card_payments").parts, "links": links}
    return make_bundle(scenario_from_parts(parts), None)


def test_a_hub_is_shown_but_not_passed_through_and_joins_nobody(database: Database) -> None:
    with serving(database, linked(hubs={"device": 3})) as server:
        send(server, ring("a", "b", "c", "d", "e"))
        found = get(server, "/entities/user/a/graph")
        assert keys(found, "device") == {"d": 1}
        assert keys(found, "user") == {"a": 0}
        assert "device:d" in found["cut"]["hubs"]
        assert found["component"]["people"] == 3  # the first three were joined before it became a hub
        assert get(server, "/entities/user/e")["component"]["people"] == 1
        asked = get(server, "/entities/device/d/graph", hops=1)
        assert keys(asked, "user") == dict.fromkeys("abcde", 1)  # the one asked for is always opened


def test_what_is_cut_is_said(database: Database) -> None:
    with serving(database, linked(hub=1000, most=12)) as server:
        send(server, ring(*(f"u{n}" for n in range(10))))
        found = get(server, "/entities/device/d/graph", limit=3)
        assert len(found["nodes"]) == 3
        assert found["cut"]["by_limit"]
        assert found["cut"]["left_out"]
        small = get(server, "/entities/user/u9")
        assert small["events"] is small["component"] is None  # the graph had no room; the log knows it
        assert small["counted"] == 1
        problem(server.get(f"{V1}/entities/user/u9/graph"), 404, "not_found")


def test_rings_are_ranked_and_grow_together(server: Server) -> None:
    send(
        server,
        ring("a", "b", "c") + ring("x", "y", device="t", start=20) + ring("alone", device="z", start=30),
    )
    told = server.post(f"{V1}/labels", {"event_id": "t-x", "fraud": True, "source": "analyst"})
    assert told.status_code == 200
    first = get(server, "/graph/components", limit=1)
    assert [(one["people"], one["frauds"]) for one in first["items"]] == [(2, 1)]
    (second,) = get(server, "/graph/components", cursor=first["next"])["items"]
    assert (second["people"], second["frauds"], second["id"]) == (3, 0, 0)
    number = first["items"][0]["id"]
    members = get(server, f"/graph/components/{number}")["members"]
    assert {one["key"] for one in members if one["entity"] == "user"} == {"x", "y"}
    server.score(payment("bridge", user_id="x", device_id="d", timestamp=at(40)))
    grown = get(server, f"/graph/components/{number}")
    assert (grown["id"], grown["people"], grown["frauds"]) == (0, 5, 1)
    assert get(server, "/graph/components", people=6)["items"] == []
    problem(server.get(f"{V1}/graph/components/99999"), 404, "not_found")
    server.post(f"{V1}/labels", {"event_id": "t-x", "fraud": False, "source": "analyst"})
    assert get(server, "/graph/components/0")["frauds"] == 0


@pytest.mark.parametrize("key", ["Zoë/graph", "日本 🙂", "a%b?c#d", "x'; drop table events", "a/b/history/c"])
def test_keys_may_be_any_text(server: Server, key: str) -> None:
    server.score(payment(user_id=key, device_id=key))
    for entity in ("user", "device"):
        path = f"/entities/{entity}/{quote(key, safe='')}"
        if not key.endswith("graph"):  # such a key is read by its links' path and its history
            assert get(server, path)["key"] == key
        assert get(server, f"{path}/graph")["center"] == f"{entity}:{key}"
        assert len(get(server, f"{path}/history")["items"]) == 1


def test_an_unknown_entity_names_the_nearest(server: Server) -> None:
    send(server, burst(1, device_id="phone-17") + burst(1, "o", user_id="annabel", device_id="tab"))
    for path, hint in (
        ("/entities/device/phone-16", "phone-17"),
        ("/entities/user/annabell/history", "annabel"),
        ("/entities/devise/phone-17", "device"),
        ("/entities/user/anabel/graph", "annabel"),
    ):
        assert hint in problem(server.get(V1 + path), 404, "not_found")["hint"]
    assert faults(server.get(f"{V1}/entities/user/annabel/graph", params={"hops": 4}), "parameter_invalid")
    asked = server.get(f"{V1}/entities/user/annabel/history", params={"cursor": "x"})
    assert faults(asked, "parameter_invalid")
    problem(server.get(f"{V1}/entities/user/%00"), 404, "not_found")


def test_late_and_repeated_events_count_once_at_their_own_time(server: Server) -> None:
    event = payment("now")
    for _ in range(3):
        server.score(event)
    server.score(payment("late", timestamp=at(-5 * 86_400)))
    server.score(payment("too-late", timestamp=at(-30 * 86_400)))
    found = get(server, "/entities/ip/203.0.113.7")
    assert (found["events"], found["first_seen"], found["last_seen"]) == (3, at(-30 * 86_400), at(0))


def test_lists_that_hold_an_entity_are_named(database: Database) -> None:
    lists = [
        {"name": "bad_devices", "of": "device_id", "kind": "deny"},
        {"name": "trusted", "of": "user_id"},
        {"name": "shops", "of": "merchant_id", "kind": "watch"},
    ]
    parts = {**load_scenario("card_payments").parts, "lists": lists}
    with serving(database, make_bundle(scenario_from_parts(parts), None)) as server:
        server.score(payment())
        entry = {"value": "phone-1", "reason": "stolen", "author": "mia", "until": at(3600)}
        server.post(f"{V1}/lists/bad_devices", [entry])
        server.post(f"{V1}/lists/bad_devices", [{"value": "phone-2"}])
        assert get(server, "/entities/device/phone-1")["lists"] == [
            {
                "list": "bad_devices",
                "kind": "deny",
                "from": None,
                "until": at(3600),
                "reason": "stolen",
                "author": "mia",
            }
        ]
        assert get(server, "/entities/user/ann")["lists"] == []


def test_a_restart_knows_the_same(database: Database, bundle: Bundle) -> None:
    paths = ("/entities/device/d/graph", "/graph/components", "/entities/user/bob")
    with serving(database, bundle) as server:
        send(server, ring("ann", "bob"))
        server.post(f"{V1}/labels", {"event_id": "d-ann", "fraud": True, "source": "analyst"})
        before = [get(server, path) for path in paths]
    snapshot = database.data_dir / "links" / "card_payments.npz"
    assert snapshot.exists()
    for damage in (lambda: None, snapshot.unlink, lambda: snapshot.write_bytes(b"PK\x03\x04 broken")):
        damage()
        with serving(database, bundle) as server:
            assert [get(server, path) for path in paths] == before
            send(server, burst(1, f"n{server.runtime.engine.arrival}", device_id="d", user_id="ann"))
            before = [get(server, path) for path in paths]


def test_other_links_or_another_index_are_read_anew(database: Database, bundle: Bundle) -> None:
    with serving(database, bundle) as server:
        send(server, ring("ann", "bob"))
        assert get(server, "/entities/user/ann")["component"]["people"] == 2
    with serving(database, linked(hubs={"device": 1})) as server:
        assert get(server, "/entities/user/ann")["component"]["people"] == 1
    database.rows("update links_read set fields = 'others' returning 1")
    with serving(database, bundle) as server:
        assert get(server, "/entities/user/ann")["component"]["people"] == 2
        assert len(get(server, "/entities/device/d/history")["items"]) == 2


def test_an_index_that_fell_behind_is_caught_up_at_the_next_question(server: Server) -> None:
    send(server, burst(4))
    assert len(get(server, "/entities/device/phone-1/history")["items"]) == 4
    send(server, burst(2, "more"))
    assert len(get(server, "/entities/device/phone-1/history")["items"]) == 6
    assert server.database.one("select arrival from links_read") == 6
    assert server.database.one("select count(*) from entity_events") == 18


def test_each_scenario_has_links_of_its_own(database: Database, bundle: Bundle, cards: Bundle) -> None:
    with serving(database, bundle, cards) as server:
        server.score(payment(user_id="ann"))
        named = f"{V1}/scenarios/small_cards"
        small = {"event_id": "s", "timestamp": at(0), "user_id": "ann", "amount": 5, "currency": "USD"}
        server.post(f"{named}/score", {**small, "merchant_id": "shop-1"})
        found = server.get(f"{named}/entities/merchant/shop-1/graph").json()
        assert [node["id"] for node in found["nodes"]] == ["merchant:shop-1", "user:ann"]
        assert server.get(f"{named}/entities/user/ann").json()["events"] == 1


def test_a_key_is_needed_where_there_is_one(database: Database, bundle: Bundle) -> None:
    with serving(database, bundle, api_key="k" * 24) as server:
        for path in ("/entities/user/ann", "/entities/user/ann/graph", "/entities/user/ann/history"):
            assert server.get(V1 + path).status_code == 401
        assert server.get(f"{V1}/graph/components").status_code == 401
    assert Settings().api_key is None
    assert NOW_US
