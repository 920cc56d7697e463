"""What measures return writes itself as plain data, for JSON and for pages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


class Result:
    """The base of frozen result dataclasses."""

    __slots__ = ()

    def as_data(self) -> dict[str, object]:
        """The fields as values that `json.dumps(..., allow_nan=False)` takes; NaN is None, ∞ is "inf"."""
        of: Any = self
        return {field.name: plain(getattr(self, field.name)) for field in fields(of)}


def plain(value: object) -> object:
    """A value of dataclasses, mappings, sequences, arrays and numbers as dicts, lists and plain scalars.

    >>> plain({"auc": float("nan"), "days": (1, 2)})
    {'auc': None, 'days': [1, 2]}
    """
    if isinstance(value, Result):
        return value.as_data()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, tuple | list):
        return [plain(inner) for inner in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value
