"""What a file source gives: numbered rows as plain values, with how far it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from riskloom.domain.field import Field
from riskloom.errors import DataInvalid, Fault, nearest, show


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line (or row) number, its values by field name, or the fault that kept it from being read.

    A row with a fault holds what is known of it, such as its `line` as it stands in the file.
    """

    number: int
    values: Mapping[str, object]
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """Some rows from number `first` on, column by column, as events hold them, with labels (1, 0, NaN).

    The `odd` ones are to be read one by one: what their places in the columns hold means nothing.
    """

    first: int
    values: Mapping[str, npt.NDArray[Any]]
    labels: npt.NDArray[np.float64]
    odd: Sequence[Row]


class RowSource(Protocol):
    """Rows of one file. `total` and `done` are in the same unit (bytes or rows), for a progress bar."""

    total: int
    done: int

    def __iter__(self) -> Iterator[Row]:
        """Every row in file order, from the start.

        Raises
        ------
        DataInvalid
            When the file cannot be read any further.
        """
        ...


def check_columns(
    path: Path, header: Sequence[str], fields: Sequence[Field], required: Sequence[str]
) -> None:
    """Refuse a file that lacks columns, or has a field's column twice.

    Raises
    ------
    DataInvalid
        Naming every column, with the nearest that is there.
    """
    there = show(list(header), 200)
    faults = [
        Fault(str(path), f"a column {name}", f"columns {there}", nearest(name, header))
        for name in required
        if name not in header
    ]
    faults += [
        Fault(str(path), f"one column {field.name}", f"{list(header).count(field.name)} of them")
        for field in fields
        if list(header).count(field.name) > 1
    ]
    if faults:
        raise DataInvalid(faults)
