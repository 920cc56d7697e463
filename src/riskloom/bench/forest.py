"""The isolation forest of 200 trees: one row, many rows, and scikit-learn beside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from riskloom.bench.history import DAYS, SEED, bodies, events
from riskloom.bench.report import Figure, Part
from riskloom.bench.sizes import Sizes
from riskloom.bundle import make_bundle
from riskloom.detectors.isolation_forest import IsolationForest
from riskloom.pipeline import Pipeline
from riskloom.scenario.load import load_scenario
from riskloom.stream import without_labels
from riskloom.training.history import compute_features

TREES = 200
ROW_US, ROWS_A_SECOND = 10.0, 250_000.0
TRAINED = 15_000
CHUNK = 20_000
GROUP = 500


def measure(sizes: Sizes, folder: Path, say: Callable[[str], None]) -> Part:
    """Train on vectors of simulated payments, then score them one by one and together."""
    if find_spec("sklearn") is None:
        missing = Figure("scikit-learn: not installed", None, "", note="pip install 'riskloom[train]'")
        return Part("forest", [missing])
    say("forest: vectors of simulated payments")
    X = _vectors()
    forest = IsolationForest.fit(X, seed=SEED, parameters={"trees": TREES})
    many = X[np.random.default_rng(1).integers(0, len(X), sizes.rows)]
    forest.score_many(many[:100])
    one = _one_by_one(forest, many[: min(20_000, len(many))])
    rates = [CHUNK / _seconds(forest.score_many, part) for part in _parts(many)]
    note = f"{X.shape[1]} features, {TREES} trees"
    figures = [
        Figure("one row (mean)", one, "µs", ROW_US, note=note),
        Figure(
            "many rows, one thread",
            float(np.median(rates)),
            "rows/s",
            ROWS_A_SECOND,
            at_most=False,
            note=note,
        ),
    ]
    return Part("forest", [*figures, *_sklearn(forest, X, many, say)])


def _vectors() -> npt.NDArray[np.float64]:
    scenario = load_scenario("card_payments")
    now_us = 20_000 * 86_400_000_000
    listed = bodies(scenario, TRAINED, seed=SEED, days=DAYS, end_us=now_us, users=2_000)
    pipeline = Pipeline(make_bundle(scenario, None))
    history = without_labels(events(scenario, listed))
    return np.concatenate([found for _, found in compute_features(pipeline, history)])


def _parts(rows: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    return [rows[begin : begin + CHUNK] for begin in range(0, len(rows) - CHUNK + 1, CHUNK)]


def _one_by_one(forest: IsolationForest, rows: npt.NDArray[np.float64]) -> float:
    """The median of the means of groups of rows, in microseconds."""
    groups = [rows[begin : begin + GROUP] for begin in range(0, len(rows) - GROUP + 1, GROUP)]
    return float(np.median([_seconds(_score_each, forest, group) for group in groups])) / GROUP * 1e6


def _score_each(forest: IsolationForest, rows: npt.NDArray[np.float64]) -> None:
    for row in rows:
        forest.score_one(row)


def _sklearn(
    forest: IsolationForest,
    X: npt.NDArray[np.float64],
    many: npt.NDArray[np.float64],
    say: Callable[[str], None],
) -> list[Figure]:
    """The same forest grown and scored by scikit-learn, and how far its scores are from ours."""
    import sklearn
    from sklearn.ensemble import IsolationForest as Theirs

    say("forest: scikit-learn")
    theirs = Theirs(n_estimators=TREES, max_samples=256, random_state=SEED, n_jobs=1).fit(
        X.astype(np.float32)
    )
    one = float(np.median([_seconds(theirs.score_samples, many[at : at + 1]) for at in range(15)]))
    together = [_seconds(theirs.score_samples, part) for part in _parts(many)[:3]]
    sample = many[:CHUNK]
    gap = float(np.abs(forest.score_many(sample) + theirs.score_samples(sample.astype(np.float32))).max())
    note = f"scikit-learn {sklearn.__version__}, n_jobs=1"
    return [
        Figure("scikit-learn, one row", one * 1e6, "µs", note=note),
        Figure("scikit-learn, many rows", CHUNK / float(np.median(together)), "rows/s", note=note),
        Figure("greatest difference to score_samples", gap, "", 1e-12, note=f"{CHUNK:,} rows"),
    ]


def _seconds(work: Callable[..., object], *given: object) -> float:
    before = time.perf_counter()
    work(*given)
    return time.perf_counter() - before
