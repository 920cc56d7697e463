"""`Model`: trained detectors, joined, with what turns their raw score into a risk score and a probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from riskloom.detectors.base import Detector
from riskloom.detectors.calibration import Calibration
from riskloom.detectors.reference import RiskReference
from riskloom.errors import BundleInvalid
from riskloom.member import (
    Arrays,
    Contributions,
    Member,
    Vector,
    positions_of,
    read_detector,
    read_member,
    spread,
    within,
)

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


class Scores(NamedTuple):
    """What a model says of one event. `probability` is None without a calibration."""

    anomaly_score: float
    risk_score: float
    probability: float | None


class ManyScores(NamedTuple):
    """The same of many events, column by column."""

    anomaly_scores: Vector
    risk_scores: Vector
    probabilities: Vector | None


@dataclass(frozen=True, slots=True)
class Model:
    """What is served: one member, or several and an ensemble over what they say.

    Parameters
    ----------
    reference
        The scores of the training rows, for `risk_score`.
    usual
        The training quantiles of each feature, shape (features, len(QUANTILES)), NaN where a feature was
        always missing.
    info
        How it was trained: rows, seed, data hash, library versions.
    """

    members: tuple[Member, ...]
    ensemble: Detector | None
    reference: RiskReference
    calibration: Calibration | None
    features: tuple[str, ...]
    positions: npt.NDArray[np.int64]
    usual: Vector
    info: Mapping[str, Any]
    _single: Member | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_single", self.members[0] if self.ensemble is None else None)

    @property
    def kind(self) -> str:
        """The kind of the one detector, or of the ensemble that joins them."""
        return self.members[0].kind if self.ensemble is None else self.ensemble.kind

    def score_one(self, vector: Vector) -> Scores:
        """The scores of one feature vector of the scenario."""
        if self._single is not None:
            anomaly_score = self._single.score_one(vector)
        else:
            voices = [member.voice_one(member.score_one(vector)) for member in self.members]
            anomaly_score = self._joined.score_one(np.array(voices))
        probability = None if self.calibration is None else self.calibration.probability_one(anomaly_score)
        return Scores(anomaly_score, self.reference.risk_one(anomaly_score), probability)

    def score_many(self, vectors: Vector) -> ManyScores:
        """The scores of vectors float64[events, features], bit for bit those of `score_one`."""
        anomaly_scores = self.anomaly_many(vectors)
        probabilities = (
            None if self.calibration is None else self.calibration.probability_many(anomaly_scores)
        )
        return ManyScores(anomaly_scores, self.reference.risk_many(anomaly_scores), probabilities)

    def anomaly_many(self, vectors: Vector) -> Vector:
        """The anomaly scores alone."""
        if self._single is not None:
            return self._single.score_many(vectors)
        return self._joined.score_many(self.voices_many(vectors))

    def voices_many(self, vectors: Vector) -> Vector:
        """What the members say, float64[events, members]."""
        said = [member.voice_many(member.score_many(vectors)) for member in self.members]
        return np.ascontiguousarray(np.stack(said, axis=1))

    @property
    def _joined(self) -> Detector:
        if self.ensemble is None:
            raise BundleInvalid("A model of one detector has no ensemble.")
        return self.ensemble

    def raised_by(self, vector: Vector, limit: int = 5) -> dict[str, float]:
        """What the features that raised the score of `vector` most added to it, highest first."""
        told = self.contributions_one(vector)
        if told is None:
            return {}
        order = np.argsort(-told.parts, kind="stable")[:limit]
        return {self.features[at]: float(told.parts[at]) for at in order if told.parts[at] > 0}

    def facts(self, vector: Vector, contributions: Mapping[str, float], limit: int = 3) -> dict[str, object]:
        """The values a person reads first: of what raised the score most, or of what is least usual."""
        if not contributions:
            return self.unusual(vector, limit)
        chosen = list(contributions)[:limit]
        return {name: float(vector[self.positions[self.features.index(name)]]) for name in chosen}

    def unusual(self, vector: Vector, limit: int = 3) -> dict[str, object]:
        """The features of `vector` farthest outside their usual range, as {name: value}: facts, no shares."""
        values = vector[self.positions]
        low, middle, high = self.usual[:, 1], self.usual[:, 3], self.usual[:, 5]
        width = np.maximum(high - low, 1e-9 + 0.05 * np.abs(middle))
        beyond = np.maximum(values - high, low - values) / width
        beyond[~np.isfinite(beyond)] = 0.0
        worst = np.argsort(-beyond, kind="stable")[:limit]
        return {self.features[at]: float(values[at]) for at in worst if beyond[at] > 0}

    def contributions_one(self, vector: Vector) -> Contributions | None:
        """What each feature of one vector adds to its score; None where a detector admits no such parts.

        Of one detector they are exact (see its `ADDITIVE`). Of an ensemble, what each member adds is exact; a
        member that speaks log-odds hands it on exactly, any other in proportion to its own parts.
        """
        if self._single is not None:
            return self._single.contributions_one(vector)
        voices = [member.voice_one(member.score_one(vector)) for member in self.members]
        told = getattr(self._joined, "contributions_one", None)
        if told is None:
            return None
        base, shares = told(np.array(voices))
        parts = np.zeros(len(self.features))
        for member, voice, share in zip(self.members, voices, shares.tolist(), strict=True):
            own = member.contributions_one(vector)
            if own is None:
                return None
            own_parts, rest = spread(member, own, voice, share)
            base += rest
            at = [self.features.index(name) for name in member.features]
            np.add.at(parts, at, own_parts)
        return Contributions(base, parts, str(getattr(self._joined, "ADDITIVE", "score")))

    def warm_up(self) -> None:
        """Score once, so that the first event does not pay for loading compiled code."""
        vector = np.zeros(int(self.positions.max(initial=0)) + 1)
        self.score_one(vector)
        self.contributions_one(vector)

    def about(self) -> dict[str, Any]:
        """What a manifest says of the model; `from_arrays` reads it."""
        return {
            "kind": self.kind,
            "features": list(self.features),
            "members": [
                {"name": member.name, "kind": member.kind, "features": list(member.features)}
                for member in self.members
            ],
            "info": dict(self.info),
        }

    def arrays(self) -> Arrays:
        """The model as arrays, every part under its own prefix."""
        arrays: Arrays = {"usual": self.usual}
        parts: dict[str, Arrays] = {"reference": self.reference.arrays()}
        if self.ensemble is not None:
            parts["ensemble"] = self.ensemble.arrays()
        if self.calibration is not None:
            parts["calibration"] = self.calibration.arrays()
        for at, member in enumerate(self.members):
            parts[f"{at}.preparation"] = member.preparation.arrays()
            parts[f"{at}.detector"] = member.detector.arrays()
            parts[f"{at}.reference"] = member.reference.arrays()
        for part, held in parts.items():
            arrays |= {f"{part}.{name}": array for name, array in held.items()}
        return arrays

    @classmethod
    def from_arrays(
        cls, about: Mapping[str, Any], feature_names: Sequence[str], arrays: Mapping[str, npt.NDArray[Any]]
    ) -> Model:
        """Put a model together again from what `about` and `arrays` gave.

        Raises
        ------
        BundleInvalid
            When arrays are missing or do not fit the features.
        ParameterInvalid
            When a kind of detector is unknown here.
        """
        features = tuple(about["features"])
        usual = arrays.get("usual")
        if usual is None or usual.shape != (len(features), len(QUANTILES)) or usual.dtype != np.float64:
            raise BundleInvalid("The model's usual values are missing or of another shape.")
        members = tuple(
            read_member(told, at, feature_names, arrays) for at, told in enumerate(about["members"])
        )
        alone = len(members) == 1 and about["kind"] == members[0].kind
        ensemble = None if alone else read_detector(about["kind"], arrays, "ensemble", len(members))
        calibrated = within(arrays, "calibration.")
        return cls(
            members,
            ensemble,
            RiskReference.from_arrays(within(arrays, "reference.")),
            Calibration.from_arrays(calibrated) if calibrated else None,
            features,
            positions_of(features, feature_names),
            usual,
            dict(about["info"]),
        )
