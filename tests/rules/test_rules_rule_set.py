"""Rules compiled together, the policy they feed, and their reasons in words."""

from __future__ import annotations

import math

import numpy as np
import pytest

from riskloom.domain.decision import MODEL_REASON, Outcome
from riskloom.explain.reasons import ReasonTexts, show_value
from riskloom.expression.check import check
from riskloom.expression.tree import Type
from riskloom.policy.policy import Policy
from riskloom.privacy.protect import key_of, keyed
from riskloom.rules.rule_set import Action, Rule, RuleSet, Severity

TYPES = {"amount": Type.NUMBER, "mean": Type.NUMBER, "device": Type.TEXT, "online": Type.BOOLEAN}
INPUTS = tuple(TYPES)
NAN = float("nan")


def rule(code: str, when: str, message: str = "m", value: str = "", usual: str = "") -> Rule:
    """A rule over the four inputs."""
    given = [check(text, TYPES) if text else None for text in (value, usual)]
    return Rule(code, check(when, TYPES), Severity.HIGH, Action.FLAG, message, *given)


RULES = RuleSet(
    [
        rule("LARGE", "amount > 3 * mean", "{value} on {device}, {usual} is usual", "amount", "mean"),
        rule("ONLINE", "online and amount > 0"),
        rule("amount", "device == 'phone'"),
        rule("NOT_LARGE", "not amount > 3 * mean"),
    ],
    INPUTS,
)
ROWS = [
    [90.0, 20.0, "phone", True],
    [90.0, NAN, None, None],
    [NAN, 20.0, "tv", False],
    [0.0, 0.0, "phone", True],
]


def test_the_rules_that_are_met_come_in_their_order() -> None:
    assert [RULES.evaluate_one(row) for row in ROWS] == [[0, 1, 2], [], [], [2, 3]]


def test_a_missing_value_meets_neither_a_rule_nor_its_opposite() -> None:
    assert not {0, 3} & set(RULES.evaluate_one([90.0, NAN, None, None]))


def test_many_are_met_as_one_by_one() -> None:
    columns = {
        "amount": np.array([row[0] for row in ROWS], float),
        "mean": np.array([row[1] for row in ROWS], float),
        "device": np.array([row[2] for row in ROWS], object),
        "online": np.array([-1 if row[3] is None else int(bool(row[3])) for row in ROWS], np.int8),
    }
    met = RULES.evaluate_many(columns)
    assert met.shape == (4, 4)
    assert met.dtype == np.bool_
    assert [np.flatnonzero(row).tolist() for row in met] == [RULES.evaluate_one(row) for row in ROWS]


def test_no_rules_are_met_by_no_one() -> None:
    empty = RuleSet([], INPUTS)
    assert empty.evaluate_one(ROWS[0]) == []
    assert empty.evaluate_many({"amount": np.zeros(3)}).shape == (3, 0)


def test_a_reason_holds_its_values_and_what_its_message_quotes() -> None:
    assert RULES.values_one(0, ROWS[0]) == {"value": 90.0, "usual": 20.0, "device": "phone"}
    assert RULES.values_one(0, [90.0, NAN, None, None]) == {"value": 90.0, "usual": None, "device": None}
    assert RULES.values_one(1, ROWS[0]) == {}


@pytest.mark.parametrize(
    ("risk", "actions", "outcome"),
    [
        (None, [], Outcome.APPROVED),
        (None, ["watch"], Outcome.APPROVED),
        (None, ["watch", "flag"], Outcome.FLAGGED),
        (None, ["flag", "reject", "watch"], Outcome.REJECTED),
        (97.999, [], Outcome.APPROVED),
        (98.0, [], Outcome.FLAGGED),
        (98.0, ["watch"], Outcome.FLAGGED),
        (99.5, [], Outcome.REJECTED),
        (99.5, ["flag"], Outcome.REJECTED),
        (math.nan, [], Outcome.APPROVED),
        (99.5, ["approve", "flag", "watch"], Outcome.APPROVED),
        (99.5, ["approve", "reject"], Outcome.REJECTED),
        (99.5, ["allow", "reject", "flag"], Outcome.APPROVED),
        (0.0, ["allow", "deny", "approve"], Outcome.REJECTED),
    ],
)
def test_the_first_of_the_order_that_speaks_decides(
    risk: float | None, actions: list[str], outcome: Outcome
) -> None:
    assert Policy(98, 99.5).decide_one(risk, actions) is outcome


def test_a_policy_without_rejection_only_flags() -> None:
    assert Policy(98).decide_one(100.0, []) is Outcome.FLAGGED
    assert Policy(98).as_data() == {"percentile": 98, "reject_percentile": None}


TEXTS = ReasonTexts(
    [
        {
            "code": "LARGE",
            "message": "{value} {base_currency} at {hour:clock}; {usual:percent} on {device}, {gone}",
        },
        {"code": "PLAIN", "message": "a {brace and } another"},
    ],
    "EUR",
    {"spend_1h": "Spent in the last hour"},
)


def test_a_sentence_quotes_values_as_people_read_them() -> None:
    values = {"value": 1234567.891, "usual": 0.25, "hour": 22.5, "device": "phone"}
    assert TEXTS.sentence("LARGE", values) == "1,234,568 EUR at 22:30; 25 % on phone, unknown"
    assert TEXTS.sentence("PLAIN", {}) == "a {brace and } another"


def test_a_code_that_is_not_known_any_more_is_shown_as_it_is() -> None:
    assert TEXTS.sentence("OLD_RULE", {}) == "Old rule"


def test_the_model_names_what_is_farthest_from_usual() -> None:
    said = TEXTS.sentence(MODEL_REASON, {"value": 99.25, "usual": 98.0, "spend_1h": 900.0, "other_one": None})
    assert "99.25 %" in said
    assert "Spent in the last hour: 900; other one: unknown" in said
    assert TEXTS.sentence(MODEL_REASON, {"value": None}).endswith("? % of the training reference")


@pytest.mark.parametrize(
    ("value", "form", "shown"),
    [
        (None, "", "unknown"), (True, "", "yes"), (False, "", "no"), (3.0, "", "3"), (3, "", "3"),
        (0.5, "", "0.50"),
        (-1234.5, "", "-1,234.50"), (12345.6, "", "12,346"), ("text", "", "text"),
        ("text", "percent", "text"),
        (0.0512, "percent", "5.12 %"), (23.999, "clock", "23:59"), (24.0, "clock", "00:00"),
        (float("inf"), "", "inf"),
        (float("inf"), "clock", "inf"), (float("nan"), "clock", "unknown"), (float("nan"), "", "unknown"),
    ],
)  # fmt: skip
def test_a_value_is_shown_in_its_form(value: object, form: str, shown: str) -> None:
    assert show_value(value, form) == shown


def test_a_personal_value_is_replaced_by_its_key() -> None:
    values = {"user": "ann", "amount": 3, "ip": None}
    assert keyed(values, frozenset({"user", "ip", "gone"})) == {**values, "user": key_of("user", "ann")}


def test_a_key_of_another_form_reaches_every_personal_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("riskloom.privacy.protect.key_of", lambda field, value: f"{field}:{value}")
    values = {"user": "ann", "shop": "s", "ip": None}
    assert keyed(values, frozenset({"user", "ip"})) == {"user": "user:ann", "shop": "s", "ip": None}
    assert values["user"] == "ann"
