"""Reads the `policy` section: from which risk score on the model flags and rejects."""

from __future__ import annotations

from typing import Any

from riskloom.detectors.thresholds import ThresholdSpec
from riskloom.errors import ParameterInvalid, show
from riskloom.policy.policy import Policy
from riskloom.scenario.document import Document

_PATH = ("policy",)
_KEYS = ("percentile", "reject_percentile", "threshold", "chosen")


def read_policy(document: Document) -> Policy:
    """The policy; rejecting may not begin below flagging."""
    spec = document.mapping(document.data.get("policy"), _PATH, _KEYS)
    percentile = _percent(document, spec, "percentile", 98.0)
    if spec.get("reject_percentile") is None:
        return Policy(percentile)
    reject = _percent(document, spec, "reject_percentile", 100.0)
    if reject < percentile:
        wanted = f"at least the percentile {percentile:g}"
        document.fault((*_PATH, "reject_percentile"), wanted, show(spec["reject_percentile"]))
    return Policy(percentile, reject)


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


def _percent(document: Document, spec: dict[str, Any], key: str, default: float) -> float:
    value = spec.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 100:
        document.fault((*_PATH, key), "a number from 0 to 100", show(value))
        return default
    return float(value)
