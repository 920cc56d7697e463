"""Thresholds are declared by kind and parameters, say why, and refuse what they cannot be chosen from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from riskloom.detectors.thresholds import KINDS, LABELLED, ThresholdSpec, choose
from riskloom.errors import DataInvalid, ParameterInvalid
from riskloom.params import defaults, validate

SCORES = np.array([0.1, 0.9, 0.4, 0.8, 0.4])
LABELS = np.array([0.0, 1.0, 0.0, 1.0, 1.0])
DAYS = np.array([1, 1, 2, 2, 2])


def test_every_default_is_an_allowed_value() -> None:
    for kind, constraints in KINDS.items():
        assert validate(defaults(constraints), constraints) == ThresholdSpec(kind).parameters
    assert ThresholdSpec("contamination").parameters == {"contamination": 0.06}


def test_a_kind_or_parameter_that_is_none_is_refused_with_the_nearest() -> None:
    with pytest.raises(ParameterInvalid, match="did you mean 'precision'"):
        ThresholdSpec("precison")
    with pytest.raises(ParameterInvalid) as caught:
        ThresholdSpec("cost", {"reviews": 1, "recovered": 2})
    assert [fault.where for fault in caught.value.faults] == ["parameters.reviews", "parameters.recovered"]


def test_the_why_says_what_was_asked_and_what_it_does() -> None:
    found = choose(ThresholdSpec("recall", {"at_least": 0.6}), SCORES, LABELS)

    assert found.value == 0.8
    assert found.why == {
        "kind": "recall",
        "at_least": 0.6,
        "rows": 5,
        "flagged": 2,
        "flagged_share": 0.4,
        "frauds": 3,
        "caught": 2,
        "recall": 2 / 3,
        "precision": 1.0,
    }


def test_without_labels_there_is_no_word_of_fraud() -> None:
    found = choose(ThresholdSpec("percentile", {"percentile": 60}), SCORES)

    assert found.value == 0.8
    assert set(found.why) == {"kind", "percentile", "rows", "flagged", "flagged_share"}


def test_a_threshold_that_flags_nothing_lies_just_above_the_highest_score() -> None:
    for spec in (
        ThresholdSpec("percentile", {"percentile": 100}),
        ThresholdSpec("contamination", {"contamination": 0.1}),
        ThresholdSpec("alert_budget", {"alerts": 0}),
    ):
        found = choose(spec, SCORES, LABELS, days=DAYS)
        assert found.value == np.nextafter(0.9, 1)
        assert found.why["flagged"] == 0
        assert "precision" not in found.why


def test_an_entity_flagged_twice_a_day_is_one_alert() -> None:
    spec = ThresholdSpec("alert_budget", {"alerts": 1.5})
    same = np.array(["a", "a", "b", "b", "b"])

    assert choose(spec, SCORES, days=DAYS).why["flagged"] == 2
    found = choose(spec, SCORES, days=DAYS, entities=same)
    assert found.why["flagged"] == 5
    assert found.why["alerts_per_day"] == 1.0
    nobody = np.array([None] * 5, object)
    assert choose(spec, SCORES, days=DAYS, entities=nobody) == choose(spec, SCORES, days=DAYS)


def test_labels_are_needed_just_by_the_kinds_that_say_so() -> None:
    amounts = np.ones(5)
    for kind in KINDS:
        if kind in LABELLED:
            assert ThresholdSpec(kind).needs_labels
            with pytest.raises(DataInvalid, match="labels"):
                choose(ThresholdSpec(kind), SCORES, amounts=amounts, days=DAYS)
        else:
            assert choose(ThresholdSpec(kind), SCORES, days=DAYS).value > 0


@pytest.mark.parametrize(
    ("spec", "given", "where"),
    [
        (ThresholdSpec("cost"), {"labels": LABELS}, ["amounts"]),
        (ThresholdSpec("cost"), {}, ["labels", "amounts"]),
        (ThresholdSpec("cost"), {"labels": LABELS, "amounts": np.full(5, np.nan)}, ["amounts"]),
        (ThresholdSpec("cost"), {"labels": LABELS, "amounts": np.full(5, -1.0)}, ["amounts"]),
        (ThresholdSpec("alert_budget"), {}, ["days"]),
        (ThresholdSpec("alert_budget"), {"days": DAYS[:2], "entities": DAYS[:2]}, ["days", "entities"]),
        (ThresholdSpec("alert_budget"), {"days": DAYS.astype(float)}, ["days"]),
        (ThresholdSpec("f_beta", {"average": "days"}), {"labels": LABELS}, ["days"]),
        (ThresholdSpec("recall"), {"labels": np.ones(5)}, ["labels"]),
        (ThresholdSpec("percentile"), {"labels": np.full(5, 0.5)}, ["labels"]),
        (ThresholdSpec("percentile"), {"scores": np.array([0.0, np.nan])}, ["scores"]),
        (ThresholdSpec("percentile"), {"scores": np.array([])}, ["scores"]),
        (ThresholdSpec("percentile"), {"scores": np.array([1, 2])}, ["scores"]),
        (ThresholdSpec("percentile"), {"scores": [0.1, 0.2]}, ["scores"]),
    ],
)
def test_rows_that_do_not_fit_are_refused_all_at_once(
    spec: ThresholdSpec, given: dict[str, Any], where: list[str]
) -> None:
    with pytest.raises(DataInvalid) as caught:
        choose(spec, **{"scores": SCORES, **given})
    assert [fault.where for fault in caught.value.faults] == where


def test_labels_may_be_whole_numbers_or_truths() -> None:
    spec = ThresholdSpec("f_beta")
    for kind in (np.int64, np.bool_):
        assert choose(spec, SCORES, LABELS.astype(kind)) == choose(spec, SCORES, LABELS)
