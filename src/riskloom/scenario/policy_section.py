"""Reads the `policy` section: when the model flags and rejects, what that may cost, and how often."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from riskloom.detectors.thresholds import ThresholdSpec
from riskloom.domain.decision import Limit, Outcome
from riskloom.domain.duration import DAY_US
from riskloom.domain.field import Field
from riskloom.errors import ParameterInvalid, nearest, show
from riskloom.expression.tree import Type
from riskloom.policy.budget import Budget
from riskloom.policy.control import Control
from riskloom.policy.hold import Hold
from riskloom.policy.policy import ExpectedCost, Policy
from riskloom.scenario.document import Document, Path
from riskloom.scenario.scenario import expression_type

_PATH = ("policy",)
_COSTS = ("review_cost", "insult_cost", "reject_cost", "amount")
_KEYS = (
    "kind",
    "percentile",
    "reject_percentile",
    "threshold",
    "chosen",
    *_COSTS,
    "budget",
    "limit",
    "deadline_ms",
    "control",
    "hold",
)
_BUDGET_KEYS = ("per_day", "entity", "segment", "days", "not_below")
_CONTROL_KEYS = ("share", "up_to", "key")
_HOLD_KEYS = ("entity", "for")
_LIMIT_KEYS = ("per_minute", "per_hour")
_MOST = 1_000_000
_MOST_DAYS = 90
_MOST_LET_THROUGH = 0.5
_SHORTEST_KEY, _LONGEST_KEY = 16, 64
_LET_THROUGH = (Outcome.FLAGGED.value, Outcome.REJECTED.value)


def read_policy(document: Document, fields: Sequence[Field]) -> Policy:
    """The policy; rejecting may not begin below flagging."""
    spec = document.mapping(document.data.get("policy"), _PATH, _KEYS)
    percentile = _percent(document, spec, "percentile", 98.0)
    reject = None
    if spec.get("reject_percentile") is not None:
        reject = _percent(document, spec, "reject_percentile", 100.0)
        if reject < percentile:
            wanted = f"at least the percentile {percentile:g}"
            document.fault((*_PATH, "reject_percentile"), wanted, show(spec["reject_percentile"]))
    cost = _read_cost(document, spec, fields)
    budget = _read_budget(document, spec, fields, 50.0 if cost is None else 0.0)
    limit = read_limit(document, spec, _PATH)
    deadline_ms = None
    if spec.get("deadline_ms") is not None:
        deadline_ms = _count(document, spec, "deadline_ms", _PATH, 60_000)
    control, hold = _read_control(document, spec), _read_hold(document, spec, fields)
    return Policy(percentile, reject, cost, budget, limit, deadline_ms, control, hold)


def read_limit(document: Document, spec: Mapping[str, Any], path: Path) -> Limit | None:
    """`limit: {per_minute: 10, per_hour: 100}` of a rule or a policy; None where there is none."""
    if spec.get("limit") is None:
        return None
    here = (*path, "limit")
    given = document.mapping(spec["limit"], here, _LIMIT_KEYS)
    if not given:
        document.fault(here, f"{' or '.join(_LIMIT_KEYS)}", "nothing")
    found = {key: _count(document, given, key, here, _MOST) for key in _LIMIT_KEYS if key in given}
    return Limit(**found)


def read_threshold(document: Document) -> ThresholdSpec | None:
    """How training chooses the percentile; None leaves it as it is written.

    `threshold: {kind: alert_budget, alerts: 50}`. What was chosen, and why, is written beside it as `chosen`.
    """
    policy = document.data.get("policy")
    given = policy.get("threshold") if isinstance(policy, dict) else None
    if given is None:
        return None
    spec = dict(document.mapping(given, (*_PATH, "threshold")))
    try:
        return ThresholdSpec(spec.pop("kind", "percentile"), spec)
    except ParameterInvalid as error:
        for fault in error.faults:
            where = fault.where.removeprefix("parameters.")
            document.fault((*_PATH, "threshold", where), fault.expected, fault.got, fault.hint)
        return None


def _read_cost(document: Document, spec: Mapping[str, Any], fields: Sequence[Field]) -> ExpectedCost | None:
    kind = document.choice(spec, "kind", _PATH, ("percentile", "expected_cost"), "percentile")
    if kind == "percentile":
        for key in (key for key in _COSTS if key in spec):
            document.fault((*_PATH, key), f"{key} with kind: expected_cost only", show(spec[key]))
        return None
    numbers = [field.name for field in fields if expression_type(field) is Type.NUMBER]
    amount = _field(document, spec, "amount", _PATH, numbers, "a number or money field")
    review = _money(document, spec, "review_cost", None)
    insult = _money(document, spec, "insult_cost", 0.0)
    reject = _money(document, spec, "reject_cost", None) if spec.get("reject_cost") is not None else None
    return ExpectedCost(amount, review, insult, reject) if amount else None


def _read_budget(
    document: Document, spec: Mapping[str, Any], fields: Sequence[Field], least: float
) -> Budget | None:
    if spec.get("budget") is None:
        return None
    path = (*_PATH, "budget")
    given = document.mapping(spec["budget"], path, _BUDGET_KEYS)
    texts = [field.name for field in fields if field.type.is_text]
    entity = _field(document, given, "entity", path, texts, "a text field")
    segment = _field(document, given, "segment", path, texts, "a text field") if "segment" in given else ""
    per_day = _count(document, given, "per_day", path, _MOST)
    days = _count(document, given, "days", path, _MOST_DAYS) if "days" in given else 7
    value = given.get("not_below", least)
    if not _is_number(value):
        document.fault((*path, "not_below"), "a number from 0", show(value))
        value = least
    return Budget(per_day, entity, segment, days, float(value)) if entity else None


def _read_control(document: Document, spec: Mapping[str, Any]) -> Control | None:
    """`control: {share: 0.01, up_to: REJECTED, key: ...}`; None where there is none."""
    if spec.get("control") is None:
        return None
    path = (*_PATH, "control")
    given = document.mapping(spec["control"], path, _CONTROL_KEYS)
    share: Any = given.get("share")
    key, up_to = given.get("key"), given.get("up_to", Outcome.FLAGGED.value)
    if not _is_number(share) or not 0 < share <= _MOST_LET_THROUGH:
        got = "nothing" if share is None else show(share)
        document.fault((*path, "share"), f"a number above 0, at most {_MOST_LET_THROUGH:g}", got)
        share = _MOST_LET_THROUGH
    if not isinstance(key, str) or not _SHORTEST_KEY <= len(key.encode()) <= _LONGEST_KEY:
        expected = f"a text of {_SHORTEST_KEY} to {_LONGEST_KEY} characters that nobody guesses"
        hint = "who knows the key can tell which event ids are let through"
        document.fault((*path, "key"), expected, "nothing" if key is None else "another", hint)
        key = ""
    if up_to not in _LET_THROUGH:
        document.fault((*path, "up_to"), f"one of {', '.join(_LET_THROUGH)}", show(up_to))
        up_to = Outcome.FLAGGED.value
    return Control(float(share), key, Outcome(up_to))


def _read_hold(document: Document, spec: Mapping[str, Any], fields: Sequence[Field]) -> Hold | None:
    if spec.get("hold") is None:
        return None
    path = (*_PATH, "hold")
    given = document.mapping(spec["hold"], path, _HOLD_KEYS)
    texts = [field.name for field in fields if field.type.is_text]
    entity = _field(document, given, "entity", path, texts, "a text field")
    for_us = document.duration(given, "for", path, "1d")
    if not 1 <= for_us <= _MOST_DAYS * DAY_US:
        document.fault((*path, "for"), f"a time of at most {_MOST_DAYS}d", show(given.get("for")))
    return Hold(entity, for_us) if entity else None


def _field(
    document: Document, spec: Mapping[str, Any], key: str, path: Path, known: Sequence[str], what: str
) -> str:
    name = spec.get(key)
    if isinstance(name, str) and name in known:
        return name
    got = "nothing" if name is None else show(name)
    document.fault((*path, key), what, got, nearest(str(name), known))
    return ""


def _count(document: Document, spec: Mapping[str, Any], key: str, path: Path, most: int) -> int:
    value = spec.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        got = "nothing" if value is None else show(value)
        document.fault((*path, key), f"a whole number from 1 to {most:,}", got)
        return 1
    return value


def _money(document: Document, spec: Mapping[str, Any], key: str, default: float | None) -> float:
    value = spec.get(key, default)
    if not _is_number(value):
        got = "nothing" if value is None else show(value)
        document.fault((*_PATH, key), "a number from 0, in the unit of the amount", got)
        return 0.0
    return float(value)


def _is_number(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and value >= 0 and math.isfinite(value)


def _percent(document: Document, spec: dict[str, Any], key: str, default: float) -> float:
    value = spec.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 100:
        document.fault((*_PATH, key), "a number from 0 to 100", show(value))
        return default
    return float(value)
