"""From feature vectors to a model. The library that fits is an extra; what it learned becomes arrays."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom import detectors
from riskloom.detectors.reference import RiskReference
from riskloom.errors import DataInvalid, Fault
from riskloom.model import QUANTILES, Model
from riskloom.scenario.scenario import Scenario

Progress = Callable[[int, int], None]
FEWEST_ROWS = 100
REFERENCE_ROWS = 200_000


def fit_model(
    vectors: npt.NDArray[np.float64],
    scenario: Scenario,
    *,
    seed: int,
    about: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Model:
    """Train the scenario's detector.

    Parameters
    ----------
    vectors
        float64, shape (events, features) in the scenario's order, NaN where missing.
    about
        What the manifest should say beside rows, seed, data hash and library versions.

    Raises
    ------
    DataInvalid
        With fewer than 100 rows.
    ExtraMissing
        When the library that trains this detector is not installed.
    """
    if len(vectors) < FEWEST_ROWS:
        raise DataInvalid(Fault("data", f"at least {FEWEST_ROWS} events to train on", str(len(vectors))))
    spec = scenario.detector
    names = spec.features or scenario.feature_names
    positions = np.array([scenario.feature_names.index(name) for name in names], np.int64)
    X = np.ascontiguousarray(vectors[:, positions])
    detector = detectors.load(spec.kind).fit(X, seed=seed, parameters=spec.parameters, progress=progress)
    chosen = _reference_rows(len(X), seed)
    reference = RiskReference.fit(detector.score_many(X if chosen is None else X[chosen]))
    info = {
        "trained_rows": len(X),
        "seed": seed,
        "data_sha256": hashlib.sha256(np.ascontiguousarray(vectors).tobytes()).hexdigest(),
        "features_sha256": scenario.fingerprint("features"),
        "versions": _versions(),
        **(about or {}),
    }
    return Model(spec.kind, tuple(names), positions, detector, reference, _usual(X), info)


def _reference_rows(count: int, seed: int) -> npt.NDArray[np.int64] | None:
    """Which rows the risk score refers to: all, or an even draw of them when there are very many."""
    if count <= REFERENCE_ROWS:
        return None
    return np.sort(np.random.default_rng(seed).choice(count, REFERENCE_ROWS, replace=False))


def _usual(X: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Quantiles of each feature over the rows that have it: shape (features, quantiles)."""
    usual = np.full((X.shape[1], len(QUANTILES)), np.nan)
    for at in range(X.shape[1]):
        known = X[np.isfinite(X[:, at]), at]
        if len(known):
            usual[at] = np.quantile(known, QUANTILES)
    return usual


def _versions() -> dict[str, str]:
    names = ("riskloom", "numpy", "scikit-learn")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
