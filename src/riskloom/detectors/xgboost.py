"""XGBoost: trees that each mend what those before them got wrong. The library grows them, our loops score.

References
----------
T. Chen, C. Guestrin, "XGBoost: A Scalable Tree Boosting System", KDD, 2016, doi:10.1145/2939672.2939785.
"""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from riskloom.detectors.base import Floats, Holdout, Progress
from riskloom.detectors.boosting import BoostedTrees, warm_up_with
from riskloom.detectors.boosting_fit import (
    COMPARED,
    SHARED,
    Grown,
    Lesson,
    Settings,
    Training,
    check_against,
    join_trees,
    read_training,
    scores_as,
)
from riskloom.detectors.boosting_guard import Bounds, fit_guarded
from riskloom.errors import ExtraMissing
from riskloom.params import Constraint, validate

_LIMIT = 1e38
_SAFER: tuple[Bounds, ...] = (
    {"learning_rate": (0.0, 0.05), "min_child_weight": (1.0, math.inf), "reg_lambda": (1.0, math.inf)},
    {"learning_rate": (0.0, 0.02), "min_child_weight": (5.0, math.inf), "reg_lambda": (10.0, math.inf)},
)


@dataclass(frozen=True, slots=True, eq=False)
class Xgboost(BoostedTrees):
    """A fitted XGBoost model. Its score is the library's margin, to the last bit: a sum in float32.

    Values are rounded to float32. A missing value (NaN) goes where its node learned to send it. A category
    that a node does not list, seen in training or not, goes left, as the library has it; so do codes below 0.
    Infinities are compared like numbers.
    """

    kind: ClassVar[str] = "xgboost"
    VALUE_TYPE: ClassVar[type[np.floating[Any]]] = np.float32
    THRESHOLD_TYPE: ClassVar[type[np.floating[Any]]] = np.float32
    PARAMETERS: ClassVar[tuple[Constraint, ...]] = (
        *SHARED,
        Constraint(
            "max_depth", "integer", 4, "How many questions a tree asks at most.", minimum=1, maximum=16
        ),
        Constraint(
            "min_child_weight",
            "number",
            1.0,
            "How much curvature (rows times chance times counter-chance) a leaf has at least.",
            minimum=0,
        ),
        Constraint("gamma", "number", 0.0, "How much a split must lower the loss.", minimum=0),
    )

    @classmethod
    def fit(
        cls,
        X: Floats,
        *,
        seed: int,
        parameters: Mapping[str, object] | None = None,
        labels: Floats | None = None,
        holdout: Holdout | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Grow trees on rows of feature vectors, NaN for missing, on one thread.

        Parameters
        ----------
        X
            float64[n, F], n >= 1. Values are used as float32; what is larger than 1e38 counts as that.
        labels
            float64[n] of 0 and 1, both there.
        holdout
            Growing stops when `early_stopping_rounds` trees have not lowered the loss there; the trees up to
            the lowest are kept.
        progress
            Called with (trees grown, trees at most).

        Raises
        ------
        ParameterInvalid, DataInvalid
            For parameters out of range, and for anything that is not such a matrix or labels.
        ExtraMissing
            When XGBoost is not installed.
        """
        settings = validate(parameters, cls.PARAMETERS)
        training = read_training(X, labels, holdout, seed, settings, limit=_LIMIT)
        return fit_guarded(
            lambda chosen: cls._grown(training, chosen, seed, progress), settings, _SAFER, training
        )

    @classmethod
    def _grown(cls, training: Training, settings: Settings, seed: int, progress: Progress | None) -> Self:
        booster, margins = _grow(training, settings, seed, progress)
        learner = json.loads(bytes(booster.save_raw("json")))["learner"]
        grown = [_converted(tree) for tree in learner["gradient_booster"]["model"]["trees"]]
        rows = training.learned.rows
        trees = join_trees(grown, rows.shape[1], np.float32, np.float32)
        found = [cls(trees, float(start)) for start in _starts(learner["learner_model_param"]["base_score"])]
        model = next((one for one in found if scores_as(one, rows, margins)), found[0])
        check_against(model, rows, margins)
        return model


def warm_up(progress: Callable[[str], None] | None = None) -> None:
    """Compile the scoring loops or load them from numba's cache; says so first, since cold takes seconds."""
    warm_up_with(Xgboost, progress)


def _grow(
    training: Training, settings: Settings, seed: int, progress: Progress | None
) -> tuple[Any, npt.NDArray[np.float32]]:
    """The library's model, cut off at its best tree, and its margins of the first rows."""
    try:
        library = importlib.import_module("xgboost")
    except ImportError as cause:
        raise ExtraMissing("train", "Training with XGBoost") from cause
    held, patience, total = training.held, int(settings["early_stopping_rounds"]), int(settings["trees"])
    callbacks = [_teller(library, total, progress)] if progress else []
    watched = []
    if held and patience:
        watched = [(_matrix(library, held, training.categorical), "holdout")]
        callbacks.append(library.callback.EarlyStopping(rounds=patience, save_best=True))
    chosen = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "eta": settings["learning_rate"],
        "max_depth": settings["max_depth"],
        "min_child_weight": settings["min_child_weight"],
        "gamma": settings["gamma"],
        "lambda": settings["reg_lambda"],
        "subsample": settings["subsample"],
        "colsample_bytree": settings["colsample"],
        "eval_metric": "logloss",
        "seed": seed,
        "nthread": 1,
        "verbosity": 0,
    }
    data = _matrix(library, training.learned, training.categorical)
    booster = library.train(chosen, data, total, evals=watched, callbacks=callbacks, verbose_eval=False)
    if progress:
        progress(total, total)
    first = _matrix(library, training.learned.first(COMPARED), training.categorical)
    return booster, booster.predict(first, output_margin=True)


def _matrix(library: Any, lesson: Lesson, categorical: Sequence[int]) -> Any:
    types = ["c" if at in categorical else "q" for at in range(lesson.rows.shape[1])]
    return library.DMatrix(
        lesson.rows.astype(np.float32),
        label=lesson.labels,
        weight=lesson.weights,
        feature_types=types,
        enable_categorical=True,
        nthread=1,
    )


def _teller(library: Any, total: int, progress: Progress) -> Any:
    """A callback of the library that passes on how many trees there are."""

    def after_iteration(_self: Any, _model: Any, epoch: int, _log: Any) -> bool:
        progress(epoch + 1, total)
        return False

    progress(0, total)
    return type("Teller", (library.callback.TrainingCallback,), {"after_iteration": after_iteration})()


def _starts(base_score: str) -> list[np.float32]:
    """What the margin may begin with: the log-odds of the base score, and its neighbours in float32.

    The library computes them in float32, whose logarithm may differ by one unit from library to library, and
    takes no score to be nearer to 0 or 1 than a millionth.
    """
    one, least = np.float32(1), np.float32(1e-6)
    chance = np.clip(np.float32(base_score.strip("[]")), least, one - least)
    start = np.float32(-math.log(one / chance - one))
    return [start, *(np.nextafter(start, np.float32(to)) for to in (-np.inf, np.inf))]


def _converted(tree: Mapping[str, Any]) -> Grown:
    """One tree of the library's JSON. Categories go right there, so such a node changes its children."""
    nodes = [int(node) for node in tree["categories_nodes"]]
    begins, sizes = tree["categories_segments"], tree["categories_sizes"]
    listed = np.array(tree["categories"], np.int32)
    codes = {
        node: np.sort(listed[begin : begin + size])
        for node, begin, size in zip(nodes, begins, sizes, strict=True)
    }
    left, right = np.array(tree["left_children"]), np.array(tree["right_children"])
    missing_left = np.array(tree["default_left"])
    left[nodes], right[nodes], missing_left[nodes] = right[nodes], left[nodes], 1 - missing_left[nodes]
    condition = np.array(tree["split_conditions"], np.float32)
    return Grown(
        left=left,
        right=right,
        feature=np.array(tree["split_indices"]),
        threshold=np.nextafter(condition, np.float32(-np.inf)),  # left when below it, not when at it
        missing_left=missing_left,
        zero_missing=np.zeros(left.size),
        value=condition,
        cover=np.array(tree["sum_hessian"]),
        codes=codes,
    )
