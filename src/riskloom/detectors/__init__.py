"""Detectors: algorithms that say how strange a feature vector is.

A module of this room that is not a helper *is* a kind, and holds the class of the same name:
`isolation_forest` holds `IsolationForest`. Every kind keeps the laws in `checks`. A detector is pure: it gets
arrays and a seed, and knows neither files, scenarios nor clocks. The training library is imported inside
`fit` only; a trained model travels as plain arrays and is scored by our own loops, so that a serving process
never imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from riskloom import kinds

if TYPE_CHECKING:
    from riskloom.detectors.base import Detector

HELPERS = frozenset(
    {
        "autoencoder_fit",
        "autoencoder_kernel",
        "base",
        "boosting",
        "boosting_fit",
        "boosting_guard",
        "calibration",
        "checks",
        "half_space_kernel",
        "prepare",
        "prepare_fit",
        "prepare_kernel",
        "prepare_spec",
        "reference",
        "served",
        "standardise",
        "svm_kernel",
        "tails",
        "threshold_ways",
        "thresholds",
        "tree_branches",
        "tree_contributions",
        "tree_kernel",
        "trees",
    }
)


def names() -> tuple[str, ...]:
    """The kinds of detector there are."""
    return kinds.names(__name__, helpers=HELPERS)


def load(kind: str) -> type[Detector]:
    """The class of one kind.

    Raises
    ------
    ParameterInvalid
        When there is no such kind; names the nearest.
    """
    module = kinds.load(__name__, kind, helpers=HELPERS)
    return cast("type[Detector]", getattr(module, "".join(word.capitalize() for word in kind.split("_"))))
