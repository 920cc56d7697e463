"""Looks for better parameters: trains a detector again and again, keeps what ranks the validation best.

The search is optuna's tree of Parzen estimators, seeded. The test takes no part in it.

References
----------
T. Akiba, S. Sano, T. Yanase, T. Ohta, M. Koyama, "Optuna: A Next-generation Hyperparameter Optimization
Framework", KDD, 2019, doi:10.1145/3292500.3330701.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from riskloom.errors import DataInvalid, ExtraMissing, Fault
from riskloom.measure.ranking import average_precision
from riskloom.scenario.load import scenario_from_parts
from riskloom.scenario.scenario import Scenario
from riskloom.training.fit import Told, fit_model
from riskloom.training.history import History

Range = tuple[float, float, bool]
"""From, to, and whether in even steps of the logarithm; whole numbers where both ends are."""

SPACES: Mapping[str, Mapping[str, Range]] = {
    "isolation_forest": {
        "trees": (100, 400, False), "max_samples": (64, 4_096, True), "max_features": (0.3, 1.0, False),
    },
    "one_class_svm": {"nu": (0.01, 0.6, True), "gamma": (0.1, 10.0, True)},
    "autoencoder": {"learning_rate": (1e-4, 1e-2, True), "batch_size": (64, 1_024, True)},
    "half_space_trees": {"trees": (25, 100, False), "depth": (6, 13, False)},
    "logistic_regression": {"C": (1e-3, 100.0, True)},
    "lightgbm": {
        "num_leaves": (4, 63, True), "learning_rate": (0.01, 0.2, True), "min_data_in_leaf": (5, 200, True),
        "reg_lambda": (0.1, 50.0, True), "colsample": (0.3, 1.0, False), "subsample": (0.5, 1.0, False),
    },
    "xgboost": {
        "max_depth": (2, 8, False), "learning_rate": (0.01, 0.3, True), "min_child_weight": (0.1, 30.0, True),
        "reg_lambda": (0.1, 50.0, True), "colsample": (0.3, 1.0, False), "subsample": (0.5, 1.0, False),
    },
}  # fmt: skip
"""What is tried of each kind; ecod has nothing to tune."""


def tune(
    scenario: Scenario,
    train: History,
    validation: History | None,
    *,
    trials: int,
    seed: int,
    progress: Told | None = None,
) -> Scenario:
    """The scenario with the best parameters found for each of its detectors, each tried alone.

    The declared parameters are the first trial: what comes out is never worse on the validation.

    Raises
    ------
    DataInvalid
        Without a validation that has labels: nothing could say what is better.
    ExtraMissing
        When optuna is not installed.
    """
    if validation is None or not validation.labelled:
        raise DataInvalid(Fault("tune", "labelled events later than training", "none"))
    model = scenario.parts["model"]
    declared = model.get("detectors") or [model.get("detector") or {}]
    found = [
        _tune_one(dict(given), scenario, train, validation, trials, seed, progress) for given in declared
    ]
    tuned = {key: value for key, value in model.items() if key not in ("detector", "detectors")}
    return scenario_from_parts({**scenario.parts, "model": {**tuned, "detectors": found}})


def _tune_one(
    given: dict[str, Any],
    scenario: Scenario,
    train: History,
    validation: History,
    trials: int,
    seed: int,
    progress: Told | None,
) -> dict[str, Any]:
    kind = given.get("kind", scenario.model.detectors[0].kind)
    space = SPACES.get(kind)
    if space is None:
        return given
    known = validation.rows(~np.isnan(validation.labels))
    merits: dict[int, tuple[float, dict[str, Any]]] = {}
    optuna = _optuna()
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    for number in range(trials + 1):
        chosen = dict(given.get("parameters") or {})
        trial = None
        if number:
            trial = study.ask()
            chosen |= {name: _draw(trial, name, bounds) for name, bounds in space.items()}
        alone = {"detector": {**given, "kind": kind, "parameters": chosen}, "calibration": "none"}
        tried = scenario_from_parts({**scenario.parts, "model": alone})
        fitted = fit_model(train, tried, seed=seed, validation=validation)
        merit = average_precision(known.labels, fitted.anomaly_many(known.vectors))
        merits[number] = (merit, chosen)
        if trial is not None:
            study.tell(trial, merit)
        if progress is not None:
            progress(f"tuning {kind}", number, trials)
    best = max(merits, key=lambda number: (merits[number][0], -number))
    return {**given, "kind": kind, "parameters": merits[best][1]}


def _draw(trial: Any, name: str, bounds: Range) -> int | float:
    low, high, log = bounds
    if isinstance(low, int) and isinstance(high, int):
        return int(trial.suggest_int(name, low, high, log=log))
    return float(trial.suggest_float(name, low, high, log=log))


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as cause:
        raise ExtraMissing("train", "Tuning") from cause
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
