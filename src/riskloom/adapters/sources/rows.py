"""What a file source gives: numbered rows as plain values, with how far it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from riskloom.errors import Fault


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line (or row) number, its values by field name, or the fault that kept it from being read."""

    number: int
    values: Mapping[str, object]
    fault: Fault | None = None


class RowSource(Protocol):
    """Rows of one file. `total` and `done` are in the same unit (bytes or rows), for a progress bar."""

    total: int
    done: int

    def __iter__(self) -> Iterator[Row]:
        """Every row in file order, from the start."""
        ...
