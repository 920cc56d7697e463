"""A scenario is checked as a whole: every fault at once, with its file, line and the nearest name."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from riskloom.bundle import make_bundle
from riskloom.domain.field import FieldType
from riskloom.errors import NotFound, ScenarioInvalid
from riskloom.pipeline import Pipeline
from riskloom.scenario.load import load_scenario, scenario_from_parts, shipped_scenarios
from support.scenarios import SMALL

TOP = "scenario: small"
F = "event.fields."
COSTS = "\npolicy: {kind: expected_cost, review_cost: 5, amount: amount}"
BUDGET = "\npolicy: {budget: {per_day: 9, entity: user_id}}"
WATCHING = "code: SPEND\n    limit: {per_hour: 3}\n    action: watch"
HIT = "rules[0].examples[0].hit"


def write(folder: Path, text: str, **others: str) -> Path:
    """A scenario's folder."""
    (folder / "scenario.yaml").write_text(text, encoding="utf-8")
    for name, content in others.items():
        (folder / f"{name}.yaml").write_text(content, encoding="utf-8")
    return folder


def faults(folder: Path, *changes: tuple[str, str], **others: str) -> list[tuple[int, str, str]]:
    """(line, where, the rest) of every fault that the small scenario with changes has."""
    text = SMALL
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    with pytest.raises(ScenarioInvalid) as caught:
        load_scenario(write(folder, text, **others))
    return [(fault.line, fault.where, str(fault)) for fault in caught.value.faults]


def test_the_shipped_scenarios_are_sound() -> None:
    assert "card_payments" in shipped_scenarios()
    for name in shipped_scenarios():
        found = load_scenario(name)
        assert found.name == name
        assert scenario_from_parts(found.parts).fingerprint() == found.fingerprint()


def test_card_payments_declares_what_it_promises() -> None:
    found = load_scenario("card_payments")
    assert [field.name for field in found.fields] == [
        "event_id", "timestamp", "user_id", "merchant_id", "merchant_category", "amount", "currency", "lat",
        "lon",
        "device_id", "ip", "channel",
    ]  # fmt: skip
    assert [field.name for field in found.fields if not field.required] == ["merchant_category"]
    assert 50 <= len(found.features) <= 60
    assert {field.name for field in found.fields if field.pii} == {"user_id", "ip"}
    codes = {rule.code for rule in found.rules}
    assert {
        "NEW_DEVICE", "NEW_IP", "NEW_MERCHANT", "IMPOSSIBLE_TRAVEL", "VELOCITY_5M", "VELOCITY_1H", "SPEND_1H",
        "VELOCITY_24H", "AMOUNT_UNUSUAL", "UNUSUAL_HOUR",
    } <= codes  # fmt: skip


def test_a_small_scenario_loads_from_its_folder_and_its_file(tmp_path: Path) -> None:
    folder = write(tmp_path, SMALL)
    assert load_scenario(folder).fingerprint() == load_scenario(folder / "scenario.yaml").fingerprint()
    Pipeline(make_bundle(load_scenario(folder), None))


def test_a_scenario_comes_back_from_its_parts(tmp_path: Path) -> None:
    import json

    found = load_scenario(write(tmp_path, SMALL))
    again = scenario_from_parts(json.loads(json.dumps(found.parts)))
    assert again.fingerprint() == found.fingerprint()
    assert again.rates == found.rates
    assert again.features == found.features
    assert again.rules == found.rules


def test_a_rule_has_a_name_an_owner_and_a_reason_code(tmp_path: Path) -> None:
    named = "name: spends a lot\n    owner: ana\n    reason_code: SPEND\n    action: approve"
    found = load_scenario(write(tmp_path, SMALL.replace("code: SPEND", named)))
    (rule,) = found.rules
    assert (rule.name, rule.owner, rule.code, rule.action) == ("spends a lot", "ana", "SPEND", "approve")
    assert found.parts["rules"][0]["code"] == "SPEND"
    assert scenario_from_parts(found.parts).rules == found.rules


def test_a_rule_file_has_an_end(tmp_path: Path) -> None:
    rules = "".join(f"\n  - {{code: R{at}, when: ratio > {at}, message: m}}" for at in range(1_001))
    found = faults(tmp_path, ("rules:", f"rules:{rules}"))
    assert [where for _, where, _ in found] == ["rules"]
    assert "at most 1,000 rules, got 1,002" in found[0][2]


def test_two_rules_of_one_name_and_a_failing_example_are_named(tmp_path: Path) -> None:
    second = "rules:\n  - {name: SPEND, code: B, message: m, when: ratio > 2, examples: [{miss: {ratio: 3}}]}"
    found = faults(tmp_path, ("rules:", second))
    assert [(line, where) for line, where, _ in found] == [
        (13, "rules[0].examples[0]"),
        (14, "rules[1].name"),
    ]
    assert "a miss of SPEND, got {'ratio': 3} is a hit" in found[0][2]


def test_a_part_changes_its_own_fingerprint_only(tmp_path: Path) -> None:
    found = load_scenario(write(tmp_path, SMALL))
    changed = SMALL.replace("spend_1h > 100", "spend_1h > 99").replace("_1h: 100", "_1h: 9")
    other = load_scenario(write(tmp_path, changed))
    assert other.fingerprint("rules") != found.fingerprint("rules")
    assert other.fingerprint("features", "rates") == found.fingerprint("features", "rates")


@pytest.mark.parametrize(
    ("old", "new", "line", "where", "said"),
    [
        ("scenario: small", "scenario: 3 small", 1, "scenario", "a name"),
        (TOP, TOP + "\ntimezone: Europe/Viena", 2, "timezone", "'Europe/Vienna'"),
        (TOP, TOP + "\nbase_currency: usd", 2, "base_currency", "currency code"),
        (TOP, TOP + "\nmax_lateness: soon", 2, "max_lateness", "a duration"),
        (TOP, TOP + "\nmax_lateness: 9999999d", 2, "max_lateness", "at most"),
        (TOP, TOP + "\nclock_tolerance: 5", 2, "clock_tolerance", "a duration"),
        (TOP, TOP + "\npolcy: {}", 2, "polcy", "'policy'"),
        (TOP, TOP + "\nunknown_fields: ignor", 2, "unknown_fields", "'ignore'"),
        (TOP, TOP + "\npolicy: {percentile: 101}", 2, "policy.percentile", "0 to 100"),
        (TOP, TOP + "\npolicy: {percentile: !!float nan}", 2, "policy.percentile", "finite"),
        (TOP, TOP + "\npolicy: {percentile: .inf}", 2, "policy.percentile", "finite"),
        (TOP, TOP + "\npolicy: {reject_percentile: 50}", 2, "policy.reject_percentile", "98"),
        (TOP, TOP + "\npolicy: {kind: expected_costs}", 2, "policy.kind", "'expected_cost'"),
        (TOP, TOP + "\npolicy: {review_cost: 5}", 2, "policy.review_cost", "with kind: expected_cost only"),
        (TOP, TOP + COSTS.replace("amount: amount", "amount: amont"), 2, "policy.amount", "'amount'"),
        (TOP, TOP + COSTS.replace("amount: amount", "amount: user_id"), 2, "policy.amount", "a number or"),
        (TOP, TOP + COSTS.replace("review_cost: 5, ", ""), 2, "policy.review_cost", "got nothing"),
        (TOP, TOP + COSTS.replace("cost: 5", "cost: -5"), 2, "policy.review_cost", "a number from 0"),
        (TOP, TOP + "\npolicy: {budget: {entity: user_id}}", 2, "policy.budget.per_day", "a whole number"),
        (TOP, TOP + "\npolicy: {budget: {per_day: 9}}", 2, "policy.budget.entity", "a text field"),
        (TOP, TOP + BUDGET.replace("user_id", "usr_id"), 2, "policy.budget.entity", "'user_id'"),
        (TOP, TOP + BUDGET.replace("9", "0"), 2, "policy.budget.per_day", "from 1"),
        (TOP, TOP + BUDGET.replace("}}", ", days: 91}}"), 2, "policy.budget.days", "from 1 to 90"),
        (TOP, TOP + BUDGET.replace("}}", ", segment: amount}}"), 2, "policy.budget.segment", "a text field"),
        (TOP, TOP + BUDGET.replace("}}", ", not_below: x}}"), 2, "policy.budget.not_below", "a number"),
        (TOP, TOP + "\npolicy: {limit: {}}", 2, "policy.limit", "per_minute or per_hour"),
        (TOP, TOP + "\npolicy: {limit: {per_hour: 1.5}}", 2, "policy.limit.per_hour", "a whole number"),
        ("code: SPEND", "code: SPEND\n    limit: {per_day: 3}", 14, "rules[0].limit.per_day", "per_hour"),
        ("code: SPEND", WATCHING, 14, "rules[0].limit", "a rule that acts"),
        (TOP, TOP + "\ndetector: {kind: isolation_forrest}", 2, "detector.kind", "isolation_forest"),
        (TOP, TOP + "\ndetector: {parameters: {tres: 5}}", 2, "detector.parameters.tres", "'trees'"),
        (TOP, TOP + "\ndetector: {parameters: {trees: 0}}", 2, "detector.parameters.trees", "from 1"),
        (TOP, TOP + "\ndetector: {features: [spend_2h]}", 2, "detector.features[0]", "'spend_1h'"),
        (TOP, TOP + "\ndetector: {features: [ratio, ratio]}", 2, "detector.features[1]", "once"),
        ("{type: time}", "{type: tim}", 5, F + "timestamp.type", "'time'"),
        ("{type: time}", "{type: time, timezone: Mars}", 5, F + "timestamp.timezone", "IANA"),
        ("{type: time}", "{type: time, decimals: 2}", 5, F + "timestamp.decimals", "only for number"),
        ("{type: time}", "{type: time, pii: maybe}", 5, F + "timestamp.pii", "true or false"),
        ("{type: string}", "{type: string, requird: true}", 4, F + "event_id.requird", "'required'"),
        ("entity: user}", "entity: user, values: [a]}", 6, F + "user_id.values", "only for category"),
        ("{type: category}", "{type: category, values: [a, 1]}", 8, F + "currency.values[1]", "quotes"),
        ("{type: category}", "{type: integer}", 7, F + "amount.currency_field", "a text field"),
        ("currency_field: currency", "currency_field: curency", 7, F + "amount.currency_field", "'currency'"),
        ("{type: category}", "{type: category, entity: user}", 8, F + "currency.entity", "one field an"),
        ("amount: {type: money", "class: {type: money", 7, F + "class", "a name"),
        ("amount: {type: money", "risk_score: {type: money", 7, F + "risk_score", "a name"),
        ("aggregate: sum", "aggregate: summ", 10, "features[0].aggregate", "'sum'"),
        ("entity: user, aggregate", "entity: usr, aggregate", 10, "features[0].entity", "'user'"),
        ("of: amount", "of: amont", 10, "features[0].of", "'amount'"),
        ("of: amount", "of: user_id", 10, "features[0].of", "one number or money field"),
        ("window: 1h", "window: 91d", 10, "features[0].window", "90d"),
        ("window: 1h", "window: 500ms", 10, "features[0].window", "1s"),
        ("window: 1h", "windw: 1h", 10, "features[0].windw", "'window'"),
        ("window: 1h", "delay: 1h, include_current: true", 10, "features[0].include_current", "delay"),
        ("amount / spend_1h", "amount / spend_2h", 11, "features[1].expression", "'spend_1h'"),
        ("amount / spend_1h", "currency", 11, "features[1].expression", "a number or a condition"),
        ("amount / spend_1h", "[1]", 11, "features[1].expression", "an expression as text"),
        ("name: ratio", "name: amount", 11, "features[1].name", "of its own"),
        ("code: SPEND", "code: MODEL_RISK", 13, "rules[0].code", "of its own"),
        ("code: SPEND", "code: too much", 13, "rules[0].code", "such as"),
        ("when: spend_1h > 100", "when: spend_1h + 100", 14, "rules[0].when", "a condition"),
        ("when: spend_1h > 100", "when: spend_1 > 100", 14, "rules[0].when", "'spend_1h'"),
        ("{value} spent", "{valu} spent", 15, "rules[0].message", "'value'"),
        ("{value} spent", "{value:procent} spent", 15, "rules[0].message", "percent"),
        ("evidence: spend_1h", "evidence: ratio", 17, "rules[0].evidence", "a window feature"),
        ("code: SPEND", "reason_code: too much", 13, "rules[0].reason_code", "such as"),
        ("code: SPEND", "code: SPEND\n    reason_code: SPENT", 14, "rules[0].reason_code", "not both"),
        ("code: SPEND", "code: SPEND\n    owner: 5", 14, "rules[0].owner", "text"),
        ("code: SPEND", "code: SPEND\n    action: deny", 14, "rules[0].action", "flag, approve, reject"),
        ("hit: {spend_1h: 101}", "hit: {spend_1h: 99}", 19, "rules[0].examples[0]", "is a miss"),
        ("hit: {spend_1h: 101}", "hit: {spend_1h: lots}", 19, HIT + ".spend_1h", "a number"),
        ("hit: {spend_1h: 101}", "hit: {spend: 101}", 19, HIT + ".spend", "'spend_1h'"),
        ("hit: {spend_1h: 101}", "hti: {spend_1h: 101}", 19, "rules[0].examples[0]", "one of hit, miss"),
        ("base: USD", "base: EUR", 22, "rates.base", "no rate"),
        ("EUR: 1.1", "EUR: -1", 24, "rates.rates[0].EUR", "positive"),
        ("EUR: 1.1", "eur: 1.1", 24, "rates.rates[0].eur", "such as EUR"),
        ("date: 2024-01-01", "date: 2024-01-32", 24, "rates.rates[0].date", "a date"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_fault_at_its_line(
    tmp_path: Path, old: str, new: str, line: int, where: str, said: str
) -> None:
    found = [fault for fault in faults(tmp_path, (old, new)) if fault[1] == where]
    assert found[0][:2] == (line, where)
    assert len(found) == 1 or "percentile: ." in new or "!!" in new
    assert said in found[0][2]
    assert found[0][2].startswith(f"{tmp_path}/scenario.yaml:{line}: ")


def test_all_faults_of_all_files_come_at_once(tmp_path: Path) -> None:
    text = SMALL[: SMALL.index("rules:")] + "rules: my_rules.yaml\nrates: my_rates.yaml\n"
    text = text.replace("type: time", "type: tim").replace("of: amount", "of: amont")
    write(
        tmp_path,
        text,
        my_rules="- {code: A, when: amont > 1, message: m}\n",
        my_rates="base: USD\nrates: 3\n",
    )
    with pytest.raises(ScenarioInvalid) as caught:
        load_scenario(tmp_path)
    assert [(Path(fault.file).name, fault.line, fault.where) for fault in caught.value.faults] == [
        ("my_rates.yaml", 2, "rates"),
        ("my_rules.yaml", 1, "[0].when"),
        ("scenario.yaml", 5, "event.fields.timestamp.type"),
        ("scenario.yaml", 10, "features[0].of"),
    ]


def test_a_mistake_is_told_once(tmp_path: Path) -> None:
    assert len(faults(tmp_path, ("aggregate: sum", "aggregate: cuont"))) == 1
    with pytest.raises(ScenarioInvalid) as caught:
        load_scenario(write(tmp_path, "scenario: x\nevent: 3\n"))
    wheres = [fault.where for fault in caught.value.faults]
    assert wheres.count("event") == 1


@pytest.mark.parametrize(
    "named", ["rules: nowhere.yaml", "rules: .", f"rules: {'x' * 400}", 'rules: "a\\0b"']
)
def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path, named: str) -> None:
    text = SMALL[: SMALL.index("rules:")] + named + "\n"
    with pytest.raises(ScenarioInvalid, match="rules"):
        load_scenario(write(tmp_path, text))


@pytest.mark.parametrize("named", ["card_paymets", "/nowhere/at/all", "x" * 5000, "a\0b", "", "."])
def test_a_scenario_that_is_not_there_is_not_found(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFound) as caught:
        load_scenario(named)
    if named == "card_paymets":
        assert "'card_payments'" in caught.value.hint


def test_a_file_that_is_no_utf8_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "scenario.yaml").write_bytes(b"scenario: caf\xe9\n")
    with pytest.raises(ScenarioInvalid, match="UTF-8"):
        load_scenario(tmp_path)


def test_what_the_engine_cannot_do_is_said_at_load(tmp_path: Path) -> None:
    fields = "".join(f"    f{at}: {{type: string, required: false}}\n" for at in range(9))
    listed = "".join(
        f"  - {{name: d{at}, entity: user, aggregate: distinct, of: f{at}, window: 1h}}\n" for at in range(9)
    )
    text = SMALL.replace("features:\n", f"{fields}features:\n{listed}", 1)
    with pytest.raises(ScenarioInvalid, match="at most 8 columns") as caught:
        load_scenario(write(tmp_path, text))
    assert caught.value.faults[0].line == text[: text.index("features:")].count("\n") + 1


def test_a_rule_may_be_called_like_a_field(tmp_path: Path) -> None:
    text = SMALL.replace("code: SPEND", "code: amount")
    Pipeline(make_bundle(load_scenario(write(tmp_path, text)), None))


def test_an_example_of_a_time_or_a_truth_is_typed(tmp_path: Path) -> None:
    rules = """\
- code: LATE
  when: hour(timestamp) >= 22 and flag and lower(currency) == 'eur'
  message: late
  examples:
    - hit: {timestamp: 2024-01-01T22:00:00Z, flag: true, currency: EUR}
    - miss: {timestamp: 2024-01-01T21:59:59Z, flag: true, currency: EUR}
"""
    text = SMALL[: SMALL.index("rules:")] + "rules: late.yaml\n"
    text = text.replace("features:", "    flag: {type: boolean, required: false}\nfeatures:", 1)
    assert len(load_scenario(write(tmp_path, text, late=rules)).rules) == 1
    for old, new in (("2024-01-01T22:00:00Z", "ten"), ("flag: true", "flag: 1"), ("EUR}", "3}")):
        with pytest.raises(ScenarioInvalid):
            load_scenario(write(tmp_path, text, late=rules.replace(old, new, 1)))


@pytest.mark.parametrize("kind", [kind.value for kind in FieldType])
def test_a_field_of_any_type_loads(tmp_path: Path, kind: str) -> None:
    text = SMALL.replace("features:", f"    extra: {kind}\nfeatures:", 1)
    assert load_scenario(write(tmp_path, text)).fields[-1].type == kind


def test_means_of_clocks_are_hours_as_in_expressions(tmp_path: Path) -> None:
    text = SMALL.replace("features:", "    opened: {type: clock}\nfeatures:", 1).replace(
        "of: amount", "of: opened"
    )
    found = load_scenario(write(tmp_path, text))
    assert [column.scale for column in found.columns if column.name == "opened"] == [60]


def test_a_bundle_part_of_any_shape_is_invalid_or_a_scenario() -> None:
    parts = dict(load_scenario("card_payments").parts)
    wrong: list[Any] = [
        None,
        3,
        "x",
        [],
        [1],
        {"a": 1},
        [{"code": []}],
        {"base": []},
        {"rates": [{"date": []}]},
    ]
    for name in parts:
        for value in wrong:
            with contextlib.suppress(ScenarioInvalid):
                scenario_from_parts({**parts, name: value})
