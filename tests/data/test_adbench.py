"""Two small sets of ADBench by its protocol reach the figures of the published table."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("RISKLOOM_DATA") or ROOT.parent / "shared" / "data") / "adbench"

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no reference data at {DATA}; set RISKLOOM_DATA"),
]


@pytest.fixture(scope="module")
def adbench() -> Any:
    """The module benchmarks/adbench.py."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        return importlib.import_module("adbench")
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))


@pytest.mark.parametrize("name", ["WBC", "cardio"])
def test_each_detector_reaches_the_published_auc(name: str, adbench: Any) -> None:
    published = adbench.read_published()
    found = adbench.assess(name, adbench.ENTRIES)

    short = {
        entry.name: published[entry.published][name][0] - found[entry.name][0] for entry in adbench.ENTRIES
    }

    assert abs(short["OCSVM"]) <= 0.05
    assert abs(short["forest"]) <= 2.0
    assert abs(short["ECOD"]) <= 1.0


def test_a_small_set_is_drawn_to_a_thousand_rows_and_split_by_class(adbench: Any) -> None:
    X, y = adbench.read_set("WBC")
    assert X.shape == (223, 9)
    assert int(y.sum()) == 10

    train, test, train_y, test_y = adbench.split(X, y, 1)

    assert (len(train), len(test)) == (700, 300)
    assert (train.min(), train.max()) == (0.0, 1.0)
    assert train_y.mean() == pytest.approx(test_y.mean(), abs=0.005)
