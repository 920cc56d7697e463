"""Every pack loads into a scenario that declares what it needs, and says what is missing in another."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from riskloom.bundle import make_bundle
from riskloom.errors import ScenarioInvalid
from riskloom.pipeline import Pipeline
from riskloom.rules.rule_set import Action
from riskloom.scenario.load import load_scenario, scenario_from_parts
from riskloom.scenario.packs import load_pack, pack_names
from riskloom.scenario.scenario import Scenario

PACKS = (
    "account_takeover", "card_testing", "dormant_account", "impossible_travel", "mule_fan_in", "mule_fan_out",
    "refund_abuse", "stolen_card_spree", "structuring",
)  # fmt: skip
_ENTITIES = ("user", "device", "merchant", "sender", "receiver")
_FIELDS: dict[str, Any] = {
    "event_id": {"type": "string"},
    "timestamp": {"type": "time"},
    **{f"{name}_id": {"type": "string", "entity": name} for name in _ENTITIES},
    "ip": {"type": "ip"},
    "lat": {"type": "latitude"},
    "lon": {"type": "longitude"},
    "kind": {"type": "category"},
    "amount": {"type": "money"},
}


def declared(*packs: str, without: str = "") -> dict[str, Any]:
    """The scenario that declares just what packs need, as they say it."""
    needs: dict[str, Any] = {}
    for pack in packs:
        needs |= load_pack(pack).needs
    needs.pop(without, None)
    told = {kind: {name: how[kind] for name, how in needs.items() if kind in how} for kind in KINDS}
    event = {"fields": {**_FIELDS, **told["field"]}, "derived": told["derived"]}
    features = [{"name": name, **how} for name, how in told["feature"].items()]
    return copy.deepcopy({"scenario": "packed", "event": event, "features": features})


KINDS = ("field", "derived", "feature")


def load(folder: Path, data: dict[str, Any]) -> Scenario:
    (folder / "scenario.yaml").write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return load_scenario(folder)


def test_these_are_the_packs() -> None:
    assert pack_names() == PACKS


@pytest.mark.parametrize("name", PACKS)
def test_a_pack_loads_where_what_it_needs_is_declared_as_it_says(name: str, tmp_path: Path) -> None:
    pack = load_pack(name)
    found = load(tmp_path, {**declared(name), "rules": {"include": [name]}})
    assert (pack.name, len(found.rules)) == (name, len(pack.rules))
    Pipeline(make_bundle(found, None))
    for rule, given in zip(found.rules, pack.rules, strict=True):
        kinds = [next(iter(example)) for example in given["examples"]]
        assert {"hit", "miss"} <= set(kinds)  # they were run when the scenario was loaded
        assert rule.evidence
    used = {name for rule in found.rules for name in (*rule.when.names, *rule.placeholders)}
    needed = {
        at for at in pack.needs if any(re.search(rf"\b{at}\b", str(how)) for how in pack.needs.values())
    }
    assert set(pack.needs) - needed <= used  # no need is idle


def test_all_packs_go_together(tmp_path: Path) -> None:
    found = load(tmp_path, {**declared(*PACKS), "rules": {"include": list(PACKS)}})
    codes = [rule.code for rule in found.rules]
    assert len(codes) == len(set(codes)) >= len(PACKS)


def test_card_payments_takes_packs_beside_its_own_rules() -> None:
    parts = dict(load_scenario("card_payments").parts)
    own = parts["rules"]
    names = ["card_testing", "account_takeover", "impossible_travel", "stolen_card_spree"]
    parts["rules"] = {"include": names, "rules": own}
    found = scenario_from_parts(parts)
    assert [rule.code for rule in found.rules][: len(own)] == [rule["code"] for rule in own]
    assert found.rules[len(own)].code == "TINY_PAYMENTS"
    assert scenario_from_parts(found.parts).rules == found.rules  # written out, as bundles hold them


def test_a_scenario_with_other_names_says_them(tmp_path: Path) -> None:
    data = declared("impossible_travel")
    for feature, name in zip(data["features"], ("kmh", "speed_kmh"), strict=True):
        feature["name"] = name  # one name of the pack stands for another of the scenario
    given = {
        "pack": "impossible_travel",
        "action": "watch",
        "with": {"speed_kmh": "kmh", "km_from_last": "speed_kmh"},
    }
    (rule,) = load(tmp_path, {**data, "rules": {"include": [given]}}).rules
    assert rule.when.text == "kmh > 900 and speed_kmh > 500"
    assert rule.message.startswith("{speed_kmh} km from the last payment at {value}")
    assert (rule.evidence, rule.action) == ("kmh", Action.WATCH)


def test_what_is_missing_is_told_with_how_to_declare_it(tmp_path: Path) -> None:
    data = declared("card_testing", without="user_merchants_1h")
    with pytest.raises(ScenarioInvalid) as caught:
        load(tmp_path, {**data, "rules": {"include": ["card_testing"]}})
    (fault,) = caught.value.faults
    assert "user_merchants_1h, which the pack card_testing needs" in str(fault)
    said = "user_merchants_1h, entity: user, aggregate: distinct, of: merchant_id, window: 1h} in features"
    assert said in fault.hint
    assert fault.line == (tmp_path / "scenario.yaml").read_text().splitlines().index("  - card_testing") + 1


@pytest.mark.parametrize(
    ("include", "said"),
    [
        ("card_tasting", "did you mean 'card_testing'"),
        (5, "a pack of"),
        ({"pack": "impossible_travel", "with": {"speed": "x"}}, "did you mean 'speed_kmh'"),
        ({"pack": "impossible_travel", "with": {"speed_kmh": "event_di"}}, "got 'event_di'"),
        ({"pack": "impossible_travel", "action": "deny"}, "watch, flag, approve, reject"),
        ({"pack": "impossible_travel", "with": {"speed_kmh": "amount"}}, "a window feature"),
    ],
)
def test_a_wrong_include_is_named(include: object, said: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioInvalid, match=re.escape(said)):
        load(tmp_path, {**declared("impossible_travel"), "rules": {"include": [include]}})


def test_the_page_lists_the_packs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text(encoding="utf-8")
    for name in PACKS:
        assert f"| `{name}` | {load_pack(name).describe} |\n" in page
