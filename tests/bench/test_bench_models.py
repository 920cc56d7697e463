"""The bench of the six and their stack: every model beside its library, and a file scored as its rows are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from riskloom.bench import models
from riskloom.bench.boosting import make_rows
from riskloom.bench.sizes import QUICK

SMALL = {
    "isolation_forest": {"trees": 5},
    "lightgbm": {"trees": 5},
    "logistic_regression": {},
}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few small models, without PyTorch; few rows."""
    sizes = {"TRAINED": 800, "SINGLES": 100, "GROUP": 20, "LIBRARY_ROWS": 400, "FOREST": 5, "CHUNK": 300}
    for name, value in {**sizes, "KINDS": SMALL, "NEEDED": {"sklearn": "train"}}.items():
        monkeypatch.setattr(models, name, value)
    monkeypatch.setattr(
        models, "train_libraries", lambda *_: dict.fromkeys(SMALL, lambda rows: rows.sum(axis=1))
    )


def test_each_model_is_measured_beside_its_library(tmp_path: Path) -> None:
    said: list[str] = []
    part = models.measure(replace(QUICK, batch=1_000), tmp_path, said.append)
    assert [row[0] for row in part.rows] == list(SMALL)
    assert all(value > 0 for row in part.rows for value in row[1:])  # type: ignore[operator]
    assert all(figure.value and figure.value > 0 for figure in part.figures)
    assert [figure.floor for figure in part.figures if figure.floor] == [40.0, 10.0]


def test_the_file_of_scores_is_that_of_the_rows_in_their_order(tmp_path: Path) -> None:
    model = models.train_stack(*make_rows(800, 1))
    source = models.write_rows(tmp_path / "rows.parquet", 1_000)
    read, written, _ = models.rows_and_seconds(model, source, tmp_path / "scores.parquet")
    X = np.column_stack([column.to_numpy() for column in pq.read_table(source).columns])
    found = pq.read_table(tmp_path / "scores.parquet")
    assert (read, written) == (1_000, 1_000)
    assert np.array_equal(found["anomaly_score"].to_numpy(), model.score_many(X).anomaly_scores)


def test_a_library_that_is_not_installed_is_said_to_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(models, "find_spec", lambda name: None)
    (figure,) = models.measure(QUICK, tmp_path, lambda text: None).figures
    assert figure.value is None
    assert "riskloom[train]" in figure.note
