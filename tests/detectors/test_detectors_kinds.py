"""Every kind of detector keeps the public laws; a kind that breaks one is caught."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from riskloom import detectors
from riskloom.detectors import checks
from riskloom.detectors.isolation_forest import IsolationForest
from riskloom.errors import ParameterInvalid


@pytest.mark.parametrize("kind", detectors.names())
def test_every_kind_keeps_the_laws(kind: str) -> None:
    checks.check_detector(kind)


def test_the_kinds_are_files_and_helpers_are_none() -> None:
    assert "isolation_forest" in detectors.names()
    assert not detectors.HELPERS & set(detectors.names())
    assert detectors.load("isolation_forest") is IsolationForest


@pytest.mark.parametrize("kind", ["isolation_forrest", "trees", "../errors", ""])
def test_what_is_no_kind_is_refused(kind: str) -> None:
    with pytest.raises(ParameterInvalid, match="isolation_forest"):
        detectors.load(kind)


class Planted(IsolationForest):
    """A forest with one fault."""


class LastBit(Planted):
    def score_many(self, X: np.ndarray) -> np.ndarray:
        return np.nextafter(super().score_many(X), 2)


class WrongSign(Planted):
    def score_one(self, x: np.ndarray) -> float:
        return -super().score_one(x)

    def score_many(self, X: np.ndarray) -> np.ndarray:
        return -super().score_many(X)


class NoSeed(Planted):
    @classmethod
    def fit(cls, X: np.ndarray, *, seed: int, **rest: object) -> IsolationForest:
        cls.calls = getattr(cls, "calls", 0) + 1
        return super().fit(X, seed=seed + cls.calls, **rest)


class LoseMissing(Planted):
    def score_one(self, x: np.ndarray) -> float:
        return float("nan") if np.isnan(x).any() else super().score_one(x)

    def score_many(self, X: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(X).any(axis=1), np.nan, super().score_many(X))


class NeedsTwoRows(Planted):
    @classmethod
    def fit(cls, X: np.ndarray, *, seed: int, **rest: object) -> IsolationForest:
        if len(X) < 2:
            raise ZeroDivisionError("one row")
        return super().fit(X, seed=seed, **rest)


class Forgetful(Planted):
    def arrays(self) -> dict[str, np.ndarray]:
        arrays = super().arrays()
        return arrays | {"threshold": arrays["threshold"].astype(np.float16).astype(np.float32)}


@pytest.mark.parametrize(
    ("planted", "law"),
    [
        (LastBit, "one and many"),
        (WrongSign, "higher is more suspicious"),
        (NoSeed, "same seed"),
        (LoseMissing, "missing values"),
        (NeedsTwoRows, "one row"),
        (Forgetful, "round trip"),
    ],
)
def test_the_laws_catch_a_planted_fault(
    planted: type[Planted], law: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load: Callable[[str], type] = lambda kind: planted  # noqa: E731 - a stand-in for detectors.load
    monkeypatch.setattr(checks, "load", load)

    with pytest.raises((AssertionError, ZeroDivisionError), match=law):
        checks.check_detector("isolation_forest")
