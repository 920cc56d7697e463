"""The one-class SVM equals scikit-learn's, exact and by Nystroem, and refuses what is foreign or unfit."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import SGDOneClassSVM
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from riskloom.detectors.checks import edges, one_and_many_agree, outliers_score_higher, sample
from riskloom.detectors.one_class_svm import EXACT_ROWS, OneClassSvm
from riskloom.errors import BundleInvalid, DataInvalid, ExtraMissing, ParameterInvalid

NYSTROEM = {"approximation": "nystroem", "components": 64}
FINITE = slice(0, 42)
"""Those of the rows of `edges` that scikit-learn takes."""


@pytest.fixture(scope="module")
def machine() -> OneClassSvm:
    return OneClassSvm.fit(sample(1), seed=3)


def wide_sample(rows: int, seed: int) -> np.ndarray:
    chance = np.random.default_rng(seed)
    X = chance.normal(size=(rows, 30)) * np.logspace(-6, 6, 30)
    X[:, 10:20] = np.exp(2 * X[:, 10:20] / np.logspace(-6, 6, 30)[10:20])
    X[:, 20:] = np.round(X[:, 20:], 1)
    return X


@pytest.mark.parametrize("settings", [{}, {"nu": 0.05, "gamma": 3.0}, {"scaling": "none", "gamma": 0.1}])
def test_exact_equals_scikit_learn(settings: dict[str, float]) -> None:
    X = sample(2) if "scaling" in settings else wide_sample(1_200, 2)
    svm = OneClassSVM(nu=settings.get("nu", 0.5), gamma=settings.get("gamma", 1.0) / X.shape[1])
    theirs = (svm if "scaling" in settings else make_pipeline(StandardScaler(), svm)).fit(X)

    ours = OneClassSvm.fit(X, seed=5, parameters={"approximation": "exact", **settings})

    rows = np.vstack([X, edges(X)[FINITE], X[:50] * 3])
    assert np.abs(ours.score_many(rows) + theirs.decision_function(rows)).max() <= 1e-6


@pytest.mark.parametrize("settings", [{}, {"nu": 0.05, "gamma": 3.0, "components": 200}, {"components": 1}])
def test_nystroem_equals_scikit_learns_map_and_plane(
    settings: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    X = wide_sample(3_000, 3)
    fitted: list[Nystroem | SGDOneClassSVM] = []

    def keep(kind: type) -> object:
        return lambda **given: fitted.append(kind(**given)) or fitted[-1]

    monkeypatch.setattr("sklearn.kernel_approximation.Nystroem", keep(Nystroem))
    monkeypatch.setattr("sklearn.linear_model.SGDOneClassSVM", keep(SGDOneClassSVM))
    ours = OneClassSvm.fit(X, seed=5, parameters={"approximation": "nystroem", **settings})
    kernel, plane = fitted

    rows = np.vstack([X, edges(X)[FINITE], X[:50] * 3])
    scaled = StandardScaler().fit(X).transform(rows)
    assert ours.weight.size == settings.get("components", 256)
    assert np.abs(ours.score_many(rows) + plane.decision_function(kernel.transform(scaled))).max() <= 1e-6


def test_nystroem_ranks_as_exact_does() -> None:
    X = wide_sample(1_500, 4)
    exact, near = (
        OneClassSvm.fit(X, seed=1, parameters={"approximation": name}) for name in ("exact", "nystroem")
    )

    ranks = [np.argsort(np.argsort(model.score_many(X))) for model in (exact, near)]

    assert np.corrcoef(*ranks)[0, 1] > 0.98


def test_nystroem_keeps_the_laws_too() -> None:
    X = sample(0)
    model = OneClassSvm.fit(X, seed=0, parameters=NYSTROEM)
    again = OneClassSvm.fit(X, seed=0, parameters=NYSTROEM)
    other = OneClassSvm.fit(X, seed=1, parameters=NYSTROEM)

    one_and_many_agree(model, edges(X))
    outliers_score_higher(model, X)
    assert all(np.array_equal(array, again.arrays()[name]) for name, array in model.arrays().items())
    assert not np.array_equal(model.weight, other.weight)
    copy = OneClassSvm.from_arrays(model.arrays())
    assert np.array_equal(copy.score_many(edges(X)), model.score_many(edges(X)))


def test_few_and_equal_rows_are_learned_by_nystroem() -> None:
    for X in (np.zeros((1, 1)), np.array([[0.0], [1.0]]), np.full((50, 3), 7.0)):
        model = OneClassSvm.fit(X, seed=0, parameters=NYSTROEM)
        assert np.isfinite(model.score_many(edges(X))).all()


def test_auto_is_exact_up_to_its_limit() -> None:
    X = np.random.default_rng(0).normal(size=(EXACT_ROWS + 1, 2))
    few = {"nu": 0.05}

    assert OneClassSvm.fit(X[:-1], seed=0, parameters=few).weight.size != 256
    assert OneClassSvm.fit(X, seed=0, parameters=few).weight.size == 256


def test_exact_on_too_many_rows_is_refused_and_says_what_to_do() -> None:
    with pytest.raises(DataInvalid, match="use approximation 'nystroem'"):
        OneClassSvm.fit(np.zeros((50_001, 1)), seed=0, parameters={"approximation": "exact"})


def test_a_gap_is_the_median_of_training_and_zero_where_there_was_nothing() -> None:
    X = sample(3)
    X[::3, 0] = np.nan
    X[:, 4] = np.nan
    model = OneClassSvm.fit(X, seed=0)
    row = X[1].copy()

    assert model.fill[0] == np.nanmedian(X[:, 0])
    assert model.fill[4] == 0.0
    row[[0, 4]] = np.nan
    filled = row.copy()
    filled[[0, 4]] = np.nanmedian(X[:, 0]), 0.0
    assert model.score_one(row) == model.score_one(filled)


@pytest.mark.parametrize("approximation", ["exact", "nystroem"])
def test_values_beyond_float32_are_the_largest_of_it(approximation: str) -> None:
    X = sample(2)
    X[:50, 0] = 1e300
    X[50:99, 1] = -np.inf
    limit = float(np.finfo(np.float32).max)

    wide, narrow = (
        OneClassSvm.fit(rows, seed=1, parameters={"approximation": approximation})
        for rows in (X, np.clip(X, -limit, limit))
    )

    assert np.array_equal(wide.score_many(X), narrow.score_many(np.clip(X, -limit, limit)))
    assert np.isfinite(wide.score_many(X)).all()


def test_far_from_everything_the_score_is_the_offset(machine: OneClassSvm) -> None:
    far = machine.score_many(np.full((2, 6), [[1e9], [-np.inf]]))

    assert far.tolist() == [machine.offset, machine.offset]
    assert machine.score_many(sample(1)).max() <= machine.offset


@pytest.mark.parametrize("width", [0, 5, 7])
def test_a_row_of_another_width_is_refused(machine: OneClassSvm, width: int) -> None:
    with pytest.raises(DataInvalid, match="a vector of 6 features"):
        machine.score_one(np.zeros(width))
    with pytest.raises(DataInvalid, match="rows of 6 features"):
        machine.score_many(np.zeros((3, width)))


@pytest.mark.parametrize(
    "X", [np.zeros((0, 3)), np.zeros((3, 0)), np.zeros(3), [[1.0]], np.array([["a"]]), np.zeros((1, 40_000))]
)
def test_what_cannot_be_learned_from_is_refused(X: object) -> None:
    with pytest.raises(DataInvalid):
        OneClassSvm.fit(X, seed=1)


@pytest.mark.parametrize(
    "parameters", [{"nu": 0}, {"nu": 1.5}, {"gamma": 0}, {"approximation": "nystrom"}, {"kernel": "rbf"}]
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(ParameterInvalid, match=next(iter(parameters))):
        OneClassSvm.fit(sample(1), seed=1, parameters=parameters)


def test_what_is_no_seed_is_refused() -> None:
    with pytest.raises(ParameterInvalid, match="seed"):
        OneClassSvm.fit(sample(1), seed=-1)


@pytest.mark.parametrize("parameters", [{}, NYSTROEM])
def test_progress_rises_to_the_end(parameters: dict[str, object]) -> None:
    told: list[tuple[int, int]] = []

    OneClassSvm.fit(sample(1), seed=1, parameters=parameters, progress=lambda *step: told.append(step))

    assert told[0][0] == 0
    assert told[-1][0] == told[-1][1]
    assert told == sorted(told)


def test_without_scikit_learn_fitting_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)

    with pytest.raises(ExtraMissing, match=r"riskloom\[train\]"):
        OneClassSvm.fit(sample(1), seed=1)


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("gamma", np.array([0.0])),
        ("gamma", np.array([np.nan])),
        ("gamma", np.array([np.inf])),
        ("gamma", np.array([1.0, 1.0])),
        ("offset", np.array([np.nan])),
        ("offset", np.array([np.inf])),
        ("offset", np.array([])),
        ("fill", np.zeros(5)),
        ("fill", np.zeros(0)),
        ("center", np.zeros(7)),
        ("scale", np.zeros(6)),
        ("scale", np.zeros((6, 1))),
        ("weight", np.zeros(0)),
        ("weight", np.zeros(1)),
        ("points", np.zeros(6)),
        ("points", np.zeros(12, np.float32)),
        ("weight", None),
        ("surplus", np.zeros(1)),
    ],
)
def test_foreign_arrays_are_refused(machine: OneClassSvm, name: str, broken: np.ndarray | None) -> None:
    arrays = machine.arrays()
    if broken is None:
        del arrays[name]
    else:
        arrays[name] = broken

    with pytest.raises(BundleInvalid, match=r"^one_class_svm"):
        OneClassSvm.from_arrays(arrays)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("name", ["fill", "center", "points", "weight"])
def test_one_wrong_number_is_refused(machine: OneClassSvm, name: str, value: float) -> None:
    arrays = machine.arrays()
    arrays[name] = arrays[name].copy()
    arrays[name][-1] = value

    with pytest.raises(BundleInvalid, match=f"^one_class_svm.{name}"):
        OneClassSvm.from_arrays(arrays)


@pytest.mark.parametrize("tiny", [5e-324, 1e-300, 1e300])
def test_arrays_at_their_limits_still_score_finitely(machine: OneClassSvm, tiny: float) -> None:
    arrays = machine.arrays()
    arrays |= {
        "scale": np.full(6, tiny),
        "gamma": np.array([tiny]),
        "weight": np.full(machine.weight.size, 1e15),
    }

    assert np.isfinite(OneClassSvm.from_arrays(arrays).score_many(edges(sample(1)))).all()


def test_the_arrays_of_a_model_cannot_be_changed_under_it(machine: OneClassSvm) -> None:
    given = {name: array.copy() for name, array in machine.arrays().items()}
    model = OneClassSvm.from_arrays(given)
    before = model.score_many(sample(1))
    given["points"][:] = 0

    assert np.array_equal(model.score_many(sample(1)), before)
    with pytest.raises(ValueError, match="read-only"):
        model.arrays()["points"][0] = 1
