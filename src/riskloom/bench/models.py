"""Six trained kinds and the stack that joins them in one call, and a million rows from Parquet to Parquet.

The batch is `Model.score_many` over what pyarrow reads, two threads taking the chunks in turn, its scores
written by pyarrow. The libraries score the same rows with models of the same kinds and sizes, one after
another, one thread, without preparing, joining or writing anything.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from riskloom.bench.boosting import (
    COMMON,
    DEPTH,
    FEATURES,
    LEAVES,
    SEED,
    TRAINED,
    TREES,
    Rows,
    make_rows,
    one_by_one,
    rows_a_second,
    train_lightgbm,
    train_xgboost,
)
from riskloom.bench.report import Figure, Part
from riskloom.bench.sizes import Sizes
from riskloom.detectors.autoencoder import Autoencoder
from riskloom.model import Model
from riskloom.scenario.load import scenario_from_parts
from riskloom.training.fit import fit_model
from riskloom.training.history import History

EVENT_US, BATCH_S = 40.0, 10.0
THREADS, CHUNK = 2, 20_000
SINGLES, GROUP, LIBRARY_ROWS = 10_000, 250, 20_000
MILLION = 1_000_000
FOREST = 200
KINDS: Mapping[str, Mapping[str, object]] = {
    "isolation_forest": {"trees": FOREST},
    "one_class_svm": {"approximation": "nystroem"},
    "autoencoder": {},
    "xgboost": COMMON,
    "lightgbm": COMMON | {"num_leaves": LEAVES},
    "logistic_regression": {},
}
NEEDED = {"sklearn": "train", "xgboost": "train", "lightgbm": "train", "torch": "torch"}
Score = Callable[[Rows], Any]


def measure(sizes: Sizes, folder: Path, say: Callable[[str], None]) -> Part:
    """Train six and their stack, score events one by one and from a file, by ours and the libraries."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        return Part(
            "models",
            [
                Figure(f"{name}: not installed", None, "", note=f"pip install 'riskloom[{NEEDED[name]}]'")
                for name in missing
            ],
        )
    say("models: training six kinds and their stack")
    X, labels = make_rows(TRAINED, SEED)
    model = train_stack(X, labels)
    singles, _ = make_rows(SINGLES, SEED + 1)
    theirs = train_libraries(X, labels, model)
    say("models: one event, by ours and by the libraries")
    rows = [_beside(model, name, theirs[name], singles) for name in KINDS]
    one = one_by_one(model.score_one, singles, group=GROUP)
    say(f"models: {sizes.batch:,} rows from Parquet to Parquet")
    source = write_rows(folder / "rows.parquet", sizes.batch)
    _, _, ours = rows_and_seconds(model, source, folder / "scores.parquet")
    clock, processor = (seconds * MILLION / sizes.batch for seconds in ours)
    libraries_us, libraries_s = sum(row[2] for row in rows), sum(row[4] for row in rows)
    note = (
        f"{FEATURES} features; forest of {FOREST}, boosted {TREES} trees of depth {DEPTH}, SVM of 256 points"
    )
    figures = [
        Figure("six models and their stack, one event (mean)", one, "µs", EVENT_US, note=note),
        Figure("the six libraries, one event", libraries_us, "µs", note="one after another"),
        Figure(
            "a million rows, Parquet to Parquet",
            clock,
            "s",
            BATCH_S,
            note=f"Model.score_many, {THREADS} threads, {sizes.batch:,} rows, by the clock",
        ),
        Figure(
            "the same, processor time of each thread",
            processor / THREADS,
            "s",
            note="all of it, divided by the threads",
        ),
        Figure("the six libraries, a million rows", libraries_s, "s", note="scoring alone, one thread"),
    ]
    header = ("model", "one event, µs", "its library, µs", "a million rows, s", "its library, s")
    return Part("models", figures, "by model, one thread, processor time", header, rows)


def train_stack(X: Rows, labels: Rows) -> Model:
    """The six kinds, joined by stacking on later rows."""
    names = [f"f{at}" for at in range(FEATURES)]
    parts = {
        "features": {
            "scenario": "bench",
            "event": {
                "label": "is_fraud",
                "fields": {
                    "event_id": {"type": "string"},
                    **{name: {"type": "number", "signed": True} for name in names},
                },
            },
            "features": [{"name": f"{name}_now", "expression": name} for name in names],
        },
        "model": {
            "detectors": [{"kind": kind, "parameters": dict(given)} for kind, given in KINDS.items()],
            "ensemble": "stacking",
        },
        "rules": [],
        "policy": {},
        "rates": None,
    }
    later, marks = make_rows(TRAINED // 4, SEED + 2)
    return fit_model(
        _history(X, labels), scenario_from_parts(parts), seed=SEED, validation=_history(later, marks)
    )


def _history(X: Rows, labels: Rows) -> History:
    numbers = np.arange(len(X))
    return History(X, labels, numbers, np.ones(len(X)), numbers)


def write_rows(path: Path, count: int) -> Path:
    """A Parquet file of so many rows, a column for each feature."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(f"f{at}", pa.float64()) for at in range(FEATURES)])
    with pq.ParquetWriter(path, schema) as out:
        for begin in range(0, count, 5 * CHUNK):
            X, _ = make_rows(min(5 * CHUNK, count - begin), SEED + 10 + begin)
            out.write_table(pa.table(list(X.T), schema=schema))
    return path


def rows_and_seconds(model: Model, source: Path, target: Path) -> tuple[int, int, tuple[float, float]]:
    """Score a Parquet file into another; (rows read, rows written, (seconds by the clock, of processors))."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def score(batch: Any) -> Any:
        X = np.column_stack([column.to_numpy() for column in batch.columns])
        found = model.score_many(X)
        columns = {"anomaly_score": found.anomaly_scores, "risk_score": found.risk_scores}
        if found.probabilities is not None:
            columns["probability"] = found.probabilities
        return pa.table(columns)

    clock, processor = time.perf_counter(), time.process_time()
    read = pq.ParquetFile(source)
    with ThreadPoolExecutor(THREADS) as pool:
        tables = pool.map(score, read.iter_batches(CHUNK, use_threads=False))
        first = next(tables)
        with pq.ParquetWriter(target, first.schema) as out:
            out.write_table(first)
            for table in tables:
                out.write_table(table)
    taken = time.perf_counter() - clock, time.process_time() - processor
    return read.metadata.num_rows, pq.read_metadata(target).num_rows, taken


def train_libraries(X: Rows, labels: Rows, model: Model) -> dict[str, Score]:
    """Models of the same kinds and sizes in their libraries, one thread each."""
    from sklearn.ensemble import IsolationForest
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import LogisticRegression, SGDOneClassSVM
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    forest = IsolationForest(n_estimators=FOREST, max_samples=256, random_state=SEED, n_jobs=1).fit(X)
    kernel = Nystroem(gamma=1.0 / FEATURES, n_components=256, random_state=SEED)
    machine = make_pipeline(StandardScaler(), kernel, SGDOneClassSVM(random_state=SEED)).fit(X)
    regression = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, labels)
    return {
        "isolation_forest": forest.score_samples,
        "one_class_svm": machine.decision_function,
        "autoencoder": _torch_score(next(m.detector for m in model.members if m.kind == "autoencoder")),
        "xgboost": train_xgboost(X, labels).score,
        "lightgbm": train_lightgbm(X, labels).score,
        "logistic_regression": regression.decision_function,
    }


def _torch_score(model: Any) -> Score:
    """The network of our model in PyTorch: its pass and the error, for rows that are scaled already."""
    torch: Any = importlib.import_module("torch")
    torch.set_num_threads(1)
    network = as_network(torch, model)

    def score(rows: Rows) -> Any:
        with torch.no_grad():
            given = torch.from_numpy(rows)
            return ((given - network(given)) ** 2).mean(dim=1).numpy()

    return score


def as_network(torch: Any, model: Autoencoder) -> Any:
    """The layers of an autoencoder of ours, in PyTorch."""
    steps: list[Any] = []
    at = 0
    for inputs, outputs in pairwise(model.sizes.tolist()):
        bias = at + inputs * outputs
        linear = torch.nn.Linear(inputs, outputs, dtype=torch.float64)
        linear.weight.data = torch.tensor(model.weight[at:bias].reshape(inputs, outputs).T.copy())
        linear.bias.data = torch.tensor(model.weight[bias : bias + outputs].copy())
        steps += [linear, torch.nn.Tanh()]
        at = bias + outputs
    return torch.nn.Sequential(*steps[:-1])


def _beside(model: Model, name: str, theirs: Score, rows: Rows) -> tuple[str, float, float, float, float]:
    """(name, one event by ours and its library in µs, a million rows by ours and its library in s)."""
    member = next(one for one in model.members if one.kind == name)
    few = [rows[at : at + 1] for at in range(60)]
    many = np.resize(rows, (LIBRARY_ROWS, FEATURES))
    return (
        name,
        one_by_one(member.score_one, rows, group=GROUP),
        one_by_one(theirs, few, group=20),
        MILLION / rows_a_second(member.score_many, many, chunk=LIBRARY_ROWS // 4),
        MILLION / rows_a_second(theirs, many, chunk=LIBRARY_ROWS // 4),
    )
