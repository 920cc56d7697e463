"""`Member`: one trained detector of a model, with what it sees and how that is prepared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from riskloom import detectors
from riskloom.detectors.base import Detector
from riskloom.detectors.prepare import Preparation
from riskloom.detectors.reference import RiskReference
from riskloom.errors import BundleInvalid, show

Vector = npt.NDArray[np.float64]
Arrays = dict[str, npt.NDArray[Any]]


class Contributions(NamedTuple):
    """Parts of a score by feature: `base + parts.sum()` is the score, a higher part is more suspicious.

    `of` names what they add up to: log_odds, path_length and so on.
    """

    base: float
    parts: Vector
    of: str


@dataclass(frozen=True, slots=True)
class Member:
    """One trained detector over some features of a vector, prepared as it was in training."""

    name: str
    features: tuple[str, ...]
    positions: npt.NDArray[np.int64]
    preparation: Preparation
    detector: Detector
    reference: RiskReference

    @property
    def kind(self) -> str:
        """Which detector it is."""
        return self.detector.kind

    def score_one(self, vector: Vector) -> float:
        """The anomaly score of one feature vector of the scenario."""
        return self.detector.score_one(self.preparation.apply_one(vector[self.positions]))

    def score_many(self, vectors: Vector) -> Vector:
        """The anomaly scores of vectors float64[events, features]."""
        chosen = np.ascontiguousarray(vectors[:, self.positions])
        return self.detector.score_many(self.preparation.apply_many(chosen))

    def contributions_one(self, vector: Vector) -> Contributions | None:
        """What each of its features adds to the score of one vector; None where its kind admits no parts."""
        told = getattr(self.detector, "contributions_one", None)
        if told is None:
            return None
        base, parts = told(self.preparation.apply_one(vector[self.positions]))
        return Contributions(
            base, self.preparation.fold(parts), str(getattr(self.detector, "ADDITIVE", "score"))
        )

    def voice_one(self, anomaly_score: float) -> float:
        """What an ensemble hears: log-odds from kinds that learn from labels, the rarity of the score from
        others."""
        return anomaly_score if self.detector.SUPERVISED else self.reference.rarity_one(anomaly_score)

    def voice_many(self, anomaly_scores: Vector) -> Vector:
        """`voice_one` of many."""
        return anomaly_scores if self.detector.SUPERVISED else self.reference.rarity_many(anomaly_scores)


def spread(member: Member, own: Contributions, voice: float, share: float) -> tuple[Vector, float]:
    """What a member adds to an ensemble, by feature, and the rest that belongs to no feature."""
    if member.detector.SUPERVISED:
        known = voice - own.base
        return own.parts * (share / known if known else 0.0), 0.0 if known else share
    raising = np.maximum(own.parts, 0.0)
    total = raising.sum()
    return (raising * (share / total), 0.0) if total > 0 else (np.zeros(len(raising)), share)


def positions_of(features: Sequence[str], feature_names: Sequence[str]) -> npt.NDArray[np.int64]:
    """Where some features stand in the vector of a scenario.

    Raises
    ------
    BundleInvalid
        When the scenario lacks one.
    """
    unknown = [name for name in features if name not in feature_names]
    if unknown:
        raise BundleInvalid(f"The model uses features that the scenario lacks: {', '.join(unknown)}.")
    return np.array([list(feature_names).index(name) for name in features], np.int64)


def read_member(
    told: Mapping[str, Any], at: int, feature_names: Sequence[str], arrays: Mapping[str, npt.NDArray[Any]]
) -> Member:
    features = tuple(told["features"])
    preparation = Preparation.from_arrays(within(arrays, f"{at}.preparation."))
    if preparation.width != len(features):
        raise BundleInvalid(f"The model {show(told['name'])} was not prepared on {len(features)} features.")
    return Member(
        told["name"],
        features,
        positions_of(features, feature_names),
        preparation,
        read_detector(told["kind"], arrays, f"{at}.detector", len(preparation.names)),
        RiskReference.from_arrays(within(arrays, f"{at}.reference.")),
    )


def read_detector(kind: str, arrays: Mapping[str, npt.NDArray[Any]], prefix: str, width: int) -> Detector:
    detector = detectors.load(kind).from_arrays(within(arrays, f"{prefix}."))
    if detector.width != width:
        raise BundleInvalid(f"The {kind} was not trained on {width} features.")
    return detector


def within(arrays: Mapping[str, npt.NDArray[Any]], prefix: str) -> Arrays:
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}
