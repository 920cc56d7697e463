"""What the boosted kinds learn from, checked, and their trees put together in our layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from riskloom.detectors.base import Floats, Holdout, check_labels, check_seed, check_training_matrix
from riskloom.detectors.boosting import BoostedTrees
from riskloom.detectors.tree_branches import Branches
from riskloom.detectors.trees import LEAF, Trees, level_order
from riskloom.errors import BundleInvalid, DataInvalid, Fault, ParameterInvalid, show
from riskloom.params import Constraint, Value

MOST_FEATURES = 16_383
MOST_CATEGORIES = 4_096
COMPARED = 1_000
"""Training rows on which a new model is held against the library."""

Settings = Mapping[str, Value]

SHARED: tuple[Constraint, ...] = (
    Constraint("trees", "integer", 300, "How many trees are grown at most.", minimum=1, maximum=2_000),
    Constraint("learning_rate", "number", 0.05, "How much each tree counts.", above=0, maximum=1),
    Constraint("subsample", "number", 0.8, "The share of the rows that each tree sees.", above=0, maximum=1),
    Constraint("colsample", "number", 0.8, "The share of the features each tree sees.", above=0, maximum=1),
    Constraint("reg_lambda", "number", 1.0, "How strongly large leaves are held back.", minimum=0),
    Constraint(
        "scale_pos_weight",
        "number",
        1.0,
        "How many honest rows a fraud counts for; 0 stands for as many as there are to each fraud.",
        minimum=0,
        maximum=1e6,
    ),
    Constraint(
        "early_stopping_rounds",
        "integer",
        50,
        "With a holdout: after how many trees that do not lower its loss no more are grown; 0 for never.",
        minimum=0,
        maximum=2_000,
    ),
    Constraint(
        "categorical",
        "text",
        "",
        "The positions of features that are categories (whole numbers from 0), counted from 0: '0, 3'.",
    ),
)


@dataclass(frozen=True, slots=True)
class Lesson:
    """Rows float64[n, F] to learn from, or to look at while learning, with their labels and weights."""

    rows: Floats
    labels: Floats
    weights: Floats

    def first(self, count: int) -> Lesson:
        """Up to `count` rows from the first on."""
        return Lesson(self.rows[:count], self.labels[:count], self.weights[:count])


@dataclass(frozen=True, slots=True)
class Training:
    """What a boosted kind learns from; `categorical` are the positions of features that are categories."""

    learned: Lesson
    held: Lesson | None
    categorical: tuple[int, ...]


def read_training(
    X: Floats, labels: object, holdout: Holdout | None, seed: int, settings: Settings, *, limit: float
) -> Training:
    """What `fit` was given, checked; values beyond `limit` count as it, labels have their weights.

    Raises
    ------
    ParameterInvalid, DataInvalid
        With every fault of the rows, the labels and the holdout.
    """
    check_seed(seed)
    check_training_matrix(X, most_features=MOST_FEATURES)
    categorical = _positions(str(settings["categorical"]), X.shape[1])
    known = check_labels(labels, X.shape[0])
    rows = _numbers(X, limit, "X")
    faults = _category_faults(rows, categorical)
    if holdout is not None:
        faults += _holdout_faults(holdout, X.shape[1])
    if faults:
        raise DataInvalid(faults)
    weight = float(settings["scale_pos_weight"]) or float((known == 0).sum() / (known == 1).sum())
    learned = Lesson(rows, known, np.where(known == 1, weight, 1.0))
    if holdout is None:
        return Training(learned, None, categorical)
    later, marks = _numbers(holdout[0], limit, "holdout"), np.asarray(holdout[1], np.float64)
    return Training(learned, Lesson(later, marks, np.where(marks == 1, weight, 1.0)), categorical)


def _numbers(X: Floats, limit: float, where: str) -> Floats:
    try:
        return np.clip(np.asarray(X, np.float64), -limit, limit)
    except (TypeError, ValueError) as cause:
        raise DataInvalid(Fault(where, "numbers", show(X.dtype))) from cause


def _positions(text: str, width: int) -> tuple[int, ...]:
    """The positions that `categorical` lists, rising."""
    words = [word.strip() for word in text.split(",")] if text.strip() else []
    numbers = [int(word) for word in words if word.isascii() and word.isdecimal() and len(word) < 10]
    if len(numbers) < len(words) or len(set(numbers)) < len(words) or any(at >= width for at in numbers):
        expected = f"different positions from 0 to {width - 1} with commas between them"
        raise ParameterInvalid(Fault("categorical", expected, show(text)))
    return tuple(sorted(numbers))


def _category_faults(rows: Floats, categorical: Sequence[int]) -> list[Fault]:
    faults = []
    for at in categorical:
        known = rows[:, at][~np.isnan(rows[:, at])]
        unfit = known[(known < 0) | (known >= MOST_CATEGORIES) | (known != np.floor(known))]
        if unfit.size:
            expected = f"categories: whole numbers from 0 to {MOST_CATEGORIES - 1}, NaN for missing"
            hint = (
                "encode more of them by their frequency or target" if unfit.max() >= MOST_CATEGORIES else ""
            )
            faults.append(Fault(f"X[:, {at}]", expected, f"{unfit[0]:g}", hint))
    return faults


def _holdout_faults(holdout: Holdout, width: int) -> list[Fault]:
    rows, labels = holdout
    if np.ndim(rows) != 2 or np.shape(rows)[1] != width or not np.shape(rows)[0]:
        return [Fault("holdout", f"rows of {width} features, at least one row", f"shape {np.shape(rows)}")]
    if np.shape(labels) != np.shape(rows)[:1] or not np.isin(labels, (0.0, 1.0)).all():
        return [Fault("holdout", f"{len(rows)} labels, each 0 or 1", f"shape {np.shape(labels)}")]
    return []


class Grown(NamedTuple):
    """One tree with its nodes as a library numbers them, the root first.

    `left` and `right` are the children of inner nodes, negative at leaves; `codes` are the categories that a
    node sends left, by node. All else is what `Trees` and `Branches` have of the same name.
    """

    left: npt.NDArray[Any]
    right: npt.NDArray[Any]
    feature: npt.NDArray[Any]
    threshold: npt.NDArray[Any]
    missing_left: npt.NDArray[Any]
    zero_missing: npt.NDArray[Any]
    value: npt.NDArray[Any]
    cover: npt.NDArray[Any]
    codes: Mapping[int, npt.NDArray[Any]]


def join_trees(
    grown: Sequence[Grown],
    width: int,
    threshold_type: type[np.floating[Any]],
    value_type: type[np.floating[Any]],
) -> Trees:
    """The trees of a library in our layout."""
    orders = [level_order(tree.left, tree.right) for tree in grown]
    found = list(zip(grown, orders, strict=True))
    column = {
        name: np.concatenate([getattr(tree, name)[order] for tree, order in found])
        for name in Grown._fields
        if name != "codes"
    }
    leaf = column["left"] < 0
    listed = [tree.codes.get(int(node), _NO_CODES) for tree, order in found for node in order]
    branches = Branches(
        np.where(leaf, 0, column["zero_missing"]).astype(np.uint8),
        np.cumsum([0, *(codes.size for codes in listed)], dtype=np.int64),
        np.concatenate(listed),
    )
    return Trees(
        width,
        np.where(leaf, LEAF, column["feature"]).astype(np.int32),
        np.where(leaf | branches.by_code, 0, column["threshold"]).astype(threshold_type),
        np.where(leaf, 0, column["missing_left"]).astype(np.uint8),
        np.where(leaf, column["value"], 0).astype(value_type),
        column["cover"].astype(np.float64),
        np.cumsum([0, *(order.size for order in orders)], dtype=np.int64),
        branches if branches.code.size or branches.zero_missing.any() else None,
    )


_NO_CODES = np.zeros(0, np.int32)


def scores_as(model: BoostedTrees, rows: Floats, expected: npt.NDArray[Any]) -> bool:
    """Whether the first of the rows score as expected, to the last bit."""
    return np.array_equal(model.score_many(rows[: expected.size]), expected.astype(np.float64))


def check_against(model: BoostedTrees, rows: Floats, expected: npt.NDArray[Any]) -> None:
    """Refuse trees that do not score the first rows as the library that grew them did.

    Raises
    ------
    BundleInvalid
        A version of the library that decides or adds up in another way than those known here.
    """
    if not scores_as(model, rows, expected):
        raise BundleInvalid(f"{model.kind}: the installed library does not score as its trees say.")
