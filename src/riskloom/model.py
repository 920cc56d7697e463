"""`Model`: a trained detector with what turns its raw score into a risk score and into plain facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom import detectors
from riskloom.detectors.base import Detector
from riskloom.detectors.reference import RiskReference
from riskloom.errors import BundleInvalid

Vector = npt.NDArray[np.float64]
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Model:
    """A trained detector over some features of a vector.

    `usual` holds the training quantiles of each feature, shape (features, len(QUANTILES)), NaN where a
    feature was always missing. `info` says how it was trained (rows, seed, data hash, library versions).
    """

    kind: str
    features: tuple[str, ...]
    positions: npt.NDArray[np.int64]
    detector: Detector
    reference: RiskReference
    usual: Vector
    info: Mapping[str, Any]

    def score_one(self, vector: Vector) -> tuple[float, float]:
        """(anomaly score, risk score) of one feature vector of the scenario."""
        anomaly_score = self.detector.score_one(vector[self.positions])
        return anomaly_score, self.reference.risk_one(anomaly_score)

    def score_many(self, vectors: Vector) -> tuple[Vector, Vector]:
        """(anomaly scores, risk scores) of many feature vectors, shape (events, features)."""
        chosen = np.ascontiguousarray(vectors[:, self.positions])
        anomaly_scores = self.detector.score_many(chosen)
        return anomaly_scores, self.reference.risk_many(anomaly_scores)

    def unusual(self, vector: Vector, limit: int = 3) -> dict[str, object]:
        """The features of `vector` farthest outside their usual range, as {name: value}: facts, no shares."""
        values = vector[self.positions]
        low, middle, high = self.usual[:, 1], self.usual[:, 3], self.usual[:, 5]
        width = np.maximum(high - low, 1e-9 + 0.05 * np.abs(middle))
        beyond = np.maximum(values - high, low - values) / width
        beyond[~np.isfinite(beyond)] = 0.0
        worst = np.argsort(-beyond, kind="stable")[:limit]
        return {self.features[at]: float(values[at]) for at in worst if beyond[at] > 0}

    def warm_up(self) -> None:
        """Score once, so that the first event does not pay for loading compiled code."""
        self.score_one(np.zeros(int(self.positions.max(initial=0)) + 1))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The model as arrays, the detector's and the reference's under their own prefixes."""
        arrays: dict[str, npt.NDArray[Any]] = {"usual": self.usual}
        arrays |= {f"detector.{name}": array for name, array in self.detector.arrays().items()}
        arrays |= {f"reference.{name}": array for name, array in self.reference.arrays().items()}
        return arrays

    @classmethod
    def from_arrays(
        cls,
        kind: str,
        features: Sequence[str],
        feature_names: Sequence[str],
        arrays: Mapping[str, npt.NDArray[Any]],
        info: Mapping[str, Any],
    ) -> Model:
        """Put a model together again.

        Raises
        ------
        BundleInvalid
            When arrays are missing or do not fit the features.
        """
        unknown = [name for name in features if name not in feature_names]
        if unknown:
            raise BundleInvalid(f"The model uses features that the scenario lacks: {', '.join(unknown)}.")
        usual = arrays.get("usual")
        if usual is None or usual.shape != (len(features), len(QUANTILES)) or usual.dtype != np.float64:
            raise BundleInvalid("The model's usual values are missing or of another shape.")
        detector = detectors.load(kind).from_arrays(_within(arrays, "detector."))
        positions = np.array([list(feature_names).index(name) for name in features], np.int64)
        reference = RiskReference.from_arrays(_within(arrays, "reference."))
        return cls(kind, tuple(features), positions, detector, reference, usual, dict(info))


def _within(arrays: Mapping[str, npt.NDArray[Any]], prefix: str) -> dict[str, npt.NDArray[Any]]:
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}
