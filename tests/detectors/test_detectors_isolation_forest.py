"""The isolation forest equals scikit-learn's and refuses foreign arrays and unfit input."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest as Grower

from riskloom.detectors import isolation_forest, tree_kernel
from riskloom.detectors.checks import edges, sample
from riskloom.detectors.isolation_forest import IsolationForest, usual_path
from riskloom.errors import BundleInvalid, DataInvalid, ExtraMissing, ParameterInvalid


@pytest.fixture(scope="module")
def forest() -> IsolationForest:
    return IsolationForest.fit(sample(1), seed=3, parameters={"trees": 20})


def wide_sample(rows: int, seed: int) -> np.ndarray:
    chance = np.random.default_rng(seed)
    X = chance.normal(size=(rows, 30))
    X[:, 10:20] = np.exp(2 * X[:, 10:20])
    X[:, 20:] = np.round(X[:, 20:], 1)
    X[chance.random(X.shape) < 0.02] = np.nan
    return X


def as_scikit_learn_scores(grower: Grower, X: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return -grower.score_samples(X.astype(np.float32))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"trees": 1},
        {"trees": 26, "max_samples": 2},
        {"trees": 60, "max_samples": 4_096},
        {"trees": 30, "max_features": 0.4},
        {"trees": 30, "max_features": 0.001, "bootstrap": True},
    ],
)
def test_it_equals_scikit_learn_grown_in_one_go(settings: dict[str, float]) -> None:
    X = wide_sample(5_000, 11)
    ours = IsolationForest.fit(X, seed=5, parameters=settings)
    theirs = Grower(
        n_estimators=settings.get("trees", 200),
        max_samples=settings.get("max_samples", 256),
        max_features=settings.get("max_features", 1.0),
        bootstrap=settings.get("bootstrap", False),
        random_state=5,
    ).fit(X)

    rows = np.vstack([X, edges(X)])
    assert np.abs(ours.score_many(rows) - as_scikit_learn_scores(theirs, rows)).max() <= 1e-12


@pytest.mark.slow
def test_it_equals_scikit_learn_on_a_million_rows() -> None:
    X = wide_sample(100_000, 0)
    ours = IsolationForest.fit(X, seed=1)
    theirs = Grower(n_estimators=200, max_samples=256, random_state=1).fit(X)

    for part in range(10):
        rows = wide_sample(100_000, part)
        assert np.abs(ours.score_many(rows) + theirs.score_samples(rows)).max() <= 1e-12


def test_values_beyond_float32_are_learned_as_the_largest() -> None:
    X = sample(2)
    X[:50, 0] = 1e300
    X[50:99, 1] = np.inf
    X[99:150, 1] = -np.inf
    limit = float(np.finfo(np.float32).max)

    wide, narrow = (
        IsolationForest.fit(rows, seed=1, parameters={"trees": 50}) for rows in (X, np.clip(X, -limit, limit))
    )

    assert np.array_equal(wide.score_many(X), narrow.score_many(X))
    assert np.isfinite(wide.score_many(X)).all()


def test_a_node_sends_missing_values_where_training_sent_them() -> None:
    chance = np.random.default_rng(0)
    X = chance.normal(size=(4_000, 2))
    usual = X.copy()
    usual[:2_000, 0] = np.nan
    row = np.array([np.nan, 0.0])

    often = IsolationForest.fit(usual, seed=0).score_one(row)
    rare = X.copy()
    rare[:5, 0] = np.nan

    assert often < IsolationForest.fit(rare, seed=0).score_one(row)


def test_none_counts_as_missing_and_any_sequence_is_a_row(forest: IsolationForest) -> None:
    row = [0.5, None, 1, True, np.nan, -2]

    assert forest.score_one(row) == forest.score_one(np.array([0.5, np.nan, 1, 1, np.nan, -2]))


def test_a_row_that_is_read_only_strided_or_narrow_scores_the_same(forest: IsolationForest) -> None:
    X = np.round(sample(4), 2).astype(np.float32)
    wide = X.astype(np.float64)
    frozen = wide.copy()
    frozen.setflags(write=False)
    spread = np.repeat(wide, 2, axis=1)[:, ::2]

    expected = forest.score_many(wide)
    for rows in (X, frozen, spread):
        assert np.array_equal(forest.score_many(rows), expected)
        assert forest.score_one(rows[3]) == expected[3]
    compiled = (len(tree_kernel.isolation_one.signatures), len(tree_kernel.isolation_rows.signatures))
    assert compiled == (1, 1), "a row in another layout must not make a live server compile"


@pytest.mark.parametrize(
    "settings",
    [{}, {"trees": 30, "max_features": 0.4}, {"trees": 30, "max_samples": 2_000}, {"bootstrap": True}],
)
def test_the_parts_are_shap_s_of_the_mean_path_turned_round(settings: dict[str, float]) -> None:
    shap = pytest.importorskip("shap")
    X = np.nan_to_num(wide_sample(3_000, 4))
    ours = IsolationForest.fit(X, seed=5, parameters={"trees": 60} | settings)
    theirs = Grower(
        n_estimators=settings.get("trees", 60),
        max_samples=settings.get("max_samples", 256),
        max_features=settings.get("max_features", 1.0),
        bootstrap=settings.get("bootstrap", False),
        random_state=5,
    ).fit(X.astype(np.float32))
    explainer = shap.TreeExplainer(theirs)
    rows = X[:40].astype(np.float32).astype(np.float64)

    base, parts = ours.contributions_many(rows)

    assert np.abs(parts + explainer.shap_values(rows)).max() <= 1e-6
    if not settings.get("bootstrap"):  # there shap's base and parts weigh rows drawn twice in two ways
        assert base == pytest.approx(-float(np.ravel(explainer.expected_value)[0]), abs=1e-6)


def test_base_and_parts_make_a_rising_function_of_the_score() -> None:
    X = wide_sample(2_000, 6)
    forest = IsolationForest.fit(X, seed=1, parameters={"trees": 40})

    base, parts = forest.contributions_many(X)

    mean_path = -(base + parts.sum(axis=1))
    assert np.allclose(2 ** (-mean_path * 40 / forest.normaliser), forest.score_many(X), rtol=1e-12)
    one = forest.contributions_one(X[7])
    assert one[0] == base
    assert np.array_equal(one[1], parts[7])


def test_what_stands_out_in_one_feature_is_explained_by_it() -> None:
    row = np.zeros(6)
    row[2] = 40.0
    forest = IsolationForest.fit(np.random.default_rng(0).normal(size=(2_000, 6)), seed=1)

    _, parts = forest.contributions_one(row)

    assert parts.argmax() == 2
    assert parts[2] > 3 * np.abs(np.delete(parts, 2)).max()


@pytest.mark.parametrize("width", [0, 5, 7])
def test_a_row_of_another_width_is_refused(forest: IsolationForest, width: int) -> None:
    with pytest.raises(DataInvalid, match="a vector of 6 features"):
        forest.score_one(np.zeros(width))
    with pytest.raises(DataInvalid, match="rows of 6 features"):
        forest.score_many(np.zeros((3, width)))
    with pytest.raises(DataInvalid, match="a vector of 6 features"):
        forest.contributions_one(np.zeros(width))


def test_a_matrix_is_no_row_and_a_row_is_no_matrix(forest: IsolationForest) -> None:
    with pytest.raises(DataInvalid):
        forest.score_one(np.zeros((1, 6)))
    with pytest.raises(DataInvalid):
        forest.score_many(np.zeros(6))


@pytest.mark.parametrize(
    "X", [np.zeros((0, 3)), np.zeros((3, 0)), np.zeros(3), [[1.0]], np.array([["a"]]), np.zeros((1, 40_000))]
)
def test_what_cannot_be_learned_from_is_refused(X: object) -> None:
    with pytest.raises(DataInvalid):
        IsolationForest.fit(X, seed=1)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, True, None])
def test_what_is_no_seed_is_refused(seed: object) -> None:
    with pytest.raises(ParameterInvalid, match="seed"):
        IsolationForest.fit(sample(1), seed=seed)


def test_an_unknown_parameter_is_refused_before_anything_is_grown() -> None:
    with pytest.raises(ParameterInvalid, match="did you mean 'trees'"):
        IsolationForest.fit(sample(1), seed=1, parameters={"tree": 10})


def test_progress_counts_up_to_all_trees() -> None:
    told: list[tuple[int, int]] = []

    IsolationForest.fit(sample(1), seed=1, parameters={"trees": 60}, progress=lambda *step: told.append(step))

    assert told == [(0, 60), (25, 60), (50, 60), (60, 60)]


def test_without_scikit_learn_fitting_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)

    with pytest.raises(ExtraMissing, match=r"riskloom\[train\]"):
        IsolationForest.fit(sample(1), seed=1)


def test_scoring_never_imports_scikit_learn() -> None:
    script = (
        "import sys; from riskloom.detectors import isolation_forest as f; f.warm_up();"
        "assert not [m for m in sys.modules if m.split('.')[0] in ('sklearn', 'joblib', 'pandas')]"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False, capture_output=True).stderr == b""


def test_warming_up_says_what_it_does() -> None:
    told: list[str] = []

    isolation_forest.warm_up(told.append)

    assert told == ["compiling the scoring of trees"]


def test_the_usual_path_is_the_papers() -> None:
    harmonic = np.cumsum(1 / np.arange(1, 256))

    assert usual_path(np.array([0, 1, 2])).tolist() == [0.0, 0.0, 1.0]
    assert usual_path(np.array([256]))[0] == pytest.approx(2 * harmonic[254] - 2 * 255 / 256, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("normaliser", np.array([np.nan])),
        ("normaliser", np.array([-1.0])),
        ("normaliser", np.array([np.inf])),
        ("normaliser", np.array([1.0, 1.0])),
        ("width", np.array([0])),
        ("width", np.array([5])),
        ("width", np.array([2**40])),
        ("width", np.array([], np.int64)),
        ("value", None),
        ("surplus", np.zeros(1)),
    ],
)
def test_foreign_arrays_are_refused(forest: IsolationForest, name: str, broken: np.ndarray | None) -> None:
    arrays = forest.arrays()
    if broken is None:
        del arrays[name]
    else:
        arrays[name] = broken

    with pytest.raises(BundleInvalid, match=r"^(isolation_forest|trees)"):
        IsolationForest.from_arrays(arrays)


@pytest.mark.parametrize("value", [-0.5, 1_001.0, np.nan, np.inf])
def test_a_leaf_that_is_no_path_length_is_refused(forest: IsolationForest, value: float) -> None:
    arrays = forest.arrays()
    arrays["value"] = arrays["value"].copy()
    arrays["value"][-1] = value

    with pytest.raises(BundleInvalid, match="value"):
        IsolationForest.from_arrays(arrays)


def test_the_arrays_of_a_model_cannot_be_changed_under_it(forest: IsolationForest) -> None:
    given = {name: array.copy() for name, array in forest.arrays().items()}
    model = IsolationForest.from_arrays(given)
    before = model.score_many(sample(1))
    given["threshold"][:] = 0

    assert np.array_equal(model.score_many(sample(1)), before)
    with pytest.raises(ValueError, match="read-only"):
        model.arrays()["threshold"][0] = 1
