"""The bench of boosted models holds ours against the libraries' own, and says how far apart they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from riskloom.bench import boosting
from riskloom.bench.sizes import QUICK


def test_each_kind_is_measured_beside_its_library_and_does_not_differ(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    small = {"TREES": 5, "TRAINED": 600, "CHUNK": 50, "GROUP": 10, "SINGLES": 20, "EXPLAINED": 40}
    for name, value in small.items():
        monkeypatch.setattr(boosting, name, value)
    monkeypatch.setattr(boosting, "COMMON", boosting.COMMON | {"trees": 5})
    said: list[str] = []

    part = boosting.measure(replace(QUICK, rows=600), tmp_path, said.append)

    gaps = {figure.what: figure.value for figure in part.figures if "greatest difference" in figure.what}
    assert gaps["xgboost, greatest difference of scores"] == 0.0
    assert gaps["lightgbm, greatest difference of scores"] == 0.0
    assert len(gaps) == 4
    assert all(figure.value and figure.value > 0 for figure in part.figures if figure.what not in gaps)
    assert said == ["boosting: xgboost", "boosting: lightgbm"]


def test_a_library_that_is_not_installed_is_said_to_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(boosting, "find_spec", lambda name: None)

    part = boosting.measure(replace(QUICK, rows=600), tmp_path, lambda text: None)

    assert [figure.value for figure in part.figures] == [None, None]
    assert all("riskloom[train]" in figure.note for figure in part.figures)
