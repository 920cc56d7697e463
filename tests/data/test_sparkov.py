"""Impossible travel on Sparkov 2019, whose places are noise: every injected trip is caught, nobody else."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from riskloom.scenario.load import load_scenario

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("RISKLOOM_DATA") or ROOT.parent / "shared" / "data") / "sparkov"

pytestmark = [
    pytest.mark.data,
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no reference data at {DATA}; set RISKLOOM_DATA"),
]


@pytest.fixture(scope="module")
def measured() -> Any:
    """What benchmarks/sparkov_travel.py measures."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        return importlib.import_module("sparkov_travel").measure()
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))


def test_at_most_one_honest_payment_in_a_thousand_gets_the_reason(measured: Any) -> None:
    assert measured.honest > 870_000
    assert measured.wrong <= measured.honest / 1000


def test_speed_alone_would_flood_the_analysts(measured: Any) -> None:
    assert measured.found.fast > measured.found.events / 50


def test_every_injected_trip_gets_the_reason(measured: Any) -> None:
    assert len(measured.trips.ids) == 5_000
    assert measured.trips.near > 1_000
    assert not measured.missed


def test_the_rule_is_that_of_card_payments() -> None:
    ours, theirs = (
        next(rule for rule in load_scenario(named).rules if rule.code == "IMPOSSIBLE_TRAVEL")
        for named in (ROOT / "examples" / "sparkov", "card_payments")
    )
    assert ours.when.text == theirs.when.text
