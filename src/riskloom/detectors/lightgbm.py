"""LightGBM: boosted trees that grow leaf by leaf. The library grows them, our loops score them.

References
----------
G. Ke, Q. Meng, T. Finley et al., "LightGBM: A Highly Efficient Gradient Boosting Decision Tree", Advances in
Neural Information Processing Systems, 2017.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
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
    Settings,
    Training,
    check_against,
    join_trees,
    read_training,
)
from riskloom.detectors.boosting_guard import Bounds, fit_guarded
from riskloom.errors import ExtraMissing
from riskloom.params import Constraint, validate

_LIMIT = 1e300
_BY_CODE, _DEFAULT_LEFT = 1, 2
_MISSING_NONE, _MISSING_ZERO = 0, 1
_SAFER: tuple[Bounds, ...] = (
    {"learning_rate": (0.0, 0.05), "min_sum_hessian_in_leaf": (1.0, math.inf), "reg_lambda": (1.0, math.inf)},
    {
        "learning_rate": (0.0, 0.02),
        "min_sum_hessian_in_leaf": (5.0, math.inf),
        "reg_lambda": (10.0, math.inf),
    },
)


@dataclass(frozen=True, slots=True, eq=False)
class Lightgbm(BoostedTrees):
    """A fitted LightGBM model. Its score is the library's raw score, to the last bit: a sum in float64.

    Values are compared in float64; those within 1e-35 of zero are zero. A missing value (NaN) goes where its
    node learned to send it, as zero does with `zero_as_missing`; where training met none of that feature it
    counts as zero. At a node for categories all that it does not list go right: codes seen or unseen, codes
    below 0, missing values; a fraction is cut off. Infinities are compared like numbers.
    """

    kind: ClassVar[str] = "lightgbm"
    VALUE_TYPE: ClassVar[type[np.floating[Any]]] = np.float64
    THRESHOLD_TYPE: ClassVar[type[np.floating[Any]]] = np.float64
    PARAMETERS: ClassVar[tuple[Constraint, ...]] = (
        *SHARED,
        Constraint(
            "num_leaves", "integer", 15, "How many leaves a tree has at most.", minimum=2, maximum=4_096
        ),
        Constraint(
            "max_depth", "integer", 8, "How many questions a tree asks at most.", minimum=1, maximum=64
        ),
        Constraint(
            "min_data_in_leaf",
            "integer",
            20,
            "How many rows a leaf has at least.",
            minimum=1,
            maximum=1_000_000,
        ),
        Constraint(
            "min_sum_hessian_in_leaf",
            "number",
            0.1,
            "How much curvature (rows times chance times counter-chance) a leaf has at least; with next to "
            "none, training on rare frauds diverges.",
            minimum=0,
        ),
        Constraint("zero_as_missing", "boolean", False, "Whether zero counts as a missing value."),
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
            float64[n, F], n >= 1. What is larger than 1e300 counts as that.
        seed
            The library takes 31 bits: seeds that differ by 2**31 are the same.
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
            When LightGBM is not installed.
        """
        settings = validate(parameters, cls.PARAMETERS)
        training = read_training(X, labels, holdout, seed, settings, limit=_LIMIT)
        return fit_guarded(
            lambda chosen: cls._grown(training, chosen, seed, progress), settings, _SAFER, training
        )

    @classmethod
    def _grown(cls, training: Training, settings: Settings, seed: int, progress: Progress | None) -> Self:
        booster = _grow(training, settings, seed, progress)
        rows = training.learned.rows
        text = booster.model_to_string(num_iteration=booster.best_iteration or -1)
        grown = [_converted(_lines(part)) for part in text.split("end of trees")[0].split("\nTree=")[1:]]
        model = cls(join_trees(grown, rows.shape[1], np.float64, np.float64), 0.0)
        check_against(model, rows, booster.predict(rows[:COMPARED], raw_score=True, num_threads=1))
        return model


def warm_up(progress: Callable[[str], None] | None = None) -> None:
    """Compile the scoring loops or load them from numba's cache; says so first, since cold takes seconds."""
    warm_up_with(Lightgbm, progress)


def _grow(training: Training, settings: Settings, seed: int, progress: Progress | None) -> Any:
    """The library's model; its `best_iteration` says how many trees count, 0 for all."""
    try:
        library = importlib.import_module("lightgbm")
    except ImportError as cause:
        raise ExtraMissing("train", "Training with LightGBM") from cause
    learned, held, total = training.learned, training.held, int(settings["trees"])
    patience = int(settings["early_stopping_rounds"])
    chosen = {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": settings["learning_rate"],
        "num_leaves": settings["num_leaves"],
        "max_depth": settings["max_depth"],
        "min_data_in_leaf": settings["min_data_in_leaf"],
        "min_sum_hessian_in_leaf": settings["min_sum_hessian_in_leaf"],
        "lambda_l2": settings["reg_lambda"],
        "bagging_fraction": settings["subsample"],
        "bagging_freq": 1,
        "feature_fraction": settings["colsample"],
        "zero_as_missing": settings["zero_as_missing"],
        "seed": seed % 2**31,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    data = library.Dataset(
        learned.rows, learned.labels, weight=learned.weights, categorical_feature=list(training.categorical)
    )
    callbacks, watched = [], []
    if progress:
        progress(0, total)
        callbacks.append(lambda step: progress(step.iteration + 1, total))
    if held and patience:
        watched = [library.Dataset(held.rows, held.labels, weight=held.weights, reference=data)]
        callbacks.append(library.early_stopping(patience, verbose=False))
    booster = library.train(chosen, data, total, valid_sets=watched, callbacks=callbacks)
    if progress:
        progress(total, total)
    return booster


def _lines(part: str) -> dict[str, str]:
    """The name=value lines of one tree in the library's file."""
    return dict(line.split("=", 1) for line in part.splitlines() if "=" in line)


def _read(lines: Mapping[str, str], name: str, scalar: type[np.generic]) -> npt.NDArray[Any]:
    return np.array(lines.get(name, "").split()).astype(scalar)


def _converted(lines: Mapping[str, str]) -> Grown:
    """One tree of the library's file: inner nodes are 0, 1, ..., leaf k is node -1 - k there."""
    leaves = int(lines["num_leaves"])
    inner = leaves - 1
    left, right = (
        np.where(child < 0, inner - 1 - child, child)
        for child in (_read(lines, name, np.int64)[:inner] for name in ("left_child", "right_child"))
    )
    decision = _read(lines, "decision_type", np.int64)[:inner]
    threshold = _read(lines, "threshold", np.float64)[:inner]
    missing, by_code = decision >> 2 & 3, (decision & _BY_CODE) > 0
    default_left = np.where(missing == _MISSING_NONE, threshold >= 0, (decision & _DEFAULT_LEFT) > 0)
    none, nothing = np.full(leaves, -1), np.zeros(leaves)
    rows = _read(lines, "leaf_count", np.int64)
    return Grown(
        left=np.concatenate((left, none)),
        right=np.concatenate((right, none)),
        feature=np.concatenate((_read(lines, "split_feature", np.int64)[:inner], none)),
        threshold=np.concatenate((threshold, nothing)),
        missing_left=np.concatenate((default_left & ~by_code, nothing)),
        zero_missing=np.concatenate(((missing == _MISSING_ZERO) & ~by_code, nothing)),
        value=np.concatenate((np.zeros(inner), _read(lines, "leaf_value", np.float64))),
        cover=np.concatenate((_read(lines, "internal_count", np.int64)[:inner], rows if rows.size else [0])),
        codes=_codes(lines, np.flatnonzero(by_code), threshold),
    )


def _codes(
    lines: Mapping[str, str], nodes: npt.NDArray[np.int64], threshold: Floats
) -> dict[int, npt.NDArray[np.int32]]:
    """The categories that go left at each node for categories; its threshold is the number of its set."""
    begins, words = _read(lines, "cat_boundaries", np.int64), _read(lines, "cat_threshold", np.uint32)
    sets = {int(node): int(threshold[node]) for node in nodes}
    return {
        node: np.flatnonzero(
            np.unpackbits(words[begins[at] : begins[at + 1]].view(np.uint8), bitorder="little")
        ).astype(np.int32)
        for node, at in sets.items()
    }
