"""The shipped scenario of sensors on the Numenta anomaly benchmark: above most of what is published."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("RISKLOOM_DATA") or ROOT.parent / "shared" / "data") / "nab"

pytestmark = [
    pytest.mark.data,
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no reference data at {DATA}; set RISKLOOM_DATA"),
]


@pytest.fixture(scope="module")
def nab() -> Any:
    """The module benchmarks/nab.py."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        return importlib.import_module("nab")
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))


def test_sensors_reach_what_is_asked_for(nab: Any) -> None:
    series = nab.read_series()
    assert len(series) == 35
    assert nab.best(series, nab.score(series), *nab.PROFILES["standard"]) >= 55


def test_the_scoring_gives_100_for_the_first_readings_of_all_windows_and_0_for_none(nab: Any) -> None:
    series, costs = nab.read_series(), nab.PROFILES["standard"]
    scores = [np.full(len(one.values), -np.inf) for one in series]
    for one, own in zip(series, scores, strict=True):
        own[[max(first, one.probation) for first, _ in nab.counted(one)]] = 1.0
    assert nab.best(series, scores, *costs) > 99
    missed = sum(nab.raw(one, np.zeros(len(one.values)), nab.worth_of(one), 1.0, *costs) for one in series)
    assert missed == -sum(len(nab.counted(one)) for one in series)
