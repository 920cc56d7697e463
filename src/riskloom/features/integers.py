"""The exact integers behind a feature: how many of its four are meant, and as plain Python values."""

from __future__ import annotations

from collections.abc import Sequence

from riskloom.features.layout import NULL, Ints
from riskloom.features.spec import WindowFeature

MEANT = {"mean": 2, "std": 4, "travel_km": 3, "travel_speed": 3, "fraud_share": 2}
"""How many integers an aggregate has; one where it is not named."""


def meaningful(features: Sequence[WindowFeature], raw: Ints) -> list[tuple[int, ...] | None]:
    """raw int64 [features, 4] -> for each feature its integers, or None for null."""
    rows = raw.tolist()
    return [
        None if row[0] == NULL else tuple(row[: MEANT.get(feature.aggregate, 1)])
        for feature, row in zip(features, rows, strict=False)
    ]
