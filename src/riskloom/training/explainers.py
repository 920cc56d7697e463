"""What each feature added to a score: ours exactly, and what shap and lime say of them. Offline only.

shap walks the trees of a model of trees and sets features of a regression to their training mean, as our own
parts are defined; of any other model it only asks for scores, a feature that is not known taking its values
in other rows. lime fits a line to the scores around a row.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from riskloom.detectors.boosting import BoostedTrees
from riskloom.detectors.isolation_forest import IsolationForest
from riskloom.detectors.logistic_regression import LogisticRegression
from riskloom.detectors.trees import LEAF, Trees, children
from riskloom.errors import ExtraMissing, Fault, ParameterInvalid, nearest, show
from riskloom.model import Model

Floats = npt.NDArray[np.float64]
METHODS = ("exact", "shap", "lime")
OTHER_ROWS = 100
"""How many rows shap takes the values of features from that are not known."""
EVALUATIONS = 500
SAMPLES = 5_000
"""How many rows around one lime fits its line to."""


class Explained(NamedTuple):
    """Parts of n scores by feature: `base + parts.sum(axis=1)` is what the method takes `additive` for.

    `how` says what was done, `seconds` the processor time of one row; parts are float64[n, F] in the order of
    the model's features.
    """

    how: str
    base: Floats
    parts: Floats
    seconds: float


def explain(
    model: Model,
    method: str,
    rows: Floats,
    others: Floats,
    *,
    categories: Sequence[str] = (),
    seed: int = 0,
) -> Explained | None:
    """The parts of some rows by one method; None where the model admits no exact ones.

    Parameters
    ----------
    rows, others
        Feature vectors float64[n, features of the scenario]: those to explain, and usual ones beside them,
        for the methods that compare.
    categories
        The features whose numbers stand for categories.

    Raises
    ------
    ParameterInvalid
        For another method than one of `METHODS`.
    ExtraMissing
        Without the library.
    """
    check_method(method)
    if method == "exact":
        return _exact(model, rows)
    if method == "lime":
        return _lime(model, rows, others, categories, seed)
    own = _shap_of_one(model, rows) if model.ensemble is None else None
    return own or _shap_of_scores(model, rows, others, seed)


def check_method(method: str) -> None:
    """Refuse what is none of `METHODS`."""
    if method not in METHODS:
        expected = f"one of {', '.join(METHODS)}"
        raise ParameterInvalid(Fault("method", expected, show(method), nearest(method, METHODS)))


def additive(model: Model, scores: Floats) -> Floats:
    """What the parts add up to, from anomaly scores: minus the mean path for a forest, else the scores."""
    detector = model.members[0].detector
    if model.ensemble is None and isinstance(detector, IsolationForest):
        return detector.normaliser / len(detector.trees) * np.log2(scores)
    return scores


def _exact(model: Model, rows: Floats) -> Explained | None:
    if not len(rows) or model.contributions_one(rows[0]) is None:  # the first call prepares tables
        return None
    told, seconds = _clocked(lambda: [model.contributions_one(row) for row in rows], len(rows))
    base, parts, _ = zip(*told, strict=True)
    return Explained("exact", np.array(base), np.array(parts), seconds)


def _shap_of_one(model: Model, rows: Floats) -> Explained | None:
    """The parts of a model of one detector by what shap knows of its kind; None for other kinds."""
    member = model.members[0]
    detector = member.detector
    prepared = member.preparation.apply_many(np.ascontiguousarray(rows[:, member.positions]))
    explainer: Any
    if isinstance(detector, LogisticRegression):
        prepared = detector.standard.apply(prepared)
        line = (detector.weight * detector.standard.scale, detector.intercept)
        how = "shap's LinearExplainer"
        explainer = _library("shap").LinearExplainer(line, np.zeros((1, detector.width)))
    elif isinstance(detector, (BoostedTrees, IsolationForest)) and detector.trees.branches is None:
        trees = detector.trees
        prepared = prepared.astype(trees.threshold.dtype).astype(np.float64)  # as the trees read them
        how = "shap's TreeExplainer"
        explainer = _library("shap").TreeExplainer(
            _as_shap(trees, *_share_and_start(detector)), feature_perturbation="tree_path_dependent"
        )
    else:
        return None
    found, seconds = _clocked(lambda: explainer(prepared), len(rows))
    parts = np.array([member.preparation.fold(part) for part in found.values.reshape(prepared.shape)])
    return Explained(how, np.broadcast_to(found.base_values, len(rows)).ravel(), parts, seconds)


def _share_and_start(detector: BoostedTrees | IsolationForest) -> tuple[float, float]:
    """What share of its value a leaf adds to the parts, and what their sum begins with."""
    if isinstance(detector, BoostedTrees):
        return 1.0, detector.start
    return -1.0 / len(detector.trees), 0.0


def _as_shap(trees: Trees, share: float, start: float) -> dict[str, Any]:
    """The trees as shap takes them; each leaf adds a share of its value."""
    inner, left = trees.feature != LEAF, children(trees)
    listed = []
    for begin, end in pairwise(trees.offset.tolist()):
        of = slice(begin, end)
        down = np.where(inner[of], left[of] - begin, -1)
        right = np.where(inner[of], down + 1, -1)
        listed.append(
            {
                "children_left": down,
                "children_right": right,
                "children_default": np.where(trees.missing_left[of] == 1, down, right),
                "features": trees.feature[of],
                "thresholds": trees.threshold[of].astype(np.float64),
                "values": trees.value[of].astype(np.float64).reshape(-1, 1) * share,
                "node_sample_weight": trees.cover[of],
            }
        )
    return {"trees": listed, "base_offset": start, "input_dtype": np.float64, "tree_output": "raw_value"}


def _shap_of_scores(model: Model, rows: Floats, others: Floats, seed: int) -> Explained:
    """The parts by permutations of features, from scores alone."""
    library = _library("shap")
    score = _scores(model, rows.shape[1])
    behind = np.random.default_rng(seed).permutation(others)[:OTHER_ROWS][:, model.positions]
    explainer = library.PermutationExplainer(
        score, library.maskers.Independent(behind, max_samples=OTHER_ROWS), seed=seed
    )
    asked = max(EVALUATIONS, 2 * len(model.features) + 1)
    chosen = rows[:, model.positions]
    found, seconds = _clocked(lambda: explainer(chosen, max_evals=asked, silent=True), len(rows))
    how = f"shap's PermutationExplainer over {len(behind)} rows"
    return Explained(how, np.broadcast_to(found.base_values, len(rows)), found.values, seconds)


def _lime(model: Model, rows: Floats, others: Floats, categories: Sequence[str], seed: int) -> Explained:
    """The parts by lime's line; gaps are filled with the feature's median in training, which lime needs."""
    library = _library("lime.lime_tabular")
    usual = np.nan_to_num(model.usual[:, 3])
    known, chosen = (
        np.where(np.isnan(X[:, model.positions]), usual, X[:, model.positions]) for X in (others, rows)
    )
    explainer = library.LimeTabularExplainer(
        known,
        mode="regression",
        feature_names=list(model.features),
        categorical_features=[at for at, name in enumerate(model.features) if name in categories],
        random_state=seed,
    )
    score, width = _scores(model, rows.shape[1]), len(model.features)
    found, seconds = _clocked(
        lambda: [
            explainer.explain_instance(row, score, num_features=width, num_samples=SAMPLES) for row in chosen
        ],
        len(rows),
    )
    parts = np.zeros(chosen.shape)
    for line, one in zip(parts, found, strict=True):
        for at, part in one.local_exp[1]:
            line[at] = part
    base = np.array([one.intercept[1] for one in found])
    return Explained(f"lime's line through {SAMPLES:,} rows around each", base, parts, seconds)


def _scores(model: Model, width: int) -> Callable[[Floats], Floats]:
    """What parts add up to, for rows of the model's own features."""

    def score(rows: Floats) -> Floats:
        vectors = np.full((len(rows), width), np.nan)
        vectors[:, model.positions] = rows
        return additive(model, model.anomaly_many(vectors))

    return score


def _clocked(work: Callable[[], Any], rows: int) -> tuple[Any, float]:
    """What `work` gives, and the processor time of one row."""
    before = time.process_time()
    found = work()
    return found, (time.process_time() - before) / max(rows, 1)


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as cause:
        raise ExtraMissing("explain", f"Comparing with {name.split('.')[0]}") from cause
