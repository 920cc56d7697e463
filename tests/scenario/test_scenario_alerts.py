"""The alerts section: what holds without one, what it declares, and all its faults at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from riskloom.bundle import make_bundle, read_bundle, write_bundle
from riskloom.domain.field import FieldType
from riskloom.errors import ScenarioInvalid
from riskloom.routing import Routing
from riskloom.scenario.load import load_scenario, scenario_from_parts, shipped_scenarios
from riskloom.scenario.scenario import Scenario
from support.scenarios import SMALL

MINUTE_US = 60_000_000
ALERTS = """\
group: {by: currency, within: 10m, at_most: 2h}
unknown_amount: 5
chances: {critical: 0.9}
urgency:
  - {when: SPEND and outcome == 'FLAGGED', times: 3}
queues:
  - {name: big, when: amount >= 100 or ratio > 2, severity: high, skill: big, lease: 5m, escalates_to: rest}
  - {name: rest, auto_close: 3d, urgency: 0.5}
"""


def small(folder: Path, alerts: str | None) -> Scenario:
    """The small scenario, with alerts in a file beside it."""
    text = SMALL
    if alerts is not None:
        (folder / "alerts.yaml").write_text(alerts)
        text += "alerts: alerts.yaml\n"
    (folder / "scenario.yaml").write_text(text)
    return load_scenario(folder)


def faults(folder: Path, alerts: str) -> dict[str, Any]:
    with pytest.raises(ScenarioInvalid) as refused:
        small(folder, alerts)
    return {fault.where: fault for fault in refused.value.faults}


def test_without_one_everything_waits_in_one_queue(tmp_path: Path) -> None:
    scenario = small(tmp_path, None)
    spec = scenario.alerts
    assert [queue.name for queue in spec.queues] == ["all"]
    assert (spec.group.by, spec.group.within_us, spec.amount) == ("user_id", 30 * MINUTE_US, "amount")
    assert "alerts" not in scenario.parts


def test_all_that_is_declared_is_read(tmp_path: Path) -> None:
    spec = small(tmp_path, ALERTS).alerts
    big, rest = spec.queues
    assert (spec.group.by, spec.group.within_us) == ("currency", 10 * MINUTE_US)
    assert (big.severity, big.skill, big.lease_us, big.escalates_to) == ("high", "big", 5 * MINUTE_US, "rest")
    assert (big.auto_close_us, rest.auto_close_us) == (None, 3 * 1440 * MINUTE_US)
    assert (rest.when, rest.urgency) == (None, 0.5)
    assert (spec.chances["critical"], spec.chances["low"], spec.unknown_amount) == (0.9, 0.02, 5)
    assert [one.times for one in spec.urgency] == [3]


def test_it_is_a_part_of_its_own_in_the_bundle(tmp_path: Path) -> None:
    plain, declared = small(tmp_path, None), small(tmp_path, ALERTS)
    assert plain.fingerprint("features", "rules", "policy") == declared.fingerprint(
        "features", "rules", "policy"
    )
    bundle = make_bundle(declared, None)
    again = read_bundle(write_bundle(bundle, tmp_path / "bundle"))
    assert again.fingerprint == bundle.fingerprint != make_bundle(plain, None).fingerprint
    assert again.scenario.alerts == declared.alerts
    older = {name: part for name, part in declared.parts.items() if name != "alerts"}
    assert scenario_from_parts(older).alerts == plain.alerts


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        """\
group: {by: user, within: 2h, at_most: 1h}
amount: currency
chances: {hgh: 0.5, low: 2}
urgency:
  - {when: SPEND, times: -1}
  - {when: amount + 1, times: 2}
queues:
  - {name: big, when: amuont > 5, severity: hih, lease: 0s, escalates_to: rst}
  - {name: big, when: SPND}
  - {name: "a b", when: SPEND, kind: x}
longest_suppression: ever
""",
    )
    assert set(found) == {
        "group.by",
        "group.at_most",
        "amount",
        "chances.hgh",
        "chances.low",
        "urgency[0].times",
        "urgency[1].when",
        "queues[0].when",
        "queues[0].severity",
        "queues[0]",
        "queues[0].escalates_to",
        "queues[1].when",
        "queues[1].name",
        "queues[2].name",
        "queues[2].when",
        "queues[2].kind",
        "longest_suppression",
    }
    assert all(fault.file.endswith("alerts.yaml") and fault.line for fault in found.values())
    assert "amount" in found["queues[0].when"].hint
    assert "SPEND" in found["queues[1].when"].hint


def test_the_last_queue_takes_what_no_other_wants(tmp_path: Path) -> None:
    assert "no condition" in str(faults(tmp_path, "queues: [{name: a, when: SPEND}]")["queues[0].when"])
    assert "an expression" in str(faults(tmp_path, "queues: [{name: a}, {name: b}]")["queues[0].when"])
    assert set(faults(tmp_path, "queues: []")) == {"queues"}


@pytest.mark.parametrize("name", shipped_scenarios())
def test_each_shipped_scenario_declares_its_queues(name: str) -> None:
    scenario = load_scenario(name)
    assert len(scenario.alerts.queues) >= 2
    assert scenario.alerts.group.by == scenario.main_entity
    money = [field.name for field in scenario.fields if field.type is FieldType.MONEY]
    assert scenario.alerts.amount == next(iter(money), "")


def test_other_rules_leave_the_queues_as_they_are(tmp_path: Path) -> None:
    declared = small(tmp_path, ALERTS)
    assert declared.alerts.codes == ("SPEND",)
    other = scenario_from_parts({**declared.parts, "rules": []})
    assert other.alerts.queues == declared.alerts.queues
    assert other.fingerprint("alerts") == declared.fingerprint("alerts")
    Routing(other)
