"""What state, vectors, evidence and decisions hold of a personal field: its key, never the value itself.

The key is the identity for now. Making it a keyed pseudonym is a change of `key_of` and one migration of
stored keys, and nothing else: every other module asks here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

V = TypeVar("V")


def key_of(field: str, value: str) -> str:
    """The key of one value of a personal field."""
    return value


def keyed(values: Mapping[str, V], personal: frozenset[str]) -> Mapping[str, V]:
    """`values` with each personal text replaced by its key."""
    changed = {name: key_of(name, value) for name in personal if isinstance(value := values.get(name), str)}
    return {**values, **changed} if any(values[name] != key for name, key in changed.items()) else values  # type: ignore[dict-item]


def keyed_column(field: str, column: npt.NDArray[Any], personal: frozenset[str]) -> npt.NDArray[Any]:
    """The column of a field, each text of a personal one replaced by its key."""
    if field not in personal or column.dtype != object:
        return column
    keys = {value: value if value is None else key_of(field, value) for value in {*column.tolist()}}
    if all(value is key or value == key for value, key in keys.items()):
        return column
    changed = np.empty(len(column), object)
    changed[:] = [keys[value] for value in column.tolist()]
    return changed
