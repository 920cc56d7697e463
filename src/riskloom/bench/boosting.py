"""Boosted models of 300 trees of depth 6: one row, many rows, contributions, and the libraries beside them.

All in processor time of one thread: a neighbour on the machine is nobody's fault here.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from riskloom.bench.report import Figure, Part
from riskloom.bench.sizes import Sizes
from riskloom.detectors import load
from riskloom.detectors.boosting import BoostedTrees

TREES, DEPTH, LEAVES, FEATURES, SEED = 300, 6, 63, 30, 7
TRAINED = 40_000
ROW_US, ROWS_A_SECOND, PARTS_US = 6.0, 250_000.0, 500.0
CHUNK, GROUP, SINGLES, EXPLAINED = 2_000, 250, 10_000, 400
COMMON = {"trees": TREES, "max_depth": DEPTH, "subsample": 1, "colsample": 1}

Rows = npt.NDArray[np.float64]


class Theirs(NamedTuple):
    """A library's own model: scores and contributions of rows, one thread."""

    version: str
    score: Callable[[Rows], npt.NDArray[Any]]
    explain: Callable[[Rows], npt.NDArray[Any]]


def measure(sizes: Sizes, folder: Path, say: Callable[[str], None]) -> Part:
    """Train both kinds on simulated rows, then score and explain by our loops and by the libraries."""
    X, labels = make_rows(TRAINED, SEED)
    many, _ = make_rows(max(sizes.rows, CHUNK), SEED + 1)
    figures: list[Figure] = []
    for kind, theirs in (("xgboost", train_xgboost), ("lightgbm", train_lightgbm)):
        if find_spec(kind) is None:
            figures.append(Figure(f"{kind}: not installed", None, "", note="pip install 'riskloom[train]'"))
            continue
        say(f"boosting: {kind}")
        parameters = COMMON | ({"num_leaves": LEAVES} if kind == "lightgbm" else {})
        model: Any = load(kind).fit(X, seed=SEED, labels=labels, parameters=parameters)
        figures += [*_ours(model, many), *_beside(model, theirs(X, labels), many)]
    return Part("boosting", figures)


def make_rows(count: int, seed: int) -> tuple[Rows, Rows]:
    """Rows of amounts, counts and flags, and labels, one in fifty a fraud."""
    chance = np.random.default_rng(seed)
    X = chance.normal(size=(count, FEATURES))
    X[:, 5:15] = np.exp(X[:, 5:15] * 0.8)
    X[:, 15:22] = chance.poisson(3, size=(count, 7))
    X[:, 22:26] = chance.random((count, 4)) < 0.15
    weights = np.random.default_rng(0).normal(size=FEATURES) * 0.6
    risk = X @ weights + 0.8 * X[:, 0] * X[:, 5] + 1.2 * (X[:, 15] > 6) * X[:, 22]
    risk += chance.normal(size=count) * 1.5
    return X, (risk > np.quantile(risk, 0.98)).astype(np.float64)


def _ours(model: BoostedTrees, many: Rows) -> list[Figure]:
    note = f"{FEATURES} features, {TREES} trees of depth {DEPTH}, {model.trees.feature.size:,} nodes"
    one = one_by_one(model.score_one, many[:SINGLES], group=GROUP)
    parts = one_by_one(model.contributions_one, many[:EXPLAINED], group=20)
    together = rows_a_second(model.score_many, many, chunk=CHUNK)
    explained = rows_a_second(model.contributions_many, many[:EXPLAINED], chunk=EXPLAINED // 4)
    return [
        Figure(f"{model.kind}, one row (mean)", one, "µs", ROW_US, note=note),
        Figure(f"{model.kind}, many rows, one thread", together, "rows/s", ROWS_A_SECOND, at_most=False),
        Figure(f"{model.kind}, contributions of one row", parts, "µs", PARTS_US),
        Figure(f"{model.kind}, contributions of many rows", explained, "rows/s"),
    ]


def _beside(model: BoostedTrees, theirs: Theirs, many: Rows) -> list[Figure]:
    """The same model in the library, and how far ours is from it."""
    name, note = f"{model.kind} itself", f"{model.kind} {theirs.version}, one thread"
    singles = [many[at : at + 1] for at in range(200)]
    one = one_by_one(theirs.score, singles, group=20)
    parts = one_by_one(theirs.explain, singles[:40], group=10)
    together = rows_a_second(theirs.score, many[: 10 * CHUNK], chunk=CHUNK)
    sample = many[: 5 * CHUNK]
    gap = np.abs(model.score_many(sample) - theirs.score(sample)).max()
    parts_gap = np.abs(model.contributions_many(sample[:100])[1] - theirs.explain(sample[:100])[:, :-1]).max()
    return [
        Figure(f"{name}, one row", one, "µs", note=note),
        Figure(f"{name}, many rows", together, "rows/s", note=note),
        Figure(f"{name}, contributions of one row", parts, "µs", note=note),
        Figure(
            f"{model.kind}, greatest difference of scores", float(gap), "", 0.0, note=f"{len(sample):,} rows"
        ),
        Figure(
            f"{model.kind}, greatest difference of contributions",
            float(parts_gap),
            "",
            1e-5 if model.kind == "xgboost" else 1e-6,
            note="100 rows",
        ),
    ]


def train_xgboost(X: Rows, labels: Rows) -> Theirs:
    library = importlib.import_module("xgboost")
    chosen = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "max_depth": DEPTH,
        "eta": 0.05,
        "seed": SEED,
        "nthread": 1,
    }
    booster = library.train(chosen, library.DMatrix(X, label=labels, nthread=1), TREES)
    return Theirs(
        library.__version__,
        lambda rows: booster.inplace_predict(rows, predict_type="margin"),
        lambda rows: booster.predict(library.DMatrix(rows, nthread=1), pred_contribs=True),
    )


def train_lightgbm(X: Rows, labels: Rows) -> Theirs:
    library = importlib.import_module("lightgbm")
    chosen = {
        "objective": "binary",
        "num_leaves": LEAVES,
        "max_depth": DEPTH,
        "learning_rate": 0.05,
        "lambda_l2": 1.0,
        "min_sum_hessian_in_leaf": 0.1,
        "seed": SEED,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    booster = library.train(chosen, library.Dataset(X, labels), TREES)
    return Theirs(
        library.__version__,
        lambda rows: booster.predict(rows, raw_score=True, num_threads=1),
        lambda rows: booster.predict(rows, pred_contrib=True, num_threads=1),
    )


def one_by_one(work: Callable[..., object], rows: Sequence[Rows] | Rows, group: int) -> float:
    """The median of the means of groups of rows, in microseconds."""
    work(rows[0])
    taken = []
    for begin in range(0, len(rows) - group + 1, group):
        some = list(rows[begin : begin + group])
        before = time.process_time()
        for row in some:
            work(row)
        taken.append((time.process_time() - before) / group)
    return float(np.median(taken)) * 1e6


def rows_a_second(work: Callable[[Rows], object], rows: Rows, chunk: int) -> float:
    """Rows a second, the median over chunks."""
    work(rows[:10])
    taken = []
    for begin in range(0, len(rows) - chunk + 1, chunk):
        before = time.process_time()
        work(rows[begin : begin + chunk])
        taken.append(time.process_time() - before)
    return chunk / float(np.median(taken))
