"""Preparation does what is declared, as scikit-learn does it, from training rows only, and leaks nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from riskloom.detectors import prepare
from riskloom.detectors.prepare import Preparation, no_preparation
from riskloom.detectors.prepare_spec import PreparationSpec, Step
from riskloom.errors import BundleInvalid, DataInvalid, ParameterInvalid

NAMES = ("amount", "hour", "flat")
KINDS = ("amount", "kind")
NAN = np.nan


def numbers(rows: int = 400, gaps: float = 0.1) -> np.ndarray:
    chance = np.random.default_rng(3)
    X = np.column_stack((chance.lognormal(3, 2, rows), chance.normal(12, 4, rows), np.full(rows, 7.0)))
    X[chance.random(X.shape) < gaps] = NAN
    return X


def kinds(*codes: float) -> np.ndarray:
    """Rows of an amount, which does not matter, and the code of a category."""
    return np.column_stack((np.arange(len(codes), dtype=float), codes))


def fit(steps: list[dict[str, Any]], X: np.ndarray, *labels: float, **more: Any) -> Preparation:
    return fit_and_apply(steps, X, *labels, **more)[0]


def fit_and_apply(
    steps: list[dict[str, Any]], X: np.ndarray, *labels: float, **more: Any
) -> tuple[Preparation, np.ndarray]:
    names, categories = (KINDS, ["kind"]) if X.shape[1] == 2 else (NAMES, [])
    given = np.array(labels) if labels else None
    return Preparation.fit_and_apply(PreparationSpec.read(steps), names, categories, X, given, **more)


def test_without_steps_rows_pass_as_they_are_and_nothing_is_copied() -> None:
    X = numbers()
    fitted, rows = fit_and_apply([], X)

    assert fitted.apply_many(X) is X
    assert rows is X
    assert fitted.apply_one(X[0]).base is X
    assert fitted.names == NAMES
    assert no_preparation(KINDS, ["kind"]).category_names == ("kind",)
    assert no_preparation(NAMES).apply_many(X) is X


@pytest.mark.parametrize(
    ("step", "judge"),
    [
        ({"scale": "standard"}, StandardScaler()),
        ({"scale": "robust"}, RobustScaler()),
        ({"scale": "min_max"}, MinMaxScaler()),
        ({"impute": "mean"}, SimpleImputer(strategy="mean")),
        ({"impute": "median"}, SimpleImputer(strategy="median")),
        ({"impute": "constant", "value": -3.5}, SimpleImputer(strategy="constant", fill_value=-3.5)),
        ({"impute": "median", "indicator": True}, SimpleImputer(strategy="median", add_indicator=True)),
    ],
)
def test_numbers_become_what_scikit_learn_makes_of_them(step: dict[str, Any], judge: Any) -> None:
    X, later = numbers(), numbers(50, 0.3) * 1.5

    fitted = fit([step], X)
    made = fitted.apply_many(later)
    if step.get("indicator"):
        order = [fitted.names.index(name) for name in (*NAMES, *(f"{name} is missing" for name in NAMES))]
        made = made[:, order]

    expected = judge.fit(X).transform(later)
    assert np.allclose(made, expected, rtol=1e-12, atol=1e-12, equal_nan=True)


def test_a_logarithm_keeps_the_sign_and_the_zero() -> None:
    fitted = fit([{"scale": "log"}], numbers())

    made = fitted.apply_one(np.array([np.e - 1, 1 - np.e, 0.0]))

    assert made == pytest.approx([1.0, -1.0, 0.0], abs=1e-15)


def test_steps_happen_in_the_order_they_are_written() -> None:
    X = np.array([[0.0], [2.0], [10.0], [NAN]])
    first = Preparation.fit(PreparationSpec.read([{"impute": "mean"}, {"scale": "min_max"}]), ["x"], [], X)
    second = Preparation.fit(PreparationSpec.read([{"scale": "min_max"}, {"impute": "median"}]), ["x"], [], X)
    third = Preparation.fit(PreparationSpec.read([{"scale": "min_max"}, {"scale": "log"}]), ["x"], [], X)

    assert first.apply_one(X[3]) == [0.4]
    assert second.apply_one(X[3]) == [0.2]
    assert third.apply_one(X[2]) == np.log(2)


def test_a_step_takes_the_columns_it_names_or_every_number() -> None:
    X = numbers()
    some = fit([{"scale": "standard", "columns": ["hour"]}], X).apply_many(X)
    codes = fit([{"impute": "mean"}, {"scale": "standard"}], kinds(5, 6, NAN, 5))

    assert np.array_equal(some[:, [0, 2]], X[:, [0, 2]], equal_nan=True)
    assert np.nanmean(some[:, 1]) == pytest.approx(0, abs=1e-12)
    assert codes.apply_one(np.array([0.0, 6.0]))[1] == 6.0
    assert np.isnan(codes.apply_one(np.array([0.0, NAN]))[1])
    assert codes.category_names == ("kind",)


def test_measures_leave_out_infinities_and_what_is_no_measurement() -> None:
    X = np.array([[1.0], [3.0], [np.inf], [-np.inf], [1e300], [NAN]])
    fitted = Preparation.fit(PreparationSpec.read([{"impute": "mean"}, {"scale": "min_max"}]), ["x"], [], X)

    assert fitted.apply_many(X)[:, 0].tolist() == [0.0, 1.0, np.inf, -np.inf, 5e299, 0.5]


def test_a_column_that_is_always_missing_or_never_varies_makes_numbers_too() -> None:
    X = np.column_stack((np.full(3, NAN), np.full(3, 0.1), [1.0, 2.0, 3.0]))
    for method in ("standard", "robust", "min_max"):
        fitted = fit([{"impute": "mean"}, {"scale": method}], X)
        assert fitted.apply_many(X)[:, :2].tolist() == [[0.0, 0.0]] * 3


def test_a_column_that_varies_by_rounding_only_is_not_blown_up() -> None:
    X = np.column_stack(([0.3, 0.1 + 0.2, 0.3, 0.3], np.ones(4), np.ones(4)))
    for method in ("standard", "min_max"):
        assert np.abs(fit([{"scale": method}], X).apply_many(X)).max() < 1e-15


def test_only_columns_with_gaps_in_training_get_an_indicator() -> None:
    X = np.array([[1.0, 2.0, NAN], [1.0, 3.0, 4.0]])

    fitted = fit([{"impute": "constant", "value": 9, "indicator": True}, {"scale": "log"}], X)

    assert fitted.names == (*NAMES, "flat is missing")
    assert fitted.apply_one(np.array([NAN, 0.0, NAN])).tolist() == [np.log(10), 0.0, np.log(10), 1.0]
    assert fitted.apply_one(np.zeros(3))[3] == 0.0


def test_one_hot_flags_each_value_the_frequent_first_and_nothing_for_the_unseen() -> None:
    texts = {"kind": {40: "food", 7: "travel"}}
    fitted = fit([{"encode": "one_hot"}], kinds(7, 40, 40, 2**51 + 1, 40, 7), texts=texts)

    assert fitted.names == ("amount", "kind=food", "kind=travel", f"kind={2**51 + 1}")
    assert fitted.apply_many(kinds(7, 40, 2**51 + 1, 2**51, NAN, np.inf))[:, 1:].tolist() == [
        [0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0],
    ]  # fmt: skip


def test_one_hot_has_a_flag_for_gaps_when_training_had_some_and_at_most_so_many() -> None:
    fitted = fit([{"encode": "one_hot", "most": 2}], kinds(9, 8, 7, 7, NAN))

    assert fitted.names == ("amount", "kind=7", "kind=8", "kind is missing")
    assert fitted.apply_many(kinds(9, NAN))[:, 1:].tolist() == [[0, 0, 0], [0, 0, 1]]


def test_ordinal_counts_from_the_most_frequent_and_leaves_the_unseen_missing() -> None:
    X = kinds(5, 9, 9, 3, 3, 3, NAN)
    fitted, rows = fit_and_apply([{"encode": "ordinal"}], X)
    filled = fit([{"encode": "ordinal"}, {"impute": "constant", "value": -1}], X)

    assert np.array_equal(rows[:, 1], [2, 1, 1, 0, 0, 0, NAN], equal_nan=True)
    assert np.isnan(fitted.apply_one(np.array([0.0, 4.0]))[1])
    assert filled.apply_many(kinds(4, NAN, 9))[:, 1].tolist() == [-1, -1, 1]


def test_frequency_is_the_share_of_the_training_rows_and_0_for_the_unseen() -> None:
    fitted = fit([{"encode": "frequency"}], kinds(5, 9, 9, NAN))
    never = fit([{"encode": "frequency"}], kinds(5, 9))

    assert fitted.apply_many(kinds(5, 9, NAN, 1))[:, 1].tolist() == [0.25, 0.5, 0.25, 0.0]
    assert never.apply_one(np.array([0.0, NAN]))[1] == 0.0


def test_target_is_the_smoothed_rate_of_the_value_and_the_prior_for_the_unseen() -> None:
    X = kinds(5, 5, 9, NAN)
    fitted = fit([{"encode": "target", "smoothing": 2}], X, 1, 1, 0, 0)

    assert fitted.apply_many(kinds(5, 9, NAN, 1))[:, 1] == pytest.approx([3 / 4, 1 / 3, 1 / 3, 1 / 2])


def test_in_training_a_target_rate_knows_only_the_rows_before() -> None:
    chance = np.random.default_rng(5)
    codes = chance.choice([3.0, 8.0, 2.0**50, NAN], 60)
    labels = (chance.random(60) < 0.3).astype(float)
    labels[chance.random(60) < 0.1] = NAN
    steps = [{"encode": "target", "smoothing": 1.5}]
    _, rows = fit_and_apply(steps, kinds(*codes), *labels)

    assert rows[0, 1] == 0.0
    for at in range(1, 60):
        before = fit(steps, kinds(*codes[:at]), *labels[:at])
        assert rows[at, 1] == before.apply_one(np.array([0.0, codes[at]]))[1]


def test_a_row_does_not_see_labels_that_were_not_known_when_it_came() -> None:
    codes, labels = np.full(6, 4.0), np.array([1.0, 1.0, 0.0, 0.0, 1.0, 1.0])
    known = np.array([0, 0, 0, 1, 2, 3])
    _, rows = fit_and_apply([{"encode": "target", "smoothing": 1}], kinds(*codes), *labels, known=known)

    assert rows[:, 1] == pytest.approx([0, 0, 0, 1, 1, 2 / 3])


@pytest.mark.parametrize(
    "known",
    [
        np.array([0, 2]),
        np.array([0, -1]),
        np.array([0]),
        np.array([0.0, 1.0]),
        [0, 1],
        np.array([0, 1, 0]),
        np.array([0, 0, 3]),
    ],
)
def test_what_was_known_cannot_be_the_row_itself_or_fall(known: Any) -> None:
    rows = max(2, len(known))
    with pytest.raises(DataInvalid, match="known"):
        fit_and_apply([{"encode": "target"}], kinds(*([4.0] * rows)), *([1.0] * rows), known=known)


@pytest.mark.parametrize("labels", [(), (1.0,), (1.0, 2.0)])
def test_target_encoding_needs_labels(labels: tuple[float, ...]) -> None:
    with pytest.raises(DataInvalid, match="labels"):
        fit([{"encode": "target"}], kinds(4, 5), *labels)


def test_what_is_encoded_is_a_number_for_the_steps_after_it_and_flags_stay_flags() -> None:
    X = kinds(5, 9, 9, 9)
    frequency, rows = fit_and_apply([{"encode": "frequency"}, {"scale": "min_max"}], X)
    flags = fit([{"encode": "one_hot"}, {"scale": "standard"}], X)

    assert rows[:, 1].tolist() == [0, 1, 1, 1]
    assert frequency.apply_one(np.array([0.0, 4.0]))[1] == -0.5
    assert flags.apply_many(X)[:, 1:].tolist() == [[0, 1], [1, 0], [1, 0], [1, 0]]


def test_scaling_after_target_encoding_is_measured_on_the_rows_that_training_saw() -> None:
    X, labels = kinds(5, 5, 5), (1.0, 0.0, 1.0)
    steps: list[dict[str, Any]] = [{"encode": "target", "smoothing": 1}]
    plain, _ = fit_and_apply(steps, X, *labels)
    scaled, rows = fit_and_apply([*steps, {"scale": "min_max"}], X, *labels)

    assert rows[:, 1].tolist() == [0.0, 1.0, 0.5 / 1.0]
    assert scaled.apply_one(X[0])[1] == plain.apply_one(X[0])[1]


def test_a_number_that_is_named_is_encoded_like_a_code_its_filled_gaps_too() -> None:
    X = np.array([[1.0, 3.0, 0.0], [1.0, NAN, 0.0], [1.0, 4.0, 0.0]])
    steps = [
        {"impute": "constant", "value": 4, "columns": ["hour"]},
        {"encode": "one_hot", "columns": ["hour"]},
    ]

    fitted, rows = fit_and_apply(steps, X)

    assert fitted.names == ("amount", "hour=4", "hour=3", "flat")
    assert rows[:, 1:3].tolist() == [[0, 1], [1, 0], [1, 0]]
    assert fitted.apply_one(X[1])[1:3].tolist() == [1, 0]


def test_a_filled_gap_is_looked_up_in_every_table() -> None:
    X = np.array([[0.0, 3.0, 0.0], [0.0, NAN, 0.0], [0.0, 3.0, 0.0], [0.0, 4.0, 0.0]])
    gap = np.array([0.0, NAN, 0.0])
    fill = {"impute": "constant", "value": 4, "columns": ["hour"]}
    for step, expected in (
        ({"encode": "ordinal"}, 1.0),
        ({"encode": "frequency"}, 0.5),
        ({"encode": "target", "smoothing": 1}, (1 + 0.25) / 3),
    ):
        fitted = fit([fill, {**step, "columns": ["hour"]}], X, 0, 1, 0, 0)
        assert fitted.apply_one(gap)[1] == pytest.approx(expected)
        assert fitted.apply_one(gap)[1] == fitted.apply_one(X[3])[1]


def test_an_infinity_teaches_no_rate() -> None:
    X = kinds(5, np.inf, 5, np.inf)
    fitted, rows = fit_and_apply([{"encode": "target", "smoothing": 1}], X, 1, 1, 0, 1)

    assert fitted.apply_many(kinds(5, np.inf, 9))[:, 1] == pytest.approx([0.5, 0.5, 0.5])
    assert rows[:, 1] == pytest.approx([0, 1, 1, 0.5])


def test_parts_of_outputs_fold_to_the_inputs_they_are_made_of() -> None:
    fitted = fit([{"encode": "one_hot"}], kinds(5, 9, NAN))

    assert fitted.origin.tolist() == [0, 1, 1, 1]
    assert fitted.fold(np.array([1.0, 2.0, 3.0, -0.5])).tolist() == [1.0, 4.5]


@pytest.mark.parametrize(
    ("step", "place"),
    [
        (Step("scale", "standard", ("amuont",)), r"columns\[0\].*did you mean 'amount'"),
        (Step("impute", "mean", ("amount", "kind")), r"columns\[1\].*the category 'kind'"),
    ],
)
def test_columns_that_do_not_fit_are_refused_by_name(step: Step, place: str) -> None:
    with pytest.raises(ParameterInvalid, match=place):
        Preparation.fit(PreparationSpec((step,)), KINDS, ["kind"], kinds(1.0))


def test_encoding_twice_or_after_scaling_is_refused() -> None:
    twice = PreparationSpec.read([{"encode": "one_hot"}, {"encode": "target", "columns": ["kind"]}])
    after = PreparationSpec.read([{"scale": "log"}, {"encode": "ordinal", "columns": ["amount"]}])

    assert [fault.where for fault in twice.check(KINDS, ["kind"])] == ["prepare[1].columns[0]"]
    assert "encode it first" in str(after.check(KINDS, ["kind"])[0])
    other = PreparationSpec.read(
        [{"scale": "log", "columns": ["hour"]}, {"encode": "ordinal", "columns": ["amount"]}]
    )
    assert other.check(NAMES, []) == []


def test_names_and_rows_that_do_not_fit_are_refused() -> None:
    spec = PreparationSpec()
    for names, categories in ((["a"], []), (["a", "a"], []), (["a", "b"], ["c"])):
        with pytest.raises(DataInvalid):
            Preparation.fit(spec, names, categories, np.zeros((3, 2)))
    fitted = fit([{"scale": "log"}], numbers())
    for call, rows in ((fitted.apply_one, np.zeros(2)), (fitted.apply_many, np.zeros((1, 4)))):
        with pytest.raises(DataInvalid):
            call(rows)


def everything() -> tuple[Preparation, np.ndarray]:
    chance = np.random.default_rng(1)
    X = np.column_stack((chance.normal(size=(50, 2)), chance.choice([3.0, 8.0, NAN], (50, 3))))
    X[chance.random(50) < 0.2, 0] = NAN
    steps = [
        {"encode": "one_hot", "columns": ["c"]},
        {"encode": "target", "columns": ["d"]},
        {"encode": "ordinal", "columns": ["e"]},
        {"impute": "median", "indicator": True},
        {"scale": "log", "columns": ["a"]},
        {"scale": "robust"},
    ]
    labels = (chance.random(50) < 0.3).astype(float)
    texts = {"c": {3: "drei·3", 8: "eight"}}
    return Preparation.fit_and_apply(PreparationSpec.read(steps), "abcde", "cde", X, labels, texts=texts)


def test_arrays_bring_the_preparation_back() -> None:
    fitted, _ = everything()
    rows = np.vstack(
        (np.random.default_rng(2).choice([3.0, 8.0, 1.0, NAN], (40, 5)), np.full((1, 5), np.inf))
    )

    again = Preparation.from_arrays({name: array.copy() for name, array in fitted.arrays().items()})

    assert again.names == fitted.names
    assert "c=drei·3" in again.names
    assert again.apply_many(rows).tobytes() == fitted.apply_many(rows).tobytes()
    assert all(np.array_equal(a, again.arrays()[n], equal_nan=True) for n, a in fitted.arrays().items())
    assert Preparation.from_arrays(no_preparation(NAMES).arrays()).identity


def spoil(name: str, at: int | None, value: Any) -> dict[str, np.ndarray]:
    arrays = {key: array.copy() for key, array in everything()[0].arrays().items()}
    if at is None:
        arrays[name] = value
    else:
        arrays[name][at] = value
    return arrays


@pytest.mark.parametrize(
    ("name", "at", "value"),
    [
        ("origin", 0, 5),
        ("origin", 0, -1),
        ("origin", None, np.zeros(3, np.int64)),
        ("width", None, np.array([0], np.int64)),
        ("width", None, np.array([1, 2], np.int64)),
        ("width", 0, 2**40),
        ("form", 0, 2),
        ("category", 0, 2),
        ("start", 0, 1),
        ("start", 2, 2**62),
        ("start", -1, 2**62),
        ("start", -1, -1),
        ("left", 0, np.nan),
        ("right", 0, -1.0),
        ("right", 0, np.inf),
        ("right", None, np.zeros(3)),
        ("missing", None, np.zeros(3)),
        ("unseen", None, np.zeros(3)),
        ("name", 0, 255),
        ("name_start", 1, 2**62),
        ("name_start", -1, 1),
        ("name_start", None, np.array([], np.int64)),
        ("left", None, np.zeros(3, np.float32)),
        ("left", None, "text"),
    ],
)
def test_arrays_that_lead_outside_are_refused(name: str, at: int | None, value: Any) -> None:
    with pytest.raises(BundleInvalid):
        Preparation.from_arrays(spoil(name, at, value))


def test_a_table_whose_values_do_not_rise_is_refused() -> None:
    fitted, _ = everything()
    place = int(fitted.start[fitted.names.index("d")])

    with pytest.raises(BundleInvalid, match="rise"):
        Preparation.from_arrays(spoil("left", place + 1, fitted.left[place]))


def test_arrays_that_lack_one_are_refused() -> None:
    arrays = everything()[0].arrays()
    del arrays["unseen"]
    with pytest.raises(BundleInvalid, match="unseen"):
        Preparation.from_arrays(arrays)


def test_a_declaration_that_is_written_back_reads_the_same() -> None:
    data = [
        {"impute": "constant", "value": 2.0, "indicator": True},
        {"scale": "log", "columns": ["amount"]},
        {"encode": "one_hot", "most": 7},
        {"encode": "target"},
    ]
    spec = PreparationSpec.read(data)

    assert spec.as_data() == data
    assert PreparationSpec.read(spec.as_data()) == spec
    assert spec.needs_labels
    assert not PreparationSpec.read(data[:3]).needs_labels


def test_every_fault_of_a_declaration_is_named_at_once() -> None:
    given = [
        "impute",
        {"imputed": "mean"},
        {"impute": "meen"},
        {"impute": "mean", "scale": "log"},
        {"impute": "constant", "value": "3", "indikator": True},
        {"scale": "log", "columns": []},
        {"scale": "log", "columns": ["a", "a", 3]},
        {"encode": 5},
    ]
    with pytest.raises(ParameterInvalid) as caught:
        PreparationSpec.read(given, where="p")

    found = [(fault.where, fault.hint) for fault in caught.value.faults]
    assert found == [
        ("p[0]", ""),
        ("p[1]", "did you mean 'impute'?"),
        ("p[2].impute", "did you mean 'mean'?"),
        ("p[3]", ""),
        ("p[4].value", "remove the quotes"),
        ("p[4].indikator", "did you mean 'indicator'?"),
        ("p[5].columns", ""),
        ("p[6].columns[1]", ""),
        ("p[6].columns[2]", ""),
        ("p[7].encode", ""),
    ]
    for wrong in ("impute", [{"impute": "mean"}] * 51):
        with pytest.raises(ParameterInvalid):
            PreparationSpec.read(wrong)
    with pytest.raises(ParameterInvalid, match="did you mean 'scale'"):
        Step("scal", "log")


def test_warming_up_says_what_takes_time() -> None:
    said: list[str] = []
    prepare.warm_up(said.append)
    prepare.warm_up()
    assert len(said) == 1
