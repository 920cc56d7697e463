"""What a scenario may declare of links."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from riskloom.bundle import make_bundle, read_bundle, write_bundle
from riskloom.errors import ScenarioInvalid
from riskloom.graph.spec import HUB, MOST_LINKS, LinkSpec
from riskloom.scenario.load import load_scenario, scenario_from_parts
from riskloom.scenario.scenario import Scenario

FIELDS = ("user_id", "merchant_id", "device_id", "ip")


def declared(links: Any) -> Scenario:
    parts = {**load_scenario("card_payments").parts}
    parts.pop("links")
    return scenario_from_parts(parts if links is None else {**parts, "links": links})


def test_where_nothing_is_declared_the_main_entity_is_linked_with_each_other_one() -> None:
    found = declared(None)
    assert found.links == LinkSpec(FIELDS, ((0, 1), (0, 2), (0, 3)), (HUB,) * 4, MOST_LINKS)
    assert "links" not in found.parts


def test_pairs_hubs_and_room_are_declared() -> None:
    links = {"between": [["device", "user"], ["ip", "device"]], "hub": 9, "hubs": {"ip": 0}, "most": 100}
    assert declared(links).links == LinkSpec(FIELDS, ((0, 2), (2, 3)), (9, 9, 9, 0), 100)


def test_links_are_a_part_of_their_own_and_touch_no_other(tmp_path: Path) -> None:
    one, two = declared({"hub": 3}), declared(None)
    assert one.fingerprint("features", "model", "rules") == two.fingerprint("features", "model", "rules")
    assert one.fingerprint() != two.fingerprint()
    for name, scenario in (("one", one), ("two", two)):
        again = read_bundle(write_bundle(make_bundle(scenario, None), tmp_path / name)).scenario
        assert again.links == scenario.links
    assert scenario_from_parts(json.loads(json.dumps(one.parts))).links == one.links


def test_links_may_stand_in_a_file_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "scenario.yaml").write_text(
        "scenario: s\nlinks: links.yaml\nevent:\n  fields:\n    event_id: {type: string}\n"
        "    timestamp: {type: time}\n    a: {type: string, entity: a}\n    b: {type: string, entity: b}\n"
        "features:\n  - {name: n, entity: a, aggregate: count, window: 1h}\n"
    )
    (tmp_path / "links.yaml").write_text("hubs: {b: 7}\n")
    assert load_scenario(tmp_path).links.hubs == (HUB, 7)
    (tmp_path / "links.yaml").write_text("hub: 7\nhubs:\n  c: 7\n")
    with pytest.raises(ScenarioInvalid) as refused:
        load_scenario(tmp_path)
    (fault,) = refused.value.faults
    assert (Path(fault.file).name, fault.line, fault.where) == ("links.yaml", 3, "hubs.c")


@pytest.mark.parametrize(
    ("links", "where"),
    [
        ({"hubb": 3}, "hubb"),
        ({"hub": -1}, "hub"),
        ({"hub": True}, "hub"),
        ({"hubs": {"usr": 3}}, "hubs.usr"),
        ({"hubs": {"user": "many"}}, "hubs.user"),
        ({"most": 10**9}, "most"),
        ({"between": [["user", "user"]]}, "between[0]"),
        ({"between": [["user"]]}, "between[0]"),
        ({"between": [["user", "devise"]]}, "between[0]"),
        ({"between": [["user", 3]]}, "between[0]"),
        ({"between": [["user", "ip"], ["ip", "user"]]}, "between[1]"),
        ({"between": [["user", "ip"]] * 40}, "between"),
        ({"between": "user"}, "between"),
        ([], "document"),
    ],
)
def test_what_is_no_link_is_a_fault_with_its_place(links: Any, where: str) -> None:
    with pytest.raises(ScenarioInvalid) as refused:
        declared(links)
    assert where in {fault.where for fault in refused.value.faults}


def featured(**changes: Any) -> Scenario:
    parts = {**load_scenario("card_payments").parts}
    feature = {"name": "ring", "entity": "user", "aggregate": "component_size", "of": ["device_id", "ip"]}
    head = parts["features"]
    return scenario_from_parts(
        {**parts, "features": {**head, "features": [*head["features"], {**feature, **changes}]}}
    )


def test_a_feature_of_links_is_declared_with_its_hub_limit_and_reaches_back_for_ever() -> None:
    found = {one.name: one for one in featured(hub=20, include_current=True).windows}
    assert (found["ring"].hub, found["ring"].of) == (20, ("device_id", "ip"))
    assert found["ring"].include_current
    assert found["ring"].reach_us > 100 * max(one.reach_us for one in found.values() if one.name != "ring")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"hub": 0}, "hub"),
        ({"hub": "many"}, "hub"),
        ({"window": "1h"}, "window"),
        ({"delay": "1h"}, "delay"),
        ({"of": []}, "of"),
        ({"of": ["amount"]}, "of"),
        ({"of": ["devise_id"]}, "of"),
        ({"aggregate": "count", "of": [], "hub": 3}, "hub"),
    ],
)
def test_what_no_feature_of_links_can_be_is_a_fault(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(ScenarioInvalid) as refused:
        featured(**changes)
    assert {fault.where.rpartition(".")[2] for fault in refused.value.faults} >= {key}
