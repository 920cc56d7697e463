"""A scenario declares who is told of its alerts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from riskloom.bundle import make_bundle, read_bundle, write_bundle
from riskloom.domain.alert import Alert, AlertState
from riskloom.domain.decision import Outcome
from riskloom.errors import ScenarioInvalid
from riskloom.scenario.load import load_scenario
from riskloom.scenario.scenario import Scenario
from support.scenarios import SMALL

NOTICES = """
policies:
  - name: urgent
    severities: [high, critical]
    steps:
      - {channels: [log, ops]}
      - {after: 15m, channels: [mail], escalate: true}
    sla: {claim: 30m, resolve: 8h, warn_at: 0.5, channels: [ops]}
  - name: rest
    steps: [{channels: [log]}]
business_hours: {days: [mon, tue], from: 08:00, to: 18:00, holidays: [2026-12-25]}
quiet_hours: {from: 22:00, to: "07:00", except: [critical]}
digest: {at: ["09:00", 16:00], severities: [low]}
"""
ALERT = Alert(
    7, "small", "user_id", "u", AlertState.OPEN, "all", "high", ("R",), Outcome.FLAGGED,
    1.0, 100, 1, 7, 7, 0, 0,
)  # fmt: skip


def scenario(folder: Path, notices: str = NOTICES) -> Scenario:
    (folder / "scenario.yaml").write_text(SMALL + "\nnotices: notices.yaml\n")
    (folder / "notices.yaml").write_text(notices)
    return load_scenario(folder)


def test_the_first_policy_that_fits_is_an_alerts_policy(tmp_path: Path) -> None:
    rules = scenario(tmp_path).notices
    urgent, rest = (rules.policy_of(replace(ALERT, severity=severity)) for severity in ("high", "low"))
    assert urgent is not None
    assert rest is not None
    assert (urgent.name, rest.name) == ("urgent", "rest")
    assert [step.after_us for step in urgent.steps] == [0, 900_000_000]
    assert urgent.steps[1].escalate
    assert [(clock.name, clock.warn_us) for clock in urgent.clocks] == [
        ("claim", 900_000_000),
        ("resolve", 4 * 3_600_000_000),
    ]
    assert rules.channels == ("log", "mail", "ops")
    assert rules.quiet is not None
    assert (rules.quiet.from_minute, rules.quiet.to_minute) == (22 * 60, 7 * 60)


def test_a_policy_asks_for_queue_outcome_and_reasons(tmp_path: Path) -> None:
    text = (
        "policies: [{name: p, queues: [all], outcomes: [FLAGGED], reasons: [R, S], steps: [{channels: [c]}]}]"
    )
    rules = scenario(tmp_path, text).notices
    assert rules.policy_of(ALERT) is not None
    for other in ({"queue": "x"}, {"outcome": Outcome.REJECTED}, {"reasons": ("T",)}):
        assert rules.policy_of(replace(ALERT, **other)) is None  # type: ignore[arg-type]


def test_notices_are_a_part_of_the_bundle_beside_the_others(tmp_path: Path) -> None:
    told = scenario(tmp_path)
    bundle = make_bundle(told, None)
    assert read_bundle(write_bundle(bundle, tmp_path / "bundle")).scenario.notices == told.notices
    plain = scenario(tmp_path, "")
    assert plain.fingerprint("features", "policy", "rules") == told.fingerprint("features", "policy", "rules")
    assert "notices" not in plain.parts
    assert plain.notices.policies == ()
    assert make_bundle(plain, None).fingerprint != bundle.fingerprint


@pytest.mark.parametrize(
    ("text", "where", "expected"),
    [
        ("policies: [{name: p, steps: []}]", "policies[0].steps", "1 to 50 steps"),
        ("policies: [{name: p, steps: [{after: 5m, channels: [a]}]}]", "steps[0].after", "at once"),
        ("policies: [{name: p, steps: [{channels: [a]}, {channels: [b]}]}]", "steps[1].after", "longer"),
        ("policies: [{name: p, steps: [{channels: [A b]}]}]", "channels[0]", "name of a channel"),
        ("policies: [{name: p, steps: [{channels: ['smtp://x:secret@h']}]}]", "channels[0]", "name of"),
        ("policies: [{name: p, severities: [hgih], steps: [{channels: [a]}]}]", "severities[0]", "'high'"),
        ("policies: [{name: p, queues: [al], steps: [{channels: [a]}]}]", "queues[0]", "'all'"),
        ("policies: [{name: p, outcomes: [APPROVED], steps: [{channels: [a]}]}]", "outcomes[0]", "FLAGGED"),
        ("policies: [{name: p, steps: [{channels: [a]}], sla: {warn_at: 0.5}}]", "sla", "at least one"),
        ("policies: [{name: p, steps: [{channels: [a]}], sla: {claim: 1h, warn_at: 1}}]", "warn_at", "share"),
        ("policies: [{name: p, steps: [{channels: [a], escalate: true}]}]", "escalate", "later step"),
        ("business_hours: {from: 18:00, to: 08:00}", "business_hours.to", "later"),
        ("business_hours: {days: [monday]}", "days[0]", "mon"),
        ("business_hours: {holidays: [25.12.2026]}", "holidays[0]", "2026-12-25"),
        ("quiet_hours: {from: 25:99, to: 07:00}", "quiet_hours.from", "08:30"),
        ("quiet_hours: {from: 22:00}", "quiet_hours.to", "nothing"),
        ("quiet_hours: {from: 22:00, to: 22:00}", "quiet_hours", "differ"),
        ("digest: {at: [], severities: [low]}", "digest.at", "1 to 24"),
        ("digest: {at: [9:00]}", "digest.severities", "can wait"),
        ("polices: []", "polices", "policies"),
    ],
)
def test_what_cannot_be_meant_is_a_fault_with_its_place(
    tmp_path: Path, text: str, where: str, expected: str
) -> None:
    with pytest.raises(ScenarioInvalid) as refused:
        scenario(tmp_path, text)
    said = [str(fault) for fault in refused.value.faults]
    assert any(where in one and expected in one for one in said), said
    assert "notices.yaml:1" in said[0]
