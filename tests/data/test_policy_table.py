"""On the Handbook's first test week rules, model and budget together beat either alone, at no more alerts."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("RISKLOOM_DATA") or ROOT.parent / "shared" / "data") / "handbook"

pytestmark = [
    pytest.mark.data,
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no reference data at {DATA}; set RISKLOOM_DATA"),
]


@pytest.fixture(scope="module")
def sides() -> Any:
    """What benchmarks/policy_table.py measures on that week, by setting."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        measure = importlib.import_module("policy_table")
        (found,) = measure.measure(measure.HANDBOOK, measure.HANDBOOK.test[:1], measure.HANDBOOK.per_day)
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))
    return {side.name: side for side in found.comparison.sides}


@pytest.mark.parametrize("alone", ["rules", "model"])
def test_the_policy_catches_more_and_saves_more_with_no_more_alerts(sides: Any, alone: str) -> None:
    policy, other = sides["policy"], sides[alone]
    assert sum(policy.alerts.entities_by_day) <= sum(other.alerts.entities_by_day)
    assert policy.counts.caught > other.counts.caught
    assert policy.saved.value > other.saved.value
    assert policy.counts.annoyed < other.counts.annoyed
