"""Reads the `policy` section: from which risk score on the model flags and rejects."""

from __future__ import annotations

from typing import Any

from riskloom.errors import show
from riskloom.policy.policy import Policy
from riskloom.scenario.document import Document

_PATH = ("policy",)


def read_policy(document: Document) -> Policy:
    """The policy; rejecting may not begin below flagging."""
    spec = document.mapping(document.data.get("policy"), _PATH, ("percentile", "reject_percentile"))
    percentile = _percent(document, spec, "percentile", 98.0)
    if spec.get("reject_percentile") is None:
        return Policy(percentile)
    reject = _percent(document, spec, "reject_percentile", 100.0)
    if reject < percentile:
        wanted = f"at least the percentile {percentile:g}"
        document.fault((*_PATH, "reject_percentile"), wanted, show(spec["reject_percentile"]))
    return Policy(percentile, reject)


def _percent(document: Document, spec: dict[str, Any], key: str, default: float) -> float:
    value = spec.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 100:
        document.fault((*_PATH, key), "a number from 0 to 100", show(value))
        return default
    return float(value)
