"""From a history to a model. The libraries that fit are extras; what they learned becomes arrays.

Detectors learn from the train rows. What joins them and what makes their score a probability is learned from
later rows, the validation: no training made the scores of those better than they are.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom import detectors
from riskloom.detectors.base import Detector, Floats, Holdout, Progress
from riskloom.detectors.calibration import Calibration
from riskloom.detectors.prepare import Preparation
from riskloom.detectors.prepare_spec import PreparationSpec, Step
from riskloom.detectors.reference import RiskReference
from riskloom.errors import DataInvalid, Fault
from riskloom.member import Member, positions_of
from riskloom.model import QUANTILES, Model
from riskloom.scenario.scenario import DetectorSpec, Scenario
from riskloom.training.history import History

Told = Callable[[str, int, int], None]
"""Told of progress: whose, how much is done, of how much."""

FEWEST_ROWS = 100
FEWEST_FRAUDS = 10
"""Below this many frauds in the validation there is no calibration: it would be a guess."""
REFERENCE_ROWS = 200_000
CATEGORICAL = "categorical"
"""The parameter of kinds that take categories as they are: which of their columns hold them."""


def fit_model(
    train: History,
    scenario: Scenario,
    *,
    seed: int,
    validation: History | None = None,
    about: Mapping[str, Any] | None = None,
    progress: Told | None = None,
) -> Model:
    """Train the scenario's detectors and what joins them.

    Parameters
    ----------
    validation
        Later rows: early stopping, ensemble and calibration look at them. Without labelled ones a stacking
        ensemble learns from `train`, and there is no calibration.
    about
        What the manifest should say beside rows, seed, data hash and library versions.

    Raises
    ------
    DataInvalid
        With fewer than 100 rows, and when a kind that learns from labels has none of both sorts.
    ExtraMissing
        When the library that trains a detector is not installed.
    """
    if len(train) < FEWEST_ROWS:
        raise DataInvalid(Fault("data", f"at least {FEWEST_ROWS} events to train on", str(len(train))))
    members = tuple(
        _fit_member(spec, scenario, train, validation, seed, progress) for spec in scenario.model.detectors
    )
    judged = validation if validation is not None and validation.labelled else None
    ensemble = _fit_ensemble(scenario, members, train, judged, seed)
    features = tuple(dict.fromkeys(name for member in members for name in member.features))
    positions = positions_of(features, scenario.feature_names)
    info = {
        "trained_rows": len(train),
        "frauds": train.frauds,
        "seed": seed,
        "data_sha256": train.digest,
        "features_sha256": scenario.fingerprint("features"),
        "versions": _versions(),
        **(about or {}),
    }
    fitted = Model(
        members, ensemble, members[0].reference, None, features, positions, usual(train, positions), info
    )
    reference = fitted.reference if ensemble is None else _reference(fitted.anomaly_many, train, seed)
    calibration = None if judged is None else _fit_calibration(scenario, fitted, judged)
    return Model(members, ensemble, reference, calibration, features, positions, fitted.usual, info)


def _fit_member(
    spec: DetectorSpec,
    scenario: Scenario,
    train: History,
    validation: History | None,
    seed: int,
    progress: Told | None,
) -> Member:
    kind = detectors.load(spec.kind)
    rows = train.rows(~np.isnan(train.labels)) if kind.SUPERVISED else train
    if kind.SUPERVISED and not rows.labelled:
        expected = f"labelled frauds and honest events for {spec.kind}"
        hint = "name the label column in the scenario: event: {label: is_fraud}"
        raise DataInvalid(Fault("labels", expected, f"{rows.frauds} frauds of {len(rows)} labelled", hint))
    positions = positions_of(spec.features, scenario.feature_names)
    categories = [
        feature.name for feature in scenario.features if feature.category and feature.name in spec.features
    ]
    native = any(constraint.name == CATEGORICAL for constraint in kind.PARAMETERS)
    steps = _with_ordinals(spec.preparation, categories) if native else spec.preparation
    chosen = np.ascontiguousarray(rows.vectors[:, positions])
    preparation, X = Preparation.fit_and_apply(
        steps, spec.features, categories, chosen, rows.labels, known=_known(rows, scenario.label_delay_us)
    )
    parameters = dict(spec.parameters)
    if native and steps is not spec.preparation:
        encoded = steps.steps[-1].columns
        parameters[CATEGORICAL] = ",".join(
            str(at) for at, name in enumerate(preparation.names) if name in encoded
        )
    detector = kind.fit(
        X,
        seed=seed,
        parameters=parameters,
        labels=rows.labels,
        holdout=_holdout(kind, validation, positions, preparation),
        progress=None if progress is None else _named(progress, spec.name),
    )
    fitted = Member(spec.name, spec.features, positions, preparation, detector, _EMPTY)
    reference = _reference(fitted.score_many, train, seed)
    return Member(spec.name, spec.features, positions, preparation, detector, reference)


def _with_ordinals(steps: PreparationSpec, categories: list[str]) -> PreparationSpec:
    """The declared steps, and small numbers for those categories that none of them encodes."""
    encoded = {name for step in steps.steps if step.kind == "encode" for name in step.columns or categories}
    left = tuple(name for name in categories if name not in encoded)
    return PreparationSpec((*steps.steps, Step("encode", "ordinal", left))) if left else steps


def _known(rows: History, delay_us: int) -> npt.NDArray[np.int64]:
    """How many rows, from the first, had a known label when each row came."""
    known = np.searchsorted(rows.time_us + delay_us, rows.time_us, "right")
    return np.minimum(known, np.arange(len(rows))).astype(np.int64)


def _holdout(
    kind: type[Detector],
    validation: History | None,
    positions: npt.NDArray[np.int64],
    preparation: Preparation,
) -> Holdout | None:
    if validation is None or not len(validation):
        return None
    rows = validation.rows(~np.isnan(validation.labels)) if kind.SUPERVISED else validation
    if kind.SUPERVISED and not rows.labelled:
        return None
    return preparation.apply_many(np.ascontiguousarray(rows.vectors[:, positions])), rows.labels


def _fit_ensemble(
    scenario: Scenario, members: tuple[Member, ...], train: History, judged: History | None, seed: int
) -> Detector | None:
    spec = scenario.model
    if not spec.ensemble:
        return None
    kind = detectors.load(spec.ensemble)
    rows = judged if judged is not None else train
    if kind.SUPERVISED:
        rows = rows.rows(~np.isnan(rows.labels))
    voices = np.stack([member.voice_many(member.score_many(rows.vectors)) for member in members], axis=1)
    return kind.fit(
        np.ascontiguousarray(voices), seed=seed, parameters=spec.ensemble_parameters, labels=rows.labels
    )


def _fit_calibration(scenario: Scenario, fitted: Model, judged: History) -> Calibration | None:
    rows = judged.rows(~np.isnan(judged.labels))
    if scenario.model.calibration == "none" or rows.frauds < FEWEST_FRAUDS:
        return None
    scores = fitted.anomaly_many(rows.vectors)
    return Calibration.fit(scores, rows.labels, method=scenario.model.calibration)


def _reference(score_many: Callable[[Floats], Floats], train: History, seed: int) -> RiskReference:
    """What a score is compared with: the training rows, or an even draw of them when there are very many."""
    chosen = reference_rows(len(train), seed)
    return RiskReference.fit(score_many(train.vectors if chosen is None else train.vectors[chosen]))


def reference_rows(count: int, seed: int) -> npt.NDArray[np.int64] | None:
    """Which rows the risk score refers to: all (None), or an even draw of them."""
    if count <= REFERENCE_ROWS:
        return None
    return np.sort(np.random.default_rng(seed).choice(count, REFERENCE_ROWS, replace=False))


_EMPTY = RiskReference(np.zeros(1), np.zeros(1, np.int64), 1)


def usual(train: History, positions: npt.NDArray[np.int64]) -> Floats:
    """Quantiles of each feature over the rows that have it: shape (features, quantiles)."""
    quantiles = np.full((len(positions), len(QUANTILES)), np.nan)
    for row, at in enumerate(positions):
        column = train.vectors[:, at]
        known = column[np.isfinite(column)]
        if len(known):
            quantiles[row] = np.quantile(known, QUANTILES)
    return quantiles


def _named(progress: Told, name: str) -> Progress:
    return lambda done, total: progress(name, done, total)


def _versions() -> dict[str, str]:
    names = ("riskloom", "numpy", "scikit-learn", "xgboost-cpu", "lightgbm", "torch")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
