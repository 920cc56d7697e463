"""The logistic regression equals scikit-learn's, takes raw features, and its parts add up to the log-odds."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression as Learner
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from riskloom.detectors import logistic_regression
from riskloom.detectors.checks import edges, marks, sample
from riskloom.detectors.logistic_regression import LogisticRegression
from riskloom.errors import BundleInvalid, DataInvalid, ExtraMissing, ParameterInvalid


@pytest.fixture(scope="module")
def model() -> LogisticRegression:
    X = sample(1)
    return LogisticRegression.fit(X, seed=3, labels=marks(X))


def odds(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features of very different sizes, and labels that depend on some of them by chance."""
    chance = np.random.default_rng(seed)
    X = chance.normal(size=(rows, 12)) * np.logspace(-6, 6, 12) + np.linspace(-5, 5, 12)
    z = (X[:, 2] - X[:, 2].mean()) / X[:, 2].std() - (X[:, 9] - X[:, 9].mean()) / X[:, 9].std()
    return X, (chance.random(rows) < 1 / (1 + np.exp(3 - 2 * z))).astype(np.float64)


@pytest.mark.parametrize("settings", [{}, {"C": 0.01}, {"C": 1e4, "class_weight": "balanced"}])
def test_it_equals_scikit_learn_on_the_prepared_rows(
    settings: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    X, labels = odds(2_000, 2)
    X[::7, 2] = np.nan
    X[3, 9] = np.inf
    fitted: list[Learner] = []
    keep = lambda **given: fitted.append(Learner(**given)) or fitted[-1]  # noqa: E731 - a stand-in
    monkeypatch.setattr("sklearn.linear_model.LogisticRegression", keep)
    ours = LogisticRegression.fit(X, seed=5, parameters=settings, labels=labels)

    rows = np.vstack([X, edges(X), X[:50] * 3])
    theirs = fitted[0].decision_function(ours.standard.apply(rows))
    assert np.abs(ours.score_many(rows) - theirs).max() <= 1e-9


@pytest.mark.parametrize("settings", [{}, {"C": 0.01}, {"C": 1e4, "class_weight": "balanced"}])
def test_it_has_found_the_optimum_that_scikit_learn_s_other_solver_finds(settings: dict[str, object]) -> None:
    X, labels = odds(2_000, 2)
    X[::7, 2] = np.nan
    ours = LogisticRegression.fit(X, seed=5, parameters=settings, labels=labels)
    balanced = "balanced" if settings.get("class_weight") == "balanced" else None
    theirs = Learner(C=settings.get("C", 1.0), class_weight=balanced, tol=1e-10, max_iter=10_000)
    theirs.fit(ours.standard.apply(X), labels)

    assert np.abs(ours.score_many(X) - theirs.decision_function(ours.standard.apply(X))).max() <= 1e-6


def test_on_ordinary_rows_it_is_the_usual_scaler_and_regression() -> None:
    X, labels = odds(1_000, 3)
    theirs = make_pipeline(StandardScaler(), Learner(tol=1e-10, max_iter=10_000)).fit(X, labels)

    ours = LogisticRegression.fit(X, seed=5, labels=labels)

    assert np.abs(ours.score_many(X) - theirs.decision_function(X)).max() <= 1e-6


def test_many_features_are_learned_too(monkeypatch: pytest.MonkeyPatch) -> None:
    X, labels = odds(1_000, 4)
    few = LogisticRegression.fit(X, seed=0, labels=labels)
    monkeypatch.setattr(logistic_regression, "_MOST_NEWTON", 3)

    many = LogisticRegression.fit(X, seed=0, labels=labels)

    assert not np.array_equal(many.weight, few.weight)
    assert np.abs(many.score_many(X) - few.score_many(X)).max() <= 1e-5


def test_the_parts_add_up_to_the_score(model: LogisticRegression) -> None:
    for x in edges(sample(1)):
        base, parts = model.contributions_one(x)
        assert base == model.intercept
        assert base + parts.sum() == pytest.approx(model.score_one(x), rel=1e-12, abs=1e-12)


def test_a_part_is_the_weight_times_what_lies_above_the_mean(model: LogisticRegression) -> None:
    x = sample(1)[7]

    assert np.allclose(model.contributions_one(x)[1], model.weight * (x - sample(1).mean(axis=0)), atol=1e-12)
    assert not model.contributions_one(model.standard.center)[1].any()


def test_a_gap_is_the_median_of_training_and_zero_where_there_was_nothing() -> None:
    X = sample(3)
    X[::3, 0] = np.nan
    X[:, 4] = np.nan
    model = LogisticRegression.fit(X, seed=0, labels=marks(X))
    gap, filled = X[1].copy(), X[1].copy()
    gap[[0, 4]] = np.nan
    filled[[0, 4]] = np.nanmedian(X[:, 0]), 0.0

    assert model.score_one(gap) == model.score_one(filled)


def test_one_wild_training_value_does_not_spoil_a_feature() -> None:
    X, labels = odds(2_000, 5)
    clean = LogisticRegression.fit(X, seed=0, labels=labels)
    X[0, 2], X[1, 9] = 1e300, -np.inf

    wild = LogisticRegression.fit(X, seed=0, labels=labels)

    assert np.allclose(wild.weight[[2, 9]], clean.weight[[2, 9]], rtol=0.25)


def test_balanced_odds_are_those_of_as_many_frauds_as_honest_rows() -> None:
    X, labels = odds(4_000, 6)

    plain, balanced = (
        LogisticRegression.fit(X, seed=0, labels=labels, parameters={"class_weight": name})
        for name in ("none", "balanced")
    )

    shift = np.log((labels == 0).sum() / (labels == 1).sum())
    assert np.median(balanced.score_many(X) - plain.score_many(X)) == pytest.approx(shift, abs=0.5)


def test_a_stronger_penalty_shrinks_the_weights() -> None:
    X, labels = odds(1_000, 7)

    loose, tight = (
        LogisticRegression.fit(X, seed=0, labels=labels, parameters={"C": C}) for C in (1.0, 1e-4)
    )

    assert np.abs(tight.weight * tight.standard.scale).max() < 0.2 < np.abs(loose.weight[2] * X[:, 2].std())


def test_nothing_is_left_to_the_seed() -> None:
    X, labels = odds(500, 8)

    one, other = (LogisticRegression.fit(X, seed=seed, labels=labels) for seed in (0, 1))

    assert np.array_equal(one.weight, other.weight)


def test_rows_that_a_line_divides_are_learned_without_a_warning() -> None:
    X = np.random.default_rng(0).normal(size=(200, 3))
    labels = (X[:, 0] > 0).astype(np.float64)

    model = LogisticRegression.fit(np.hstack([X, X]), seed=0, labels=labels, parameters={"C": 1e6})

    scores = model.score_many(np.hstack([X, X]))
    assert scores[labels == 1].min() > 0 > scores[labels == 0].max()


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (None, "500 labels"),
        (np.zeros(499), "500 labels"),
        (np.full(500, 0.5), "each 0 or 1"),
        (np.zeros(500), "both frauds and honest"),
    ],
)
def test_labels_that_teach_nothing_are_refused(labels: np.ndarray | None, words: str) -> None:
    with pytest.raises(DataInvalid, match=words):
        LogisticRegression.fit(sample(1), seed=1, labels=labels)


@pytest.mark.parametrize("X", [np.zeros((0, 3)), np.zeros(3), [[1.0]], np.array([["a"], ["b"]])])
def test_what_cannot_be_learned_from_is_refused(X: object) -> None:
    with pytest.raises(DataInvalid):
        LogisticRegression.fit(X, seed=1, labels=np.array([0.0, 1.0]))


@pytest.mark.parametrize("parameters", [{"C": 0}, {"C": 1e9}, {"class_weight": "auto"}, {"penalty": "l1"}])
def test_parameters_out_of_range_are_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(ParameterInvalid, match=next(iter(parameters))):
        LogisticRegression.fit(sample(1), seed=1, labels=marks(sample(1)), parameters=parameters)


def test_progress_begins_and_ends() -> None:
    told: list[tuple[int, int]] = []

    LogisticRegression.fit(
        sample(1), seed=1, labels=marks(sample(1)), progress=lambda *step: told.append(step)
    )

    assert told == [(0, 1), (1, 1)]


def test_without_scikit_learn_fitting_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)

    with pytest.raises(ExtraMissing, match=r"riskloom\[train\]"):
        LogisticRegression.fit(sample(1), seed=1, labels=marks(sample(1)))


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("intercept", np.array([np.nan])),
        ("intercept", np.array([1.0, 1.0])),
        ("weight", np.zeros(5)),
        ("weight", np.zeros((6, 1))),
        ("weight", np.full(6, 1e201)),
        ("weight", np.full(6, np.nan)),
        ("weight", None),
        ("fill", np.zeros(0)),
        ("center", np.full(6, np.inf)),
        ("lower", np.full(6, 1e30)),
        ("scale", np.zeros(6)),
        ("scale", np.ones(6, np.float32)),
        ("surplus", np.zeros(1)),
    ],
)
def test_foreign_arrays_are_refused(model: LogisticRegression, name: str, broken: np.ndarray | None) -> None:
    arrays = model.arrays()
    if broken is None:
        del arrays[name]
    else:
        arrays[name] = broken

    with pytest.raises(BundleInvalid, match=r"^logistic_regression"):
        LogisticRegression.from_arrays(arrays)


def test_arrays_at_their_limits_still_score_finitely(model: LogisticRegression) -> None:
    limit = float(np.finfo(np.float32).max)
    arrays = model.arrays() | {
        "weight": np.full(6, 1e200),
        "center": np.full(6, -limit),
        "lower": np.full(6, -limit),
        "upper": np.full(6, limit),
        "intercept": np.array([1e200]),
    }

    assert np.isfinite(LogisticRegression.from_arrays(arrays).score_many(edges(sample(1)))).all()
