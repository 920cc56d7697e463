"""Laws of the detectors' arithmetic, with the edges in the strategies."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.ensemble import IsolationForest as Grower

from riskloom.detectors import reference
from riskloom.detectors.isolation_forest import IsolationForest
from riskloom.detectors.reference import RiskReference
from riskloom.detectors.trees import LEAF, Trees, round_down
from riskloom.errors import BundleInvalid

MAX32 = float(np.finfo(np.float32).max)
AWKWARD = [0.0, -0.0, 1.0, -1.0, 0.1, np.nan, np.inf, -np.inf, 1e-320, 1e-45, 1e39, -1e300, MAX32, -MAX32]
THRESHOLDS = [0.0, -0.0, 1.0, 0.1, -0.1, 1e-45, -1e-45, MAX32, -MAX32, -np.inf]


@st.composite
def tree_arrays(draw: st.DrawFn) -> dict[str, np.ndarray]:
    """Up to 20 trees (so that groups of eight and rests occur) over 3 features, from stumps to chains."""
    parts: list[tuple[int, float, int, float]] = []
    offset = [0]
    for _ in range(draw(st.integers(1, 20))):
        open_places, nodes = 1, 0
        while open_places:
            inner = nodes < 12 and draw(st.booleans())
            feature = draw(st.integers(0, 2)) if inner else LEAF
            parts.append(
                (
                    feature,
                    draw(st.sampled_from(THRESHOLDS)) if inner else 0.0,
                    draw(st.integers(0, 1)),
                    draw(st.sampled_from([0.1, 1 / 3, 1e16, -1e16, 7.0])),
                )
            )
            open_places += 1 if inner else -1
            nodes += 1
        offset.append(len(parts))
    feature, threshold, missing_left, value = zip(*parts, strict=True)
    return {
        "feature": np.array(feature, np.int32),
        "threshold": np.array(threshold, np.float32),
        "missing_left": np.array(missing_left, np.uint8),
        "value": np.array(value, np.float64),
        "cover": np.ones(len(parts)),
        "offset": np.array(offset, np.int64),
    }


def near_thresholds() -> st.SearchStrategy[float]:
    """The values at which a walk could go wrong: thresholds, their neighbours, and the awkward."""
    with np.errstate(over="ignore", under="ignore"):
        around = [
            float(step)
            for t in THRESHOLDS
            for step in (
                t,
                np.nextafter(np.float32(t), np.float32(np.inf)),
                np.nextafter(np.float32(t), np.float32(-np.inf)),
                np.nextafter(t, np.inf),
            )
        ]
    return st.sampled_from(AWKWARD + around)


def walked_by_hand(arrays: dict[str, np.ndarray], row: list[float], width: type) -> float:
    """The definition: level order by queue, `x > t` in float32, missing by the flag, one sum in order."""
    total = width(0)
    for begin, end in pairwise(arrays["offset"].tolist()):
        children, following = {}, begin + 1
        for node in range(begin, end):
            if arrays["feature"][node] != LEAF:
                children[node] = (following, following + 1)
                following += 2
        node = begin
        while node in children:
            with np.errstate(over="ignore"):
                x = np.float32(row[arrays["feature"][node]])
            right = not arrays["missing_left"][node] if np.isnan(x) else x > arrays["threshold"][node]
            node = children[node][int(right)]
        total = width(total + width(arrays["value"][node]))
    return float(total)


@given(tree_arrays(), st.lists(st.lists(near_thresholds(), min_size=3, max_size=3), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_trees_give_the_sum_walked_by_hand(arrays: dict[str, np.ndarray], rows: list[list[float]]) -> None:
    narrow = arrays | {"value": arrays["value"].astype(np.float32)}
    X = np.array(rows, np.float64)

    wide_sums = Trees.from_arrays(arrays, width=3).sum_many(X)
    narrow_sums = Trees.from_arrays(narrow, width=3, value_type=np.float32).sum_many(X)

    assert wide_sums.tolist() == [walked_by_hand(arrays, row, np.float64) for row in rows]
    assert narrow_sums.tolist() == [walked_by_hand(narrow, row, np.float32) for row in rows]


@given(
    st.lists(st.integers(-2, 3), min_size=1, max_size=30),
    st.lists(st.integers(-1, 31), min_size=0, max_size=6),
    st.integers(0, 4),
)
@settings(max_examples=300, deadline=None)
def test_arrays_that_pass_never_lead_outside(feature: list[int], cuts: list[int], width: int) -> None:
    nodes = len(feature)
    zeros = np.zeros(nodes)
    try:
        trees = Trees(
            width,
            np.array(feature, np.int32),
            zeros.astype(np.float32),
            zeros.astype(np.uint8),
            zeros,
            zeros,
            np.array([0, *cuts, nodes], np.int64),
        )
    except BundleInvalid:
        assume(len(cuts) < 2)
        return
    child, _, _, depth = trees.walk()
    assert trees.feature.max() < width
    for tree, (begin, end) in enumerate(pairwise(trees.offset.tolist())):
        places = {begin}
        for _ in range(depth[tree]):
            places = {int(child[p]) + right * (feature[p] != LEAF) for p in places for right in (0, 1)}
        assert all(begin <= place < end and feature[place] == LEAF for place in places)


@given(
    st.floats(allow_nan=False) | st.sampled_from(THRESHOLDS),
    st.floats(width=32, allow_nan=False) | st.sampled_from([MAX32, -MAX32, np.inf, -np.inf]),
)
@settings(max_examples=300, deadline=None)
def test_a_rounded_threshold_divides_all_float32_alike(threshold: float, x: float) -> None:
    for value in (x, float(np.float32(np.clip(threshold, -MAX32, MAX32)))):
        assert (np.float32(value) > round_down(threshold)) == (value > threshold)


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 60),
    st.integers(1, 4),
    st.floats(0, 0.6),
    st.integers(1, 30),
    st.integers(2, 64),
    st.sampled_from([1.0, 0.5, 0.01]),
    st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_a_forest_scores_as_scikit_learn_does(
    seed: int, n: int, width: int, missing: float, trees: int, max_samples: int, share: float, bootstrap: bool
) -> None:
    chance = np.random.default_rng(seed)
    X = chance.choice([0.0, 0.1, 0.2, 1.0, 1e6, -5.0], size=(n, width)) + chance.normal(size=(1, width))
    X[chance.random(X.shape) < missing] = np.nan
    ours = IsolationForest.fit(
        X,
        seed=seed,
        parameters={
            "trees": trees,
            "max_samples": max_samples,
            "max_features": share,
            "bootstrap": bootstrap,
        },
    )
    theirs = Grower(
        n_estimators=trees,
        max_samples=min(max_samples, n),
        max_features=share,
        bootstrap=bootstrap,
        random_state=seed,
    ).fit(X)
    rows = np.vstack([X, chance.choice(AWKWARD, size=(20, width))])

    scores = ours.score_many(rows)
    with np.errstate(over="ignore"):
        expected = -theirs.score_samples(rows.astype(np.float32))
    assert np.abs(scores - expected).max() <= 1e-12
    assert scores.tolist() == [ours.score_one(row) for row in rows]
    assert IsolationForest.from_arrays(ours.arrays()).score_many(rows).tobytes() == scores.tobytes()


SCORES = st.floats(-1e300, 1e300) | st.sampled_from([0.0, -0.0, 0.5, 5e-324, 0.1, 0.2, 0.30000000000000004])


@given(
    st.lists(SCORES, min_size=1, max_size=120),
    st.lists(SCORES | st.sampled_from([np.inf, -np.inf]), max_size=20),
)
@settings(max_examples=200, deadline=None)
def test_a_risk_is_the_percent_of_lower_training_scores(scores: list[float], asked: list[float]) -> None:
    risk = RiskReference.fit(np.array(scores))
    every = sorted(scores + asked)

    for score in every:
        exact = Fraction(100 * sum(other < score for other in scores), len(scores))
        assert risk.risk_one(score) == float(exact)
    assert risk.risk_many(np.array(every)).tolist() == [risk.risk_one(score) for score in every]


@given(
    st.lists(st.integers(0, 150) | st.floats(0, 150), min_size=21, max_size=300),
    st.lists(st.floats(-1, 151) | st.integers(-1, 151), max_size=30),
    st.floats(0, 100) | st.sampled_from([0, 50, 98, 99.9, 100]),
)
@settings(max_examples=200, deadline=None)
def test_a_thinned_reference_is_exact_on_top_monotone_and_never_far_off(
    scores: list[float], asked: list[float], percentile: float
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "KEPT_WHOLE", 20)
        patch.setattr(reference, "GRID", 11)
        patch.setattr(reference, "TOP_LEAST", 5)
        patch.setattr(reference, "TOP_SHARE", 0.1)
        risk = RiskReference.fit(np.array(scores, np.float64))
    top = sorted(scores)[-max(5, -(-len(scores) // 10))]
    threshold = risk.threshold(percentile)
    last = 0.0
    for score in sorted(map(float, scores + asked + [threshold])):
        got = risk.risk_one(score)
        exact = sum(other < score for other in scores) * 100.0 / len(scores)
        assert exact <= got <= exact + 100.0 / 10 + 100.0 / len(scores)
        assert score < top or got == exact
        assert got >= last
        assert (got >= percentile) == (score >= threshold)
        last = got
    again = RiskReference.from_arrays(risk.arrays())
    assert (
        again.risk_many(np.array(scores, float)).tobytes()
        == risk.risk_many(np.array(scores, float)).tobytes()
    )
