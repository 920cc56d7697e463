"""Laws of preparation: one row and many agree, steps compose, training sees what serving sees."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from riskloom.detectors.prepare import Preparation
from riskloom.detectors.prepare_spec import PreparationSpec
from riskloom.errors import BundleInvalid

NAMES = ("a", "b", "c", "k", "m")
CATEGORIES = ("k", "m")
AWKWARD = [
    0.0,
    -0.0,
    np.nan,
    np.nan,
    np.inf,
    -np.inf,
    1.0,
    -1.0,
    0.1,
    5.0,
    1e-320,
    1e300,
    -1e300,
    2.0**52 - 1,
]
CODES = [np.nan, 0.0, 1.0, 7.0, 7.5, 2.0**52 - 1, np.inf, -5.0]


@st.composite
def rows(draw: st.DrawFn, least: int = 1) -> np.ndarray:
    """Three columns of numbers and two of codes."""
    count = draw(st.integers(least, 12))
    value = st.sampled_from(AWKWARD) | st.floats(-100, 100)
    numbers = draw(st.lists(st.tuples(value, value, value), min_size=count, max_size=count))
    code = st.sampled_from(CODES)
    codes = draw(st.lists(st.tuples(code, code), min_size=count, max_size=count))
    return np.column_stack((np.array(numbers), np.array(codes)))


NUMBER_STEPS: list[dict[str, Any]] = [
    {"impute": "mean"},
    {"impute": "median"},
    {"impute": "constant", "value": -2.5},
    {"scale": "standard"},
    {"scale": "robust"},
    {"scale": "min_max"},
    {"scale": "log"},
]
ENCODINGS: list[dict[str, Any]] = [
    {"encode": "ordinal"},
    {"encode": "frequency"},
    {"encode": "target", "smoothing": 0.5},
    {"encode": "one_hot", "most": 3},
]


@st.composite
def steps(draw: st.DrawFn) -> list[dict[str, Any]]:
    number = st.sampled_from(NUMBER_STEPS)
    chosen = st.sampled_from([None, ["a"], ["b", "c"], ["c"]])
    declared = []
    for step in draw(st.lists(number, max_size=4)):
        columns = draw(chosen)
        extra = {"indicator": True} if "impute" in step and draw(st.booleans()) else {}
        declared.append({**step, **extra, **({"columns": columns} if columns else {})})
    for name in draw(st.sets(st.sampled_from(CATEGORIES))):
        at = draw(st.integers(0, len(declared)))
        declared.insert(at, {**draw(st.sampled_from(ENCODINGS)), "columns": [name]})
    return declared


def labels_for(X: np.ndarray, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).choice([0.0, 1.0, np.nan], len(X))


@given(steps(), rows(), rows(), st.integers(0, 9))
@settings(max_examples=200, deadline=None)
def test_one_row_and_many_agree_in_any_layout_and_after_a_round_trip(
    declared: list[dict[str, Any]], X: np.ndarray, later: np.ndarray, seed: int
) -> None:
    fitted, trained = Preparation.fit_and_apply(
        PreparationSpec.read(declared), NAMES, CATEGORIES, X, labels_for(X, seed)
    )
    asked = np.vstack((X, later))
    asked.setflags(write=False)
    many = fitted.apply_many(asked)

    assert many.shape == (len(asked), len(fitted.names)) == (len(asked), fitted.origin.size)
    assert many.tobytes() == np.array([fitted.apply_one(x) for x in asked]).tobytes()
    assert many.tobytes() == fitted.apply_many(np.asfortranarray(asked)).tobytes()
    assert many[::-1].tobytes() == fitted.apply_many(asked[::-1]).tobytes()
    assert many.tobytes() == Preparation.from_arrays(fitted.arrays()).apply_many(asked).tobytes()
    if not any(step.get("encode") == "target" for step in declared):
        assert trained.tobytes() == many[: len(X)].tobytes()


@given(steps(), rows(), rows(), st.integers(0, 9), st.integers(0, 6))
@settings(max_examples=200, deadline=None)
def test_steps_together_are_the_first_ones_and_then_the_others(
    declared: list[dict[str, Any]], X: np.ndarray, later: np.ndarray, seed: int, cut: int
) -> None:
    """What a later step learns from is what the earlier ones made; folding changes no bit."""
    declared = [{key: value for key, value in step.items() if key != "indicator"} for step in declared]
    declared = [step for step in declared if step.get("encode") != "one_hot"]
    labels = labels_for(X, seed)
    first, second = declared[:cut], declared[cut:]
    whole, trained = Preparation.fit_and_apply(PreparationSpec.read(declared), NAMES, CATEGORIES, X, labels)

    before, between = Preparation.fit_and_apply(PreparationSpec.read(first), NAMES, CATEGORIES, X, labels)
    after, ended = Preparation.fit_and_apply(
        PreparationSpec.read(second), before.names, before.category_names, between, labels
    )

    assert ended.tobytes() == trained.tobytes()
    assert after.apply_many(before.apply_many(later)).tobytes() == whole.apply_many(later).tobytes()


@given(rows(least=2), st.integers(0, 99), st.sampled_from([0.5, 20.0]), st.data())
@settings(max_examples=100, deadline=None)
def test_labels_from_a_row_on_change_no_target_rate_up_to_it(
    X: np.ndarray, seed: int, smoothing: float, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(X) - 1))
    spec = PreparationSpec.read(
        [{"encode": "target", "smoothing": smoothing}, {"impute": "mean", "columns": ["a"]}]
    )
    labels, others = labels_for(X, seed), labels_for(X, seed + 1)
    others[:at] = labels[:at]

    given_rows = [Preparation.fit_and_apply(spec, NAMES, CATEGORIES, X, y)[1] for y in (labels, others)]

    assert given_rows[0][: at + 1].tobytes() == given_rows[1][: at + 1].tobytes()


@given(steps(), rows(), st.data())
@settings(max_examples=200, deadline=None)
def test_arrays_from_anybody_are_refused_or_lead_nowhere_else(
    declared: list[dict[str, Any]], X: np.ndarray, data: st.DataObject
) -> None:
    fitted = Preparation.fit(PreparationSpec.read(declared), NAMES, CATEGORIES, X, labels_for(X, 0))
    arrays = {name: array.copy() for name, array in fitted.arrays().items()}
    name = data.draw(st.sampled_from(sorted(name for name in arrays if arrays[name].size)))
    at = data.draw(st.integers(0, arrays[name].size - 1))
    hostile = {"i": [-1, 0, 1, 2, 5, 2**31, 2**63 - 1, -(2**63)], "u": [0, 1, 2, 200, 255], "f": AWKWARD}
    arrays[name][at] = data.draw(st.sampled_from(hostile[arrays[name].dtype.kind]))
    try:
        found = Preparation.from_arrays(arrays)
    except BundleInvalid:
        return
    pairs = len(found.left)
    assert ((found.origin >= 0) & (found.origin < found.width)).all()
    assert (
        (found.start[:-1] >= 0) & (found.start[:-1] <= found.start[1:]) & (found.start[1:] <= pairs)
    ).all()
    assert found.apply_many(np.zeros((2, found.width))).shape == (2, len(found.names))
