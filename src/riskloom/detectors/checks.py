"""The public laws of detectors: `check_detector(kind)` raises AssertionError at the first one broken.

A new kind is done when it keeps them; a test calls this for each kind there is.
"""

from __future__ import annotations

import numpy as np

from riskloom.detectors import load
from riskloom.detectors.base import Detector, Floats
from riskloom.errors import DataInvalid
from riskloom.params import defaults, validate


def check_detector(kind: str, *, seed: int = 0) -> None:
    """Hold one kind against every law, on small data made from `seed`."""
    detector = load(kind)
    _require(detector.kind == kind, "the class is named after its kind")
    given = defaults(detector.PARAMETERS)
    _require(validate(given, detector.PARAMETERS) == given, "every default is an allowed value")
    X = sample(seed)
    model = detector.fit(X, seed=seed, labels=marks(X))
    _require(model.width == X.shape[1], "a model knows its width")
    one_and_many_agree(model, edges(X))
    same_seed_same_model(detector, X, seed)
    arrays_round_trip(model, edges(X))
    (frauds_score_higher if detector.SUPERVISED else outliers_score_higher)(model, X)
    missing_values_have_a_score(detector, X, seed)
    small_data_is_learned(detector, seed)


def one_and_many_agree(model: Detector, X: Floats) -> None:
    """`score_many` gives the bits of `score_one`, whatever rows stand beside, in whatever memory layout."""
    one = np.array([model.score_one(x) for x in X], np.float64)
    _require(_same(one, model.score_many(X)), "one and many agree bit for bit")
    _require(_same(one, model.score_many(np.asfortranarray(X))), "the memory layout does not matter")
    _require(_same(one[::-1], model.score_many(X[::-1])), "the order of rows does not matter")
    _require(_same(one[1:], model.score_many(X[1:])), "rows do not influence one another")
    _require(model.score_many(X[:0]).shape == (0,), "no rows have no scores")


def same_seed_same_model(detector: type[Detector], X: Floats, seed: int) -> None:
    """The same rows and seed give the same arrays, another seed (where chance plays) may not."""
    first, second = (detector.fit(X, seed=seed, labels=marks(X)).arrays() for _ in range(2))
    _require(first.keys() == second.keys(), "a model has the same arrays each time")
    _require(all(_same(first[name], second[name]) for name in first), "the same seed gives the same model")


def arrays_round_trip(model: Detector, X: Floats) -> None:
    """A model made from its arrays has the same arrays and scores; the arrays are plain."""
    arrays = model.arrays()
    _require(all(not array.dtype.hasobject for array in arrays.values()), "arrays hold no objects")
    again = type(model).from_arrays({name: array.copy() for name, array in arrays.items()})
    _require(_same(again.score_many(X), model.score_many(X)), "arrays round trip keeps the scores")
    _require(all(_same(array, arrays[name]) for name, array in again.arrays().items()), "arrays round trip")


def outliers_score_higher(model: Detector, X: Floats) -> None:
    """Higher is more suspicious: rows far from all others score above 95 % of the training rows."""
    usual = np.quantile(model.score_many(X), 0.95)
    far = np.nanmax(np.abs(X)) * np.array([[3.0], [-3.0]]) * np.ones(X.shape[1])
    _require(bool((model.score_many(far) > usual).all()), "higher is more suspicious")


def frauds_score_higher(model: Detector, X: Floats) -> None:
    """A supervised kind ranks the frauds it learned from above the honest rows, and says so by its sign."""
    scores, labels = model.score_many(X), marks(X)
    pairs = scores[labels == 1][:, None] - scores[labels == 0]
    _require(bool((np.sign(pairs).mean() + 1) / 2 > 0.8), "higher is more suspicious")


def missing_values_have_a_score(detector: type[Detector], X: Floats, seed: int) -> None:
    """Whether or not training saw missing values, a row with them (all of them even) has a finite score."""
    gaps = np.where(np.random.default_rng(seed).random(X.shape) < 0.3, np.nan, X)
    gaps[:, 0] = np.nan
    for rows in (X, gaps):
        model = detector.fit(rows, seed=seed, labels=marks(rows))
        _require(bool(np.isfinite(model.score_many(edges(gaps))).all()), "missing values have a finite score")
        one_and_many_agree(model, edges(gaps))


def small_data_is_learned(detector: type[Detector], seed: int) -> None:
    """One row, two rows, one feature and constant columns are learned, and score finitely."""
    for rows in (np.zeros((1, 1)), np.zeros((1, 4)), np.array([[0.0], [1.0]]), np.full((50, 3), 7.0)):
        if detector.SUPERVISED and len(rows) == 1:
            _refused(detector, rows, seed)
            continue
        model = detector.fit(rows, seed=seed, labels=marks(rows))
        _require(bool(np.isfinite(model.score_many(edges(rows))).all()), "small data is learned")
        one_and_many_agree(model, edges(rows))


def _refused(detector: type[Detector], rows: Floats, seed: int) -> None:
    """One kind of label teaches a supervised kind nothing, and it says so."""
    try:
        detector.fit(rows, seed=seed, labels=marks(rows))
    except DataInvalid:
        return
    raise AssertionError("law broken: labels that are all alike are refused")


def sample(seed: int, rows: int = 500, width: int = 6) -> Floats:
    """Ordinary rows: a bell, a long tail, counts, flags, a constant and a copy."""
    chance = np.random.default_rng(seed)
    X = chance.normal(size=(rows, width))
    X[:, 1] = np.exp(X[:, 1])
    X[:, 2] = chance.poisson(3, rows)
    X[:, 3] = chance.random(rows) < 0.1
    X[:, 4] = 5.0
    X[:, 5] = X[:, 0]
    return X


def marks(X: Floats) -> Floats:
    """Labels for rows: the tenth that lies farthest out is fraud, at least one row, at most all but one."""
    far = np.nan_to_num(np.abs(X), nan=0.0).sum(axis=1)
    count = max(1, len(X) // 10)
    labels = np.zeros(len(X))
    labels[np.argsort(-far, kind="stable")[:count]] = 1.0
    return labels


def edges(X: Floats) -> Floats:
    """Some rows of X, and rows of every awkward value."""
    awkward = (0.0, -0.0, np.nan, np.inf, -np.inf, 1e-320, 1e300, -1e300, np.finfo(np.float32).max, 2.0**46)
    return np.vstack([X[:40], *(np.full(X.shape[1], value) for value in awkward)])


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal to the last bit."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def _require(kept: bool, law: str) -> None:
    if not kept:
        raise AssertionError(f"law broken: {law}")
