"""What both boosted kinds promise: no library to serve, checked input and arrays, and a guard that works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from riskloom import detectors
from riskloom.detectors import boosting_guard, tree_contributions, tree_kernel
from riskloom.detectors.boosting import LARGEST_MARGIN, BoostedTrees
from riskloom.detectors.boosting_fit import MOST_CATEGORIES, read_training
from riskloom.detectors.boosting_guard import fit_guarded, judge
from riskloom.detectors.checks import edges, one_and_many_agree, sample
from riskloom.detectors.lightgbm import Lightgbm
from riskloom.detectors.xgboost import Xgboost
from riskloom.errors import BundleInvalid, DataInvalid, ExtraMissing, ParameterInvalid
from riskloom.params import validate
from support.boosted import CATEGORIES, WIDTH, lessons

KINDS = pytest.mark.parametrize("kind", [Xgboost, Lightgbm])
SMALL = {"trees": 20, "categorical": CATEGORIES}
TRAP = {
    "min_sum_hessian_in_leaf": 1e-3,
    "reg_lambda": 0,
    "learning_rate": 0.1,
    "num_leaves": 31,
    "subsample": 1,
}
"""LightGBM's own defaults."""


@pytest.fixture(scope="module", params=[Xgboost, Lightgbm])
def model(request: pytest.FixtureRequest) -> BoostedTrees:
    X, labels = lessons(1)
    return request.param.fit(X, seed=1, labels=labels, parameters=SMALL)


HIDDEN = """
import sys
sys.modules.update(dict.fromkeys(("xgboost", "lightgbm", "sklearn", "scipy", "shap", "pandas")))
import numpy as np
from riskloom.detectors import lightgbm, load, tree_contributions, tree_kernel, xgboost
told = []
xgboost.warm_up(told.append)
lightgbm.warm_up(told.append)
assert told == ["compiling the scoring of trees"] * 2
loops = [tree_kernel.margin_one, tree_kernel.margin_rows, tree_kernel.turns_rows]
loops.append(tree_contributions._parts_rows)
compiled = [len(loop.signatures) for loop in loops]
for file in sys.argv[1:]:
    read = dict(np.load(file))
    kind, X, scores, parts = (read.pop(name) for name in ("kind", "X", "scores", "parts"))
    model = load(str(kind)).from_arrays(read)
    assert np.array_equal(model.score_many(X), scores)
    assert [model.score_one(x) for x in X[:9]] == scores[:9].tolist()
    assert np.array_equal(model.contributions_many(X[:9])[1], parts)
    assert np.array_equal(model.contributions_one(X[3])[1], parts[3])
assert [len(loop.signatures) for loop in loops] == compiled, "something was left to compile"
"""


def test_saved_models_score_the_same_where_every_library_is_hidden_and_warm_up_compiled_all(
    tmp_path: Path,
) -> None:
    X, labels = lessons(1)
    files = []
    for kind in (Xgboost, Lightgbm):
        for parameters in ({"trees": 30}, SMALL):
            model = kind.fit(X, seed=1, labels=labels, parameters=parameters)
            expected = {"X": X, "scores": model.score_many(X), "parts": model.contributions_many(X[:9])[1]}
            files.append(str(tmp_path / f"{len(files)}.npz"))
            np.savez(files[-1], allow_pickle=False, kind=kind.kind, **expected, **model.arrays())

    command = [sys.executable, "-c", HIDDEN, *files]
    assert subprocess.run(command, check=False, capture_output=True).stderr == b""


def test_one_and_many_agree_on_categories_too(model: BoostedTrees) -> None:
    one_and_many_agree(model, edges(lessons(1)[0]))
    assert model.trees.branches is not None


def test_a_model_comes_back_from_its_arrays(model: BoostedTrees) -> None:
    given = {name: array.copy() for name, array in model.arrays().items()}
    again = type(model).from_arrays(given)
    before = again.score_many(lessons(1)[0])
    given["value"][:] = 0

    assert np.array_equal(again.score_many(lessons(1)[0]), before)
    assert np.array_equal(model.score_many(lessons(1)[0]), before)
    assert all(np.array_equal(array, again.arrays()[name]) for name, array in model.arrays().items())


def test_a_row_that_is_read_only_strided_or_narrow_scores_the_same(model: BoostedTrees) -> None:
    X = np.round(np.clip(lessons(4)[0], -1e38, 1e38), 2).astype(np.float32)
    wide = X.astype(np.float64)
    frozen = wide.copy()
    frozen.setflags(write=False)
    spread = np.repeat(wide, 2, axis=1)[:, ::2]
    expected, parts = model.score_many(wide), model.contributions_many(wide[:40])[1]
    loops = (
        tree_kernel.margin_one,
        tree_kernel.margin_rows,
        tree_kernel.turns_rows,
        tree_contributions._parts_rows,
    )
    model.score_one(wide[0])
    compiled = [len(loop.signatures) for loop in loops]

    for rows in (X, frozen, spread):
        assert np.array_equal(model.score_many(rows), expected)
        assert model.score_one(rows[3]) == expected[3]
        assert np.array_equal(model.contributions_many(rows[:40])[1], parts)
        assert np.array_equal(model.contributions_one(rows[3])[1], parts[3])
    assert [len(loop.signatures) for loop in loops] == compiled, "no layout may make a live server compile"


@pytest.mark.parametrize("width", [0, WIDTH - 1, WIDTH + 1])
def test_a_row_of_another_width_is_refused(model: BoostedTrees, width: int) -> None:
    for scored in (model.score_one, model.contributions_one):
        with pytest.raises(DataInvalid, match=f"a vector of {WIDTH} features"):
            scored(np.zeros(width))
    for scored in (model.score_many, model.contributions_many):
        with pytest.raises(DataInvalid, match=f"rows of {WIDTH} features"):
            scored(np.zeros((3, width)))


@KINDS
def test_without_the_library_fitting_names_the_extra(
    kind: type[BoostedTrees], monkeypatch: pytest.MonkeyPatch
) -> None:
    X, labels = lessons(1)
    monkeypatch.setitem(sys.modules, kind.kind, None)

    with pytest.raises(ExtraMissing, match=r"riskloom\[train\]"):
        detectors.load(kind.kind).fit(X, seed=1, labels=labels)


@KINDS
def test_the_seed_decides_what_chance_does(kind: type[BoostedTrees]) -> None:
    X, labels = lessons(1)
    fit = detectors.load(kind.kind).fit
    first, again, other = (fit(X, seed=seed, labels=labels, parameters=SMALL).arrays() for seed in (1, 1, 2))

    assert all(array.tobytes() == again[name].tobytes() for name, array in first.items())
    assert not np.array_equal(first["threshold"], other["threshold"])


@KINDS
def test_frauds_count_as_many_rows_as_they_are_said_to(kind: type[BoostedTrees]) -> None:
    X, labels = lessons(1)
    labels = np.where(np.arange(len(X)) % 9 == 0, labels, 0.0)
    means = [
        float(
            kind.fit(X, seed=1, labels=labels, parameters={"scale_pos_weight": weight}).score_many(X).mean()
        )
        for weight in (1, 3, 0)
    ]

    assert means == sorted(means)
    assert means[2] > means[1] + 0.1 > means[0] + 0.2
    auto = (labels == 0).sum() / labels.sum()
    same = kind.fit(X, seed=1, labels=labels, parameters={"scale_pos_weight": auto}).score_many(X).mean()
    assert same == means[2]


@KINDS
def test_progress_rises_to_the_end_also_when_growing_stops_early(kind: type[BoostedTrees]) -> None:
    X, labels = lessons(1)
    told: list[tuple[int, int]] = []

    model = kind.fit(
        X,
        seed=1,
        labels=labels,
        holdout=lessons(2),
        parameters={"trees": 150, "learning_rate": 0.5, "early_stopping_rounds": 3},
        progress=lambda *step: told.append(step),
    )

    assert told[0] == (0, 150)
    assert told[-1] == (150, 150)
    assert told == sorted(told)
    assert len(told) - 2 == len(model.trees) + 3


@KINDS
def test_values_beyond_the_limit_are_learned_as_the_limit(kind: type[BoostedTrees]) -> None:
    X, labels = lessons(1)
    limit = 1e38 if kind is Xgboost else 1e300
    X[::7, 0], X[::5, 5], X[::3, 2] = np.inf, 1e305, -np.inf

    wide, narrow = (
        kind.fit(rows, seed=1, labels=labels, parameters={"trees": 20})
        for rows in (X, np.clip(X, -limit, limit))
    )

    assert all(np.array_equal(array, narrow.arrays()[name]) for name, array in wide.arrays().items())


@KINDS
@pytest.mark.parametrize(
    "X",
    [np.zeros((0, 3)), np.zeros((3, 0)), np.zeros(3), [[1.0]], np.array([["a"]] * 9), np.zeros((1, 20_000))],
)
def test_what_cannot_be_learned_from_is_refused(kind: type[BoostedTrees], X: Any) -> None:
    labels = np.arange(len(X)) % 2.0

    with pytest.raises(DataInvalid):
        kind.fit(X, seed=1, labels=labels)


@KINDS
@pytest.mark.parametrize(
    "labels", [None, np.zeros(500), np.ones(500), np.arange(500.0), np.zeros(499), np.full(500, np.nan)]
)
def test_labels_that_do_not_fit_are_refused(kind: type[BoostedTrees], labels: Any) -> None:
    with pytest.raises(DataInvalid, match="labels"):
        kind.fit(sample(1), seed=1, labels=labels)


@KINDS
@pytest.mark.parametrize(
    ("rows", "labels"),
    [
        (np.zeros((9, 5)), np.zeros(9)),
        (np.zeros((0, 6)), np.zeros(0)),
        (np.zeros(6), np.zeros(6)),
        (np.zeros((9, 6)), np.zeros(8)),
        (np.zeros((9, 6)), np.full(9, 2.0)),
        (np.zeros((9, 6)), np.zeros((9, 1))),
    ],
)
def test_a_holdout_that_does_not_fit_is_refused(kind: type[BoostedTrees], rows: Any, labels: Any) -> None:
    X = sample(1)

    with pytest.raises(DataInvalid, match="holdout"):
        kind.fit(X, seed=1, labels=np.arange(len(X)) % 2.0, holdout=(rows, labels))


@KINDS
def test_a_holdout_may_lack_frauds_and_have_categories_never_seen(kind: type[BoostedTrees]) -> None:
    X, labels = lessons(1)
    later = lessons(2)[0]
    later[:, 1] = np.where(
        np.arange(len(later)) % 4 == 0, [[-1.0], [5_000], [0.5]][len(later) % 3], later[:, 1]
    )

    model = kind.fit(X, seed=1, labels=labels, holdout=(later, np.zeros(len(later))), parameters=SMALL)

    assert np.isfinite(model.score_many(later)).all()


@KINDS
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trees", 0),
        ("learning_rate", 0),
        ("subsample", 1.5),
        ("colsample", 0),
        ("reg_lambda", -1),
        ("scale_pos_weight", -1),
        ("early_stopping_rounds", -1),
        ("max_depth", 0),
        ("categorical", "7"),
        ("categorical", "1, 1"),
        ("categorical", "-1"),
        ("categorical", "1;2"),
        ("categorical", ","),
        ("categorical", "9" * 5_000),
        ("categorical", "²"),
        ("booster", "dart"),
    ],
)
def test_parameters_out_of_range_are_refused(kind: type[BoostedTrees], name: str, value: object) -> None:
    X, labels = lessons(1, 50)

    with pytest.raises(ParameterInvalid, match=name):
        kind.fit(X, seed=1, labels=labels, parameters={name: value})


@KINDS
def test_what_is_no_seed_is_refused(kind: type[BoostedTrees]) -> None:
    X, labels = lessons(1, 50)

    with pytest.raises(ParameterInvalid, match="seed"):
        kind.fit(X, seed=2**32, labels=labels)


@KINDS
def test_what_is_no_category_is_refused_for_all_features_at_once(kind: type[BoostedTrees]) -> None:
    X, labels = lessons(1)
    X[5, 1], X[6, 4] = -1, MOST_CATEGORIES

    with pytest.raises(DataInvalid) as refused:
        kind.fit(X, seed=1, labels=labels, parameters={"categorical": "0,1,4"})

    assert [fault.where for fault in refused.value.faults] == ["X[:, 0]", "X[:, 1]", "X[:, 4]"]
    assert "frequency" in refused.value.faults[2].hint


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("width", np.array([0])),
        ("width", np.array([WIDTH - 2])),
        ("width", np.array([2**40])),
        ("width", np.array([WIDTH, WIDTH])),
        ("start", np.array([np.nan])),
        ("start", np.array([np.inf])),
        ("start", np.array([], np.float64)),
        ("refits", np.array([-1])),
        ("refits", np.array([3])),
        ("refits", None),
        ("code", None),
        ("code_start", np.zeros(2, np.int64)),
        ("value", np.zeros(3, np.float16)),
        ("surplus", np.zeros(1)),
    ],
)
def test_foreign_arrays_are_refused(model: BoostedTrees, name: str, broken: np.ndarray | None) -> None:
    arrays = model.arrays()
    if broken is None:
        del arrays[name]
    else:
        arrays[name] = broken

    with pytest.raises(BundleInvalid):
        type(model).from_arrays(arrays)


def test_leaves_beyond_all_log_odds_are_refused(model: BoostedTrees) -> None:
    arrays = model.arrays()
    arrays["value"] = np.where(arrays["value"] != 0, LARGEST_MARGIN / 2, 0).astype(arrays["value"].dtype)

    with pytest.raises(BundleInvalid, match="log-odds"):
        type(model).from_arrays(arrays)


def test_the_arrays_of_one_kind_are_not_the_other_s(model: BoostedTrees) -> None:
    other = Lightgbm if isinstance(model, Xgboost) else Xgboost

    with pytest.raises(BundleInvalid, match="float"):
        other.from_arrays(model.arrays())


def rare_frauds(seed: int, rows: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Eight frauds, easily told: what LightGBM's own defaults diverge on."""
    chance = np.random.default_rng(seed)
    X = chance.normal(size=(rows, 6))
    labels = np.zeros(rows)
    frauds = chance.choice(rows, 8, replace=False)
    labels[frauds] = 1.0
    X[frauds] += 2.5
    return np.round(X, 1), labels


def auc(score: np.ndarray, labels: np.ndarray) -> float:
    return boosting_guard._auc(score[labels == 1], score[labels == 0])


def test_the_guard_gets_lightgbm_out_of_its_trap(monkeypatch: pytest.MonkeyPatch) -> None:
    X, labels = rare_frauds(0)
    later, marks = rare_frauds(1)
    parameters = TRAP | {"trees": 100}

    guarded = Lightgbm.fit(X, seed=0, labels=labels, parameters=parameters)
    monkeypatch.setattr("riskloom.detectors.lightgbm._SAFER", ())
    caught = Lightgbm.fit(X, seed=0, labels=labels, parameters=parameters)

    assert auc(caught.score_many(later), marks) < 0.5
    assert auc(guarded.score_many(later), marks) > 0.99
    assert (caught.refits, guarded.refits) == (0, 1)


def test_our_defaults_stay_out_of_the_trap() -> None:
    X, labels = rare_frauds(0)
    later, marks = rare_frauds(1)

    for kind in (Xgboost, Lightgbm):
        model = kind.fit(X, seed=0, labels=labels, parameters={"trees": 100})
        assert model.refits == 0
        assert auc(model.score_many(later), marks) > 0.99


def test_a_model_that_ranks_the_holdout_backwards_makes_way_for_one_that_does_better() -> None:
    settings = validate(None, Lightgbm.PARAMETERS)
    X, labels = lessons(1)
    training = read_training(X, labels, (X, 1 - labels), 0, settings, limit=1e300)
    grown: list[Any] = []

    def grow(chosen: Any) -> Lightgbm:
        flat = Lightgbm.fit(X, seed=0, labels=labels, parameters={"trees": 5})
        if len(grown) == 1:  # the first refit ranks the holdout well
            flat = Lightgbm.fit(X, seed=0, labels=1 - labels, parameters={"trees": 5})
        grown.append(chosen)
        return flat

    bounds = [{"learning_rate": (0.0, 0.01)}, {"learning_rate": (0.0, 0.001), "num_leaves": (1, 7)}]
    fit_guarded(grow, settings, bounds, training)

    assert [chosen["learning_rate"] for chosen in grown] == [0.05, 0.01, 0.001]
    assert grown[2]["num_leaves"] == 7
    assert isinstance(grown[2]["num_leaves"], int)


def test_of_models_that_all_diverged_the_best_is_kept() -> None:
    settings = validate(None, Lightgbm.PARAMETERS)
    X, labels = lessons(1)
    training = read_training(X, labels, None, 0, settings, limit=1e300)
    right = Lightgbm.fit(X, seed=0, labels=1 - labels, parameters={"trees": 5})
    wrong = Lightgbm.fit(X, seed=0, labels=1 - labels, parameters={"trees": 50})
    models = [wrong, right, wrong]

    kept = fit_guarded(lambda _: models.pop(0), settings, [{}, {}], training)

    assert len(kept.trees) == 5
    assert kept.refits == 1
    assert not judge(kept, training).passes


def test_a_part_of_the_trees_that_is_worse_than_a_constant_gives_a_divergence_away() -> None:
    settings = validate(None, Lightgbm.PARAMETERS)
    X, labels = lessons(1)
    training = read_training(X, labels, None, 0, settings, limit=1e300)
    sound = Lightgbm.fit(X, seed=0, labels=labels)
    arrays = sound.arrays()
    first, second = arrays["offset"][1:3]
    arrays["value"] = arrays["value"].copy()
    inner = arrays["feature"] >= 0
    arrays["value"][:first] += 50.0
    arrays["value"][-(arrays["offset"][-1] - arrays["offset"][-2]) :] -= 50.0
    arrays["value"][inner] = 0.0
    detour = Lightgbm.from_arrays(arrays)

    assert second > first
    assert np.allclose(detour.score_many(X), sound.score_many(X), atol=1e-9)
    assert judge(sound, training).passes
    assert not judge(detour, training).passes
